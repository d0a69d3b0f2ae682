"""Noise of a membrane and of the synapses on it, as statements of every step.

Numbers of variance one come from :func:`bioconv.build.chance.normal`: they depend on seed, sample, population, neuron and
step alone, not on the batch or the device.
"""

from dataclasses import dataclass, field
from typing import Any

from brian2 import amp, ms, pA, second, volt

from bioconv.errors import ParameterError
from bioconv.neurons.synapses import quantity, seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise:
    """What shakes a membrane.

    Attributes
    ----------
    membrane : volt/second**0.5
        White noise: in a step the potential moves by ``membrane sqrt(dt)`` times a number of variance one.
        The potential of a leaky membrane then has the standard deviation ``membrane sqrt(tau_m/2)``.
    synaptic : amp
        Standard deviation of a current that stands for many background synapses.
    tau : second
        Its time constant, that of the synapses (an Ornstein-Uhlenbeck process).

    References
    ----------
    Destexhe, Rudolph, Fellous & Sejnowski (2001), Neuroscience 107:13 (synaptic background).
    """

    membrane: Any = field(default_factory=lambda: 0 * volt / second**0.5)
    synaptic: Any = field(default_factory=lambda: 0 * pA)
    tau: Any = field(default_factory=lambda: 5 * ms)

    def __post_init__(self):
        quantity("Noise", "membrane", self.membrane, volt / second**0.5, "1*mV/ms**0.5")
        quantity("Noise", "synaptic", self.synaptic, amp, "50*pA")
        object.__setattr__(self, "tau", seconds("Noise", "tau", self.tau))
        if float(self.membrane) < 0 or float(self.synaptic) < 0:
            raise ParameterError(
                f"Noise: membrane is {self.membrane}, synaptic {self.synaptic}; they are at least 0"
            )

    @property
    def equations(self) -> str:
        return "I_noise : {current}" if self._synaptic else ""

    @property
    def current(self) -> str:
        """What it adds to a membrane's current."""
        return " + I_noise" if self._synaptic else ""

    def statements(self, refractory: bool) -> str:
        """Of every step, after the integration."""
        rows = []
        if self._synaptic:
            rows.append(
                "I_noise = I_noise*exp(-dt/tau_noise) + sigma_noise*sqrt(1 - exp(-2*dt/tau_noise))"
                "*normal(seed, sample, -place, neuron, step)"
            )
        if float(self.membrane):
            free = "*int(not_refractory)" * refractory
            rows.append(f"v += noise*sqrt(dt)*normal(seed, sample, place, neuron, step){free}")
        return "\n".join(rows)

    @property
    def start(self) -> str:
        """At the begin of a presentation."""
        return "I_noise = sigma_noise*normal(seed, sample, -place, neuron, -1)" * self._synaptic

    @property
    def constants(self) -> dict[str, Any]:
        own = {"noise": self.membrane} if float(self.membrane) else {}
        return own | (
            {"sigma_noise": self.synaptic, "tau_noise": self.tau} if self._synaptic else {}
        )

    @property
    def _synaptic(self) -> bool:
        return float(self.synaptic) > 0
