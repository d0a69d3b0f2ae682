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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bioconv.convert.assemble import Choices, assembled, paths_of, probed
from bioconv.convert.auto import Auto, Candidate, Trial, candidates_for, chosen_by_trial
from bioconv.convert.methods import Evidence, Method, Scale, method_named
from bioconv.convert.simplify import SUBSTITUTES, checked_substitutes, simplified
from bioconv.convert.trace import Plan, Planned, traced
from bioconv.errors import ConversionError, StimulusError
from bioconv.graph import (
    INPUT,
    ClippedReLU,
    Network,
    QuantizedReLU,
    SoftLIF,
    Softmax,
    Step,
    activations,
    checked_images,
    forward,
    reference,
)
from bioconv.neurons import (
    CorrectingIntegrateFire,
    Neuron,
    Synapse,
    neuron_named,
    reset_named,
    synapse_named,
)
from bioconv.spiking import SpikingNetwork, Stimulus, last_weight

#: Calibration images that go through the network at once.
CHUNK = 100
POOLINGS = ("folded", "population")
READOUTS = ("spikes", "potential", "softmax", "softmax_clock")

Simulate = Callable[..., Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversion:
    """What was done to the weights.

    Attributes
    ----------
    method : str
        As it was chosen, with its settings.
    scales : mapping, population -> float or (channels,) array
        Activation that the top rate stands for, the input's included.
    thresholds : mapping, projection -> float
        Threshold that would do the same to the *trained* weights: ``s_target / s_source``, the largest
        of each where channels differ.
    weights_before, weights_after : mapping, projection -> array
        The last weights on the way, as trained (batch normalisation folded in) and as used; None for
        a way without weights (a shortcut).
    biases_before, biases_after : mapping, population -> (*shape) array
    notes : tuple of str
        Decisions that the caller may want to know of.
    network : Network
        What was converted, as it was given.
    gain : float
        Factor on all weights and biases beyond the scales.
    trials : tuple of Trial
        What ``method="auto"`` tried, and ``steps``, how many it found to suffice.
    """

    method: str
    scales: Mapping[str, Scale]
    thresholds: Mapping[str, float]
    weights_before: Mapping[str, np.ndarray | None]
    weights_after: Mapping[str, np.ndarray | None]
    biases_before: Mapping[str, np.ndarray]
    biases_after: Mapping[str, np.ndarray]
    notes: tuple[str, ...]
    network: Network | None = None
    gain: float = 1.0
    trials: tuple[Trial, ...] = ()
    steps: int | None = None

    def __str__(self) -> str:
        rows = [f"method      {self.method}"]
        rows += [f"scale       {name}: {_shown(scale)}" for name, scale in self.scales.items()]
        rows += [f"threshold   {name}: {value:.6g}" for name, value in self.thresholds.items()]
        rows += [f"note        {note}" for note in self.notes]
        rows += [f"tried       {trial.row()}" for trial in self.trials]
        return "\n".join(rows)


def convert(
    network: Network,
    *,
    method: str | Method | Auto | None = None,
    calibration: np.ndarray | None = None,
    neuron: str | Neuron | None = None,
    synapse: str | Synapse | None = None,
    reset: str | None = None,
    initial: float | str | None = None,
    clamp: int = 0,
    pooling: str = "folded",
    readout: str | None = None,
    substitute: Mapping[str, str] | None = None,
    input_range: tuple[float, float] | None = None,
    max_rate: float = 1000.0,
    simulate: Simulate | None = None,
) -> SpikingNetwork:
    """The spiking network of a trained one.

    Parameters
    ----------
    method : str, Method or Auto, optional
        A name of :data:`METHODS` or a record of :mod:`bioconv.convert.methods`. None: 99.9 percentile
        with calibration data, model-based without; the report says which. ``"auto"`` tries several
        (:class:`Auto`) and reports the table.
    calibration : (n_samples, *input_shape) array, optional
        Images of the training set, a few hundred.
    neuron : {"if", "lif", "few_spike", "adaptive_lif", "exponential_if", "izhikevich", "hodgkin_huxley"} or record, optional
        Integrate-and-fire unless given, or what the method or a layer (soft LIF) asks for.
    synapse : {"delta", "exponential", "alpha", "double_exponential", "conductance"} or record, optional
    reset : {"subtract", "zero"}, optional
        That of the method's paper unless given.
    initial : float or "random", optional
        Potential at which a presentation begins, in thresholds, or by chance between rest and
        threshold. The method's unless given, random for soft LIF. Half a threshold turns rounding down
        into rounding.
    clamp : int
        Layer ``l`` ignores its input for the first ``clamp * l`` steps of a presentation.
    pooling : {"folded", "population"}
        Average pooling folded into the next weights, or neurons of its own.
    readout : {"spikes", "potential", "softmax", "softmax_clock"}, optional
        Whether the last layer spikes by itself, only integrates, or spikes by the softmax of its
        potentials: every neuron by chance, or the most probable one when a clock strikes. Spikes
        unless given, the potential for a network that ends in a softmax: it keeps the order of the
        classes.
    substitute : mapping, optional
        How layers spike that can in several ways, or the layer to take in their place:
        ``{"MaxPool2d": "exp_max"}`` (early spikes decide who leads a window, which keeps its leader;
        also fir_max, avg_max, or, AvgPool2d) and
        ``{"LeakyReLU": "pair"}`` (also signed, ReLU), the first unless given.
    input_range : (low, high), optional
        Of the images; (0, 1), or wider where the calibration images are, unless given.
    max_rate : float
        Hz; the top rate in the model to be. Only soft-LIF neurons need to know.
    simulate : function of a SpikingNetwork, images and a number of steps that returns a Result
        For methods that calibrate with spikes; ``bioconv.convert`` supplies it.

    Raises
    ------
    UnsupportedLayerError
        If a layer has no spiking form.
    ConversionError
        If an option is unknown, a method lacks its calibration data, or nothing is left to spike.
    """
    if method == "auto":
        method = Auto()
    if isinstance(method, Auto):
        return _automatic(
            network, method, calibration, simulate,
            neuron=neuron, synapse=synapse, reset=reset, clamp=clamp, pooling=pooling,
            substitute=substitute, input_range=input_range, max_rate=max_rate,
        )  # fmt: skip
    _check_choice("pooling", pooling, POOLINGS)
    substitute = dict(substitute or {})
    ways = checked_substitutes(substitute)
    simple = simplified(network, substitute)
    images = None if calibration is None else _calibration(network, calibration)
    low, high = _range(input_range, images)
    chosen = method_named(method, images is not None)
    if chosen.looks != "weights" and images is None:
        raise ConversionError(
            f"method {chosen!r} looks at {chosen.looks}; give calibration=images, a few hundred of "
            'the training set, or method="model_based"'
        )
    readout = readout or chosen.readout or ("potential" if _ends_in_softmax(network) else "spikes")
    plan = traced(
        simple,
        pooling=pooling,
        positive_input=low >= 0,
        readout=_check_choice("readout", readout, READOUTS),
        answer=_answer(network),
        ways=ways,
    )
    choices = Choices(
        stimulus=Stimulus(shape=network.input_shape, low=low, high=high),
        neuron=neuron_named(chosen.neuron if neuron is None else neuron),
        own_neurons=neuron is None,
        synapse=synapse_named(synapse),
        reset=_reset(neuron_named(chosen.neuron if neuron is None else neuron), chosen, reset),
        initial=_checked_initial(chosen.initial if initial is None else initial),
        clamp=clamp,
        gain=chosen.gain,
        max_rate=max_rate,
    )
    if isinstance(choices.neuron, CorrectingIntegrateFire) and ways["MaxPool2d"] == "or":
        raise ConversionError(
            'substitute MaxPool2d: "or" cannot take spikes back, which correcting neurons do; use '
            '"exp_max", or neuron="if"'
        )
    evidence = Evidence(
        plan=plan,
        activations={} if images is None else _activations(simple, plan, images),
        input_range=(low, high),
        peak=_peak(plan, choices, images, simulate, chosen),
    )
    scales, notes = _checked_scales(_fitted(plan, chosen.scales(evidence), max_rate))
    spiking = assembled(plan, choices, scales)
    report = _report(spiking, plan, {INPUT: choices.stimulus.scale, **scales}, repr(chosen))
    notes = [*_said(method, chosen, network, substitute), *notes]
    return replace(
        spiking, report=replace(report, notes=tuple(notes), network=network, gain=chosen.gain)
    )


def _automatic(
    network: Network, auto: Auto, calibration: Any, simulate: Simulate | None, **options: Any
) -> SpikingNetwork:
    """The network of the best candidate of ``auto``; its report has the table."""
    if calibration is None or simulate is None:
        raise ConversionError(
            'method="auto" shows images to the networks; call bioconv.convert or bioconv.to_brian with '
            "calibration=images, a few hundred of the training set"
        )
    images = _calibration(network, calibration)
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    answers = np.concatenate([reference(network, part).argmax(axis=1) for part in parts])

    def converted(candidate: Candidate, fitted: np.ndarray) -> SpikingNetwork:
        return convert(
            network, method=candidate.method, calibration=fitted, initial=candidate.initial,
            readout=candidate.readout, simulate=simulate, **options,
        )  # fmt: skip

    candidates = candidates_for(network) if auto.candidates is None else auto.candidates
    spiking, best, trials, refused = chosen_by_trial(
        auto, candidates, images, answers, converted, simulate
    )
    report = spiking.report
    assert report is not None
    notes = (f"auto chose {best.candidate!r}", *report.notes, *(f"not tried: {r}" for r in refused))
    steps = best.needed or int(best.steps[-1])
    return replace(spiking, report=replace(report, notes=notes, trials=trials, steps=steps))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ConversionError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
    return value


def _checked_initial(initial: Any) -> float | str | None:
    if initial is None or (isinstance(initial, str) and initial == "random"):
        return initial
    try:
        number = float(initial)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number < 1:
        raise ConversionError(
            f'initial is {initial!r}; give 0 or more and less than 1 (thresholds), or "random"'
        )
    return number


def _peak(
    plan: Plan,
    choices: Choices,
    images: np.ndarray | None,
    simulate: Simulate | None,
    method: Method,
) -> Callable[[Mapping[str, Scale], str, int], float]:
    """The largest input of a step that a population gets, simulated up to there."""

    def peak(scales: Mapping[str, Scale], name: str, n_steps: int) -> float:
        if simulate is None:
            raise ConversionError(
                f"method {method!r} simulates the network; call bioconv.convert or bioconv.to_brian"
            )
        known, _ = _checked_scales(_fitted(plan, scales, choices.max_rate))
        result = simulate(probed(plan, choices, known, name), images, n_steps)
        return float(result.potentials.max())

    return peak


def _fitted(plan: Plan, scales: Mapping[str, Scale], max_rate: float) -> dict[str, Scale]:
    """Scales of which a layer leaves no choice, and of neurons that pass on the spikes of others."""
    found = dict(scales)
    for planned in plan.populations:
        layer = planned.activation
        if planned.name not in scales:
            continue
        if isinstance(layer, (ClippedReLU, QuantizedReLU)):
            found[planned.name] = layer.maximum
        elif isinstance(layer, SoftLIF):
            found[planned.name] = layer.amplitude * max_rate
        elif isinstance(layer, Step):
            found[planned.name] = 1.0
        elif planned.follows:
            found[planned.name] = found[planned.follows]
    return found


def _ends_in_softmax(network: Network) -> bool:
    return isinstance(network[network.output].layer, Softmax)


def _calibration(network: Network, images: np.ndarray) -> np.ndarray:
    try:
        return checked_images(network.input_shape, images)
    except StimulusError as error:
        raise ConversionError(f"calibration: {error}") from None


def _reset(neuron: Neuron, chosen: Method, reset: str | None) -> str:
    """The caller's reset, the method's where the neuron has it, or the neuron's."""
    if reset is None:
        return chosen.reset if chosen.reset in neuron.resets else neuron.resets[0]
    return reset_named(reset)


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
            part = _coded(planned, values[planned.before])
            found[planned.name].append(part.astype(np.float32))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _coded(planned: Planned, values: np.ndarray) -> np.ndarray:
    if planned.activation is None:
        return np.maximum(planned.sign * values, 0)
    return forward(planned.activation, planned.sign * values)


def _checked_scales(scales: Mapping[str, Scale]) -> tuple[dict[str, Scale], list[str]]:
    """Scales above zero; a population or channel that nothing activates keeps its weights."""
    notes = []
    found: dict[str, Scale] = {}
    for name, scale in scales.items():
        dead = ~(np.asarray(scale) > 0)
        found[name] = np.where(dead, 1.0, scale) if np.ndim(scale) else (1.0 if dead else scale)
        if dead.any():
            what = "it" if dead.all() else f"{int(dead.sum())} of its {dead.size} channels"
            whose = "its" if dead.all() else "their"
            notes.append(f"{name}: nothing activates {what}, so {whose} weights were not scaled")
    return found, notes


def _said(method, chosen: Method, network: Network, substitute) -> list[str]:
    kinds = {type(node.layer).__name__ for node in network.nodes}
    layers = {
        choice for choices in SUBSTITUTES.values() for choice in choices if choice[0].isupper()
    }
    notes = [
        f"{name} was replaced by {other}; the trained network's own answers may differ"
        for name, other in substitute.items()
        if name in kinds and other in layers
    ]
    if isinstance(network[network.output].layer, Softmax):
        notes.append("Softmax was left out; it keeps the order of the classes")
    if method is None:
        why = "" if chosen.looks != "weights" else " since no calibration data was given"
        notes.insert(0, f"{chosen!r} was chosen{why}")
    return notes


def _report(
    spiking: SpikingNetwork, plan: Plan, scales: Mapping[str, Scale], method: str
) -> Conversion:
    paths = paths_of(plan)
    return Conversion(
        method=method,
        scales=scales,
        thresholds={
            name: float(np.max(scales[planned.name]) / np.max(scales[term.source]))
            for name, (planned, term) in paths.items()
        },
        weights_before={name: last_weight(term.layers) for name, (_, term) in paths.items()},
        weights_after={p.name: last_weight(p.layers) for p in spiking.projections},
        biases_before={planned.name: planned.form.constant for planned in plan.populations},
        biases_after={population.name: population.bias for population in spiking.populations},
        notes=(),
    )


def _shown(scale: Scale) -> str:
    if np.ndim(scale) == 0:
        return f"{scale:.6g}"
    return f"{np.min(scale):.6g} to {np.max(scale):.6g}, {np.size(scale)} channels"
