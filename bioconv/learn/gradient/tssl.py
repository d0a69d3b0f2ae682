"""Backpropagation through spike times (TSSL-BP): few steps are enough, and silent neurons learn too.

In every step, ``x`` being what arrives, ``s`` the spikes, and ``a`` what their receivers' synapses will make of them::

    y = (1 - 1/tau_s) y + x/tau_s
    u = (1 - 1/tau_m) u (1 - s) + y,    s = [u > threshold]
    a = (1 - 1/tau_s) a + s/tau_s

Weights stand before the filter, which is the same as behind it: they are linear. The filter's gradient is its
own, so the gradient that comes to a spike, ``g = dE/ds``, is already the sum over all later steps of the kernel of the filter
times the gradient at what it makes. With ``D = y - u (1 - s)/tau_m``, by how much the potential moved, the gradient ``G`` at
the potential of a step is, from the last step to the first::

    P = s max(-1/D, -8)                          how much earlier a higher potential spikes
    G = -P g                                     between neurons: the spike's effect on others
      + later ((1 - 1/tau_m)(1 - s) - u P/tau_m) within the neuron: by its leak, by its reset

where ``later`` is ``G`` of the next step, zero after the last. Where ``a < 1/(4 tau_s)``, a neuron that has been silent for
long, what goes to the weights is ``g`` times the slope of a logistic function instead; ``later`` stays without it.

A spike that comes earlier has decayed further at every later step, so the effect of its time on others is a change of
``-kernel/tau_s``. The authors take it with the sign that makes higher potentials send more, and multiply by ``tau_s``: what is
left of both is ``-P g``.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import nn

from bioconv.learn.gradient.fitting import Recipe
from bioconv.learn.gradient.losses import train_mse
from bioconv.learn.gradient.neurons import OverTime, SpikingNeuron
from bioconv.learn.gradient.parameters import number
from bioconv.learn.gradient.surrogates import Sigmoid, Surrogate
from bioconv.learn.gradient.unrolled import Unrolled


class TSSL(SpikingNeuron):
    """LIF neuron behind a first-order synapse, with gradients through the times of its spikes.

    Parameters
    ----------
    tau_m, tau_s : float
        Time constants of the membrane and of the synapses, in steps.
    threshold : float
    intra : bool
        Whether gradients also go from a step to the one before it within the neuron.
    surrogate : Surrogate
        Where the neuron is silent.

    References
    ----------
    Zhang & Li (2020), NeurIPS, arXiv 2002.10085, and the authors' code.
    """

    #: Largest change of a spike's time with the potential, in steps.
    STEEPEST = 8.0

    def __init__(
        self,
        tau_m: float = 5.0,
        tau_s: float = 3.0,
        threshold: float = 1.0,
        intra: bool = True,
        surrogate: Surrogate | None = None,
    ):
        super().__init__(Sigmoid() if surrogate is None else surrogate)
        self.tau_m = number("TSSL", "tau_m", tau_m, above=1.0, equal=True)
        self.tau_s = number("TSSL", "tau_s", tau_s, above=1.0, equal=True)
        self.threshold = number("TSSL", "threshold", threshold)
        self.intra = intra

    def begin(self, like):
        return (torch.zeros_like(like),) * 3

    def step(self, drive, state):
        y, kept, a = state
        y = (1 - 1 / self.tau_s) * y + drive / self.tau_s
        s, kept, a = _TimedSpike.apply(y, kept, a, self)
        return s, (y, kept, a)

    def gradients(self, u, s, moved, a, g, later) -> tuple[torch.Tensor, torch.Tensor]:
        """``G`` as it goes to the weights, and as it goes to the step before."""
        earlier = s * (-1 / moved).clamp(-self.STEEPEST, 0)
        through = -earlier * g
        if self.intra:
            through = through + later * ((1 - 1 / self.tau_m) * (1 - s) - u * earlier / self.tau_m)
        silent = a < 1 / (4 * self.tau_s)
        near = g * self.surrogate.slope(u - self.threshold)
        return torch.where(silent, near, through), through

    def extra_repr(self) -> str:
        return f"tau_m={self.tau_m:g}, tau_s={self.tau_s:g}, threshold={self.threshold:g}, intra={self.intra}"


class _TimedSpike(torch.autograd.Function):
    """A step: the potential that is kept goes in and out, and so do the spikes, filtered."""

    @staticmethod
    def forward(
        ctx: Any, y: torch.Tensor, kept: torch.Tensor, a: torch.Tensor, neuron: TSSL
    ) -> Any:
        u = (1 - 1 / neuron.tau_m) * kept + y
        s = (u > neuron.threshold).to(u.dtype)
        a = (1 - 1 / neuron.tau_s) * a + s / neuron.tau_s
        ctx.save_for_backward(u, s, y - kept / neuron.tau_m, a)
        ctx.neuron = neuron
        ctx.mark_non_differentiable(a)
        return s, u * (1 - s), a

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        to_weights, to_before = ctx.neuron.gradients(*ctx.saved_tensors, *gradients[:2])
        return to_weights, to_before, None, None


class LowPass(OverTime):
    """A readout of spikes, filtered: ``a = (1 - 1/tau) a + s/tau``, whose sum over the steps decides.

    Behind the last neurons it makes early spikes count more than late ones. :func:`bioconv.to_brian` builds it
    as neurons that do not spike, whose potential is that sum.

    Parameters
    ----------
    tau : float
        In steps; the ``tau_s`` of the neurons.
    """

    def __init__(self, tau: float = 3.0):
        super().__init__()
        self.tau = number("LowPass", "tau", tau, above=1.0, equal=True)

    def begin(self, like):
        return torch.zeros_like(like)

    def step(self, drive, state):
        a = (1 - 1 / self.tau) * state + drive / self.tau
        return a, a

    def extra_repr(self) -> str:
        return f"tau={self.tau:g}"


class Scaled(nn.Module):
    """``factor x``; behind a :class:`SumPool2d` the linear pooling of TSSL-BP, with the factor 1.1."""

    def __init__(self, factor: float = 1.1):
        super().__init__()
        self.factor = number("Scaled", "factor", factor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x

    def extra_repr(self) -> str:
        return f"factor={self.factor:g}"


def network(
    shape: Sequence[int] = (1, 28, 28),
    *,
    classes: int = 10,
    hidden: Sequence[int] = (400, 400),
    intra: bool = True,
    steps: int = 5,
) -> Unrolled:
    """Dense layers of ``hidden`` neurons and one for each class, without biases; weights as He et al. draw them."""
    sizes = (prod(shape), *hidden, classes)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after, bias=False), TSSL(intra=intra)]
    net = Unrolled(*layers, LowPass(), steps=steps)
    for weight in net.parameters():
        nn.init.kaiming_normal_(weight)
    return net


def recipe(*, epochs: int = 40, seed: int = 0, validation: float = 0.0) -> Recipe:
    """AdamW at 5e-4 with a cosine (the authors: 100 epochs without), gradients of norm 1 and weights of size 4 at most.

    The class spikes in every step but the first, and no other does.
    """
    return Recipe(
        loss=partial(train_mse, tau=3.0, filtered=True), epochs=epochs, batch=100, seed=seed,
        validation=validation, clip=1.0, bound=4.0, optimizer=partial(torch.optim.AdamW, lr=5e-4),
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
    )  # fmt: skip
