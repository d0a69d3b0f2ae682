"""A drawing learned as a raster: every row a neuron, every mark a spike at its time.

Zenke & Ganguli (2018), Neural Computation 30:1514: the output's neurons learn a picture from frozen noise, through a
hidden layer. One seed for each way of the error back.
"""

from typing import Any

import common
import numpy as np
from matplotlib.figure import Figure

from bioconv.learn import superspike
from bioconv.learn.superspike import Raster

NAME = "superspike_picture"
POINTS = 40
#: Simulated.
SECONDS = 640.0


def compute() -> dict[str, Any]:
    task = superspike.tasks.picture(0)
    return {
        "seconds": SECONDS,
        "rows": task.targets.size,
        "duration": task.duration,
        "hidden": task.hidden,
        "targets": _spikes(task.targets),
        "feedback": {kind: _learned(task, kind) for kind in superspike.FEEDBACK},
    }


def _learned(task: superspike.Task, feedback: str) -> dict[str, Any]:
    """Losses are means over equal parts of the training, but for the first trial and the last."""
    one = superspike.train(task, feedback=feedback, seconds=SECONDS, device="cpp_standalone")
    return {
        "loss": [part.mean() for part in np.array_split(one.loss, POINTS)],
        "first_loss": one.loss[0],
        "last_loss": one.loss[-1],
        "first": _spikes(one.first["output"]),
        "last": _spikes(one.last["output"]),
        "rate": one.rates["hidden"][-1],
    }


def _spikes(raster: Raster) -> list[np.ndarray]:
    """Times by neuron."""
    return [raster.of(neuron) for neuron in range(raster.size)]


def met(data: dict[str, Any], kind: str) -> int:
    """How many marks of the drawing are met within 2 ms, all rows together."""
    return sum(map(common.met, data["targets"], data["feedback"][kind]["last"]))


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 6), layout="constrained")
    top, bottom = figure.subplots(2, 3)
    symmetric = data["feedback"]["symmetric"]
    _raster(top[0], data["targets"], "targets", data)
    _raster(top[1], symmetric["first"], "first trial", data)
    _curves(top[2], data)
    for ax, (kind, row) in zip(bottom, data["feedback"].items(), strict=True):
        _raster(ax, row["last"], f"last trial, {kind} feedback", data)
    return figure


def _raster(ax: Any, trains: list[list[float]], title: str, data: dict[str, Any]) -> None:
    for row, times in enumerate(trains):
        ax.plot(1e3 * np.array(times), [row] * len(times), "|", color="C0", markersize=6)
    if not any(trains):
        ax.text(500 * data["duration"], data["rows"] / 2, "silent", ha="center", va="center")
    ax.set_xlim(0, 1e3 * data["duration"])
    ax.set_ylim(-1, data["rows"])
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("neuron")
    ax.set_title(title)


def _curves(ax: Any, data: dict[str, Any]) -> None:
    for kind, row in data["feedback"].items():
        time = data["seconds"] * (np.arange(len(row["loss"])) + 0.5) / len(row["loss"])
        ax.plot(time, 1e3 * np.array(row["loss"]), label=kind)
    ax.set_yscale("log")
    ax.set_xlabel("simulated time (s)")
    ax.set_ylabel("van Rossum loss (ms)")
    ax.set_title("all rows together")
    ax.set_ylim(1, 1000)
    ax.legend(title="feedback", loc="upper right")


if __name__ == "__main__":
    common.main(NAME, compute, draw)
