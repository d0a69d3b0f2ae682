"""snnTorch: what its neurons are in :mod:`bioconv.neurons.trained`."""

from typing import Any

from bioconv.graph import Layer, Scale
from bioconv.neurons import Discrete, trained
from bioconv.read.spiking_torch.framework import Framework, check_fresh, refused, values
from bioconv.read.torch_layers import Applied, Signal, array, layers_of

#: The reset that a neuron computes, by the name of the method that computes it.
_RESETS = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}


def leaky(m: Any, x: Signal, *states: Any, **named: Any) -> Applied:
    neuron = trained.snntorch_leaky(
        beta=values(x, m.beta.clamp(0, 1)),
        threshold=values(x, m.threshold),
        reset=_reset(m),
        delayed=m.reset_delay,
    )
    return _applied(m, x, neuron, 1, (*states, *named.values()))


def recurrent_leaky(m: Any, x: Signal, *states: Any, **named: Any) -> Applied:
    neuron = trained.snntorch_leaky(
        beta=values(x, m.beta.clamp(0, 1)),
        threshold=values(x, m.threshold),
        reset=_reset(m),
        delayed=m.reset_delay,
        recurrent=True,
    )
    return _applied(m, x, neuron, 1, (*states, *named.values()), _back(m, x))


def synaptic(m: Any, x: Signal, *states: Any, **named: Any) -> Applied:
    neuron = trained.snntorch_synaptic(
        alpha=values(x, m.alpha.clamp(0, 1)),
        beta=values(x, m.beta.clamp(0, 1)),
        threshold=values(x, m.threshold),
        reset=_reset(m),
        delayed=m.reset_delay,
    )
    return _applied(m, x, neuron, 2, (*states, *named.values()))


def recurrent_synaptic(m: Any, x: Signal, *states: Any, **named: Any) -> Applied:
    if not m.reset_delay:
        raise refused(
            "RSynaptic with reset_delay=False",
            "snnTorch 1.0 leaves its potential as it is: train with True",
        )
    neuron = trained.snntorch_synaptic(
        alpha=values(x, m.alpha.clamp(0, 1)),
        beta=values(x, m.beta.clamp(0, 1)),
        threshold=values(x, m.threshold),
        reset=_reset(m),
        recurrent=True,
    )
    return _applied(m, x, neuron, 2, (*states, *named.values()), _back(m, x))


def alpha(m: Any, x: Signal, *states: Any, **named: Any) -> Applied:
    exc, inh = m.alpha.clamp(0, 1), m.beta.clamp(0, 1)
    neuron = trained.snntorch_alpha(
        alpha=values(x, exc),
        beta=values(x, inh),
        tau_alpha=values(x, exc.log() / (inh.log() - exc.log()) + 1),
        threshold=values(x, m.threshold),
        reset=_reset(m),
    )
    return _applied(m, x, neuron, 3, (*states, *named.values()))


def _applied(
    m: Any, x: Signal, neuron: Discrete, states: int, given: tuple, back: tuple[Layer, ...] = ()
) -> Applied:
    kind = type(m).__name__
    if m.inhibition:
        raise refused(
            f"{kind} with inhibition=True", "neurons here do not see each other's potentials"
        )
    if m.state_quant:
        raise refused(f"{kind} with state_quant", "potentials here are not quantised")
    _check_spikes(m)
    check_fresh(given)
    factor = array(m.graded_spikes_factor)
    graded = () if (factor == 1).all() else (Scale(factor=values(x, m.graded_spikes_factor)),)
    return Applied(
        layers=(neuron, *graded),
        inputs=(x,),
        back=back,
        states=states if m.output or not m.init_hidden else None,
    )


def _reset(m: Any) -> str:
    computed = _RESETS[m.state_function.__name__]
    stated = tuple(m.reset_dict)[int(m.reset_mechanism_val)]
    if computed != stated:
        raise refused(
            f"{type(m).__name__} that was built with reset_mechanism {computed!r} and loaded {stated!r}",
            "build it as it was trained",
        )
    return computed


def _check_spikes(m: Any) -> None:
    """The surrogate's forward must be one above the threshold, zero at and below it."""
    distances = m.threshold.detach().new_tensor([-1.0, -1e-6, 0.0, 1e-6, 1.0])
    found = m.spike_grad(distances).tolist()
    if found != [0, 0, 0, 1, 1]:
        raise refused(
            f"{type(m).__name__} whose spike_grad gives {found} for {distances.tolist()} above the threshold",
            "spikes here are 1 above it and 0 elsewhere",
        )


def _back(m: Any, x: Signal) -> tuple[Layer, ...]:
    if type(m.recurrent).__name__ == "RecurrentOneToOne":
        return (Scale(factor=values(x, m.recurrent.V)),)
    return layers_of(m.recurrent, x)


FRAMEWORK = Framework(
    name="snnTorch",
    modules=("snntorch.",),
    neurons={
        "Leaky": leaky,
        "Synaptic": synaptic,
        "Alpha": alpha,
        "RLeaky": recurrent_leaky,
        "RSynaptic": recurrent_synaptic,
    },
)
