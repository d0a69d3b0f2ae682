"""Pictures of digits and clothes as plain arrays: read, checked, and fetched on request.

============= ======================= =========================================
name          image                   where it comes from
============= ======================= =========================================
digits        1 x 8 x 8, 17 levels    with bioconv, no download
mnist         1 x 28 x 28, 256 levels four IDX files in ``<folder>/mnist``
fashion-mnist 1 x 28 x 28, 256 levels four IDX files in ``<folder>/fashion-mnist``
============= ======================= =========================================

``<folder>`` is the argument ``folder``, else the environment variable ``BIOCONV_DATA``, else
``bioconv/data`` in the user's cache (``$XDG_CACHE_HOME`` or ``~/.cache``). :func:`load` reads
and never downloads; :func:`download` is asked for by name.
"""

import gzip
import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from importlib import resources
from numbers import Integral
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO
from urllib.request import urlopen

import numpy as np
from tqdm import tqdm

from bioconv.errors import DataError, MissingDataError

VARIABLE = "BIOCONV_DATA"
SPLITS = {"train": "train", "test": "t10k"}  # the split, and how its IDX files begin
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
DEFLATE_RATIO = 1032  # no deflate stream grows by more than this
CHUNK = 1 << 20
LARGEST_FILE = 1 << 26  # bytes; no file listed below comes near it, packed or unpacked
TIMEOUT = 30.0  # seconds without a byte
CLASSES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled images of one split of a data set; the arrays are read-only.

    Attributes
    ----------
    name : str
    split : str
        ``"train"`` or ``"test"``.
    images : (n, channels, rows, columns) float32 array in [0, 1]
    labels : (n,) int64 array

    Raises
    ------
    DataError
        If ``images`` has not four axes, or ``labels`` not one label an image.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        images = _frozen(np.asarray(self.images, np.float32))
        labels = _frozen(np.asarray(self.labels, np.int64))
        if images.ndim != 4 or labels.shape != images.shape[:1]:
            raise DataError(
                f"{self.name} ({self.split}): images have shape {images.shape}, labels "
                f"{labels.shape}; they need (n, channels, rows, columns) and (n,)"
            )
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        size = " x ".join(str(n) for n in self.images.shape[1:])
        return f"Dataset: {self.name} ({self.split}), {len(self)} images of {size}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the IDX files of a data set lie on the network, and what they must contain.

    Attributes
    ----------
    url : str
        Folder of the ``.gz`` files, with the last slash.
    sha256 : mapping, file name without ``.gz`` -> hexadecimal digest
        Of the *unpacked* bytes: servers pack the same content in different ways.
    """

    url: str
    sha256: dict[str, str]


SOURCES = {
    "mnist": Source(
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        sha256={
            "train-images-idx3-ubyte": (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
            ),
            "train-labels-idx1-ubyte": (
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
            ),
            "t10k-images-idx3-ubyte": (
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
            ),
            "t10k-labels-idx1-ubyte": (
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
            ),
        },
    ),
    "fashion-mnist": Source(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        sha256={
            "train-images-idx3-ubyte": (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
            ),
            "train-labels-idx1-ubyte": (
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
            ),
            "t10k-images-idx3-ubyte": (
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
            ),
            "t10k-labels-idx1-ubyte": (
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
            ),
        },
    ),
}


def names() -> tuple[str, ...]:
    """The names that :func:`load` knows."""
    return ("digits", *SOURCES)


def load(
    name: str,
    split: str = "test",
    *,
    folder: str | os.PathLike | None = None,
    samples: int | None = None,
) -> Dataset:
    """The first ``samples`` images of a split, or all of them. Reads files, downloads nothing.

    Parameters
    ----------
    name : str
        One of :func:`names`; an underscore counts as a hyphen.
    split : str
        ``"train"`` or ``"test"``.
    folder : path, optional
        Holds ``mnist/`` and ``fashion-mnist/``; see the top of this module. The digits come
        with bioconv and need none.
    samples : int, optional
        At least 1, at most what the split has.

    Raises
    ------
    DataError
        If the name or the split is unknown, ``samples`` is out of range, or a file is damaged.
    MissingDataError
        If a file is not there; the message says how to get it.
    """
    name = _known(name, names())
    if split not in SPLITS:
        raise DataError(f"{name}: no split {split!r}; choose one of: {', '.join(SPLITS)}")
    if name == "digits":
        images, labels, white = *_digits(split), 16
    else:
        images, labels, white = *_idx_split(name, split, data_folder(folder)), 255
    n = _sample_count(samples, len(labels), f"{name} ({split})")
    return Dataset(
        name=name,
        split=split,
        images=np.divide(images[:n, None], np.float32(white), dtype=np.float32),
        labels=labels[:n],
    )


def download(name: str, folder: str | os.PathLike | None = None, *, progress: bool = True) -> Path:
    """Fetch the files of a data set that are missing or damaged; return their folder.

    A file appears under its name only when it is complete and its content has the right
    SHA-256; files that already have it are left alone.

    Raises
    ------
    MissingDataError
        If the network or the server fails.
    DataError
        If the name has no download, what came is not the data set, or the folder cannot be
        written.
    """
    name = _known(name, tuple(SOURCES))
    source, here = SOURCES[name], data_folder(folder) / name
    for stem, digest in source.sha256.items():
        if not _is_intact(_present(here, stem), digest):
            _fetch(source.url + stem + ".gz", here / f"{stem}.gz", digest, progress)
    return here


def data_folder(folder: str | os.PathLike | None = None) -> Path:
    """The argument, else ``BIOCONV_DATA``, else the user's cache: see the top of this module."""
    chosen = folder or os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "bioconv" / "data"


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The array of an IDX file, plain or packed with gzip, in the machine's byte order.

    An IDX file is two zero bytes, one byte for the type, one for the number of axes, their
    lengths as big-endian uint32, then the elements, the last axis fastest. No more memory is
    taken than the file can fill, whatever its header claims.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataError
        If the file is no IDX file, or is damaged, too short or too long.
    """
    path = Path(path)
    with _opened(path) as (stream, most):
        dtype, shape = _idx_header(stream, path)
        size = math.prod(shape) * dtype.itemsize
        if size > most:
            raise DataError(
                f"{path}: the header promises shape {shape}, {size} bytes; a file of "
                f"{path.stat().st_size} bytes cannot hold more than {most}. It is damaged or "
                "truncated: get a new copy"
            )
        content = _at_most(stream, size + 1)
    if len(content) != size:
        found = f"only {len(content)} bytes follow" if len(content) < size else "more follow"
        raise DataError(
            f"{path}: the header promises shape {shape}, {size} bytes; {found}. "
            "The file is damaged: get a new copy"
        )
    try:
        array = np.ndarray(shape, dtype, content)
    except ValueError as problem:
        raise DataError(f"{path}: no array can have shape {shape}: {problem}") from problem
    return array.astype(dtype.newbyteorder("="), copy=False)


def _frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _known(name: Any, choices: tuple[str, ...]) -> str:
    wanted = str(name).lower().replace("_", "-")
    if wanted in choices:
        return wanted
    if wanted in names():
        raise DataError(f"{wanted} comes with bioconv; only {', '.join(choices)} are downloaded")
    raise DataError(f"no data set {name!r}; choose one of: {', '.join(choices)}")


def _sample_count(samples: int | None, available: int, where: str) -> int:
    if samples is None:
        return available
    whole = isinstance(samples, Integral) and not isinstance(samples, bool)
    if not whole or not 1 <= samples <= available:
        raise DataError(
            f"{where}: samples={samples!r}, it has {available}; give a whole number from 1 to "
            f"{available}, or None for all"
        )
    return int(samples)


def _digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8, 8) and (n,) uint8 arrays; the images count from 0 to 16."""
    file = resources.files("bioconv").joinpath("data", "digits.npz")
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return arrays[f"{split}_images"], arrays[f"{split}_labels"]
    except FileNotFoundError as problem:
        raise MissingDataError(f"{file} comes with bioconv and is gone: reinstall it") from problem
    except (OSError, EOFError, KeyError, ValueError, zlib.error, zipfile.BadZipFile) as problem:
        raise DataError(f"{file} is damaged ({problem}): reinstall bioconv") from problem


