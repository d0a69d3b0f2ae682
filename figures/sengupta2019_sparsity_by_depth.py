"""Spikes by layer, and thresholds from spikes instead of activations.

Sengupta et al. (2019), Front. Neurosci. 13:95: activity falls with depth; and the largest input that spikes bring
in one step is more than the largest activation, so thresholds measured with spikes cut nothing off.
Poisson input, reset to zero.
"""

from typing import Any

import numpy as np
from common import errors, main, model, shown, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

from bioconv import datasets, methods
from bioconv.analysis import spikes_per_neuron

NAME = "sengupta2019_sparsity_by_depth"
SAMPLES, STEPS = 96, 200
CALIBRATION, CALIBRATION_STEPS = 32, 50
DEPTHS = {"mnist_fcn": 500, "mnist_cnn": 200}
METHODS = {
    "Spike-Norm": methods.SpikeNorm(n_steps=CALIBRATION_STEPS),
    "data-based": methods.DataBased(),
    "none": methods.Unscaled(),
}


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "calibration_steps": CALIBRATION_STEPS,
        "ann_accuracy": trained_accuracy("mnist_cnn", data),
        "methods": {name: _method(method, data) for name, method in METHODS.items()},
        "depths": {name: _by_depth(name, steps, data) for name, steps in DEPTHS.items()},
    }


def _method(method: methods.Method, data: datasets.Dataset) -> dict[str, Any]:
    network = model(
        "mnist_cnn", samples=CALIBRATION, method=method, reset="zero", encoder="poisson"
    )
    result = shown(network, data.images, STEPS)
    return {
        "thresholds": dict(network.report.thresholds),
        "curve": result.accuracy_over_time(data.labels),
        "spikes": spikes(result),
        **errors(result, trained("mnist_cnn", data.images), "over", "saturated", "pearson"),
    }


def _by_depth(name: str, steps: int, data: datasets.Dataset) -> dict[str, Any]:
    network = model(name, method="data_based", reset="zero", encoder="poisson")
    result = shown(network, data.images, steps)
    return {
        "steps": steps,
        "accuracy": result.accuracy(data.labels),
        "spikes_per_neuron": spikes_per_neuron(result),
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    depth, accuracy, over = figure.subplots(1, 3)
    for name, one in data["depths"].items():
        values = [value for layer, value in one["spikes_per_neuron"].items() if layer != "input"]
        rates = np.array(values) / one["steps"]
        depth.plot(range(1, len(rates) + 1), rates, "o-", label=name)
    depth.set_xticks((1, 2, 3))
    depth.set_xlabel("layer")
    depth.set_ylabel("spikes of a neuron in a step")
    depth.set_ylim(bottom=0)
    depth.set_title(f"activity by layer, {data['samples']} test images")
    depth.legend()
    places = np.arange(len(data["methods"]["Spike-Norm"]["over"]))
    for number, (name, one) in enumerate(data["methods"].items()):
        accuracy.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=name)
        share = 100 * np.array(list(one["over"].values()))
        over.bar(places + 0.27 * (number - 1), share, 0.27, label=name)
    accuracy.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    accuracy.set_xscale("log")
    accuracy.set_xlabel("steps")
    accuracy.set_ylabel("accuracy (%)")
    accuracy.set_title(f"mnist_cnn, {data['samples']} test images")
    accuracy.legend()
    over.set_xticks(places, data["methods"]["Spike-Norm"]["over"])
    over.set_ylabel("neurons with more than a spike too many (%)")
    over.set_title("mnist_cnn, over-activation by layer")
    over.legend()
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
