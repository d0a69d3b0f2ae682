"""How answers, spikes, operations and correlations develop over the steps of a presentation.

A run of ``T`` steps with constant, regular or Poisson input holds every shorter one: what was spiked in
its first ``t`` steps is what a run of ``t`` steps would have given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bioconv.analysis.rates import rate_and_activation
from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """Measures after ``steps`` steps, one entry for each.

    Attributes
    ----------
    steps : (n,) int array
    accuracy : (n,) array
        Fraction of answers that are right; no output spike yet is wrong.
    spikes : mapping, layer -> (n,) array
        Spikes so far, of one sample, of the layers whose spikes were recorded.
    events : (n,) array
        Synaptic events so far, of one sample, that those spikes caused.
    correlation : mapping, layer -> (n,) array
        Pearson's, of the rates so far and the activations; nan while nothing has fired.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    spikes: Mapping[str, np.ndarray]
    events: np.ndarray
    correlation: Mapping[str, np.ndarray]


def curves(
    result: Result,
    labels: np.ndarray,
    activations: Mapping[str, np.ndarray],
    fan_out: Mapping[str, np.ndarray | int],
    steps: Sequence[int] | None = None,
) -> Curves:
    """The curves of the layers whose spikes were recorded.

    Parameters
    ----------
    labels : (n_samples,) int array
        What the answers are compared with: labels, or the answers of the trained network.
    activations : mapping, layer of the trained network -> (n_samples, *shape) array
    fan_out : mapping, layer -> (*shape) int array or int
        As ``model.fan_out()`` gives it.
    steps : ints, optional
        From 1 to the steps of the run; about twenty, evenly spread by their logarithm, unless given.

    Raises
    ------
    ParameterError
        If steps are outside the run.
    """
    chosen = _steps(result, steps)
    right = result.accuracy_over_time(labels)
    counts = {
        layer: _counts_at(result, layer, chosen)
        for layer in result.counts
        if layer in result.spikes
    }
    return Curves(
        steps=chosen,
        accuracy=right[chosen - 1],
        spikes={
            layer: each.reshape(len(chosen), -1).sum(axis=1) / result.n_samples
            for layer, each in counts.items()
        },
        events=sum(
            (
                (each * fan_out.get(layer, 0)).reshape(len(chosen), -1).sum(axis=1)
                for layer, each in counts.items()
            ),
            start=np.zeros(len(chosen)),
        )
        / result.n_samples,
        correlation={
            layer: _correlations(result, activations, layer, each)
            for layer, each in counts.items()
            if layer in result.nodes
        },
    )


def _steps(result: Result, steps: Sequence[int] | None) -> np.ndarray:
    if steps is None:
        return np.unique(np.rint(np.geomspace(1, result.n_steps, 20)).astype(int))
    chosen = np.asarray(steps)
    good = chosen.ndim == 1 and chosen.size > 0 and chosen.dtype.kind in "iu"
    if not good or chosen.min() < 1 or chosen.max() > result.n_steps:
        raise ParameterError(f"steps are {steps!r}; give integers from 1 to {result.n_steps}")
    return chosen


def _counts_at(result: Result, layer: str, steps: np.ndarray) -> np.ndarray:
    """(n_steps, n_samples, *shape) spikes before the end of these steps."""
    spikes, shape = result.spikes[layer], result.counts[layer].shape
    flat = np.zeros((len(steps), shape[0], int(np.prod(shape[1:]))), dtype=np.int64)
    for place, step in enumerate(steps):
        here = spikes.step < step
        np.add.at(flat[place], (spikes.sample[here], spikes.neuron[here]), 1)
    return flat.reshape(len(steps), *shape)


def _correlations(result, activations, layer: str, counts: np.ndarray) -> np.ndarray:
    values = rate_and_activation(result, activations, layer)[1].ravel()
    flat = counts.reshape(len(counts), -1)
    if np.ptp(values) == 0:
        return np.full(len(counts), np.nan)
    return np.array(
        [np.corrcoef(each, values)[0, 1] if np.ptp(each) > 0 else np.nan for each in flat]
    )


def decision_steps(result: Result) -> np.ndarray:
    """(n_samples,) int array: steps after which the answer was there and stayed.

    An answer that only the last step's potential decides comes after all steps.
    """
    answers = result.predictions_over_time()
    wrong = answers != answers[-1]
    return np.where(wrong.any(axis=0), result.n_steps - wrong[::-1].argmax(axis=0), 0) + 1


def area_under(accuracy: np.ndarray) -> float:
    """Mean of an accuracy over time: 1 for a network that is right from the first step on."""
    curve = np.asarray(accuracy, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0 or not np.isfinite(curve).all():
        raise ResultError(f"accuracy has shape {curve.shape}; give one finite number a step, (n,)")
    return float(curve.mean())
