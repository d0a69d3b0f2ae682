"""Every input code with every way to read the output of ``mnist_fcn``: accuracy, time, spikes.

Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774, name the codes and the decisions; the table is ours. The
network is converted once, with the 99.9 percentile of 500 training images; a presentation takes 100 ms,
and what a rule reads is what had happened by its decision.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

import bioconv
from bioconv import RankOrder, Result, TimeToFirstSpike, analysis, datasets
from bioconv.analysis import Potential

HERE = Path(__file__).parent
DATA = HERE / "data" / "pfeiffer2018_codes_decisions.json"
WEIGHTS = HERE.parent / "models" / "mnist_fcn" / "weights.h5"
SAMPLES, AT_ONCE = 2000, 250

CODES = {
    "current": "constant",
    "regular rate": "regular",
    "Bernoulli rate": "bernoulli",
    "first spike": TimeToFirstSpike(),
    "first spike, all alike": TimeToFirstSpike(weighted=False),
    "rank order, m = 0.99": RankOrder(modulation=0.99),
}
RULES = {
    "D1 most spikes": "max_count",
    "D2 ten spikes": "total_count:10",
    "D3 first spike": "first_spike",
    "D4 lead of three": "margin:3",
    "D5 integrated potential": Potential(with_spikes=True),
    "D6 rate over 20 ms": "smoothed_rate:0.02",
}


def compute() -> dict[str, Any]:
    """``codes[code]``: cells of the table, when 95 % of the accuracy are reached, area under its curve."""
    data = datasets.load("mnist", samples=SAMPLES)
    answers = bioconv.reference(bioconv.read(WEIGHTS), data.images).argmax(axis=1)
    return {
        "samples": SAMPLES,
        "ann_accuracy": float((answers == data.labels).mean()),
        "codes": {code: _row(encoder, data) for code, encoder in CODES.items()},
    }


def _row(encoder: Any, data: datasets.Dataset) -> dict[str, Any]:
    """A code under all rules, some images after the other: their spikes are many."""
    calibration = datasets.load("mnist", "train", samples=500).images
    model = bioconv.to_brian(WEIGHTS, calibration=calibration, encoder=encoder)
    record = dict.fromkeys(model.layers, "spikes") | {model.spiking.output: "v"}
    parts = []
    for start in range(0, SAMPLES, AT_ONCE):
        here = slice(start, start + AT_ONCE)
        result = model.run(
            data.images[here], 100 * ms, device="cpp_standalone", record=record, first_sample=start
        )
        cells = {name: _cell(result, rule, data.labels[here]) for name, rule in RULES.items()}
        parts.append((cells, result.accuracy_over_time(data.labels[here])))
    curve = np.mean([curve for _, curve in parts], axis=0)
    return {
        "t_95": analysis.t_95(curve) * result.dt * 1e3,
        "area": analysis.area_under_curve(curve),
        "cells": {
            rule: {
                name: float(np.mean([cells[rule][name] for cells, _ in parts]))
                for name in ("accuracy", "ms", "spikes")
            }
            for rule in RULES
        },
    }


def _cell(result: Result, rule: Any, labels: np.ndarray) -> dict[str, float]:
    """Means over the images: accuracy, milliseconds, and spikes of all layers until the decision."""
    decision = analysis.decide(result, rule)
    return {
        "accuracy": decision.accuracy(labels),
        "ms": decision.mean_steps * result.dt * 1e3,
        "spikes": analysis.spikes_until(result, decision).mean(),
    }


def draw(data: dict[str, Any]) -> Figure:
    codes = data["codes"]
    rows = [list(code["cells"].values()) for code in codes.values()]
    accuracy = 100 * np.array([[cell["accuracy"] for cell in row] for row in rows])
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(accuracy, cmap="viridis", vmax=100, aspect="auto")
    for (y, x), value in np.ndenumerate(accuracy):
        cell = rows[y][x]
        text = f"{value:.1f} %\n{cell['ms']:.1f} ms\n{cell['spikes']:,.0f} spikes"
        colour = "black" if value > (accuracy.min() + 100) / 2 else "white"
        ax.text(x, y, text, ha="center", va="center", color=colour, fontsize="small")
    rules = next(iter(codes.values()))["cells"]
    ax.set_xticks(range(len(rules)), [rule.replace(" ", "\n", 1) for rule in rules])
    ax.set_yticks(
        range(len(codes)), [f"{name}\n$t_{{95}}$ = {code['t_95']:.0f} ms" for name, code in codes.items()]
    )  # fmt: skip
    ax.set_xlabel("decision")
    ax.set_ylabel("input code")
    ax.set_title(
        f"mnist_fcn on {data['samples']:,} test images (trained network: "
        f"{100 * data['ann_accuracy']:.1f} %)"
    )  # fmt: skip
    figure.colorbar(image, ax=ax, label="accuracy (%)")
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw pfeiffer2018_codes_decisions.png.")
    parser.add_argument("--compute", action="store_true", help="run the network again")
    if parser.parse_args().compute or not DATA.exists():
        DATA.write_text(json.dumps(compute(), indent=1) + "\n")
    figure = draw(json.loads(DATA.read_text()))
    figure.savefig(HERE / "pfeiffer2018_codes_decisions.png", dpi=130)
