"""Normalisation by the largest activation on calibration data."""

from dataclasses import dataclass

import numpy as np

from bioconv.convert.methods.base import Method
from bioconv.convert.trace import Plan, Planned
from bioconv.errors import ConversionError
from bioconv.graph import INPUT, Weighted


@dataclass(frozen=True, kw_only=True)
class DataBased(Method):
    """No calibration image asks a neuron for more than one spike a step.

    ``s = max(A, M)``: ``A`` the largest activation of the population over all calibration images,
    ``M`` the largest positive weight that leads to it, so that where sources have a scale of at most 1 a
    single spike does not exceed the threshold. Faster to answer than the model-based method
    since real images are far from the worst case; one outlier slows a whole layer down, which
    ``percentile`` avoids.

    Attributes
    ----------
    carry : {"scale", "applied"}
        What the next layer's weights are multiplied with: the scale, or, as the published code does,
        the factor that was applied to this layer, which is another number from the second layer on.

    References
    ----------
    Diehl et al. (2015), IJCNN, doi 10.1109/IJCNN.2015.7280696, data-based normalisation.
    """

    carry: str = "scale"

    def __post_init__(self):
        if self.carry not in ("scale", "applied"):
            raise ConversionError(
                f'DataBased: carry is {self.carry!r}; choose "scale" or "applied"'
            )

    def scales(self, evidence):
        largest = {
            planned.name: max(
                float(np.abs(evidence.activations[planned.name]).max()), largest_weight(planned)
            )
            for planned in evidence.plan.populations
        }
        return largest if self.carry == "scale" else _applied(evidence.plan, largest)


def _applied(plan: Plan, largest: dict[str, float]) -> dict[str, float]:
    """Scales that come to the same as dividing by ``s_l`` over the factor applied before.

    With factors ``f_l = s_l/f_(l-1)`` weights become ``W f_l``-normalised, so the activation that the
    top rate stands for is their product.
    """
    factors, scales = {INPUT: 1.0}, {INPUT: 1.0}
    for planned in plan.populations:
        sources = {term.source for term in planned.form.terms}
        if len(sources) != 1:
            raise ConversionError('DataBased: carry="applied" is defined for chains of layers only')
        source = sources.pop()
        factors[planned.name] = largest[planned.name] / factors[source]
        scales[planned.name] = scales[source] * factors[planned.name]
    return {planned.name: scales[planned.name] for planned in plan.populations}


def largest_weight(planned: Planned) -> float:
    """The largest weight that raises the population's sum, in the trained network's units."""
    largest = 0.0
    for term in planned.form.terms:
        for layer in term.layers:
            if isinstance(layer, Weighted):
                largest = max(largest, float(np.max(np.sign(term.factor) * layer.weight)))
    return largest
