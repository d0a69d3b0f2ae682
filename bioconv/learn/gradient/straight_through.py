"""One function forward, the gradient of another backward."""

from typing import Any

import torch


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, stand_in: torch.Tensor) -> torch.Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, gradients[0]


def straight_through(value: torch.Tensor, stand_in: torch.Tensor) -> torch.Tensor:
    """Exactly ``value``, with the gradient of ``stand_in``; both of one shape.

    References
    ----------
    Bengio, Léonard & Courville (2013), arXiv 1308.3432.
    """
    return _StraightThrough.apply(value.detach(), stand_in)
