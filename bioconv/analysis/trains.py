"""Distances between spike trains, and how counts vary: through Elephant, where it has them.

Elephant comes with ``pip install bioconv[neuro]``.

References
----------
Victor & Purpura (1996), J. Neurophysiol. 76:1310. van Rossum (2001), Neural Computation 13:751.
"""

from typing import Any

import numpy as np

from bioconv.errors import MissingDependencyError, ParameterError
from bioconv.result import Spikes


def spike_times(spikes: Spikes, neuron: int, *, dt: float, sample: int) -> np.ndarray:
    """(n,) seconds from the start of the layer's window at which a neuron fired in a sample."""
    here = (spikes.neuron == neuron) & (spikes.sample == sample)
    return spikes.step[here] * dt


def victor_purpura(first: np.ndarray, second: np.ndarray, cost: float) -> float:
    """The least effort that turns one train into the other.

    A spike is added or taken away for 1, and moved by ``t`` seconds for ``cost t``: without cost the
    distance is the difference of the counts, with a very high one every spike not shared counts.

    Parameters
    ----------
    first, second : (n,) arrays
        Times of spikes, seconds.
    cost : float
        Of moving a spike, per second.

    Raises
    ------
    MissingDependencyError
        Without Elephant.
    ParameterError
        For times that are no finite numbers from 0, or a negative cost.
    """
    elephant, quantities = _elephant()
    if not cost >= 0:
        raise ParameterError(f"cost is {cost}; give a number per second, 0 or more")
    trains = [_train(quantities, times) for times in (first, second)]
    distances = elephant.spike_train_dissimilarity.victor_purpura_distance(
        trains, cost * quantities.Hz
    )
    return float(distances[0, 1])


def van_rossum(first: np.ndarray, second: np.ndarray, tau: float) -> float:
    """Distance of two trains after every spike has become an exponential decay.

    ``D^2 = 1/tau integral (f - g)^2 dt`` with ``f = sum exp(-(t - t_i)/tau)`` over the earlier spikes: a
    spike against none gives ``D^2 = 1/2``, as in the paper (Elephant's own normalisation gives 1).

    Parameters
    ----------
    first, second : (n,) arrays
        Times of spikes, seconds.
    tau : float
        Seconds.

    Raises
    ------
    MissingDependencyError
        Without Elephant.
    ParameterError
        For times that are no finite numbers from 0, or a ``tau`` that is not positive.
    """
    elephant, quantities = _elephant()
    if not 0 < tau < np.inf:
        raise ParameterError(f"tau is {tau}; give a positive number of seconds")
    trains = [_train(quantities, times) for times in (first, second)]
    distances = elephant.spike_train_dissimilarity.van_rossum_distance(trains, tau * quantities.s)
    return float(distances[0, 1] / np.sqrt(2))


def fano_factor(counts: np.ndarray) -> np.ndarray:
    """(*shape) variance over mean of every neuron's counts, the first axis being trials.

    1 for a Poisson process, ``1 - p`` for a spike in every step with probability ``p``, 0 for a neuron
    that always fires as often. nan for one that never fires.

    Raises
    ------
    ParameterError
        With fewer than two trials.
    """
    counts = np.asarray(counts)
    if counts.ndim == 0 or len(counts) < 2:
        raise ParameterError(f"counts have shape {counts.shape}; give two trials or more")
    mean = counts.mean(axis=0)
    return np.divide(counts.var(axis=0), mean, out=np.full(mean.shape, np.nan), where=mean > 0)


def _elephant() -> tuple[Any, Any]:
    try:
        import elephant.spike_train_dissimilarity
        import quantities
    except ImportError as error:
        raise MissingDependencyError(
            f"distances of spike trains need Elephant: pip install bioconv[neuro] ({error})"
        ) from error
    return elephant, quantities


def _train(quantities: Any, times: np.ndarray) -> Any:
    from neo import SpikeTrain

    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (times < 0).any():
        raise ParameterError(
            f"times have shape {times.shape} and values such as {times.ravel()[:3]}; give a list of "
            "seconds, 0 or more"
        )
    return SpikeTrain(times, units=quantities.s, t_stop=times.max(initial=0) + 1)
