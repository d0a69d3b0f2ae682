"""SpikeProp: gradient descent on the times of single spikes, through several delayed synapses a pair.

Neuron ``j`` fires once, when its potential first reaches the threshold::

    u_j(t) = sum_i sum_k w_ij^k y(t - t_i - d^k)        y(s) = s/tau exp(1 - s/tau) for s > 0

Linear around the crossing, ``dt_j/du_j = -1 / (du_j/dt)``, the gradient of ``E = 1/2 sum (t_j - target_j)^2`` is::

    dE/dw_ij^k = y(t_j - t_i - d^k) delta_j
    delta_j = (target_j - t_j) / u_j'                                                       output
    delta_i = sum_j delta_j sum_k w_ij^k y'(t_j - t_i - d^k) / u_i'                          hidden

Times are in milliseconds, potentials in thresholds. Training is in numpy and takes the exact crossing; on a grid of steps a spike
is in the first step at which the potential has reached the threshold, and :meth:`Network.replay` finds the same steps in Brian2.

References
----------
Bohte, Kok & La Poutré (2002), Neurocomputing 48:17.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from tqdm import tqdm

from bioconv.errors import GraphError, ParameterError, StimulusError

#: Milliseconds between the times at which potentials are searched for a crossing.
SEARCH = 0.1
#: The least slope at a crossing that a gradient is divided by, in thresholds per millisecond.
LEAST_SLOPE = 0.1
#: Sum of the weights of a new neuron, in thresholds.
TOTAL = 8.0
Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Layers of neurons that fire once.

    Attributes
    ----------
    weights : (n_post, n_pre, n_delays) arrays, from the input on
    delays : (n_delays,) array, ms
    tau : float, ms
    window : float, ms
        Nothing is looked for beyond it; a neuron that has not fired by then has the time infinity.
    """

    weights: Arrays
    delays: np.ndarray
    tau: float = 7.0
    window: float = 40.0

    def __post_init__(self):
        object.__setattr__(self, "weights", tuple(_frozen(weight) for weight in self.weights))
        object.__setattr__(self, "delays", _frozen(self.delays))
        _check(self)

    @classmethod
    def random(
        cls,
        sizes: Sequence[int],
        seed: int,
        *,
        delays: Sequence[float] = tuple(range(1, 17)),
        tau: float = 7.0,
        window: float = 40.0,
    ) -> "Network":
        """Weights of a neuron uniform from zero, with a mean sum of 8: it fires some milliseconds after its input."""
        if len(sizes) < 2 or any(int(size) != size or size < 1 for size in sizes):
            raise ParameterError(
                f"spikeprop: sizes are {list(sizes)}; give two or more whole numbers from 1 on"
            )
        generator = np.random.default_rng(seed)
        weights = []
        for pre, post in pairwise(sizes):
            most = 2 * TOTAL / (pre * len(delays))
            weights.append(generator.uniform(0, most, size=(post, pre, len(delays))))
        return cls(weights=tuple(weights), delays=np.array(delays), tau=tau, window=window)

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.weights[0].shape[1], *(len(weight) for weight in self.weights))

    def times(self, inputs: np.ndarray, dt: float | None = None) -> Arrays:
        """Spike times of every layer above the input, ms.

        Parameters
        ----------
        inputs : (n, n_inputs) array, ms
            Infinity for inputs that do not fire.
        dt : float, ms
            Steps of the grid that spikes lie on; the exact crossing unless given.

        Returns
        -------
        tuple of (n, size) arrays
        """
        before = _inputs(self, inputs, dt)
        found = []
        for weight in self.weights:
            before = _crossings(self, weight, before, dt)
            found.append(before)
        return tuple(found)

    def replay(self, inputs: np.ndarray, dt: float = 0.01, *, device: str = "numpy") -> Arrays:
        """What :meth:`times` gives on the grid of ``dt``, from Brian2."""
        from bioconv.learn.spikeprop_brian import replayed

        given = _inputs(self, inputs, dt)
        return replayed(self.weights, self.delays, self.tau, self.window, given, dt, device)

    def trace(self, inputs: np.ndarray, dt: float = 0.01, *, device: str = "numpy") -> Arrays:
        """Potentials of every layer above the input in every step of :meth:`replay`, in thresholds.

        Returns
        -------
        tuple of (n, n_steps, size) arrays
        """
        from bioconv.learn.spikeprop_brian import traced

        given = _inputs(self, inputs, dt)
        return traced(self.weights, self.delays, self.tau, self.window, given, dt, device)


