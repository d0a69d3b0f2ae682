"""Where the error of a layer's rates comes from.

A spiking layer with weights ``W`` and biases ``b`` (in thresholds) in a window of ``T`` spike intervals, in
which a neuron fires ``N = r T`` times and is left with the potential ``V`` (in thresholds)::

    r = W r_before + b - V/T + lost                       what becomes of the charge
    z = W a_before + b                                    what the layer would be told without errors
    e = r - a                                             the whole error, ``a`` not clipped

    e = [ min(z, 0) - V/T ] + W (r_before - a_before) + [ max(z, 0) - a ] + lost
             own                   inherited                 mapping

``own`` is the charge that stays in the membrane, beyond what a rectifier leaves there. ``mapping`` is nought where
the spiking layer has the weights of the trained one. ``lost`` is what the neuron throws away: nought, up to
rounding, for a perfect integrator with reset by subtraction, pulses of current and no refractory period.

References
----------
Rueckauer et al. (2017), Front. Neurosci. 11:682: the identity of layers for reset by subtraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.analysis.rates import normalised
from bioconv.errors import ResultError
from bioconv.graph import INPUT, LeakyReLU, Network, ReLU
from bioconv.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """The error of one layer and its parts, in normalised rates; each (n_samples, *shape).

    Attributes
    ----------
    layer : str
    rates, activations : array
        ``r`` and ``a``, the latter not clipped at 1. Of a readout without spikes ``r`` is its mean
        drive, ``V/T``.
    own, inherited, mapping, lost : array
        They add up to ``rates - activations``.
    exact : bool
        Whether nothing can be lost but by rounding.
    why : str
        What throws charge away; empty where ``exact``.
    """

    layer: str
    rates: np.ndarray
    activations: np.ndarray
    own: np.ndarray
    inherited: np.ndarray
    mapping: np.ndarray
    lost: np.ndarray
    exact: bool
    why: str

    @property
    def error(self) -> np.ndarray:
        return self.rates - self.activations

    def named(self) -> dict[str, np.ndarray]:
        return {
            "own": self.own,
            "inherited": self.inherited,
            "mapping": self.mapping,
            "lost": self.lost,
        }

    def shares(self) -> dict[str, float]:
        """{part: its share of the mean squared error}, ``mean(part e) / mean(e^2)``; they add up to 1.

        A share is negative where a part makes up for others. nan without any error.
        """
        error = self.error
        total = float(np.mean(error**2))
        if total == 0:
            return dict.fromkeys(self.named(), float("nan"))
        return {name: float(np.mean(part * error)) / total for name, part in self.named().items()}


def error_parts(
    spiking: Any,
    network: Network,
    result: Result,
    activations: Mapping[str, np.ndarray],
    layer: str,
) -> Parts:
    """The error of ``layer`` against the trained network, taken apart.

    Parameters
    ----------
    spiking : bioconv.spiking.SpikingNetwork
    network : Network
        What was trained; its layers have the names that the populations code.
    result : Result
        With the residual potentials of ``layer``: a run with ``record="residual"``.
    activations : mapping, layer of the trained network -> (n_samples, *shape) array
        What :func:`bioconv.graph.activations` returns for the images of the run.

    Raises
    ------
    ResultError
        If residuals were not recorded, or networks, result and activations do not fit together.
    """
    population = spiking[layer]
    left = residual(result, layer) / intervals(result)
    a = np.maximum(normalised(result, coded(activations, population), layer), 0)
    z = drive(spiking, activations, layer)
    if not left.shape == a.shape == z.shape:
        raise ResultError(
            f"{layer!r}: the result has shape {left.shape}, the activations {a.shape}; give the images "
            "of the run, in its order"
        )
    told = drive(spiking, activations, layer, result)
    rates = result.rates(layer) / result.max_rate if population.spiking else left
    kept = left if population.spiking else np.zeros_like(left)
    floor, ceiling = (np.minimum(z, 0), np.maximum(z, 0)) if population.spiking else (0, z)
    target = a if population.spiking else reference_drive(network, result, activations, population)
    why = losses(population)
    return Parts(
        layer=layer,
        rates=rates,
        activations=target,
        own=floor - kept,
        inherited=told - z,
        mapping=ceiling - target,
        lost=rates + kept - told,
        exact=not why,
        why=why,
    )


def intervals(result: Result) -> float:
    """Spike intervals at the maximal rate in a presentation: steps, where that is one a step."""
    return result.duration * result.max_rate


def residual(result: Result, layer: str) -> np.ndarray:
    """(n_samples, *shape) potentials after the last step: distance from rest, in thresholds."""
    if layer not in result.residuals:
        raise ResultError(
            f"the residual potentials of {layer!r} were not recorded; "
            'run with record="residual", or record={"' + layer + '": "residual"}'
        )
    return result.residuals[layer]


def coded(activations: Mapping[str, np.ndarray], population: Any) -> np.ndarray:
    """The activations of the trained network that a population codes."""
    if population.node not in activations:
        raise ResultError(
            f"{population.name!r} codes the layer {population.node!r} of the trained network, which has "
            f"{', '.join(activations)}. Give the two networks the same names of layers"
        )
    values = np.asarray(activations[population.node])
    if values.shape[1:] != population.shape:
        raise ResultError(
            f"{population.name!r} has shape {population.shape}, the layer {population.node!r} that it codes "
            f"{values.shape[1:]}; the two networks do not belong together"
        )
    return values


def drive(
    spiking: Any, activations: Mapping[str, np.ndarray], layer: str, result: Result | None = None
) -> np.ndarray:
    """``W x + b`` of a population, (n_samples, *shape), in thresholds a spike interval.

    ``x`` are its sources' normalised activations in the trained network, or their rates in ``result``.
    """
    total: Any = spiking[layer].bias
    for projection in spiking.incoming(layer):
        total = total + projection.of(_source(spiking, activations, projection.source, result))
    return np.asarray(total)


def _source(spiking, activations, source: str, result: Result | None) -> np.ndarray:
    if result is not None and source in result.counts:
        return result.rates(source) / result.max_rate
    if source == spiking.stimulus.name:
        return activations[INPUT] / spiking.stimulus.scale
    population = spiking[source]
    return np.maximum(_scaled(coded(activations, population), population), 0)


def _scaled(values: np.ndarray, population: Any) -> np.ndarray:
    factor = population.sign / np.asarray(population.scale)
    if factor.ndim:
        factor = factor.reshape(-1, *[1] * (values.ndim - 2))
    return values * factor


def before_rectifier(network: Network, population: Any) -> tuple[str, float]:
    """The layer whose output a population rectifies, and the slope on the population's side of zero."""
    node = network[population.node]
    if not isinstance(node.layer, (ReLU, LeakyReLU)):
        return node.name, 1.0
    if isinstance(node.layer, LeakyReLU) and population.sign < 0:
        return node.inputs[0], node.layer.slope
    return node.inputs[0], 1.0


def reference_drive(
    network: Network, result: Result, activations: Mapping[str, np.ndarray], population: Any
) -> np.ndarray:
    """The trained network's sum that a population stands for, normalised as its rates are."""
    before, slope = before_rectifier(network, population)
    return slope * normalised(result, np.asarray(activations[before]), population.name)


def losses(population: Any) -> str:
    """What lets a population lose or keep charge beside its membrane; empty where nothing does."""
    neuron, reasons = population.neuron, []
    if population.spiking and population.reset != "subtract":
        reasons.append("the reset to zero throws the overshoot away")
    if "E_L - v" in neuron.membrane:
        reasons.append("the leak loses charge")
    elif neuron.membrane != "I/C_m":
        reasons.append(f"{type(neuron).__name__} is no perfect integrator")
    if population.spiking and float(neuron.refractory) > 0:
        reasons.append("the refractory period loses input")
    if population.synapse.equations:
        reasons.append("the synapse's filter still holds charge")
    return ", ".join(reasons)
