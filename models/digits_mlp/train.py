"""64-64-32-10 with biases on the 8x8 digits."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(data="digits", epochs=60, batch=32, rate=5e-3, rotation=8, zoom=0.05)


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(64, 64),
            relu1=nn.ReLU(),
            fc2=nn.Linear(64, 32),
            relu2=nn.ReLU(),
            fc3=nn.Linear(32, 10),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
