"""What biology and hardware cost ``mnist_fcn``: accuracy and rate error against each kind and size of realism.

Changes of weights, of time and of neurons that differ are made in the converted network of perfect integrators
(steps of 1 ms, at most one spike a step). Other neurons code an activation of one by 100 Hz in steps of 0.1 ms
(Hodgkin-Huxley's of 0.05 ms, for fewer images), once with the gain and the offset that their curve asks for and once without.
The error is the mean of ``abs(rate/max_rate - activation)`` over the two hidden layers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from brian2 import Hz, ms, mV, pA
from common import data_file, errors, main, model, rounded, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import LIF, Noise, datasets, realism
from bioconv.neurons import Exponential

NAME = "biophysics_cost"
PARTIAL = data_file(NAME).with_suffix(".partial")
SAMPLES, STEPS = 200, 100
RATE, DURATION = 100, 250
BITS = (1, 2, 3, 4, 8)
PARTS = (0.1, 0.2, 0.5, 1.0)
DELAYS, JITTERS, JITTERED, TAUS = (1, 5, 20), (1, 2), 5, (0.2, 0.5)
FEW, FINE = 20, 0.05
REFRACTORY, MEMBRANE, SYNAPTIC = (0, 2, 5), (0.5, 2), (50, 200)


def compute() -> dict[str, Any]:
    """All rows; those of a run that was stopped are kept in ``PARTIAL``, one a line, and not run again."""
    data = datasets.load("mnist", samples=SAMPLES)
    activations = trained("mnist_fcn", data.images)
    kept: dict[str, Any] = {"sizes": {}, "neurons": {}}
    rows = dict(map(json.loads, PARTIAL.read_text().splitlines())) if PARTIAL.exists() else {}
    for part, kind, size, made, steps, samples in _rows(model("mnist_fcn")):
        key = f"{kind} | {size}"
        if key not in rows:
            own = {layer: values[:samples] for layer, values in activations.items()}
            few = replace(data, images=data.images[:samples], labels=data.labels[:samples])
            rows[key] = _measured(made(), few, own, steps)
            with PARTIAL.open("a") as file:
                file.write(json.dumps(rounded([key, rows[key]])) + "\n")
        kept[part].setdefault(kind, {})[size] = rows[key]
    PARTIAL.unlink()
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "rate": RATE,
        "duration": DURATION,
        "ann_accuracy": trained_accuracy("mnist_fcn", data),
        "plain": kept["sizes"].pop("plain")["0"],
        **kept,
    }


def _measured(
    one: Any, data: datasets.Dataset, activations: dict[str, np.ndarray], duration: int
) -> dict[str, Any]:
    result = one.run(data.images, duration * ms, device="cpp_standalone", progress=False)
    error = errors(result, activations, "mean_absolute")["mean_absolute"]
    return {
        "accuracy": result.accuracy(data.labels),
        "error": float(np.mean([error["fc1"], error["fc2"]])),
        "spikes": spikes(result),
    }


def _rows(network: Any) -> Iterator[tuple[str, str, str, Callable[[], Any], int, int]]:
    """Part, kind and size of a row, what makes its network, milliseconds, images."""
    for kind, series in _sizes(network.spiking).items():
        for size, changed in series:
            made = partial(bioconv.Model, changed, network.settings)
            yield "sizes", kind, str(size), made, STEPS, SAMPLES
    for name, neuron, options, tau, samples in _neurons():
        for kind, compensate in (("compensated", True), ("as converted", False)):
            made = partial(_with, network, neuron, options, tau, compensate)
            yield "neurons", name, kind, made, DURATION, samples


def _sizes(plain: Any) -> dict[str, list[tuple[Any, Any]]]:
    """{kind: [(size, changed network)]}"""
    return {
        "plain": [(0, plain)],
        "bits of a weight": [(bits, realism.quantized(plain, bits)) for bits in BITS],
        "noise of weights": [(part, realism.noisy_weights(plain, part)) for part in PARTS],
        "spread of thresholds": [(part, realism.mismatched(plain, threshold=part)) for part in PARTS],
        "spread of resistances": [
            (part, realism.mismatched(plain, resistance=part)) for part in PARTS
        ],
        "delay (ms)": [(delay, _late(plain, delay)) for delay in DELAYS],
        f"jitter (± ms, delay {JITTERED} ms)": [
            (jitter, _late(plain, JITTERED, jitter)) for jitter in JITTERS
        ],
    }  # fmt: skip


def _late(plain: Any, delay: int, jitter: int = 0) -> Any:
    """The spikes between layers wait; the images are currents, which cannot."""
    late = realism.delayed(plain, delay, jitter).projections
    image = plain.stimulus.name
    return replace(
        plain,
        projections=(
            *(p for p in plain.projections if p.source == image),
            *(p for p in late if p.source != image),
        ),
    )


def _neurons() -> Iterator[tuple[str, Any, dict[str, Any], float, int]]:
    """Name, neuron, synapse and step, spread of time constants, images."""
    current = {"synapse": Exponential(tau=5 * ms), "dt": 0.1 * ms}
    for refractory in REFRACTORY:
        neuron = LIF(refractory=refractory * ms)
        yield f"LIF, refractory {refractory} ms", neuron, current, 0.0, SAMPLES
    leaky = LIF(refractory=2 * ms)
    for tau in TAUS:
        yield f"LIF, spread of tau {tau}", leaky, current, tau, SAMPLES
    for size in MEMBRANE:
        noisy = replace(leaky, noise=Noise(membrane=size * mV / ms**0.5))
        yield f"LIF, white noise {size} mV/√ms", noisy, current, 0.0, SAMPLES
    for size in SYNAPTIC:
        noisy = replace(leaky, noise=Noise(synaptic=size * pA))
        yield f"LIF, synaptic noise {size} pA", noisy, current, 0.0, SAMPLES
    yield "LIF, conductances", leaky, {**current, "synapse": "conductance"}, 0.0, SAMPLES
    yield "adaptive LIF", "adaptive_lif", current, 0.0, SAMPLES
    yield "exponential IF (AdEx)", "exponential_if", current, 0.0, SAMPLES
    yield "Izhikevich", "izhikevich", current, 0.0, SAMPLES
    slow = {**current, "dt": FINE * ms}
    yield f"Hodgkin-Huxley, {FEW} images", "hodgkin_huxley", slow, 0.0, FEW


def _with(network: Any, neuron: Any, options: dict[str, Any], tau: float, compensate: bool) -> Any:
    made = network.with_neurons(
        neuron, compensate=compensate, rate=RATE * Hz, duration=DURATION * ms, **options
    )
    return bioconv.Model(realism.mismatched(made.spiking, tau=tau), made.settings) if tau else made


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(16, 9.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.35))
    panels = upper.subplots(1, len(data["sizes"]), sharey=True)
    for ax, (kind, series) in zip(panels, data["sizes"].items(), strict=True):
        places = np.arange(len(series))
        rows = list(series.values())
        ax.plot(places, [100 * row["accuracy"] for row in rows], "o-", color="tab:blue")
        ax.axhline(100 * data["plain"]["accuracy"], color="black", ls=":", lw=1)
        ax.set_xticks(places, list(series))
        ax.set_xlabel(kind)
        ax.set_ylim(0, 105)
        other = ax.twinx()
        other.plot(places, [row["error"] for row in rows], "s--", color="tab:red", ms=4)
        other.set_yscale("log")
        other.set_ylim(5e-4, 2)
        other.tick_params(axis="y", colors="tab:red")
        other.yaxis.set_visible(ax is panels[-1])
    panels[0].set_ylabel("accuracy (%)", color="tab:blue")
    other.set_ylabel("rate error", color="tab:red")
    upper.suptitle(
        f"perfect integrators, {data['samples']} test images, {data['steps']} steps; dotted: unchanged"
    )
    accuracy, error = lower.subplots(1, 2, sharey=True)
    names = list(data["neurons"])
    places = np.arange(len(names))[::-1]
    for offset, kind in ((0.2, "compensated"), (-0.2, "as converted")):
        rows = [data["neurons"][name][kind] for name in names]
        accuracy.barh(places + offset, [100 * row["accuracy"] for row in rows], 0.4, label=kind)
        error.barh(places + offset, [row["error"] for row in rows], 0.4, label=kind)
    accuracy.axvline(100 * data["plain"]["accuracy"], color="black", ls=":", lw=1)
    error.axvline(data["plain"]["error"], color="black", ls=":", lw=1)
    accuracy.set_yticks(places, names)
    accuracy.set_xlabel("accuracy (%)")
    error.set_xlabel("mean |rate − activation| of the hidden layers")
    error.legend(fontsize="small")
    lower.suptitle(
        f"other neurons at up to {data['rate']} Hz for {data['duration']} ms, exponential currents"
    )
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
