"""Every input code with every way to read the output: accuracy, time, spikes.

Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774, name the codes and the decisions; the table is ours. Codes of single
pixels are shown to ``mnist_fcn``; a population code is one that a network is trained on, so receptive fields
are shown to ``mnist_population``, whose classes are ten neurons each. There a neuron that a rule finds stands for its
class, and D7 takes the mean of a class's neurons. Both are converted with the 99.9 percentile of
500 training images; a presentation takes 100 ms, and what a rule reads is what had happened by its decision.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import population

import bioconv
from bioconv import RankOrder, Result, TimeToFirstSpike, analysis, datasets
from bioconv.analysis import PopulationVote, Potential

HERE = Path(__file__).parent
DATA = HERE / "data" / "pfeiffer2018_codes_decisions.json"
MODELS = HERE.parent / "models"
SAMPLES, AT_ONCE = 2000, 250

#: The network and the encoder of a code.
CODES = {
    "current": ("mnist_fcn", "constant"),
    "regular rate": ("mnist_fcn", "regular"),
    "Bernoulli rate": ("mnist_fcn", "bernoulli"),
    "first spike": ("mnist_fcn", TimeToFirstSpike()),
    "first spike, all alike": ("mnist_fcn", TimeToFirstSpike(weighted=False)),
    "rank order, m = 0.99": ("mnist_fcn", RankOrder(modulation=0.99)),
    "fields, regular rate": ("mnist_population", "regular"),
    "fields, first spike": ("mnist_population", TimeToFirstSpike()),
}
RULES = {
    "D1 most spikes": "max_count",
    "D2 ten spikes": "total_count:10",
    "D3 first spike": "first_spike",
    "D4 lead of three": "margin:3",
    "D5 integrated potential": Potential(with_spikes=True),
    "D6 rate over 20 ms": "smoothed_rate:0.02",
    "D7 mean of ten": PopulationVote(neurons_per_class=population.NEURONS),
}


def inputs(network: str, images: np.ndarray) -> np.ndarray:
    """What a network is shown of images."""
    return population.fields(images) if network == "mnist_population" else images


def neurons_of(network: str) -> int:
    """Output neurons of a class."""
    return population.NEURONS if network == "mnist_population" else 1


def rules(network: str) -> dict[str, Any]:
    """The rules that a network's output can be read by."""
    single = neurons_of(network) == 1
    return {name: rule for name, rule in RULES.items() if not (single and _votes(rule))}


def _votes(rule: Any) -> bool:
    return isinstance(rule, PopulationVote)


def compute() -> dict[str, Any]:
    """``codes[code]``: cells of the table, when 95 % of the accuracy are reached, area under its curve."""
    data = datasets.load("mnist", samples=SAMPLES)
    return {
        "samples": SAMPLES,
        "ann_accuracy": {name: _trained(name, data) for name, _ in CODES.values()},
        "codes": {code: _row(*source, data) for code, source in CODES.items()},
    }


def _trained(name: str, data: datasets.Dataset) -> float:
    network = bioconv.read(MODELS / name / "weights.h5")
    outputs = bioconv.reference(network, inputs(name, data.images))
    votes = outputs.reshape(SAMPLES, -1, neurons_of(name)).mean(axis=2)
    return float((votes.argmax(axis=1) == data.labels).mean())


def _row(name: str, encoder: Any, data: datasets.Dataset) -> dict[str, Any]:
    """A code under all rules, some images after the other: their spikes are many."""
    calibration = inputs(name, datasets.load("mnist", "train", samples=500).images)
    model = bioconv.to_brian(MODELS / name / "weights.h5", calibration=calibration, encoder=encoder)
    record = dict.fromkeys(model.layers, "spikes") | {model.spiking.output: "v"}
    images, size, parts = inputs(name, data.images), neurons_of(name), []
    for start in range(0, SAMPLES, AT_ONCE):
        here = slice(start, start + AT_ONCE)
        result = model.run(
            images[here], 100 * ms, device="cpp_standalone", record=record, first_sample=start
        )
        labels = data.labels[here]
        cells = {rule: _cell(result, each, labels, size) for rule, each in rules(name).items()}
        right = result.predictions_over_time() // size == labels
        parts.append((cells, right.mean(axis=1)))
    curve = np.mean([curve for _, curve in parts], axis=0)
    return {
        "network": name,
        "t_95": analysis.t_95(curve) * result.dt * 1e3,
        "area": analysis.area_under(curve),
        "cells": {
            rule: {
                key: float(np.mean([cells[rule][key] for cells, _ in parts]))
                for key in ("accuracy", "ms", "spikes")
            }
            for rule in rules(name)
        },
    }


def _cell(result: Result, rule: Any, labels: np.ndarray, size: int) -> dict[str, float]:
    """Means over the images: accuracy, milliseconds, and spikes of all layers until the decision."""
    decision = analysis.decide(result, rule)
    if not _votes(rule):
        decision = replace(decision, classes=decision.classes // size)
    return {
        "accuracy": decision.accuracy(labels),
        "ms": decision.mean_steps * result.dt * 1e3,
        "spikes": analysis.spikes_until(result, decision).mean(),
    }


def draw(data: dict[str, Any]) -> Figure:
    codes = data["codes"]
    accuracy = np.array(
        [[_accuracy(code["cells"].get(rule)) for rule in RULES] for code in codes.values()]
    )
    figure = Figure(figsize=(12.5, 8), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(accuracy, cmap="viridis", vmax=100, aspect="auto")
    middle = (np.nanmin(accuracy) + 100) / 2
    for y, code in enumerate(codes.values()):
        for x, rule in enumerate(RULES):
            if rule in code["cells"]:
                cell = code["cells"][rule]
                text = f"{accuracy[y, x]:.1f} %\n{cell['ms']:.1f} ms\n{cell['spikes']:,.0f} spikes"
                colour = "black" if accuracy[y, x] > middle else "white"
                ax.text(x, y, text, ha="center", va="center", color=colour, fontsize="small")
    ax.set_xticks(range(len(RULES)), [rule.replace(" ", "\n", 1) for rule in RULES])
    ax.set_yticks(
        range(len(codes)), [f"{name}\n$t_{{95}}$ = {code['t_95']:.0f} ms" for name, code in codes.items()]
    )  # fmt: skip
    ax.set_xlabel("decision")
    ax.set_ylabel("input code")
    trained = ", ".join(f"{name} {100 * ann:.1f} %" for name, ann in data["ann_accuracy"].items())
    ax.set_title(
        f"{data['samples']:,} test images; trained: {trained}; fields are shown to mnist_population"
    )
    figure.colorbar(image, ax=ax, label="accuracy (%)")
    return figure


def _accuracy(cell: dict[str, float] | None) -> float:
    return np.nan if cell is None else 100 * cell["accuracy"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw pfeiffer2018_codes_decisions.png.")
    parser.add_argument("--compute", action="store_true", help="run the network again")
    if parser.parse_args().compute or not DATA.exists():
        DATA.write_text(json.dumps(compute(), indent=1) + "\n")
    figure = draw(json.loads(DATA.read_text()))
    figure.savefig(HERE / "pfeiffer2018_codes_decisions.png", dpi=130)
