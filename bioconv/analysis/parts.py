"""Where the error of a layer's rates comes from.

A spiking layer with weights ``W`` and biases ``b`` (in thresholds) in a window of ``T`` spike intervals, in
which a neuron fires ``N = r T`` times and goes from the potential ``V_0`` to ``V`` (in thresholds)::

    r = W r_before + b - (V - V_0)/T + lost               what becomes of the charge
    z = W a_before + b                                    what the layer would be told without errors
    e = r - a                                             the whole error, ``a`` not clipped

    e = [ min(z, 0) - (V - V_0)/T ] + W (r_before - a_before) + [ max(z, 0) - a ] + lost
                  own                       inherited                mapping

``own`` is the charge that stays in the membrane, beyond what a rectifier leaves there. ``mapping`` is nought where
the spiking layer has the weights of the trained one. ``lost`` is what the neuron throws away: nought, up to
rounding, for a perfect integrator with reset by subtraction, pulses of current and no refractory period.

Other activations take the place of the rectifier: then ``own`` is also what a clipped or quantised
activation cuts off. A neuron with negative spikes regains ``1/slope`` thresholds with each, so the middle parts
are multiplied by the slope on the negative side. A max-pooling population is told the largest rate of its
window; that it does not know which one that is, is ``lost``.

References
----------
Rueckauer et al. (2017), Front. Neurosci. 11:682: the identity of layers for reset by subtraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.analysis.rates import normalised
from bioconv.errors import ParameterError, ResultError
from bioconv.graph import INPUT, Activation, LeakyReLU, MaxPool2d, Network, SoftLIF, forward
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
    ParameterError
        If the layer's neurons do not code rates by a charge that is summed up, or begin at random.
    ResultError
        If residuals were not recorded, or networks, result and activations do not fit together.
    """
    population = spiking[layer]
    _check_code(network, population)
    kept = (residual(result, layer) - population.initial) / intervals(result)
    a = _target(network, result, activations, population)
    z = drive(spiking, activations, layer)
    if not kept.shape == a.shape == z.shape:
        raise ResultError(
            f"{layer!r}: the result has shape {kept.shape}, the activations {a.shape}; give the images "
            "of the run, in its order"
        )
    told = drive(spiking, activations, layer, result)
    slope = _negative_slope(population)
    spent = _spent(result, population, slope)
    rates = result.rates(layer) / result.max_rate if population.spiking else kept
    side = np.where(z > 0, 1.0, slope)
    says = _activated(network, population, z)
    why = losses(spiking, population)
    return Parts(
        layer=layer,
        rates=rates,
        activations=a,
        own=side * (z - kept) - says + (rates - side * spent),
        inherited=side * (told - z),
        mapping=says - a,
        lost=side * (spent + kept - told),
        exact=not why,
        why=why,
    )


def _check_code(network: Network, population: Any) -> None:
    soft = isinstance(network[population.node].layer, SoftLIF)
    if soft or population.memoryless or not population.neuron.membrane:
        kind = "soft-LIF" if soft else type(population.neuron).__name__
        raise ParameterError(
            f"{population.name!r} ({kind} neurons) does not code its activation by a charge that is "
            "summed up; errors can be taken apart for integrate-and-fire neurons that code rates. "
            "bioconv.analysis.rate_errors compares all others"
        )
    if population.initial == "random":
        raise ParameterError(
            f"{population.name!r} begins at random potentials, which a result does not hold; errors can be "
            "taken apart where all begin alike: convert with initial=0.5. "
            "bioconv.analysis.rate_errors compares all others"
        )


def _negative_slope(population: Any) -> float:
    """Of the sum, for a drive below zero: of neurons with negative spikes; 1 for all others."""
    return getattr(population.neuron, "slope", 1.0) if population.spiking else 1.0


def _spent(result: Result, population: Any, slope: float) -> np.ndarray | float:
    """Charge that spikes have taken away, thresholds a spike interval."""
    if not population.spiking:
        return 0.0
    negative = result.negatives.get(population.name, 0) / slope
    return (result.counts[population.name] - negative) / intervals(result)


def _target(network, result, activations, population) -> np.ndarray:
    """The normalised activation that the rates are to say, or a readout's sum."""
    values = normalised(result, coded(activations, population), population.name)
    if not population.spiking:
        return reference_drive(network, result, activations, population)
    return values if _negative_slope(population) != 1.0 else np.maximum(values, 0)


def _activated(network: Network, population: Any, z: np.ndarray) -> np.ndarray:
    """What the trained network's activation makes of a normalised sum."""
    layer = network[population.node].layer
    if not population.spiking:
        return z
    if isinstance(layer, Activation):
        z = _scaled(forward(layer, z * drive_unit(network, population, z)), population)
    signed = _negative_slope(population) != 1.0
    return z if signed else np.maximum(z, 0)


def drive_unit(network: Network, population: Any, like: np.ndarray) -> np.ndarray:
    """The trained network's sum for a normalised one of 1, in the shape that multiplies ``like``."""
    _, slope = before_rectifier(network, population)
    return _per_channel(np.asarray(population.scale) / (population.sign * slope), like)


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
    values = _scaled(coded(activations, population), population)
    return values if _negative_slope(population) != 1.0 else np.maximum(values, 0)


def _scaled(values: np.ndarray, population: Any) -> np.ndarray:
    return values * _per_channel(population.sign / np.asarray(population.scale), values)


def _per_channel(factor: np.ndarray, like: np.ndarray) -> np.ndarray:
    return factor.reshape(-1, *[1] * (like.ndim - 2)) if factor.ndim else factor


def before_rectifier(network: Network, population: Any) -> tuple[str, float]:
    """The layer whose output a population rectifies, and the slope on the population's side of zero."""
    node = network[population.node]
    if not isinstance(node.layer, Activation):
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


def losses(spiking: Any, population: Any) -> str:
    """What lets a population lose or gain charge beside its membrane; empty where nothing does."""
    neuron, reasons = population.neuron, []
    if is_gate(spiking, population):
        return "max-pooling passes on the spikes of the neuron that leads so far"
    if population.spiking and population.reset != "subtract":
        reasons.append("the reset to zero throws the overshoot away")
    if "E_L - v" in neuron.membrane:
        reasons.append("the leak loses charge")
    elif neuron.membrane != "I/C_m":
        reasons.append(f"{type(neuron).__name__} is no perfect integrator")
    if neuron.noise is not None:
        reasons.append("noise moves the membrane")
    if population.spread:
        reasons.append("neurons differ from each other")
    if neuron.V_min is not None:
        reasons.append("the floor lifts low potentials")
    if population.spiking and float(neuron.refractory) > 0:
        reasons.append("the refractory period loses input")
    if population.hold:
        reasons.append(f"the first {population.hold} steps are ignored")
    if population.synapse.equations:
        reasons.append("the synapse's filter still holds charge")
    return ", ".join(reasons)


def is_gate(spiking: Any, population: Any) -> bool:
    """Whether a population sends on the spikes of others: max-pooling."""
    return any(
        isinstance(layer, MaxPool2d)
        for projection in spiking.incoming(population.name)
        for layer in projection.layers
    )
