"""What a model is built with, beyond the spiking network itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, prefs, second

from bioconv.build.encoders import Encoder
from bioconv.errors import ParameterError
from bioconv.neurons import Units, seconds

PROPAGATIONS = ("synchronous", "delayed")
PROJECTIONS = ("shared", "explicit")
PRECISIONS: dict[str, Any] = {"double": np.float64, "single": np.float32}
SEEDS = 2**31


@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """Checked options of a model.

    Attributes
    ----------
    dt : second
    units : Units
    encoder : Encoder
    propagation : {"synchronous", "delayed"}
        Whether a spike reaches the next layer within its step or one step later.
    projections : {"shared", "explicit"}
        Whether every weight is stored once, or every synapse.
    precision : {"double", "single"}
        Of potentials, currents and weights.
    seed : int
        0 … 2**31 - 1
    """

    dt: Any
    units: Units
    encoder: Encoder
    propagation: str = "synchronous"
    projections: str = "shared"
    precision: str = "double"
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "dt", seconds("the model", "dt", self.dt))
        if self.propagation not in PROPAGATIONS:
            raise ParameterError(
                f"propagation is {self.propagation!r}; choose one of {', '.join(PROPAGATIONS)}"
            )
        if self.projections not in PROJECTIONS:
            raise ParameterError(
                f"projections is {self.projections!r}; choose one of {', '.join(PROJECTIONS)}"
            )
        if self.precision not in PRECISIONS:
            raise ParameterError(
                f"precision is {self.precision!r}; choose one of {', '.join(PRECISIONS)}"
            )
        object.__setattr__(self, "seed", checked_seed(self.seed))
        if float(self.encoder.max_rate(self.dt) * self.dt) > 1 + 1e-9:
            raise ParameterError(
                f"{type(self.encoder).__name__}: rate {self.encoder.rate} is more than one spike a "
                f"step of {self.dt}; use at most {1 / self.dt} or a smaller dt"
            )

    @property
    def max_rate(self) -> Quantity:
        """Rate that codes an activation equal to its scale."""
        return self.encoder.max_rate(self.dt)


@contextmanager
def numbers(precision: str) -> Iterator[None]:
    """Brian2's state variables get this precision inside the block."""
    before = prefs.core.default_float_dtype
    prefs.core.default_float_dtype = PRECISIONS[precision]
    try:
        # Brian2 compares single-precision values with 1e50, which they cannot hold
        with np.errstate(over="ignore"):
            yield
    finally:
        prefs.core.default_float_dtype = before


def checked_seed(seed: int) -> int:
    good = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not good or not 0 <= seed < SEEDS:
        raise ParameterError(f"seed is {seed!r}; give an integer from 0 to {SEEDS - 1}")
    return int(seed)


def steps(name: str, time: Any, dt: Quantity) -> int:
    """``time`` counted in steps: the one place where seconds become integers, by rounding.

    Raises
    ------
    ParameterError
        If it is no positive time, or shorter than half a step.
    """
    number = round(float(seconds("run", name, time) / second) / float(dt / second))
    if number < 1:
        raise ParameterError(f"{name} is {time}, less than one step of {dt}")
    return number
