"""784-1200-1200-10 without biases, the fully connected network of Diehl et al. (2015)."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(
    data="mnist", epochs=25, rate=1.5e-3, decay=1e-2, shift=2, rotation=8, zoom=0.08,
    dtype="float16",
)  # fmt: skip


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 1200, bias=False),
            relu1=nn.ReLU(),
            drop1=nn.Dropout(0.5),
            fc2=nn.Linear(1200, 1200, bias=False),
            relu2=nn.ReLU(),
            drop2=nn.Dropout(0.5),
            fc3=nn.Linear(1200, 10, bias=False),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
