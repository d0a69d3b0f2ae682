"""Neurons with more biology: adaptation, exponential and quadratic spikes, ion channels.

None of them fires in proportion to its current as the perfect integrator does; :mod:`bioconv.neurons.curves` measures
how they do fire, and :func:`bioconv.realism.with_neurons` gives their layers the gain and the
offset that come closest. ``I`` is all current, ``w_a`` an adaptation current. They need
a time step of 0.1 ms or less.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from brian2 import Quantity, amp, ms, mV, nA, nS, pA, pF, siemens, uS, volt

from bioconv.errors import ParameterError
from bioconv.neurons.models import LeakyIntegrateFire, Neuron, quantity
from bioconv.neurons.synapses import Synapse, seconds


def _linear_method(synapse: Synapse) -> str:
    return "euler" if synapse.linear else "exponential_euler"


@dataclass(frozen=True, kw_only=True, eq=False)
class AdaptiveLeakyIntegrateFire(LeakyIntegrateFire):
    """Leaky integrator that every spike makes less excitable for a while.

    ``tau_m dv/dt = E_L - v + R_m (I - w_a)``, ``tau_w dw_a/dt = a (v - E_L) - w_a``; a spike adds ``b`` to ``w_a``.

    Attributes
    ----------
    tau_w : second
        Time constant of the adaptation.
    a : siemens
        Adaptation by the potential.
    b : amp
        Adaptation by a spike.

    References
    ----------
    Gerstner, Kistler, Naud & Paninski (2014), Neuronal Dynamics, section 6.1.
    """

    tau_w: Any = field(default_factory=lambda: 100 * ms)
    a: Any = field(default_factory=lambda: 0 * nS)
    b: Any = field(default_factory=lambda: 10 * pA)
    membrane = "(E_L - v)/tau_m + (I - w_a)/C_m"
    equations = "dw_a/dt = (a*(v - E_L) - w_a)/tau_w : {current}"
    jump = "w_a += b"
    begin = "w_a = 0*w_a"

    def __post_init__(self):
        super().__post_init__()
        _check_adaptation(self)

    def method(self, synapse: Synapse) -> str:
        return _linear_method(synapse)

    @property
    def constants(self) -> dict[str, Any]:
        return {"tau_w": self.tau_w, "a": self.a, "b": self.b}


@dataclass(frozen=True, kw_only=True, eq=False)
class ExponentialIntegrateFire(Neuron):
    """Exponential integrate-and-fire neuron with adaptation (AdEx).

    ``C_m dv/dt = g_L (E_L - v) + g_L Delta_T exp((v - V_th)/Delta_T) - w_a + I``,
    ``tau_w dw_a/dt = a (v - E_L) - w_a``; where ``v >= V_spike`` a spike sets ``v = V_reset`` and adds ``b``
    to ``w_a``. ``V_th`` is where the upstroke begins. With ``a`` and ``b`` zero there is no adaptation.

    Attributes
    ----------
    g_L : siemens
        Leak.
    Delta_T : volt
        How sharp the upstroke is.
    V_spike : volt
        Where it counts as a spike.
    tau_w, a, b
        Adaptation, as in :class:`AdaptiveLeakyIntegrateFire`.

    References
    ----------
    Brette & Gerstner (2005), J. Neurophysiol. 94:3637 (equations and default parameters).
    """

    E_L: Any = field(default_factory=lambda: -70.6 * mV)
    V_th: Any = field(default_factory=lambda: -50.4 * mV)
    C_m: Any = field(default_factory=lambda: 281 * pF)
    g_L: Any = field(default_factory=lambda: 30 * nS)
    Delta_T: Any = field(default_factory=lambda: 2 * mV)
    V_spike: Any = field(default_factory=lambda: -30.4 * mV)
    tau_w: Any = field(default_factory=lambda: 144 * ms)
    a: Any = field(default_factory=lambda: 4 * nS)
    b: Any = field(default_factory=lambda: 0.0805 * nA)
    membrane = "(g_L*(E_L - v + Delta_T*exp((v - V_th)/Delta_T)) - w_a + I)/C_m"
    equations = "dw_a/dt = (a*(v - E_L) - w_a)/tau_w : {current}"
    threshold = "v >= V_spike"
    jump = "w_a += b"
    begin = "w_a = 0*w_a"
    resets = ("zero",)
    positions = frozenset({"V_spike"})
    passive: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        _check_adaptation(self)
        name = type(self).__name__
        _positive(name, "g_L", self.g_L, siemens, "30*nS")
        _positive(name, "Delta_T", self.Delta_T, volt, "2*mV")
        quantity(name, "V_spike", self.V_spike, volt, "-30*mV")
        if not self.V_spike > self.V_th:
            raise ParameterError(
                f"{name}: V_spike is {self.V_spike}; it must be above V_th = {self.V_th}"
            )

    def method(self, synapse: Synapse) -> str:
        return "euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}

    @property
    def constants(self) -> dict[str, Any]:
        names = ("g_L", "Delta_T", "V_spike", "tau_w", "a", "b")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True, eq=False)
class Izhikevich(Neuron):
    """Quadratic integrate-and-fire neuron with recovery; here a regular spiking cell of cortex.

    ``C_m dv/dt = k (v - E_L) (v - V_th) - w_a + I``, ``dw_a/dt = a (b (v - E_L) - w_a)``; where ``v >= V_spike``
    a spike sets ``v = V_reset`` and adds ``d`` to ``w_a``.

    Attributes
    ----------
    k : siemens/volt
    V_spike : volt
        Peak of a spike.
    a : 1/second
        Rate of recovery.
    b : siemens
    d : amp

    References
    ----------
    Izhikevich (2007), Dynamical Systems in Neuroscience, MIT Press, section 8.2 (equations and default
    parameters). The form of Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569, ``v' = 0.04 v^2 + 5 v + 140 - u + I``
    with ``b = 0.2``, has ``E_L = -70``, ``V_th = -55``, ``k = 0.04`` and ``w_a = u + 14``.
    """

    E_L: Any = field(default_factory=lambda: -60 * mV)
    V_th: Any = field(default_factory=lambda: -40 * mV)
    V_reset: Any = field(default_factory=lambda: -50 * mV)
    C_m: Any = field(default_factory=lambda: 100 * pF)
    k: Any = field(default_factory=lambda: 0.7 * nS / mV)
    V_spike: Any = field(default_factory=lambda: 35 * mV)
    a: Any = field(default_factory=lambda: 0.03 / ms)
    b: Any = field(default_factory=lambda: -2 * nS)
    d: Any = field(default_factory=lambda: 100 * pA)
    membrane = "(k*(v - E_L)*(v - V_th) - w_a + I)/C_m"
    equations = "dw_a/dt = a*(b*(v - E_L) - w_a) : {current}"
    threshold = "v >= V_spike"
    jump = "w_a += d"
    begin = "w_a = 0*w_a"
    resets = ("zero",)
    positions = frozenset({"V_spike"})
    passive: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        name = type(self).__name__
        _positive(name, "k", self.k, siemens / volt, "0.7*nS/mV")
        _positive(name, "a", self.a, 1 / ms, "0.03/ms")
        quantity(name, "b", self.b, siemens, "-2*nS")
        quantity(name, "d", self.d, amp, "100*pA")
        quantity(name, "V_spike", self.V_spike, volt, "35*mV")
        if not self.V_spike > self.V_th:
            raise ParameterError(
                f"{name}: V_spike is {self.V_spike}; it must be above V_th = {self.V_th}"
            )

    def method(self, synapse: Synapse) -> str:
        return "euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}

    @property
    def constants(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("k", "V_spike", "a", "b", "d")}


@dataclass(frozen=True, kw_only=True, eq=False)
class HodgkinHuxley(Neuron):
    """Sodium, potassium and leak; a spike is the upward crossing of ``V_th``, and nothing is reset.

    ``C_m dv/dt = g_L (E_L - v) - g_Na m^3 h (v - E_Na) - g_K n^4 (v - E_K) + I``. Until the
    potential is below ``V_th`` again there is no other spike. It needs a time step of 0.05 ms or less.

    Attributes
    ----------
    g_L, g_Na, g_K : siemens
        Of the whole cell: 20,000 square micrometres.
    E_Na, E_K : volt
        Reversal potentials; ``E_L`` is that of the leak.
    V_T : volt
        Shifts the dependence of the gates on the potential.

    References
    ----------
    Traub & Miles (1991), Neuronal Networks of the Hippocampus, in the form and with the parameters of
    Brette et al. (2007), J. Comput. Neurosci. 23:349, benchmark 3.
    """

    V_th: Any = field(default_factory=lambda: -40 * mV)
    g_L: Any = field(default_factory=lambda: 10 * nS)
    g_Na: Any = field(default_factory=lambda: 20 * uS)
    g_K: Any = field(default_factory=lambda: 6 * uS)
    E_Na: Any = field(default_factory=lambda: 50 * mV)
    E_K: Any = field(default_factory=lambda: -90 * mV)
    V_T: Any = field(default_factory=lambda: -63 * mV)
    membrane = "(g_L*(E_L - v) - g_Na*m**3*h*(v - E_Na) - g_K*n**4*(v - E_K) + I)/C_m"
    equations = """\
