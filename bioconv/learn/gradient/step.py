"""The activation of binary networks."""

import torch
from torch import nn

from bioconv.learn.gradient.parameters import number
from bioconv.learn.gradient.straight_through import straight_through


class Step(nn.Module):
    """1 where ``x >= threshold``, 0 elsewhere: one step of a neuron that starts from rest.

    Backward it counts as the ramp from 0 to 1 between ``threshold - width`` and ``threshold + width``.

    Parameters
    ----------
    threshold, width : float

    References
    ----------
    Courbariaux et al. (2016), arXiv 1602.02830.
    """

    def __init__(self, threshold: float = 0.0, width: float = 1.0):
        super().__init__()
        self.threshold = number("Step", "threshold", threshold, above=-float("inf"))
        self.width = number("Step", "width", width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ramp = ((x - self.threshold) / (2 * self.width) + 0.5).clamp(0.0, 1.0)
        return straight_through((x >= self.threshold).to(x.dtype), ramp)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}, width={self.width:g}"
