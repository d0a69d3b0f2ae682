"""Error of rates by layer, and what a lower percentile buys: ``mnist_fcn`` and ``mnist_deep``.

Rueckauer et al. (2017), Front. Neurosci. 11:682: what a layer's membranes hold back adds to what it
inherited, so rates are further off with depth; and a percentile below 100 gives up the largest activations
for answers after fewer steps. Input is a constant current.
"""

from typing import Any

import numpy as np
from common import CALIBRATION, errors, main, model, shown, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

from bioconv import datasets, methods

NAME = "rueckauer2017_error_by_layer"
SAMPLES, STEPS, FEW = 500, 200, 10
NETWORKS = ("mnist_fcn", "mnist_deep")
PERCENTILES = (100, 99.9, 99)


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "few": FEW,
        "calibration": CALIBRATION,
        "networks": {name: _by_layer(name, data) for name in NETWORKS},
        "percentiles": {str(p): _at(p, data) for p in PERCENTILES},
    }


def _by_layer(name: str, data: datasets.Dataset) -> dict[str, Any]:
    result = shown(model(name), data.images, STEPS)
    return {
        "ann_accuracy": trained_accuracy(name, data),
        "accuracy": result.accuracy(data.labels),
        **errors(result, trained(name, data.images), "mean_absolute", "signed_mean", "pearson"),
    }


def _at(percentile: float, data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_fcn", method=methods.Percentile(percentile=percentile))
    result = shown(network, data.images, STEPS)
    return {"curve": result.accuracy_over_time(data.labels), "spikes": spikes(result)}


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, one in data["networks"].items():
        error = list(one["mean_absolute"].values())
        left.plot(range(1, len(error) + 1), error, "o-", label=name)
    left.set_xlabel("layer")
    left.set_ylabel("mean |r − a| (parts of the highest rate)")
    left.set_ylim(bottom=0)
    left.set_title(f"{data['samples']:,} test images, {data['steps']} steps")
    left.legend()
    for percentile, one in data["percentiles"].items():
        label = f"{percentile} %: {one['spikes']:,.0f} spikes"
        right.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=label)
    right.axvline(data["few"], color="black", lw=0.8)
    right.set_xscale("log")
    right.set_xlabel("steps")
    right.set_ylabel("accuracy (%)")
    right.set_title("mnist_fcn, by percentile")
    right.legend()
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
