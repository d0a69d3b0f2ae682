"""What an experiment after Diehl & Cook (2015) is made of: sizes, times, weights, and what is left out."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from brian2 import ms, mV

from bioconv.errors import ParameterError
from bioconv.neurons import plasticity
from bioconv.neurons.plasticity import Rule
from bioconv.neurons.synapses import quantity, seconds

#: The four rules of the paper by name: that of its code, and the three others of its section 2.2.
RULES = {
    "triplet": plasticity.DiehlCook,
    "power": plasticity.PowerLaw,
    "exponential": plasticity.ExponentialRule,
    "symmetric": plasticity.Symmetric,
}


def named_rule(name: str, neurons: int) -> Rule:
    """A rule of :data:`RULES` whose rates are in proportion to the neurons beyond 400.

    Raises
    ------
    ParameterError
        If there is no rule of that name.
    """
    if name not in RULES:
        raise ParameterError(f"rule is {name!r}; choose one of {', '.join(RULES)}, or give a Rule")
    usual = RULES[name]()
    rates = {
        key: rate * max(1, neurons / 400)
        for key, rate in vars(usual).items()
        if "eta" in key.split("_")
    }
    return replace(usual, **rates)


@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """The network and the protocol; unless given, the values of the code of the authors, but for ``inhibition``.

    Attributes
    ----------
    neurons : int
        Excitatory ones, and as many inhibitory ones.
    rule : Rule or str
        Of the input's weights. A key of :data:`RULES` is that rule with its usual rates, in proportion to the neurons
        where there are more than 400: they share the spikes, and thresholds rise in proportion too.
    dt : second
    stimulation, rest : second
        How long an image is shown, and the silence after it.
    brightness : float
        Spikes per second of an input neuron for one grey value (0 to 255) and an intensity of one.
    intensity : float
        Of the first try; one more in every try that has brought fewer than ``min_spikes``.
    min_spikes, max_tries : int
    total : float
        What the weights into a neuron add up to before every image; 0: they are not normalised.
    theta_plus : volt, optional
        By which a spike raises the threshold of its neuron; 0: thresholds do not adapt. Unless given 0.05 mV for 400
        neurons, and in proportion for other numbers: where spikes are shared by fewer neurons, thresholds would rise
        beyond what a membrane can reach.
    tau_theta : second
        With which thresholds sink back while the network learns.
    inhibition : float
        Of every inhibitory neuron on all excitatory ones but its own; 0: no competition. 17 in the code of the authors,
        with which four neurons spike for an image; with 40 it is two, and 100 neurons that have seen 25,000 images get 86.8 instead of
        84.9 % of held-out ones right.
    excitation : float
        Of an excitatory neuron on its inhibitory one.
    delay : second
        Longest delay of an input's spike; delays are uniform from 0, one for each synapse.
    lock : second
        After a spike no other one for so long, beyond the 5 ms in which the membrane is refractory. 50 ms where the code's
        ``dtimer/dt = 100.0 : ms`` is read as a tenth of a second per second; as it stands the timer runs ahead at once.
    seed : int

    References
    ----------
    Diehl & Cook (2015), Front. Comput. Neurosci. 9:99. Where paper and code of the authors differ, it is the code.
    """

    neurons: int = 400
    rule: Any = "triplet"
    dt: Any = field(default_factory=lambda: 0.5 * ms)
    stimulation: Any = field(default_factory=lambda: 350 * ms)
    rest: Any = field(default_factory=lambda: 150 * ms)
    brightness: float = 0.125
    intensity: float = 2.0
    min_spikes: int = 5
    max_tries: int = 20
    total: float = 78.0
    theta_plus: Any = None
    tau_theta: Any = field(default_factory=lambda: 1e7 * ms)
    inhibition: float = 40.0
    excitation: float = 10.4
    delay: Any = field(default_factory=lambda: 10 * ms)
    lock: Any = field(default_factory=lambda: 0 * ms)
    seed: int = 0

    def __post_init__(self):
        for name in ("neurons", "min_spikes", "max_tries", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < (name != "seed"):
                raise ParameterError(
                    f"{name} is {value!r}; give a whole number of at least {int(name != 'seed')}"
                )
        if self.theta_plus is None:
            object.__setattr__(self, "theta_plus", 0.05 * mV * self.neurons / 400)
        if isinstance(self.rule, str):
            object.__setattr__(self, "rule", named_rule(self.rule, self.neurons))
        quantity("the experiment", "theta_plus", self.theta_plus, mV, "0.05*mV")
        for name in ("dt", "stimulation", "tau_theta"):
            seconds("the experiment", name, getattr(self, name))
        for name in ("rest", "delay", "lock"):
            seconds("the experiment", name, getattr(self, name), zero=True)
        for name in ("stimulation", "rest", "delay"):
            steps = float(getattr(self, name) / self.dt)
            if abs(steps - round(steps)) > 1e-6:
                raise ParameterError(
                    f"{name} is {getattr(self, name)}; give whole steps of {self.dt}"
                )
        if not isinstance(self.rule, Rule) or self.rule.text.eligibility is not None:
            raise ParameterError("rule is no rule that changes weights at spikes; see bioconv.stdp")

    def steps(self, name: str) -> int:
        """A time of the protocol in steps."""
        return round(float(getattr(self, name) / self.dt))

    @property
    def period(self) -> int:
        """Steps of a presentation."""
        return self.steps("stimulation") + self.steps("rest")

    def described(self) -> dict[str, str]:
        """{name: value as text}, for provenance, and to tell whether two experiments are the same."""
        values = {name: str(value) for name, value in asdict(self).items() if name != "rule"}
        return values | {"rule": f"{type(self.rule).__name__}: {self.rule}"}
