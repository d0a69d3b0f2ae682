"""Answers over time at three rates of the input: ``mnist_cnn`` with its weights as trained.

Cao, Chen & Khosla (2015), Int. J. Comput. Vis. 113:54: a network that was trained without biases and with
average pooling is copied, reset to zero, and a pixel spikes in a step with probability ``c x``. ``c`` limits the
rates of all layers, so answers come later as it falls. An image dimmed by ``c`` gives the same trains.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import ms
from common import errors, main, model, shown, spikes, steps_to, trained, trained_accuracy
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets

NAME = "cao2015_rate"
SAMPLES, STEPS, TARGET = 500, 200, 0.98
DIGITS_STEPS = 200
RATES = {"0.1": 0.1, "1/3": 1 / 3, "1": 1.0}


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "target": TARGET,
        "ann_accuracy": trained_accuracy("mnist_cnn", data),
        "rates": {name: _at(rate, data) for name, rate in RATES.items()},
        "digits_mlp": _without_biases(),
    }


def _at(rate: float, data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_cnn", method="tailored", encoder="poisson")
    result = shown(network, data.images * rate, STEPS)
    curve = result.accuracy_over_time(data.labels)
    return {
        "curve": curve,
        "steps_to_target": steps_to(curve, TARGET),
        "spikes": spikes(result),
        **errors(result, trained("mnist_cnn", data.images * np.float32(rate)), "over"),
    }


def _without_biases() -> dict[str, Any]:
    """A network that was trained with biases, converted with them and stripped of them."""
    data = datasets.load("digits")
    images = datasets.load("digits", "train").images
    kept = bioconv.to_brian("digits_mlp", calibration=images).spiking
    dropped = replace(
        kept, populations=tuple(replace(p, bias=np.zeros_like(p.bias)) for p in kept.populations)
    )
    found: dict[str, Any] = {"samples": len(data.labels), "steps": DIGITS_STEPS}
    for name, network in (("kept", kept), ("dropped", dropped)):
        result = bioconv.to_brian(network).run(data.images, DIGITS_STEPS * ms, device="numpy")
        found[name] = result.accuracy(data.labels)
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for name, one in data["rates"].items():
        reached = one["steps_to_target"] or "never"
        label = f"c = {name}: {100 * data['target']:.0f} % after {reached} steps"
        ax.plot(range(1, data["steps"] + 1), 100 * np.array(one["curve"]), label=label)
    ax.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    ax.set_xscale("log")
    ax.set_xlabel("steps")
    ax.set_ylabel("accuracy (%)")
    ax.set_title(f"mnist_cnn, weights as trained, {data['samples']} test images")
    ax.legend()
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
