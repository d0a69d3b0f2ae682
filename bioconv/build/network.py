"""All Brian2 objects of a model for one size of batch and one duration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, Quantity, Synapses, TimedArray

from bioconv.build.populations import (
    Frame, built_input, built_population, drive_name, text_of,
)  # fmt: skip
from bioconv.build.schedule import Schedule, scheduled
from bioconv.build.settings import Settings
from bioconv.neurons import NeuronText
from bioconv.projections import explicit
from bioconv.spiking import SpikingNetwork


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """A network that is ready to run.

    Attributes
    ----------
    network : brian2.Network
    groups : mapping, population -> NeuronGroup
        In topological order, the input population included where there is one.
    synapses : mapping, projection -> Synapses
    drives : mapping, population -> TimedArray
        Input of every presentation, ``(presentations, neurons)``.
    texts : mapping, population -> NeuronText
    schedule : Schedule
    replicas : int
        Samples that are presented at once.
    presentations : int
        Of one run.
    n_steps : int
        Of one presentation.
    output : str
    steps, borders : brian2.Clock
        Of every step, and of the begin of every presentation.
    own : set of str
        Names of the objects in ``network`` that are not the user's.
    """

    network: Network
    groups: Mapping[str, NeuronGroup]
    synapses: Mapping[str, Synapses]
    drives: dict[str, TimedArray]
    texts: Mapping[str, NeuronText]
    schedule: Schedule
    replicas: int
    presentations: int
    n_steps: int
    output: str
    steps: Clock
    borders: Clock
    own: frozenset[str]

    @property
    def dt(self) -> Quantity:
        return self.steps.dt

    @property
    def period(self) -> Quantity:
        """From the begin of a presentation to the begin of the next."""
        return self.schedule.period * self.dt

    @property
    def foreign(self) -> list[str]:
        """Names of the objects that users added to the network."""
        return sorted({obj.name for obj in self.network.objects} - self.own)

    def edits(self) -> dict[tuple[str, str], np.ndarray]:
        """{(object, variable): values of one replica} of what users may have changed."""
        found = {(name, "w"): synapses.w_[:] for name, synapses in self.synapses.items()}
        for name, group in self.groups.items():
            if "I_bias" in group.variables:
                found[name, "I_bias"] = group.I_bias_[:]
        return {key: v[: len(v) // self.replicas].copy() for key, v in found.items()}

    def edit(self, edits: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Set values as :meth:`edits` returned them, in every replica."""
        for (name, variable), values in edits.items():
            owner = self.synapses[name] if name in self.synapses else self.groups[name]
            setattr(owner, f"{variable}_", np.tile(values, self.replicas))

    @property
    def samples(self) -> int:
        """Samples that one run shows."""
        return self.replicas * self.presentations


def built(
    spiking: SpikingNetwork,
    settings: Settings,
    *,
    replicas: int,
    presentations: int,
    n_steps: int,
    matrix_of: Callable[[str], Any],
) -> Built:
    """Brian2 objects for ``presentations`` of ``replicas`` samples of ``n_steps`` each.

    ``matrix_of`` gives the sparse matrix (n_post, n_pre) of a projection by its name.
    """
    schedule = scheduled(spiking, settings.propagation, n_steps, settings.encoder.spikes)
    frame = Frame(
        settings=settings,
        schedule=schedule,
        steps=Clock(settings.dt, name="steps"),
        borders=Clock(settings.dt * schedule.period, name="borders"),
        replicas=replicas,
        n_steps=n_steps,
    )
    texts = {p.name: text_of(p, spiking, settings) for p in spiking.populations}
    groups = {p.name: built_population(p, texts[p.name], frame) for p in spiking.populations}
    if settings.encoder.spikes:
        groups = {spiking.stimulus.name: built_input(spiking.stimulus, frame), **groups}
    synapses = _synapses(spiking, texts, groups, frame, matrix_of)
    drives = _drives(groups, presentations, frame)
    network = Network(*groups.values(), *synapses.values(), name="bioconv_network")
    network.schedule = list(schedule.order)
    return Built(
        network=network,
        groups=groups,
        synapses=synapses,
        drives=drives,
        texts=texts,
        schedule=schedule,
        replicas=replicas,
        presentations=presentations,
        n_steps=n_steps,
        output=spiking.output,
        steps=frame.steps,
        borders=frame.borders,
        own=frozenset(obj.name for obj in network.objects),
    )


def _synapses(
    spiking: SpikingNetwork,
    texts: Mapping[str, NeuronText],
    groups: Mapping[str, NeuronGroup],
    frame: Frame,
    matrix_of: Callable[[str], Any],
) -> dict[str, Synapses]:
    """Every projection between populations that has a weight other than zero."""
    made = {}
    for projection in spiking.projections:
        if projection.source not in groups:
            continue
        matrix = matrix_of(projection.name)
        if matrix.nnz == 0:
            continue
        text, units = texts[projection.target], frame.settings.units
        made[projection.name] = explicit(
            groups[projection.source],
            groups[projection.target],
            matrix,
            name=projection.name,
            variable=text.target,
            unit=text.unit,
            unit_text=units.potential if text.target == "v" else units.current,
            replicas=frame.replicas,
            when=frame.schedule.slots[projection.source].synapses,
            delay=frame.schedule.delays[projection.name] * frame.settings.dt,
            clock=frame.steps,
        )
    return made


def _drives(groups: Mapping[str, Any], presentations: int, frame: Frame) -> dict[str, TimedArray]:
    """Arrays of input, zero until :func:`replaced_drives` fills them."""
    drives = {}
    for name, group in groups.items():
        if "I_stim" in group.variables or "p" in group.variables:
            values = np.zeros((presentations, len(group)))
            drives[name] = _drive(name, group, values, frame.borders.dt)
    return drives


def _drive(name: str, group: NeuronGroup, values: np.ndarray, period: Any) -> TimedArray:
    array = TimedArray(values, dt=period, name=drive_name(name))
    group.namespace[drive_name(name)] = array
    return array


def replaced_drives(built: Built, values: Mapping[str, np.ndarray]) -> None:
    """Show other input in the next run: ``values`` are arrays as in :attr:`Built.drives`."""
    for name, array in values.items():
        built.drives[name] = _drive(name, built.groups[name], array, built.period)
