"""Writing and opening HDF5 files safely: whole or not at all, and never something else."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from bioconv.errors import BioconvError


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
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as problem:
        raise error(f"{path} is damaged or is not an HDF5 file: {problem}") from problem
