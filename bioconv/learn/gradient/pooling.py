"""Pooling that adds: every neuron of a window feeds the pool with the weight one."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class SumPool2d(nn.Module):
    """Sum over windows; arguments as those of ``torch.nn.AvgPool2d``."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, divisor_override=1
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
