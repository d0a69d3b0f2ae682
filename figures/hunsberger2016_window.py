"""When to read the output of leaky neurons: ``mnist_softlif``, filtered by alpha synapses or not at all.

Hunsberger & Eliasmith (2016), arXiv 1611.05141: weights of a network that was trained with soft LIF neurons run
with LIF neurons as they are, and the answer is the mean output between two times ``c0`` and ``c1``. An output
that integrates holds that mean as the difference of two potentials. The efficiency is the operations of the trained
network, one for a neuron and two for a connection, over ``0.08`` for a synaptic event and ``0.25`` for an update of a neuron
in a step of 1 ms, until ``c1``. Constant input.
"""

from typing import Any

import numpy as np
from brian2 import ms
from common import main, model, shown, trained_accuracy, weights
from matplotlib.figure import Figure

import bioconv
from bioconv import analysis, datasets
from bioconv.neurons import Alpha

NAME = "hunsberger2016_window"
SAMPLES, STEPS = 2000, 200
LENGTHS = (1, 2, 3, 5, 10, 20, 40, 80, 120)
BEGINS, ENDS = (0, 20, 40, 50, 60, 80, 100, 120), (10, 20, 30, 40, 60, 80, 100, 120, 140, 160, 200)
SYNAPSES = {"alpha, 5 ms": Alpha(tau=5 * ms), "alpha, 2 ms": Alpha(tau=2 * ms), "none": "delta"}
#: Operations of the trained network that a synaptic event and a neuron's update are worth.
EVENT, UPDATE = 0.08, 0.25


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "ann_accuracy": trained_accuracy("mnist_softlif", data),
        "begins": BEGINS,
        "ends": ENDS,
        "lengths": LENGTHS,
        "synapses": {name: _read_out(synapse, data) for name, synapse in SYNAPSES.items()},
    }


def _read_out(synapse: Any, data: datasets.Dataset) -> dict[str, Any]:
    network = model("mnist_softlif", synapse=synapse, readout="potential")
    output = network.spiking.output
    result = shown(network, data.images, STEPS, record={output: "v"})
    potentials = np.moveaxis(result.traces[output].values, 1, 0)  # of the output's neurons in order
    potentials = potentials[:, :, np.argsort(result.traces[output].neurons)]
    after = np.concatenate([np.full_like(potentials[:1], result.traces[output].rest), potentials])

    def accuracy(begin: int, end: int) -> float:
        return float(np.mean((after[end] - after[begin]).argmax(axis=1) == data.labels))

    return {
        "accuracy": [
            [accuracy(begin, end) if end > begin else None for end in ENDS] for begin in BEGINS
        ],
        "by_length": [accuracy(STEPS - length, STEPS) for length in LENGTHS],
        **_cost(network, result),
    }


def _cost(network: Any, result: bioconv.Result) -> dict[str, Any]:
    """Rates, and operations of the trained network over what the spiking one costs until ``c1``."""
    sizes = {population.name: population.size for population in network.spiking.populations}
    counted = analysis.operations(
        network.spiking, bioconv.read(weights("mnist_softlif")), result, network.fan_out()
    )
    trained = sum(sizes.values()) + 2 * counted.ann_multiply_adds
    each_step = (EVENT * counted.events + UPDATE * sum(sizes.values()) * STEPS) / STEPS
    spikes = sum(result.spikes_per_sample(layer) for layer in result.counts)
    return {
        "rate": spikes / sum(sizes.values()) / result.duration,
        "efficiency": [trained / (each_step * end) for end in ENDS],
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 9), layout="constrained")
    *surfaces, lengths = figure.subplots(2, 2).ravel()
    for ax, (name, one) in zip(surfaces, data["synapses"].items(), strict=True):
        accuracy = 100 * np.array(one["accuracy"], dtype=float)
        image = ax.imshow(
            accuracy, cmap="viridis", vmax=100, vmin=90, origin="lower", aspect="auto"
        )
        for (y, x), value in np.ndenumerate(accuracy):
            if not np.isnan(value):
                colour = "black" if value > 95 else "white"
                ax.text(x, y, f"{value:.1f}", ha="center", va="center", color=colour)
        ends = zip(data["ends"], one["efficiency"], strict=True)
        labels = [f"{end}\n{ratio:.1f}×" for end, ratio in ends]
        ax.set_xticks(range(len(labels)), labels, fontsize="small")
        ax.set_yticks(range(len(data["begins"])), data["begins"])
        ax.set_xlabel("end of the window $c_1$ (ms), and efficiency")
        ax.set_ylabel("begin of the window $c_0$ (ms)")
        ax.set_title(f"synapse: {name}; mean rate {one['rate']:.1f} Hz")
        figure.colorbar(image, ax=ax, label="accuracy (%)")
        lengths.plot(data["lengths"], 100 * np.array(one["by_length"]), "o-", label=name)
    lengths.axhline(100 * data["ann_accuracy"], color="black", ls=":", label="trained network")
    lengths.set_xscale("log")
    lengths.set_xlabel(f"length of a window that ends at {data['steps']} ms (ms)")
    lengths.set_ylabel("accuracy (%)")
    lengths.legend(title="synapse")
    figure.suptitle(
        f"mnist_softlif, {data['samples']} test images, trained network "
        f"{100 * data['ann_accuracy']:.1f} %"
    )  # fmt: skip
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
