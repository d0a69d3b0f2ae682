"""Thresholds from spikes instead of activations, and equal ones where two ways of a residual network meet.

Sengupta et al. (2019), Front. Neurosci. 13:95: the largest input that spikes bring in one step is more than the
largest activation, so thresholds measured with spikes cut nothing off. Where the rectified ways of a block are added,
their spikes meet the same next weights, so one of either way must stand for as much: both get the larger threshold.
Poisson input, reset to zero; ``mnist_cnn``, and a small residual network that the script trains.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from common import errors, main, model, shown, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets, methods
from bioconv.graph import Network
from bioconv.spiking import SpikingNetwork

NAME = "sengupta2019_thresholds"
SAMPLES = 500
STEPS = (10, 20, 50, 100, 200, 500, 1000, 1500, 2000, 2500)
CALIBRATION, CALIBRATION_STEPS = 32, 50
METHODS = {
    "Spike-Norm": methods.SpikeNorm(n_steps=CALIBRATION_STEPS),
    "data-based": methods.DataBased(),
    "none": methods.Unscaled(),
}
EPOCHS, RESIDUAL_SAMPLES, RESIDUAL_STEPS = 3, 250, 1000
#: The two ways of every block.
JUNCTIONS = (("block1_conv2", "block1_shortcut"), ("block2_conv2", "block2_shortcut"))


@dataclass(frozen=True, kw_only=True)
class EqualJunctions(methods.Method):
    """Spike-Norm; as soon as both ways of a block have their thresholds, both get the larger one."""

    looks = "spikes"
    reset = "zero"

    def scales(self, evidence):
        scales: dict[str, float] = {}
        for planned in evidence.plan.populations:
            scales[planned.name] = evidence.peak(scales, planned.name, CALIBRATION_STEPS)
            for pair in JUNCTIONS:
                if planned.name in pair and scales.keys() >= set(pair):
                    scales.update(dict.fromkeys(pair, max(scales[way] for way in pair)))
        return scales


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "calibration_steps": CALIBRATION_STEPS,
        "example": _example(),
        "ann_accuracy": trained_accuracy("mnist_cnn", data),
        "methods": {name: _method(method, data) for name, method in METHODS.items()},
        "junctions": _junctions(),
    }


def _example() -> dict[str, float]:
    """Threshold of a neuron with two inputs of weight 1 at rates 0.5 and 1."""
    given = {"calibration": np.array([[0.5, 1.0]]), "encoder": "poisson"}
    return {
        name: float(bioconv.to_brian([[[1.0, 1.0]]], method=method, **given).report.scales["fc1"])
        for name, method in list(METHODS.items())[:2]
    }


def _method(method: methods.Method, data: datasets.Dataset) -> dict[str, Any]:
    network = model(
        "mnist_cnn", samples=CALIBRATION, method=method, reset="zero", encoder="poisson"
    )
    result = shown(network, data.images, STEPS[-1])
    curve = result.accuracy_over_time(data.labels)
    return {
        "thresholds": dict(network.report.thresholds),
        "curve": [curve[steps - 1] for steps in STEPS],
        "spikes": spikes(result),
        **errors(result, trained("mnist_cnn", data.images), "over", "saturated", "pearson"),
    }


def _junctions() -> dict[str, Any]:
    from nets import junctions, network

    data = datasets.load("mnist", samples=RESIDUAL_SAMPLES)
    found = network(junctions, "mnist", EPOCHS)
    unequal = _converted(found, METHODS["Spike-Norm"])
    ways = {
        "equal": _converted(found, EqualJunctions()),
        "unequal": _counted_alike(unequal),
        "unequal, weights to match": unequal,
    }
    return {
        "samples": RESIDUAL_SAMPLES,
        "steps": RESIDUAL_STEPS,
        "epochs": EPOCHS,
        "ann_accuracy": trained_accuracy(found, data),
        "ways": {name: _residual(found, spiking, data) for name, spiking in ways.items()},
    }


def _converted(network: Network, method: methods.Method) -> SpikingNetwork:
    return model(network, samples=CALIBRATION, method=method, encoder="poisson").spiking


def _counted_alike(network: SpikingNetwork) -> SpikingNetwork:
    """Spikes of both ways over the same next weights, as if their thresholds were the larger one."""
    common = {way: max(network[each].scale for each in pair) for pair in JUNCTIONS for way in pair}
    return replace(
        network,
        projections=tuple(
            replace(p, gain=p.gain * common[p.source] / network[p.source].scale)
            if p.source in common
            else p
            for p in network.projections
        ),
    )


def _residual(
    trained_network: Network, spiking: SpikingNetwork, data: datasets.Dataset
) -> dict[str, Any]:
    result = shown(bioconv.to_brian(spiking, encoder="poisson"), data.images, RESIDUAL_STEPS)
    return {
        "scales": {p.name: p.scale for p in spiking.populations},
        "curve": result.accuracy_over_time(data.labels),
        "spikes": spikes(result),
        **errors(result, trained(trained_network, data.images), "pearson"),
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 8), layout="constrained")
    (accuracy, over), (junctions, correlation) = figure.subplots(2, 2)
    names = list(data["methods"]["Spike-Norm"]["over"])
    for number, (name, one) in enumerate(data["methods"].items()):
        accuracy.plot(data["steps"], 100 * np.array(one["curve"]), "o-", ms=4, label=name)
        share = 100 * np.array(list(one["over"].values()))
        over.bar(np.arange(len(names)) + 0.27 * (number - 1), share, 0.27, label=name)
    accuracy.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    accuracy.set_title(f"mnist_cnn, {data['samples']} test images")
    over.set_xticks(range(len(names)), names)
    over.set_ylabel("neurons with more than a spike too many (%)")
    over.set_title("mnist_cnn, over-activation by layer")
    over.legend()
    residual = data["junctions"]
    places = np.arange(len(residual["ways"]["equal"]["pearson"]))
    for number, (name, one) in enumerate(residual["ways"].items()):
        curve = 100 * np.array(one["curve"])
        junctions.plot(range(1, len(curve) + 1), curve, label=f"{name}: {curve[-1]:.1f} %")
        values = one["pearson"].values()
        correlation.bar(places + 0.27 * (number - 1), values, 0.27, label=name)
    junctions.axhline(100 * residual["ann_accuracy"], color="black", ls=":", label="trained")
    junctions.set_title(f"residual network, {residual['samples']} test images")
    correlation.set_xticks(places, residual["ways"]["equal"]["pearson"], rotation=30, ha="right")
    correlation.set_ylim(0.95, 1)
    correlation.set_ylabel("correlation of rates and activations")
    correlation.set_title("thresholds of the two ways of a block")
    correlation.legend(loc="lower left", framealpha=1)
    for ax in (accuracy, junctions):
        ax.set_xscale("log")
        ax.set_xlabel("steps")
        ax.set_ylabel("accuracy (%)")
        ax.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
