"""Who runs the chunks of a compiled program, and where finished ones wait for the rest."""

import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import DeviceError, MissingDependencyError
from bioconv.run.program import STOP

#: Seconds after which the remains of runs that were cut off are thrown away.
AGE = 7 * 24 * 3600.0


@contextmanager
def workers(processes: int, scheduler: Any) -> Iterator[tuple[Callable[..., Any], int]]:
    """A function that submits calls, and how many go on at once.

    Threads of this process that each start programs, or a Dask cluster.

    Raises
    ------
    MissingDependencyError
        If a cluster is asked for and Dask is not installed.
    DeviceError
        If the cluster cannot be reached.
    """
    if scheduler is None:
        STOP.clear()
        pool = ThreadPoolExecutor(processes)
        try:
            yield pool.submit, processes
        except BaseException:
            STOP.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return
    client, own = _client(scheduler)
    try:
        threads = sum(client.nthreads().values())
        yield (
            lambda call, *given: client.submit(call, *given, pure=False, retries=3),
            max(1, threads),
        )
    finally:
        if own:
            client.close()


def _client(scheduler: Any) -> tuple[Any, bool]:
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise MissingDependencyError('scheduler needs Dask: pip install "bioconv[dask]"') from error
    if isinstance(scheduler, Client):
        return scheduler, False
    if not isinstance(scheduler, str):
        raise DeviceError(
            f'scheduler is {scheduler!r}; give an address such as "tcp://host:8786" or a '
            "dask.distributed.Client"
        )
    try:
        return Client(scheduler, timeout=10), True
    except (OSError, ValueError) as error:
        raise DeviceError(f"no Dask scheduler answers at {scheduler}: {error}") from error


class Kept:
    """Values of finished chunks in a folder, until the whole run is done.

    Attributes
    ----------
    folder : Path
        Shared with other processes that do the same run.
    own : Path
        A folder of this process, for what lasts as long as its run.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.own = folder.with_name(f"{folder.name}-{os.getpid()}")
        try:
            self.own.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeviceError(f"cannot write to {self.own}: {error}. Is the disk full?") from error
        for other in folder.parent.iterdir():
            if time.time() - other.stat().st_mtime > AGE:
                shutil.rmtree(other, ignore_errors=True)

    def find(self, start: int) -> dict[str, np.ndarray] | None:
        """The values of the chunk that begins with sample ``start``, if it was finished."""
        try:
            with np.load(self.folder / f"{start}.npz", allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, start: int, values: Mapping[str, np.ndarray]) -> None:
        path = self.folder / f"{start}.npz"
        if path.exists():
            return
        part = self.own / path.name
        try:
            self.folder.mkdir(exist_ok=True)
            with open(part, "wb") as file:
                np.savez(file, **dict(values))  # type: ignore[arg-type]
            os.replace(part, path)
        except OSError as error:
            raise DeviceError(f"cannot write to {path}: {error}. Is the disk full?") from error

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        shutil.rmtree(self.own, ignore_errors=True)
