"""Training by two phases for every batch, with states that are kept for every sample.

For a batch: load its saved states, relax freely, predict; nudge with a random sign of beta, relax a few steps; move weights and
biases by the difference; save the free states.
"""

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bioconv import hdf5
from bioconv.errors import ParameterError, StimulusError
from bioconv.learn.eqprop.dynamics import contrast, relaxed
from bioconv.learn.eqprop.network import Network, flat, one_hot

KIND, VERSION = "bioconv-eqprop-checkpoint", 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. The defaults are the paper's for one hidden layer of 500.

    With the cost ``1/2 |target - u|^2``. The authors' code leaves out the 1/2, so that its beta counts
    twice: ``Recipe(beta=1.0, rates=(0.2, 0.1))`` does what it does.

    Attributes
    ----------
    rates : floats, one a matrix of weights, input side first
        Step on the weights, and on the biases of the layer above them.
    free, nudged : int
        Steps of the two phases. The second is short: only its beginning tells the layers apart.
    epsilon : float
        Step of time in units of tau.
    beta : float
        Strength of the nudge; its sign is drawn for every batch.
    validation : int
        Samples at the end that are held out.
    seed : int
        Of the order of the samples and the signs; an epoch's depend on (seed, epoch).
    """

    epochs: int = 25
    batch: int = 20
    rates: tuple[float, ...] = (0.1, 0.05)
    free: int = 20
    nudged: int = 4
    epsilon: float = 0.5
    beta: float = 0.5
    validation: int = 0
    seed: int = 0

    def __post_init__(self):
        least = {"epochs": 0, "batch": 1, "free": 1, "nudged": 1, "validation": 0, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < bound:
                raise ParameterError(
                    f"Recipe: {name} is {value!r}; give a whole number from {bound} on"
                )
        if not 0 < self.epsilon <= 1:
            raise ParameterError(
                f"Recipe: epsilon is {self.epsilon!r}; give a number above 0, at most 1"
            )
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise ParameterError(f"Recipe: beta is {self.beta!r}; give a finite number above 0")
        object.__setattr__(self, "rates", tuple(float(rate) for rate in self.rates))


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained network and how it came about.

    Attributes
    ----------
    training_errors, validation_errors : (epochs,) float arrays
        Share of wrong predictions: of the free phases during the epoch; and after it (NaN without held-out samples).
    """

    network: Network
    training_errors: np.ndarray
    validation_errors: np.ndarray


