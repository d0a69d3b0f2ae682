"""Three tasks of precise spike timing, learned inside Brian2 with three ways for the error to travel back.

Zenke & Ganguli (2018), Neural Computation 30:1514: one neuron, a hidden layer of eight, and the exclusive or of two
delays through sixteen. Ten seeds, each with its own input and first weights, side by side in one run. The settings of
the rule were chosen on the first five; the others played no part in it.
"""

from typing import Any

import numpy as np
from common import main, met
from matplotlib.figure import Figure

from bioconv.learn import superspike
from bioconv.learn.superspike import Rule, Trained

NAME = "superspike_tasks"
SEEDS, CHOSEN_ON = 10, 5
POINTS = 40
#: Simulated.
SECONDS = 640.0
#: 1/volt**2
RHO = 3.0


def compute() -> dict[str, Any]:
    curves = {"one_neuron": {"none": _learned("one_neuron", "symmetric")}}
    for task in ("hidden_layer", "xor"):
        curves[task] = {kind: _learned(task, kind) for kind in superspike.FEEDBACK}
    return {
        "chosen_on": CHOSEN_ON,
        "seconds": SECONDS,
        "tasks": curves,
        "rho": RHO,
        "regularised": _learned("hidden_layer", "symmetric", rho=RHO),
    }


def _learned(task: str, feedback: str, rho: float = 0.0) -> list[dict[str, Any]]:
    """A row for every seed."""
    trained = superspike.train_each(
        [getattr(superspike.tasks, task)(seed) for seed in range(SEEDS)],
        feedback=feedback,
        seconds=SECONDS,
        rule=Rule(rho=rho),
        device="cpp_standalone",
    )
    return [_row(one) for one in trained]


def _row(one: Trained) -> dict[str, Any]:
    """Losses are means over equal parts of the training, but for the first trial and the last."""
    rates = one.rates.get("hidden", one.rates["output"])
    return {
        "loss": [float(part.mean()) for part in np.array_split(one.loss, POINTS)],
        "first_loss": one.loss[0],
        "last_loss": one.loss[-1],
        "first": one.first["output"].of(0),
        "last": one.last["output"].of(0),
        "targets": one.task.targets.of(0),
        "rate": [rates[0], rates[-1]],
    }


def solved(row: dict[str, Any]) -> bool:
    """Every target is met within 2 ms, and no spike is too many."""
    return met(row["targets"], row["last"]) == len(row["targets"]) == len(row["last"])


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 6), layout="constrained")
    top, bottom = figure.subplots(2, 3)
    for ax, (task, kinds) in zip(top, data["tasks"].items(), strict=True):
        _curves(ax, task, kinds, data)
    row = data["tasks"]["one_neuron"]["none"][0]
    _spikes(bottom[0], row, "one neuron, seed 0")
    _spikes(bottom[1], data["tasks"]["xor"]["symmetric"][0], "exclusive or, seed 0")
    _rates(bottom[2], data)
    return figure


def _curves(ax: Any, task: str, kinds: dict[str, Any], data: dict[str, Any]) -> None:
    for colour, (kind, rows) in zip(("C0", "C1", "C2"), kinds.items(), strict=False):
        curves = 1e3 * np.array([row["loss"] for row in rows])
        time = data["seconds"] * (np.arange(curves.shape[1]) + 0.5) / curves.shape[1]
        label = f"{kind}: {sum(map(solved, rows))} of {len(rows)} solved"
        ax.plot(time, np.maximum(curves, 1e-5).T, color=colour, alpha=0.25)
        ax.plot(time, np.maximum(np.median(curves, axis=0), 1e-5), color=colour, label=label)
    ax.set_yscale("log")
    ax.set_xlabel("simulated time (s)")
    ax.set_ylabel("van Rossum loss (ms)")
    ax.set_title(task.replace("_", " "))
    ax.set_ylim(5e-6, 200)
    ax.legend(title="feedback", loc="upper right", fontsize="small")


def _spikes(ax: Any, row: dict[str, Any], title: str) -> None:
    for height, name in enumerate(("last", "targets", "first")):
        ax.eventplot(1e3 * np.array(row[name]), lineoffsets=height, linelengths=0.8)
        if not row[name]:
            ax.text(250, height, "silent", ha="center", va="center")
    ax.set_ylim(-0.6, 2.6)
    ax.set_yticks(range(3), ["last trial", "targets", "first trial"])
    ax.set_xlim(0, 500)
    ax.set_xlabel("time (ms)")
    ax.set_title(title)


def _rates(ax: Any, data: dict[str, Any]) -> None:
    both = (data["tasks"]["hidden_layer"]["symmetric"], data["regularised"])
    for place, rows in enumerate(both):
        for row in rows:
            ax.plot([place - 0.2, place + 0.2], row["rate"], "o-", color=f"C{place}")
    names = [f"{name}: {sum(map(solved, rows))} of {len(rows)} solved"
             for name, rows in zip(("off", "on"), both, strict=True)]  # fmt: skip
    ax.set_xticks(range(2), names)
    ax.set_ylabel("rate (Hz), first and last trial")
    ax.set_title("hidden neurons, regulariser off and on")


if __name__ == "__main__":
    main(NAME, compute, draw)
