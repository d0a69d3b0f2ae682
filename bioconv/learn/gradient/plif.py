"""Networks of neurons that learn their time constants, with pixels as currents and pooling by the OR of spikes.

References
----------
Fang, Yu, Chen, Masquelier, Huang & Tian (2021), ICCV, arXiv 2007.05785.
"""

from typing import Any

import torch
from torch import nn

from bioconv.learn.gradient.fitting import Recipe
from bioconv.learn.gradient.losses import step_mse
from bioconv.learn.gradient.neurons import PLIF
from bioconv.learn.gradient.unrolled import Unrolled, Voting

#: Mean and standard deviation of the pixels, by data set.
PIXELS = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}


def network(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    classes: int = 10,
    votes: int = 10,
    maps: int = 32,
    hidden: int = 512,
    tau: float = 2.0,
    learnable: bool = True,
    pooling: str = "or",
    dropout: float = 0.5,
    steps: int = 8,
) -> Unrolled:
    """Twice conv-3, batch norm, neurons and pooling of 2; ``hidden`` neurons; ``votes`` for each class.

    Parameters
    ----------
    tau : float
        Time constant of all neurons in steps, where training begins.
    pooling : {"or", "average"}
        What a window of 2 by 2 sends on: a spike if one arrives, or the mean.
    """

    def pool() -> nn.Module:
        return nn.MaxPool2d(2) if pooling == "or" else nn.AvgPool2d(2)

    def neuron() -> PLIF:
        return PLIF(tau=tau, learnable=learnable)

    channels, rows, columns = shape
    size = maps * (rows // 4) * (columns // 4)
    return Unrolled(
        nn.Conv2d(channels, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps), neuron(), pool(),
        nn.Conv2d(maps, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps), neuron(), pool(),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(size, hidden, bias=False), neuron(),
        nn.Dropout(dropout), nn.Linear(hidden, classes * votes, bias=False), neuron(), Voting(classes),
        steps=steps,
    )  # fmt: skip


def standardised(images: Any, data: str) -> Any:
    """Images of values 0 to 1 as this network is shown them: less the mean pixel, over the standard deviation."""
    mean, deviation = PIXELS[data]
    return (images - mean) / deviation


def recipe(*, epochs: int = 30, seed: int = 0, validation: float = 0.15) -> Recipe:
    """Adam at 1e-3 with a cosine, mean square error of the voted outputs in every step, 15 % of the images for validation."""
    return Recipe(
        loss=step_mse, epochs=epochs, batch=64, seed=seed, validation=validation,
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
    )  # fmt: skip
