"""Monitors of one run: what presentations leave behind, spikes, and traces of potentials."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from brian2 import SpikeMonitor, StateMonitor

from bioconv.build.network import Built
from bioconv.build.recording import Recording

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
    """

    ends: Mapping[str, StateMonitor]
    spikes: Mapping[str, SpikeMonitor]
    traces: Mapping[str, StateMonitor]

    @property
    def objects(self) -> list:
        return [*self.ends.values(), *self.spikes.values(), *self.traces.values()]


def watch(built: Built, record: Mapping[str, Recording]) -> Watch:
    """New monitors for a run of ``built``; they are not added to its network."""
    residual = {name for name, recording in record.items() if recording.residual}
    return Watch(
        ends={
            name: _ends(built, name, name == built.output or name in residual)
            for name in built.groups
        },
        spikes={
            name: SpikeMonitor(
                built.groups[name], when=built.schedule.slots[name].resets, name=f"{name}_spikes"
            )
            for name, recording in record.items()
            if recording.spikes
        },
        traces={
            name: _trace(built, name, recording)
            for name, recording in record.items()
            if recording.neurons.size
        },
    )


def _ends(built: Built, name: str, potential: bool) -> StateMonitor:
    group = built.groups[name]
    return StateMonitor(
        group,
        [name for name in ENDS if name in group.variables]
        + ["v"] * (potential and "v" in group.variables),
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
