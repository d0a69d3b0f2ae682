"""Weights of few bits, of two values, or of one sign, trained through float shadows.

Each kind is a torch parametrization: the float weight is what the optimiser moves, the constrained
one what the layer multiplies with and what :func:`bioconv.read` reads. Backward all count as the
identity, the binary one only between -1 and 1.
"""

import copy
from collections.abc import Collection

import torch
from torch import nn
from torch.nn.utils import parametrize

from bioconv.errors import ParameterError
from bioconv.learn.gradient.parameters import whole
from bioconv.learn.gradient.straight_through import straight_through

#: Layers whose weights can be constrained.
WEIGHTED = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d,
)  # fmt: skip


class QuantizedWeight(nn.Module):
    """``step * round(weight / step)``, the largest weight at ``2**(bits - 1) - 1`` steps.

    Parameters
    ----------
    bits : int
        Sign included, at least 2.
    """

    def __init__(self, bits: int):
        super().__init__()
        self.bits = whole("QuantizedWeight", "bits", bits, 2)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        steps = 2 ** (self.bits - 1) - 1
        step = weight.detach().abs().max() / steps
        value = torch.where(step > 0, step * torch.round(weight / step), 0.0)
        return straight_through(value, weight)


class BinaryWeight(nn.Module):
    """The sign of every weight, times the mean size of those of one output.

    Zero counts as positive.

    References
    ----------
    Rastegari et al. (2016), XNOR-Net, arXiv 1603.05279; Courbariaux et al. (2015), arXiv 1511.00363.
    """

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        others = tuple(range(1, weight.ndim))
        size = weight.abs().mean(others, keepdim=True)
        return straight_through(torch.where(weight >= 0, size, -size), weight.clamp(-1.0, 1.0))


class NonNegativeWeight(nn.Module):
    """``max(weight, 0)``: excitation alone."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return straight_through(weight.clamp(min=0.0), weight)


def constrained(
    module: nn.Module, constraint: nn.Module, *, skip: Collection[str] = ()
) -> nn.Module:
    """A copy of ``module`` in which every weight goes through ``constraint``.

    Parameters
    ----------
    constraint : QuantizedWeight, BinaryWeight or NonNegativeWeight
    skip : collection of str
        Names of layers that keep their weights, often the first and the last.

    Raises
    ------
    ParameterError
        If a name is that of no layer with weights, or no layer is left.
    """
    result = copy.deepcopy(module)
    layers = {name: part for name, part in result.named_modules() if isinstance(part, WEIGHTED)}
    unknown = sorted(set(skip) - set(layers))
    if unknown or not set(layers) - set(skip):
        raise ParameterError(
            f"constrained: skip is {list(skip)}; the layers with weights are {', '.join(layers)}"
        )
    for name, layer in layers.items():
        if name not in skip:
            parametrize.register_parametrization(layer, "weight", copy.deepcopy(constraint))
    return result
