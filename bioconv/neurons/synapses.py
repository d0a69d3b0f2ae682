"""What a spike does to a membrane: delta and filtered postsynaptic currents (PSC), as text.

A spike of weight ``w`` (in thresholds) delivers the charge ``Q = w C_m (V_th - E_L)`` whatever the filter,
so rates do not depend on it; ``t`` counts from the arrival of the spike:

================== ====================================================== ====================
filter             current                                                jump per spike
================== ====================================================== ====================
delta              ``Q delta(t)``                                         ``v += w (V_th - E_L)``
exponential        ``Q/tau exp(-t/tau)``                                  ``I_syn += Q/tau``
alpha              ``Q t/tau^2 exp(-t/tau)``                              ``h_syn += Q/tau``
double exponential ``Q (exp(-t/decay) - exp(-t/rise))/(decay - rise)``    ``h_syn += Q/rise``
================== ====================================================== ====================

Each filter is a state variable of the postsynaptic neuron: one, however many synapses there are.

References
----------
Roth & van Rossum (2009), Modeling synapses, in: Computational Modeling Methods for Neuroscientists.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from brian2 import Quantity, ms, mV, second, volt
from brian2.units.fundamentalunits import have_same_dimensions

from bioconv.errors import ParameterError


def quantity(owner: str, name: str, value: Any, unit: Quantity, example: str) -> Quantity:
    """``value`` where it is one finite quantity with the dimensions of ``unit``; else refused."""
    one = isinstance(value, Quantity) and value.ndim == 0
    if not one or not have_same_dimensions(value, unit):
        raise ParameterError(f"{owner}: {name} is {value!r}; give a quantity such as {example}")
    if not abs(float(value)) < float("inf"):
        raise ParameterError(f"{owner}: {name} is {value!r}; it must be finite")
    return value


def seconds(owner: str, name: str, value: Any, *, zero: bool = False) -> Quantity:
    """``value`` as a Brian2 time; plain numbers, wrong units and non-positive values are refused."""
    try:
        number = float(Quantity(value, dim=getattr(value, "dim", None)) / second)
        good = getattr(value, "dim", None) is second.dim
    except Exception:
        number, good = float("nan"), False
    if not good or not number < float("inf") or not (number > 0 or (zero and number == 0)):
        least = "zero or more" if zero else "positive"
        shown = value if isinstance(value, Quantity) else repr(value)
        raise ParameterError(f"{owner}: {name} is {shown}; give a {least} time such as 5*ms")
    return number * second


@dataclass(frozen=True, kw_only=True, eq=False)
class Synapse(ABC):
    """How charge arrives at the membrane. Equations use ``{current}`` for the unit's word.

    ``variables`` are those that remember spikes; ``linear`` tells whether the current is independent of the potential;
    ``positions`` are the constants that are potentials.
    """

    variables: ClassVar[tuple[str, ...]] = ()
    linear: ClassVar[bool] = True
    positions: ClassVar[frozenset[str]] = frozenset()

    @property
    @abstractmethod
    def equations(self) -> str:
        """Lines of the model, empty when the charge arrives at once."""

    @property
    @abstractmethod
    def target(self) -> str:
        """The variable of the postsynaptic neuron that a spike adds to."""

    @property
    @abstractmethod
    def per_charge(self) -> Any:
        """What one unit of charge adds to the target: 1/second, 1/(volt second), or None for the membrane."""

    @property
    @abstractmethod
    def constants(self) -> dict[str, Any]:
        """Time constants by their names in the equations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Delta(Synapse):
    """All charge at once: the membrane jumps by the weight."""

    equations = ""
    target = "v"
    per_charge = None

    @property
    def constants(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Exponential(Synapse):
    """Current that jumps and decays with ``tau``."""

    tau: Any = field(default_factory=lambda: 5 * ms)
    equations = "dI_syn/dt = -I_syn/tau_syn : {current}"
    target = "I_syn"
    variables = ("I_syn",)

    def __post_init__(self):
        object.__setattr__(self, "tau", seconds("Exponential", "tau", self.tau))

    @property
    def per_charge(self) -> Any:
        return 1 / self.tau

    @property
    def constants(self) -> dict[str, Any]:
        return {"tau_syn": self.tau}


@dataclass(frozen=True, kw_only=True, eq=False)
class Alpha(Synapse):
    """Current that rises and decays with ``tau``; largest ``tau`` after the spike."""

    tau: Any = field(default_factory=lambda: 5 * ms)
    equations = (
        "dI_syn/dt = (h_syn - I_syn)/tau_syn : {current}\ndh_syn/dt = -h_syn/tau_syn : {current}"
    )
    target = "h_syn"
    variables = ("I_syn", "h_syn")

    def __post_init__(self):
        object.__setattr__(self, "tau", seconds("Alpha", "tau", self.tau))

    @property
    def per_charge(self) -> Any:
        return 1 / self.tau

    @property
    def constants(self) -> dict[str, Any]:
        return {"tau_syn": self.tau}


@dataclass(frozen=True, kw_only=True, eq=False)
class DoubleExponential(Synapse):
    """Current that rises with ``rise`` and decays with ``decay``, a different time constant."""

    rise: Any = field(default_factory=lambda: 1 * ms)
    decay: Any = field(default_factory=lambda: 5 * ms)
    equations = (
        "dI_syn/dt = (h_syn - I_syn)/tau_decay : {current}\ndh_syn/dt = -h_syn/tau_rise : {current}"
    )
    target = "h_syn"
    variables = ("I_syn", "h_syn")

    def __post_init__(self):
        for name in ("rise", "decay"):
            value = seconds("DoubleExponential", name, getattr(self, name))
            object.__setattr__(self, name, value)
        if too_close(self.rise, self.decay):
            raise ParameterError(
                f"DoubleExponential: rise and decay are both {self.rise}; the exact solution divides "
                "by their difference. Use Alpha(tau=...), which is their limit"
            )

    @property
    def per_charge(self) -> Any:
        return 1 / self.rise

    @property
    def constants(self) -> dict[str, Any]:
        return {"tau_rise": self.rise, "tau_decay": self.decay}


@dataclass(frozen=True, kw_only=True, eq=False)
class ExponentialConductance(Synapse):
    """Conductances that jump and decay: ``I_syn = g_e (E_e - v) + g_i (E_i - v)``.

    Positive weights add to ``g_e``, negative ones, without their sign, to ``g_i``. A spike delivers the charge of its
    weight to a membrane that is held at ``V_ref``; elsewhere more or less, so rates are not those of currents.

    Attributes
    ----------
    tau_e, tau_i : second
    E_e, E_i : volt
        Reversal potentials, ``E_e > V_ref > E_i``.
    V_ref : volt
        Potential at which a spike's charge is that of its weight.

    References
    ----------
    Vogels & Abbott (2005), J. Neurosci. 25:10786 (default time constants and reversal potentials).
    """

    tau_e: Any = field(default_factory=lambda: 5 * ms)
    tau_i: Any = field(default_factory=lambda: 10 * ms)
    E_e: Any = field(default_factory=lambda: 0 * mV)
    E_i: Any = field(default_factory=lambda: -80 * mV)
    V_ref: Any = field(default_factory=lambda: -57.5 * mV)
    equations = """\
I_syn = g_e*(E_e - v) + g_i*(E_i - v) : {current}
dg_e/dt = -g_e/tau_e : {conductance}
dg_i/dt = -g_i/tau_i : {conductance}"""
    target = "g_e"
    variables = ("g_e", "g_i")
    linear = False
    positions = frozenset({"E_e", "E_i"})
    #: What negative weights add to.
    inhibited: ClassVar[str] = "g_i"

    def __post_init__(self):
        name = type(self).__name__
        for tau in ("tau_e", "tau_i"):
            object.__setattr__(self, tau, seconds(name, tau, getattr(self, tau)))
        for potential in ("E_e", "E_i", "V_ref"):
            quantity(name, potential, getattr(self, potential), volt, "-80*mV")
        if not self.E_e > self.V_ref > self.E_i:
            raise ParameterError(
                f"{name}: needs E_e > V_ref > E_i; they are {self.E_e}, {self.V_ref}, {self.E_i}"
            )

    @property
    def per_charge(self) -> Any:
        return 1 / (self.tau_e * (self.E_e - self.V_ref))

    @property
    def inhibition(self) -> float:
        """Conductance of an inhibitory spike in that of an excitatory one of the same weight."""
        excitation = self.tau_e * (self.E_e - self.V_ref)
        return float(excitation / (self.tau_i * (self.V_ref - self.E_i)))

    @property
    def constants(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("tau_e", "tau_i", "E_e", "E_i")}


def too_close(first: Any, second_: Any) -> bool:
    """Whether two time constants are so near that their difference loses half its digits."""
    return abs(float(first / second_) - 1) < 1e-7


#: Names under which filters may be asked for.
SYNAPSES: dict[str, type[Synapse]] = {
    "delta": Delta,
    "exponential": Exponential,
    "alpha": Alpha,
    "double_exponential": DoubleExponential,
    "conductance": ExponentialConductance,
}


def synapse_named(synapse: "str | Synapse | None") -> Synapse:
    """A filter from its name, itself, or None (delta)."""
    if isinstance(synapse, Synapse):
        return synapse
    if synapse is None:
        return Delta()
    if isinstance(synapse, str) and synapse in SYNAPSES:
        return SYNAPSES[synapse]()
    raise ParameterError(
        f"synapse is {synapse!r}; choose one of {', '.join(SYNAPSES)} or a record of "
        "bioconv.neurons such as Exponential(tau=5*ms)"
    )
