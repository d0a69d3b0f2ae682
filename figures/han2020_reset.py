"""Reset by subtraction and to zero at equal thresholds, and what lower thresholds do.

Han, Srinivasan & Roy (2020), CVPR, arXiv 2003.01811: what exceeds the threshold stays for the next step, so a
rate is linear in the input up to one spike a step. Thresholds are those of the largest activations; for the
sweep all are multiplied by ``alpha``. Poisson input.
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
    steps_to,
    trained,
    trained_accuracy,
)  # fmt: skip
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets

NAME = "han2020_reset"
SAMPLES = 500
NETWORKS = {"mnist_fcn": 500, "mnist_cnn": 200, "mnist_deep": 500}
RESETS = ("subtract", "zero")
ALPHAS = (1.0, 0.75, 0.5)
WEIGHT, NEURON_STEPS = 0.8, 200


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "calibration": CALIBRATION,
        "neuron": {"weight": WEIGHT, **_neuron()},
        "networks": {name: _network(name, steps, data) for name, steps in NETWORKS.items()},
        "alphas": _alphas(data),
    }


def _neuron() -> dict[str, Any]:
    """Rate of one neuron for inputs from 0 to 2 thresholds a step."""
    inputs = np.linspace(0, 2, 101)
    rates = {}
    for reset in RESETS:
        network = bioconv.to_brian(
            [[[WEIGHT]]], method="unscaled", reset=reset, input_range=(0, inputs[-1] / WEIGHT)
        )
        result = network.run(
            inputs[:, None] / WEIGHT, NEURON_STEPS * network.settings.dt, device="numpy"
        )
        rates[reset] = result.counts[result.output].ravel() / NEURON_STEPS
    return {"inputs": inputs, "rates": rates}


def _network(name: str, steps: int, data: datasets.Dataset) -> dict[str, Any]:
    """Both resets; the target is half a point below what the better one reaches."""
    activations = trained(name, data.images)
    rows = {}
    for reset in RESETS:
        network = model(name, method="data_based", reset=reset, encoder="poisson")
        result = shown(network, data.images, steps)
        rows[reset] = {
            "curve": result.accuracy_over_time(data.labels),
            "spikes": spikes(result),
            **errors(result, activations, "pearson", "mean_absolute"),
        }
    target = max(row["curve"][-1] for row in rows.values()) - 0.005
    return {
        "steps": steps,
        "ann_accuracy": trained_accuracy(name, data),
        "target": target,
        **{
            reset: {**row, "steps_to_target": steps_to(row["curve"], target)}
            for reset, row in rows.items()
        },
    }


def _alphas(data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_cnn", method="data_based", reset="subtract", encoder="poisson")
    found = {}
    for alpha in ALPHAS:
        set_thresholds(network, alpha)
        result = shown(network, data.images, NETWORKS["mnist_cnn"])
        found[str(alpha)] = {
            "curve": result.accuracy_over_time(data.labels),
            "spikes": spikes(result),
        }
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(15, 7), layout="constrained")
    (neuron, *networks), (alphas, correlation, error, legend) = figure.subplots(2, 4)
    for reset, rates in data["neuron"]["rates"].items():
        neuron.plot(data["neuron"]["inputs"], rates, label=reset)
    neuron.set_xlabel("input (thresholds a step)")
    neuron.set_ylabel("spikes a step")
    neuron.set_title("one neuron")
    neuron.legend(title="reset")
    for ax, (name, one) in zip(networks, data["networks"].items(), strict=True):
        steps = one["steps"]
        for reset in RESETS:
            label = f"{reset}: {one[reset]['steps_to_target'] or f'> {steps}'} steps"
            ax.plot(range(1, steps + 1), 100 * np.array(one[reset]["curve"]), label=label)
        ax.axhline(100 * one["ann_accuracy"], color="black", ls=":")
        ax.set_title(f"{name}, to {100 * one['target']:.1f} %")
        _over_time(ax, "reset")
    for alpha, one in data["alphas"].items():
        curve = 100 * np.array(one["curve"])
        alphas.plot(range(1, len(curve) + 1), curve, label=alpha)
    alphas.set_title("mnist_cnn, thresholds × α, subtract")
    _over_time(alphas, "α")
    for ax, measure, label in (
        (correlation, "pearson", "correlation of rates and activations"),
        (error, "mean_absolute", "mean |r − a|"),
    ):
        for line, name in zip(("-", "--", ":"), data["networks"], strict=True):
            for colour, reset in (("C0", "subtract"), ("C1", "zero")):
                values = data["networks"][name][reset][measure]
                values = [value for layer, value in values.items() if layer != "input"]
                places = range(1, len(values) + 1)
                ax.plot(places, values, "o" + line, color=colour, label=f"{name}, {reset}")
        ax.set_xlabel("layer")
        ax.set_ylabel(label)
    legend.legend(*error.get_legend_handles_labels(), loc="center")
    legend.axis("off")
    return figure


def _over_time(ax: Any, title: str) -> None:
    ax.set_xscale("log")
    ax.set_xlabel("steps")
    ax.set_ylabel("accuracy (%)")
    ax.legend(title=title, loc="lower right")


if __name__ == "__main__":
    main(NAME, compute, draw)
