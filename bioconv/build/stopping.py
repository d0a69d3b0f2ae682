"""When a sample counts as decided and its place is given to the next one, before its time is over.

============== ======================= ====================================================
rule           by name                 a sample is decided as soon as
============== ======================= ====================================================
``Margin``     ``"margin:3"``          the first output leads the second by so many spikes
``TotalCount`` ``"total_count:10"``    all outputs together have sent so many
``FirstSpike`` ``"first_spike"``       one output has spiked
============== ======================= ====================================================

The rule looks at the counts of every step; a sample that it never decides is shown for the whole
duration.

References
----------
Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774 (early decisions, latency and accuracy).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bioconv.build.settings import Settings
from bioconv.errors import ParameterError
from bioconv.neurons import FewSpike
from bioconv.spiking import SpikingNetwork

#: Name of the object that watches over the rule: :class:`bioconv.build.feeding.Feeder`.
FEEDER = "bioconv_feeder"


@dataclass(frozen=True, eq=False)
class Stop(ABC):
    """Base of the rules.

    Attributes
    ----------
    spikes : int
        What the rule waits for.
    """

    spikes: int

    def __post_init__(self):
        whole = isinstance(self.spikes, (int, np.integer)) and not isinstance(self.spikes, bool)
        if not whole or not 1 <= self.spikes < 2**31:
            raise ParameterError(
                f"{type(self).__name__}: spikes is {self.spikes!r}; give an integer of at least 1"
            )

    @property
    @abstractmethod
    def kind(self) -> str:
        """Name of what is compared with ``spikes``: a function in ``feeding.h``."""

    @abstractmethod
    def evidence(self, counts: np.ndarray) -> np.ndarray:
        """(n,) what is compared with ``spikes``, from the counts (n, n_outputs)."""


@dataclass(frozen=True, eq=False)
class Margin(Stop):
    """Spikes by which the first output leads the second; a single output leads by all it has sent."""

    kind = "margin"

    def __str__(self) -> str:
        return f"margin:{self.spikes}"

    def evidence(self, counts: np.ndarray) -> np.ndarray:
        rivals = np.pad(counts, ((0, 0), (1, 0)))
        second, first = np.partition(rivals, -2, axis=1)[:, -2:].T
        return first - second


@dataclass(frozen=True, eq=False)
class TotalCount(Stop):
    """Spikes of all outputs together."""

    kind = "total"

    def __str__(self) -> str:
        return f"total_count:{self.spikes}"

    def evidence(self, counts: np.ndarray) -> np.ndarray:
        return counts.sum(axis=1)


@dataclass(frozen=True, eq=False)
class FirstSpike(Stop):
    """The first spike of any output."""

    spikes: int = field(default=1, init=False)
    kind = "total"

    def __str__(self) -> str:
        return "first_spike"

    def evidence(self, counts: np.ndarray) -> np.ndarray:
        return counts.sum(axis=1)


#: Names under which rules may be asked for.
STOPS: dict[str, type[Stop]] = {
    "margin": Margin,
    "total_count": TotalCount,
    "first_spike": FirstSpike,
}


def stop_named(stop: Any) -> Stop | None:
    """A rule from its name, such as ``"margin:3"``, itself, or None.

    Raises
    ------
    ParameterError
        For an unknown rule or number.
    """
    if stop is None or isinstance(stop, Stop):
        return stop
    name, colon, number = stop.partition(":") if isinstance(stop, str) else ("", "", "")
    if name not in STOPS or bool(colon) == (name == "first_spike"):
        raise ParameterError(
            f"stop is {stop!r}; choose margin:N, total_count:N, first_spike, or a record such as "
            "bioconv.build.Margin(3)"
        )
    if not colon:
        return FirstSpike()
    given: Any = int(number) if number.isdecimal() else number
    return STOPS[name](given)


def check_stop(spiking: SpikingNetwork, settings: Settings) -> None:
    """Refuse networks whose samples cannot end one by one.

    Raises
    ------
    ParameterError
        With the reason and what to do.
    """
    if settings.propagation != "synchronous":
        raise ParameterError(
            'stop needs propagation="synchronous": in the delayed one spikes of a decided sample are '
            "still on their way to the next layer"
        )
    if settings.encoder.stepwise:
        raise ParameterError(
            f"stop shows the next sample at any step; {type(settings.encoder).__name__} input has its own length. "
            "Leave stop out"
        )
    late = [p.name for p in spiking.projections if p.delay]
    if late:
        raise ParameterError(
            f"stop: {late[0]} has a delay, so spikes of a decided sample are still on their way. Leave stop out"
        )
    few = [p.name for p in spiking.populations if isinstance(p.neuron, FewSpike)]
    if few:
        raise ParameterError(
            f"stop: few-spike neurons ({', '.join(few)}) answer at the end of their window, not "
            "before. Leave stop out"
        )
    if not spiking[spiking.output].spiking:
        raise ParameterError(
            f"stop counts output spikes, and {spiking.output!r} only integrates. Leave stop out, or "
            "convert with an output that spikes"
        )
