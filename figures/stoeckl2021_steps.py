"""How many steps the quick codes need: few-spike neurons, and half a threshold to begin with.

Stoeckl & Maass (2021), Nat. Mach. Intell. 3:230: ``K`` steps a layer are the ``K`` digits of an activation after the
binary point; ``mnist_cnn`` and, with eight layers, ``mnist_deep``. Bu et al. (2022), ICLR: a network trained with quantised activations, ``mnist_qcfs``, counts
what it was trained with when its membranes begin at half a threshold. Constant input.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import ms
from common import CALIBRATION, main, model, shown, spikes, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets

NAME = "stoeckl2021_steps"
SAMPLES, STEPS = 1000, 64
DIGITS = (1, 2, 3, 4, 6, 8, 10)
NETWORKS = ("mnist_cnn", "mnist_deep")
BEGINS = (0.0, 0.5)


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "few_spike": {
            name: {
                "ann_accuracy": trained_accuracy(name, data),
                "digits": {str(digits): _few_spike(name, digits, data) for digits in DIGITS},
            }
            for name in NETWORKS
        },
        "quantised": {
            "ann_accuracy": trained_accuracy("mnist_qcfs", data),
            "begins": {str(begin): _quantised(begin, data) for begin in BEGINS},
        },
    }


def _few_spike(name: str, digits: int, data: datasets.Dataset) -> dict[str, float]:
    network = model(name, method="few_spike")
    result = network.run(data.images, digits * ms, progress=False)
    return {"accuracy": result.accuracy(data.labels), "spikes": spikes(result)}


def _quantised(begin: float, data: datasets.Dataset) -> dict[str, Any]:
    spiking = model("mnist_qcfs", method="qcfs", readout="potential").spiking
    populations = (replace(p, initial=begin) if p.spiking else p for p in spiking.populations)
    network = bioconv.to_brian(replace(spiking, populations=tuple(populations)))
    record = {network.spiking.output: "v"}
    result = shown(network, data.images, STEPS, record=record)
    return {"curve": result.accuracy_over_time(data.labels), "spikes": spikes(result)}


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for colour, (name, one) in zip(("C0", "C1"), data["few_spike"].items(), strict=True):
        accuracy = [100 * row["accuracy"] for row in one["digits"].values()]
        fewest, most = (f"{one['digits'][k]['spikes']:,.0f}" for k in ("1", "10"))
        label = f"{name}: {fewest} to {most} spikes an image"
        left.plot([int(k) for k in one["digits"]], accuracy, "o-", color=colour, label=label)
        left.axhline(100 * one["ann_accuracy"], color=colour, ls=":")
    left.set_xlabel("steps of a layer")
    left.set_title(f"few-spike neurons, {data['samples']:,} test images")
    for begin, row in data["quantised"]["begins"].items():
        curve = 100 * np.array(row["curve"])
        right.plot(range(1, len(curve) + 1), curve, label=f"begin at {begin} thresholds")
    right.set_xscale("log")
    right.set_xlabel("steps")
    right.set_title("mnist_qcfs, trained for eight levels")
    right.axhline(100 * data["quantised"]["ann_accuracy"], color="black", ls=":", label="trained")
    for ax in (left, right):
        ax.set_ylabel("accuracy (%)")
        ax.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
