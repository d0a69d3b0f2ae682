"""Errors of 784-500-10 rate units by epoch of equilibrium propagation.

Scellier & Bengio (2017), Front. Comput. Neurosci. 11:24: networks of one to three hidden layers learn MNIST to 0 % training error. Here
one hidden layer, with the values of the paper, and with the nudge and rates of the authors' code, whose cost has no 1/2. Training goes
on from the checkpoints of ``models/eqprop_mnist/train.py`` where there are some, else it takes 12 minutes for each.
"""

import importlib.util
from typing import Any

import numpy as np
from common import HERE, main
from matplotlib.figure import Figure

NAME = "eqprop_training"


def compute() -> dict[str, Any]:
    model = _script()
    found = {}
    for name, recipe in model.RECIPES.items():
        trained = model.trained(name)
        found[name] = {
            "beta": recipe.beta,
            "rates": recipe.rates,
            "training": trained.training_errors.tolist(),
            "validation": trained.validation_errors.tolist(),
            "test": model.test_error(trained.network, recipe),
        }
    return {"sizes": model.SIZES, "recipes": found}


def _script() -> Any:
    """The training script of the model."""
    path = HERE.parent / "models" / "eqprop_mnist" / "train.py"
    spec = importlib.util.spec_from_file_location("eqprop_mnist", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    ax = figure.subplots()
    for name, one in data["recipes"].items():
        epochs = np.arange(1, len(one["training"]) + 1)
        label = f"{name}: beta {one['beta']:g}, rates {', '.join(f'{r:g}' for r in one['rates'])}"
        test = f"held out (test in the end {100 * one['test']:.2f} %)"
        (line,) = ax.plot(epochs, 100 * np.array(one["validation"]), label=f"{label}, {test}")
        # Zero has no place on this axis.
        training = np.where(np.array(one["training"]) > 0, one["training"], np.nan)
        ax.plot(epochs, 100 * training, "--", color=line.get_color(), label=f"{name}, training")
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("wrong predictions (%)")
    ax.set_title(f"{'-'.join(map(str, data['sizes']))}, MNIST, 50,000 images")
    ax.legend(fontsize="small", loc="lower left")
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
