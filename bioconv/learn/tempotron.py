"""Tempotrons: neurons that learn to fire, or not, for a pattern of input spikes.

A neuron sums postsynaptic potentials whose peak is 1::

    V(t) = sum_i w_i K(t - t_i)        K(s) = V0 (exp(-s/tau) - exp(-s/tau_s)) for s > 0

It is to reach the threshold 1 for patterns of its own class and for no others. After a spike further input is shunted. Where it errs,
its weights move along the potentials at the time of the maximum of ``V`` (without the shunt)::

    dw_i = +- rate K(t_max - t_i)

Times are in milliseconds on a grid of steps, potentials in thresholds. Training is in numpy; :meth:`Tempotrons.replay` finds
spikes in the same steps in Brian2.

References
----------
Gütig & Sompolinsky (2006), Nature Neuroscience 9:420.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from bioconv.errors import GraphError, ParameterError, StimulusError


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """What neurons do with patterns.

    Attributes
    ----------
    times : (n, n_neurons) array, ms
        Of the only spike; infinity where there is none.
    peaks : (n, n_neurons) array
        The largest potential within the window, in thresholds.
    """

    times: np.ndarray
    peaks: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(n,) the neuron with the largest potential."""
        return self.peaks.argmax(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tempotrons:
    """Neurons that see the same inputs, one spike each at most.

    Attributes
    ----------
    weights : (n_neurons, n_inputs) array
    tau, tau_s, window, dt : float, ms
        Membrane and synapse, how long a pattern is looked at, and the step of the grid.
    """

    weights: np.ndarray
    tau: float = 15.0
    tau_s: float = 3.75
    window: float = 500.0
    dt: float = 1.0

    def __post_init__(self):
        weights = np.array(self.weights, dtype=float)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)
        if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all():
            raise GraphError(
                f"tempotron: weights have shape {weights.shape}; need finite (n_neurons, n_inputs)"
            )
        if not 0 < self.tau_s < self.tau < np.inf:
            raise ParameterError(
                f"tempotron: tau is {self.tau!r}, tau_s {self.tau_s!r}; give 0 < tau_s < tau, in ms"
            )
        if not 0 < self.dt <= self.window < np.inf:
            raise ParameterError(
                f"tempotron: dt is {self.dt!r}, window {self.window!r}; give 0 < dt <= window, in ms"
            )

    @classmethod
    def random(
        cls, n_inputs: int, n_neurons: int, seed: int, *, size: float = 0.01, **times: float
    ) -> "Tempotrons":
        """Normal weights of standard deviation ``size``; ``times`` are tau, tau_s, window and dt."""
        weights = size * np.random.default_rng(seed).standard_normal((n_neurons, n_inputs))
        return cls(weights=weights, **times)

    @property
    def n_steps(self) -> int:
        """Steps of the window, its end included."""
        return round(self.window / self.dt) + 1

    @property
    def peak_factor(self) -> float:
        """``V0``, with which a postsynaptic potential has its peak at 1."""
        ratio = self.tau / self.tau_s
        return ratio ** (ratio / (ratio - 1)) / (ratio - 1)

    def kernel(self) -> np.ndarray:
        """(n_steps,) ``K`` at 0, dt, 2 dt …"""
        s = self.dt * np.arange(self.n_steps)
        return self.peak_factor * (np.exp(-s / self.tau) - np.exp(-s / self.tau_s))

    def potentials(self, inputs: np.ndarray) -> np.ndarray:
        """(n, n_steps, n_neurons) potentials without the shunt.

        Parameters
        ----------
        inputs : (n, n_inputs) array, ms
            Times from 0 on, rounded to the grid; infinity for inputs that do not spike.
        """
        steps = spike_steps(self, inputs)
        return _potentials(self.weights, steps, _matrix(self))

    def respond(self, inputs: np.ndarray) -> Response:
        """Spikes and peaks, on numpy arrays. See :meth:`potentials`."""
        potentials = self.potentials(inputs)
        above = potentials >= 1.0
        times = np.where(above.any(axis=1), self.dt * above.argmax(axis=1), np.inf)
        return Response(times=times, peaks=potentials.max(axis=1))

    def replay(self, inputs: np.ndarray, *, shunt: bool = True, device: str = "numpy") -> Response:
        """The same from Brian2. With the shunt, peaks are those of neurons that take no input after their spike."""
        from bioconv.learn.tempotron_brian import replayed

        return replayed(self, spike_steps(self, inputs), shunt, device)

    def trace(self, inputs: np.ndarray, *, shunt: bool = True, device: str = "numpy") -> np.ndarray:
        """What :meth:`potentials` gives, from Brian2; with the shunt, neurons take no input after their spike."""
        from bioconv.learn.tempotron_brian import traced

        return traced(self, spike_steps(self, inputs), shunt, device)


