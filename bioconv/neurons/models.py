"""The neurons of converted networks: perfect, leaky, signed and few-spike integrators, as text.

In all, one threshold's distance ``V_th - E_L`` is one unit of conversion, and a charge ``C_m (V_th - E_L)``
moves the membrane by it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from brian2 import Quantity, farad, ms, mV, pF, second, volt

from bioconv.errors import ParameterError
from bioconv.neurons.noise import Noise
from bioconv.neurons.synapses import Synapse, quantity, seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class Neuron(ABC):
    """Parameters that integrate-and-fire neurons share.

    Attributes
    ----------
    E_L, V_th : volt
        Resting potential and threshold, ``V_th > E_L``.
    V_reset : volt or None
        Where a hard reset leads; None means ``E_L``. A soft reset subtracts ``V_th - E_L``.
    V_min : volt or None
        Floor: a potential below it is lifted to it at the end of every step.
    C_m : farad
        Membrane capacitance.
    refractory : second
        The membrane is clamped so long after a spike and delta input is lost; currents go on.
    noise : Noise or None
        What shakes the membrane.

    Notes
    -----
    A kind of neuron says as text: ``equations``, its lines beside the membrane's, with ``{potential}``,
    ``{current}`` and ``{conductance}`` for units; ``threshold``; ``jump``, what a spike does besides the reset; ``back``,
    what it does instead of the reset; ``begin``, statements at the begin of a presentation;
    ``refractory_while``, a condition under which it cannot spike again. ``constants`` are its further parameters by their
    names in the text, ``positions`` those of them that are potentials and not differences of potentials, ``resets`` the
    resets it has, the usual one first. A ``passive`` membrane can be read out without spikes.
    """

    equations: ClassVar[str] = ""
    threshold: ClassVar[str] = "v >= V_th - rounding"
    jump: ClassVar[str] = ""
    back: ClassVar[str | None] = None
    begin: ClassVar[str] = ""
    refractory_while: ClassVar[str] = ""
    positions: ClassVar[frozenset[str]] = frozenset()
    resets: ClassVar[tuple[str, ...]] = ("subtract", "zero")
    passive: ClassVar[bool] = True

    E_L: Any = field(default_factory=lambda: -65 * mV)
    V_th: Any = field(default_factory=lambda: -50 * mV)
    V_reset: Any = None
    V_min: Any = None
    C_m: Any = field(default_factory=lambda: 200 * pF)
    refractory: Any = field(default_factory=lambda: 0 * ms)
    noise: Noise | None = None

    def __post_init__(self):
        owner = type(self).__name__
        for name in ("E_L", "V_th"):
            quantity(owner, name, getattr(self, name), volt, "-65*mV")
        reset = self.E_L if self.V_reset is None else self.V_reset
        quantity(owner, "V_reset", reset, volt, "-65*mV")
        quantity(owner, "C_m", self.C_m, farad, "200*pF")
        if self.V_min is not None:
            quantity(owner, "V_min", self.V_min, volt, "-65*mV")
            if not self.V_min <= min(self.E_L, reset):
                raise ParameterError(
                    f"{owner}: V_min is {self.V_min}; a floor is at most E_L = {self.E_L} and V_reset"
                )
        if not (self.V_th > self.E_L and self.V_th > reset and self.C_m > 0 * farad):
            raise ParameterError(
                f"{owner}: needs V_th > E_L, V_th > V_reset and C_m > 0; they are V_th = "
                f"{self.V_th}, E_L = {self.E_L}, V_reset = {reset}, C_m = {self.C_m}"
            )
        object.__setattr__(self, "V_reset", reset)
        object.__setattr__(
            self, "refractory", seconds(owner, "refractory", self.refractory, zero=True)
        )

    @property
    def constants(self) -> dict[str, Any]:
        """Further parameters, by their names in the equations."""
        return {}

    @property
    @abstractmethod
    def membrane(self) -> str:
        """Right-hand side of dv/dt; empty where the potential only moves at the end of a step."""

    @abstractmethod
    def method(self, synapse: Synapse) -> str:
        """Brian2's integration method that loses no charge of this synapse."""

    @property
    @abstractmethod
    def time_constants(self) -> dict[str, Any]:
        """Constants of the membrane that are times, by their names in the equations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegrateFire(Neuron):
    """Perfect integrator; with reset by subtraction it is the spiking ReLU.

    ``dv/dt = I/C_m``. Under a constant drive of ``a`` thresholds a step it fires
    ``floor(a T)`` spikes in ``T`` steps, without error that grows.

    References
    ----------
    Rueckauer et al. (2017), Front. Neurosci. 11:682, eqs. 1-5.
    """

    membrane = "I/C_m"

    def method(self, synapse: Synapse) -> str:
        """Euler's is exact where the drive is constant within a step.

        Brian2's exact solution needs a leak. Of a filtered current every Runge-Kutta method
        delivers the whole charge, since ``C_m v`` plus the charge in the filter is conserved.
        """
        return "rk4" if synapse.equations else "euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class LeakyIntegrateFire(Neuron):
    """Leaky integrator ``tau_m dv/dt = E_L - v + R_m I`` with ``R_m = tau_m/C_m``.

    Under a constant current and hard reset to ``E_L`` it fires at
    ``1/(refractory + tau_m ln(R_m I/(R_m I - (V_th - E_L))))`` once ``R_m I > V_th - E_L``: weaker drive is lost,
    so a converted network should have ``tau_m`` well above the time between spikes.

    Attributes
    ----------
    tau_m : second
        Membrane time constant.

    References
    ----------
    Gerstner, Kistler, Naud & Paninski (2014), Neuronal Dynamics, section 1.3.
    """

    tau_m: Any = field(default_factory=lambda: 20 * ms)
    membrane = "(E_L - v)/tau_m + I/C_m"

    def method(self, synapse: Synapse) -> str:
        return "exact" if synapse.linear else "exponential_euler"

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "tau_m", seconds("LeakyIntegrateFire", "tau_m", self.tau_m))

    @property
    def R_m(self) -> Quantity:
        """Membrane resistance, ``tau_m/C_m``."""
        return self.tau_m / self.C_m

    @property
    def time_constants(self) -> dict[str, Any]:
        return {"tau_m": self.tau_m}


@dataclass(frozen=True, kw_only=True, eq=False)
class SignedIntegrateFire(IntegrateFire):
    """Perfect integrator that sends negative spikes too: the spiking leaky ReLU.

    Above ``V_th`` it sends +1 and loses a threshold; below ``E_L - (V_th - E_L)/slope`` it sends -1 and
    gains ``(V_th - E_L)/slope``. So a drive ``z`` is coded by the rate ``z`` where positive and ``slope z``
    elsewhere.

    Attributes
    ----------
    slope : float
        Of the leaky ReLU, above 0.

    References
    ----------
    Kim, Park, Na & Yoon (2020), AAAI, arXiv 1903.06530, signed neuron with imbalanced threshold.
    """

    slope: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.slope < float("inf"):
            raise ParameterError(
                f"SignedIntegrateFire: slope is {self.slope!r}; give a positive number"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class CorrectingIntegrateFire(IntegrateFire):
    """Perfect integrator that takes spikes back: a rectifier whose count is right at every step.

    Input that arrives early may drive a neuron to spikes that later input would not have. Below ``E_L``
    such a neuron sends -1 and gains a threshold, as long as it has sent more spikes than it took back.

    References
    ----------
    Wang et al. (2022), IJCAI, signed neuron with memory.
    """


@dataclass(frozen=True, kw_only=True, eq=False)
class FewSpike(Neuron):
    """Integrator whose threshold, reset and weight halve from step to step: a binary code.

    In step ``k = 0, 1 ...`` of its window it spikes where ``v - E_L`` has reached
    ``2**-(k + 1)`` of ``V_th - E_L`` and loses that much; the spike is worth as much at its targets, whose
    window begins when this one ends. The parameters of the rectifier in closed form.

    References
    ----------
    Stoeckl & Maass (2021), Nat. Mach. Intell. 3:230.
    """

    membrane = ""

    def method(self, synapse: Synapse) -> str:
        return "euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class PeakInput(Neuron):
    """No neuron but a gauge: ``v - E_L`` is the largest input that one step has brought so far."""

    membrane = ""

    def method(self, synapse: Synapse) -> str:
        return "euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}


IF, LIF, SIGNED = IntegrateFire, LeakyIntegrateFire, SignedIntegrateFire


def soft_lif_neuron(tau_rc: float, tau_ref: float) -> LeakyIntegrateFire:
    """The neuron whose rate a soft-LIF activation is, for time constants in seconds."""
    return LeakyIntegrateFire(tau_m=tau_rc * second, refractory=tau_ref * second)
