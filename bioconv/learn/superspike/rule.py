"""Constants of neurons and learning, and the first weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import second, volt

from bioconv.errors import ParameterError

_SECONDS = ("tau_mem", "tau_syn", "tau_r", "tau_d", "tau_z", "refractory", "fading")
_VOLTS = ("U_rest", "th", "step", "w_max")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Constants of SuperSpike in seconds and volts.

    Attributes
    ----------
    tau_mem, tau_syn, refractory, U_rest, th
        Of the neurons.
    beta : float
        1/volt: how steep the surrogate is.
    tau_r, tau_d : float
        Rise and decay of the filter of errors and of eligibility.
    step : float
        Largest change of a weight in one update.
    fading : float
        Time in which the steps shrink to 1/e.
    update : float
        Time between two updates.
    tau_rms : float
        How long an update remembers that the gradient was large.
    w_max : float
        Bound of a weight's size.
    w_0 : float
        Standard deviation of the first weights, of a neuron that 100 others reach; it goes with one
        over the square root of their number.
    rho : float
        1/volt**2: strength of the decay of weights of hidden neurons that spike often; 0 for none.
    tau_z : float
        How long a spike counts for it.
    dt : float
        Step of the simulation.

    References
    ----------
    github.com/fzenke/pub2018superspike for the time constants, ``beta`` and ``update`` (``tau_rms`` is 30 there);
    github.com/fzenke/auryn for ``U_rest`` and ``refractory``.
    """

    tau_mem: float = 10e-3
    tau_syn: float = 5e-3
    refractory: float = 5e-3
    U_rest: float = -60e-3
    th: float = -50e-3
    beta: float = 1e3
    tau_r: float = 5e-3
    tau_d: float = 10e-3
    step: float = 1e-3
    fading: float = 100.0
    update: float = 0.5
    tau_rms: float = 5.0
    w_max: float = 20e-3
    w_0: float = 3e-3
    rho: float = 0.0
    tau_z: float = 0.1
    dt: float = 1e-4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("U_rest", "th", "rho") and not value > 0:
                raise ParameterError(f"Rule: {name} is {value}; give a number above 0")
        if self.rho < 0 or self.th <= self.U_rest:
            raise ParameterError(
                f"Rule: rho is {self.rho}, th {self.th}, U_rest {self.U_rest}; "
                "rho must not be negative, th must be above U_rest"
            )

    @property
    def gamma(self) -> float:
        """What is left of ``g2`` after one update."""
        return float(np.exp(-self.update / self.tau_rms))

    def names(self) -> dict[str, Any]:
        """What the equations use, with units."""
        return {
            **{name: getattr(self, name) * second for name in _SECONDS},
            **{name: getattr(self, name) * volt for name in _VOLTS},
            "beta": self.beta / volt,
            "rho": self.rho / volt**2,
            "gamma": self.gamma,
            "tiny": 1e-12 * second / volt,
        }


def first_weights(sizes: Mapping[str, int], rule: Rule, seed: int) -> dict[str, np.ndarray]:
    """{layer: (n_post, n_pre) volts} of every layer but the first, normal around zero.

    Parameters
    ----------
    sizes : mapping
        Neurons of all layers in order.
    """
    rng = np.random.default_rng([seed, 3])
    names, numbers = list(sizes), list(sizes.values())
    return {
        name: np.clip(
            rng.normal(0, rule.w_0 * np.sqrt(100 / pre), (post, pre)), -rule.w_max, rule.w_max
        )
        for name, pre, post in zip(names[1:], numbers, numbers[1:], strict=False)
    }