dm/dt = alpha_m*(1 - m) - beta_m*m : 1
dh/dt = alpha_h*(1 - h) - beta_h*h : 1
dn/dt = alpha_n*(1 - n) - beta_n*n : 1
alpha_m = 1.28/exprel((13 - above)/4)/ms : hertz
beta_m = 1.4/exprel((above - 40)/5)/ms : hertz
alpha_h = 0.128*exp((17 - above)/18)/ms : hertz
beta_h = 4/(1 + exp((40 - above)/5))/ms : hertz
alpha_n = 0.16/exprel((15 - above)/5)/ms : hertz
beta_n = 0.5*exp((10 - above)/40)/ms : hertz
above = (v - V_T)/millivolts : 1"""
    begin = """\
m = alpha_m/(alpha_m + beta_m)
h = alpha_h/(alpha_h + beta_h)
n = alpha_n/(alpha_n + beta_n)"""
    back = ""
    refractory_while = "v >= V_th - rounding"
    resets = ("zero",)
    positions = frozenset({"E_Na", "E_K", "V_T"})
    passive: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        name = type(self).__name__
        for conductance in ("g_L", "g_Na", "g_K"):
            _positive(name, conductance, getattr(self, conductance), siemens, "10*nS")
        for potential in ("E_Na", "E_K", "V_T"):
            quantity(name, potential, getattr(self, potential), volt, "50*mV")
        if float(self.refractory) > 0:
            raise ParameterError(
                f"{name}: refractory is {self.refractory}; its channels make it refractory: leave it out"
            )

    def method(self, synapse: Synapse) -> str:
        return "exponential_euler"

    @property
    def time_constants(self) -> dict[str, Any]:
        return {}

    @property
    def constants(self) -> dict[str, Any]:
        names = ("g_L", "g_Na", "g_K", "E_Na", "E_K", "V_T")
        return {**{name: getattr(self, name) for name in names}, "millivolts": 1 * mV}


def _positive(owner: str, name: str, value: Any, unit: Quantity, example: str) -> None:
    quantity(owner, name, value, unit, example)
    if not float(value) > 0:
        raise ParameterError(f"{owner}: {name} is {value}; it must be positive")


def _check_adaptation(neuron: Any) -> None:
    name = type(neuron).__name__
    object.__setattr__(neuron, "tau_w", seconds(name, "tau_w", neuron.tau_w))
    quantity(name, "a", neuron.a, siemens, "4*nS")
    quantity(name, "b", neuron.b, amp, "80*pA")
