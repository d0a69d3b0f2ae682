"""Six convolutions and two dense layers without biases or batch normalisation, after VGG, on MNIST."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(data="mnist", epochs=14, rate=2e-3, shift=2, rotation=8, zoom=0.08)


def build() -> nn.Sequential:
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 3, padding=1, bias=False),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(16, 16, 3, padding=1, bias=False),
            relu2=nn.ReLU(),
            pool1=nn.AvgPool2d(2),
            conv3=nn.Conv2d(16, 32, 3, padding=1, bias=False),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(32, 32, 3, padding=1, bias=False),
            relu4=nn.ReLU(),
            pool2=nn.AvgPool2d(2),
            conv5=nn.Conv2d(32, 64, 3, padding=1, bias=False),
            relu5=nn.ReLU(),
            conv6=nn.Conv2d(64, 64, 3, padding=1, bias=False),
            relu6=nn.ReLU(),
            pool3=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            drop1=nn.Dropout(0.3),
            fc1=nn.Linear(64 * 3 * 3, 128, bias=False),
            relu7=nn.ReLU(),
            drop2=nn.Dropout(0.3),
            fc2=nn.Linear(128, 10, bias=False),
        )
    )
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return model


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
