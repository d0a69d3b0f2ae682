"""What noise, mismatch and loss do to converted networks and to networks that were trained as they spike.

Changes of :mod:`bioconv.realism` that both kinds can take: weights of few bits, weights and neurons that differ, spikes that come
earlier or later; beside them hidden neurons that are dead, pixels that come as random spikes, and leaky neurons with a refractory time
and with noise or conductances in the place of those that a network was converted to or trained with. One draw of every change.
Answers of one run of a conversion are read after 20, 50 and 100 steps; a trained network has the steps that it was trained for. Where
spikes wait, the image is shown for as many steps more as they travel in the mean.

What a network cannot take is kept as null. Neurons of trained networks move in steps, in the numbers of their trainer: membrane noise,
refractory times and conductances need other neurons in their place, with the same rates, for which they were not trained. Binary
neurons answer in one step, which neither random pixels nor other neurons can be put into. Networks of signed spikes are left out.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from brian2 import Hz, ms, mV
from common import data_file, main, spikes
from matplotlib.figure import Figure
from zoo import KINDS, TRAINED, Case, brian, kept, kind, run, test_images

import bioconv
from bioconv import LIF, Noise, realism
from bioconv.build import encoder_named
from bioconv.errors import ParameterError
from bioconv.graph import Scale
from bioconv.neurons import Exponential
from bioconv.spiking import SpikingNetwork

NAME = "zoo_robustness"
PARTIAL = data_file(NAME).with_suffix(".partial")
EVERY, FEW_EVERY = 33, 200
STEPS = (20, 50, 100)
RATE, DURATION, DT = 100, 250, 0.25
BITS, PARTS, DEAD, JITTERS = (4, 3, 2), (0.2, 0.5, 1.0), (0.1, 0.2, 0.5), (1, 2)
CASES = (
    *(case for case in TRAINED if case.model != "spikegrad_mnist"),
    Case(model="mnist_fcn", steps=max(STEPS)),
    Case(model="fashion_fcn", steps=max(STEPS), data="fashion-mnist"),
)
LEAKY = LIF(refractory=2 * ms)
NOISY = replace(LEAKY, noise=Noise(membrane=0.5 * mV / ms**0.5))
#: Neurons that take the place of a network's own, and their synapses.
NEURONS = {
    "noisy LIF": (NOISY, Exponential(tau=5 * ms)),
    "conductances": (LEAKY, "conductance"),
}


def compute() -> dict[str, Any]:
    """All rows; those of a run that was stopped are kept in ``PARTIAL``, one a line, and not run again."""
    networks = {case.model: _network(case) for case in CASES}
    PARTIAL.unlink()
    settings = {"rate": RATE, "duration": DURATION, "few": 10_000 // FEW_EVERY}
    return {"every": EVERY, "settings": settings, "networks": networks}


def _network(case: Case) -> dict[str, Any]:
    model = brian(case)
    rows = {
        f"{case.model} | {change} | {size}": partial(_row, case, made, late)
        for change, series in _changes(model).items()
        for size, (made, late) in series.items()
    }
    for name, (neuron, synapse) in NEURONS.items():
        rows[f"{case.model} | neurons | {name}"] = partial(_other, case, model, neuron, synapse)
    changes: dict[str, Any] = {}
    for key, row in kept(PARTIAL, rows).items():
        _, change, size = key.split(" | ")
        changes.setdefault(change, {})[size] = row
    plain = changes.pop("plain")["0"]
    about = {"data": case.data, "kind": kind(case.model), "steps": case.steps}
    return {**about, "plain": plain, "changes": changes}


def _changes(model: Any) -> dict[str, dict[str, tuple[Callable[[], Any], int]]]:
    """{change: {size: (what makes the model, steps more)}}"""
    series: dict[str, Any] = {
        "plain": (lambda spiking, _: spiking, (0,)),
        "bits of a weight": (realism.quantized, BITS),
        "noise of weights": (realism.noisy_weights, PARTS),
        "spread of thresholds": (_thresholds, PARTS),
        "spread of resistances": (_resistances, PARTS),
        "dead hidden neurons": (silenced, DEAD),
        "jitter (± steps)": (late, JITTERS),
    }
    inner = [p for p in model.spiking.projections if p.source != model.spiking.stimulus.name]
    found = {
        change: {
            str(size): (
                partial(_made, model, changed, size),
                len(inner) * size if changed is late else 0,
            )
            for size in sizes
        }
        for change, (changed, sizes) in series.items()
    }
    return {**found, "pixels": {"Bernoulli": (partial(_by_chance, model), 0)}}


def _made(model: Any, changed: Callable[[SpikingNetwork, Any], SpikingNetwork], size: Any) -> Any:
    return bioconv.Model(changed(model.spiking, size), model.settings)


def _by_chance(model: Any) -> Any:
    return bioconv.Model(model.spiking, replace(model.settings, encoder=encoder_named("bernoulli")))


def _thresholds(spiking: SpikingNetwork, sigma: float) -> SpikingNetwork:
    return realism.mismatched(spiking, threshold=sigma)


def _resistances(spiking: SpikingNetwork, sigma: float) -> SpikingNetwork:
    return realism.mismatched(spiking, resistance=sigma)


def silenced(spiking: SpikingNetwork, part: float, seed: int = 0) -> SpikingNetwork:
    """About this part of the hidden neurons sends nothing."""
    alive = {
        p.name: (np.random.default_rng([seed, place]).random(p.shape) >= part).astype(float)
        for place, p in enumerate(spiking.populations)
        if p.size > spiking[spiking.output].size
    }
    projections = (
        replace(p, layers=(Scale(factor=alive[p.source]), *p.layers)) if p.source in alive else p
        for p in spiking.projections
    )
    return replace(spiking, projections=tuple(projections))


def late(spiking: SpikingNetwork, jitter: int) -> SpikingNetwork:
    """Every neuron's spikes wait for 0 to ``2 jitter`` steps; the images are currents, which cannot."""
    image, changed = spiking.stimulus.name, realism.delayed(spiking, jitter, jitter)
    own = (p for p in spiking.projections if p.source == image)
    return replace(
        spiking, projections=(*own, *(p for p in changed.projections if p.source != image))
    )


