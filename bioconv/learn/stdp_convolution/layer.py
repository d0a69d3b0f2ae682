"""A layer of integrate-and-fire maps without leak: one spike a stimulus, STDP of the first to fire.

References
----------
Kheradpisheh et al. (2018), Neural Networks 99:56–67, arXiv 1611.01421.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from tqdm import tqdm

from bioconv.errors import ParameterError, StimulusError
from bioconv.learn.stdp_convolution.coding import STEPS

Winner = tuple[int, int, int]
#: Parts of one in which potentials count, and how many such ones single precision adds up without rounding.
_PARTS, _EXACT = 2**16, 2**8


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Maps that share a kernel each.

    A winner of map ``f`` moves the weights of its map::

        dw = a_plus w (1 - w) where the input fired no later than the winner, else a_minus w (1 - w)

    Potentials add up weights rounded to 1/65536: learnt weights crowd at 0 and 1, and a whole threshold lies where some of
    them add up to it. Rounded, their sum is exact in any order, on every machine, and in Brian2.

    Attributes
    ----------
    maps, kernel, padding, pool, pool_padding : int
        ``padding`` on every side of the input; ``pool`` is the window, and its stride;
        ``pool_padding`` on every side before pooling.
    threshold : float
        A neuron fires when its potential is above it.
    winners, radius : int
        Neurons that learn from an image, one a map; no two are within ``radius`` of each other.
    a_plus, a_minus : float
        Rates at the beginning.
    a_plus_max, double_every : float, int
        ``a_plus`` doubles after so many images, up to ``a_plus_max``; then ``a_minus`` is -0.75 times
        as large. 0 for rates that stay.
    """

    maps: int
    kernel: int
    threshold: float
    pool: int = 2
    padding: int = 0
    pool_padding: int = 0
    winners: int = 1
    radius: int = 0
    a_plus: float = 0.004
    a_minus: float = -0.003
    a_plus_max: float = 0.15
    double_every: int = 0

    def __post_init__(self):
        least = dict(
            maps=1, kernel=1, pool=1, winners=1, padding=0, pool_padding=0, radius=0, double_every=0
        )
        for name, lowest in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise ParameterError(
                    f"Layer: {name} is {value!r}; give a whole number from {lowest} on"
                )
        if not self.threshold > 0 or not self.a_minus <= 0 <= self.a_plus <= self.a_plus_max <= 1:
            raise ParameterError(
                f"Layer: threshold is {self.threshold!r}, a_minus {self.a_minus!r}, a_plus {self.a_plus!r}, a_plus_max "
                f"{self.a_plus_max!r}; give a threshold above 0 and a_minus <= 0 <= a_plus <= a_plus_max <= 1"
            )

    def random(self, n_channels: int, seed: int) -> np.ndarray:
        """(maps, n_channels, kernel, kernel) normal weights, mean 0.8, standard deviation 0.05."""
        shape = (self.maps, n_channels, self.kernel, self.kernel)
        drawn = np.random.default_rng(seed).normal(0.8, 0.05, size=shape)
        return np.clip(drawn, 0.0, 1.0)

    def rates(self, n_seen: int) -> tuple[float, float]:
        """``a_plus`` and ``a_minus`` after so many images."""
        doublings = n_seen // self.double_every if self.double_every else 0
        if not doublings:
            return self.a_plus, self.a_minus
        plus = min(self.a_plus_max, self.a_plus * 2.0 ** min(doublings, 60))
        return plus, -0.75 * plus

    def first_spikes(
        self, weights: np.ndarray, times: np.ndarray, *, inhibition: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Steps of the neurons that fire, and their potentials then.

        With inhibition, as in learning, only the first map fires at a position; of several in the
        same step the one with the highest potential, then the lowest number.

        Parameters
        ----------
        weights : (maps, n_channels, kernel, kernel) array
        times : (n, n_channels, n_rows, n_columns) array of steps

        Returns
        -------
        steps : (n, maps, n_rows_out, n_columns_out) uint8 array
            ``STEPS`` for none.
        potentials : array of the same shape
            0 where there is no spike.
        """
        patches = self._patches(times, weights.shape[1])
        shape = (*patches.shape[:3], self.maps)
        flat = patches.reshape(int(np.prod(shape[:3])), -1)
        kernels = _rounded(weights).reshape(self.maps, -1).T
        kernels = kernels.astype(np.float32 if len(kernels) <= _EXACT else np.float64)
        steps = np.full((len(flat), self.maps), STEPS, dtype=np.uint8)
        potentials = np.zeros(steps.shape, dtype=kernels.dtype)
        closed = np.zeros(len(flat), dtype=bool)
        for step in np.unique(times[times < STEPS]):
            at = np.flatnonzero(~closed & (flat == step).any(axis=1))
            found = (flat[at] <= step).astype(kernels.dtype) @ kernels
            fires = self._highest(found) if inhibition else self._first(found, steps[at])
            place = at[fires[0]], fires[1]
            steps[place], potentials[place] = step, found[fires]
            closed[place[0]] = inhibition
        back = (0, 3, 1, 2)
        return steps.reshape(shape).transpose(back), potentials.reshape(shape).transpose(back)

    def _highest(self, potentials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows above the threshold, and the best map of each."""
        best = potentials.argmax(axis=1)
        rows = np.flatnonzero(potentials[np.arange(len(best)), best] > self.threshold)
        return rows, best[rows]

    def _first(self, potentials: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and maps above the threshold that have not fired yet."""
        rows, maps = np.nonzero((potentials > self.threshold) & (steps == STEPS))
        return rows, maps

    def replay(
        self,
        weights: np.ndarray,
        times: np.ndarray,
        *,
        inhibition: bool = True,
        device: str = "numpy",
    ) -> np.ndarray:
        """The steps of :meth:`first_spikes` from Brian2.

        Parameters
        ----------
        device : {"numpy", "cython", "cpp_standalone"}

        Raises
        ------
        ParameterError, DeviceError
            If the device is unknown, or lacks its compiler.
        """
        from bioconv.learn.stdp_convolution.brian import replayed

        numbers = np.arange(times.size).reshape(times.shape)
        covered = self._patches(numbers, weights.shape[1], beyond=times.size)
        return replayed(_rounded(weights), times, covered, self.threshold, inhibition, device)

    def pooled(self, steps: np.ndarray) -> np.ndarray:
        """Steps of the earliest spike in each window; rows and columns left over are dropped."""
        steps = _padded(steps, self.pool_padding, STEPS)
        n, maps, rows, columns = steps.shape
        p, rows, columns = self.pool, rows // self.pool, columns // self.pool
        kept = steps[:, :, : rows * p, : columns * p]
        return kept.reshape(n, maps, rows, p, columns, p).min(axis=(3, 5))

    def chosen(self, steps: np.ndarray, potentials: np.ndarray) -> list[Winner]:
        """(map, row, column) of the neurons that learn from one image, the first to fire first.

        Parameters
        ----------
        steps, potentials : (maps, n_rows, n_columns) arrays
        """
        at = np.argwhere(steps < STEPS)
        place = tuple(at.T)
        order = np.lexsort((*place[::-1], -potentials[place], steps[place]))
        found: list[Winner] = []
        for f, row, column in at[order].tolist():
            if all(self._apart((f, row, column), other) for other in found):
                found.append((f, row, column))
                if len(found) == self.winners:
                    break
        return found

    def _apart(self, a: Winner, b: Winner) -> bool:
        return a[0] != b[0] and max(abs(a[1] - b[1]), abs(a[2] - b[2])) > self.radius

    def learn(
        self, weights: np.ndarray, times: np.ndarray, *, n_seen: int = 0, progress: bool = True
    ) -> np.ndarray:
        """Weights after the images, one by one. ``n_seen`` images came before, for the rates."""
        weights = np.array(weights, dtype=float)
        for k in tqdm(range(len(times)), desc="STDP", disable=not progress, mininterval=5):
            one = times[k : k + 1]
            steps, potentials = self.first_spikes(weights, one)
            patches = self._patches(one, weights.shape[1])[0]
            plus, minus = self.rates(n_seen + k)
            for f, row, column in self.chosen(steps[0], potentials[0]):
                before = patches[row, column] <= steps[0, f, row, column]
                w = weights[f]
                weights[f] = np.clip(w + np.where(before, plus, minus) * w * (1 - w), 0.0, 1.0)
        return weights

    def _patches(self, times: np.ndarray, n_channels: int, beyond: int = STEPS) -> np.ndarray:
        """(n, n_rows_out, n_columns_out, n_channels, kernel, kernel) steps, ``beyond`` in the padding."""
        if times.ndim != 4 or times.shape[1] != n_channels:
            raise StimulusError(
                f"Layer: times have shape {times.shape}; need (n, {n_channels}, n_rows, n_columns)"
            )
        padded, k = _padded(times, self.padding, beyond), self.kernel
        if min(padded.shape[2:]) < k:
            raise StimulusError(f"Layer: images of {times.shape[2:]} are smaller than the kernel")
        windows = sliding_window_view(padded, (k, k), axis=(2, 3))  # type: ignore[call-overload]
        return windows.transpose(0, 2, 3, 1, 4, 5)


def earliest(steps: np.ndarray) -> np.ndarray:
    """Only the first spike at each position; of several in one step the map with the lowest number.

    Parameters
    ----------
    steps : (n, maps, n_rows, n_columns) array
    """
    maps = np.arange(steps.shape[1])[:, None, None]
    return np.where(steps.argmin(axis=1)[:, None] == maps, steps, STEPS).astype(np.uint8)


def _padded(steps: np.ndarray, n: int, value: int) -> np.ndarray:
    return np.pad(steps, ((0, 0), (0, 0), (n, n), (n, n)), constant_values=value)


def _rounded(weights: np.ndarray) -> np.ndarray:
    return np.round(weights * _PARTS) / _PARTS


def convergence(weights: np.ndarray) -> float:
    """Mean of ``w (1 - w)``: 0 when every weight is 0 or 1."""
    return float((weights * (1 - weights)).mean())
