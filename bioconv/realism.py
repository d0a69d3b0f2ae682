"""A network with more of biology or of hardware in it, and what that costs.

Every change takes a :class:`~bioconv.spiking.SpikingNetwork` and returns another:

============== =======================================================================
function       what differs
============== =======================================================================
with_neurons   richer neurons and synapses, with the gain and the offset of their curve
conductances   weights by their sign, for synapses with reversal potentials
quantized      weights of so many bits
noisy_weights  weights with an error each
delayed        spikes that wait, each neuron's as long as it takes
mismatched     neurons with time constants, thresholds and resistances of their own
============== =======================================================================

``bioconv.Model(changed, model.settings)`` is the model of a changed network; ``cost`` compares two models.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from bioconv.analysis import rate_errors
from bioconv.errors import ParameterError
from bioconv.graph import Layer, Network, Scale, Weighted, activations
from bioconv.neurons import (
    CorrectingIntegrateFire,
    Discrete,
    ExponentialConductance,
    FewSpike,
    LeakyIntegrateFire,
    Neuron,
    PeakInput,
    SignedIntegrateFire,
    Synapse,
    neuron_named,
    reset_named,
    synapse_named,
)
from bioconv.neurons.curves import (
    Compensation,
    compensation,
    measured,
    measured_steps,
    siegert,
)
from bioconv.spiking import Population, Projection, SpikingNetwork

#: Neurons whose code another neuron would not keep.
_SPECIAL = (SignedIntegrateFire, CorrectingIntegrateFire, FewSpike, PeakInput)


# -- neurons and synapses ---------------------------------------------------------------------------


def with_neurons(
    spiking: SpikingNetwork,
    neuron: str | Neuron,
    synapse: str | Synapse | None = None,
    *,
    max_rate: float,
    dt: Any,
    duration: Any = None,
    reset: str = "zero",
    compensate: bool = True,
) -> SpikingNetwork:
    """The network with another neuron wherever rates code.

    The neurons of a trained spiking network are replaced by ones with the same rate under the same constant drive: a step
    of the trainer is the time between two spikes at the maximal rate. What lies in the order of its spikes is lost, so
    layers behind the first may be far from what they were; :func:`cost` says how far.

    Readouts without spikes, signed and few-spike neurons, step functions, and what passes on the spikes of
    a max-pooling stay as they are; ``report.notes`` names them.

    Parameters
    ----------
    neuron, synapse : name or record
        The synapse stays as it is unless given.
    max_rate : float
        Hertz: the rate that codes an activation of one.
    dt, duration : second
        Of the model to be; ``duration`` of a presentation, 500 ms unless given.
    reset : {"zero", "subtract"}
    compensate : bool
        Whether weights, biases and a constant drive are those with which the neuron's rate comes closest
        to the activation (:func:`bioconv.neurons.curves.compensation`).

    Raises
    ------
    ParameterError
        If no population can take the neuron.
    """
    neuron = neuron_named(neuron)
    synapse = None if synapse is None else synapse_named(synapse)
    names = [p.name for p in spiking.populations if _codes_rates(p, spiking)]
    if not names or isinstance(neuron, _SPECIAL):
        raise ParameterError(
            f"no population of the network can have {type(neuron).__name__} neurons; those that code rates "
            "with integrate-and-fire neurons can have others that do; those of trained ones must have no signs"
        )
    found = dict.fromkeys(names, _UNCHANGED)
    if compensate:
        fit = _fit_of(neuron, max_rate, dt=dt, duration=duration, reset=reset)
        found = {name: fit(spiking[name].neuron) for name in names}
    changed = {
        name: replace(
            spiking[name],
            neuron=neuron,
            synapse=synapse or spiking[name].synapse,
            reset=reset_named(reset),
            bias=spiking[name].bias * found[name].gain + found[name].offset,
            spiking=True,
        )
        for name in names
    }
    made = replace(
        spiking,
        populations=tuple(changed.get(p.name, p) for p in spiking.populations),
        projections=tuple(
            replace(p, gain=p.gain * found[p.target].gain) if p.target in changed else p
            for p in spiking.projections
        ),
    )
    kept = [p.name for p in spiking.populations if p.name not in changed]
    notes = [
        f"{name}: {type(neuron).__name__} neurons{f', {found[name]}' if compensate else ''}"
        for name in names
    ]
    return _noted(made, *notes, *[f"{', '.join(kept)}: as before"] * bool(kept))


#: No change of the drive.
_UNCHANGED = Compensation(gain=1.0, offset=0.0, error=float("nan"))


def _fit_of(
    neuron: Neuron, max_rate: float, *, dt: Any, duration: Any, reset: str
) -> Callable[[Neuron | Discrete], Compensation]:
    """Gives the compensation with which ``neuron`` takes the place of another.

    Its curve is Siegert's for leaky neurons with white noise and hard reset, else measured, without noise,
    under drives of up to 64 times the maximal rate.
    """
    low = np.linspace(-1, 4, 101)
    drives = np.unique(np.concatenate([low, np.geomspace(4, 64, 40)])) * max_rate
    noisy = neuron.noise is not None and float(neuron.noise.membrane) > 0
    if noisy and type(neuron) is LeakyIntegrateFire and reset == "zero":
        rates = siegert(drives, neuron, dt=dt)
    else:
        rates = measured(drives, neuron, reset=reset, dt=dt, duration=duration)
    kept: dict[int, Compensation] = {}

    def fit(old: Neuron | Discrete) -> Compensation:
        key = id(old) if isinstance(old, Discrete) else 0
        if key not in kept:
            kept[key] = compensation(drives, rates, max_rate, _curve_of(old))
        return kept[key]

    return fit


def _curve_of(old: Neuron | Discrete) -> tuple[np.ndarray, np.ndarray] | None:
    """(drives of a step, spikes a step) of a trained neuron; None where a rate is the activation."""
    if not isinstance(old, Discrete):
        return None
    threshold = float(old.potentials.get("V_th", np.array(1.0)).max())
    drives = np.linspace(-0.5, 2, 126) * threshold
    return drives, measured_steps(drives, old)


def _codes_rates(population: Population, spiking: SpikingNetwork) -> bool:
    """Whether a population's neurons may be others: perfect or leaky integrators, richer ones, and trained ones
    that lose something by a spike.
    """
    old = population.neuron
    if isinstance(old, Discrete):
        return old.spiking and bool(old.reset) and old.negative is None and not old.filtered
    plain = not isinstance(old, _SPECIAL)
    gated = any(p.gates for p in spiking.incoming(population.name))
    other = population.memoryless or population.softmax or not population.spiking
    return plain and not gated and not other


def _noted(spiking: SpikingNetwork, *notes: str) -> SpikingNetwork:
    report = spiking.report
    if is_dataclass(report) and not isinstance(report, type) and hasattr(report, "notes"):
        return replace(spiking, report=replace(report, notes=(*report.notes, *notes)))
    return spiking


def conductances(spiking: SpikingNetwork, *, spikes: bool) -> SpikingNetwork:
    """Positive weights into ``g_e`` and negative ones, without their sign, into ``g_i``.

    Only where the target has such synapses; a second time it changes nothing.

    Parameters
    ----------
    spikes : bool
        Whether the input is a population. Where it is a current it has no synapses.

    Raises
    ------
    ParameterError
        If a projection has several layers of weights or a source with negative spikes: then no weight has
        a sign of its own.
    """
    projections: list[Projection] = []
    for projection in spiking.projections:
        synapse = spiking[projection.target].synapse
        current = projection.source == spiking.stimulus.name and not spikes
        if (
            current
            or projection.variable
            or projection.gates
            or not isinstance(synapse, ExponentialConductance)
        ):
            projections.append(projection)
        else:
            _check_sign(projection, spiking)
            projections += _by_sign(projection, synapse)
    return replace(spiking, projections=tuple(projections))


def _check_sign(projection: Projection, spiking: SpikingNetwork) -> None:
    weighted = [layer for layer in projection.layers if isinstance(layer, Weighted)]
    scales = [layer for layer in projection.layers if isinstance(layer, Scale)]
    source = None
    if projection.source != spiking.stimulus.name:
        source = spiking[projection.source].neuron
    signed = isinstance(source, (SignedIntegrateFire, CorrectingIntegrateFire))
    negative = any((np.asarray(layer.factor) < 0).any() for layer in scales)
    if len(weighted) > 1 or negative or signed:
        why = "its source sends negative spikes" if signed else "several of its layers have weights"
        raise ParameterError(
            f"{projection.name}: {why}, so no weight is excitatory or inhibitory by itself; use another "
            "synapse there, such as Exponential()"
        )


def _by_sign(projection: Projection, synapse: ExponentialConductance) -> Iterator[Projection]:
    for sign, variable, factor in (
        (1.0, synapse.target, 1.0),
        (-1.0, synapse.inhibited, synapse.inhibition),
    ):
        side = sign * np.sign(projection.gain)
        layers = tuple(_part(layer, side) for layer in projection.layers)
        weighted = [layer for layer in layers if isinstance(layer, Weighted)]
        if any(layer.weight.any() for layer in weighted) or (not weighted and side > 0):
            yield replace(
                projection,
                name=projection.name if sign > 0 else f"{projection.name}_inhibitory",
                layers=layers,
                gain=abs(projection.gain) * factor,
                variable=variable,
            )


def _part(layer: Layer, side: float) -> Layer:
    if not isinstance(layer, Weighted):
        return layer
    return replace(layer, weight=np.maximum(side * layer.weight, 0.0))


# -- weights ----------------------------------------------------------------------------------------


def quantized(spiking: SpikingNetwork, bits: int) -> SpikingNetwork:
    """Weights rounded to ``2**bits`` levels: evenly from a layer's smallest to its largest one.

    Raises
    ------
    ParameterError
        If ``bits`` is no integer from 1 to 32.
    """
    if not isinstance(bits, (int, np.integer)) or isinstance(bits, bool) or not 1 <= bits <= 32:
        raise ParameterError(f"quantized: bits is {bits!r}; give an integer from 1 to 32")

    def rounded(weight: np.ndarray, _: int) -> np.ndarray:
        low, high = weight.min(), weight.max()
        step = (high - low) / (2**bits - 1)
        return weight if step == 0 else low + np.rint((weight - low) / step) * step

    return _with_weights(spiking, rounded)


def noisy_weights(spiking: SpikingNetwork, sigma: float, seed: int = 0) -> SpikingNetwork:
    """Every weight times ``1 + sigma z`` with a normal number ``z`` of its own.

    Raises
    ------
    ParameterError
        If ``sigma`` is negative or not finite.
    """
    _check_part("noisy_weights", "sigma", sigma)

    def shaken(weight: np.ndarray, place: int) -> np.ndarray:
        z = np.random.default_rng([seed, place]).standard_normal(weight.shape)
        return weight * (1 + sigma * z)

    return _with_weights(spiking, shaken)


def _with_weights(
    spiking: SpikingNetwork, change: Callable[[np.ndarray, int], np.ndarray]
) -> SpikingNetwork:
    """Weights ``change(weight, number of the projection)`` in all projections."""

    def changed(layer: Layer, place: int) -> Layer:
        if not isinstance(layer, Weighted):
            return layer
        return replace(layer, weight=change(layer.weight, place))

    return replace(
        spiking,
        projections=tuple(
            replace(p, layers=tuple(changed(layer, place) for layer in p.layers))
            for place, p in enumerate(spiking.projections)
        ),
    )


# -- time -------------------------------------------------------------------------------------------


def delayed(
    spiking: SpikingNetwork, delay: int = 0, jitter: int = 0, seed: int = 0
) -> SpikingNetwork:
    """Spikes that wait ``delay`` steps more, each source neuron's up to ``jitter`` steps shorter or longer.

    A projection becomes one for every delay. The input's are among them: a model whose images are currents, which cannot
    wait, refuses it; use an encoder that spikes, or keep the projections of ``spiking.stimulus`` as they were.

    Parameters
    ----------
    delay, jitter : int
        Steps, ``jitter <= delay``; a neuron's own delay is the same in all samples.

    Raises
    ------
    ParameterError
        If they are not such numbers, or if a max-pooling would have to choose among several delays.
    """
    whole = all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in (delay, jitter)
    )
    if not whole or not 0 <= jitter <= delay:
        raise ParameterError(
            f"delayed: delay is {delay!r}, jitter {jitter!r}; give whole steps, 0 <= jitter <= delay"
        )
    projections: list[Projection] = []
    for place, projection in enumerate(spiking.projections):
        if projection.gates and jitter:
            raise ParameterError(
                f"delayed: {projection.name} is a max-pooling, whose spikes have one delay; use jitter=0"
            )
        generator = np.random.default_rng([seed, place])
        own = delay + generator.integers(-jitter, jitter, projection.shape, endpoint=True)
        projections += _by_delay(projection, own)
    return replace(spiking, projections=tuple(projections))


def _by_delay(projection: Projection, steps: np.ndarray) -> Iterator[Projection]:
    values = np.unique(steps)
    if len(values) == 1:
        yield replace(projection, delay=projection.delay + int(values[0]))
        return
    for value in values:
        yield replace(
            projection,
            name=f"{projection.name}_after_{value}",
            layers=(Scale(factor=(steps == value).astype(float)), *projection.layers),
            delay=projection.delay + int(value),
        )


# -- neurons that differ ----------------------------------------------------------------------------


def mismatched(
    spiking: SpikingNetwork,
    *,
    tau: float = 0.0,
    threshold: float = 0.0,
    resistance: float = 0.0,
    seed: int = 0,
) -> SpikingNetwork:
    """Neurons that differ, by factors of mean one that are log-normal with these standard deviations of the logarithm.

    Parameters
    ----------
    tau : float
        Of the membrane time constant, where neurons have one.
    threshold : float
        Of the threshold's distance from rest, where neurons spike.
    resistance : float
        Of what all input, also the bias, does to the membrane.

    Raises
    ------
    ParameterError
        If one is negative or not finite, or if ``tau`` is asked for and no neuron has such a constant.
    """
    for name, sigma in (("tau", tau), ("threshold", threshold), ("resistance", resistance)):
        _check_part("mismatched", name, sigma)
    if tau and not any(_leaks(p) for p in spiking.populations):
        raise ParameterError(
            'mismatched: no neuron has a tau_m; use neuron="lif", or leave out tau'
        )
    populations, inputs = [], {}
    for place, population in enumerate(spiking.populations):
        generator = np.random.default_rng([seed, place])
        own = {
            name: np.exp(sigma * generator.standard_normal(population.shape) - sigma**2 / 2)
            for name, sigma in (("tau_m", tau), ("V_th", threshold), ("input", resistance))
        }
        if resistance and not any(p.gates for p in spiking.incoming(population.name)):
            inputs[population.name] = own["input"]
            population = replace(population, bias=population.bias * own["input"])
        if tau and _leaks(population):
            population = _spread(population, "tau_m", own["tau_m"])
        if threshold and population.spiking:
            population = _spread(population, "V_th", own["V_th"])
        populations.append(population)
    return replace(
        spiking,
        populations=tuple(populations),
        projections=tuple(
            replace(p, layers=(*p.layers, Scale(factor=inputs[p.target])))
            if p.target in inputs
            else p
            for p in spiking.projections
        ),
    )


def _leaks(population: Population) -> bool:
    return isinstance(population.neuron, Neuron) and "tau_m" in population.neuron.time_constants


def _spread(population: Population, name: str, factors: np.ndarray) -> Population:
    if not isinstance(population.neuron, Discrete):
        return replace(population, spread={**population.spread, name: factors})
    potentials = population.neuron.potentials
    if name not in potentials:
        raise ParameterError(
            f"mismatched: {population.name} ({population.neuron.label}) has no {name}; leave it out"
        )
    spread = {**potentials, name: potentials[name] * factors}
    return replace(population, neuron=replace(population.neuron, potentials=spread))


def _check_part(owner: str, name: str, value: Any) -> None:
    good = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not good or not isfinite(value) or value < 0:
        raise ParameterError(f"{owner}: {name} is {value!r}; give a part from 0, such as 0.1")


# -- the price --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a change of a network costs.

    Attributes
    ----------
    samples : int
    accuracy : (float, float)
        Before and after.
    agreement : float
        Part of the samples that both answer alike.
    spikes : (float, float)
        Of all layers together, of one sample.
    errors : mapping, layer -> (float, float)
        Mean of ``abs(rate/max_rate - activation)``; empty where the trained network is not known.
    differences : mapping, layer -> float
        Mean of the absolute difference of normalised rates.
    """

    samples: int
    accuracy: tuple[float, float]
    agreement: float
    spikes: tuple[float, float]
    errors: Mapping[str, tuple[float, float]]
    differences: Mapping[str, float]

    def __str__(self) -> str:
        rows = [
            f"{self.samples} samples              before      after",
            "accuracy          {:10.1%} {:10.1%}".format(*self.accuracy),
            "spikes of a sample{:10.0f} {:10.0f}".format(*self.spikes),
            f"same answers                 {self.agreement:10.1%}",
        ]
        rows += [
            f"rate error {name:7}{before:10.4f} {after:10.4f}"
            for name, (before, after) in self.errors.items()
        ]
        rows += [
            f"rates moved {name:6}           {moved:10.4f}"
            for name, moved in self.differences.items()
        ]
        return "\n".join(rows)


