"""Networks that figures train for themselves, in minutes on one core; needs the extra ``bioconv[torch]``."""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import bioconv
from bioconv.graph import Network

MODELS = Path(__file__).parents[1] / "models"
sys.path.insert(0, str(MODELS))
from resnet import build as residual  # noqa: E402, F401
from training import Classes, Recipe, tensors, trained  # noqa: E402


def dense(depth: int, width: int) -> nn.Sequential:
    """So many layers of weights, no biases: 784-width-...-width-10."""
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    for n in range(1, depth):
        layer = nn.Linear(784 if n == 1 else width, width, bias=False)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layers += [(f"fc{n}", layer), (f"relu{n}", nn.ReLU())]
    layers.append((f"fc{depth}", nn.Linear(width, 10, bias=False)))
    return nn.Sequential(OrderedDict(layers))


class Junction(nn.Module):
    """Two convolutions beside a 1x1 one, each way rectified *before* they are added; no biases."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(n_in, n_out, 1, stride=2, bias=False)

    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x)))) + F.relu(self.shortcut(x))


def junctions() -> nn.Sequential:
    """12c3-avg2, two junctions of 24 and 48 maps, 10: the residual form of Sengupta et al. (2019)."""
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 12, 3, padding=1, bias=False),
            relu1=nn.ReLU(),
            pool1=nn.AvgPool2d(2),
            block1=Junction(12, 24),
            block2=Junction(24, 48),
            flatten=nn.Flatten(),
            fc1=nn.Linear(48 * 4 * 4, 10, bias=False),
        )
    )
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return model


def network(build, data: str, epochs: int, *sizes: int, **settings) -> Network:
    """A network trained on a data set, as :func:`bioconv.read` returns it."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    images, labels = tensors(data, "train")
    recipe = Recipe(data=data, epochs=epochs, **settings)
    model = trained(build(*sizes), images, labels, recipe, Classes())
    return bioconv.read(model, input_shape=images.shape[1:])
