"""Checks of what the modules are set to."""

from typing import Any

import numpy as np

from bioconv.errors import ParameterError


def number(where: str, name: str, value: Any, above: float = 0.0, equal: bool = False) -> float:
    """``value`` as a finite float above ``above``, or equal to it where allowed."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found) or found < above or (found == above and not equal):
        wanted = f"{above:g} or more" if equal else f"above {above:g}"
        raise ParameterError(f"{where}: {name} is {value!r}; give a finite number, {wanted}")
    return found


def whole(where: str, name: str, value: Any, least: int) -> int:
    """``value`` as an integer of at least ``least``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{where}: {name} is {value!r}; give a whole number from {least} on")
    return int(value)