def _row(case: Case, made: Callable[[], Any], more: int) -> dict[str, Any] | None:
    """Accuracy by steps, spikes of an image; None where the network cannot take the change."""
    try:
        model = made()
    except ParameterError:
        return None
    data = test_images(case.data, EVERY)
    result = run(model, data.images, case.steps + more)
    if kind(case.model) == KINDS[2]:
        accuracy = {str(case.steps): result.accuracy(data.labels)}
    else:
        curve = result.accuracy_over_time(data.labels)
        accuracy = {str(steps): curve[steps + more - 1] for steps in STEPS}
    return {"images": len(data.labels), "accuracy": accuracy, "spikes": spikes(result)}


def _other(case: Case, model: Any, neuron: Any, synapse: Any) -> dict[str, Any] | None:
    """The same for other neurons, at the end of their presentation."""
    options = {"dt": DT * ms, "rate": RATE * Hz, "duration": DURATION * ms}
    try:
        made = model.with_neurons(neuron, synapse, **options)
    except ParameterError:
        return None
    data = test_images(case.data, FEW_EVERY)
    result = made.run(data.images, DURATION * ms, device="numpy", progress=False)
    accuracy = {f"{DURATION} ms": result.accuracy(data.labels)}
    return {"images": len(data.labels), "accuracy": accuracy, "spikes": spikes(result)}


TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}
#: Changes without a strength; their panel is wider.
OTHERS, WIDE = ("pixels", "neurons"), 1.6


def draw(data: dict[str, Any]) -> Figure:
    networks = data["networks"]
    lines = [change for change in next(iter(networks.values()))["changes"] if change not in OTHERS]
    figure = Figure(figsize=(18, 8), layout="constrained")
    grid = figure.subplots(
        len(TITLES), len(lines) + 1, sharey="row", squeeze=False,
        gridspec_kw={"width_ratios": [1] * len(lines) + [WIDE]},
    )  # fmt: skip
    for row, (dataset, title) in zip(grid, TITLES.items(), strict=True):
        own = {name: one for name, one in networks.items() if one["data"] == dataset}
        colours = {name: f"C{n}" for n, name in enumerate(own)}
        for ax, change in zip(row, lines, strict=False):
            for name, one in own.items():
                _draw_series(ax, name, one, change, colours[name])
            ax.set_xlabel(change)
            ax.set_ylim(0, 103)
            ax.grid(color="0.92")
        _draw_others(row[-1], own, colours, data["settings"]["few"])
        images = next(iter(own.values()))["plain"]["images"]
        row[0].set_ylabel(f"{title}, {images} images: accuracy (%)")
        row[1].legend(fontsize="x-small", loc="lower left")
    return figure


def _draw_series(ax: Any, name: str, one: dict[str, Any], change: str, colour: str) -> None:
    """Accuracy against the strength, a line for every number of steps; nothing where it was refused."""
    series = {"0": one["plain"], **one["changes"][change]}
    if any(row is None for row in series.values()):
        return
    names = list(series)
    names[0] = "float" if change.startswith("bits") else "0"
    trained = one["kind"] == KINDS[2]
    styles = ("*-",) if trained else ("o:", "o--", "o-")
    for steps, style in zip(one["plain"]["accuracy"], styles, strict=True):
        accuracy = [100 * row["accuracy"][steps] for row in series.values()]
        label = f"{name}, {steps} step{'s' * (steps != '1')}"
        ax.plot(names, accuracy, style, color=colour, ms=11 if trained else 4, label=label)


def _draw_others(ax: Any, own: dict[str, Any], colours: dict[str, str], few: int) -> None:
    """Bars for what has no strength, of the longest answers; a cross where it was refused."""
    cells = [(change, size) for change in OTHERS for size in next(iter(own.values()))["changes"][change]]  # fmt: skip
    width = 0.8 / max(len(own), 2)
    for n, (name, one) in enumerate(own.items()):
        for place, (change, size) in enumerate(cells):
            row, x = one["changes"][change][size], place + (n - (len(own) - 1) / 2) * width
            if row is None:
                ax.plot(x, 3, "x", color=colours[name], mew=2)
            else:
                ax.bar(x, 100 * list(row["accuracy"].values())[-1], width, color=colours[name])
    labels = ["random\npixels" if change == "pixels" else size for change, size in cells]
    ax.set_xticks(range(len(cells)), [label.replace(" ", "\n") for label in labels])
    ax.set_xlabel(f"input, other neurons ({few} images); ×: refused")
    ax.set_axisbelow(True)
    ax.grid(axis="y", color="0.92")


if __name__ == "__main__":
    main(NAME, compute, draw)
