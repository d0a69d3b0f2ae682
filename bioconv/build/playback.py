"""Events that are sent as spikes: the object that lists them, step by step, for the input population."""

from typing import Any

import numpy as np
from brian2 import get_device
from brian2.core.names import Nameable
from brian2.core.variables import Variables
from brian2.devices.device import RuntimeDevice
from brian2.groups.group import CodeRunner, Group

from bioconv.errors import StimulusError
from bioconv.events import Events
from bioconv.projections import TemplatedRunner, order_of

#: A code after all events.
NONE = np.iinfo(np.int32).max


def width_of(events: Events) -> int:
    """Room for the events of any sample: a power of two, so that few programs serve many data sets."""
    most = np.bincount(events.sample, minlength=1).max()
    return 2 ** int(np.ceil(np.log2(most + 1)))


def coded(events: Events, dt: float, n_steps: int, width: int) -> np.ndarray:
    """(n_samples, width) ``step*size + place`` of every sample's events, ascending; :data:`NONE` after them.

    ``place`` counts as the population does. Events of one neuron in one step are one.
    """
    if n_steps * events.size >= NONE:
        raise StimulusError(
            f"events: {n_steps} steps of {events.size} neurons are more than {NONE} places for an event; "
            "use a shorter duration or a larger dt"
        )
    steps = events.steps(dt)
    here = steps < n_steps
    place = np.argsort(order_of(events.shape))[events.neuron[here]]
    codes = np.unique(np.stack([events.sample[here], steps[here] * events.size + place]), axis=1)
    counts = np.bincount(codes[0], minlength=events.n_samples)
    found = np.full((events.n_samples, width), NONE, dtype=np.int32)
    column = np.arange(codes.shape[1]) - np.repeat(np.cumsum(counts) - counts, counts)
    found[codes[0], column] = codes[1]
    return found


class Playback(Group, TemplatedRunner):
    """In every step: lists the neurons whose events are due among the spikes of a population.

    Parameters
    ----------
    group : NeuronGroup
        Of ``replicas`` blocks of neurons, which spikes for no other reason.
    rows : int
        Samples of a run at most.
    width : int
        Codes of a sample.
    period : int
        Steps from the begin of a presentation to the begin of the next.
    when : str
        Slot of the group's threshold, after which its spikes are listed.

    Attributes
    ----------
    values : (rows*width,) int array
        As :func:`coded` gives them, sample after sample; given to a compiled program.
    """

    add_to_magic_network = True
    invalidates_magic_network = True

    def __init__(self, group: Any, *, replicas: int, rows: int, width: int, period: int,
                 when: str, clock: Any):  # fmt: skip
        self.codeobj_class = None
        Nameable.__init__(self, name=f"{group.name}_playback")
        self.shown = np.full((rows, width), NONE, dtype=np.int32)
        self.space, self.replicas, self.period = group.variables["_spikespace"], replicas, period
        self.size, self._step = len(group) // replicas, 0
        variables = self.variables = Variables(self)
        constants = {
            "N": rows * width, "_replicas": replicas, "_size": self.size, "_period": period,
        }  # fmt: skip
        for name, value in constants.items():
            variables.add_constant(name, value=int(value))
        self.start, self.stop = 0, rows * width
        variables.add_array("values", size=rows * width, dtype=np.int32, constant=True)
        variables.add_array("_width", size=1, dtype=np.int32, constant=True)
        variables["_width"].set_value(width)
        variables.add_array("_at", size=replicas, dtype=np.int32)
        variables.add_array("_step", size=1, dtype=np.int32)
        variables.add_reference("_of_space", group, "_spikespace", index="0")
        CodeRunner.__init__(
            self, group=self, template="playback", code="", name=None, clock=clock, when=when, order=1,
            check_units=False, needed_variables=["_of_space"], template_kwds={"space": self.space},
        )  # fmt: skip
        variables.create_clock_variables(self._clock, prefix="_clock_")
        self.add_dependency(group)
        self._enable_group_attributes()

    def show(self, rows: np.ndarray) -> None:
        """The events of the next run in this process, from its first step on."""
        self.shown, self._step = rows, 0

    def create_code_objects(self, run_namespace: Any) -> None:
        """Code for compiled programs alone: elsewhere :meth:`run` is called in every step."""
        if not isinstance(get_device(), RuntimeDevice):
            super().create_code_objects(run_namespace)

    def run(self) -> None:
        """What ``playback.cpp`` says, in numpy."""
        presentation, step = divmod(self._step, self.period)
        first = presentation * self.replicas
        rows = self.shown[first : first + self.replicas]
        replica, column = np.nonzero((rows >= step * self.size) & (rows < (step + 1) * self.size))
        spikes = replica * self.size + rows[replica, column] - step * self.size
        space = self.space.get_value()
        space[: len(spikes)], space[-1] = spikes, len(spikes)
        self._step += 1
