"""Monitors of one run: what presentations leave behind, spikes, and traces of potentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import SpikeMonitor, StateMonitor

from bioconv.build.feeding import Feeder
from bioconv.build.network import Built
from bioconv.build.recording import Recording
from bioconv.build.stopping import Stop

#: What is read of every population after a presentation.
ENDS = ("count", "count_negative", "coded")


@dataclass(frozen=True, kw_only=True, eq=False)
class Watch:
    """Monitors by population.

    Attributes
    ----------
    ends : mapping, population -> StateMonitor
        Counts (and potentials of the output and where ``record`` asks for residuals) as every
        presentation finds them: those that the one before left behind.
    spikes : mapping, population -> SpikeMonitor
    traces : mapping, population -> StateMonitor
        Potentials at the end of every step.
    feeder : Feeder or None
        Hands out the samples and keeps what they leave behind, where they end one by one; there are no
        ``ends`` then.
    """

    ends: Mapping[str, StateMonitor]
    spikes: Mapping[str, SpikeMonitor]
    traces: Mapping[str, StateMonitor]
    feeder: Feeder | None

    @property
    def objects(self) -> list:
        feeder = [] if self.feeder is None else [self.feeder]
        return [*self.ends.values(), *self.spikes.values(), *self.traces.values(), *feeder]


def watch(built: Built, record: Mapping[str, Recording]) -> Watch:
    """New monitors for a run of ``built``; they are not added to its network."""
    potential = {name for name, r in record.items() if r.residual} | {built.output}
    last = {name: _last(group, name in potential) for name, group in built.groups.items()}
    return Watch(
        ends={name: _ends(built, name, names) for name, names in last.items() if not built.stop},
        spikes=spike_monitors(built, record),
        traces={
            name: _trace(built, name, recording)
            for name, recording in record.items()
            if recording.neurons.size
        },
        feeder=_feeder(built, built.stop, last) if built.stop else None,
    )


def spike_monitors(built: Built, record: Mapping[str, Recording]) -> dict[str, SpikeMonitor]:
    """{population: new monitor} of the spikes that ``record`` asks for."""
    return {
        name: SpikeMonitor(
            built.groups[name], when=built.schedule.slots[name].resets, name=f"{name}_spikes"
        )
        for name, recording in record.items()
        if recording.spikes
    }


def _last(group: Any, potential: bool) -> list[str]:
    """Variables whose values at the end of a sample are wanted."""
    return [name for name in (*ENDS, *["v"] * potential) if name in group.variables]


def _feeder(built: Built, stop: Stop, last: Mapping[str, list[str]]) -> Feeder:
    return Feeder(
        built.groups,
        built.output,
        last,
        stop=stop,
        samples=built.samples,
        replicas=built.replicas,
        limit=built.n_steps,
        clock=built.steps,
    )


def _ends(built: Built, name: str, variables: list[str]) -> StateMonitor:
    return StateMonitor(
        built.groups[name],
        variables,
        record=True,
        clock=built.borders,
        when="start",
        order=-1,
        name=f"{name}_ends",
    )


def _trace(built: Built, name: str, recording: Recording) -> StateMonitor:
    group = built.groups[name]
    size = len(group) // built.replicas
    places = np.argsort(built.orders[name])[recording.neurons]
    every = (np.arange(built.replicas)[:, None] * size + places).ravel()
    return StateMonitor(
        group, "v", record=every, when="end", clock=built.steps, name=f"{name}_trace"
    )