def _frozen(array: Any) -> np.ndarray:
    found = np.array(array, dtype=float)
    found.flags.writeable = False
    return found


def _check(network: Network) -> None:
    delays = network.delays
    if (
        delays.ndim != 1
        or not len(delays)
        or not (delays > 0).all()
        or not np.isfinite(delays).all()
    ):
        raise ParameterError(
            f"spikeprop: delays are {delays.tolist()}; give finite ones above 0, in ms"
        )
    if not (0 < network.tau < np.inf and 0 < network.window < np.inf):
        raise ParameterError(
            f"spikeprop: tau is {network.tau!r}, window {network.window!r}; give finite times above 0, in ms"
        )
    if not network.weights:
        raise GraphError("spikeprop: no weights; give an array (n_post, n_pre, n_delays) a layer")
    pre = network.weights[0].shape[1] if network.weights[0].ndim > 1 else 0
    for k, weight in enumerate(network.weights):
        if (
            weight.ndim != 3
            or weight.shape[1:] != (pre, len(delays))
            or not np.isfinite(weight).all()
        ):
            raise GraphError(
                f"spikeprop: weights[{k}] have shape {weight.shape}; need finite (n_post, {pre}, {len(delays)})"
            )
        pre = len(weight)


def _inputs(network: Network, inputs: np.ndarray, dt: float | None) -> np.ndarray:
    found = np.asarray(inputs, dtype=float)
    if found.ndim != 2 or found.shape[1] != network.sizes[0]:
        raise StimulusError(
            f"spikeprop: inputs have shape {found.shape}; need (n, {network.sizes[0]}) times in ms"
        )
    if not (found >= 0).all():
        raise StimulusError(
            "spikeprop: inputs hold times before 0, or NaN; use infinity for no spike"
        )
    if dt is None:
        return found
    if not 0 < dt <= network.delays.min():
        raise ParameterError(
            f"spikeprop: dt is {dt!r} ms; give a time above 0 that is no longer than the shortest delay"
        )
    off = abs(network.delays / dt - np.round(network.delays / dt)).max()
    if off > 1e-6:
        raise ParameterError(f"spikeprop: dt is {dt!r} ms and does not divide the delays")
    return np.round(found / dt) * dt


def rise(s: np.ndarray, tau: float) -> np.ndarray:
    """``y(s)``: a postsynaptic potential with its peak of 1 at ``tau``."""
    s = np.maximum(s, 0.0) / tau
    return s * np.exp(1.0 - s)


def slope(s: np.ndarray, tau: float) -> np.ndarray:
    """``y'(s)``, per ms."""
    return np.where(s > 0, (1.0 - s / tau) * np.exp(1.0 - np.maximum(s, 0.0) / tau) / tau, 0.0)


def _arrivals(network: Network, before: np.ndarray) -> np.ndarray:
    """(n, pre, delay) times at which spikes arrive."""
    return before[:, :, None] + network.delays


