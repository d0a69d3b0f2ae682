"""Noise on activations while a network trains."""

import torch
from torch import nn

from bioconv.learn.gradient.parameters import number


class ActivationNoise(nn.Module):
    """Normal noise on every activation that is not zero, while training; nothing afterwards.

    Put behind an activation it teaches the network to bear the counting error of its spikes, which is
    below one spike: ``1 / steps`` of the largest activation. A neuron that does not fire makes none.

    Parameters
    ----------
    deviation : float
        Standard deviation, in units of the activation.
    """

    def __init__(self, deviation: float):
        super().__init__()
        self.deviation = number("ActivationNoise", "deviation", deviation, equal=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x + self.deviation * torch.randn_like(x) * (x != 0)

    def extra_repr(self) -> str:
        return f"deviation={self.deviation:g}"
