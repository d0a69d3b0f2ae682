"""Many samples through one model: chunks of presentations, progress, and what is left of an interruption."""

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bioconv.build import Built, Recording
from bioconv.errors import DeviceError, RunInterrupted
from bioconv.result import Result, joined
from bioconv.run.collect import collected
from bioconv.run.program import Program
from bioconv.run.runtime import run_here

#: Steps of a run with numpy or Cython: short enough to show progress and to be interrupted.
STEPS = 2000
#: Times that a compiled program is started for the same samples.
TRIES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is to be run.

    Attributes
    ----------
    built : function of a number of presentations that returns a Built, for runs in this process
    program : function that returns a Program, for compiled runs
    fixed : function that returns {argument: array}, what all compiled runs share
    drives : function of an array of sample numbers that returns {population: (n, neurons) array}
    shapes : mapping, population -> shape of its neurons
    n_samples, first_sample : int
    replicas : int
        Samples that are presented at once.
    n_steps : int
    record : mapping, population -> Recording
    about : mapping
        Remaining fields of the result.
    """

    built: Callable[[int], Built]
    program: Callable[[], Program]
    fixed: Callable[[], Mapping[str, Any]]
    drives: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    shapes: Mapping[str, tuple[int, ...]]
    n_samples: int
    first_sample: int
    replicas: int
    n_steps: int
    record: Mapping[str, Recording]
    about: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Samples of one run.

    Attributes
    ----------
    start : int
        First sample, counted from the task's.
    n_samples, presentations : int
    drives : mapping, population -> (rows, neurons of all replicas) array
        What is missing of the last batch is silent.
    """

    start: int
    n_samples: int
    presentations: int
    drives: Mapping[str, np.ndarray]


def present(task: Task, target: str, processes: int, progress: bool) -> Result:
    """Run all samples on a device.

    Raises
    ------
    RunInterrupted
        On Ctrl-C; it carries the result of the samples that were finished.
    DeviceError
        If the device fails.
    """
    parts: list[Result] = []
    bar = tqdm(total=task.n_samples, unit="sample", desc=target, disable=not progress)
    found = _compiled(task, processes) if target == "cpp_standalone" else _here(task, target)
    try:
        with bar:
            for fields in found:
                parts.append(Result(**task.about, **fields))
                bar.update(parts[-1].n_samples)
    except KeyboardInterrupt:
        done = sum(part.n_samples for part in parts)
        raise RunInterrupted(
            f"interrupted after {done} of {task.n_samples} samples; what was finished is in the "
            "exception's .result",
            joined(parts) if parts else None,
        ) from None
    except MemoryError as error:
        raise DeviceError(
            f"out of memory with {task.replicas} samples at once; use a smaller batch_size, or record "
            "less"
        ) from error
    return joined(parts)


def _here(task: Task, target: str) -> Iterator[dict[str, Any]]:
    for chunk in _chunks(task, max(1, STEPS // task.n_steps), None):
        yield run_here(
            task.built(chunk.presentations),
            target,
            task.record,
            task.shapes,
            chunk.drives,
            chunk.start + task.first_sample,
            chunk.n_samples,
        )


def _compiled(task: Task, processes: int) -> Iterator[dict[str, Any]]:
    """Chunks through a program, several at once, results in the order of the samples."""
    program = task.program()
    room = program.built.presentations
    rounds = -(-task.n_samples // task.replicas)
    per_run = min(room, -(-rounds // processes))
    scratch = Path(tempfile.mkdtemp(prefix="bioconv-run-"))
    try:
        fixed = program.written(task.fixed(), scratch / "fixed")
        with ThreadPoolExecutor(processes) as pool:
            waiting: deque[Future] = deque()
            for chunk in _chunks(task, per_run, room):
                waiting.append(pool.submit(_one, task, program, fixed, chunk, scratch))
                if len(waiting) > processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _one(
    task: Task, program: Program, fixed: list[str], chunk: Chunk, scratch: Path
) -> dict[str, Any]:
    """One run of the program; one that was killed is started again."""
    folder = scratch / f"chunk-{chunk.start}"
    values: dict[str, Any] = {
        f"{program.built.drives[name].name}.values": array for name, array in chunk.drives.items()
    }
    first = {name for name in program.arguments if name.endswith(".first_sample")}
    values |= dict.fromkeys(first, chunk.start + task.first_sample)
    arguments = [*fixed, *program.written(values, folder / "input")]
    for attempt in range(TRIES):
        try:
            value = program.run(arguments, chunk.presentations, folder / "results")
            break
        except DeviceError:
            if attempt == TRIES - 1:
                raise
    fields = collected(
        program.built,
        task.record,
        task.shapes,
        value,
        first_step=0,
        n_samples=chunk.n_samples,
        presentations=chunk.presentations,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return fields


def _chunks(task: Task, per_run: int, room: int | None) -> Iterator[Chunk]:
    """The samples run by run; ``room`` presentations fit into the arrays of input."""
    for start in range(0, task.n_samples, per_run * task.replicas):
        n_samples = min(per_run * task.replicas, task.n_samples - start)
        presentations = -(-n_samples // task.replicas)
        drives = {}
        for name, values in task.drives(np.arange(start, start + n_samples)).items():
            array = np.zeros(((room or presentations) * task.replicas, values.shape[1]))
            array[:n_samples] = values
            drives[name] = array.reshape(room or presentations, -1)
        yield Chunk(start=start, n_samples=n_samples, presentations=presentations, drives=drives)
