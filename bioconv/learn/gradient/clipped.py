"""A rectifier that saturates where a neuron cannot fire faster."""

import torch
from torch import nn

from bioconv.learn.gradient.parameters import number


class ClippedReLU(nn.Module):
    """``min(max(x, 0), maximum)``.

    A network trained with it converts with ``maximum`` as the scale of every layer: no activation
    is lost above it, and none is far below.

    Parameters
    ----------
    maximum : float
    """

    def __init__(self, maximum: float = 1.0):
        super().__init__()
        self.maximum = number("ClippedReLU", "maximum", maximum)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clamp(0.0, self.maximum)

    def extra_repr(self) -> str:
        return f"maximum={self.maximum:g}"
