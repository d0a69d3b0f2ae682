"""The box of a digit on a 56x56 canvas: a regression with leaky rectifiers, on MNIST."""

import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import boxes
from training import Recipe, main

RECIPE = Recipe(data="mnist", epochs=9, rate=3e-3)


class Boxes:
    """The task: four numbers of a digit's box; new places for the digits in every epoch."""

    name = "mean absolute error, mean overlap"

    def batch(self, images, labels, recipe: Recipe, generator: torch.Generator):
        seed = int(torch.randint(2**31, (1,), generator=generator))
        return tuple(map(torch.tensor, boxes.placed(images.numpy(), np.random.default_rng(seed))))

    def loss(self, recipe: Recipe) -> nn.Module:
        return nn.SmoothL1Loss(beta=0.02)

    def test(self, images, labels):
        return tuple(map(torch.tensor, boxes.test_set(images.numpy())))

    def score(self, answers: torch.Tensor, targets: torch.Tensor) -> str:
        found, expected = answers.numpy(), targets.numpy()
        error = boxes.mean_absolute_error(found, expected)
        return f"{error:.5f}, {boxes.overlap(found, expected).mean():.4f}"


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 5, stride=2, padding=2),
            bn1=nn.BatchNorm2d(16),
            leaky1=nn.LeakyReLU(0.1),
            conv2=nn.Conv2d(16, 24, 3, padding=1),
            bn2=nn.BatchNorm2d(24),
            leaky2=nn.LeakyReLU(0.1),
            pool2=nn.AvgPool2d(2),
            conv3=nn.Conv2d(24, 48, 3, padding=1),
            bn3=nn.BatchNorm2d(48),
            leaky3=nn.LeakyReLU(0.1),
            pool3=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(48 * 7 * 7, 96),
            leaky4=nn.LeakyReLU(0.1),
            fc2=nn.Linear(96, 4),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"), task=Boxes())
