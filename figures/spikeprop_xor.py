"""The exclusive or of two spike times, learnt by SpikeProp from ten seeds, and replayed in Brian2.

Bohte, Kok & La Poutré (2002), Neurocomputing 48:17: two inputs at 0 or 6 ms and a reference, five hidden neurons, one output
that is to spike at 10 or 16 ms. All weights here may have either sign; no hidden neuron is chosen to inhibit.
"""

from typing import Any

import numpy as np
from common import main
from matplotlib.figure import Figure

from bioconv.learn import spikeprop

NAME = "spikeprop_xor"
SEEDS, HIDDEN = 10, 5
#: Steps of the replay and of the traces, and how near a spike is to be to its target, ms.
DT, TRACE_DT, NEAR = 0.01, 0.1, 1.0
TRACED = 0


def compute() -> dict[str, Any]:
    inputs, targets = spikeprop.xor()
    trained = [_trained(seed, inputs, targets) for seed in range(SEEDS)]
    return {
        "inputs": inputs[:, :2],
        "targets": targets[:, 0],
        "dt": DT,
        "seeds": [_row(seed, one, inputs) for seed, one in enumerate(trained)],
        "trace_dt": TRACE_DT,
        "traces": trained[TRACED].network.trace(inputs, TRACE_DT)[-1][..., 0],
    }


def _start(seed: int) -> spikeprop.Network:
    return spikeprop.Network.random([3, HIDDEN, 1], seed=seed)


def _trained(seed: int, inputs: np.ndarray, targets: np.ndarray) -> spikeprop.Trained:
    return spikeprop.train(_start(seed), inputs, targets, progress=False)


def _row(seed: int, one: spikeprop.Trained, inputs: np.ndarray) -> dict[str, Any]:
    """Times in ms; differences are of all spikes of hidden neurons and output."""
    exact, grid = one.network.times(inputs), one.network.times(inputs, DT)
    replayed = one.network.replay(inputs, DT)
    found = np.concatenate(replayed, axis=1)
    return {
        "errors": one.errors,
        "before": _start(seed).times(inputs)[-1][:, 0],
        "after": exact[-1][:, 0],
        "replayed": replayed[-1][:, 0],
        "spikes": int(np.isfinite(found).sum()),
        "off_grid": float(abs(found - np.concatenate(grid, axis=1)).max()),
        "off_exact": float(abs(found - np.concatenate(exact, axis=1)).max()),
    }


def solved(row: dict[str, Any], targets: list[float]) -> bool:
    """Every output spike in Brian2 is within 1 ms of its target."""
    return bool((np.abs(np.subtract(row["replayed"], targets)) < NEAR).all())


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _errors(left, data)
    _times(middle, data)
    _membranes(right, data)
    return figure


def _errors(ax: Any, data: dict[str, Any]) -> None:
    rows = data["seeds"]
    for row in rows:
        ax.plot(row["errors"], color="C0", alpha=0.5)
    n = sum(solved(row, data["targets"]) for row in rows)
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("error (ms²)")
    ax.set_title(f"{n} of {len(rows)} seeds solve the exclusive or")


def _times(ax: Any, data: dict[str, Any]) -> None:
    places = np.arange(len(data["targets"]))
    shift = np.linspace(-0.12, 0.12, len(data["seeds"]))
    for name, marker, colour, aside in (
        ("before", "x", "0.5", -0.2), ("replayed", "o", "C0", 0.2),
    ):  # fmt: skip
        label = {"before": "before", "replayed": "trained, in Brian2"}[name]
        for row, here in zip(data["seeds"], shift, strict=True):
            ax.plot(places + aside + here, row[name], marker, color=colour, ms=4, label=label)
            label = None
    ax.hlines(data["targets"], places - 0.4, places + 0.4, color="C3", label="target")
    ax.set_xticks(places, [f"{a:g}, {b:g}" for a, b in data["inputs"]])
    ax.set_xlabel("input spikes (ms)")
    ax.set_ylabel("output spike (ms)")
    ax.set_title(f"{len(data['seeds'])} seeds")
    ax.legend(fontsize="small")


def _membranes(ax: Any, data: dict[str, Any]) -> None:
    traces, row = np.array(data["traces"]), data["seeds"][TRACED]
    time = data["trace_dt"] * np.arange(traces.shape[1])
    shown = time <= 20
    for k, ((a, b), trace) in enumerate(zip(data["inputs"], traces, strict=True)):
        ax.plot(time[shown], trace[shown], color=f"C{k}", label=f"inputs at {a:g} and {b:g} ms")
        ax.plot(row["replayed"][k], 1, "o", color=f"C{k}")
    ax.axhline(1, color="black", linewidth=0.8, linestyle=":")
    for target in sorted(set(data["targets"])):
        ax.axvline(target, color="black", linewidth=0.8, linestyle="--")
    ax.set_xlabel("time (ms)")
    ax.set_ylim(-0.6, 3.5)
    ax.set_ylabel("potential of the output (thresholds)")
    ax.set_title(f"Brian2, seed {TRACED}; targets dashed")
    ax.legend(fontsize="small")


if __name__ == "__main__":
    main(NAME, compute, draw)
