"""Training with activations that end at one, and a percentile of activations that do not.

Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774, name training under the constraints of spiking neurons:
``mnist_clipped`` is ``mnist_fcn`` with activations clipped at 1, so its hidden layers spike with the weights
as trained, where those of ``mnist_fcn`` are divided by the 99.9 percentile of their activations. The last layer is
not clipped and takes its percentile in both. How many steps until the accuracy stays within half a point of the
trained network's own?
"""

from typing import Any

import numpy as np
from brian2 import ms
from common import CALIBRATION, main, model, spikes, trained_accuracy
from matplotlib.figure import Figure

from bioconv import datasets

NAME = "pfeiffer2018_clipped_training"
SAMPLES, STEPS, POINTS = 10_000, 64, 0.005
NETWORKS = ("mnist_fcn", "mnist_clipped")
#: How input arrives, the output is read, and presentations begin.
WAYS = {
    "constant, spikes": {},
    "constant, potential": {"readout": "potential"},
    "constant, spikes, from half a threshold": {"initial": 0.5},
    "constant, potential, from half a threshold": {"initial": 0.5, "readout": "potential"},
    "Poisson, spikes": {"encoder": "poisson"},
}


def compute() -> dict[str, Any]:
    data = datasets.load("mnist", samples=SAMPLES)
    trained = {name: trained_accuracy(name, data) for name in NETWORKS}
    return {
        "samples": SAMPLES,
        "steps": STEPS,
        "calibration": CALIBRATION,
        "points": POINTS,
        "ann_accuracy": trained,
        "ways": {
            way: {name: _row(name, options, data, trained[name]) for name in NETWORKS}
            for way, options in WAYS.items()
        },
    }


def _row(name: str, options: dict[str, Any], data: datasets.Dataset, ann: float) -> dict[str, Any]:
    network = model(name, method="percentile", precision="single", **options)
    record = {network.spiking.output: "v"} if options.get("readout") else None
    result = network.run(
        data.images, STEPS * ms, device="cpp_standalone", processes=2, record=record, progress=False
    )
    curve = result.accuracy_over_time(data.labels)
    return {
        "curve": curve,
        "steps_to_target": settled(curve, ann - POINTS),
        "spikes": spikes(result),
    }


def settled(curve: Any, accuracy: float) -> int:
    """Steps after which a curve stays at ``accuracy`` or above; 0 where it ends below."""
    below = np.flatnonzero(np.asarray(curve) < accuracy - 1e-9)
    first = int(below[-1]) + 2 if below.size else 1
    return first if first <= len(curve) else 0


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(15, 4), layout="constrained")
    axes = figure.subplots(1, len(data["ways"]), sharey=True)
    for ax, (way, rows) in zip(axes, data["ways"].items(), strict=True):
        for name, row in rows.items():
            needed = row["steps_to_target"] or f"> {data['steps']}"
            curve = 100 * np.array(row["curve"])
            (line,) = ax.plot(range(1, len(curve) + 1), curve, label=f"{name}: {needed} steps")
            target = 100 * (data["ann_accuracy"][name] - data["points"])
            ax.axhline(target, color=line.get_color(), ls=":", lw=0.8)
        ax.set_xscale("log")
        ax.set_ylim(90, 100)
        ax.set_xlabel("steps")
        ax.set_title(way.replace(", from", ",\nfrom"), fontsize="medium")
        ax.legend(loc="lower right", fontsize="small")
    axes[0].set_ylabel(f"accuracy on {data['samples']:,} test images (%)")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
