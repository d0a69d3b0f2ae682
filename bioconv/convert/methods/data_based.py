"""Normalisation by the largest activation on calibration data."""

from dataclasses import dataclass

import numpy as np

from bioconv.convert.methods.base import Method
from bioconv.convert.trace import Planned
from bioconv.graph import Weighted


@dataclass(frozen=True, kw_only=True)
class DataBased(Method):
    """No calibration image asks a neuron for more than one spike a step.

    ``s = max(A, M)``: ``A`` the largest activation of the population over all calibration images,
    ``M`` the largest positive weight that leads to it, so that where sources have a scale of at most 1 a
    single spike does not exceed the threshold. Faster to answer than the model-based method
    since real images are far from the worst case; one outlier slows a whole layer down, which
    ``percentile`` avoids.

    References
    ----------
    Diehl et al. (2015), IJCNN, doi 10.1109/IJCNN.2015.7280696, data-based normalisation.
    """

    needs_calibration = True

    def scales(self, plan, activations, input_range):
        return {
            planned.name: max(float(activations[planned.name].max()), largest_weight(planned))
            for planned in plan.populations
        }


def largest_weight(planned: Planned) -> float:
    """The largest weight that raises the population's sum, in the trained network's units."""
    largest = 0.0
    for term in planned.form.terms:
        for layer in term.layers:
            if isinstance(layer, Weighted):
                largest = max(largest, float(np.max(np.sign(term.factor) * layer.weight)))
    return largest
