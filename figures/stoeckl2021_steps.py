"""How many steps the quick codes need: few-spike neurons, and half a threshold to begin with.

Stoeckl & Maass (2021), Nat. Mach. Intell. 3:230: ``K`` steps a layer are the ``K`` digits of an activation after the
binary point; ``mnist_cnn``. Bu et al. (2022), ICLR: a network trained with quantised activations, ``mnist_qcfs``, counts
what it was trained with when its membranes begin at half a threshold. Constant input.
"""

from typing import Any

import numpy as np
from brian2 import ms
from common import CALIBRATION, main, model, shown, spikes, trained_accuracy
from matplotlib.figure import Figure

from bioconv import datasets

NAME = "stoeckl2021_steps"
SAMPLES, STEPS = 128, 64
DIGITS = (1, 2, 3, 4, 6, 8, 10)
BEGINS = (0.0, 0.5)


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "few_spike": {
            "ann_accuracy": trained_accuracy("mnist_cnn", data),
            "digits": {str(digits): _few_spike(digits, data) for digits in DIGITS},
        },
        "quantised": {
            "ann_accuracy": trained_accuracy("mnist_qcfs", data),
            "begins": {str(begin): _quantised(begin, data) for begin in BEGINS},
        },
    }


def _few_spike(digits: int, data: datasets.Dataset) -> dict[str, float]:
    network = model("mnist_cnn", method="few_spike")
    result = network.run(data.images, digits * ms, progress=False)
    return {"accuracy": result.accuracy(data.labels), "spikes": spikes(result)}


def _quantised(begin: float, data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_qcfs", method="qcfs", initial=begin, readout="potential")
    record = {network.spiking.output: "v"}
    result = shown(network, data.images, STEPS, record=record)
    return {"curve": result.accuracy_over_time(data.labels), "spikes": spikes(result)}


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = data["few_spike"]["digits"]
    left.plot([int(k) for k in rows], [100 * row["accuracy"] for row in rows.values()], "o-")
    for digits, row in rows.items():
        left.annotate(
            f"{row['spikes']:,.0f}", (int(digits), 100 * row["accuracy"]),
            xytext=(4, -12), textcoords="offset points", fontsize="small",
        )  # fmt: skip
    left.set_xlabel("steps of a layer (spikes of an image at the points)")
    left.set_title("mnist_cnn, few-spike neurons")
    for begin, row in data["quantised"]["begins"].items():
        curve = 100 * np.array(row["curve"])
        right.plot(range(1, len(curve) + 1), curve, label=f"begin at {begin} thresholds")
    right.set_xscale("log")
    right.set_xlabel("steps")
    right.set_title("mnist_qcfs, trained for eight levels")
    for ax, part in ((left, "few_spike"), (right, "quantised")):
        accuracy = 100 * data[part]["ann_accuracy"]
        ax.axhline(accuracy, color="black", ls=":", label="trained network")
        ax.set_ylabel("accuracy (%)")
        ax.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
