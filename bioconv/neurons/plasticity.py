"""Spike-timing-dependent plasticity as text: traces of spikes, and what a weight gains at a spike.

A rule says by how much a weight changes when a presynaptic spike arrives (``on_pre``) and when the target spikes
(``on_post``), in terms of the weight ``w``, of traces of the presynaptic spikes (``x``, ``x2``) and of the postsynaptic
ones (``y``, ``y2``). Traces decay exponentially, and belong to neurons: all synapses of a neuron see the same. A
spike reads the traces of its own side before it changes them, and the weight stays between ``w_min`` and ``w_max``.
Spikes of one step: the presynaptic ones come first.

=============== ========================================== ====================================================
rule            when a presynaptic spike arrives           when the target spikes
=============== ========================================== ====================================================
Pair            ``-a_minus y w^mu``                        ``a_plus x (w_max - w)^mu``
Triplet         ``-y (a2_minus + a3_minus x2)``            ``x (a2_plus + a3_plus y2)``
DiehlCook       ``-eta_pre y``                             ``eta_post x y2``
PowerLaw                                                   ``eta (x - target) (w_max - w)^mu``
ExponentialRule                                            ``eta (x e^(-beta w) - target e^(-beta (w_max - w)))``
Symmetric       ``-eta_pre y w^mu``                        ``eta_post (x - target) (w_max - w)^mu``
=============== ========================================== ====================================================

:class:`Rewarded` collects the changes of another rule in an eligibility trace per synapse, which a reward turns into
changes of the weight.

References
----------
Song, Miller & Abbott (2000), Nat. Neurosci. 3:919 (pairs, additive); van Rossum, Bi & Turrigiano (2000), J. Neurosci.
20:8812 (multiplicative). Pfister & Gerstner (2006), J. Neurosci. 26:9673 (triplets). Diehl & Cook (2015), Front. Comput.
Neurosci. 9:99 (four rules). Izhikevich (2007), Cereb. Cortex 17:2443 (reward).
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from brian2 import ms

from bioconv.errors import ParameterError
from bioconv.neurons.synapses import seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What a neuron remembers of its spikes.

    Attributes
    ----------
    name : str
    tau : second
    adds : bool
        Whether a spike adds one (all spikes count) or sets the trace to one (the nearest counts).
    """

    name: str
    tau: Any
    adds: bool = True

    def __post_init__(self):
        object.__setattr__(self, "tau", seconds(f"trace {self.name}", "tau", self.tau))


@dataclass(frozen=True, kw_only=True, eq=False)
class RuleText:
    """A rule as it is computed.

    Attributes
    ----------
    pre, post : tuple of Trace
        Of the presynaptic and of the postsynaptic spikes.
    on_pre, on_post : str
        What ``w`` gains, an expression in ``w``, the traces and the constants; empty for nothing.
    constants : mapping, name -> float
    eligibility : second or None
        Time constant of the trace that collects the changes until a reward comes; None: weights change at once.
    """

    pre: tuple[Trace, ...]
    post: tuple[Trace, ...]
    on_pre: str
    on_post: str
    constants: dict[str, float]
    eligibility: Any = None

    def __str__(self) -> str:
        lines = [f"d{t.name}/dt = -{t.name}/({t.tau})" for t in (*self.pre, *self.post)]
        for side, change, traces in (
            ("pre", self.on_pre, self.pre), ("post", self.on_post, self.post),
        ):  # fmt: skip
            jumps = [f"{t.name} {'+=' if t.adds else '='} 1" for t in traces]
            gains = [f"w += {change}"] if change else []
            lines.append(f"on {side}: {'; '.join(gains + jumps)}")
        lines += [f"{name} = {value:g}" for name, value in self.constants.items()]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule(ABC):
    """How weights learn from spikes.

    Attributes
    ----------
    w_min, w_max : float
        Bounds of a weight, in its own unit.
    """

    w_min: float = 0.0
    w_max: float = 1.0

    def __post_init__(self):
        name = type(self).__name__
        for key, value in vars(self).items():
            if isinstance(value, (int, float)) and not abs(value) < float("inf"):
                raise ParameterError(f"{name}: {key} is {value!r}; it must be finite")
        if not self.w_min < self.w_max:
            raise ParameterError(
                f"{name}: w_min is {self.w_min}, w_max {self.w_max}; give w_min < w_max"
            )

    @property
    @abstractmethod
    def text(self) -> RuleText:
        """The rule as traces and expressions."""

    def _constants(self, *names: str) -> dict[str, float]:
        """Those attributes, and the bounds, as floats."""
        return {name: float(getattr(self, name)) for name in (*names, "w_min", "w_max")}

    def __str__(self) -> str:
        return str(self.text)