def cost(
    model: Any,
    changed: Any,
    images: np.ndarray,
    labels: np.ndarray,
    duration: Any = None,
    *,
    changed_duration: Any = None,
    **options: Any,
) -> Cost:
    """Show the same images to a model and to a changed one, and compare.

    Parameters
    ----------
    model, changed : bioconv.Model
    images : (n_samples, *input_shape) array
    labels : (n_samples,) int array
    duration, changed_duration : second, optional
        Of a presentation; the changed model's is that of the other unless given.
    options
        Of both runs, as :meth:`bioconv.Model.run` takes them.
    """
    before = model.run(images, duration, **options)
    longer = duration if changed_duration is None else changed_duration
    after = changed.run(images, longer, **options)
    layers = [p.name for p in model.spiking.populations if p.spiking and p.name in after.counts]
    network = getattr(model.report, "network", None)
    errors = {}
    if isinstance(network, Network):
        values = activations(network, images)
        pair = [rate_errors(result, values, layers) for result in (before, after)]
        errors = {n: (pair[0][n].mean_absolute, pair[1][n].mean_absolute) for n in layers}
    return Cost(
        samples=before.n_samples,
        accuracy=(before.accuracy(labels), after.accuracy(labels)),
        agreement=float(np.mean(before.predictions == after.predictions)),
        spikes=(_spikes(before), _spikes(after)),
        errors=errors,
        differences={n: float(np.abs(after.coding(n) - before.coding(n)).mean()) for n in layers},
    )


def _spikes(result: Any) -> float:
    return float(sum(counts.sum() for counts in result.counts.values()) / result.n_samples)
