"""Thresholds against input rates without normalisation, and what normalisation makes of ``mnist_fcn``.

Diehl et al. (2015), IJCNN, doi 10.1109/IJCNN.2015.7280696. Trained weights as they are leave two knobs, the
threshold of all layers and the rate of the brightest pixel; normalised weights need neither. Poisson input,
reset to zero. A rate of ``r`` is shown as an image dimmed by ``r``/1000 Hz, which gives the same trains.
"""

from typing import Any

import numpy as np
from common import (
    CALIBRATION,
    errors,
    main,
    model,
    set_thresholds,
    shown,
    spikes,
    trained,
    trained_accuracy,
)  # fmt: skip
from matplotlib.figure import Figure

from bioconv import datasets, methods
from bioconv.analysis import t_95

NAME = "diehl2015_threshold_rate"
SAMPLES, GRID_SAMPLES, STEPS = 500, 100, 500
CNN_STEPS = 200
THRESHOLDS = (0.25, 0.5, 1, 2, 4, 8)
RATES = (50, 100, 200, 400, 1000)
METHODS = {
    "data-based": methods.DataBased(),
    "data-based, applied factor carried": methods.DataBased(carry="applied"),
    "model-based": methods.ModelBased(),
    "as trained": methods.Unscaled(),
}


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "ann_accuracy": trained_accuracy("mnist_fcn", data),
        "methods": {name: _method(method, data) for name, method in METHODS.items()},
        "mnist_cnn": _convolutional(data),
        "grid": {
            "samples": GRID_SAMPLES,
            "steps": STEPS,
            "thresholds": THRESHOLDS,
            "rates": RATES,
            **_grid(),
        },
    }


def _method(method: Any, data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_fcn", method=method, reset="zero", encoder="poisson")
    result = shown(network, data.images, STEPS)
    curve = result.accuracy_over_time(data.labels)
    return {
        "curve": curve,
        "t_95": t_95(curve),
        "spikes": spikes(result),
        **errors(result, trained("mnist_fcn", data.images), "over", "under", "saturated"),
    }


def _convolutional(data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_cnn", method=methods.DataBased(), reset="zero", encoder="poisson")
    result = shown(network, data.images, CNN_STEPS)
    return {
        "steps": CNN_STEPS,
        "ann_accuracy": trained_accuracy("mnist_cnn", data),
        "curve": result.accuracy_over_time(data.labels),
        "spikes": spikes(result),
    }


def _grid() -> dict[str, Any]:
    data = datasets.load("mnist", samples=GRID_SAMPLES)
    network = model("mnist_fcn", method=methods.Unscaled(), reset="zero", encoder="poisson")
    accuracy, total = np.zeros((2, len(THRESHOLDS), len(RATES)))
    for row, threshold in enumerate(THRESHOLDS):
        set_thresholds(network, threshold)
        for column, rate in enumerate(RATES):
            result = shown(network, data.images * (rate / 1000), STEPS)
            accuracy[row, column] = result.accuracy(data.labels)
            total[row, column] = spikes(result)
    return {"accuracy": accuracy, "spikes": total}


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    grid = data["grid"]
    accuracy, total = 100 * np.array(grid["accuracy"]), np.array(grid["spikes"])
    image = left.imshow(accuracy, cmap="viridis", vmin=90, vmax=100, origin="lower", aspect="auto")
    for (y, x), value in np.ndenumerate(accuracy):
        left.text(
            x, y, f"{value:.1f} %\n{total[y, x]:,.0f}", ha="center", va="center",
            color="black" if value > 95 else "white", fontsize="small",
        )  # fmt: skip
    left.set_xticks(range(len(grid["rates"])), grid["rates"])
    left.set_yticks(range(len(grid["thresholds"])), grid["thresholds"])
    left.set_xlabel("rate of the brightest pixel (Hz)")
    left.set_ylabel("threshold of all layers")
    left.set_title(f"weights as trained: accuracy and spikes, {grid['steps']} steps")
    figure.colorbar(image, ax=left, label="accuracy (%)")
    for name, one in data["methods"].items():
        label = f"{name} ($t_{{95}}$ = {one['t_95']})" if one["curve"][-2] else f"{name} (silent)"
        right.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=label)
    right.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    right.set_xscale("log")
    right.set_xlabel("steps")
    right.set_ylabel("accuracy (%)")
    right.set_title(f"mnist_fcn, {data['samples']} test images, 1000 Hz")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize="small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
