"""From what a run left behind to arrays by sample.

``value(owner, variable)`` gives the flat array of a variable, wherever it is kept: in a Brian2 object of
this process, or in a file that a compiled program wrote.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bioconv.build import Built, Recording, Watch
from bioconv.neurons.text import in_thresholds
from bioconv.result import Spikes, Traces

Value = Callable[[str, str], np.ndarray]


def values_of(built: Built, watch: Watch) -> Value:
    """Values of the objects in this process, copied: a monitor's memory goes with the monitor."""
    owners: dict[str, Any] = {group.name: group for group in built.groups.values()}
    owners |= {monitor.name: monitor for monitor in watch.objects}

    def value(owner: str, variable: str) -> np.ndarray:
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
    run = _Run(built, value, thresholds, first_step, n_samples, presentations)
    return {
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


class _Run:
    """Reads the values of one run, population by population."""

    def __init__(self, built, value, thresholds, first_step, n_samples, presentations):
        self.built, self.value, self.thresholds = built, value, thresholds
        self.first_step = first_step
        self.n_samples, self.presentations = n_samples, presentations

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
        """(samples, neurons) values at the end of every presentation."""
        replicas, order = self.built.replicas, self.built.orders[name]
        if variable not in self.built.groups[name].variables:
            return np.zeros((self.n_samples, len(order)))
        seen = self.value(f"{name}_ends", variable).reshape(-1, replicas * len(order))
        before = seen[-self.presentations :][1:]
        last = self.value(name, variable)[None]
        samples = np.concatenate([before, last]).reshape(-1, len(order))
        return samples[: self.n_samples, np.argsort(order)]

    def residual(self, name: str) -> np.ndarray:
        """(samples, neurons) distances of the last potentials from rest, in thresholds."""
        return in_thresholds(self.built.texts[name], self.ends(name, "v"))

    def spikes(self, name: str) -> Spikes:
        schedule, monitor, size = self.built.schedule, f"{name}_spikes", self.size(name)
        times = self.value(monitor, "t") / float(self.built.dt)
        step = np.rint(times).astype(np.int64) - self.first_step
        index = self.value(monitor, "i").astype(np.int64)
        sample = step // schedule.period * self.built.replicas + index // size
        here = sample < self.n_samples
        return Spikes(
            sample=sample[here],
            neuron=self.built.orders[name][index % size][here],
            step=(step % schedule.period - schedule.onsets[name])[here],
        )

    def traces(self, name: str, recording: Recording) -> Traces:
        schedule, steps = self.built.schedule, self.built.n_steps
        shape = (self.presentations, schedule.period, self.built.replicas, -1)
        every = self.value(f"{name}_trace", "v").reshape(shape).transpose(0, 2, 1, 3)
        onset, text = schedule.onsets[name], self.built.texts[name]
        values = every[:, :, onset : onset + steps].reshape(-1, steps, len(recording.neurons))
        return Traces(
            neurons=recording.neurons,
            values=values[: self.n_samples],
            rest=float(text.constants["E_L"]),
            threshold=self.thresholds.get(name, float(text.parameters["V_th"])),
        )
