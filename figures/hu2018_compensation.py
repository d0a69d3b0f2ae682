"""Compensation of the errors of a residual network, and what scaling and delaying its shortcuts is for.

Hu, Tang & Pan (2018), arXiv 1805.01352: rates fall short in every layer, so all weights and biases are
multiplied by a factor slightly above 1; and shortcuts are scaled with the blocks that they pass. Without
that, a shortcut brings its block's result ``scale(result)/scale(source)`` times what it should. Where every layer
takes a step, a shortcut waits for the longer way. Reset by subtraction; ``mnist_resnet``, and a network of the same
layers that the script trains on Fashion-MNIST.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from common import (
    CALIBRATION,
    errors,
    main,
    model,
    read,
    shown,
    spikes,
    steps_to,
    trained,
    trained_accuracy,
)  # fmt: skip
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets, methods
from bioconv.graph import Network
from bioconv.projections import SharedProjection
from bioconv.spiking import SpikingNetwork

NAME = "hu2018_compensation"
SAMPLES, STEPS = 250, 350
FACTORS = tuple(round(1 + 0.02 * n, 2) for n in range(11))
SHORTCUTS = ("conv1_to_add1", "add1_to_add2", "add2_to_add3")
EPOCHS = 6


def compute() -> dict[str, Any]:
    from nets import network, residual

    fashion = network(residual, "fashion-mnist", EPOCHS, rate=5e-3, shift=1, flip=True)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "epochs": EPOCHS,
        "networks": {
            "mnist": _network(read("mnist_resnet"), "mnist"),
            "fashion-mnist": _network(fashion, "fashion-mnist"),
        },
    }


def _network(network: Network, dataset: str) -> dict[str, Any]:
    data = datasets.load(dataset, samples=SAMPLES)
    activations = trained(network, data.images)
    spiking = model(network, dataset).spiking
    shortcuts = {"scaled": spiking, "not scaled": _unscaled_shortcuts(spiking)}
    factors = {
        str(factor): model(network, dataset, method=methods.Compensated(factor=factor))
        for factor in FACTORS
    }
    waiting, early = (
        bioconv.to_brian(spiking, propagation="delayed", units="dimensionless") for _ in range(2)
    )
    early.extend(_early_shortcuts)
    models = {
        "shortcuts": {name: bioconv.to_brian(one) for name, one in shortcuts.items()},
        "delays": {"waiting": waiting, "early": early},
        "factors": factors,
    }
    found = {
        part: {name: _measured(one, data, activations) for name, one in rows.items()}
        for part, rows in models.items()
    }
    for row in found["factors"].values():
        del row["curve"]
    return {"ann_accuracy": trained_accuracy(network, data), **found}


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


def _early_shortcuts(network: Any) -> list[SharedProjection]:
    """Shortcuts whose spikes do not wait for those of the longer way, in place of those that do."""
    found = []
    for name in SHORTCUTS:
        old = network.projections[name]
        network.network.remove(old)
        found.append(
            SharedProjection(
                old.source, old.target, old.kind, variable=old.variable, when=old.when,
                clock=old.clock, name=f"{name}_early",
            )
        )  # fmt: skip
    return found


def _measured(network: Any, data: datasets.Dataset, activations: Any) -> dict[str, Any]:
    result = shown(network, data.images, STEPS)
    curve = result.accuracy_over_time(data.labels)
    return {
        "curve": curve,
        "accuracy": result.accuracy(data.labels),
        "steps_to_98": steps_to(curve, 0.98 * curve[-1]),
        "spikes": spikes(result),
        **errors(result, activations, "signed_mean", "mean_absolute", "pearson"),
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(15, 8), layout="constrained")
    for axes, (dataset, one) in zip(figure.subplots(2, 4), data["networks"].items(), strict=True):
        error, factors, correlation, accuracy = axes
        _errors(error, one["factors"])
        error.set_title(f"{dataset}, {data['samples']} test images")
        rows = one["factors"].items()
        factors.plot([float(f) for f, _ in rows], [100 * row["accuracy"] for _, row in rows], "o-")
        factors.axhline(100 * one["ann_accuracy"], color="black", ls=":", label="trained network")
        factors.set_xlabel("factor ρ on weights and biases")
        factors.set_ylabel(f"accuracy after {data['steps']} steps (%)")
        factors.legend()
        _bars(correlation, {name: row["pearson"] for name, row in one["shortcuts"].items()})
        correlation.set_title("shortcuts scaled or not")
        for name, row in {**one["shortcuts"], **one["delays"]}.items():
            label = f"{name}: {100 * row['accuracy']:.1f} %"
            accuracy.plot(range(1, data["steps"] + 1), 100 * np.array(row["curve"]), label=label)
        accuracy.set_xscale("log")
        accuracy.set_xlabel("steps")
        accuracy.set_ylabel("accuracy (%)")
        accuracy.legend(title="shortcuts", fontsize="small")
    return figure


def _errors(ax: Any, rows: dict[str, Any]) -> None:
    """Mean signed error of every layer over the factors."""
    for layer in rows["1.0"]["signed_mean"]:
        values = [row["signed_mean"][layer] for row in rows.values()]
        ax.plot([float(factor) for factor in rows], values, "o-", ms=3, label=layer)
    ax.axhline(0, color="black", lw=0.8)
    ax.set_xlabel("factor ρ on weights and biases")
    ax.set_ylabel("mean r − a (parts of the highest rate)")
    ax.legend(fontsize="x-small", ncols=2)


def _bars(ax: Any, rows: dict[str, dict[str, float]]) -> None:
    """Correlations of every layer, side by side."""
    layers = list(next(iter(rows.values())))
    for offset, (name, values) in zip((-0.2, 0.2), rows.items(), strict=True):
        ax.bar(np.arange(len(layers)) + offset, values.values(), 0.4, label=name)
    ax.set_xticks(range(len(layers)), layers, rotation=40, ha="right")
    ax.set_ylim(min(min(values.values()) for values in rows.values()) - 0.01, 1)
    ax.set_ylabel("correlation of rates and activations")
    ax.legend(loc="lower left", framealpha=1)


if __name__ == "__main__":
    main(NAME, compute, draw)
