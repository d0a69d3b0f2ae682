"""From a trained network to the spiking network that codes its activations in rates.

========== =============================== ==========================================
step       from                            to
========== =============================== ==========================================
simplify   Network                         Network (no dropout, no norm, substitutes)
trace      Network                         Plan (populations and their linear paths)
calibrate  Plan, images                    activations of every population
scale      Plan, activations, a method     the activation that the top rate stands for
assemble   Plan, scales                    SpikingNetwork
========== =============================== ==========================================

With ``s`` the scales, weights become ``W s_source / s_target`` and biases ``b / s_target``, so that a
neuron's input is its activation over ``s_target`` when its sources fire at theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bioconv.convert.methods import Method, method_named
from bioconv.convert.simplify import checked_substitutes, simplified
from bioconv.convert.trace import Plan, Planned, Term, traced
from bioconv.errors import ConversionError, StimulusError
from bioconv.graph import INPUT, Network, Softmax, Weighted, activations, checked_images
from bioconv.neurons import Neuron, Synapse, neuron_named, reset_named, synapse_named
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus, last_weight

#: Calibration images that go through the network at once.
CHUNK = 100
POOLINGS = ("folded", "population")


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversion:
    """What was done to the weights.

    Attributes
    ----------
    method : str
        As it was chosen, with its settings.
    scales : mapping, population -> float
        Activation that the top rate stands for, the input's included.
    thresholds : mapping, projection -> float
        Threshold that would do the same to the *trained* weights: ``s_target / s_source``.
    weights_before, weights_after : mapping, projection -> array
        The last weights on the way, as trained (batch normalisation folded in) and as used; None for
        a way without weights (a shortcut).
    biases_before, biases_after : mapping, population -> (*shape) array
    notes : tuple of str
        Decisions that the caller may want to know of.
    """

    method: str
    scales: Mapping[str, float]
    thresholds: Mapping[str, float]
    weights_before: Mapping[str, np.ndarray | None]
    weights_after: Mapping[str, np.ndarray | None]
    biases_before: Mapping[str, np.ndarray]
    biases_after: Mapping[str, np.ndarray]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        rows = [f"method      {self.method}"]
        rows += [f"scale       {name}: {scale:.6g}" for name, scale in self.scales.items()]
        rows += [f"threshold   {name}: {value:.6g}" for name, value in self.thresholds.items()]
        rows += [f"note        {note}" for note in self.notes]
        return "\n".join(rows)


def convert(
    network: Network,
    *,
    method: str | Method | None = None,
    calibration: np.ndarray | None = None,
    neuron: str | Neuron | None = None,
    synapse: str | Synapse | None = None,
    reset: str = "subtract",
    pooling: str = "folded",
    substitute: Mapping[str, str] | None = None,
    input_range: tuple[float, float] | None = None,
) -> SpikingNetwork:
    """The spiking network of a trained one.

    Parameters
    ----------
    method : str or Method, optional
        ``"model_based"``, ``"data_based"``, ``"percentile"``, ``"unscaled"`` or a record of
        :mod:`bioconv.convert.methods`. None: 99.9 percentile with calibration data, model-based
        without; the report says which.
    calibration : (n_samples, *input_shape) array, optional
        Images of the training set, a few hundred.
    neuron : {"if", "lif"} or record, optional
        Integrate-and-fire unless given.
    synapse : {"delta", "exponential", "alpha", "double_exponential"} or record, optional
    reset : {"subtract", "zero"}
    pooling : {"folded", "population"}
        Average pooling folded into the next weights, or neurons of its own.
    substitute : mapping, optional
        Layers to use in the place of those that cannot spike: ``{"MaxPool2d": "AvgPool2d"}``,
        ``{"Softmax": "spikes" or "potential"}``, ``{"LeakyReLU": "ReLU"}``.
    input_range : (low, high), optional
        Of the images; (0, 1), or wider where the calibration images are, unless given.

    Raises
    ------
    UnsupportedLayerError
        If a layer has no spiking form.
    ConversionError
        If an option is unknown, a method lacks its calibration data, or nothing is left to spike.
    """
    if pooling not in POOLINGS:
        raise ConversionError(f"pooling is {pooling!r}; choose one of {', '.join(POOLINGS)}")
    substitute = checked_substitutes(substitute)
    simple = simplified(network, substitute)
    images = None if calibration is None else _calibration(network, calibration)
    low, high = _range(input_range, images)
    chosen = method_named(method, images is not None)
    if chosen.needs_calibration and images is None:
        raise ConversionError(
            f"method {chosen!r} looks at activations; give calibration=images, a few hundred of "
            'the training set, or method="model_based"'
        )
    plan = traced(
        simple,
        pooling=pooling,
        positive_input=low >= 0,
        readout=substitute["Softmax"] if _ends_in_softmax(network) else "spikes",
        answer=_answer(network),
    )
    active = {}
    if chosen.needs_calibration and images is not None:
        active = _activations(simple, plan, images)
    scales, notes = _checked_scales(chosen.scales(plan, active, (low, high)))
    notes = [*_said(method, chosen, network, substitute), *notes]
    return _assembled(
        plan,
        Stimulus(shape=network.input_shape, low=low, high=high),
        scales,
        (neuron_named(neuron), synapse_named(synapse), reset_named(reset)),
        (repr(chosen), tuple(notes)),
    )


def _ends_in_softmax(network: Network) -> bool:
    return isinstance(network[network.output].layer, Softmax)


def _calibration(network: Network, images: np.ndarray) -> np.ndarray:
    try:
        return checked_images(network.input_shape, images)
    except StimulusError as error:
        raise ConversionError(f"calibration: {error}") from None


def _answer(network: Network) -> str:
    """The layer that is read out: the last one, or what a softmax at the end reads."""
    end = network[network.output]
    inner = isinstance(end.layer, Softmax) and end.inputs[0] != INPUT
    return end.inputs[0] if inner else end.name


def _range(given: tuple[float, float] | None, images: np.ndarray | None) -> tuple[float, float]:
    if given is None:
        low, high = 0.0, 1.0
        if images is not None:
            low, high = min(low, float(images.min())), max(high, float(images.max()))
        return low, high
    try:
        low, high = (float(n) for n in given)
        good = np.isfinite([low, high]).all() and low < high
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ConversionError(f"input_range is {given!r}; give (low, high) with low < high")
    return low, high


def _activations(network: Network, plan: Plan, images: np.ndarray) -> dict[str, np.ndarray]:
    """What every population is to code, (n_samples, *shape) float32, for the calibration images."""
    found: dict[str, list[np.ndarray]] = {planned.name: [] for planned in plan.populations}
    for start in range(0, len(images), CHUNK):
        values = activations(network, images[start : start + CHUNK])
        for planned in plan.populations:
            part = np.maximum(planned.sign * values[planned.before], 0)
            found[planned.name].append(part.astype(np.float32))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _checked_scales(scales: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Scales above zero; a population that nothing activates keeps its weights."""
    notes = [
        f"{name}: nothing activates it, so its weights were not scaled"
        for name, scale in scales.items()
        if not scale > 0
    ]
    return {name: scale if scale > 0 else 1.0 for name, scale in scales.items()}, notes