def _idx_split(name: str, split: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n, 28, 28) and (n,) uint8 arrays of an MNIST-like data set."""
    start = SPLITS[split]
    image_file = _needed(name, folder, f"{start}-images-idx3-ubyte")
    label_file = _needed(name, folder, f"{start}-labels-idx1-ubyte")
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not len(images):
        raise DataError(
            f"{image_file}: {images.dtype} of shape {images.shape}, {name} needs uint8 of "
            "(n, 28, 28), n at least 1. Is it another data set's file?"
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise DataError(
            f"{label_file}: {labels.dtype} of shape {labels.shape}, {len(images)} images need "
            f"uint8 of ({len(images)},). Do both files belong to the same split?"
        )
    if labels.max() >= CLASSES:
        raise DataError(
            f"{label_file}: label {labels.max()}, {name} has 0 to {CLASSES - 1}. "
            "Is it another data set's file?"
        )
    return images, labels


def _present(folder: Path, stem: str) -> Path | None:
    """The file ``stem.gz``, or else ``stem``, or else ``None``."""
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    return None


def _needed(name: str, folder: Path, stem: str) -> Path:
    path = _present(folder / name, stem)
    if path is None:
        raise MissingDataError(
            f"{name}: no {stem}.gz (or {stem}) in {folder / name}. Fetch it with "
            f"'bioconv data {name}', or set {VARIABLE} to the folder that holds {name}/"
        )
    return path


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The unpacked bytes of a file, and a bound on their number; failures as our errors."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            packed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as stream:
                    yield stream, size * DEFLATE_RATIO  # type: ignore[misc]
            else:
                yield file, size
    except FileNotFoundError as problem:
        raise MissingDataError(f"{path}: no such file") from problem
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise DataError(f"{path} is damaged gzip ({problem}): get a new copy") from problem
    except OSError as problem:
        raise DataError(f"cannot read {path}: {problem.strerror or problem}") from problem


def _idx_header(stream: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = _at_most(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or not magic[3]:
        raise DataError(
            f"{path}: begins with {magic.hex(' ') or 'nothing'}, an IDX file with 00 00, a type "
            f"({', '.join(f'{code:02x}' for code in IDX_TYPES)}) and the number of axes. "
            "Is it a web page, or another format?"
        )
    lengths = _at_most(stream, 4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise DataError(
            f"{path}: ends within the lengths of its {magic[3]} axes; {len(lengths)} of "
            f"{4 * magic[3]} bytes are there. The file is truncated: get a new copy"
        )
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    return np.dtype(IDX_TYPES[magic[2]]), shape


def _at_most(stream: BinaryIO, limit: int) -> bytearray:
    """Up to ``limit`` bytes, in pieces: memory grows with what is there, not with ``limit``."""
    content = bytearray()
    while len(content) < limit:
        piece = stream.read(min(CHUNK, limit - len(content)))
        if not piece:
            break
        content += piece
    return content


def _digest(path: Path) -> str:
    """SHA-256 of the unpacked bytes, of which there may be ``LARGEST_FILE``."""
    digest, size = hashlib.sha256(), 0
    with _opened(path) as (stream, _):
        for piece in iter(partial(stream.read, CHUNK), b""):
            size += len(piece)
            if size > LARGEST_FILE:
                raise DataError(f"{path}: more than {LARGEST_FILE} bytes unpacked, a wrong file")
            digest.update(piece)
    return digest.hexdigest()


def _is_intact(path: Path | None, digest: str) -> bool:
    try:
        return path is not None and _digest(path) == digest
    except DataError:
        return False


def _fetch(url: str, target: Path, digest: str, progress: bool) -> None:
    """One file, under its name only if it is complete and right."""
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _save(url, part, target, progress)
            _check_content(part, url, digest)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except MissingDataError:
        raise
    except OSError as problem:
        raise DataError(
            f"cannot write {target}: {problem.strerror or problem}. Name another folder, or set "
            f"{VARIABLE}"
        ) from problem


def _save(url: str, part: Path, target: Path, progress: bool) -> None:
    with open(part, "xb") as file:
        for piece in _received(url, target, progress):
            file.write(piece)
            if file.tell() > LARGEST_FILE:
                raise DataError(f"{url}: more than {LARGEST_FILE} bytes, a wrong file")


def _check_content(part: Path, url: str, digest: str) -> None:
    size = part.stat().st_size
    try:
        found = _digest(part)
    except DataError as problem:
        raise DataError(f"{url}: {size} bytes received, no use: {problem}") from problem
    if found != digest:
        raise DataError(
            f"{url}: the {size} bytes received unpack to SHA-256 {found}, expected {digest}. "
            "The download was cut short or the server's file is another one: nothing was kept"
        )


def _received(url: str, target: Path, progress: bool) -> Iterator[bytes]:
    """The body of ``url`` in pieces; whatever the network does wrong is a MissingDataError."""
    try:
        with urlopen(url, timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            with tqdm(
                desc=target.name, total=total, unit="B", unit_scale=True, disable=not progress
            ) as bar:
                for piece in iter(partial(response.read, CHUNK), b""):
                    bar.update(len(piece))
                    yield piece
    except (OSError, HTTPException) as problem:
        raise MissingDataError(
            f"{target.name} is not in {target.parent}, and {url} cannot be fetched: {problem}. "
            f"Get the file by other means and put it there, or set {VARIABLE} to the folder "
            f"that holds {target.parent.name}/"
        ) from problem
