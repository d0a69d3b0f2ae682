"""The network of equilibrium propagation: layers of rate units with symmetric weights."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import GraphError, ParameterError, ReadError, StimulusError
from bioconv.learn.eqprop.dynamics import Arrays, relaxed

KIND, VERSION = "bioconv-eqprop", 1
DEVICES = ("array", "numpy", "cython", "cpp_standalone")


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Layers of rate units; each weight is used in both directions.

    Energy, with ``rho(u) = clip(u, 0, 1)``, the input clamped and no weights within a layer::

        E = 1/2 sum u_i^2 - sum_{i<j} W_ij rho(u_i) rho(u_j) - sum b_i rho(u_i)

    Attributes
    ----------
    weights : (n_above, n_below) float64 arrays, from the input on
    biases : (size,) float64 arrays, of the layers above the input

    References
    ----------
    Scellier & Bengio (2017), Front. Comput. Neurosci. 11:24, arXiv 1602.05179.
    """

    weights: Arrays
    biases: Arrays

    def __post_init__(self):
        for name in ("weights", "biases"):
            object.__setattr__(self, name, tuple(_frozen(a) for a in getattr(self, name)))
        _check_shapes(self.weights, self.biases)

    @classmethod
    def random(cls, sizes: Sequence[int], seed: int) -> "Network":
        """Weights uniform within ``sqrt(6 / (n_below + n_above))`` (Glorot), biases zero."""
        if len(sizes) < 2 or any(int(size) != size or size < 1 for size in sizes):
            raise ParameterError(
                f"Network.random: sizes are {list(sizes)}; give two or more whole numbers from 1 on"
            )
        generator = np.random.default_rng(seed)
        weights = []
        for below, above in pairwise(sizes):
            limit = np.sqrt(6 / (below + above))
            weights.append(generator.uniform(-limit, limit, size=(above, below)))
        return cls(weights=tuple(weights), biases=tuple(np.zeros(size) for size in sizes[1:]))

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.weights[0].shape[1], *(len(bias) for bias in self.biases))

    def __repr__(self) -> str:
        return f"eqprop.Network: {'-'.join(map(str, self.sizes))}"

    def drives(self, images: np.ndarray) -> Arrays:
        """(n, size) or (size,) arrays: biases, and the current of the clamped input into the first layer."""
        inputs = flat(images, self.sizes[0])
        return (inputs @ self.weights[0].T + self.biases[0], *self.biases[1:])

    def relax(
        self,
        images: np.ndarray,
        steps: int,
        epsilon: float = 0.5,
        states: Sequence[np.ndarray] | None = None,
        *,
        beta: float = 0.0,
        targets: np.ndarray | None = None,
        device: str = "array",
    ) -> Arrays:
        """States after ``steps`` Euler steps of ``epsilon`` tau: the free phase, or the nudged one with ``beta``.

        Parameters
        ----------
        images : (n, ...) array in [0, 1]
        states : (n, size) arrays in [0, 1]
            Where to begin; zeros unless given.
        targets : (n, n_outputs) array
            What the output is drawn to where ``beta`` is not zero.
        device : str
            ``"array"`` (numpy without Brian2), or the Brian2 device ``"numpy"``, ``"cython"`` or ``"cpp_standalone"``. All
            take the same steps.

        Returns
        -------
        tuple of (n, size) arrays, from the first layer above the input on

        Raises
        ------
        ParameterError, StimulusError
            If the options are out of range, or arrays do not fit the network.
        """
        _check_options(steps, epsilon, device)
        drives = self.drives(images)
        begin = self._begin(states, len(drives[0]))
        goal = self._goal(beta, targets, len(drives[0]))
        if device == "array":
            return relaxed(self.weights[1:], drives, begin, steps, epsilon, beta, goal)
        from bioconv.learn.eqprop.brian import simulated

        return simulated(self.weights[1:], drives, begin, steps, epsilon, beta, goal, device)

    def predict(
        self, images: np.ndarray, steps: int, epsilon: float = 0.5, *, device: str = "array"
    ) -> np.ndarray:
        """(n,) classes: the output unit that is largest after a free phase from zeros."""
        return self.relax(images, steps, epsilon, device=device)[-1].argmax(axis=1)

    def save(
        self, path: str | os.PathLike, *, dtype: str = "float64", overwrite: bool = False
    ) -> None:
        """Write an HDF5 file: ``weights/0`` …, ``biases/0`` …, from the input on.

        Raises
        ------
        ReadError
            If the file exists (without ``overwrite``) or cannot be written.
        """
        content = {
            name: {str(k): array.astype(dtype) for k, array in enumerate(getattr(self, name))}
            for name in ("weights", "biases")
        }
        with hdf5.written(path, ReadError, overwrite) as file:
            file.attrs.update(format=KIND, version=VERSION)
            hdf5.fill(file, content)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Network":
        """The network that :meth:`save` wrote.

        Raises
        ------
        ReadError
            If the file is missing, damaged or something else.
        """
        with hdf5.opened(path, ReadError, KIND, VERSION) as file:
            parts = {
                name: [file[name][str(k)][()] for k in range(len(file[name]))]
                for name in ("weights", "biases")
            }
            try:
                return cls(weights=tuple(parts["weights"]), biases=tuple(parts["biases"]))
            except GraphError as problem:
                raise ReadError(f"{path}: {problem}") from None

    def _begin(self, states: Sequence[np.ndarray] | None, n: int) -> Arrays:
        wanted = [(n, size) for size in self.sizes[1:]]
        if states is None:
            return tuple(np.zeros(shape) for shape in wanted)
        found = tuple(np.asarray(state, dtype=float) for state in states)
        if [state.shape for state in found] != wanted:
            raise StimulusError(
                f"relax: states have shapes {[s.shape for s in found]}, need {wanted}"
            )
        if not all(((state >= 0) & (state <= 1)).all() for state in found):
            raise StimulusError("relax: states leave [0, 1]; begin with those of a phase before")
        return found

    def _goal(self, beta: float, targets: np.ndarray | None, n: int) -> np.ndarray | None:
        if not np.isfinite(beta):
            raise ParameterError(f"relax: beta is {beta!r}; give a finite number")
        if not beta:
            return None
        if targets is None:
            raise ParameterError(
                f"relax: beta is {beta:g}, so the output is drawn to targets; give these"
            )
        found, wanted = np.asarray(targets, dtype=float), (n, self.sizes[-1])
        if found.shape != wanted:
            raise StimulusError(f"relax: targets have shape {found.shape}, need {wanted}")
        return found


