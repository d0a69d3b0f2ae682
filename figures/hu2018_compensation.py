"""Compensation of the errors of ``mnist_resnet``, and what scaling its shortcuts is for.

Hu, Tang & Pan (2018), arXiv 1805.01352: rates fall short in every layer, so all weights and biases are
multiplied by a factor slightly above 1; and shortcuts are scaled with the blocks that they pass. Without
that, a shortcut brings its block's result ``scale(result)/scale(source)`` times what it should. Reset by subtraction.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from common import CALIBRATION, errors, main, model, shown, spikes, trained, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets, methods
from bioconv.spiking import SpikingNetwork

NAME = "hu2018_compensation"
SAMPLES, STEPS = 96, 350
FACTORS = (1.0, 1.02, 1.06, 1.12, 1.2)
SHORTCUTS = ("conv1_to_add1", "add1_to_add2", "add2_to_add3")


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    activations = trained("mnist_resnet", data.images)
    network = model("mnist_resnet").spiking
    networks = {
        "scaled": bioconv.to_brian(network),
        "not scaled": bioconv.to_brian(_unscaled_shortcuts(network)),
    }
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "ann_accuracy": trained_accuracy("mnist_resnet", data),
        "shortcuts": {
            name: _measured(one, data, activations) for name, one in networks.items()
        },
        "factors": {
            str(factor): _measured(
                model("mnist_resnet", method=methods.Compensated(factor=factor)), data, activations
            )
            for factor in FACTORS
        },
    }  # fmt: skip


def _unscaled_shortcuts(network: SpikingNetwork) -> SpikingNetwork:
    """Shortcuts with the weights of the trained network, as if blocks had no scales."""
    return replace(
        network,
        projections=tuple(
            replace(p, gain=network[p.target].scale / network[p.source].scale)
            if p.name in SHORTCUTS
            else p
            for p in network.projections
        ),
    )


def _measured(network: Any, data: datasets.Dataset, activations: Any) -> dict[str, Any]:
    result = shown(network, data.images, STEPS)
    return {
        "curve": result.accuracy_over_time(data.labels),
        "accuracy": result.accuracy(data.labels),
        "spikes": spikes(result),
        **errors(result, activations, "signed_mean", "mean_absolute", "pearson"),
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    error, accuracy, correlation = figure.subplots(1, 3)
    factors = [float(factor) for factor in data["factors"]]
    rows = list(data["factors"].values())
    for layer in rows[0]["signed_mean"]:
        error.plot(factors, [row["signed_mean"][layer] for row in rows], "o-", label=layer)
    error.axhline(0, color="black", lw=0.8)
    error.set_xlabel("factor ρ on weights and biases")
    error.set_ylabel("mean r − a (parts of the highest rate)")
    error.set_title("error of the rates by layer")
    error.legend(fontsize="x-small", ncols=2)
    for factor, row in data["factors"].items():
        accuracy.plot(range(1, data["steps"] + 1), 100 * np.array(row["curve"]), label=factor)
    accuracy.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained")
    accuracy.set_xscale("log")
    accuracy.set_xlabel("steps")
    accuracy.set_ylabel("accuracy (%)")
    accuracy.set_title(f"mnist_resnet, {data['samples']} test images")
    accuracy.legend(title="ρ", fontsize="small")
    shortcuts = {name: data["shortcuts"][name] for name in ("scaled", "not scaled")}
    places = np.arange(len(rows[0]["pearson"]))
    for offset, (name, row) in zip((-0.2, 0.2), shortcuts.items(), strict=True):
        label = f"{name}: {100 * row['accuracy']:.1f} %"
        correlation.bar(places + offset, row["pearson"].values(), 0.4, label=label)
    correlation.set_xticks(places, rows[0]["pearson"], rotation=40, ha="right")
    correlation.set_ylim(0.94, 1)
    correlation.set_ylabel("correlation of rates and activations")
    correlation.set_title("shortcuts scaled or not")
    correlation.legend(loc="lower left", framealpha=1)
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
