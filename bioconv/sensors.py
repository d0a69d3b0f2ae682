"""Event cameras: their recordings as :class:`bioconv.Events`, and a simulated one for images.

A pixel sends an event when its brightness has changed by a certain ratio: one of polarity 0 where it became
darker, 1 where it became brighter. The neurons are (2, rows, columns).
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import DataError, MissingDataError, StimulusError
from bioconv.events import Events

#: Sides of the N-MNIST camera, and the row that says the clock has turned over.
NMNIST = (2, 34, 34)
_TURNED, _TURN = 240, 2**13
#: Where the camera looks in the three saccades, in parts of their size; the last leads back.
TRIANGLE = ((0.0, 0.0), (1.0, 0.5), (0.0, 1.0), (0.0, 0.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """Labelled recordings of an event camera.

    Attributes
    ----------
    events : Events
    labels : (n,) int array
    """

    events: Events
    labels: np.ndarray


def read_bin(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Events of a ``.bin`` file of N-MNIST or N-Caltech101.

    Five bytes an event: column, row, and three bytes of which the first bit is the polarity and the
    rest microseconds. An event in row 240 says that the clock has turned over.

    Returns
    -------
    times : (n,) seconds
    addresses : (n, 3) polarity, row, column

    Raises
    ------
    DataError
        If the file cannot be read or is cut off.

    References
    ----------
    Orchard, Jayawant, Cohen & Thakor (2015), Front. Neurosci. 9:437.
    """
    try:
        raw = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}") from None
    if raw.size % 5:
        raise DataError(
            f"{path} has {raw.size} bytes, no multiple of the 5 of an event; is it cut off?"
        )
    column, row, high, middle, low = raw.reshape(-1, 5).T.astype(np.int64)
    turned = row == _TURNED
    time = ((high & 127) << 16 | middle << 8 | low) + _TURN * np.cumsum(turned)
    address = np.stack([high >> 7, row, column], axis=1)
    return time[~turned] * 1e-6, address[~turned]


def nmnist(folder: str | os.PathLike, split: str = "test", samples: int | None = None) -> Recording:
    """N-MNIST from its unpacked archives: ``<folder>/Test/0/00001.bin`` and so on.

    Parameters
    ----------
    split : {"train", "test"}
    samples : int, optional
        So many of the first, class after class in turn; all unless given.

    Raises
    ------
    MissingDataError
        If there is no such folder, or nothing in it.
    DataError
        If a file is damaged.
    """
    if split not in ("train", "test"):
        raise DataError(f'split is {split!r}; choose "train" or "test"')
    place = Path(folder) / split.capitalize()
    by_class = [sorted(place.glob(f"{digit}/*.bin")) for digit in range(10)]
    longest = max(map(len, by_class))
    if longest == 0:
        raise MissingDataError(
            f"no N-MNIST in {place}; unpack {split.capitalize()}.zip of "
            "https://www.garrickorchard.com/datasets/n-mnist there"
        )
    turns = (
        (files[n], digit)
        for n in range(longest)
        for digit, files in enumerate(by_class)
        if n < len(files)
    )
    chosen = list(islice(turns, samples))
    events = [_of_camera(path, *read_bin(path)) for path, _ in chosen]
    labels = np.array([digit for _, digit in chosen])
    return Recording(events=Events.of(events, NMNIST), labels=labels)


def _of_camera(path: Path, times: np.ndarray, addresses: np.ndarray) -> tuple:
    if addresses.size and (addresses.max(axis=0) >= NMNIST).any():
        raise DataError(f"{path}: an event at {addresses.max(axis=0)} lies outside {NMNIST}")
    return times, addresses


def from_tonic(
    dataset: Iterable[Any], sensor_size: Sequence[int], samples: int | None = None
) -> Recording:
    """Recordings of a dataset of the library ``tonic``, without transforms.

    Parameters
    ----------
    dataset : iterable of (events, label)
        Events with the fields ``x``, ``y``, ``p`` and ``t`` in microseconds.
    sensor_size : (columns, rows, polarities)
        As ``dataset.sensor_size``.

    Raises
    ------
    DataError
        If a field is missing.
    """
    columns, rows, polarities = (int(n) for n in sensor_size)
    events, labels = [], []
    for place, (one, label) in enumerate(islice(dataset, samples)):
        names = getattr(getattr(one, "dtype", None), "names", None) or ()
        missing = {"x", "y", "p", "t"} - set(names)
        if missing:
            raise DataError(
                f"sample {place} has no fields {sorted(missing)}; give a tonic dataset without transforms"
            )
        address = np.stack([one["p"].astype(int), one["y"], one["x"]], axis=1)
        events.append((one["t"] * 1e-6, address))
        labels.append(int(label))
    return Recording(events=Events.of(events, (polarities, rows, columns)), labels=np.array(labels))


