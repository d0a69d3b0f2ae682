"""From what a run left behind to arrays by sample.

``value(owner, variable)`` gives the flat array of a variable, wherever it is kept: in a Brian2 object of
this process, or in a file that a compiled program wrote.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bioconv.build import Built, Recording, Watch
from bioconv.build.stopping import FEEDER
from bioconv.errors import DeviceError
from bioconv.neurons.text import in_thresholds
from bioconv.result import Spikes, Traces

Value = Callable[[str, str], np.ndarray]


def values_of(built: Built, watch: Watch) -> Value:
    """Values of the objects in this process, copied: a monitor's memory goes with the monitor."""
    owners: dict[str, Any] = {group.name: group for group in built.groups.values()}
    owners |= {monitor.name: monitor for monitor in watch.objects}

    def value(owner: str, variable: str) -> np.ndarray:
        if watch.feeder is not None and owner == FEEDER:
            return watch.feeder.variables[variable].get_value()
        found = np.array(getattr(owners[owner], f"{variable}_")[:])
        return found.T.ravel() if found.ndim == 2 else found

    return value


def collected(
    built: Built,
    record: Mapping[str, Recording],
    shapes: Mapping[str, tuple[int, ...]],
    value: Value,
    *,
    thresholds: Mapping[str, float],
    first_step: int,
    n_samples: int,
    presentations: int,
) -> dict[str, Any]:
    """Fields of a :class:`bioconv.Result` for the first ``n_samples`` of a run.

    Parameters
    ----------
    thresholds : mapping, population -> float
        Potential at which it spikes, SI.
    first_step : int
        Step at which the run began.
    presentations : int
        That were shown, the last of which may be incomplete in samples.
    """
    turns = (
        _Lockstep(built, value, n_samples, presentations)
        if built.stop is None
        else _OneByOne(built, value, n_samples)
    )
    run = _Run(built, value, thresholds, first_step, turns)
    return {
        "steps": turns.steps,
        "counts": {
            name: run.ends(name, "count").astype(np.int32).reshape(n_samples, *shapes[name])
            for name in built.groups
        },
        "negatives": {
            name: run.ends(name, "count_negative")
            .astype(np.int32)
            .reshape(n_samples, *shapes[name])
            for name, group in built.groups.items()
            if "count_negative" in group.variables
        },
        "potentials": run.residual(built.output),
        "coded": {name: run.coded(name).reshape(n_samples, *shapes[name]) for name in run.coding},
        "residuals": {
            name: run.residual(name).reshape(n_samples, *shapes[name])
            for name, recording in record.items()
            if recording.residual
        },
        "spikes": {name: run.spikes(name) for name, r in record.items() if r.spikes},
        "traces": {name: run.traces(name, r) for name, r in record.items() if r.neurons.size},
    }


