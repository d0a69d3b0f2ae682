"""What a run costs: spikes, the synaptic events that they cause, operations, energy.

Operations are counted exactly: a product with the padding around a map is none, neither in the trained
network nor among the synapses of the spiking one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bioconv.errors import ResultError
from bioconv.graph import Layer, Network, Weighted, forward, output_shape
from bioconv.result import Result


@dataclass(frozen=True, kw_only=True)
class Technology:
    """Joules of one operation on some chip.

    Attributes
    ----------
    name : str
    multiply_add : float
        Of a product that is added to a sum.
    add : float
        Of an addition: a weight that a spike adds to a potential.
    """

    name: str
    multiply_add: float
    add: float


#: 45 nm, 32 bits, from the table of Horowitz (ISSCC 2014): additions 0.9 and 0.1 pJ, products 3.7 and
#: 3.1 pJ for floating point and integers.
FLOAT_45NM = Technology(name="45 nm, 32-bit floating point", multiply_add=4.6e-12, add=0.9e-12)
INTEGER_45NM = Technology(name="45 nm, 32-bit integers", multiply_add=3.2e-12, add=0.1e-12)


def synaptic_events(result: Result, fan_out: Mapping[str, np.ndarray | int]) -> np.ndarray:
    """(n_samples,) int array: weights added to a potential during a presentation.

    ``sum over layers and neurons of  N * fan_out``, ``N`` the spikes of the neuron.

    Parameters
    ----------
    fan_out : mapping, layer -> (*shape) int array or int
        Synapses that leave every neuron: at the border of a map fewer than in its middle. Every
        layer of the result; the output layer may be left out and then feeds nothing.

    Raises
    ------
    ResultError
        If a layer is missing, unknown, or its fan-out has another shape or no whole numbers.
    """
    missing = [name for name in result.counts if name not in fan_out and name != result.output]
    unknown = [name for name in fan_out if name not in result.counts]
    if missing or unknown:
        raise ResultError(
            f"fan_out lacks {missing} and has {unknown}; the result has "
            f"{', '.join(result.counts)}. Give 0 for a layer that feeds nothing"
        )
    events = np.zeros(result.n_samples, dtype=np.int64)
    for layer, number in fan_out.items():
        counts = _all_spikes(result, layer)
        events += (counts * _checked(layer, number, counts.shape[1:])).reshape(
            result.n_samples, -1
        ).sum(axis=1)  # fmt: skip
    return events


def spikes_per_neuron(result: Result) -> dict[str, float]:
    """{layer: mean spikes of a neuron in a presentation}."""
    return {layer: float(_all_spikes(result, layer).mean()) for layer in result.counts}


def _all_spikes(result: Result, layer: str) -> np.ndarray:
    """(n_samples, *shape) spikes, negative ones too."""
    return result.counts[layer].astype(np.int64) + result.negatives.get(layer, 0)


def _checked(layer: str, number: np.ndarray | int, shape: tuple) -> np.ndarray:
    array = np.asarray(number)
    if array.ndim and array.shape != shape:
        raise ResultError(
            f"fan_out[{layer!r}] has shape {array.shape}; the layer has {shape}. Give that "
            f"shape, or one number for all neurons"
        )
    if array.dtype.kind not in "iu" or (array < 0).any():
        raise ResultError(
            f"fan_out[{layer!r}] must count synapses: whole numbers from 0, as an int array "
            f"(it is {array.dtype}, the smallest {array.min()})"
        )
    return array.astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Operations for one sample, in the mean over samples.

    Attributes
    ----------
    events : float
        Weights that spikes add to potentials, by exact fan-out.
    input_multiply_adds : float
        Products of pixels and weights, once a presentation, where the input is a current.
    updates : float
        Additions of the biases and of that current, once a step each.
    ann_multiply_adds, ann_additions : float
        Of the trained network: products of weights, and biases.
    """

    events: float
    input_multiply_adds: float
    updates: float
    ann_multiply_adds: float
    ann_additions: float

    @property
    def additions(self) -> float:
        """All additions of the spiking network."""
        return self.events + self.updates


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Joules for one sample.

    Attributes
    ----------
    technology : Technology
    spiking, ann : float
    formula : str
        With the numbers that were put in.
    """

    technology: Technology
    spiking: float
    ann: float
    formula: str

    def __str__(self) -> str:
        return (
            f"spiking {self.spiking:.3g} J, trained {self.ann:.3g} J a sample ({self.technology.name}):\n"
            f"{self.formula}\nmemory traffic, updates of neurons and leakage are not counted"
        )


def multiply_adds(layers: Iterable[Layer], shape: tuple[int, ...]) -> int:
    """Products of weights in layers one after another, for one sample of ``shape``."""
    total = 0
    for layer in layers:
        if isinstance(layer, Weighted):
            ones = replace(layer, weight=np.ones_like(layer.weight), bias=None)
            total += round(float(forward(ones, np.ones((1, *shape))).sum()))
        shape = output_shape(layer, shape)
    return total


def ann_operations(network: Network) -> dict[str, tuple[int, int]]:
    """{layer with weights: (products, additions of a bias)} for one sample.

    Batch normalisation is taken as folded in and pooling as free, as is usual.
    """
    return {
        node.name: (
            multiply_adds([node.layer], network.shapes[node.inputs[0]]),
            0 if node.layer.bias is None else int(np.prod(network.shapes[node.name])),
        )
        for node in network.nodes
        if isinstance(node.layer, Weighted)
    }


def operations(
    spiking: Any, network: Network, result: Result, fan_out: Mapping[str, np.ndarray | int]
) -> Operations:
    """Operations of the spiking network in this run, and of the trained one.

    Parameters
    ----------
    spiking : bioconv.spiking.SpikingNetwork
    fan_out : mapping, layer -> (*shape) int array or int
        As for :func:`synaptic_events`; ``model.fan_out()`` gives it.

    References
    ----------
    Rueckauer et al. (2017), Front. Neurosci. 11:682: operations of both kinds of networks.
    """
    stimulus = spiking.stimulus.name
    fed = (
        []
        if stimulus in result.counts
        else [p for p in spiking.projections if p.source == stimulus]
    )
    driven = {p.target for p in fed}
    each_step = sum(
        np.count_nonzero(p.bias) + (p.size if p.name in driven else 0) for p in spiking.populations
    )
    counted = ann_operations(network).values()
    return Operations(
        events=float(synaptic_events(result, fan_out).mean()),
        input_multiply_adds=float(sum(multiply_adds(p.layers, p.shape) for p in fed)),
        updates=float(each_step * result.n_steps),
        ann_multiply_adds=float(sum(products for products, _ in counted)),
        ann_additions=float(sum(biases for _, biases in counted)),
    )


def energy(counted: Operations, technology: Technology = FLOAT_45NM) -> Energy:
    """Energy of the arithmetic alone, by the usual estimate.

    ``E = additions E_add + multiply_adds E_multiply_add``. Memory traffic, which often costs more,
    updates of neurons and leakage are not in it.

    References
    ----------
    Horowitz (2014), ISSCC, doi 10.1109/ISSCC.2014.6757323: energies at 45 nm.
    """
    both, add = technology.multiply_add, technology.add
    spiking = counted.additions * add + counted.input_multiply_adds * both
    ann = counted.ann_additions * add + counted.ann_multiply_adds * both
    return Energy(
        technology=technology,
        spiking=spiking,
        ann=ann,
        formula=(
            f"E_spiking = {counted.additions:.4g} additions x {add:.3g} J + "
            f"{counted.input_multiply_adds:.4g} multiply-adds x {both:.3g} J\n"
            f"E_trained = {counted.ann_additions:.4g} additions x {add:.3g} J + "
            f"{counted.ann_multiply_adds:.4g} multiply-adds x {both:.3g} J"
        ),
    )
