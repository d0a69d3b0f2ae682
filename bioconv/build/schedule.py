"""The order of things within a step, and when a layer's window of a presentation begins.

Synchronous: a spike reaches the next layer within its step. Brian2's schedule gets a slot for the
update, threshold, reset and synapses of every population, in topological order. What
is sent back, by a recurrent projection, arrives after the update and so counts in the next step.

Delayed: Brian2's slots with resets *before* synapses, so that a hard reset never swallows the input
of its own step. Every layer then lags one step behind its sources; its window moves along, and a
shortcut waits until the longer way has arrived.

Few-spike neurons need all spikes of the layer before: within the synchronous order every layer's window
begins where that of its sources ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bioconv.neurons import FewSpike
from bioconv.spiking import SpikingNetwork

#: Brian2's own slots, for what users add: their spikes come before those of the model in a step.
OPEN_SLOTS = ("thresholds", "synapses", "resets")


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Where one population's actions stand in the schedule."""

    updates: str
    thresholds: str
    resets: str
    synapses: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """The timing of a model.

    Attributes
    ----------
    order : tuple of str
        Brian2's ``Network.schedule``.
    slots : mapping, population -> Slots
    onsets : mapping, population -> int
        First step of the population's window.
    period : int
        Steps of a presentation, until the last window has ended.
    delays : mapping, projection -> int
        Steps that a projection waits, beyond the one that every spike needs in the delayed mode.
    windowed : bool
        Whether windows differ.
    """

    order: tuple[str, ...]
    slots: Mapping[str, Slots]
    onsets: Mapping[str, int]
    period: int
    delays: Mapping[str, int]
    windowed: bool


def scheduled(network: SpikingNetwork, propagation: str, n_steps: int, spikes: bool) -> Schedule:
    """The schedule of a network; ``spikes`` tells whether its input is a population."""
    names = [network.stimulus.name, *(p.name for p in network.populations)]
    few = any(isinstance(population.neuron, FewSpike) for population in network.populations)
    if propagation == "synchronous":
        slots = {
            name: Slots(
                updates=f"{name}_updates",
                thresholds=f"{name}_thresholds",
                resets=f"{name}_resets",
                synapses=f"{name}_synapses",
            )
            for name in names
        }
        own = [
            slot for s in slots.values() for slot in (s.updates, s.thresholds, s.resets, s.synapses)
        ]
        lag = n_steps if few else 0
        onsets = {name: max(0, depth - 1) * lag for name, depth in network.depths.items()}
        return Schedule(
            order=("start", "groups", *OPEN_SLOTS, *own, "end"),
            slots=slots,
            onsets=onsets,
            period=n_steps + max(onsets.values()),
            delays={
                p.name: p.delay + max(0, onsets[p.target] - onsets[p.source] - lag)
                for p in network.projections
            },
            windowed=False,
        )
    first = 0 if spikes else 1
    onsets = {name: max(0, depth - first) for name, depth in network.depths.items()}
    common = Slots(updates="groups", thresholds="thresholds", resets="resets", synapses="synapses")
    return Schedule(
        order=("start", "groups", "thresholds", "resets", "synapses", "end"),
        slots=dict.fromkeys(names, common),
        onsets=onsets,
        period=n_steps + max(onsets.values()),
        delays={
            p.name: p.delay + max(0, onsets[p.target] - onsets[p.source] - 1)
            for p in network.projections
        },
        windowed=True,
    )
