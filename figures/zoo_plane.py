"""Accuracy, latency and energy of the zoo's classifiers in one plane.

The picture that surveys draw by hand, measured: every conversion of ``models/evaluate.py`` and every network that was trained as it
spikes. Accuracies and spikes are of the whole test set, from the tables of ``models/README.md``; latency counts steps until the answer,
and a few-spike layer waits for the one before it. Energy is that of the arithmetic at 45 nm (Horowitz 2014), as
:func:`bioconv.analysis.energy` has it: memory, updates of neurons and leakage are not in it. It is counted here, with 250 or 500 images
where there are few spikes, else with ten, all from the whole test set; the former have a course too, energy and accuracy after each
step of one run. There an answer by spikes is wrong until the output has sent one.
"""

import re
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from common import HERE, data_file, main
from common import spikes as spikes_of
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from zoo import (
    CONVERTED,
    KINDS,
    TRAINED,
    Case,
    brian,
    kept,
    kind,
    rectifiers,
    run,
    source,
    test_images,
)

from bioconv import Result, analysis
from bioconv.graph import Network

NAME = "zoo_plane"
PARTIAL = data_file(NAME).with_suffix(".partial")
#: Networks with few enough spikes for a course, which are shown one image in so many; the others are shown ten.
COURSES = {
    "mnist_binary": 20, "tssl_fashion": 20, "spikegrad_mnist": 40, "mnist_qcfs": 20,
    "mnist_fcn": 20, "mnist_deep": 20, "fashion_fcn": 20,
}  # fmt: skip
MANY, POINTS = 1000, 30
TABLES = HERE.parent / "models" / "README.md"


def compute() -> dict[str, Any]:
    """All rows; those of a run that was stopped are kept in ``PARTIAL``, one a line, and not counted again."""
    made = {_key(case): partial(_row, case) for case in _cases()}
    rows = joined(kept(PARTIAL, made))
    PARTIAL.unlink()
    return rows


def _cases() -> list[Case]:
    """First those with few spikes."""
    return sorted((*TRAINED, *CONVERTED), key=lambda case: (case.model not in COURSES, case.steps))


def _key(case: Case) -> str:
    return f"{case.model}, {case.steps}"


def joined(counted: dict[str, Any]) -> dict[str, Any]:
    """What the tables tell of every network beside what was counted; None where nothing was."""
    known = told(TABLES.read_text())
    rows = {
        _key(case): {
            "model": case.model,
            "data": case.data,
            "kind": kind(case.model),
            "steps": case.steps,
            **known[_key(case)],
            "counted": counted.get(_key(case)),
        }
        for case in _cases()
    }
    return {"rows": rows}


def told(tables: str) -> dict[str, dict[str, Any]]:
    """{model and steps: accuracy of the whole test set, method, spikes} of the zoo's tables.

    A network that was trained as it spikes has its row among the models, a conversion in the table of those.
    """
    accuracy = dict(re.findall(r"^\| \[(\w+)\]\(\w+\) .* ([\d.]+) % \|", tables, re.MULTILINE))
    rows: dict[str, dict[str, Any]] = {
        _key(case): {"method": "as trained", "accuracy": float(accuracy[case.model])}
        for case in TRAINED
    }
    pattern = r"^\| (\w+) \| (?!auto)(.*?) \| (\d+) \| ([\d.]+) \| ([\d.]+) \(.* \| (\d+) \|$"
    for name, method, steps, trained, found, spikes in re.findall(pattern, tables, re.MULTILINE):
        rows[f"{name}, {steps}"] = {
            "method": method,
            "accuracy": float(found),
            "trained_accuracy": float(trained),
            "spikes": int(spikes),
        }
    return rows


def _row(case: Case) -> dict[str, Any]:
    data = test_images(case.data, COURSES.get(case.model, MANY))
    model, network = brian(case), source(case.model)
    waits = case.options.get("method") == "few_spike"
    course = case.model in COURSES and not waits
    result = run(model, data.images, case.steps, _record(model) if course else None)
    counted = _operations(model, network, result)
    return {
        "images": len(data.labels),
        "latency": case.steps * (max(model.spiking.depths.values()) if waits else 1),
        "spikes": spikes_of(result),
        "events": counted.events,
        "energy": analysis.energy(counted).spiking,
        "ann_energy": analysis.energy(counted).ann,
        "course": _course(model, result, data.labels, counted) if course else None,
    }


def _record(model: Any) -> dict[str, str]:
    """Spikes, and potentials of an output without."""
    populations = model.spiking.populations
    return {
        p.name: "spikes" if p.spiking else "v"
        for p in populations
        if p.spiking or p.name == model.spiking.output
    }


def _operations(model: Any, network: Any, result: Result) -> analysis.Operations:
    """Rectifiers stand for a network that was never one; an image shown once is added once."""
    trained = network if isinstance(network, Network) else rectifiers(model)
    counted = analysis.operations(model.spiking, trained, result, model.fan_out())
    once = model.settings.encoder.stepwise
    return replace(counted, updates=counted.updates / result.n_steps) if once else counted


