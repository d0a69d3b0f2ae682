"""Two 3x3 convolutions with batch normalisation, an average pooling, one dense layer, on the 8x8 digits."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(data="digits", epochs=40, batch=32, rate=5e-3, rotation=8, zoom=0.05)


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 8, 3, padding=1),
            bn1=nn.BatchNorm2d(8),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(8, 16, 3, padding=1),
            bn2=nn.BatchNorm2d(16),
            relu2=nn.ReLU(),
            pool=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(256, 10),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
