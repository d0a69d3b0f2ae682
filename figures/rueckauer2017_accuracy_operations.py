"""Accuracy, time and operations; three ways to choose a maximum, three ways to read a softmax.

Rueckauer et al. (2017), Front. Neurosci. 11:682. Curves of ``mnist_fcn`` and ``mnist_cnn`` over the synaptic events that
were needed so far, with the products of the trained networks; and ``mnist_lenet``, which has batch normalisation,
max-pooling, biases and a softmax. Constant input, 99.9 percentile.
"""

from typing import Any

import numpy as np
from common import CALIBRATION, main, model, shown, trained, trained_accuracy, weights
from matplotlib.figure import Figure

import bioconv
from bioconv import analysis, datasets

NAME = "rueckauer2017_accuracy_operations"
CURVE_SAMPLES, CURVE_STEPS = 250, 100
SAMPLES, STEPS = 256, 200
NETWORKS = ("mnist_fcn", "mnist_cnn")
GATES = ("fir_max", "avg_max", "exp_max")
READOUTS = ("potential", "softmax", "softmax_clock")


def compute() -> dict[str, Any]:
    few = datasets.load("mnist", samples=CURVE_SAMPLES)
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "calibration": CALIBRATION,
        "curve_samples": CURVE_SAMPLES,
        "curve_steps": CURVE_STEPS,
        "curves": {name: _curves(name, few) for name in NETWORKS},
        "samples": SAMPLES,
        "steps": STEPS,
        "ann_accuracy": trained_accuracy("mnist_lenet", data),
        "gates": {gate: _lenet(gate, "potential", data) for gate in GATES},
        "readouts": {readout: _lenet("fir_max", readout, data) for readout in READOUTS},
    }


def _curves(name: str, data: datasets.Dataset) -> dict[str, Any]:
    network = model(name)
    result = shown(network, data.images, CURVE_STEPS, record="spikes")
    fan_out = network.fan_out()
    found = analysis.curves(result, data.labels, trained(name, data.images), fan_out)
    counted = analysis.operations(network.spiking, bioconv.read(weights(name)), result, fan_out)
    return {
        "steps": found.steps,
        "accuracy": found.accuracy,
        "events": found.events,
        "ann_accuracy": trained_accuracy(name, data),
        "ann_multiply_adds": counted.ann_multiply_adds,
        "input_multiply_adds": counted.input_multiply_adds,
    }


def _lenet(gate: str, readout: str, data: datasets.Dataset) -> dict[str, Any]:
    """Potentials of the output are what a readout without spikes answers by."""
    network = model("mnist_lenet", substitute={"MaxPool2d": gate}, readout=readout)
    record = {network.spiking.output: "v"} if readout == "potential" else None
    result = shown(network, data.images, STEPS, record=record)
    counted = analysis.operations(
        network.spiking, bioconv.read(weights("mnist_lenet")), result, network.fan_out()
    )
    return {
        "curve": result.accuracy_over_time(data.labels),
        "accuracy": result.accuracy(data.labels),
        "events": counted.events,
        "ann_multiply_adds": counted.ann_multiply_adds,
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    cost, gates, readouts = figure.subplots(1, 3)
    for colour, (name, one) in zip(("C0", "C1"), data["curves"].items(), strict=True):
        cost.plot(
            np.array(one["events"]) / 1e6, 100 * np.array(one["accuracy"]), "o-", ms=4,
            color=colour, label=f"{name}, 1 to {data['curve_steps']} steps",
        )  # fmt: skip
        products = one["ann_multiply_adds"] / 1e6
        cost.plot(
            products, 100 * one["ann_accuracy"], "*", ms=14, color=colour,
            label=f"trained: {products:.2f} million products",
        )  # fmt: skip
    cost.set_xscale("symlog", linthresh=0.1)
    cost.set_xlabel("synaptic events of an image so far (millions)")
    cost.set_ylabel("accuracy (%)")
    cost.set_title(f"{data['curve_samples']} test images")
    cost.legend(fontsize="small", loc="lower right")
    for ax, key, title in (
        (gates, "gates", "mnist_lenet: estimate that chooses the maximum"),
        (readouts, "readouts", "mnist_lenet: readout of the softmax"),
    ):
        for name, one in data[key].items():
            label = f"{name}: {100 * one['accuracy']:.1f} %"
            ax.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=label)
        ax.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
        ax.set_xscale("log")
        ax.set_xlabel("steps")
        ax.set_ylabel("accuracy (%)")
        ax.set_title(title)
        ax.legend(loc="lower right", fontsize="small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
