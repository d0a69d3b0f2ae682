"""All Brian2 objects of a model for one size of batch and one duration."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, Quantity, Synapses, TimedArray, second

from bioconv.build.encoders import EventInput
from bioconv.build.learning import plastic
from bioconv.build.playback import Playback
from bioconv.build.populations import (
    NEGATIVE,
    Frame,
    built_input,
    built_population,
    drive_name,
    text_of,
)  # fmt: skip
from bioconv.build.schedule import Schedule, scheduled
from bioconv.build.settings import PRECISIONS, Settings
from bioconv.build.stopping import Stop
from bioconv.build.wiring import Wiring
from bioconv.neurons import NeuronText, Units
from bioconv.projections import PlasticProjection, SharedProjection, explicit, order_of
from bioconv.spiking import Projection

#: What may be set of a projection that learns besides its weights, a number each.
SWITCHES = ("learning", "reward")


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """A network that is ready to run.

    Attributes
    ----------
    network : brian2.Network
    groups : mapping, population -> NeuronGroup
        In topological order, the input population included where there is one.
    projections : mapping, projection -> SharedProjection, PlasticProjection or Synapses
    orders : mapping, population -> (n,) int array
        Number, as channel, row, column, of every neuron of a replica.
    drives : mapping, population -> TimedArray or Playback
        Input of every presentation, ``(presentations, neurons)``: currents, or values to be sent as
        spikes. Where samples end one by one, ``(samples, neurons of a replica)``; where input changes
        from step to step, ``(steps, neurons)``.
    texts : mapping, population -> NeuronText
    schedule : Schedule
    replicas : int
        Samples that are presented at once.
    presentations : int
        Of one run.
    n_steps : int
        Of one presentation.
    output : str
    stop : Stop or None
        When samples end, one by one; None where all of a presentation end together.
    dt : second
    steps, borders : brian2.Clock
        Of every step, and of the begin of every presentation.
    own : set of str
        Names of the objects in ``network`` that are not the user's.
    """

    network: Network
    groups: Mapping[str, NeuronGroup]
    projections: Mapping[str, Synapses | SharedProjection | PlasticProjection]
    orders: Mapping[str, np.ndarray]
    drives: dict[str, TimedArray | Playback]
    texts: Mapping[str, NeuronText]
    schedule: Schedule
    replicas: int
    presentations: int
    n_steps: int
    output: str
    stop: Stop | None
    dt: Quantity
    steps: Clock
    borders: Clock
    own: frozenset[str]

    @property
    def period(self) -> Quantity:
        """From the begin of a presentation to the begin of the next."""
        return self.schedule.period * self.dt

    def length(self, presentations: int) -> Quantity:
        """Time that so many presentations take, at most.

        Where samples end one by one, a further step finds the last of them decided.
        """
        return self.period * presentations + (self.stop is not None) * self.dt

    def begin(self, first_sample: int) -> None:
        """The next step is the first of a run in this process.

        Presentations begin at multiples of their period: what an interrupted run has left of one is run to its end.
        """
        left = -round(float(self.network.t / self.dt)) % self.schedule.period
        if left and self.stop is None:
            self.network.run(left * self.dt, namespace={})
        now = self.network.t
        values = {"t_begin": now, "since": now, "first_sample": first_sample}
        for part in (*self.groups.values(), *self.projections.values()):
            for name in values.keys() & part.variables.keys():
                setattr(part, name, values[name])
            if isinstance(part, SharedProjection):
                part.variables["_ring_at"].set_value(0)

    @property
    def foreign(self) -> list[str]:
        """Names of the objects that users added to the network."""
        return sorted({obj.name for obj in self.network.objects} - self.own)

    def arranged(self, name: str, array: np.ndarray) -> np.ndarray:
        """Input of samples, (samples, numbers of one), in the order of the array that shows it."""
        drive = self.drives[name]
        if isinstance(drive, Playback):
            return array
        neurons = drive.values.shape[1]
        if array.shape[1] * self.replicas > neurons and self.stop is None:  # step after step
            sequence = array.reshape(-1, self.replicas, self.n_steps, neurons // self.replicas)
            return sequence.swapaxes(1, 2).reshape(-1, neurons)
        return array.reshape(-1, neurons)

    def edits(self) -> dict[tuple[str, str], np.ndarray]:
        """{(object, variable): values of one replica} of what users may have changed."""
        found = {}
        for name, projection in self.projections.items():
            copies = self.replicas if isinstance(projection, Synapses) else 1
            found[name, "w"] = projection.w_[: len(projection.w_[:]) // copies].copy()
            if isinstance(projection, PlasticProjection):
                for variable in SWITCHES:
                    value = getattr(projection, f"{variable}_")[:]
                    found[name, variable] = np.atleast_1d(value).copy()
        for name, group in self.groups.items():
            for variable in self._own_values(name):
                values = getattr(group, f"{variable}_")[: len(group) // self.replicas]
                found[name, variable] = values.copy()
            for variable in self._shared_values(name):
                value = getattr(group, f"{variable}_")[:]
                found[name, variable] = np.atleast_1d(value).copy()
        return found

    def edit(self, edits: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Set values as :meth:`edits` returned them, in every replica."""
        for (name, variable), values in edits.items():
            synaptic = variable == "w" or variable in SWITCHES
            owner = self.projections[name] if synaptic else self.groups[name]
            if variable in SWITCHES or (not synaptic and variable in self._shared_values(name)):
                setattr(owner, f"{variable}_", values.item())
                continue
            copies = self.replicas if isinstance(owner, (NeuronGroup, Synapses)) else 1
            setattr(owner, f"{variable}_", np.tile(values, copies))

    def _own_values(self, name: str) -> list[str]:
        """Parameters of which every neuron of a population has one."""
        return ["I_bias", *self.texts[name].arrays] if name in self.texts else []

    def _shared_values(self, name: str) -> list[str]:
        """Parameters that all neurons of a population share."""
        parameters = self.texts[name].parameters if name in self.texts else ()
        return [variable for variable in parameters if variable in self.groups[name].variables]

    @property
    def samples(self) -> int:
        """Samples that one run shows."""
        return self.replicas * self.presentations