def saccades(
    images: np.ndarray,
    *,
    duration: float = 0.3,
    dt: float = 1e-3,
    size: float = 3.0,
    contrast: float = 0.3,
    darkest: float = 0.1,
) -> Events:
    """What an ideal event camera sends while it looks at images and moves along a triangle.

    A simulation for tests and examples, without noise, latency or refractory time of real pixels. A pixel
    remembers the logarithm of its brightness at its last event, and sends one for every ``contrast``
    by which it has changed since.

    Parameters
    ----------
    images : (n, rows, columns) or (n, 1, rows, columns) array
        From 0 to 1.
    duration : float
        Seconds that the three movements take together.
    dt : float
        Seconds of a step.
    size : float
        Pixels of a movement.
    contrast : float
        Change of the logarithm of brightness that is an event.
    darkest : float
        Brightness that is added to every pixel.

    Returns
    -------
    Events
        Of (2, rows, columns) neurons.

    Raises
    ------
    StimulusError
        If the images have another shape or range, or an option is not positive.

    References
    ----------
    Orchard, Jayawant, Cohen & Thakor (2015), Front. Neurosci. 9:437, the movements.
    """
    maps = _checked_maps(images)
    for name, value in {"duration": duration, "dt": dt, "size": size, "contrast": contrast, "darkest": darkest}.items():  # fmt: skip
        if not 0 < value < float("inf"):
            raise StimulusError(f"saccades: {name} is {value!r}; give a positive number")
    steps = max(1, round(duration / dt))
    path = size * _along(np.arange(1, steps + 1) / steps)
    memory = np.log(darkest + maps)
    found: list[tuple[np.ndarray, ...]] = []
    for step, shift in enumerate(path):
        change = np.log(darkest + _moved(maps, *shift)) - memory
        number = np.trunc(change / contrast)
        memory = memory + number * contrast
        sample, row, column = np.nonzero(number)
        times = np.abs(number[sample, row, column]).astype(int)
        polarity = (number[sample, row, column] > 0).astype(int)
        neuron = np.ravel_multi_index((polarity, row, column), (2, *maps.shape[1:]))
        found.append(
            (np.repeat(sample, times), np.repeat(neuron, times), np.full(times.sum(), step * dt))
        )
    samples, neurons, when = (np.concatenate(column) for column in zip(*found, strict=True))
    return Events(
        shape=(2, *maps.shape[1:]),
        n_samples=len(maps),
        sample=samples,
        neuron=neurons,
        time=when,
        length=steps * dt,
    )


def _checked_maps(images: np.ndarray) -> np.ndarray:
    maps = np.asarray(images, dtype=float)
    if maps.ndim == 4 and maps.shape[1] == 1:
        maps = maps[:, 0]
    if maps.ndim != 3 or maps.size == 0:
        raise StimulusError(
            f"saccades: images have shape {maps.shape}; give (n, rows, columns) or (n, 1, rows, columns)"
        )
    if not (np.isfinite(maps).all() and maps.min() >= 0 and maps.max() <= 1):
        raise StimulusError("saccades: images must be finite and from 0 to 1")
    return maps


def _along(part: np.ndarray) -> np.ndarray:
    """(n, 2) places of the triangle after parts of the way, in its own size."""
    corners = np.array(TRIANGLE)
    return np.stack(
        [np.interp(part * (len(corners) - 1), np.arange(len(corners)), axis) for axis in corners.T],
        axis=1,
    )


def _moved(maps: np.ndarray, down: float, right: float) -> np.ndarray:
    """Images moved by parts of a pixel, linear between pixels, black beyond their borders."""
    rows, columns = int(np.floor(down)), int(np.floor(right))
    room = np.pad(maps, ((0, 0), (rows + 1, 0), (columns + 1, 0)))
    height, width = maps.shape[1:]
    a, b = down - rows, right - columns
    whole = {
        (r, c): room[:, 1 - r : 1 - r + height, 1 - c : 1 - c + width]
        for r in (0, 1)
        for c in (0, 1)
    }
    return (
        (1 - a) * (1 - b) * whole[0, 0]
        + a * (1 - b) * whole[1, 0]
        + (1 - a) * b * whole[0, 1]
        + a * b * whole[1, 1]
    )
