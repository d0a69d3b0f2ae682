"""Numbers and names as Python writes them: evaluated, a value is the same to the last bit."""

import keyword
from typing import Any

import brian2
import numpy as np
from brian2.units.fundamentalunits import DIMENSIONLESS

#: Units by which a value may be written, in their long and short forms, and prefixes.
_UNITS = {
    "volt": ("volt", "V"),
    "amp": ("amp", "A"),
    "second": ("second", "s"),
    "farad": ("farad", "F"),
    "hertz": ("hertz", "Hz"),
    "ohm": ("ohm",),
    "siemens": ("siemens", "S"),
}
_PREFIXES = ("", "m", "u", "n", "p")
_BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
#: Names that the script itself uses.
_TAKEN = {
    "begins", "ends", "file", "h5py", "joined", "main", "monitors", "net", "network", "neuron", "numbers", "objects",
    "run", "sample", "samples", "shown", "step", "steps", "sys", "uniform", "values", "weighted", "Path",
    "DT", "ONSETS", "OUTPUT", "PERIOD", "SAMPLE", "SCHEDULE", "SHAPES", "STEPS",
}  # fmt: skip


def local(name: str) -> str:
    """A population's name as a variable of the script, where no other name is like it."""
    taken = name in _TAKEN or keyword.iskeyword(name) or hasattr(brian2, name)
    return f"{name}_" if taken else name


def quantity(value: Any) -> str:
    """A number, or one with a unit, as Python: evaluated it is the same to the last bit."""
    if dim(value) is DIMENSIONLESS:
        return _plain(value)
    number = float(value)
    for unit in _UNITS:
        if getattr(brian2, unit).dim is value.dim:
            return _prefixed(number, unit)
    powers = zip(_BASE, value.dim._dims, strict=True)
    return "*".join([repr(number), *(f"{unit}**{power!r}" for unit, power in powers if power)])


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))


def _prefixed(number: float, unit: str) -> str:
    """With the prefix that makes the number short, if it is exact: ``-65*mV``."""
    best = f"{number!r}*{unit}"
    for name in (prefix + form for prefix in _PREFIXES for form in _UNITS[unit]):
        size = float(getattr(brian2, name, np.nan))
        scaled = f"{number / size:.12g}"
        if float(scaled) * size == number and len(f"{scaled}*{name}") < len(best):
            best = f"{scaled}*{name}"
    return best


def dim(value: Any) -> Any:
    return getattr(value, "dim", DIMENSIONLESS)


def word(value: Any) -> str:
    """The unit of a quantity as Brian2's equations name it."""
    wanted = dim(value)
    for unit in _UNITS:
        if getattr(brian2, unit).dim is wanted:
            return unit
    return "1"
