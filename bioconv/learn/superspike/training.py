"""From tasks to trained weights: one run of Brian2 for all learners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.errors import ParameterError
from bioconv.learn.superspike.execution import Outcome, run
from bioconv.learn.superspike.network import learners
from bioconv.learn.superspike.rule import Rule, first_weights
from bioconv.learn.superspike.tasks import Raster, Task

#: Ways for the error of the output to reach hidden neurons.
FEEDBACK = ("symmetric", "random", "uniform")


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What one learner came to.

    Attributes
    ----------
    first_weights, weights : mapping of (n_post, n_pre) float, volts
        By the layer at which they end: ``"hidden"`` if there is one, ``"output"``.
    loss : (n_trials,) float, seconds
        ``1/2 integral err**2 dt`` over a trial, all outputs together.
    rates : mapping of (n_trials,) float, Hz
        Mean rate of a layer's neurons.
    first, last : mapping of Raster
        Spikes of the first trial and of the last, by layer, in seconds from its beginning.
    """

    task: Task
    rule: Rule
    feedback: str | None
    seed: int
    first_weights: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]
    loss: np.ndarray
    rates: Mapping[str, np.ndarray]
    first: Mapping[str, Raster]
    last: Mapping[str, Raster]


def train(
    task: Task,
    *,
    hidden: int | None = None,
    feedback: str = "symmetric",
    seed: int = 0,
    seconds: float = 640.0,
    rule: Rule | None = None,
    device: str = "auto",
) -> Trained:
    """Learn a task from random weights, online, in Brian2.

    Parameters
    ----------
    hidden : int
        Neurons of the hidden layer, 0 for none; what the task suggests, unless given.
    feedback : {"symmetric", "random", "uniform"}
        Weights by which the error reaches hidden neurons: the transposed weights of the output, fixed normal
        ones, or all one.
    seconds : float
        Simulated time, whole trials.
    device : {"auto", "cpp_standalone", "cython", "numpy"}

    Raises
    ------
    ParameterError
        If an option is out of range.
    DeviceError
        If the device is unknown or lacks its compiler.
    """
    return train_each(
        [task], hidden=hidden, feedback=feedback, seeds=[seed], seconds=seconds, rule=rule,
        device=device,
    )[0]  # fmt: skip


def train_each(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int] | None = None,
    hidden: int | None = None,
    feedback: str = "symmetric",
    seconds: float = 640.0,
    rule: Rule | None = None,
    device: str = "auto",
) -> list[Trained]:
    """:func:`train` for tasks of the same sizes, in one run of one compiled program.

    Parameters
    ----------
    seeds : (n_tasks,) int
        Of the first weights and of random feedback; 0, 1, 2 …, unless given.
    """
    tasks, rule = list(tasks), rule or Rule()
    seeds = list(range(len(tasks)) if seeds is None else seeds)
    trials = _checked(tasks, seeds, feedback, seconds, rule)
    hidden = tasks[0].hidden if hidden is None else hidden
    begin = [
        first_weights(_sizes(task, hidden), rule, seed)
        for task, seed in zip(tasks, seeds, strict=True)
    ]
    stacked = {layer: np.stack([each[layer] for each in begin]) for layer in begin[0]}
    fixed = fixed_feedback(feedback, stacked, seeds)
    outcome = run(
        lambda: learners(tasks, stacked, fixed, rule),
        seconds=trials * tasks[0].duration,
        dt=rule.dt,
        synapses=sum(each.size for each in stacked.values()),
        name=device,
    )
    return [
        Trained(
            task=task,
            rule=rule,
            feedback=feedback if hidden else None,
            seed=seed,
            first_weights=first,
            **_block(outcome, block, stacked, task, rule.dt, trials),
        )
        for block, (task, seed, first) in enumerate(zip(tasks, seeds, begin, strict=True))
    ]


def fixed_feedback(
    kind: str, weights: Mapping[str, np.ndarray], seeds: Sequence[int]
) -> np.ndarray | None:
    """(n_blocks, n_outputs, n_hidden) weights of feedback that do not learn; None if it does."""
    if "hidden" not in weights or kind == "symmetric":
        return None
    shape = weights["output"].shape
    if kind == "uniform":
        return np.ones(shape)
    return np.stack([np.random.default_rng([seed, 4]).normal(size=shape[1:]) for seed in seeds])


def _checked(
    tasks: Sequence[Task], seeds: Sequence[int], feedback: str, seconds: float, rule: Rule
) -> int:
    """Number of trials."""
    if feedback not in FEEDBACK:
        raise ParameterError(f"feedback is {feedback!r}; choose one of {', '.join(FEEDBACK)}")
    shapes = {(task.inputs.size, task.targets.size, task.duration) for task in tasks}
    if len(shapes) != 1 or len(seeds) != len(tasks):
        raise ParameterError(
            f"train_each: {len(tasks)} tasks with {len(seeds)} seeds and (inputs, outputs, seconds) of "
            f"{sorted(shapes)}; give at least one task, a seed for each, and tasks of the same sizes"
        )
    trials = int(np.floor(seconds / tasks[0].duration + 1e-9))
    if trials < 1:
        raise ParameterError(
            f"seconds is {seconds}; one trial of {tasks[0].name} takes {tasks[0].duration}"
        )
    return trials


def _sizes(task: Task, hidden: int) -> dict[str, int]:
    """Neurons by layer."""
    middle = {"hidden": hidden} if hidden else {}
    return {"input": task.inputs.size, **middle, "output": task.targets.size}


def _block(
    outcome: Outcome,
    block: int,
    begin: Mapping[str, np.ndarray],
    task: Task,
    dt: float,
    trials: int,
) -> dict[str, Any]:
    """One learner's part of a run: the fields of :class:`Trained`."""
    steps = round(task.duration / dt)
    size = task.targets.size
    losses = outcome.losses[block * size : (block + 1) * size]
    trains = {
        layer: _of_block(outcome.spikes[layer], block, each.shape[1])
        for layer, each in begin.items()
    }
    return {
        "weights": {
            layer: outcome.weights[layer].reshape(each.shape)[block]
            for layer, each in begin.items()
        },
        "loss": np.diff(losses, axis=1).sum(axis=0),
        "rates": {
            layer: np.bincount(step // steps, minlength=trials)
            / (begin[layer].shape[1] * task.duration)
            for layer, (_, step) in trains.items()
        },
        **{
            name: {
                layer: _trial(train, trial, steps, dt, begin[layer].shape[1])
                for layer, train in trains.items()
            }
            for name, trial in (("first", 0), ("last", trials - 1))
        },
    }


def _of_block(
    spikes: tuple[np.ndarray, np.ndarray], block: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    neuron, step = spikes
    mine = neuron // size == block
    return neuron[mine] - block * size, step[mine]


def _trial(
    spikes: tuple[np.ndarray, np.ndarray], trial: int, steps: int, dt: float, size: int
) -> Raster:
    neuron, step = spikes
    inside = step // steps == trial
    return Raster(neuron=neuron[inside], time=(step[inside] - trial * steps) * dt, size=size)