def spike_steps(neurons: Tempotrons, inputs: np.ndarray) -> np.ndarray:
    """(n, n_inputs) steps of input spikes; ``n_steps`` for those beyond the window, or none.

    Raises
    ------
    StimulusError
        If inputs do not fit the weights, or are not times.
    """
    found = np.asarray(inputs, dtype=float)
    n_inputs = neurons.weights.shape[1]
    if found.ndim != 2 or found.shape[1] != n_inputs:
        raise StimulusError(
            f"tempotron: inputs have shape {found.shape}; need (n, {n_inputs}) times in ms"
        )
    if not (found >= 0).all():
        raise StimulusError(
            "tempotron: inputs hold times before 0, or NaN; use infinity for no spike"
        )
    return np.minimum(np.round(found / neurons.dt), neurons.n_steps).astype(int)


def _matrix(neurons: Tempotrons) -> np.ndarray:
    """(n_steps, n_steps) potential in a step of a spike in another."""
    n = neurons.n_steps
    lag = np.arange(n)[:, None] - np.arange(n)
    return np.where(lag > 0, neurons.kernel()[np.maximum(lag, 0)], 0.0)


def _potentials(weights: np.ndarray, steps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(n, n_steps, n_neurons): what arrives in every step, then its filter."""
    n_steps = len(matrix)
    sample, neuron = np.nonzero(steps < n_steps)
    row = sample * n_steps + steps[sample, neuron]
    shape = (len(steps) * n_steps, weights.shape[1])
    arriving = csr_array((np.ones(len(row)), (row, neuron)), shape=shape) @ weights.T
    return matrix @ arriving.reshape(len(steps), n_steps, -1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """Trained neurons, and the share of (pattern, neuron) pairs that erred in every epoch, before they were corrected."""

    neurons: Tempotrons
    errors: np.ndarray


def train(
    neurons: Tempotrons,
    inputs: np.ndarray,
    wanted: np.ndarray,
    *,
    epochs: int = 100,
    rate: float = 0.01,
    momentum: float = 0.0,
    batch: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> Trained:
    """``neurons`` after the tempotron rule; ends when an epoch has no error.

    Where a batch has none, weights stay, momentum or not.

    Parameters
    ----------
    inputs : (n, n_inputs) array, ms
    wanted : (n, n_neurons) bool array
        Which neuron is to fire for which pattern.
    rate, momentum : float
        Step of the weights for a mean over a batch, and the part of the last change that is added to the next.
    batch : int
        Patterns that are seen before weights change.
    seed : int
        Of the order of the patterns.

    Raises
    ------
    ParameterError, StimulusError
        If settings are out of range, or arrays do not fit the weights.
    """
    steps, fires = spike_steps(neurons, inputs), np.asarray(wanted)
    _check(neurons, steps, fires, epochs, rate, momentum, batch)
    generator = np.random.default_rng(seed)
    weights, change = neurons.weights.copy(), np.zeros(neurons.weights.shape)
    matrix, kernel, errors = _matrix(neurons), neurons.kernel(), []
    for _ in tqdm(range(epochs), desc="tempotron", disable=not progress, mininterval=5):
        order, wrong = generator.permutation(len(steps)), 0
        for start in range(0, len(steps), batch):
            rows = order[start : start + batch]
            move, n = _correction(weights, steps[rows], fires[rows], matrix, kernel)
            if n:
                change = momentum * change + (rate / len(rows)) * move
                weights += change
                wrong += n
        errors.append(wrong / fires.size)
        if not wrong:
            break
    return Trained(neurons=replace(neurons, weights=weights), errors=np.array(errors))


def _correction(weights, steps, fires, matrix, kernel) -> tuple[np.ndarray, int]:
    """Sum of the corrections of all errors, (n_neurons, n_inputs), and how many they are."""
    potentials = _potentials(weights, steps, matrix)
    sample, neuron = np.nonzero((potentials.max(axis=1) >= 1.0) != fires)
    latest = potentials[sample, :, neuron].argmax(axis=1)
    lag = latest[:, None] - steps[sample]
    along = np.where(lag > 0, kernel[np.maximum(lag, 0)], 0.0)
    sign = np.where(fires[sample, neuron], 1.0, -1.0)
    move = csr_array((sign, (neuron, np.arange(len(neuron)))), shape=(len(weights), len(neuron)))
    return move @ along, len(sample)


def _check(neurons, steps, fires, epochs, rate, momentum, batch) -> None:
    expected = (len(steps), len(neurons.weights))
    if fires.dtype != bool or fires.shape != expected:
        raise StimulusError(
            f"tempotron: wanted is {fires.dtype} of shape {fires.shape}; need bool of {expected}"
        )
    if not rate > 0 or not 0 <= momentum < 1 or batch < 1 or epochs < 0:
        raise ParameterError(
            f"tempotron: rate is {rate!r}, momentum {momentum!r}, batch {batch!r}, epochs {epochs!r}; give a rate above 0, "
            "momentum from 0 to below 1, a batch of at least 1, epochs from 0 on"
        )


def latencies(images: np.ndarray, longest: float) -> np.ndarray:
    """(n, n_pixels) spike times, ms: 0 for the brightest pixel, towards ``longest`` for dark ones, none for black.

    Parameters
    ----------
    images : (n, ...) array in [0, 1]
    """
    values = np.asarray(images, dtype=float)
    values = values.reshape(len(values), -1)
    if not ((values >= 0) & (values <= 1)).all():
        raise StimulusError("tempotron: images have values outside [0, 1]; divide bytes by 255")
    return np.where(values > 0, longest * (1.0 - values), np.inf)
