"""How an image becomes input: a constant current, or spikes of an input population.

``x`` is a pixel over the largest value of the input range, ``rate`` the rate (Hz) that codes 1.

=========== ================================================ ===========================
encoder     what happens                                     error after T steps
=========== ================================================ ===========================
constant    current ``rate W x`` into the first layer        none
poisson     a spike in a step with probability ``x rate dt`` ``sqrt(x (1 - x) / T)``
regular     a spike whenever the sum of ``x rate dt`` passes 1 at most ``1/T``
=========== ================================================ ===========================
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from brian2 import Hz, Quantity
from brian2.units.fundamentalunits import have_same_dimensions

from bioconv.errors import ParameterError

#: Steps without a spike before the next one, at most a billion.
_WAIT = "int(floor(clip(log(1 - uniform(seed, sample, neuron, draw))*stretch, 0, 1e9)))"


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder(ABC):
    """Base of the encoders.

    Attributes
    ----------
    rate : hertz or None
        Rate that codes the largest input, in every layer; None stands for one spike a step.
        Lower rates slow all layers down alike.
    """

    rate: Any = None

    def __post_init__(self):
        rate, name = self.rate, type(self).__name__
        if rate is None:
            return
        one = isinstance(rate, Quantity) and rate.ndim == 0
        if not one or not have_same_dimensions(rate, Hz):
            raise ParameterError(f"{name}: rate is {rate!r}; give a quantity such as 200*Hz")
        if not 0 < float(rate) < float("inf"):
            raise ParameterError(f"{name}: rate is {rate}; it must be positive and finite")

    def max_rate(self, dt: Quantity) -> Quantity:
        return 1 / dt if self.rate is None else self.rate

    @property
    @abstractmethod
    def spikes(self) -> bool:
        """Whether there is an input population."""

    @property
    @abstractmethod
    def equations(self) -> str:
        """Of the input population, besides ``p`` and ``count``."""

    @property
    @abstractmethod
    def threshold(self) -> str:
        """Condition for a spike of the input population."""

    @property
    @abstractmethod
    def reset(self) -> str:
        """Statement on a spike."""

    @property
    @abstractmethod
    def update(self) -> str:
        """Statement of every step."""

    @property
    @abstractmethod
    def clear(self) -> str:
        """Statement at the start of a presentation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant(Encoder):
    """The image times the first weights, as a constant current into the first layer.

    References
    ----------
    Rueckauer et al. (2017), Front. Neurosci. 11:682 ("analog input").
    """

    spikes = False
    equations = threshold = reset = update = clear = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Poisson(Encoder):
    """Spikes by chance, one a step at most: a Bernoulli process of probability ``p = x rate dt``.

    The steps from one spike to the next are drawn, not every step: with ``u`` uniform in [0, 1) the
    interval ``1 + floor(log(1 - u)/log(1 - p))`` is geometric, which is what a Bernoulli process
    has. A random number is a function of (seed, sample, neuron, draw).

    References
    ----------
    Diehl et al. (2015), IJCNN, doi 10.1109/IJCNN.2015.7280696.
    """

    spikes = True
    equations = """\
sample : integer (constant)
stretch : 1 (constant)
draw : integer
next_step : integer"""
    threshold = "(step == next_step or p >= 1) and p > 0"
    reset = f"draw += 1\nnext_step += 1 + {_WAIT}"
    update = ""
    clear = (
        "sample = first_sample + presentation*batch + replica\n"
        "stretch = 1/log1p(-clip(p, 1e-12, 1 - 1e-7))\n"
        f"draw = 0\nnext_step = {_WAIT}"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Regular(Encoder):
    """Evenly spaced spikes: the input is summed up, and one spike is sent for every 1."""

    spikes = True
    equations = "charge : 1"
    threshold = "charge >= 1 - 1e-9"
    reset = "charge -= 1"
    update = "charge += p"
    clear = "charge = 0"


#: Names under which encoders may be asked for.
ENCODERS: dict[str, type[Encoder]] = {
    "constant": Constant,
    "poisson": Poisson,
    "bernoulli": Poisson,
    "regular": Regular,
}


def encoder_named(encoder: str | Encoder | None) -> Encoder:
    """An encoder from its name, itself, or None (constant current)."""
    if isinstance(encoder, Encoder):
        return encoder
    if encoder is None:
        return Constant()
    if isinstance(encoder, str) and encoder in ENCODERS:
        return ENCODERS[encoder]()
    raise ParameterError(
        f"encoder is {encoder!r}; choose one of {', '.join(ENCODERS)} or a record such as "
        "Poisson(rate=200*Hz)"
    )
