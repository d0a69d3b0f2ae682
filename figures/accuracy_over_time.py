"""Accuracy of ``mnist_cnn`` on the first 1,000 test images after each step."""

from dataclasses import replace

from matplotlib.figure import Figure
from mnist_cnn import DURATION, WEIGHTS, main, model

import bioconv
from bioconv import Result, datasets, plots

SAMPLES = 1000


def compute() -> Result:
    """Only what the figure needs is kept: the output's spikes, and how the trained network did."""
    data = datasets.load("mnist", samples=SAMPLES)
    result = model().run(data.images, DURATION)
    answers = bioconv.reference(bioconv.read(WEIGHTS), data.images).argmax(axis=1)
    accuracy = float((answers == data.labels).mean())
    return replace(
        result,
        counts={result.output: result.counts[result.output]},
        provenance={
            **result.provenance, "ann_accuracy": accuracy, "labels": data.labels.tolist(),
        },
    )  # fmt: skip


def draw(result: Result) -> Figure:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    plots.accuracy_over_time(
        figure.subplots(), result, result.provenance["labels"], result.provenance["ann_accuracy"]
    )
    return figure


if __name__ == "__main__":
    main("accuracy_over_time", compute, draw)
