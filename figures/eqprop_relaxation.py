"""How long rate units with symmetric weights take to their fixed point, for one to three hidden layers.

Scellier & Bengio (2017), Front. Comput. Neurosci. 11:24, give the free phase 20, 150 and 500 steps for one, two and three hidden
layers. Here narrower layers, trained on part of MNIST; the distance to the fixed point from zeros, and
how far a nudge of the output has come in each layer.
"""

from typing import Any

import numpy as np
from common import main
from matplotlib.figure import Figure

from bioconv import datasets
from bioconv.learn import eqprop

NAME = "eqprop_relaxation"
WIDTH, TRAINING, EPOCHS, TESTED = 128, 5000, 8, 200
EPSILON, STEPS, LONG, NUDGED = 0.5, 600, 5000, 20
#: What moves less has not been reached by the nudge yet.
ROUNDING = 1e-12
#: Free steps and rates of training by number of hidden layers; the rates fall towards the output as in the paper.
RECIPES = {1: (20, (0.1, 0.05)), 2: (100, (0.4, 0.1, 0.02)), 3: (300, (0.4, 0.1, 0.03, 0.01))}


def compute() -> dict[str, Any]:
    train, test = datasets.load("mnist", "train", samples=TRAINING), datasets.load("mnist")
    images, labels = test.images[:TESTED], test.labels[:TESTED]
    found = {}
    for hidden, (free, rates) in RECIPES.items():
        sizes = [784, *[WIDTH] * hidden, 10]
        begin = eqprop.Network.random(sizes, seed=1)
        recipe = eqprop.Recipe(
            epochs=EPOCHS,
            free=free,
            nudged=4 + 2 * (hidden - 1),
            epsilon=EPSILON,
            beta=1.0,
            rates=rates,
        )
        network = eqprop.train(begin, train.images, train.labels, recipe, progress=False).network
        found[str(hidden)] = {
            "training": recipe.free,
            "error": float((network.predict(images, LONG) != labels).mean()),
            "trained": _distances(network, images),
            "random": _distances(begin, images),
            "nudge": _nudge(network, images, eqprop.one_hot(labels, 10)),
        }
    return {
        "width": WIDTH,
        "images": TRAINING,
        "epochs": EPOCHS,
        "tested": TESTED,
        "epsilon": EPSILON,
        "depths": found,
    }


def _distances(network: eqprop.Network, images: np.ndarray) -> list[float]:
    """Mean over the units and images of abs(u - fixed point), for every step from zero on."""
    end, states = network.relax(images, LONG, EPSILON), None
    found = []
    for step in range(STEPS + 1):
        states = network.relax(images, min(step, 1), EPSILON, states)
        gaps = [abs(now - last) for now, last in zip(states, end, strict=True)]
        found.append(float(np.concatenate(gaps, axis=1).mean()))
    return found


def _nudge(network: eqprop.Network, images: np.ndarray, targets: np.ndarray) -> list[list[float]]:
    """Mean abs(u - free fixed point) of every layer, for every step after the nudge."""
    free = states = network.relax(images, LONG, EPSILON)
    found = []
    for _ in range(NUDGED):
        states = network.relax(images, 1, EPSILON, states, beta=1.0, targets=targets)
        found.append([float(abs(a - b).mean()) for a, b in zip(states, free, strict=True)])
    return np.transpose(found).tolist()


def needed(distances: list[float], part: float = 0.01) -> int | None:
    """First step from which the distance stays below ``part`` of that at the beginning; None where it does not."""
    step = int(np.flatnonzero(np.array(distances) >= part * distances[0])[-1]) + 1
    return step if step < len(distances) else None


def _told(distances: list[float]) -> str:
    return f"{needed(distances) or f'more than {len(distances) - 1}'} steps"


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    free, nudged = figure.subplots(1, 2)
    for hidden, one in data["depths"].items():
        label = f"{hidden} hidden: 1 % after {_told(one['trained'])}"
        (line,) = free.semilogy(np.array(one["trained"]) / one["trained"][0], label=label)
        label = f"as drawn at random: {_told(one['random'])}"
        start = one["random"][0]
        free.semilogy(np.array(one["random"]) / start, ":", color=line.get_color(), label=label)
    free.set_ylim(1e-6, 2)
    free.set_ylabel("distance to the fixed point (part of that at zero)")
    free.set_title(f"free phase, {data['width']} units a layer, {data['tested']} test images")
    layers = data["depths"][max(data["depths"])]["nudge"]
    for k, moved in enumerate(layers):
        name = "output" if k == len(layers) - 1 else f"hidden {k + 1}"
        steps = np.arange(1, len(moved) + 1)
        nudged.semilogy(
            steps, np.where(np.array(moved) > ROUNDING, moved, np.nan), ".-", label=name
        )
    nudged.set_xticks(range(1, len(layers[0]) + 1, 2))
    nudged.set_ylabel("mean distance from the free fixed point")
    nudged.set_title("nudged phase, beta 1, three hidden layers")
    for ax in (free, nudged):
        ax.set_xlabel(f"steps of {data['epsilon']:g} tau")
        ax.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
