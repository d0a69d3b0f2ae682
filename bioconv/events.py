"""Spikes that come from outside: what an event camera or a recording sends, sample after sample."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from bioconv.errors import DAMAGED_ARRAYS, DataError, MissingDataError, StimulusError

#: Part of a step by which rounding may keep an event before the step it belongs to.
_ROUNDING = 1e-6
#: Arrays of a file of events; "length" may be left out.
_STORED = ("shape", "n_samples", "sample", "neuron", "time")


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Events of many samples, for ``encoder="events"``.

    Attributes
    ----------
    shape : tuple of int
        Of the neurons that send them: ``(polarities, rows, columns)`` of a camera, or ``(n,)``.
    n_samples : int
    sample : (n_events,) int array
    neuron : (n_events,) int array
        Number as channel, row, column.
    time : (n_events,) float array
        Seconds from the begin of the sample.
    length : float or None
        Seconds that a sample lasts; None: until its last event.

    Raises
    ------
    StimulusError
        If the arrays differ in length, or an event lies outside samples, neurons or time.
    """

    shape: tuple[int, ...]
    n_samples: int
    sample: np.ndarray
    neuron: np.ndarray
    time: np.ndarray
    length: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if not self.shape or min(self.shape) < 1 or self.n_samples < 1:
            raise StimulusError(
                f"events: shape {self.shape} of {self.n_samples} sample(s); there must be at least one "
                "neuron and one sample"
            )
        for name, kind in (("sample", np.int64), ("neuron", np.int64), ("time", np.float64)):
            object.__setattr__(self, name, _column(name, getattr(self, name), kind))
        if not len(self.sample) == len(self.neuron) == len(self.time):
            raise StimulusError(
                f"events: {len(self.sample)} samples, {len(self.neuron)} neurons and {len(self.time)} "
                "times; every event has one of each"
            )
        self._check("sample", self.sample, self.n_samples)
        self._check("neuron", self.neuron, self.size)
        if self.length is not None and not 0 < self.length < float("inf"):
            raise StimulusError(f"events: length is {self.length}; give seconds, or None")
        if self.time.size and not (self.time.min() >= 0 and np.isfinite(self.time).all()):
            raise StimulusError("events: times must be finite and not negative, in seconds")

    def _check(self, name: str, values: np.ndarray, end: int) -> None:
        if values.size and not 0 <= values.min() <= values.max() < end:
            raise StimulusError(
                f"events: {name} reaches from {values.min()} to {values.max()}; it must be from 0 to {end - 1}"
            )

    @property
    def size(self) -> int:
        """Neurons that send events."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, samples: Any) -> "Events":
        """The events of some samples, which are then numbered from 0."""
        chosen = np.atleast_1d(np.arange(self.n_samples)[samples])
        place = np.full(self.n_samples, -1)
        place[chosen] = np.arange(len(chosen))
        here = place[self.sample] >= 0
        return Events(
            shape=self.shape,
            n_samples=len(chosen),
            sample=place[self.sample[here]],
            neuron=self.neuron[here],
            time=self.time[here],
            length=self.length,
        )

    @classmethod
    def of(cls, samples: Sequence[tuple[Any, Any]], shape: Sequence[int]) -> "Events":
        """Of one ``(times, addresses)`` for every sample: seconds (n,), and (n,) numbers of neurons or
        (n, 3) channels, rows and columns.
        """
        numbers, times = [], []
        for place, (time, address) in enumerate(samples):
            address = np.asarray(address)
            if address.ndim == 2:
                address = _numbered(place, address, tuple(shape))
            numbers.append(address.ravel())
            times.append(np.asarray(time, dtype=float).ravel())
        counts = [len(time) for time in times]
        return cls(
            shape=tuple(shape),
            n_samples=len(samples),
            sample=np.repeat(np.arange(len(samples)), counts),
            neuron=np.concatenate([np.zeros(0, int), *numbers]),
            time=np.concatenate([np.zeros(0), *times]),
        )

    @classmethod
    def from_frames(cls, frames: np.ndarray, dt: float) -> "Events":
        """Of (n_samples, n_steps, *shape) zeros and ones, steps of ``dt`` seconds."""
        frames = np.asarray(frames)
        if frames.ndim < 3 or not np.isin(frames, (0, 1)).all():
            raise StimulusError(
                f"frames of shape {frames.shape} are no events; give (n_samples, n_steps, *shape) of "
                'zeros and ones, or use encoder="frames" for other values'
            )
        flat = frames.reshape(*frames.shape[:2], -1)
        sample, step, neuron = np.nonzero(flat)
        shape = frames.shape[2:]
        return cls(
            shape=shape,
            n_samples=len(frames),
            sample=sample,
            neuron=neuron,
            time=step * float(dt),
            length=frames.shape[1] * float(dt),
        )

    def save(self, path: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write an ``.npz`` file with the attributes as arrays, for :meth:`load` and ``bioconv run --input``.

        Raises
        ------
        DataError
            If the file is there already, or cannot be written.
        """
        names = _STORED if self.length is None else (*_STORED, "length")
        stored: dict[str, Any] = {name: getattr(self, name) for name in names}
        try:
            with Path(path).open("wb" if overwrite else "xb") as file:
                np.savez_compressed(file, **stored)
        except FileExistsError as error:
            raise DataError(f"{path} exists; pass overwrite=True or choose another name") from error
        except OSError as error:
            raise DataError(f"cannot write {path}: {error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Events":
        """Events of a file that :meth:`save` wrote, or of any ``.npz`` file with the attributes as arrays.

        Raises
        ------
        MissingDataError
            If there is no such file.
        DataError
            If it is damaged or lacks an array.
        StimulusError
            As when the events are made.
        """
        with _opened(path, NpzFile) as file:
            missing = [name for name in _STORED if name not in file.files]
            if missing:
                raise DataError(
                    f"{path} has no {', '.join(missing)}; a file of events has {', '.join(_STORED)}, and length where "
                    "samples last longer than their events"
                )
            names = [name for name in (*_STORED, "length") if name in file.files]
            stored = _read(path, lambda: {name: file[name] for name in names})
        numbers = _read(path, lambda: _numbers(stored))
        try:
            return cls(**{**stored, **numbers})
        except StimulusError as error:
            raise StimulusError(f"{path}: {error}") from error

    def steps(self, dt: float) -> np.ndarray:
        """(n_events,) step of ``dt`` seconds into which every event falls."""
        return np.floor(self.time / float(dt) + _ROUNDING).astype(np.int64)

    def duration(self, dt: float) -> int:
        """Steps that a sample lasts, at least one."""
        if self.length is not None:
            return max(1, round(self.length / float(dt)))
        return int(self.steps(dt).max(initial=0)) + 1

    def frames(self, dt: float, n_steps: int | None = None) -> np.ndarray:
        """(n_samples, n_steps, *shape) numbers of events in every step of ``dt`` seconds."""
        n_steps = self.duration(dt) if n_steps is None else n_steps
        steps = self.steps(dt)
        here = steps < n_steps
        counts = np.zeros((self.n_samples, n_steps, self.size))
        np.add.at(counts, (self.sample[here], steps[here], self.neuron[here]), 1)
        return counts.reshape(self.n_samples, n_steps, *self.shape)


def load_samples(path: str | os.PathLike) -> "np.ndarray | Events":
    """Samples as ``model.run`` takes them: images or frames of an ``.npy`` file, events of an ``.npz`` file.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataError
        If it is of another kind, damaged, or holds pickled objects.
    StimulusError
        If the events are wrong.
    """
    if Path(path).suffix == ".npz":
        return Events.load(path)
    if Path(path).suffix != ".npy":
        raise DataError(
            f"cannot read samples from {path}: give an .npy file of images or frames, or an .npz file of events "
            "(bioconv.Events.save)"
        )
    samples = _opened(path, np.ndarray)
    if samples.ndim < 2 or samples.dtype.kind not in "biuf":
        raise DataError(
            f"{path} holds an array of shape {samples.shape} and type {samples.dtype}; samples are numbers, "
            "(n_samples, *shape) or (n_samples, n_steps, *shape)"
        )
    return samples


def _opened(path: str | os.PathLike, kind: type) -> Any:
    if not Path(path).is_file():
        raise MissingDataError(f"{path}: no such file")
    found = _read(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    if not isinstance(found, kind):
        raise DataError(f"{path} does not hold what its ending says, but {type(found).__name__}")
    return found


def _read(path: str | os.PathLike, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except DAMAGED_ARRAYS as error:
        raise DataError(f"{path} is damaged or holds no plain arrays: {error}") from error


def _numbers(stored: dict[str, np.ndarray]) -> dict[str, Any]:
    """The attributes that are no columns, from arrays."""
    length = stored["length"].item() if "length" in stored else None
    return {
        "shape": tuple(int(n) for n in np.ravel(stored["shape"])),
        "n_samples": int(stored["n_samples"].item()),
        "length": None if length is None else float(length),
    }


def _column(name: str, values: Any, kind: Any) -> np.ndarray:
    try:
        array = np.array(values)
        whole = array.size == 0 or kind is np.float64 or array.dtype.kind in "iu"
        array = array.astype(kind)
    except (TypeError, ValueError, OverflowError) as error:
        raise StimulusError(f"events: {name} is no array of numbers: {error}") from None
    if array.ndim != 1 or not whole:
        raise StimulusError(
            f"events: {name} has shape {array.shape} and type {np.asarray(values).dtype}; give one number for "
            "every event, whole ones for samples and neurons"
        )
    array.flags.writeable = False
    return array


def _numbered(sample: int, address: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if address.shape[1] != len(shape):
        raise StimulusError(
            f"events of sample {sample}: addresses have {address.shape[1]} columns, the shape {shape} "
            f"needs {len(shape)}"
        )
    try:
        return np.ravel_multi_index(tuple(address.T), shape)
    except (ValueError, TypeError) as error:
        raise StimulusError(
            f"events of sample {sample}: addresses leave the shape {shape}: {error}"
        ) from None
