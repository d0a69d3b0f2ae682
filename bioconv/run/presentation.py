"""Many samples through one model: chunks of presentations, progress, and what is left of an interruption."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from bioconv.build import Built, Recording
from bioconv.build.playback import NONE
from bioconv.errors import DeviceError, RunInterrupted
from bioconv.result import Result, joined
from bioconv.run.collect import collected
from bioconv.run.program import Program, cache_folder
from bioconv.run.runtime import run_here
from bioconv.run.workers import Kept, workers

#: Steps of a run with numpy or Cython: short enough to show progress and to be interrupted.
STEPS = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is to be run.

    Attributes
    ----------
    built : function of a number of presentations that returns a Built, for runs in this process
    program : function that returns a Program, for compiled runs
    fixed : function that returns {argument: array}, what all compiled runs share
    drives : function of an array of sample numbers that returns {population: (n, neurons) array}
    identity : function of a program's folder and a number that returns a name
        The same for runs that give the same result, and for no others.
    shapes : mapping, population -> shape of its neurons
    n_samples, first_sample : int
    replicas : int
        Samples that are presented at once.
    n_steps : int
    record : mapping, population -> Recording
    learning : list of str
        Projections whose weights a run changes: its chunks are run one after another.
    learnt : function of {(projection, "w"): weights}
        Called with what compiled runs have learnt when all is done.
    about : mapping
        Remaining fields of the result.
    """

    built: Callable[[int], Built]
    program: Callable[[], Program]
    fixed: Callable[[], Mapping[str, Any]]
    drives: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    identity: Callable[[str, int], str]
    shapes: Mapping[str, tuple[int, ...]]
    n_samples: int
    first_sample: int
    replicas: int
    n_steps: int
    record: Mapping[str, Recording]
    learning: list[str]
    learnt: Callable[[Mapping[tuple[str, str], np.ndarray]], None]
    about: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Samples of one run.

    Attributes
    ----------
    start : int
        First sample, counted from the task's.
    n_samples, presentations : int
    drives : mapping, population -> (samples, neurons) array
        What is missing of the last batch is silent.
    """

    start: int
    n_samples: int
    presentations: int
    drives: Mapping[str, np.ndarray]


def present(task: Task, target: str, processes: int, scheduler: Any, progress: bool) -> Result:
    """Run all samples on a device.

    Parameters
    ----------
    processes : int
        Compiled programs at once.
    scheduler : str, dask.distributed.Client or None
        A Dask cluster that runs the chunks of a compiled program.

    Raises
    ------
    RunInterrupted
        On Ctrl-C; it carries the result of the samples that were finished.
    DeviceError
        If the device fails.
    """
    parts: list[Result] = []
    bar = tqdm(total=task.n_samples, unit="sample", desc=target, disable=not progress)
    try:
        with bar, workers(processes, scheduler) as (submit, at_once):
            compiled = target == "cpp_standalone"
            for fields in _compiled(task, submit, at_once) if compiled else _here(task, target):
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


def _compiled(task: Task, submit: Callable[..., Any], at_once: int) -> Iterator[dict[str, Any]]:
    """Chunks through a program, several at once, results in the order of the samples.

    Chunks that are done are kept until all are: a run that was cut off goes on where it was.
    """
    program = task.program()
    built, executable = program.built, program.executable
    rounds = -(-task.n_samples // task.replicas)
    room = built.presentations
    per_run = min(room, -(-rounds // at_once))
    kept = Kept(cache_folder() / "runs" / task.identity(executable.folder, per_run))
    given = dict(task.fixed())
    thresholds = {
        name.removesuffix(".V_th"): float(value[0])
        for name, value in given.items()
        if name.endswith(".V_th") and np.size(value) == 1
    }
    carried = {f"{name}.w": given.pop(f"{name}.w") for name in task.learning}
    fixed = executable.written(given, kept.own)
    waiting: deque[tuple[Chunk, Any]] = deque()

    def oldest() -> dict[str, Any]:
        chunk, future = waiting.popleft()
        values = future if isinstance(future, dict) else future.result()
        if task.n_samples > chunk.n_samples:
            kept.keep(chunk.start, values)
        carried.update({name: values[name] for name in carried})
        return collected(
            built,
            task.record,
            task.shapes,
            lambda owner, variable: values[f"{owner}.{variable}"],
            thresholds=thresholds,
            first_step=0,
            n_samples=chunk.n_samples,
            presentations=chunk.presentations,
        )

    try:
        for chunk in _chunks(task, per_run, room):
            done = kept.find(chunk.start)
            if done is None:
                seconds = float(built.length(chunk.presentations))
                values = _values(task, program, chunk) | carried
                done = submit(executable.run, fixed, values, seconds)
            waiting.append((chunk, done))
            if len(waiting) > at_once or carried:
                yield oldest()
        while waiting:
            yield oldest()
        task.learnt({(name, "w"): carried[f"{name}.w"] for name in task.learning})
        kept.drop()
    finally:
        kept.close()


def _values(task: Task, program: Program, chunk: Chunk) -> dict[str, Any]:
    """What a chunk's run is given besides what all share."""
    drives = program.built.drives
    values: dict[str, Any] = {
        f"{drives[n].name}.values": program.built.arranged(n, array)
        for n, array in chunk.drives.items()
    }
    told = {"first_sample": chunk.start + task.first_sample, "n_samples": chunk.n_samples}
    return values | {
        argument: told[argument.rpartition(".")[2]]
        for argument in program.executable.arguments
        if argument.rpartition(".")[2] in told
    }


def _chunks(task: Task, per_run: int, room: int | None) -> Iterator[Chunk]:
    """The samples run by run; ``room`` presentations fit into the arrays of input."""
    for start in range(0, task.n_samples, per_run * task.replicas):
        n_samples = min(per_run * task.replicas, task.n_samples - start)
        presentations = -(-n_samples // task.replicas)
        drives = {}
        for name, values in task.drives(np.arange(start, start + n_samples)).items():
            rows = (room or presentations) * task.replicas
            silent = NONE if values.dtype == np.int32 else 0.0
            array = np.full((rows, values.shape[1]), silent, dtype=np.asarray(silent).dtype)
            array[:n_samples] = values
            drives[name] = array
        yield Chunk(start=start, n_samples=n_samples, presentations=presentations, drives=drives)
