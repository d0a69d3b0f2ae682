"""Normalisation by the weights alone."""

from dataclasses import dataclass, replace

import numpy as np

from bioconv.convert.methods.base import Method
from bioconv.convert.trace import Form
from bioconv.graph import INPUT, Layer, Weighted, forward


@dataclass(frozen=True, kw_only=True)
class ModelBased(Method):
    """No image at all can drive a neuron beyond one spike a step.

    The scale of a population is an upper bound of its activation: every positive weight meets the
    largest value its source can have, every negative one the least. Without biases and with
    inputs in [0, 1] this divides each layer by its largest sum of positive weights. Needs no data;
    the price is low rates, lower with every layer, so long presentations. Choose it only without
    calibration data.

    References
    ----------
    Diehl et al. (2015), IJCNN, doi 10.1109/IJCNN.2015.7280696, model-based normalisation.
    """

    looks = "weights"

    def scales(self, evidence):
        upper: dict[str, float] = {}
        for planned in evidence.plan.populations:
            if planned.follows:
                upper[planned.name] = upper[planned.follows]
                continue
            drive = max(0.0, _largest(planned.form, upper, evidence.input_range))
            upper[planned.name] = min(drive, getattr(planned.activation, "maximum", np.inf))
        return upper


def _largest(form: Form, upper: dict[str, float], input_range: tuple[float, float]) -> float:
    total = form.constant.astype(float)
    for term in form.terms:
        low, high = input_range if term.source == INPUT else (0.0, upper[term.source])
        low, high = sorted((low * term.factor, high * term.factor))
        least, most = np.full((1, *term.shape), low), np.full((1, *term.shape), high)
        for layer in term.layers:
            least, most = bounds(layer, least, most)
        total = total + most[0]
    return float(total.max())


def bounds(layer: Layer, least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest output of a linear layer without bias for inputs between the two."""
    if not isinstance(layer, Weighted):
        return forward(layer, least), forward(layer, most)
    plus = replace(layer, weight=np.maximum(layer.weight, 0))
    minus = replace(layer, weight=np.minimum(layer.weight, 0))
    return (
        forward(plus, least) + forward(minus, most),
        forward(plus, most) + forward(minus, least),
    )