def _since(network: Network, times: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(n, post, pre, delay) ms from arrival to the times (n, post); minus infinity where either is missing."""
    arrivals = _arrivals(network, before)[:, None]
    here = np.where(np.isfinite(times), times, -np.inf)[:, :, None, None]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(arrivals), here - arrivals, -np.inf)


def _crossings(
    network: Network, weight: np.ndarray, before: np.ndarray, dt: float | None
) -> np.ndarray:
    """(n, post) first times at which the potential reaches 1, infinity where it does not."""
    step = dt or SEARCH
    grid = step * np.arange(round(network.window / step) + 1)
    since = grid[:, None, None] - _arrivals(network, before)[:, None]
    traces = rise(since, network.tau).reshape(*since.shape[:2], -1)
    above = traces @ weight.reshape(len(weight), -1).T >= 1.0
    fires, first = above.any(axis=1), above.argmax(axis=1)
    if dt is None:
        return np.where(fires, _refined(network, weight, before, grid[first]), np.inf)
    return np.where(fires, grid[first], np.inf)


def _refined(
    network: Network, weight: np.ndarray, before: np.ndarray, above: np.ndarray
) -> np.ndarray:
    """The crossing within the last ``SEARCH`` before ``above``, to rounding, by bisection."""
    low, high = above - SEARCH, above
    for _ in range(50):
        middle = 0.5 * (low + high)
        since = _since(network, middle, before)
        reached = (weight * rise(since, network.tau)).sum(axis=(2, 3)) >= 1.0
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


def gradients(
    network: Network, inputs: np.ndarray, targets: np.ndarray, least_slope: float = 0.0
) -> tuple[Arrays, Arrays]:
    """dE/dw, summed over the samples, and the spike times that it holds for.

    Parameters
    ----------
    targets : (n, n_outputs) array, ms
    least_slope : float
        Slopes at a crossing count as at least this, in thresholds per ms: a potential that hardly reaches the
        threshold would make the gradient endless.

    Returns
    -------
    gradients : (n_post, n_pre, n_delays) arrays
        Zero for neurons that do not fire.
    times : (n, size) arrays, ms
    """
    inputs = _inputs(network, inputs, None)
    times = network.times(inputs)
    wanted = np.asarray(targets, dtype=float)
    if wanted.shape != times[-1].shape:
        raise StimulusError(
            f"spikeprop: targets have shape {wanted.shape}; need {times[-1].shape} times in ms"
        )
    pull = np.where(np.isfinite(times[-1]), wanted - times[-1], 0.0)
    found = []
    for k in reversed(range(len(network.weights))):
        weight, before = network.weights[k], times[k - 1] if k else inputs
        since = _since(network, times[k], before)
        slopes = weight * slope(since, network.tau)
        total = np.maximum(slopes.sum(axis=(2, 3)), least_slope)
        delta = np.divide(pull, total, out=np.zeros_like(total), where=total > 0)
        found.append(np.einsum("nj,njik->jik", delta, rise(since, network.tau)))
        pull = np.einsum("nj,njik->ni", delta, slopes)
    return tuple(reversed(found)), times


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained network and its error ``1/2 sum (t - target)^2`` before every epoch and at the end, ms^2.

    An output that does not fire counts as one that fires at the end of the window.
    """

    network: Network
    errors: np.ndarray


def train(
    network: Network,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    epochs: int = 500,
    rate: float = 0.01,
    enough: float = 0.5,
    raised: float = 0.01,
    progress: bool = True,
) -> Trained:
    """``network`` after gradient descent over all samples together.

    Weights may change their sign. A neuron that is silent for some sample has no gradient there; its weights are
    raised instead.

    Parameters
    ----------
    rate : float
        Step against the gradient, in thresholds^2 / ms^2 per epoch.
    enough : float, ms^2
        Training ends when the error is no larger.
    raised : float
        What is added to the weights of a silent neuron, as a part of their mean size.
    """
    if not rate > 0 or epochs < 0 or not raised >= 0:
        raise ParameterError(
            f"spikeprop: rate is {rate!r}, epochs {epochs!r}, raised {raised!r}; give a rate above 0, the others from 0 on"
        )
    wanted = np.asarray(targets, dtype=float)
    errors: list[float] = []
    for epoch in tqdm(range(epochs + 1), desc="spikeprop", disable=not progress):
        changes, times = gradients(network, inputs, wanted, LEAST_SLOPE)
        late = np.minimum(times[-1], network.window)
        errors.append(float(0.5 * ((late - wanted) ** 2).sum()))
        if errors[-1] <= enough or epoch == epochs:
            break
        network = _moved(network, changes, times, rate, raised)
    return Trained(network=network, errors=np.array(errors))


def _moved(network: Network, changes: Arrays, times: Arrays, rate: float, raised: float) -> Network:
    weights = []
    for weight, change, fired in zip(network.weights, changes, times, strict=True):
        silent = ~np.isfinite(fired).all(axis=0)
        lift = raised * abs(weight).mean(axis=(1, 2)) * silent
        weights.append(weight - rate * change + lift[:, None, None])
    return replace(network, weights=tuple(weights))


def xor() -> tuple[np.ndarray, np.ndarray]:
    """(4, 3) input and (4, 1) target times, ms: 0 for true and 6 for false, a reference at 0; 10 for true and 16 for false."""
    inputs = np.array([[6, 6, 0], [6, 0, 0], [0, 6, 0], [0, 0, 0]], dtype=float)
    return inputs, np.array([[16], [10], [10], [16]], dtype=float)
