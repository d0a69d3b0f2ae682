"""The potential of one neuron of each layer of ``mnist_cnn`` while it sees a digit."""

import numpy as np
from matplotlib.figure import Figure
from mnist_cnn import DURATION, main, model

from bioconv import Result, datasets, plots


def compute() -> Result:
    """Of each layer the firing neuron whose rate is nearest to 200 Hz, so that something can be seen."""
    images = datasets.load("mnist", samples=1).images
    network = model()
    counts = network.run(images, DURATION).counts
    chosen = {layer: _nearest(n.ravel(), 20) for layer, n in counts.items()}
    record = {layer: {"spikes": True, "v": [neuron]} for layer, neuron in chosen.items()}
    return network.run(images, DURATION, record=record)


def _nearest(counts: np.ndarray, target: int) -> int:
    return int(np.where(counts > 0, np.abs(counts - target), np.inf).argmin())


def draw(result: Result) -> Figure:
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    axes = figure.subplots(len(result.traces), sharex=True)
    for ax, layer in zip(axes, result.traces, strict=True):
        plots.membrane(ax, result, layer, int(result.traces[layer].neurons[0]))
        ax.label_outer()
    return figure


if __name__ == "__main__":
    main("membrane", compute, draw)
