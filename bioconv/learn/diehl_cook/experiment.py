"""The protocol: train without labels, label the neurons with training images, test."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from bioconv import hdf5
from bioconv.errors import DataError, ParameterError, ResultError, RunInterrupted
from bioconv.learn.diehl_cook.labels import labelled, predicted
from bioconv.learn.diehl_cook.machine import Machine, Shown, State
from bioconv.learn.diehl_cook.network import PIXELS, delays
from bioconv.learn.diehl_cook.settings import Settings
from bioconv.projections.plastic import natural, stored

#: Presentations of one run of the program; images of a block that is shown from rest.
CHUNK = 1000
#: Images whose counts label the neurons for the running accuracy.
WINDOW = 10_000
#: First number of the presentations outside of training, so that their spikes are others.
_APART = 2**30
#: What a training that goes on from another one has in common with it: the sizes of its state, and the delays.
_SIZES = ("neurons", "dt", "stimulation", "rest", "delay", "seed")
_TRAINING, _TRAINED, _VERSION = "bioconv diehl-cook training", "bioconv diehl-cook network", 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """Where a training stands: all that it needs to go on.

    Attributes
    ----------
    settings : Settings
    state : dict
        Values of the network after the last presentation.
    begun : int
        Images that were shown, the last of them perhaps to be repeated.
    images, presentations : int
        Images that are done, and presentations, repetitions included.
    accuracy : (m, 2) array
        After so many images, the part of the last chunk that labels from the counts before it got right.
    recent : (k, neurons) uint16 array, recent_labels : (k,) array
        Counts of the last images, and their labels.
    """

    settings: Settings
    state: State
    begun: int = 0
    images: int = 0
    presentations: int = 0
    accuracy: np.ndarray
    recent: np.ndarray
    recent_labels: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """(784, neurons) weights, rows in the order of the pixels."""
        return natural(self.state["dc_plastic.w"], delays(self.settings), self.settings.neurons)

    @property
    def theta(self) -> np.ndarray:
        """(neurons,) adaptive part of the thresholds, in volts."""
        return self.state["dc_excitatory.theta"]

    def save(self, path: str | os.PathLike) -> None:
        """Write a checkpoint over the one before; it takes the file's name when it is complete.

        Raises
        ------
        ResultError
            If the file cannot be written; the one before stays.
        """
        with hdf5.written(path, ResultError, overwrite=True) as file:
            file.attrs.update(format=_TRAINING, version=_VERSION, **self.settings.described())
            numbers = {k: getattr(self, k) for k in ("begun", "images", "presentations")}
            arrays = {k: getattr(self, k) for k in ("accuracy", "recent", "recent_labels")}
            hdf5.fill(file, {**numbers, **arrays, "state": self.state})


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained network with labelled neurons.

    Attributes
    ----------
    settings : Settings
    weights : (784, neurons) array
    theta : (neurons,) array
        Volts.
    classes : (neurons,) int array
    accuracy : (m, 2) array
        The running accuracy of the training.
    """

    settings: Settings
    weights: np.ndarray
    theta: np.ndarray
    classes: np.ndarray
    accuracy: np.ndarray

    def respond(self, images: np.ndarray, **options: Any) -> np.ndarray:
        """(n_images, neurons) spikes; see :func:`respond`."""
        return respond(self.settings, self.weights, self.theta, images, **options)

    def predict(self, images: np.ndarray, **options: Any) -> np.ndarray:
        """(n_images,) classes; options of :func:`respond`."""
        return predicted(self.respond(images, **options), self.classes)

    def save(self, path: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write an HDF5 file; weights in single precision.

        Raises
        ------
        ResultError
            If the file is there already, or cannot be written.
        """
        with hdf5.written(path, ResultError, overwrite) as file:
            file.attrs.update(format=_TRAINED, version=_VERSION, **self.settings.described())
            hdf5.fill(file, {
                "weights": self.weights.astype(np.float32), "theta": self.theta,
                "classes": self.classes.astype(np.int8), "accuracy": self.accuracy,
            })  # fmt: skip


def train(
    images: np.ndarray,
    labels: np.ndarray,
    settings: Settings | None = None,
    *,
    shown: int | None = None,
    begin: Training | None = None,
    checkpoint: str | os.PathLike | None = None,
    every: int = 5000,
    device: str = "cpp_standalone",
    progress: bool = True,
) -> Training:
    """Show images, in their order and over again, to a network that learns.

    Parameters
    ----------
    images : (n, 784) or (n, 28, 28) array
        Grey values from 0 to 255.
    labels : (n,) int array
        For the running accuracy alone: nothing is learnt from them.
    shown : int, optional
        Images that are shown in all; every one once unless given.
    begin : Training, optional
        An earlier one, perhaps with other settings, that this one goes on from: with lower rates, say. Its images count.
    checkpoint : path, optional
        Where the training is kept every so many images (``every``), and from where it goes on if the file is there.
    device : {"cpp_standalone", "cython", "numpy"}
    progress : bool
        Show a bar with the running accuracy on stderr.

    Raises
    ------
    DataError
        If the images are no grey values, or labels are missing.
    ResultError
        If the checkpoint belongs to another experiment or cannot be written.
    RunInterrupted
        On Ctrl-C; ``result`` is the training until then, and the checkpoint has it.
    """
    settings = Settings() if settings is None else settings
    images = checked_images(images)
    if len(labels) != len(images):
        raise DataError(f"{len(labels)} labels for {len(images)} images")
    goal = len(images) if shown is None else _count("shown", shown)
    _count("every", every)
    now = _begin(settings, checkpoint, begin)
    machine = Machine(settings, CHUNK, device)
    now = replace(now, state=machine.start) if now.presentations == 0 else now
    kept = now.images
    with tqdm(total=goal, initial=now.images, unit="image", disable=not progress) as bar:
        try:
            while now.images < goal:
                before = now
                now = _chunk(machine, now, images, labels, min(CHUNK, goal - now.images))
                bar.update(now.images - before.images)
                if len(now.accuracy):
                    bar.set_postfix_str(f"running accuracy {now.accuracy[-1, 1]:.1%}")
                if checkpoint is not None and (now.images - kept >= every or now.images >= goal):
                    now.save(checkpoint)
                    kept = now.images
        except KeyboardInterrupt as stop:
            if checkpoint is not None:
                now.save(checkpoint)
            raise RunInterrupted(f"interrupted after {now.images} of {goal} images", now) from stop
    return now


def _begin(settings: Settings, checkpoint: Any, begin: Training | None) -> Training:
    if checkpoint is not None and os.path.exists(checkpoint):
        return load_training(checkpoint, settings)
    if begin is not None:
        other = [n for n in _SIZES if getattr(settings, n) != getattr(begin.settings, n)]
        if other:
            raise ParameterError(
                f"{', '.join(other)} must be as in the training that is gone on from"
            )
        return replace(begin, settings=settings)
    return Training(
        settings=settings, state={}, accuracy=np.zeros((0, 2)),
        recent=np.zeros((0, settings.neurons), dtype=np.uint16), recent_labels=np.zeros(0, dtype=int),
    )  # fmt: skip


def _chunk(
    machine: Machine, now: Training, images: np.ndarray, labels: np.ndarray, presentations: int
) -> Training:
    """The training after so many presentations more."""
    coming = now.begun - 1 + np.arange(presentations + 1)
    rows = images[coming % len(images)]
    state, shown = machine.advance(now.state, rows, presentations, learning=True)
    done = shown.answered
    counts = shown.counts[done].astype(np.uint16)
    own = np.asarray(labels)[(now.begun - 1 + shown.image[done]) % len(images)]
    accuracy = now.accuracy
    after = now.images + len(counts)
    if len(np.unique(now.recent_labels)) == len(np.unique(labels)) and len(counts):
        right = predicted(counts, labelled(now.recent, now.recent_labels)) == own
        accuracy = np.concatenate([accuracy, [[after, right.mean()]]])
    return replace(
        now,
        state=state,
        begun=now.begun + int(shown.image[-1]),
        images=after,
        presentations=now.presentations + presentations,
        accuracy=accuracy,
        recent=np.concatenate([now.recent, counts])[-WINDOW:],
        recent_labels=np.concatenate([now.recent_labels, own])[-WINDOW:],
    )


def respond(
    settings: Settings,
    weights: np.ndarray,
    theta: np.ndarray,
    images: np.ndarray,
    *,
    processes: int = 1,
    device: str = "cpp_standalone",
    progress: bool = True,
) -> np.ndarray:
    """(n_images, neurons) spikes of a network that does not learn.

    Images come in blocks of :data:`CHUNK`, each from rest, so that the counts do not depend on ``processes``. An image
    is repeated and brightened as in training.

    Parameters
    ----------
    weights : (784, neurons) array
    theta : (neurons,) array
        Volts.
    images : (n, 784) or (n, 28, 28) array
        Grey values from 0 to 255.
    processes : int
        Programs that run at once.
    """
    images = checked_images(images)
    machine = Machine(settings, CHUNK, device)
    start = {
        **machine.start,
        "dc_plastic.w": stored(np.asarray(weights, dtype=float), delays(settings)),
        "dc_excitatory.theta": np.asarray(theta, dtype=float),
    }

    def block(first: int) -> np.ndarray:
        own = images[first : first + CHUNK]
        number = np.array([_APART + first * settings.max_tries], dtype=np.int32)
        return _answers(machine, {**start, "dc_controller.presentation": number}, own)

    firsts = range(0, len(images), CHUNK)
    with ThreadPoolExecutor(_count("processes", processes)) as pool:
        done = tqdm(pool.map(block, firsts), total=len(firsts), unit="block", disable=not progress)
        return np.concatenate(list(done))


def _answers(machine: Machine, state: State, images: np.ndarray) -> np.ndarray:
    """Counts of every image of a block."""
    found: list[np.ndarray] = []
    begun, missing = 0, len(images)
    padded = np.concatenate([np.zeros((1, PIXELS)), images])
    while missing:
        shown: Shown
        state, shown = machine.advance(
            state, padded[begun : begun + missing + 1], missing, learning=False
        )
        found.append(shown.counts[shown.answered])
        begun += int(shown.image[-1])
        missing -= int(shown.answered.sum())
    return np.concatenate(found)


def label(training: Training, images: np.ndarray, labels: np.ndarray, **options: Any) -> Trained:
    """The trained network, its neurons labelled by their responses to *training* images.

    Parameters
    ----------
    images, labels
        Of the training set; as many as there is time for, the paper takes all.
    **options
        Of :func:`respond`.
    """
    counts = respond(training.settings, training.weights, training.theta, images, **options)
    return Trained(
        settings=training.settings,
        weights=training.weights,
        theta=training.theta,
        classes=labelled(counts, np.asarray(labels)),
        accuracy=training.accuracy,
    )


def load_training(path: str | os.PathLike, settings: Settings) -> Training:
    """The checkpoint of an experiment.

    Raises
    ------
    ResultError
        If the file is damaged or of an experiment with other settings; the differences are named.
    """
    with hdf5.opened(path, ResultError, _TRAINING, _VERSION) as file:
        _check_same(path, settings, file.attrs)
        begun, images, presentations = (
            int(file[n][()]) for n in ("begun", "images", "presentations")
        )
        return Training(
            settings=settings,
            state={name: np.atleast_1d(values[()]) for name, values in file["state"].items()},
            begun=begun,
            images=images,
            presentations=presentations,
            accuracy=file["accuracy"][()],
            recent=file["recent"][()],
            recent_labels=file["recent_labels"][()],
        )


def load_trained(path: str | os.PathLike, settings: Settings) -> Trained:
    """A network that :meth:`Trained.save` wrote, with the settings that it was trained with.

    Raises
    ------
    ResultError
        If the file is damaged or was trained with other settings; the differences are named.
    """
    with hdf5.opened(path, ResultError, _TRAINED, _VERSION) as file:
        _check_same(path, settings, file.attrs)
        return Trained(
            settings=settings,
            **{name: file[name][()] for name in ("weights", "theta", "classes", "accuracy")},
        )


def _check_same(path: Any, settings: Settings, found: Mapping[str, Any]) -> None:
    there = Settings().described() | dict(found)  # what a file does not name was not to choose
    other = [
        f"{name} is {there[name]!r} there and {value!r} here"
        for name, value in settings.described().items()
        if str(there[name]) != value
    ]
    if other:
        raise ResultError(
            f"{path} is of another experiment: {'; '.join(other)}. Give its settings, or another file"
        )


def grey(images: np.ndarray) -> np.ndarray:
    """(n, 784) bytes for (n, 1, 28, 28) images of values from 0 to 1, as :mod:`bioconv.datasets` has them."""
    parts = np.array_split(images.reshape(len(images), -1), 100)  # no second copy of all as floats
    return np.concatenate([np.rint(part * 255).astype(np.uint8) for part in parts])


def checked_images(images: Any) -> np.ndarray:
    """(n, 784) grey values, in the type they are given in.

    Raises
    ------
    DataError
        If there are none, their shape is another, or a value is not from 0 to 255.
    """
    array = np.asarray(images)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the images are {array.dtype}; give grey values from 0 to 255")
    if array.ndim < 2 or not len(array) or np.prod(array.shape[1:]) != PIXELS:
        raise DataError(
            f"the images have the shape {array.shape}; give (n, 784) or (n, 28, 28) grey values"
        )
    if not (array.min() >= 0 and array.max() <= 255):
        raise DataError("an image has values outside of 0 to 255")
    return array.reshape(len(array), PIXELS)


def _count(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
        raise ParameterError(f"{name} is {number!r}; give a whole number of at least 1")
    return int(number)
