"""A rectifier with as many values as the spikes of a short run can tell apart."""

import torch
from torch import nn

from bioconv.learn.gradient.parameters import number, whole
from bioconv.learn.gradient.straight_through import straight_through


class QuantizedReLU(nn.Module):
    """``maximum / levels * clip(floor(x levels / maximum + 1/2), 0, levels)``, QCFS.

    Backward the floor counts as the identity: the gradient for ``x`` is 1 between 0 and the maximum
    and 0 outside, that for the maximum 1 above it and the rounding error in maxima below.

    Parameters
    ----------
    levels : int
        Steps between zero and the maximum; as many time steps of an integrate-and-fire neuron
        that starts at half its threshold give the same value.
    maximum : float
        Where training begins.
    learnable : bool
        Whether training moves the maximum.

    References
    ----------
    Bu et al. (2022), "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking
    neural networks", ICLR.
    """

    def __init__(self, levels: int, maximum: float = 8.0, learnable: bool = True):
        super().__init__()
        self.levels = whole("QuantizedReLU", "levels", levels, 1)
        start = torch.tensor(number("QuantizedReLU", "maximum", maximum))
        self.maximum = nn.Parameter(start, requires_grad=learnable)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = self.maximum / self.levels
        place = (x / step).clamp(0.0, self.levels)
        return step * straight_through(torch.floor(place + 0.5), place)

    def extra_repr(self) -> str:
        return f"levels={self.levels}, maximum={self.maximum.item():g}"
