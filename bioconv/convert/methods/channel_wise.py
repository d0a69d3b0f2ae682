"""Normalisation of every channel by itself."""

from dataclasses import dataclass

import numpy as np

from bioconv.convert.methods.base import Method, Scale
from bioconv.convert.methods.percentile import checked_percentile, percentile_of


@dataclass(frozen=True, kw_only=True)
class ChannelWise(Method):
    """Every channel fires at the top rate for its own largest activation.

    One scale a layer leaves most channels far below it, with rates so low that they need long
    presentations. Here each channel has the given percentile of *its* non-zero activations as scale, so
    small channels answer as soon as large ones. Choose it for deep networks, for regression, and with
    leaky rectifiers (``neuron="signed"``); flat layers have one scale a neuron. The neurons that answer
    are compared with each other, so they share one scale.

    Attributes
    ----------
    percentile : float
        Between 0 and 100; 100 is the paper's maximum.

    References
    ----------
    Kim, Park, Na & Yoon (2020), AAAI, arXiv 1903.06530, channel-wise normalisation.
    """

    percentile: float = 99.9

    def __post_init__(self):
        checked_percentile(self, self.percentile)

    def scales(self, evidence):
        found: dict[str, Scale] = {}
        for planned in evidence.plan.populations:
            values = evidence.activations[planned.name]
            if planned.name == evidence.plan.output:
                found[planned.name] = percentile_of(values, self.percentile)
                continue
            channels = np.moveaxis(values, 1, 0)
            found[planned.name] = np.array(
                [percentile_of(each, self.percentile) for each in channels]
            )
        return found
