"""Many samples through one model: chunks of presentations, progress, and what is left of an interruption."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bioconv.build import Built, Recording
from bioconv.errors import DeviceError, RunInterrupted
from bioconv.result import Result, joined
from bioconv.run.collect import collected
from bioconv.run.devices import device
from bioconv.run.runtime import run_here
from bioconv.run.standalone import Program

#: Steps of a run with numpy or Cython: short enough to show progress and to be interrupted.
STEPS = 2000
#: Numbers in the input arrays and counters of one run of a compiled program.
NUMBERS = 2**25


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is to be run.

    Attributes
    ----------
    make : function of a number of presentations that returns a Built
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

    make: Callable[[int], Built]
    drives: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    shapes: Mapping[str, tuple[int, ...]]
    n_samples: int
    first_sample: int
    replicas: int
    n_steps: int
    record: Mapping[str, Recording]
    about: Mapping[str, Any]


def present(task: Task, target: str, directory: Path | None, progress: bool) -> Result:
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
    show = _compiled if target == "cpp_standalone" else _here
    try:
        with bar:
            for part in show(task, target, directory):
                parts.append(part)
                bar.update(part.n_samples)
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


def _here(task: Task, target: str, directory: Path | None) -> Iterator[Result]:
    per_run = max(1, STEPS // task.n_steps)
    for start, drives, n_samples, presentations in _chunks(task, per_run, fixed=False):
        built = task.make(presentations)
        seen, begin = run_here(built, target, task.record, drives, start + task.first_sample)
        yield Result(**task.about, **collected(built, seen, dict(task.shapes), begin, n_samples))


def _compiled(task: Task, target: str, directory: Path | None) -> Iterator[Result]:
    assert directory is not None
    neurons = task.replicas * sum(math.prod(shape) for shape in task.shapes.values())
    rounds = -(-task.n_samples // task.replicas)
    per_run = -(-rounds // max(1, math.ceil(rounds * neurons / NUMBERS)))
    with device(target, directory):
        program = Program(lambda: task.make(per_run), task.record, directory)
        begin = 0 * program.built.dt
        for start, drives, n_samples, _ in _chunks(task, per_run, fixed=True):
            program.show(drives, start + task.first_sample)
            parts = collected(program.built, program.watch, dict(task.shapes), begin, n_samples)
            yield Result(**task.about, **parts)


def _chunks(
    task: Task, per_run: int, fixed: bool
) -> Iterator[tuple[int, dict[str, np.ndarray], int, int]]:
    """First sample, input by presentation, number of samples and of presentations, run by run.

    What is missing of the last batch (of the last run, where its size is ``fixed``) is silent.
    """
    for start in range(0, task.n_samples, per_run * task.replicas):
        n_samples = min(per_run * task.replicas, task.n_samples - start)
        presentations = per_run if fixed else -(-n_samples // task.replicas)
        drives = {}
        for name, values in task.drives(np.arange(start, start + n_samples)).items():
            room = np.zeros((presentations * task.replicas, values.shape[1]))
            room[:n_samples] = values
            drives[name] = room.reshape(presentations, -1)
        yield start, drives, n_samples, presentations
