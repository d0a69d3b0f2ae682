"""Receptive fields in, ten neurons a class out: 784-300-100 with biases, on MNIST."""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import population
from training import Classes, Recipe, main

RECIPE = Recipe(data="mnist", epochs=30, rate=2e-3, decay=1e-2, shift=1, rotation=8, zoom=0.08)


def fields(images: torch.Tensor) -> torch.Tensor:
    return torch.tensor(population.fields(images.numpy()))


def votes(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.unflatten(1, (-1, population.NEURONS)).mean(dim=2)


class Votes(nn.Module):
    """Cross-entropy of the means of the classes' neurons."""

    def forward(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(votes(outputs), labels)


class Populations(Classes):
    """The class of an image, by populations of neurons at both ends."""

    def batch(self, images, labels, recipe: Recipe, generator: torch.Generator):
        inputs, targets = super().batch(images, labels, recipe, generator)
        return fields(inputs), targets

    def loss(self, recipe: Recipe) -> nn.Module:
        return Votes()

    def test(self, images, labels):
        return fields(images), labels

    def score(self, answers: torch.Tensor, targets: torch.Tensor) -> str:
        return super().score(votes(answers), targets)


def build() -> nn.Sequential:
    """A rectifier at the end: what neurons answer with spikes is not negative."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(4 * 14 * 14, 300),
            relu1=nn.ReLU(),
            drop1=nn.Dropout(0.1),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"), task=Populations())
