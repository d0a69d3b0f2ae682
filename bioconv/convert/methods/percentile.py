"""Normalisation by a high percentile of the activations on calibration data."""

from dataclasses import dataclass

import numpy as np

from bioconv.convert.methods.base import Evidence, Method, Scale
from bioconv.errors import ConversionError


@dataclass(frozen=True, kw_only=True)
class Percentile(Method):
    """The largest activations saturate so that all others are coded in less time.

    The scale is the given percentile of the population's *non-zero* activations. The method to
    begin with: robust to outliers. Lower percentiles answer sooner and clip more.

    Attributes
    ----------
    percentile : float
        Between 0 and 100; 99.0 to 99.999 are sensible.

    References
    ----------
    Rueckauer et al. (2017), Front. Neurosci. 11:682, robust normalisation.
    """

    percentile: float = 99.9

    def __post_init__(self):
        checked_percentile(self, self.percentile)

    def scales(self, evidence):
        return percentile_scales(evidence, self.percentile)


def checked_percentile(owner: Method, percentile: float) -> None:
    number = isinstance(percentile, (int, float, np.number))
    if not number or not 0 < percentile <= 100:
        raise ConversionError(
            f"{type(owner).__name__}: percentile is {percentile!r}; give more than 0 and at most 100"
        )


def percentile_scales(evidence: Evidence, percentile: float) -> dict[str, Scale]:
    """{population: percentile of its activations}."""
    return {
        planned.name: percentile_of(evidence.activations[planned.name], percentile)
        for planned in evidence.plan.populations
    }


def percentile_of(values: np.ndarray, percentile: float) -> float:
    """The percentile of the sizes of values that are not zero, 0 where there are none."""
    active = np.abs(values[values != 0])
    return float(np.percentile(active, percentile)) if active.size else 0.0