def _power(base: str, exponent: float, name: str) -> str:
    """A factor ``*base^exponent``, left out where the exponent is zero.

    A weight that something else has put beyond a bound, as a normalisation does, has no root of its distance to it: zero.
    """
    root = f"*clip({base}, 0, w_max - w_min)**{name}"
    return {0.0: "", 1.0: f"*({base})"}.get(float(exponent), root)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair(Rule):
    """Pairs of spikes: the later of the two reads the trace of the earlier.

    Attributes
    ----------
    a_plus, a_minus : float
        Size of potentiation and depression.
    tau_plus, tau_minus : second
    mu : float
        0: changes do not depend on the weight (additive); 1: proportional to the distance from the bound
        (multiplicative); between them a compromise (Gütig et al. 2003).
    nearest : bool
        Whether only the nearest spike counts, or all.
    """

    a_plus: float = 0.005
    a_minus: float = 0.00525
    tau_plus: Any = field(default_factory=lambda: 20 * ms)
    tau_minus: Any = field(default_factory=lambda: 20 * ms)
    mu: float = 0.0
    nearest: bool = False

    @property
    def text(self) -> RuleText:
        return RuleText(
            pre=(Trace(name="x", tau=self.tau_plus, adds=not self.nearest),),
            post=(Trace(name="y", tau=self.tau_minus, adds=not self.nearest),),
            on_pre=f"-a_minus*y{_power('w - w_min', self.mu, 'mu')}",
            on_post=f"a_plus*x{_power('w_max - w', self.mu, 'mu')}",
            constants=self._constants("a_plus", "a_minus", "mu"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Triplet(Rule):
    """Triplets of spikes; the values given are those fitted to visual cortex, all to all.

    Attributes
    ----------
    a2_plus, a2_minus, a3_plus, a3_minus : float
        Of pairs and of triplets.
    tau_plus, tau_minus, tau_x, tau_y : second
        Of the fast and the slow traces.
    nearest : bool
        Whether only the nearest spike counts, or all.

    References
    ----------
    Pfister & Gerstner (2006), J. Neurosci. 26:9673, table 4 (full model, all-to-all).
    """

    a2_plus: float = 5e-10
    a2_minus: float = 7e-3
    a3_plus: float = 6.2e-3
    a3_minus: float = 2.3e-4
    tau_plus: Any = field(default_factory=lambda: 16.8 * ms)
    tau_minus: Any = field(default_factory=lambda: 33.7 * ms)
    tau_x: Any = field(default_factory=lambda: 101 * ms)
    tau_y: Any = field(default_factory=lambda: 125 * ms)
    nearest: bool = False

    @property
    def text(self) -> RuleText:
        adds = not self.nearest
        return RuleText(
            pre=(
                Trace(name="x", tau=self.tau_plus, adds=adds),
                Trace(name="x2", tau=self.tau_x, adds=adds),
            ),
            post=(
                Trace(name="y", tau=self.tau_minus, adds=adds),
                Trace(name="y2", tau=self.tau_y, adds=adds),
            ),
            on_pre="-y*(a2_minus + a3_minus*x2)",
            on_post="x*(a2_plus + a3_plus*y2)",
            constants=self._constants("a2_plus", "a2_minus", "a3_plus", "a3_minus"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DiehlCook(Rule):
    """The rule of the code of Diehl & Cook (2015): nearest spikes, potentiation by a triplet.

    Attributes
    ----------
    eta_pre, eta_post : float
    tau_x, tau_y, tau_y2 : second
    """

    eta_pre: float = 1e-4
    eta_post: float = 1e-2
    tau_x: Any = field(default_factory=lambda: 20 * ms)
    tau_y: Any = field(default_factory=lambda: 20 * ms)
    tau_y2: Any = field(default_factory=lambda: 40 * ms)

    @property
    def text(self) -> RuleText:
        return RuleText(
            pre=(Trace(name="x", tau=self.tau_x, adds=False),),
            post=(
                Trace(name="y", tau=self.tau_y, adds=False),
                Trace(name="y2", tau=self.tau_y2, adds=False),
            ),
            on_pre="-eta_pre*y",
            on_post="eta_post*x*y2",
            constants=self._constants("eta_pre", "eta_post"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PowerLaw(Rule):
    """Learns at postsynaptic spikes alone: inputs without a trace are weakened (Diehl & Cook 2015, rule 1).

    Attributes
    ----------
    eta : float
    target : float
        Trace at which a weight keeps its value: the larger, the fewer inputs stay.
    mu : float
    tau_x : second
    """

    eta: float = 1e-2
    target: float = 0.4
    mu: float = 0.2
    tau_x: Any = field(default_factory=lambda: 20 * ms)

    @property
    def text(self) -> RuleText:
        return RuleText(
            pre=(Trace(name="x", tau=self.tau_x, adds=False),),
            post=(),
            on_pre="",
            on_post=f"eta*(x - target){_power('w_max - w', self.mu, 'mu')}",
            constants=self._constants("eta", "target", "mu"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ExponentialRule(Rule):
    """As :class:`PowerLaw`, with an exponential dependence on the weight (Diehl & Cook 2015, rule 2).

    Attributes
    ----------
    eta, target, beta : float
    tau_x : second
    """

    eta: float = 1e-2
    target: float = 0.4
    beta: float = 1.0
    tau_x: Any = field(default_factory=lambda: 20 * ms)

    @property
    def text(self) -> RuleText:
        return RuleText(
            pre=(Trace(name="x", tau=self.tau_x, adds=False),),
            post=(),
            on_pre="",
            on_post="eta*(x*exp(-beta*w) - target*exp(-beta*(w_max - w)))",
            constants=self._constants("eta", "target", "beta"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Symmetric(Rule):
    """Potentiation and depression with weight dependence on both sides (Diehl & Cook 2015, rule 3).

    Attributes
    ----------
    eta_pre, eta_post, target, mu : float
    tau_x, tau_y : second
    """

    eta_pre: float = 1e-4
    eta_post: float = 1e-2
    target: float = 0.4
    mu: float = 0.2
    tau_x: Any = field(default_factory=lambda: 20 * ms)
    tau_y: Any = field(default_factory=lambda: 20 * ms)

    @property
    def text(self) -> RuleText:
        return RuleText(
            pre=(Trace(name="x", tau=self.tau_x, adds=False),),
            post=(Trace(name="y", tau=self.tau_y, adds=False),),
            on_pre=f"-eta_pre*y{_power('w - w_min', self.mu, 'mu')}",
            on_post=f"eta_post*(x - target){_power('w_max - w', self.mu, 'mu')}",
            constants=self._constants("eta_pre", "eta_post", "target", "mu"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rewarded(Rule):
    """Reward-modulated: changes wait in an eligibility trace ``c`` of the synapse, ``dw/dt = reward c``.

    Attributes
    ----------
    rule : Rule
        What the trace collects; its bounds are those of the weight.
    tau : second
        Of the eligibility trace.
    """

    rule: Rule = field(default_factory=Pair)
    tau: Any = field(default_factory=lambda: 1000 * ms)

    def __post_init__(self):
        object.__setattr__(self, "w_min", self.rule.w_min)
        object.__setattr__(self, "w_max", self.rule.w_max)
        super().__post_init__()

    @property
    def text(self) -> RuleText:
        own = self.rule.text
        return RuleText(
            pre=own.pre,
            post=own.post,
            on_pre=own.on_pre,
            on_post=own.on_post,
            constants=own.constants,
            eligibility=seconds("Rewarded", "tau", self.tau),
        )


def reads(text: str, name: str) -> bool:
    """Whether an expression uses a name."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None
