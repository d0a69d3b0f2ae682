"""12c5-avg2-64c5-avg2-10 without biases, the convolutional network of Diehl et al. (2015)."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(data="mnist", epochs=30, rate=4e-3, shift=2, rotation=8, zoom=0.08)


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 12, 5, bias=False),
            relu1=nn.ReLU(),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(12, 64, 5, bias=False),
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            drop=nn.Dropout(0.3),
            fc1=nn.Linear(1024, 10, bias=False),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
