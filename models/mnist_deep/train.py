"""784-300x7-10 without biases on MNIST: eight dense layers, for methods that must go deep."""

import sys
from collections import OrderedDict
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import Recipe, main

RECIPE = Recipe(
    data="mnist", epochs=20, rate=1.5e-3, decay=1e-2, shift=2, rotation=8, zoom=0.08,
    dtype="float16",
)  # fmt: skip


def build() -> nn.Sequential:
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    for n in range(1, 8):
        layer = nn.Linear(784 if n == 1 else 300, 300, bias=False)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layers += [(f"fc{n}", layer), (f"relu{n}", nn.ReLU())]
    layers += [("drop", nn.Dropout(0.2)), ("fc8", nn.Linear(300, 10, bias=False))]
    return nn.Sequential(OrderedDict(layers))


if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