def _said(method, chosen: Method, network: Network, substitute) -> list[str]:
    kinds = {type(node.layer).__name__ for node in network.nodes}
    notes = [
        f"{name} was replaced by {other}; the trained network's own answers may differ"
        if name != "Softmax"
        else f"Softmax was left out; the classes are read out by {other}"
        for name, other in substitute.items()
        if name in kinds
    ]
    if method is None:
        why = "" if chosen.needs_calibration else " since no calibration data was given"
        notes.insert(0, f"{chosen!r} was chosen{why}")
    return notes


def _assembled(
    plan: Plan,
    stimulus: Stimulus,
    scales: dict[str, float],
    model: tuple[Neuron, Synapse, str],
    said: tuple[str, tuple[str, ...]],
) -> SpikingNetwork:
    scales = {INPUT: stimulus.scale, **scales}
    neuron, synapse, reset = model
    populations = tuple(
        Population(
            name=planned.name,
            shape=planned.shape,
            node=planned.node,
            neuron=neuron,
            synapse=synapse,
            reset=reset,
            bias=planned.form.constant / scales[planned.name],
            scale=scales[planned.name] * planned.slope,
            sign=planned.sign,
            spiking=planned.spiking,
        )
        for planned in plan.populations
    )
    paths = _paths(plan)
    projections = tuple(_projection(name, *path, scales) for name, path in paths.items())
    report = Conversion(
        method=said[0],
        scales=scales,
        thresholds={n: scales[p.name] / scales[t.source] for n, (p, t) in paths.items()},
        weights_before={name: last_weight(term.layers) for name, (_, term) in paths.items()},
        weights_after={p.name: last_weight(p.layers) for p in projections},
        biases_before={planned.name: planned.form.constant for planned in plan.populations},
        biases_after={population.name: population.bias for population in populations},
        notes=said[1],
    )
    return SpikingNetwork(
        stimulus=stimulus,
        populations=populations,
        projections=projections,
        output=plan.output,
        report=report,
    )


def _paths(plan: Plan) -> dict[str, tuple[Planned, Term]]:
    """Every projection's name, target and path; a second path between two populations is numbered."""
    paths: dict[str, tuple[Planned, Term]] = {}
    for planned in plan.populations:
        for term in planned.form.terms:
            base = name = f"{term.source}_to_{planned.name}"
            number = 2
            while name in paths:
                name, number = f"{base}_{number}", number + 1
            paths[name] = (planned, term)
    return paths


def _projection(name: str, planned: Planned, term: Term, scales: Mapping[str, float]) -> Projection:
    """The path with its scale in the last weights on it, or as a gain where there are none."""
    factor = term.factor * scales[term.source] / scales[planned.name]
    layers = list(term.layers)
    weighted = [n for n, layer in enumerate(layers) if isinstance(layer, Weighted)]
    if weighted:
        last = layers[weighted[-1]]
        assert isinstance(last, Weighted)
        layers[weighted[-1]] = replace(last, weight=last.weight * factor)
    return Projection(
        name=name,
        source=term.source,
        target=planned.name,
        layers=tuple(layers),
        shape=term.shape,
        gain=1.0 if weighted else factor,
    )