def _frozen(array: Any) -> np.ndarray:
    found = np.array(array, dtype=float)
    found.flags.writeable = False
    return found


def _check_shapes(weights: Arrays, biases: Arrays) -> None:
    if not weights or len(weights) != len(biases):
        raise GraphError(
            f"eqprop.Network: {len(weights)} matrices of weights and {len(biases)} biases; give one of each a layer"
        )
    below = weights[0].shape[-1] if weights[0].ndim else 0
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if bias.ndim != 1 or weight.shape != (len(bias), below):
            raise GraphError(
                f"eqprop.Network: weights[{k}] have shape {weight.shape}, biases[{k}] {bias.shape}; with {below} units "
                f"below, weights are (n, {below}) and biases (n,)"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise GraphError(f"eqprop.Network: weights[{k}] or biases[{k}] are not all finite")
        below = len(bias)


def _check_options(steps: int, epsilon: float, device: str) -> None:
    if not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ParameterError(f"relax: steps is {steps!r}; give a whole number from 0 on")
    if not 0 < epsilon <= 1:
        raise ParameterError(f"relax: epsilon is {epsilon!r}; give a number above 0, at most 1")
    if device not in DEVICES:
        raise ParameterError(f"relax: device is {device!r}; choose one of {', '.join(DEVICES)}")


def flat(images: np.ndarray, size: int) -> np.ndarray:
    """(n, size) float64 array of images of any shape.

    Raises
    ------
    StimulusError
        If they have another number of pixels, or values outside [0, 1].
    """
    found = np.asarray(images)
    if found.ndim < 2 or not len(found) or found[0].size != size:
        raise StimulusError(
            f"eqprop: images have shape {found.shape}; the network needs (n, ...) of {size} values each"
        )
    found = found.reshape(len(found), size).astype(float)
    if not ((found >= 0) & (found <= 1)).all():
        raise StimulusError("eqprop: images have values outside [0, 1]; divide bytes by 255")
    return found


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) floats.

    Raises
    ------
    StimulusError
        If a label is no whole number from 0 to ``classes`` - 1.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise StimulusError(f"eqprop: labels are not all whole numbers from 0 to {classes - 1}")
    return np.eye(classes)[labels]
