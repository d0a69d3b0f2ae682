"""The firing rate of a leaky integrate-and-fire neuron as an activation that can be trained."""

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from bioconv.learn.gradient.parameters import number

#: Below so many widths under the threshold the softplus is its own exponential tail.
_FAR = -20.0
#: Above so many widths it is the identity, to the last bit of a double.
_LINEAR = 40.0


class SoftLIF(nn.Module):
    """The function of :class:`bioconv.graph.SoftLIF`, and noise while it trains.

    Filtered spikes are not a steady rate: they swing about it. Trained with noise of that size, a
    network gives the same answer for spikes. Noise is added where the neuron itself would fire,
    ``x > 0``; it has ``amplitude * noise`` as its standard deviation.

    Parameters
    ----------
    amplitude : float
        Output for one spike per second, in seconds.
    gain : float
        Current for one unit of input, in thresholds.
    tau_rc, tau_ref : float
        Membrane time constant and refractory period in seconds.
    gamma : float
        Width of the smoothing in thresholds; 0 gives the rate of the neuron itself, whose
        gradient has no bound at the threshold.
    noise : float
        In spikes per second; the published networks used 10.
    hard : bool
        Compute the rate of the neuron itself, with the gradient of the smooth one: the last part of a
        training, since no spike stands for what the smooth rate has below the threshold.

    References
    ----------
    Hunsberger & Eliasmith (2015), arXiv 1510.08829; (2016), arXiv 1611.05141.
    """

    def __init__(
        self,
        amplitude: float = 0.063,
        gain: float = 1.0,
        tau_rc: float = 0.022,
        tau_ref: float = 0.002,
        gamma: float = 0.02,
        noise: float = 0.0,
        hard: bool = False,
    ):
        super().__init__()
        self.amplitude = number("SoftLIF", "amplitude", amplitude)
        self.gain = number("SoftLIF", "gain", gain)
        self.tau_rc = number("SoftLIF", "tau_rc", tau_rc)
        self.tau_ref = number("SoftLIF", "tau_ref", tau_ref, equal=True)
        self.gamma = number("SoftLIF", "gamma", gamma, equal=True)
        self.noise = number("SoftLIF", "noise", noise, equal=True)
        self.hard = bool(hard)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self._rate(self.gain * x, self.gamma)
        if self.hard:
            y = y + (self._rate(self.gain * x, 0.0) - y).detach()
        if self.training and self.noise:
            y = y + self.amplitude * self.noise * torch.randn_like(y) * (x > 0)
        return y

    def _rate(self, current: torch.Tensor, gamma: float) -> torch.Tensor:
        if gamma == 0:
            fires = current > 0
            period = self.tau_ref + self.tau_rc * torch.log1p(1 / torch.where(fires, current, 1.0))
            return torch.where(fires, self.amplitude / period, 0.0)
        depth = current / gamma
        near = torch.log1p(1 / (gamma * F.softplus(depth.clamp(min=_FAR), threshold=_LINEAR)))
        time = torch.where(depth < _FAR, -depth - math.log(gamma), near)
        return self.amplitude / (self.tau_ref + self.tau_rc * time)

    def extra_repr(self) -> str:
        names = ("amplitude", "gain", "tau_rc", "tau_ref", "gamma", "noise")
        return ", ".join(f"{name}={getattr(self, name):g}" for name in names) + ", hard" * self.hard
