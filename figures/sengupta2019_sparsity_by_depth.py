"""Spikes of a neuron by layer, in networks of two to eight layers of the same width.

Sengupta et al. (2019), Front. Neurosci. 13:95: activity falls with depth. With thresholds from spikes (Spike-Norm) the
most that a step brings is one threshold, what it brings on average is less, and neurons of every layer fire less again.
Thresholds from activations are lower, and rates fall less. Poisson input, reset to zero.
"""

from typing import Any

import numpy as np
from common import main, model, shown, trained_accuracy
from matplotlib.figure import Figure

from bioconv import datasets, methods
from bioconv.analysis import spikes_per_neuron
from bioconv.graph import Network

NAME = "sengupta2019_sparsity_by_depth"
DEPTHS = (2, 4, 6, 8)
WIDTH, EPOCHS = 300, 6
SAMPLES, STEPS = 500, 500
CALIBRATION, CALIBRATION_STEPS = 100, 100
METHODS = {
    "Spike-Norm": methods.SpikeNorm(n_steps=CALIBRATION_STEPS),
    "data-based": methods.DataBased(),
}


def compute() -> dict[str, Any]:
    from nets import dense, network

    data = datasets.load("mnist", samples=SAMPLES)
    found = {}
    for depth in DEPTHS:
        trained = network(dense, "mnist", EPOCHS, depth, WIDTH, rate=1.5e-3)
        found[str(depth)] = {
            "ann_accuracy": trained_accuracy(trained, data),
            **{name: _spiking(trained, method, data) for name, method in METHODS.items()},
        }
    return {
        "width": WIDTH,
        "epochs": EPOCHS,
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "calibration_steps": CALIBRATION_STEPS,
        "depths": found,
    }


def _spiking(trained: Network, method: methods.Method, data: datasets.Dataset) -> dict[str, Any]:
    """Rates in spikes of a neuron and step; thresholds as the trained weights would need them."""
    network = model(trained, samples=CALIBRATION, method=method, reset="zero", encoder="poisson")
    result = shown(network, data.images, STEPS)
    return {
        "accuracy": result.accuracy(data.labels),
        "rates": {name: n / STEPS for name, n in spikes_per_neuron(result).items()},
        "active": {name: float((counts > 0).mean()) for name, counts in result.counts.items()},
        "thresholds": dict(network.report.thresholds),
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    *all_neurons, active = figure.subplots(1, 3, sharey=True)
    for ax, name in zip(all_neurons, METHODS, strict=True):
        for depth, one in data["depths"].items():
            rates = list(one[name]["rates"].values())
            label = f"{depth} layers: {100 * one[name]['accuracy']:.1f} %"
            ax.semilogy(range(len(rates)), rates, "o-", label=label)
        ax.set_title(f"{name}, {data['steps']} steps, {data['samples']} test images")
    for depth, one in data["depths"].items():
        rates, shares = (
            np.array(list(one["Spike-Norm"][part].values())) for part in ("rates", "active")
        )
        active.semilogy(range(len(rates)), rates / shares, "o-", label=f"{depth} layers")
    active.set_title("Spike-Norm, neurons that fire at all")
    all_neurons[0].set_ylabel("spikes of a neuron in a step")
    for ax in (*all_neurons, active):
        ax.set_xlabel("layer (0: the input)")
        ax.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
