"""Rates by channel and neurons with a sign: ``fashion_leaky``.

Kim, Park, Na & Yoon (2020), AAAI, arXiv 1903.06530: with one scale a layer most channels fire far below the highest
rate; with one scale a channel they answer sooner. A percentile in the place of the maximum does some of that for whole
layers. Leaky rectifiers need spikes of both signs: a neuron with a
threshold on either side, or a pair of neurons; a plain rectifier loses what is negative. Constant input.
"""

from typing import Any

import numpy as np
from common import CALIBRATION, main, model, shown, spikes, steps_to, trained_accuracy
from matplotlib.figure import Figure

from bioconv import Result, datasets, methods

NAME = "kim2020_channel_rates"
SAMPLES, STEPS = 500, 200
FORMS = {
    "layer, maximum": (methods.Percentile(percentile=100), "signed"),
    "channel, maximum": (methods.ChannelWise(percentile=100), "signed"),
    "layer, 99.9 %": (methods.Percentile(percentile=99.9), "signed"),
    "channel, 99.9 %": (methods.ChannelWise(percentile=99.9), "signed"),
    "channel, 99.9 %, plain rectifier": (methods.ChannelWise(percentile=99.9), "ReLU"),
}


def compute() -> dict[str, Any]:
    data = datasets.load("fashion-mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "ann_accuracy": trained_accuracy("fashion_leaky", data),
        "forms": {name: _form(*form, data) for name, form in FORMS.items()},
    }


def _form(method: methods.Method, leaky: str, data: datasets.Dataset) -> dict[str, Any]:
    network = model(
        "fashion_leaky", "fashion-mnist", method=method, substitute={"LeakyReLU": leaky}
    )
    result = shown(network, data.images, STEPS)
    curve = result.accuracy_over_time(data.labels)
    return {
        "curve": curve,
        "steps_to_98": steps_to(curve, 0.98 * curve[-1]),
        "spikes": spikes(result),
        "rates": {layer: _largest(result, layer) for layer in ("conv1", "conv2")},
    }


def _largest(result: Result, layer: str) -> np.ndarray:
    """(channels,) rate of every channel, sorted: the 99.9 percentile of its neurons' rates, no sign."""
    rates = np.moveaxis(np.abs(result.coding(layer)), 1, 0)
    return np.sort(np.percentile(rates.reshape(len(rates), -1), 99.9, axis=1))


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    first, second, accuracy = figure.subplots(1, 3)
    for ax, layer in ((first, "conv1"), (second, "conv2")):
        for name in list(FORMS)[:4]:
            rates = data["forms"][name]["rates"][layer]
            ax.plot(rates, label=f"{name}: median {np.median(rates):.2f}")
        ax.set_xlabel("channel, sorted")
        ax.set_ylabel("its highest rates (parts of the maximal one)")
        ax.set_ylim(0, 1.5)
        ax.set_title(layer)
        ax.legend(loc="upper left", fontsize="small")
    for name, one in data["forms"].items():
        label = f"{name}: {100 * one['curve'][-1]:.1f} %, {one['steps_to_98']} steps"
        accuracy.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=label)
    accuracy.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    accuracy.set_xscale("log")
    accuracy.set_xlabel("steps")
    accuracy.set_ylabel("accuracy (%)")
    accuracy.set_title(f"fashion_leaky, {data['samples']} test images")
    accuracy.legend(loc="lower right", fontsize="x-small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