def _course(
    model: Any, result: Result, labels: np.ndarray, counted: analysis.Operations
) -> dict[str, Any]:
    """Accuracy after so many steps, and the energy until then."""
    steps = np.unique(np.rint(np.geomspace(1, result.n_steps, POINTS)).astype(int))
    accuracy = result.accuracy_over_time(labels)[steps - 1]
    events, fan_out = np.zeros(result.n_steps), model.fan_out()
    for layer, fired in result.spikes.items():
        each = np.broadcast_to(fan_out[layer], result.counts[layer].shape[1:]).ravel()
        events += np.bincount(fired.step, each[fired.neuron], minlength=result.n_steps)
    events = events.cumsum() / result.n_samples
    begun = 1 if model.settings.encoder.stepwise else steps / result.n_steps
    ops = zip(events[steps - 1], begun * counted.updates * np.ones(len(steps)), strict=True)
    energies = [analysis.energy(replace(counted, events=e, updates=u)).spiking for e, u in ops]
    return {"steps": steps, "accuracy": accuracy, "energy": energies}


MARKERS = dict(zip(KINDS, (("o", 70), ("s", 60), ("*", 260)), strict=True))
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}
#: Joules that colours tell apart, the largest error in sight (per cent); answers after more steps have labels in a column.
RANGE, WORST, LATE = (1e-6, 1e-3), 60, 7


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(18, 7.5), layout="constrained")
    norm, rows = LogNorm(*RANGE), list(data["rows"].values())
    panels = figure.subplots(1, len(TITLES))
    for ax, (dataset, title) in zip(panels, TITLES.items(), strict=True):
        _panel(ax, [row for row in rows if row["data"] == dataset], norm)
        ax.set_title(f"{title}: points, whole test set; courses, up to 500 images of it")
    panels[0].set_ylabel("accuracy (%), by the logarithm of the error")
    for name, (marker, size) in MARKERS.items():
        panels[1].scatter([], [], size, "white", marker=marker, edgecolor="black", label=name)
    panels[1].legend(loc="lower right", fontsize="small")
    figure.colorbar(
        ScalarMappable(norm, "viridis_r"), ax=panels, pad=0.01, aspect=40,
        label="arithmetic of an image until then (J, 45 nm); white: not counted; ×: parts of what rectifiers take",
    )  # fmt: skip
    return figure


def _panel(ax: Any, rows: list[dict[str, Any]], norm: LogNorm) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(WORST, 0.85 * min(map(_error, rows)))
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50) if tick > ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{100 - tick:g}" for tick in ticks])
    ax.set_xlim(0.8, 500)
    ax.set_xticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
    ax.minorticks_off()
    ax.grid(color="0.92")
    ax.set_xlabel("steps until the answer")
    for row in rows:
        if row["counted"] and row["counted"]["course"]:
            _draw_course(ax, row["counted"]["course"], norm)
        colour = ScalarMappable(norm, "viridis_r").to_rgba(_counted(row, "energy") or np.nan)
        marker, size = MARKERS[row["kind"]]
        fill = [colour] if row["counted"] else "white"
        ax.scatter(
            _latency(row), _error(row), size, fill, marker=marker, edgecolor="black", zorder=3
        )
    early = [row for row in rows if _latency(row) <= LATE]
    for row in early:
        place = _latency(row), _error(row)
        label = _label(row).replace(": ", "\n")
        ax.annotate(label, place, (8, 4), textcoords="offset points", fontsize="small")
    _column(ax, [row for row in rows if row not in early])


def _draw_course(ax: Any, course: dict[str, Any], norm: LogNorm) -> None:
    error = np.maximum(100 * (1 - np.array(course["accuracy"])), 0.1)
    points = np.stack([course["steps"], error], axis=1)
    pieces = LineCollection(list(map(list, pairwise(points))), cmap="viridis_r", norm=norm, lw=2)
    pieces.set_array(np.array(course["energy"][1:]))
    ax.add_collection(pieces)


def _error(row: dict[str, Any]) -> float:
    return 100 - row["accuracy"]


def _counted(row: dict[str, Any], name: str) -> Any:
    return row["counted"] and row["counted"][name]


def _latency(row: dict[str, Any]) -> int:
    return _counted(row, "latency") or row["steps"]


def _label(row: dict[str, Any]) -> str:
    name = row["model"] + " (few spikes)" * row["method"].startswith("FewSpike")
    spikes = row.get("spikes") or _counted(row, "spikes")
    label = f"{name}: {spikes:,.0f} spikes" if spikes else name
    if not row["counted"]:
        return label
    energy = row["counted"]["energy"]
    return f"{label}, {1e6 * energy:.3g} µJ, {energy / row['counted']['ann_energy']:.2g}×"


def _column(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Labels beside the panel, in the order of their networks' errors, with a line to each."""
    for place, row in enumerate(sorted(rows, key=lambda row: (_error(row), -row["steps"]))):
        ax.annotate(
            _label(row), (_latency(row), _error(row)), (1.03, 0.98 - 0.045 * place),
            textcoords="axes fraction", fontsize="small", va="center",
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.6, "relpos": (0, 0.5)},
        )  # fmt: skip


if __name__ == "__main__":
    main(NAME, compute, draw)
