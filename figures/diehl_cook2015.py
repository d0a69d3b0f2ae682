"""What neurons learn of MNIST by STDP and competition: fields, weights, thresholds, accuracy, and what cannot be left out.

Diehl & Cook (2015), Front. Comput. Neurosci. 9:99: 82.9, 87.0, 91.9, 95.0 % with 100, 400, 1600, 6400 neurons, and about the same with
four rules. Trainings go on from the checkpoints of ``models/diehl_cook/train.py`` where there are some; fields, weights and thresholds are
those of the stored network.
"""

import importlib.util
import sys
from typing import Any

import numpy as np
from common import HERE, main
from matplotlib.figure import Figure

from bioconv.learn import diehl_cook

NAME = "diehl_cook2015"
MODEL = HERE.parent / "models" / "diehl_cook"
DRAWN, SEEDS = 400, 3
EPOCH = 60_000
SHORT = 20_000
#: Two epochs for 1600 neurons, the second one with finer rates.
LONG = 120_000


def cases(case: Any) -> list[Any]:
    """Whole trainings with several seeds, and shorter ones by other rules and without a part."""
    whole = [case(neurons=n, seed=seed) for n in (100, DRAWN) for seed in range(SEEDS)]
    short = [{"rule": rule} for rule in diehl_cook.RULES]
    short += [{"without": part} for part in ("adaptation", "normalisation", "inhibition")]
    return [
        *whole,
        case(neurons=1600, images=LONG),
        *(case(neurons=100, images=SHORT, **change) for change in short),
    ]


def compute() -> dict[str, Any]:
    model = _script()
    rows = [model.found(case) for case in cases(model.Case)]
    return {"labelled_with": model.LABELLING, "rows": rows}


def _script() -> Any:
    """The training script of the model."""
    spec = importlib.util.spec_from_file_location("diehl_cook_train", MODEL / "train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks there for its module
    spec.loader.exec_module(module)
    return module


def draw(data: dict[str, Any]) -> Figure:
    case = _script().Case(neurons=DRAWN)
    trained = diehl_cook.load_trained(MODEL / f"weights_{DRAWN}.h5", case.settings)
    figure = Figure(figsize=(14, 7), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    _fields(left.subplots(), trained.weights)
    (weights, theta), (running, bars) = right.subplots(2, 2)
    weights.hist(trained.weights.ravel(), bins=50, log=True)
    weights.set_xlabel("weight")
    weights.set_ylabel("synapses")
    theta.hist(1e3 * trained.theta, bins=30)
    theta.set_xlabel("adaptation of the threshold (mV)")
    theta.set_ylabel("neurons")
    _accuracies(running, data["rows"])
    _bars(bars, data["rows"])
    return figure


def _fields(ax: Any, weights: np.ndarray) -> None:
    side = int(np.sqrt(weights.shape[1]))
    tiles = weights.T.reshape(side, side, 28, 28).transpose(0, 2, 1, 3)
    ax.imshow(tiles.reshape(28 * side, 28 * side), cmap="hot_r")
    ax.set_axis_off()
    ax.set_title(f"weights into {side * side} neurons")


def _accuracies(ax: Any, rows: list[dict[str, Any]]) -> None:
    whole = [row for row in rows if row["images"] >= EPOCH]
    for k, n in enumerate(sorted({row["neurons"] for row in whole})):
        own = [row for row in whole if row["neurons"] == n]
        accuracy = 100 * np.array([row["accuracy"] for row in own])
        spread = f" ± {accuracy.std(ddof=1):.1f}" if len(own) > 1 else ""
        label = f"{n} neurons, test {accuracy.mean():.1f}{spread} %"
        for row in own:
            images, course = np.array(row["running"]).T
            ax.plot(images / 1000, 100 * course, f"C{k}", alpha=0.6, label=label)
            label = ""
    ax.set_xlabel("thousand images shown")
    ax.set_ylabel("running accuracy (%)")
    ax.set_ylim(40, 98)
    ax.legend(loc="lower right", fontsize="small")


def _bars(ax: Any, rows: list[dict[str, Any]]) -> None:
    short = [row for row in rows if row["images"] == SHORT]
    names = [f"no {row['without']}" if row["without"] else row["rule"] for row in short]
    values = [100 * row["accuracy"] for row in short]
    drawn = ax.barh(names, values, color=["C1" if row["without"] else "C0" for row in short])
    ax.bar_label(drawn, fmt="%.1f", padding=2)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel(f"test (%)\n{short[0]['neurons']} neurons, {SHORT:,} images")


if __name__ == "__main__":
    main(NAME, compute, draw)
