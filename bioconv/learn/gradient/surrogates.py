"""Derivatives for a spike, which has none: how much a spike would change with the distance from the threshold.

=============== ============================================== ===============================
surrogate       derivative at the distance x from threshold    used by
=============== ============================================== ===============================
Rectangle       ``1/a`` where ``|x| < a/2``                    STBP (Wu et al. 2019)
Triangle        ``height max(0, 1 - |x|/width)``               Bellec et al. 2018; STDB's "linear"
FastSigmoid     ``1/(1 + beta |x|)^2``                         SuperSpike (Zenke & Ganguli 2018)
ArcTan          ``alpha/2 / (1 + (pi/2 alpha x)^2)``           PLIF (Fang et al. 2021), alpha = 2
Sigmoid         ``s (1 - s)/width``, ``s = 1/(1 + e^-x/width)`` TSSL-BP where a neuron is silent
SinceSpike      ``alpha e^(-beta n)``, n steps after its last  STDB (Rathi et al. 2020)
=============== ============================================== ===============================

Whether there is a spike the neuron decides; these say what its derivative is taken for.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch

from bioconv.learn.gradient.parameters import number


@dataclass(frozen=True, kw_only=True)
class Surrogate(ABC):
    """A derivative for spikes; a new one joins :data:`SURROGATES`."""

    def __post_init__(self):
        for name, value in vars(self).items():
            number(type(self).__name__, name, value)

    @abstractmethod
    def slope(self, x: torch.Tensor, since: torch.Tensor | None = None) -> torch.Tensor:
        """The derivative at distances ``x`` from the threshold; ``since``: steps after the last spike."""


@dataclass(frozen=True, kw_only=True)
class Rectangle(Surrogate):
    """``1/width`` within half a width of the threshold."""

    width: float = 1.0

    def slope(self, x, since=None):
        return torch.lt(x.abs(), self.width / 2, out=torch.empty_like(x)).div_(self.width)


@dataclass(frozen=True, kw_only=True)
class Triangle(Surrogate):
    """Falls from ``height`` on the threshold to zero at ``width`` from it."""

    height: float = 1.0
    width: float = 1.0

    def slope(self, x, since=None):
        return self.height * (1 - x.abs() / self.width).clamp(min=0)


@dataclass(frozen=True, kw_only=True)
class FastSigmoid(Surrogate):
    """That of ``x / (1 + |x|)`` with ``beta`` as its steepness."""

    beta: float = 10.0

    def slope(self, x, since=None):
        return (1 + self.beta * x.abs()) ** -2


@dataclass(frozen=True, kw_only=True)
class ArcTan(Surrogate):
    """That of ``arctan(pi/2 alpha x)/pi + 1/2``."""

    alpha: float = 2.0

    def slope(self, x, since=None):
        return (self.alpha / 2) / (1 + (math.pi / 2 * self.alpha * x) ** 2)


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Surrogate):
    """That of a logistic function of this width."""

    width: float = 0.2

    def slope(self, x, since=None):
        share = torch.sigmoid(x / self.width)
        return share * (1 - share) / self.width


@dataclass(frozen=True, kw_only=True)
class SinceSpike(Surrogate):
    """``alpha e^(-beta n)`` for a neuron that spiked n steps ago, wherever its potential is.

    A neuron that has not spiked yet counts as one that did 1000 steps before the sample.
    """

    alpha: float = 0.3
    beta: float = 0.01

    def slope(self, x, since=None):
        return self.alpha * torch.exp(-self.beta * since)


#: By the name that rules take. A new surrogate joins here.
SURROGATES: dict[str, type[Surrogate]] = {
    "rectangle": Rectangle, "triangle": Triangle, "fast_sigmoid": FastSigmoid, "arctan": ArcTan,
    "sigmoid": Sigmoid, "since_spike": SinceSpike,
}  # fmt: skip


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, u: torch.Tensor, fired: torch.Tensor, slope: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(slope)
        return fired.to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradients[0] * ctx.saved_tensors[0], None, None


def spike(u: torch.Tensor, fired: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """Ones where it ``fired``, zeros elsewhere, with ``slope`` as their derivative by ``u``."""
    return _Spike.apply(u, fired, slope)