class _Lockstep:
    """Presentations follow each other, all replicas begin and end together.

    Attributes
    ----------
    n_samples : int
    steps : (n_samples,) int array
        That every sample was shown.
    """

    def __init__(self, built, value, n_samples, presentations):
        self.built, self.value = built, value
        self.n_samples, self.presentations = n_samples, presentations
        self.steps = np.full(n_samples, built.n_steps)

    def last(self, name: str, variable: str) -> np.ndarray:
        """Flat values of all neurons at the end of every sample, sample after sample."""
        width = self.built.replicas * len(self.built.orders[name])
        seen = self.value(f"{name}_ends", variable).reshape(-1, width)
        before = seen[-self.presentations :][1:]
        return np.concatenate([before, self.value(name, variable)[None]])

    def found(self, step: np.ndarray, replica: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sample that a replica showed in a step of the run, -1 for none; and since how many steps."""
        period = self.built.schedule.period
        sample = step // period * self.built.replicas + replica
        return np.where(sample < self.n_samples, sample, -1), step % period

    def traces(self, every: np.ndarray, onset: int) -> np.ndarray:
        """(n_samples, n_steps, n) values by sample of (all steps, replicas, n) ones."""
        shape = (self.presentations, self.built.schedule.period, *every.shape[1:])
        values = every.reshape(shape).swapaxes(1, 2)[:, :, onset : onset + self.built.n_steps]
        return values.reshape(-1, *values.shape[2:])[: self.n_samples]


class _OneByOne:
    """Every sample ends for itself: the feeder's tables say where it was and from when to when.

    Attributes as those of :class:`_Lockstep`.
    """

    def __init__(self, built, value, n_samples):
        self.built, self.value, self.n_samples = built, value, n_samples
        self.steps, self.begin, self.replica = (
            value(FEEDER, name)[:n_samples].astype(np.int64)
            for name in ("steps", "begin", "replica")
        )
        if not (self.steps > 0).all():
            raise DeviceError(
                f"{np.sum(self.steps == 0)} of {n_samples} samples were not shown to their end; "
                "something else ended the run"
            )

    def last(self, name: str, variable: str) -> np.ndarray:
        return self.value(FEEDER, f"{name}_{variable}")

    def found(self, step: np.ndarray, replica: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        longest = max(step.max(initial=0), self.begin.max()) + 1
        moments = self.replica * longest + self.begin
        order = np.argsort(moments)
        before = np.searchsorted(moments[order], replica * longest + step, side="right") - 1
        sample = order[before]
        since = step - self.begin[sample]
        shown = (before >= 0) & (self.replica[sample] == replica) & (since < self.steps[sample])
        return np.where(shown, sample, -1), since

    def traces(self, every: np.ndarray, onset: int) -> np.ndarray:
        values = np.full((self.n_samples, self.built.n_steps, every.shape[2]), np.nan)
        turns = zip(self.begin, self.steps, self.replica, strict=True)
        for sample, (begin, steps, replica) in enumerate(turns):
            values[sample, :steps] = every[begin : begin + steps, replica]
        return values


class _Run:
    """Reads the values of one run, population by population."""

    def __init__(self, built, value, thresholds, first_step, turns):
        self.built, self.value, self.thresholds = built, value, thresholds
        self.first_step, self.turns = first_step, turns

    @property
    def coding(self) -> list[str]:
        """Populations whose spikes do not count alike."""
        groups = self.built.groups
        return [name for name, group in groups.items() if "coded" in group.variables]

    def coded(self, name: str) -> np.ndarray:
        """(samples, neurons) what their spikes were worth, or the potential of a readout."""
        spiking = "count" in self.built.groups[name].variables
        return self.ends(name, "coded") if spiking else self.residual(name)

    def size(self, name: str) -> int:
        return len(self.built.orders[name])

    def ends(self, name: str, variable: str) -> np.ndarray:
        """(samples, neurons) values at the end of every sample."""
        order, n_samples = self.built.orders[name], self.turns.n_samples
        if variable not in self.built.groups[name].variables:
            return np.zeros((n_samples, len(order)))
        values = self.turns.last(name, variable).reshape(-1, len(order))
        return values[:n_samples, np.argsort(order)]

    def residual(self, name: str) -> np.ndarray:
        """(samples, neurons) distances of the last potentials from rest, in thresholds."""
        return in_thresholds(self.built.texts[name], self.ends(name, "v"))

    def spikes(self, name: str) -> Spikes:
        monitor, size = f"{name}_spikes", self.size(name)
        times = self.value(monitor, "t") / float(self.built.dt)
        step = np.rint(times).astype(np.int64) - self.first_step
        index = self.value(monitor, "i").astype(np.int64)
        sample, since = self.turns.found(step, index // size)
        here = sample >= 0
        return Spikes(
            sample=sample[here],
            neuron=self.built.orders[name][index % size][here],
            step=(since - self.built.schedule.onsets[name])[here],
        )

    def traces(self, name: str, recording: Recording) -> Traces:
        shape = (-1, self.built.replicas, len(recording.neurons))
        every, text = self.value(f"{name}_trace", "v").reshape(shape), self.built.texts[name]
        return Traces(
            neurons=recording.neurons,
            values=self.turns.traces(every, self.built.schedule.onsets[name]),
            rest=float(text.rest),
            threshold=self.thresholds.get(name, float(text.threshold_potential)),
        )
