"""Colours that people with any colour vision tell apart, and checks that the plots share."""

import numpy as np

from bioconv.errors import ResultError
from bioconv.result import Result

#: Okabe and Ito's colours without yellow, which is too light for thin marks on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
GREY = "#595959"


def checked_layer(result: Result, layer: str) -> str:
    if layer not in result.counts:
        raise ResultError(f"no layer {layer!r}; the result has {', '.join(result.counts)}")
    return layer


def checked_index(what: str, index: int, size: int) -> int:
    """``index`` as an int from 0 to ``size - 1``."""
    good = isinstance(index, (int, np.integer)) and not isinstance(index, bool)
    if not good or not 0 <= index < size:
        raise ResultError(f"{what} {index!r}: give a whole number from 0 to {size - 1}")
    return int(index)


def onset_ms(result: Result, layer: str) -> float:
    """Milliseconds from the start of a presentation to the layer's own window."""
    return result.onsets.get(layer, 0) * result.dt * 1e3
