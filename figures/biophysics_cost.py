"""What biology and hardware cost ``mnist_fcn``: accuracy and rate error against each kind and size of realism.

Changes of weights and of neurons that differ are made in the converted network of perfect integrators
(steps of 1 ms, at most one spike a step). Other neurons code an activation of one by 100 Hz in steps of 0.1 ms, once with the gain and the offset that their curve asks for and once without.
The error is the mean of ``abs(rate/max_rate - activation)`` over the two hidden layers.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import Hz, ms, mV, pA
from common import errors, main, model, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import LIF, Noise, datasets, realism
from bioconv.neurons import Exponential

NAME = "biophysics_cost"
SAMPLES, STEPS = 200, 100
RATE, DURATION = 100, 250
BITS = (1, 2, 3, 4, 8)
PARTS = (0.1, 0.2, 0.5, 1.0)
REFRACTORY, MEMBRANE, SYNAPTIC = (0, 2, 5), (0.5, 2), (50, 200)


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    activations = trained("mnist_fcn", data.images)
    network = model("mnist_fcn")

    def measured(one: Any, duration: int, samples: int = SAMPLES) -> dict[str, Any]:
        result = one.run(
            data.images[:samples], duration * ms, device="cpp_standalone", progress=False
        )
        own = {layer: values[:samples] for layer, values in activations.items()}
        error = errors(result, own, "mean_absolute")["mean_absolute"]
        return {
            "accuracy": result.accuracy(data.labels[:samples]),
            "error": float(np.mean([error["fc1"], error["fc2"]])),
            "spikes": spikes(result),
        }

    plain = network.spiking
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "rate": RATE,
        "duration": DURATION,
        "ann_accuracy": trained_accuracy("mnist_fcn", data),
        "plain": measured(network, STEPS),
        "sizes": {
            kind: {
                str(size): measured(bioconv.Model(changed, network.settings), STEPS)
                for size, changed in series
            }
            for kind, series in _sizes(plain).items()
        },
        "neurons": {
            name: {
                "compensated": measured(_with(network, neuron, options, True), DURATION, samples),
                "as converted": measured(_with(network, neuron, options, False), DURATION, samples),
            }
            for name, neuron, options, samples in _neurons()
        },
    }  # fmt: skip


def _sizes(plain: Any) -> dict[str, list[tuple[Any, Any]]]:
    """{kind: [(size, changed network)]}"""
    return {
        "bits of a weight": [(bits, realism.quantized(plain, bits)) for bits in BITS],
        "noise of weights": [(part, realism.noisy_weights(plain, part)) for part in PARTS],
        "spread of thresholds": [(part, realism.mismatched(plain, threshold=part)) for part in PARTS],
        "spread of resistances": [
            (part, realism.mismatched(plain, resistance=part)) for part in PARTS
        ],
    }  # fmt: skip


def _neurons() -> Iterator[tuple[str, Any, dict[str, Any], int]]:
    """Name, neuron, synapse and step, images."""
    current = {"synapse": Exponential(tau=5 * ms), "dt": 0.1 * ms}
    for refractory in REFRACTORY:
        yield f"LIF, refractory {refractory} ms", LIF(refractory=refractory * ms), current, SAMPLES
    leaky = LIF(refractory=2 * ms)
    for size in MEMBRANE:
        noise = Noise(membrane=size * mV / ms**0.5)
        yield f"LIF, white noise {size} mV/√ms", replace(leaky, noise=noise), current, SAMPLES
    for size in SYNAPTIC:
        noise = Noise(synaptic=size * pA)
        yield f"LIF, synaptic noise {size} pA", replace(leaky, noise=noise), current, SAMPLES
    yield "LIF, conductances", leaky, {**current, "synapse": "conductance"}, SAMPLES
    yield "adaptive LIF", "adaptive_lif", current, SAMPLES
    yield "exponential IF (AdEx)", "exponential_if", current, SAMPLES
    yield "Izhikevich", "izhikevich", current, SAMPLES


def _with(network: Any, neuron: Any, options: dict[str, Any], compensate: bool) -> Any:
    return network.with_neurons(
        neuron, compensate=compensate, rate=RATE * Hz, duration=DURATION * ms, **options
    )


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(13, 8.2), layout="constrained")
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
