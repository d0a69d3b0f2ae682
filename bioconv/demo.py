"""The pictures of ``bioconv demo``: spikes, potentials, accuracy, rates against activations."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bioconv import plots
from bioconv.datasets import Dataset
from bioconv.graph import Network, activations
from bioconv.result import Result

#: Samples whose rates are compared with activations.
COMPARED = 100
#: Neurons of a hidden layer whose potential is recorded.
TRACED = 16


def recorded(model: Any) -> dict[str, Any]:
    """All spikes, and some potentials."""
    return {
        layer: {"spikes": True, "v": list(range(min(TRACED, int(np.prod(shape)))))}
        for layer, shape in model.layers.items()
    }


def draw(
    folder: Path, network: Network, result: Result, data: Dataset, ann_accuracy: float
) -> list[Path]:
    """Write all pictures into ``folder``; their paths."""
    first = next(iter(result.traces))
    busiest = int(result.traces[first].neurons[_busiest(result, first)])
    pictures = {
        "raster.png": lambda ax: plots.raster(ax, result, sample=[0, 1, 2]),
        "membrane.png": lambda ax: plots.membrane(ax, result, first, busiest),
        "accuracy.png": lambda ax: plots.accuracy_over_time(ax, result, data.labels, ann_accuracy),
    }
    paths = []
    for name, picture in pictures.items():
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        picture(figure.subplots())
        figure.savefig(folder / name, dpi=130)
        paths.append(folder / name)
    paths.append(_rates(folder / "rates.png", network, result, data))
    return paths


def _busiest(result: Result, layer: str) -> int:
    """Which of the traced neurons fires most in the first sample."""
    counts = result.counts[layer][0].ravel()
    return int(np.argmax(counts[result.traces[layer].neurons]))


def _rates(path: Path, network: Network, result: Result, data: Dataset) -> Path:
    """Rates of every layer against the activations, for the first samples."""
    some = result.first(min(COMPARED, result.n_samples))
    values = activations(network, data.images[: some.n_samples])
    figure = Figure(figsize=(4.5 * len(some.counts), 4.5), layout="constrained")
    axes = figure.subplots(1, len(some.counts), squeeze=False)[0]
    for ax, layer in zip(axes, some.counts, strict=True):
        plots.rate_against_activation(ax, some, values, layer)
    figure.savefig(path, dpi=130)
    return path
