"""From a trained network to a spiking one."""

from bioconv.convert.conversion import Conversion, convert
from bioconv.convert.methods import (
    METHODS,
    DataBased,
    Method,
    ModelBased,
    Percentile,
    Unscaled,
    method_named,
)
from bioconv.convert.simplify import SUBSTITUTES

__all__ = [
    "METHODS", "SUBSTITUTES", "Conversion", "DataBased", "Method", "ModelBased", "Percentile",
    "Unscaled", "convert", "method_named",
]  # fmt: skip
