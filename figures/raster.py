"""Spikes of all layers of ``mnist_cnn`` for three digits."""

from matplotlib.figure import Figure
from mnist_cnn import DURATION, main, model

from bioconv import Result, datasets, plots


def compute() -> Result:
    images = datasets.load("mnist", samples=3).images
    return model().run(images, DURATION, record="spikes")


def draw(result: Result) -> Figure:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    plots.raster(figure.subplots(), result, sample=[0, 1, 2])
    return figure


if __name__ == "__main__":
    main("raster", compute, draw)
