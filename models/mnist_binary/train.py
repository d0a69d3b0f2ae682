"""784-1200-1200-10 of neurons that are on or off, with batch normalisation, on MNIST.

The weights between the two hidden layers are binary, those at both ends are not.
"""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

from bioconv.learn.gradient import BinaryWeight, Step, constrained

RECIPE = Recipe(data="mnist", epochs=16, rate=3e-3, shift=1, rotation=4, zoom=0.04, dtype="float16")


def build() -> nn.Module:
    model = nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 1200, bias=False),
            bn1=nn.BatchNorm1d(1200),
            step1=Step(),
            drop1=nn.Dropout(0.2),
            fc2=nn.Linear(1200, 1200, bias=False),
            bn2=nn.BatchNorm1d(1200),
            step2=Step(),
            drop2=nn.Dropout(0.2),
            fc3=nn.Linear(1200, 10),
        )
    )
    return constrained(model, BinaryWeight(), skip=("fc1", "fc3"))


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
