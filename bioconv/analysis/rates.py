"""How far the firing rates of every layer are from the activations that they code.

For a neuron and a sample, with ``N`` spikes in a window of ``duration`` seconds::

    r = N / (duration * max_rate)                          the normalised rate
    a = clip(sign * activation / scale, 0, 1)              the clipped normalised activation

Of neurons that send negative spikes too, ``N`` is the difference and ``a`` reaches down to -1. ``scale``, ``sign``
and the activation's layer stand in the result. One spike more is a rate higher by ``1/T`` with
``T = duration * max_rate``: the number of steps, where ``max_rate`` is one spike a step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bioconv.errors import ResultError
from bioconv.result import Result

#: The rate, in parts of ``max_rate``, from which a neuron counts as saturated.
SATURATED = 0.99
#: Spikes. Rounding of ``a * T`` stays far below; a difference of exactly one spike is no fault.
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Measures of ``e = r - a`` over some (sample, neuron); all are nan where there is none.

    Attributes
    ----------
    fraction : float
        Of all (sample, neuron) of the layer.
    mean_absolute : float
        ``mean |e|``
    signed_mean : float
        ``mean e``: negative where the spiking layer says too little.
    rmse : float
        ``sqrt(mean e^2)``
    percentile_95 : float
        95th percentile of ``|e|``
    pearson, spearman : float
        Correlation of ``r`` and ``a``, of their ranks (equal values share the mean rank). nan
        if one of them is constant.
    """

    fraction: float
    mean_absolute: float
    signed_mean: float
    rmse: float
    percentile_95: float
    pearson: float
    spearman: float


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """Error of one layer's rates, over all its neurons and all samples.

    ``e = r - a``; a mean over nothing (a layer without silent neurons, say) is nan.

    Attributes
    ----------
    layer : str
    mean_absolute, signed_mean, rmse, percentile_95, pearson, spearman : float
        As in :class:`Errors`, over everything.
    all, active, silent : Errors
        Everywhere, where ``a`` is not 0, where it is.
    mean_absolute_active, mean_absolute_silent : float
        ``mean |e|`` where ``a > 0``, where ``a = 0``
    saturated : float
        Fraction of (sample, neuron) with ``a >= 1`` or ``r >= 0.99``
    dead : float
        Fraction of neurons with ``N = 0`` on all samples
    over, under : float
        Fractions of (sample, neuron) with ``e > 1/T``, with ``e < -1/T``
    false_firing : float
        Fraction of (sample, neuron) with ``a = 0`` and ``N > 0``
    """

    layer: str
    mean_absolute: float
    signed_mean: float
    rmse: float
    percentile_95: float
    pearson: float
    spearman: float
    all: Errors
    active: Errors
    silent: Errors
    mean_absolute_active: float
    mean_absolute_silent: float
    saturated: float
    dead: float
    over: float
    under: float
    false_firing: float


def rate_errors(
    result: Result,
    activations: Mapping[str, np.ndarray],
    layers: Iterable[str] | None = None,
) -> dict[str, LayerError]:
    """The rate error of every population, in topological order, or of ``layers`` alone.

    Parameters
    ----------
    activations : mapping, layer of the trained network -> (n_samples, *shape) array
        What :func:`bioconv.graph.activations` returns for the images of the run.

    Raises
    ------
    ResultError
        If a layer is missing, or the activations are those of other samples or shapes.
    """
    layers = result.counts if layers is None else layers
    return {layer: _layer_error(result, activations, layer) for layer in layers}


def rate_and_activation(
    result: Result, activations: Mapping[str, np.ndarray], layer: str
) -> tuple[np.ndarray, np.ndarray]:
    """``r`` and ``a`` of a population, each (n_samples, *shape).

    Raises
    ------
    ResultError
        As :func:`rate_errors`.
    """
    rates = result.coding(layer)
    if layer not in result.nodes:
        raise ResultError(
            f"the result does not say whose activation {layer!r} codes; it does for "
            f"{', '.join(result.nodes) or 'no layer'}. Ask for those with layers=[...]"
        )
    node = result.nodes[layer]
    if node not in activations:
        raise ResultError(
            f"{layer!r} codes the activation of {node!r}, but the activations have "
            f"{', '.join(activations) or 'no layer'}. Are they of another network?"
        )
    activation = _checked(np.asarray(activations[node]), node, rates.shape, layer)
    least = -1.0 if rates.min() < 0 else 0.0  # neurons may take back spikes and never fall below
    return rates, np.clip(normalised(result, activation, layer), least, 1.0)


def normalised(result: Result, activation: np.ndarray, layer: str) -> np.ndarray:
    """``sign * activation / scale``, (n_samples, *shape), not clipped: what the rates are to say.

    A scale may be one number or one a channel.
    """
    factor = result.signs.get(layer, 1) / np.asarray(result.scales.get(layer, 1.0))
    if factor.ndim:
        factor = factor.reshape(-1, *[1] * (activation.ndim - 2))
    return activation * factor


def _checked(activation: np.ndarray, node: str, shape: tuple, layer: str) -> np.ndarray:
    if activation.shape[:1] != shape[:1]:
        raise ResultError(
            f"the activations of {node!r} have {len(activation) if activation.ndim else 0} "
            f"samples, the result has {shape[0]}; give the images of the run, in its order"
        )
    if activation.shape != shape:
        raise ResultError(
            f"the activations of {node!r} have shape {activation.shape}, the rates of {layer!r} "
            f"{shape}; give what bioconv.activations(network, images) returns"
        )
    if not np.isfinite(activation).all():
        raise ResultError(f"the activations of {node!r} hold NaN or infinite values")
    return activation


def _layer_error(result: Result, activations: Mapping[str, np.ndarray], layer: str) -> LayerError:
    rates, values = rate_and_activation(result, activations, layer)
    error = rates - values
    spikes = error * result.duration * result.max_rate
    active, fired = values != 0, rates != 0
    everywhere = np.ones_like(active)
    whole, some, none = (_errors(rates, values, here) for here in (everywhere, active, ~active))
    return LayerError(
        layer=layer,
        mean_absolute=whole.mean_absolute,
        signed_mean=whole.signed_mean,
        rmse=whole.rmse,
        percentile_95=whole.percentile_95,
        pearson=whole.pearson,
        spearman=whole.spearman,
        all=whole,
        active=some,
        silent=none,
        mean_absolute_active=some.mean_absolute,
        mean_absolute_silent=none.mean_absolute,
        saturated=float(np.mean((values >= 1) | (rates >= SATURATED))),
        dead=float(np.mean(~fired.any(axis=0))),
        over=float(np.mean(spikes > 1 + ROUNDING)),
        under=float(np.mean(spikes < -1 - ROUNDING)),
        false_firing=float(np.mean(~active & fired)),
    )


def _errors(rates: np.ndarray, values: np.ndarray, here: np.ndarray) -> Errors:
    """Over the (sample, neuron) where ``here`` is true."""
    r, a = rates[here], values[here]
    absolute = np.abs(r - a)
    return Errors(
        fraction=float(here.mean()),
        mean_absolute=_mean(absolute),
        signed_mean=_mean(r - a),
        rmse=float(np.sqrt(_mean(absolute**2))),
        percentile_95=float(np.percentile(absolute, 95)) if absolute.size else float("nan"),
        pearson=_correlation(r, a),
        spearman=_correlation(_ranks(r), _ranks(a)),
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's, nan if one side is constant."""
    if x.size == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """(n,) ranks from 1; equal values share the mean of their ranks."""
    _, which, how_many = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return (how_many.cumsum() - (how_many - 1) / 2)[which]
