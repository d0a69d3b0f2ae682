"""Writing and opening HDF5 files safely: whole or not at all, and never something else."""

import faulthandler
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np

from bioconv.errors import BioconvError

if sys.platform == "linux":
    import resource

#: What h5py and those who read with it raise on damaged files.
_DAMAGE = (
    OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, MemoryError, OverflowError,
)  # fmt: skip


@contextmanager
def written(
    path: str | os.PathLike, error: type[BioconvError], overwrite: bool
) -> Iterator[h5py.File]:
    """A new HDF5 file that takes its name only when it is complete.

    Raises
    ------
    error
        If the file exists and ``overwrite`` is false, or cannot be written (folder, disk).
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise error(f"{path} exists; choose another name or pass overwrite=True")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        os.close(handle)
    except OSError as problem:
        raise error(f"cannot write {path}: {problem.strerror or problem}") from problem
    try:
        with h5py.File(name, "w") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except (OSError, RuntimeError) as problem:
        raise error(f"cannot write {path}: {problem}. Is the disk full?") from problem
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def opened(
    path: str | os.PathLike, error: type[BioconvError], kind: str, version: int
) -> Iterator[h5py.File]:
    """An HDF5 file whose attribute ``format`` is ``kind`` and ``version`` at most ``version``.

    Raises
    ------
    error
        If the file is missing, is no HDF5 file, is damaged, or is of another kind.
    """
    if not Path(path).is_file():
        raise error(f"{path}: no such file")
    _check_harmless(Path(path), error)
    try:
        with h5py.File(path, "r") as file:
            found = file.attrs.get("format")
            if found != kind:
                raise error(f"{path} is an HDF5 file, not one of kind {kind!r} (found {found!r})")
            if int(file.attrs.get("version", 0)) > version:
                raise error(
                    f"{path} has version {file.attrs['version']} of {kind!r}; this bioconv reads "
                    f"up to {version}. Update bioconv"
                )
            yield file
    except BioconvError:
        raise
    except _DAMAGE as problem:
        raise error(f"{path} is damaged or is not an HDF5 file: {problem}") from problem


def fill(group: h5py.Group, content: Mapping[str, Any]) -> None:
    """Write nested dicts as groups, arrays as compressed data sets, and texts; pairs of texts as an array of them."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            fill(group.create_group(name), value)
        elif isinstance(value, np.ndarray) and value.size > 1:
            group.create_dataset(name, data=value, compression="gzip", shuffle=True)
        else:
            texts = isinstance(value, (str, list))
            group.create_dataset(name, data=value, dtype=h5py.string_dtype() if texts else None)


#: Groups in groups, objects in a file, and bytes that a byte of a file may stand for (deflate packs a thousand).
_DEPTH, _OBJECTS, _PACKED = 32, 100_000, 1100
#: Filters that need no plugin: deflate, shuffle, checksum, szip, lzf.
_FILTERS = {1, 2, 3, 4, 32000}