def built(
    wiring: Wiring,
    *,
    replicas: int,
    presentations: int,
    n_steps: int,
    stop: Stop | None,
    width: int,
) -> Built:
    """Brian2 objects for ``presentations`` of ``replicas`` samples of ``n_steps`` each.

    ``width`` is the number of events of a sample at most.
    """
    spiking, settings = wiring.spiking, wiring.settings
    schedule = scheduled(spiking, settings.propagation, n_steps, settings.encoder.spikes)
    frame = Frame(
        settings=settings,
        schedule=schedule,
        steps=Clock(settings.dt, name="bioconv_steps"),
        borders=Clock(settings.dt * schedule.period, name="bioconv_borders"),
        replicas=replicas,
        n_steps=n_steps,
        staggered=stop is not None,
    )
    texts = {p.name: text_of(p, spiking, settings, frame.staggered) for p in spiking.populations}
    groups = {p.name: built_population(p, texts[p.name], frame) for p in spiking.populations}
    if settings.encoder.spikes:
        groups = {spiking.stimulus.name: built_input(spiking.stimulus, frame), **groups}
    projections = {
        projection.name: _form(projection, settings)(wiring, projection, texts, groups, frame)
        for projection in wiring.projections
        if wiring.kind(projection.name).n_synapses
    }
    shapes = {spiking.stimulus.name: spiking.stimulus.shape}
    shapes |= {p.name: p.shape for p in spiking.populations}
    drives = _drives(groups, spiking.stimulus.name, presentations, frame, width)
    network = Network(
        *groups.values(),
        *(drive for drive in drives.values() if isinstance(drive, Playback)),
        *projections.values(),
        *_negatives(projections, frame),
        name="bioconv_network",
    )
    network.schedule = list(schedule.order)
    owned(network)
    return Built(
        network=network,
        groups=groups,
        projections=projections,
        orders={name: order_of(shapes[name]) for name in groups},
        drives=drives,
        texts=texts,
        schedule=schedule,
        replicas=replicas,
        presentations=presentations,
        n_steps=n_steps,
        output=spiking.output,
        stop=stop,
        dt=settings.dt,
        steps=frame.steps,
        borders=frame.borders,
        own=frozenset(obj.name for obj in network.objects),
    )


def owned(network: Network) -> None:
    """Objects know their network before it runs; Brian2 warns of those that never do."""
    for obj in network.sorted_objects:
        obj._network = network.id


def _form(projection: Projection, settings: Settings) -> Callable[..., Any]:
    """What makes the Brian2 objects of a projection."""
    if projection.rule is not None:
        return plastic
    return _explicit if settings.projections == "explicit" and not projection.gates else _shared


