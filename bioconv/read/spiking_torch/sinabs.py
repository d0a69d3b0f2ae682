"""Sinabs: what its layers are in :mod:`bioconv.neurons.trained`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bioconv.graph import Layer, Reshape, forward, output_shape
from bioconv.neurons import Discrete, trained
from bioconv.read.spiking_torch.framework import Framework, refused, values
from bioconv.read.torch_layers import Applied, Signal, add, layers_of


def lif(m: Any, x: Signal) -> Applied:
    return Applied(layers=(_lif(m, x),), inputs=(x,))


def recurrent_lif(m: Any, x: Signal) -> Applied:
    back = _back(m.rec_connect, x)
    silence = np.zeros((1, *x.shape))
    for layer in back:
        silence = forward(layer, silence)
    late = silence[0] if silence.any() else None  # in the first step nothing has come back yet
    return Applied(layers=(_lif(m, x, late),), inputs=(x,), back=back)


def exp_leak(m: Any, x: Signal) -> Applied:
    neuron = trained.sinabs_exp_leak(
        alpha_mem=values(x, m.alpha_mem_calculated), norm_input=m.norm_input, v_min=_v_min(m, x)
    )
    return Applied(layers=(neuron,), inputs=(x,))


def merge(m: Any, x: Signal, other: Signal) -> Applied:
    if x.shape != other.shape:
        raise refused(f"Merge of {x.torch_shape} and {other.torch_shape}", "equal shapes can")
    return add(x, other)


def _lif(m: Any, x: Signal, late: Any = None) -> Discrete:
    _check_spikes(m)
    reset, subtract = _reset(m)
    syn = m.alpha_syn_calculated
    return trained.sinabs_lif(
        alpha_mem=values(x, m.alpha_mem_calculated),
        alpha_syn=None if syn is None else values(x, syn),
        threshold=values(x, m.spike_threshold),
        subtract=None if subtract is None else values(x, subtract),
        reset=reset,
        norm_input=m.norm_input,
        v_min=_v_min(m, x),
        late=late,
    )


def _check_spikes(m: Any) -> None:
    name = getattr(m.spike_fn, "__name__", type(m.spike_fn).__name__)
    if name != "SingleSpike" or not m.spike_fn.__module__.startswith("sinabs."):
        raise refused(
            f"{type(m).__name__} with spike_fn {name}, which may send several spikes in one step",
            "a neuron here sends one at most: train with spike_fn=sinabs.activation.SingleSpike, or with shorter "
            "steps and then change spike_fn",
        )


def _reset(m: Any) -> tuple[str, Any]:
    """("subtract" or "zero", what is subtracted if not the threshold)."""
    reset, name = m.reset_fn, type(m.reset_fn).__name__
    if name == "MembraneSubtract":
        return "subtract", reset.subtract_value
    if name == "MembraneReset" and reset.reset_value == 0:
        return "zero", None
    raise refused(
        f"{type(m).__name__} with reset_fn {reset!r}",
        "MembraneSubtract and MembraneReset to zero can",
    )


def _v_min(m: Any, x: Signal) -> Any:
    if m.min_v_mem is None:
        return None
    lowest = values(x, m.min_v_mem)
    if (lowest > 0).any():
        raise refused(f"{type(m).__name__} with min_v_mem {lowest.max():g}", "zero or less can")
    return lowest


def _back(module: Any, x: Signal) -> tuple[Layer, ...]:
    """What leads spikes back: a module, or several one after another; their sum is shaped like ``x``."""
    found: list[Layer] = []
    signal = x
    for part in module if type(module).__name__ == "Sequential" else (module,):
        for layer in layers_of(part, signal):
            found.append(layer)
            signal = replace(signal, shape=output_shape(layer, signal.shape))
    return tuple(found) if signal.shape == x.shape else (*found, Reshape(shape=x.shape))


_NEURONS: dict[str, Callable[..., Applied]] = {
    "IAF": lif,
    "LIF": lif,
    "IAFSqueeze": lif,
    "LIFSqueeze": lif,
    "IAFRecurrent": recurrent_lif,
    "LIFRecurrent": recurrent_lif,
    "ExpLeak": exp_leak,
    "ExpLeakSqueeze": exp_leak,
    "Merge": merge,
}

FRAMEWORK = Framework(
    name="Sinabs",
    modules=("sinabs.layers.",),
    neurons=_NEURONS,
    wrappers={
        "Repeat": lambda m: (m.module,),
        "FlattenTime": lambda m: (),
        "UnflattenTime": lambda m: (),
    },
)
