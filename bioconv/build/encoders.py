"""How an image becomes input: a constant current, or spikes of an input population.

``x`` is a pixel over the largest value of the input range, ``rate`` the rate (Hz) that codes 1, ``T`` the
number of steps of a presentation. The error is that of the pixel which the input stands for.

============== ================================================ ===================================
encoder        what happens                                     error after ``T`` steps
============== ================================================ ===================================
constant       current ``rate W x`` into the first layer        none
poisson        a spike in a step with probability ``x rate dt`` ``sqrt(x (1/(rate dt) - x) / T)``
                                                                in the mean of squares
regular        a spike whenever the sum of ``x rate dt``        at most ``1/(T rate dt)``
               passes 1
ttfs           one spike at step ``T (1 - x)``                  at most ``1/T``
rank_order     one spike in the order of the pixels; the k-th   the values are lost, their order
               stands for ``modulation**k``                     is kept
frames         as constant, but other values in every step:     none
               ``(n_samples, n_steps, *shape)``
events         spikes as they are: :class:`bioconv.Events`      none
============== ================================================ ===================================

Populations of neurons for every pixel (Gaussian receptive fields) are values that a network is trained on:
:func:`bioconv.receptive_fields` computes them, and any of these encoders sends them.

A spike of ``ttfs`` and ``rank_order`` stands for a value between 0 and 1, which the synapse reads from its time:
``gain_pre`` multiplies the weight. ``T rate dt`` such values are what a rate code sends in a
presentation, so that layers, thresholds and biases mean the same under every encoder. With ``rate =
1/(T dt)`` a spike weighs just its value.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Hz, Quantity
from brian2.units.fundamentalunits import have_same_dimensions

from bioconv.errors import ParameterError

#: Steps without a spike before the next one, at most a billion.
_WAIT = "int(floor(clip(log(1 - uniform(seed, sample, neuron, draw))*stretch, 0, 1e9)))"
#: Step of a pixel's only spike. What lies half-way between two steps takes the earlier on every target.
_ARRIVAL = "int(clip(floor(n_steps*(1 - x) + 0.5 - 1e-9), 0, n_steps - 1))"


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
    def stepwise(self) -> bool:
        """Whether samples come as a sequence, with something of their own for every step."""
        return False

    @property
    @abstractmethod
    def equations(self) -> str:
        """Of the input population, besides ``x`` and ``count``; ``gain`` weighs its spikes."""

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
p : 1 (constant)
stretch : 1 (constant)
draw : integer
next_step : integer"""
    threshold = "(step == next_step or p >= 1) and p > 0"
    reset = f"draw += 1\nnext_step += 1 + {_WAIT}"
    update = ""
    clear = (
        "p = x*max_rate*dt\n"
        "stretch = 1/log1p(-clip(p, 1e-12, 1 - 1e-7))\n"
        f"draw = 0\nnext_step = {_WAIT}"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Regular(Encoder):
    """Evenly spaced spikes: the input is summed up, and one spike is sent for every 1."""

    spikes = True
    equations = "p : 1 (constant)\ncharge : 1"
    threshold = "charge >= 1 - 1e-9"
    reset = "charge -= 1"
    update = "charge += p"
    clear = "p = x*max_rate*dt\ncharge = 0"


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeToFirstSpike(Encoder):
    """One spike at most, the earlier the larger the input: at step ``T (1 - x)``, rounded.

    Of ``T`` steps the last is the latest that a spike may take, so that faint pixels share it.

    Attributes
    ----------
    x_min : float
        Below this part of the largest input there is no spike; nor is there at 0.
    weighted : bool
        Whether a spike at step ``t`` weighs ``1 - t/T``, the value that its time stands for: the
        presentation adds up to the image. False: all spikes weigh 1, and their order alone tells
        pixels apart; the presentation adds up to a black and white image.

    References
    ----------
    Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774 (codes of inputs).
    """

    x_min: float = 0.0
    weighted: bool = True
    spikes = True
    equations = "spike_step : integer (constant)\ngain : 1 (constant)"
    reset = update = ""

    def __post_init__(self):
        super().__post_init__()
        _check_x_min(self, self.x_min)

    @property
    def threshold(self) -> str:
        return f"step == spike_step and x > 0 and x >= {float(self.x_min)!r}"

    @property
    def clear(self) -> str:
        value = "(n_steps - spike_step)" if self.weighted else "n_steps"
        return f"spike_step = {_ARRIVAL}\ngain = {value}*max_rate*dt"


@dataclass(frozen=True, kw_only=True, eq=False)
class RankOrder(Encoder):
    """One spike at most, in the order of the inputs; the spike before which k others came weighs ``m^k``.

    The order of all pixels is spread over the presentation: the k-th of n spikes at step ``k T/n``,
    rounded down, so several share a step where there are more pixels than steps. Of equal inputs
    the first neuron (as channel, row, column) comes first.

    Attributes
    ----------
    modulation : float
        ``m``; about ``1/(1 - m)`` pixels are heard.
    x_min : float
        Below this part of the largest input there is no spike; nor is there at 0.

    References
    ----------
    Thorpe & Gautrais (1998), Computational Neuroscience: Trends in Research, 113-118.
    Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774 (codes of inputs).
    """

    modulation: float = 0.9
    x_min: float = 0.0
    spikes = True
    equations = """\
rank : integer (constant)
spike_step : integer (constant)
gain : 1 (constant)"""
    threshold = "step == spike_step and rank >= 0"
    reset = update = ""

    def __post_init__(self):
        super().__post_init__()
        _check_x_min(self, self.x_min)
        if not _number(self.modulation) or not 0 < self.modulation <= 1:
            raise ParameterError(
                f"RankOrder: modulation is {self.modulation!r}; give more than 0 and at most 1"
            )

    @property
    def clear(self) -> str:
        return (
            "rank = int(x) - 1\n"
            "spike_step = rank*n_steps // (N // batch)\n"
            f"gain = {float(self.modulation)!r}**rank*n_steps*max_rate*dt"
        )

    def places(self, values: np.ndarray) -> np.ndarray:
        """(n_samples, *shape) place of every value in its sample's order, from 1; 0 for no spike."""
        flat = values.reshape(len(values), -1)
        order = np.argsort(-flat, axis=1, kind="stable")
        places = np.empty(flat.shape)
        np.put_along_axis(places, order, np.arange(1.0, flat.shape[1] + 1)[None], axis=1)
        return np.where((flat > 0) & (flat >= self.x_min), places, 0).reshape(values.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames(Encoder):
    """A sequence of images, one for every step, times the first weights: a current that changes.

    Samples are (n_steps, *shape); what is shown longer than that is silent.
    """

    spikes = False
    stepwise = True
    equations = threshold = reset = update = clear = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventInput(Encoder):
    """Spikes that are given: :class:`bioconv.Events`, or (n_steps, *shape) zeros and ones a sample.

    Events of one neuron in one step are one spike.
    """

    spikes = True
    stepwise = True
    equations = reset = update = clear = ""
    threshold = "count < 0"  # never: the list of spikes is filled by what plays events back


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _check_x_min(encoder: Encoder, x_min: Any) -> None:
    if not _number(x_min) or not 0 <= x_min <= 1:
        raise ParameterError(
            f"{type(encoder).__name__}: x_min is {x_min!r}; give a part from 0 to 1"
        )


#: Names under which encoders may be asked for.
ENCODERS: dict[str, type[Encoder]] = {
    "constant": Constant,
    "poisson": Poisson,
    "bernoulli": Poisson,
    "regular": Regular,
    "ttfs": TimeToFirstSpike,
    "rank_order": RankOrder,
    "frames": Frames,
    "events": EventInput,
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