def _shared(wiring, projection, texts, groups, frame) -> SharedProjection:
    """Stores every weight once."""
    return SharedProjection(
        groups[projection.source],
        groups[projection.target],
        wiring.kind(projection.name),
        variable=projection.variable or texts[projection.target].target,
        unit=texts[projection.target].unit,
        delay=frame.schedule.delays[projection.name],
        period=frame.schedule.period,
        when=frame.schedule.slots[projection.source].synapses,
        clock=frame.steps,
        dtype=PRECISIONS[frame.settings.precision],
        gain=_gain(groups[projection.source]),
        name=projection.name,
    )


def _negatives(projections: Mapping[str, Any], frame: Frame) -> list[SharedProjection]:
    """What takes away the weights of negative spikes, for projections whose source sends some."""
    return [
        SharedProjection(
            first.source,
            first.target,
            first.kind,
            variable=first.variable,
            delay=first.delay,
            period=first.period,
            event=NEGATIVE,
            when=first.when,
            weights_of=first,
            gain=first.gain,
            clock=frame.steps,
            name=_unlike(projections, f"{first.name}_negative"),
        )
        for first in projections.values()
        if isinstance(first, SharedProjection) and _signed(first.source)
    ]


def _unlike(names: Container[str], name: str) -> str:
    """A name that none has yet: of a pair of rectifiers one is called negative too."""
    while name in names:
        name += "_"
    return name


def _signed(group: Any) -> bool:
    return NEGATIVE in group.events


def _gain(source: NeuronGroup) -> str | None:
    """The variable that weighs a population's spikes, where they do not all count one."""
    return "gain" if "gain" in source.variables else None


def _explicit(wiring, projection, texts, groups, frame) -> Synapses:
    """Has an entry for every synapse."""
    text, units = texts[projection.target], frame.settings.units
    rows = order_of(wiring.spiking[projection.target].shape)
    matrix = wiring.matrix(projection.name).tocsc()[rows][:, order_of(projection.shape)]
    return explicit(
        groups[projection.source],
        groups[projection.target],
        matrix,
        name=projection.name,
        variable=projection.variable or text.target,
        unit=text.unit,
        unit_text=_unit_word(text, units),
        replicas=frame.replicas,
        when=frame.schedule.slots[projection.source].synapses,
        delay=frame.schedule.delays[projection.name],
        period=frame.schedule.period if projection.delay else 0,
        clock=frame.steps,
        negative_event=NEGATIVE if _signed(groups[projection.source]) else None,
        gain=_gain(groups[projection.source]),
    )


def _unit_word(text: NeuronText, units: Units) -> str:
    """The unit of what a spike adds to."""
    if text.stepwise or text.target in ("v", "x"):
        return units.potential
    return units.conductance if text.target == "g_e" else units.current


def _drives(
    groups: Mapping[str, Any], stimulus: str, presentations: int, frame: Frame, width: int
) -> dict[str, TimedArray | Playback]:
    """Arrays of input, zero until :func:`replaced_drives` fills them."""
    encoder, drives = frame.settings.encoder, {}
    for name, group in groups.items():
        if name == stimulus and isinstance(encoder, EventInput):
            drives[name] = Playback(
                group, replicas=frame.replicas, rows=presentations * frame.replicas, width=width,
                period=frame.schedule.period, when=frame.schedule.slots[name].thresholds, clock=frame.steps,
            )  # fmt: skip
        elif "I_stim" in group.variables or name == stimulus:
            at_once = frame.replicas if frame.staggered else 1
            rows = presentations * (frame.n_steps if encoder.stepwise else at_once)
            period = frame.steps.dt if encoder.stepwise else frame.borders.dt
            drives[name] = _drive(name, group, np.zeros((rows, len(group) // at_once)), period)
    return drives


def _drive(name: str, group: NeuronGroup, values: np.ndarray, period: Any) -> TimedArray:
    variable = group.variables.get("I_stim")
    quantity = values if variable is None else Quantity(values, dim=variable.dim)
    array = TimedArray(quantity, dt=period, name=drive_name(name))
    group.namespace[drive_name(name)] = array
    return array


def replaced_drives(built: Built, values: Mapping[str, np.ndarray]) -> None:
    """Show other input in the next run: ``values`` are arrays (samples, neurons of one)."""
    for name, array in values.items():
        drive, rows = built.drives[name], built.arranged(name, array)
        if isinstance(drive, Playback):
            drive.show(rows)
        else:
            built.drives[name] = _drive(name, built.groups[name], rows, drive.dt * second)
