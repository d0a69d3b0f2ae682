"""conv-BN-QCFS-average pooling twice, then dense, on MNIST: activations of eight steps."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

from bioconv.learn.gradient import QuantizedReLU

LEVELS = 8
RECIPE = Recipe(data="mnist", epochs=9, rate=4e-3, shift=2, rotation=8, zoom=0.08)


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            bn1=nn.BatchNorm2d(32),
            qcfs1=QuantizedReLU(LEVELS, maximum=4),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            bn2=nn.BatchNorm2d(64),
            qcfs2=QuantizedReLU(LEVELS, maximum=4),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            drop1=nn.Dropout(0.3),
            fc1=nn.Linear(64 * 7 * 7, 128),
            qcfs3=QuantizedReLU(LEVELS, maximum=4),
            drop2=nn.Dropout(0.3),
            fc2=nn.Linear(128, 10),
        )
    )


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
