"""What a run costs: spikes, and the synaptic events that they cause."""

from collections.abc import Mapping

import numpy as np

from bioconv.errors import ResultError
from bioconv.result import Result


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
        counts = result.counts[layer]
        events += (counts * _checked(layer, number, counts.shape[1:])).reshape(
            result.n_samples, -1
        ).sum(axis=1)  # fmt: skip
    return events


def spikes_per_neuron(result: Result) -> dict[str, float]:
    """{layer: mean spikes of a neuron in a presentation}."""
    return {layer: float(counts.mean()) for layer, counts in result.counts.items()}


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
