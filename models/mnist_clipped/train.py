"""784-1200-1200-10 without biases, trained with activations that end at one, on MNIST."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

from bioconv.learn.gradient import ClippedReLU

RECIPE = Recipe(
    data="mnist", epochs=16, rate=1.5e-3, decay=1e-2, shift=2, rotation=8, zoom=0.08,
    dtype="float16",
)  # fmt: skip


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 1200, bias=False),
            clipped1=ClippedReLU(),
            drop1=nn.Dropout(0.5),
            fc2=nn.Linear(1200, 1200, bias=False),
            clipped2=ClippedReLU(),
            drop2=nn.Dropout(0.5),
            fc3=nn.Linear(1200, 10, bias=False),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
