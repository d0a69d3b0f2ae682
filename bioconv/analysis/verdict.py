"""The first layer that fails, the kind of failure, and what may help."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.analysis.mapping import WeightFault

#: ``rms(r - a) / rms(a)`` above which a layer fails. Of the bundled networks sound layers are at 0.03
#: after 100 steps; at 0.25 the answers begin to differ from the trained ones.
LIMIT = 0.25
#: A layer whose largest activations use less than this part of the rates has a scale that is too high.
LOW = 0.3
#: Percentile of the activations that stands for the largest.
LARGEST = 99.9


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A change that may help.

    Attributes
    ----------
    option : {"network", "duration", "method", "reset", "neuron", "synapse", "encoder", "clamp"}
    value : Any
        A factor for the duration, a percentile for the method, the layer for the network; else what to
        give for the option.
    text : str
    """

    option: str
    value: Any
    text: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is wrong, in one place.

    Attributes
    ----------
    kind : str
        ``"sound"``, one of :data:`bioconv.analysis.mapping.KINDS`, or ``"too few steps"``, ``"low
        rates"``, ``"saturation"``, ``"charge lost"``, ``"noisy input"``.
    layer : str
        The first layer that fails; empty for ``"sound"``.
    text : str
        Sentences.
    advice : tuple of Advice
        What may help, the best first.
    """

    kind: str
    layer: str
    text: str
    advice: tuple[Advice, ...] = ()

    @property
    def sound(self) -> bool:
        return self.kind == "sound"


def verdict_of(spiking: Any, layers: Mapping[str, Any], input_error: float) -> Verdict:
    """The first layer with other weights; without one, the first whose rates are wrong, and why.

    ``layers`` are records of :class:`bioconv.analysis.LayerDiagnosis` by name, in topological order.
    """
    for layer in layers.values():
        if layer.fault is not None:
            return _of_weights(layer.fault)
    failing = [layer for layer in layers.values() if not layer.relative_error <= LIMIT]
    if failing:
        return _of_rates(spiking, layers, failing[0], input_error)
    worst = max(layers.values(), key=lambda layer: layer.relative_error)
    return Verdict(
        kind="sound",
        layer="",
        text=(
            "sound: every layer has the trained weights and follows the trained activations; the "
            f"largest error is {100 * worst.relative_error:.1f} % of them, in {worst.layer!r}"
        ),
    )


def _of_weights(fault: WeightFault) -> Verdict:
    return Verdict(
        kind=fault.kind,
        layer=fault.layer,
        text=(
            f"{fault.layer!r} is the first layer that does not compute what the trained network does "
            f"({fault.kind}). {fault.text}. Given the right input its sums are off by "
            f"{100 * fault.difference:.3g} %; look at the layer {fault.node!r} of the trained network"
        ),
        advice=(_weights_advice(fault),),
    )


def _weights_advice(fault: WeightFault) -> Advice:
    text = f"convert the trained network itself, or carry {fault.node!r} over again"
    if fault.kind == "pooling replaced":
        text = "convert the maximum as a maximum, or train with average pooling"
    return Advice(option="network", value=fault.node, text=text)


def _of_rates(spiking, layers, failing: Any, input_error: float) -> Verdict:
    kind, reason, advice = _cause(spiking, layers, failing, input_error)
    off = 100 * failing.relative_error
    return Verdict(
        kind=kind,
        layer=failing.layer,
        text=(
            f"{failing.layer!r} is the first layer that fails ({kind}): its weights are those of the "
            f"trained network, but its rates are {off:.0f} % off. {reason}"
        ),
        advice=advice,
    )


LONGER = Advice(option="duration", value=4, text="show every image four times as long")
PERCENTILE = Advice(
    option="method", value=LARGEST, text=f"scale by the {LARGEST} percentile of the activations"
)
HIGHER = Advice(
    option="method", value=99.99, text="scale by a higher percentile of the activations, 99.99"
)
CURRENT = Advice(
    option="encoder", value="constant", text='show images as a constant current, encoder="constant"'
)
PERFECT = "use perfect integrators, "
KEEPING = {
    "leak": Advice(option="neuron", value="if", text=PERFECT + 'neuron="if", reset by subtraction'),
    "refractory": Advice(option="neuron", value="if", text=PERFECT + "without refractory period"),
    "floor": Advice(option="neuron", value="if", text=PERFECT + "without a floor"),
    "reset": Advice(
        option="reset", value="subtract", text='reset by subtraction, reset="subtract"'
    ),
    "ignored": Advice(option="clamp", value=0, text="let every step count, clamp=0"),
    "filter": Advice(
        option="synapse", value="delta", text='use pulses of current, synapse="delta"'
    ),
}


def _cause(spiking, layers, failing, input_error) -> tuple[str, str, tuple[Advice, ...]]:
    """Kind, sentence and advice for a layer with the right weights and wrong rates."""
    if failing.clipped > 0.5 and failing.errors and failing.errors.signed_mean < 0:
        return "saturation", (
            f"{100 * failing.clipped:.0f} % of its squared error is where activations ask for more than "
            "the highest rate"
        ), (HIGHER,)  # fmt: skip
    weight = _causes(spiking, layers, failing)
    largest = max(weight, key=weight.__getitem__)
    if largest == "lost" and failing.why:
        helpful = [advice for word, advice in KEEPING.items() if word in failing.why]
        reason = f"Most of that is charge that is lost: {failing.why}"
        return "charge lost", reason, (*helpful, LONGER)
    if largest == "lost":
        return "charge lost", (
            "Its spikes do not account for the charge that it was given. Were weights, currents or "
            "thresholds of the Brian2 objects edited?"
        ), ()  # fmt: skip
    if largest == "input":
        return "noisy input", (
            f"Most of that comes in with the input's spikes, which are {100 * input_error:.0f} % off"
        ), (CURRENT, LONGER)  # fmt: skip
    low = min(_up_to(layers, failing), key=lambda layer: layer.largest)
    if low.largest < LOW:
        return "low rates", (
            f"The scale of {low.layer!r} is too high: its largest activations ask for "
            f"{100 * low.largest:.1f} % of the highest rate, so few spikes say much"
        ), (PERCENTILE, LONGER)  # fmt: skip
    deeper = min(layer.largest for layer in layers.values())
    return "too few steps", (
        "Most of that is charge that waits in membranes for a spike, which counts less the longer an "
        "image is shown"
    ), (PERCENTILE, LONGER) if deeper < LOW else (LONGER,)  # fmt: skip


def _up_to(layers: Mapping[str, Any], last: Any) -> list[Any]:
    names = list(layers)
    return [layers[name] for name in names[: names.index(last.layer) + 1]]


def _causes(spiking, layers, failing) -> dict[str, float]:
    """How much the layers up to ``failing`` add to the error: in membranes, by loss, with the input."""
    total = {"own": 0.0, "lost": 0.0, "input": 0.0}
    for layer in _up_to(layers, failing):
        squared = min(layer.relative_error, 1e3) ** 2  # infinite where nothing should fire
        shares = {part: abs(float(np.nan_to_num(share))) for part, share in layer.shares.items()}
        total["own"] += squared * shares["own"]
        total["lost"] += squared * shares["lost"]
        if all(p.source == spiking.stimulus.name for p in spiking.incoming(layer.layer)):
            total["input"] += squared * shares["inherited"]
    return total
