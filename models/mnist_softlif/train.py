"""16c5-avg2-64c5-avg2-700-10 of soft LIF neurons, trained with noise, on MNIST."""

import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

from bioconv.learn.gradient import SoftLIF

RECIPE = Recipe(data="mnist", epochs=8, rate=2e-3, shift=2, rotation=8, zoom=0.08, dtype="float16")

#: The last epochs: the rates of the neurons themselves, with the gradients of the smooth ones.
SETTLE = replace(RECIPE, epochs=3, rate=5e-4)


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 5, padding=2),
            lif1=SoftLIF(noise=10),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(16, 64, 5, padding=2),
            lif2=SoftLIF(noise=10),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(64 * 7 * 7, 700),
            lif3=SoftLIF(noise=10),
            drop=nn.Dropout(0.5),
            fc2=nn.Linear(700, 10),
        )
    )


def harden(model: nn.Module) -> None:
    for module in model:
        if isinstance(module, SoftLIF):
            module.hard = True


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"), settle=(harden, SETTLE))