def tree(path: str | os.PathLike, error: type[BioconvError]) -> dict[str, Any]:
    """All of a foreign HDF5 file: groups as dicts, data sets as arrays, texts as str.

    Nothing outside the file is read and nothing is executed: links to other files, external and virtual data
    sets and unknown filters are refused, as are groups that contain each other and data sets
    larger than the file can hold.

    Raises
    ------
    error
        If the file is missing, is no HDF5 file, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise error(f"{path}: no such file")
    try:
        with path.open("rb") as raw, mmap(raw.fileno(), 0, access=ACCESS_READ) as content:
            _check_heaps(content, error)
            _check_harmless(path, error)
            with h5py.File(path, "r") as file:
                budget = _Budget(error=error, content=content, bytes=_PACKED * len(content))
                return _group(file, "", (), budget)
    except BioconvError as problem:
        raise error(f"{path}: {problem}") from None
    except Exception as problem:  # whatever h5py makes of a damaged file
        raise error(f"{path} is damaged or is not an HDF5 file: {problem}") from None


def _check_heaps(content: Any, error: type[BioconvError]) -> None:
    """Refuse broken heaps of texts, in which the HDF5 library would search for ever.

    A global heap collection is ``GCOL``, a version (1), its size, and objects of a number, a count, their size and
    their bytes, padded to eight; number 0 is the free rest, whose size counts its own head.
    """
    at = content.find(b"GCOL")
    while at >= 0:
        end = at + int.from_bytes(content[at + 8 : at + 16], "little")
        if content[at + 4 : at + 5] == b"\1":
            place = at + 16
            while place + 16 <= end <= len(content):
                number = int.from_bytes(content[place : place + 2], "little")
                size = int.from_bytes(content[place + 8 : place + 16], "little")
                step = 16 + (size + 7) // 8 * 8 if number else size
                if not 0 < step <= end - place:
                    raise error("a heap of texts is damaged")
                place += step
            if end > len(content) or end < at + 16:
                raise error("a heap of texts is damaged")
        at = content.find(b"GCOL", at + 4)


@dataclass
class _Budget:
    """What may still be read."""

    error: type[BioconvError]
    content: Any
    bytes: int
    objects: int = _OBJECTS

    def spend(self, name: str, n: int) -> None:
        self.bytes -= n
        self.objects -= 1
        if self.bytes < 0 or self.objects < 0:
            raise self.error(f"{name} is larger than the file can hold; is the file damaged?")


def _group(group: h5py.Group, name: str, above: tuple[int, ...], budget: _Budget) -> dict[str, Any]:
    address = h5py.h5o.get_info(group.id).addr
    if address in above or len(above) > _DEPTH:
        raise budget.error(f"group {name or '/'} contains itself, or is nested too deeply")
    found: dict[str, Any] = {}
    for key in group:
        inner = f"{name}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise budget.error(f"{inner} is a link to another place; store the data itself")
        item = group[key]
        budget.spend(inner, 0)
        if isinstance(item, h5py.Group):
            found[key] = _group(item, inner, (*above, address), budget)
        elif isinstance(item, h5py.Dataset):
            found[key] = _values(item, inner, budget)
        else:
            raise budget.error(f"{inner} is neither a group nor a data set")
    return found


def _values(item: h5py.Dataset, name: str, budget: _Budget) -> Any:
    settings = item.id.get_create_plist()
    filters = {settings.get_filter(n)[0] for n in range(settings.get_nfilters())}
    if item.is_virtual or settings.get_external_count() or filters - _FILTERS:
        raise budget.error(f"{name} is stored elsewhere or with unknown filters")
    if item.shape is None:
        raise budget.error(f"{name} is empty")
    text = h5py.check_string_dtype(item.dtype)
    if text is not None and text.length is None:
        _check_texts(item, name, budget)
    if text is None and item.dtype.kind not in "biuf":
        raise budget.error(f"{name} holds {item.dtype}; numbers and texts can be read")
    size = item.dtype.itemsize
    budget.spend(name, size * max(prod(item.shape), prod(item.chunks or (0,))))
    return item[()] if text is None else item.asstr()[()]


def _check_texts(item: h5py.Dataset, name: str, budget: _Budget) -> None:
    """Texts of any length stand elsewhere, and here how long they are: HDF5 takes that much memory without a look.

    An entry has 16 bytes: length, place of a heap (8), number there.
    """
    start = item.id.get_offset()
    if start is None:
        raise budget.error(f"{name} stores texts in chunks or not at all; write them as they are")
    entries = budget.content[start : start + 16 * prod(item.shape)]
    if len(entries) < 16 * prod(item.shape):
        raise budget.error(f"{name} ends beyond the file")
    lengths = np.frombuffer(entries, "<u4")[::4]
    budget.spend(name, int(lengths.sum(dtype=np.int64)) * _PACKED)


#: A data set above this size must not be larger than so many times what is stored of it.
_LARGE, _RATIO = 2**26, 100


@contextmanager
def foreign(source: Any, error: type[BioconvError], name: str) -> Iterator[h5py.File]:
    """An HDF5 file of another program: a path, or the file's content as a binary stream.

    Raises
    ------
    error
        If it is missing, is no HDF5 file, or is damaged.
    """
    if isinstance(source, (str, os.PathLike)) and not Path(source).is_file():
        raise error(f"{name}: no such file")
    if isinstance(source, (str, os.PathLike)):
        _check_harmless(Path(source), error)
    else:
        with tempfile.NamedTemporaryFile() as copy:
            copy.write(source.read())
            copy.flush()
            source.seek(0)
            _check_harmless(Path(copy.name), error)
    try:
        with h5py.File(source, "r") as file:
            yield file
    except BioconvError:
        raise
    except _DAMAGE as problem:
        raise error(f"{name} is damaged or is not an HDF5 file: {problem}") from problem


def member(group: Any, path: str, error: type[BioconvError]) -> Any:
    """What stands at ``path`` in a foreign file itself; links to elsewhere are not followed.

    Raises
    ------
    error
        If there is nothing, or a link leads out.
    """
    for part in path.strip("/").split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise error(f"{path!r} is missing in the file")
        if not isinstance(link, h5py.HardLink):
            raise error(f"{path!r} is a link to elsewhere, which is not followed")
        group = group[part]
    return group


def numbers(dataset: Any, error: type[BioconvError]) -> np.ndarray:
    """The numbers of a foreign data set.

    Raises
    ------
    error
        If it holds no numbers, stands in another file, or declares far more than it stores.
    """
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
        raise error(f"{getattr(dataset, 'name', dataset)!r} is no array of numbers")
    if dataset.is_virtual or dataset.external:
        raise error(f"{dataset.name!r} stands in another file, which is not opened")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > _LARGE and dataset.nbytes > _RATIO * stored:
        raise error(f"{dataset.name!r} declares {dataset.nbytes} bytes and stores {stored}")
    return dataset[()]


#: Seconds of computing that a small file may take, bytes for which there is one more, and bytes of memory.
_PATIENCE, _SPEED, _ROOM = 0.5, 2e7, 2**30
#: Seconds that it may take beside them, on a machine that has other things to do.
_WAIT = 60


def _check_harmless(path: Path, error: type[BioconvError]) -> None:
    """Have a child process read the file first: the HDF5 library can loop or crash on damaged ones.

    Only Linux has the cheap copy of a process that this needs; elsewhere nothing is checked.
    """
    if sys.platform != "linux":
        return
    seconds = _PATIENCE + path.stat().st_size / _SPEED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads do not matter here
        child = os.fork()
    if child == 0:
        _read_all(path, seconds)
    end, wait = time.monotonic() + seconds + _WAIT, 1e-4
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGPROF)
        time.sleep(wait)
        wait = min(2 * wait, 0.01)
    if os.WIFSIGNALED(status):
        endless = os.WTERMSIG(status) == signal.SIGPROF
        how = "does not come to an end" if endless else "crashes the HDF5 library"
        raise error(f"{path} is damaged: reading it {how}")


def _read_all(path: Path, seconds: float) -> NoReturn:
    """Read every value of a file, whatever it says, and end the process."""
    try:
        faulthandler.disable()
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, resource.RLIM_INFINITY))
        with h5py.File(path, "r") as file:
            for item in _items(file):
                for name in item.attrs:
                    item.attrs.get(name)
                if (
                    isinstance(item, h5py.Dataset)
                    and item.size
                    and item.nbytes <= _PACKED * path.stat().st_size
                ):
                    item[()]
    except BaseException:  # the parent finds out by itself
        pass
    finally:
        os._exit(0)


def _items(group: h5py.Group, depth: int = 0) -> Iterator[Any]:
    yield group
    for key in group if depth <= _DEPTH else ():
        if isinstance(group.get(key, getlink=True), h5py.HardLink):
            item = group[key]
            if isinstance(item, h5py.Group):
                yield from _items(item, depth + 1)
            else:
                yield item
