"""Rates of a neuron under constant drive, and what its layer's membranes hold back.

Rueckauer et al. (2017), Front. Neurosci. 11:682. With ``n`` the steps to a threshold, ``e = n z - 1`` what they bring
beyond it and ``V`` the potential after ``T`` steps, a drive of ``z`` thresholds a step gives the rates::

    z - V/T                           reset by subtraction
    (z - V/T) / (1 + e)               reset to zero

In a network with reset by subtraction, ``W r_before + b - V/T`` is the rate of every layer.
"""

from typing import Any

import numpy as np
from brian2 import ms
from common import main, model, shown, weights
from matplotlib.figure import Figure

import bioconv
from bioconv import analysis, datasets, trials

NAME = "rueckauer2017_rates"
STEPS, SAMPLES = 200, 20
RESETS = ("subtract", "zero")
NETWORKS = ("mnist_fcn", "mnist_deep")


def compute() -> dict[str, Any]:
    drives = np.linspace(0, 1, 101)
    return {
        "steps": STEPS,
        "drives": drives,
        "neuron": {reset: _neuron(reset, drives) for reset in RESETS},
        "samples": SAMPLES,
        "networks": {name: _unexplained(name) for name in NETWORKS},
    }


def _neuron(reset: str, drives: np.ndarray) -> dict[str, Any]:
    """Rates that a neuron has, and those of the formula with the potential that it ends at."""
    network = bioconv.to_brian([[[1.0]]], method="unscaled", reset=reset)
    result = network.run(drives[:, None], STEPS * ms, device="numpy", record="residual")
    rates = result.counts[result.output].ravel() / STEPS
    charge = drives - result.residuals[result.output].ravel() / STEPS
    formula = charge if reset == "subtract" else charge / (1 + _beyond(drives))
    return {"rates": rates, "deviation": float(abs(rates - formula).max())}


def _beyond(drives: np.ndarray) -> np.ndarray:
    """What the steps to a threshold bring beyond it; nothing for a drive that never gets there."""
    needed = np.ceil(1 / np.maximum(drives, 1e-9) - 1e-9)
    return np.where(drives > 0, needed * drives - 1, 0)


def _unexplained(name: str) -> dict[str, float]:
    """{layer: largest deviation of a rate from what arrived less what is left in the membrane}."""
    images = datasets.load("mnist", samples=SAMPLES).images
    network, trained = model(name), bioconv.read(weights(name))
    result = shown(network, images, STEPS, record=trials.residuals(network))
    activations = bioconv.activations(trained, images)
    found = {}
    for population in network.spiking.populations:
        layer = population.name
        parts = analysis.error_parts(network.spiking, trained, result, activations, layer)
        found[layer] = float(abs(parts.lost).max())
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    neuron, layers = figure.subplots(1, 2)
    neuron.plot((0, 1), (0, 1), color="black", lw=0.8, ls=":")
    for reset, one in data["neuron"].items():
        label = f"reset {reset}: at most {one['deviation']:.0e} from the formula"
        neuron.plot(data["drives"], one["rates"], ".-", ms=4, label=label)
    neuron.set_xlabel("drive (thresholds a step)")
    neuron.set_ylabel("spikes a step")
    neuron.set_title(f"one neuron, {data['steps']} steps")
    neuron.legend(fontsize="small")
    for name, one in data["networks"].items():
        layers.semilogy(range(1, len(one) + 1), list(one.values()), "o-", label=name)
    layers.set_xlabel("layer")
    layers.set_ylabel("largest part of a rate not explained")
    layers.set_title(f"identity of layers, {data['samples']} test images")
    layers.legend()
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