@dataclass(kw_only=True)
class _Progress:
    """What training changes in place."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    states: list[np.ndarray]
    training_errors: list[float]
    validation_errors: list[float]

    @property
    def network(self) -> Network:
        return Network(weights=tuple(self.weights), biases=tuple(self.biases))


def train(
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    *,
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    progress: bool = True,
    report: Callable[[str], None] | None = None,
) -> Trained:
    """``network`` after training, on numpy arrays.

    Parameters
    ----------
    images : (n, ...) array in [0, 1]
    labels : (n,) int array
    checkpoint : path
        Written after every epoch. With ``resume`` training goes on from there, exactly as if it had not
        stopped; ``recipe.epochs`` may be larger than before.
    report : function of a line of text
        Called after every epoch, for example ``print``.

    Raises
    ------
    ParameterError
        If the recipe does not fit the network, or the checkpoint the recipe.
    StimulusError
        If images or labels do not fit the network.
    """
    inputs, labels = flat(images, network.sizes[0]), np.asarray(labels)
    _check(network, inputs, labels, recipe)
    n = len(inputs) - recipe.validation
    if checkpoint is not None and not resume and Path(checkpoint).exists():
        raise ParameterError(f"train: {checkpoint} exists; pass resume=True or another checkpoint")
    now = _resumed(checkpoint, recipe, network, n) if resume else _begun(network, n)
    for epoch in range(len(now.training_errors), recipe.epochs):
        _epoch(now, inputs[:n], labels[:n], recipe, epoch, progress)
        now.validation_errors.append(_error(now.network, inputs[n:], labels[n:], recipe))
        if checkpoint is not None:
            _save(now, recipe, checkpoint)
        if report:
            validation = now.validation_errors[-1]
            held_out = f", held out {100 * validation:.2f} %" if n < len(inputs) else ""
            report(
                f"epoch {epoch + 1}: error {100 * now.training_errors[-1]:.2f} % in training{held_out}"
            )
    return Trained(
        network=now.network,
        training_errors=np.array(now.training_errors),
        validation_errors=np.array(now.validation_errors),
    )


def _check(network: Network, inputs: np.ndarray, labels: np.ndarray, recipe: Recipe) -> None:
    if len(recipe.rates) != len(network.weights):
        raise ParameterError(
            f"train: {len(recipe.rates)} rates for {len(network.weights)} matrices of weights; give one for each"
        )
    if labels.shape != inputs.shape[:1]:
        raise StimulusError(
            f"train: labels have shape {labels.shape}, {len(inputs)} images need one each"
        )
    if recipe.validation >= len(inputs):
        raise ParameterError(
            f"train: validation is {recipe.validation} of {len(inputs)} samples; leave some to train with"
        )
    one_hot(labels, network.sizes[-1])


def _begun(network: Network, n: int) -> _Progress:
    return _Progress(
        weights=[weight.copy() for weight in network.weights],
        biases=[bias.copy() for bias in network.biases],
        states=[np.zeros((n, size)) for size in network.sizes[1:]],
        training_errors=[],
        validation_errors=[],
    )


def _epoch(now: _Progress, inputs, labels, recipe: Recipe, epoch: int, progress: bool) -> None:
    generator = np.random.default_rng([recipe.seed, epoch])
    order = generator.permutation(len(inputs))
    starts = range(0, len(inputs), recipe.batch)
    signs = generator.choice((-1.0, 1.0), size=len(starts))
    targets = one_hot(labels, len(now.biases[-1]))
    wrong = 0
    bar = tqdm(starts, desc=f"epoch {epoch + 1}", disable=not progress, mininterval=5)
    for start, sign in zip(bar, signs, strict=True):
        rows = order[start : start + recipe.batch]
        predictions = _batch(now, rows, inputs[rows], targets[rows], sign * recipe.beta, recipe)
        wrong += int((predictions != labels[rows]).sum())
    now.training_errors.append(wrong / len(inputs))


def _batch(now: _Progress, rows, inputs, targets, beta: float, recipe: Recipe) -> np.ndarray:
    """One update; the predictions of the free phase."""
    drives = [inputs @ now.weights[0].T + now.biases[0], *now.biases[1:]]
    between = now.weights[1:]
    states = [saved[rows] for saved in now.states]
    free = relaxed(between, drives, states, recipe.free, recipe.epsilon)
    nudged = relaxed(between, drives, free, recipe.nudged, recipe.epsilon, beta, targets)
    changes = contrast(inputs, free, nudged, beta)
    for values, updates in zip((now.weights, now.biases), changes, strict=True):
        for value, update, rate in zip(values, updates, recipe.rates, strict=True):
            update *= rate
            value += update
    for saved, state in zip(now.states, free, strict=True):
        saved[rows] = state
    return free[-1].argmax(axis=1)


def _error(network: Network, inputs, labels, recipe: Recipe) -> float:
    if not len(inputs):
        return float("nan")
    predictions = network.predict(inputs, recipe.free, recipe.epsilon)
    return float((predictions != labels).mean())


def _compared(recipe: Recipe) -> str:
    """All of a recipe that two parts of one training must have in common."""
    return json.dumps({**dataclasses.asdict(recipe), "epochs": 0})


def _save(now: _Progress, recipe: Recipe, path: str | os.PathLike) -> None:
    with hdf5.written(path, ParameterError, overwrite=True) as file:
        file.attrs.update(format=KIND, version=VERSION, recipe=_compared(recipe))
        for name in ("training_errors", "validation_errors"):
            file[name] = np.array(getattr(now, name))
        for name in ("weights", "biases", "states"):
            for k, array in enumerate(getattr(now, name)):
                file[f"{name}/{k}"] = array


def _resumed(path: str | os.PathLike | None, recipe: Recipe, network: Network, n: int) -> _Progress:
    if path is None:
        raise ParameterError("train: resume=True needs the checkpoint to go on from")
    with hdf5.opened(path, ParameterError, KIND, VERSION) as file:
        if file.attrs["recipe"] != _compared(recipe):
            raise ParameterError(
                f"train: {path} was written with {file.attrs['recipe']}, not with {_compared(recipe)}; resume with the same recipe"
            )
        lists = {
            name: [file[name][str(k)][()] for k in range(len(file[name]))]
            for name in ("weights", "biases", "states")
        }
        errors = {name: list(file[name][()]) for name in ("training_errors", "validation_errors")}
    if [state.shape for state in lists["states"]] != [(n, size) for size in network.sizes[1:]]:
        raise ParameterError(
            f"train: {path} holds states of shapes {[s.shape for s in lists['states']]}; this is training of "
            f"{network} on {n} samples"
        )
    return _Progress(**lists, **errors)
