"""Populations as ``NeuronGroup`` objects: replicas of a sample's neurons, one block after another."""

from dataclasses import dataclass, replace

import numpy as np
from brian2 import Clock, NeuronGroup
from brian2.groups.neurongroup import Resetter

from bioconv.build.chance import NORMAL, UNIFORM
from bioconv.build.schedule import Schedule
from bioconv.build.settings import Settings
from bioconv.build.softmax import built_softmax, softmax_text
from bioconv.neurons import Discrete, NeuronText, discrete_text, neuron_text
from bioconv.neurons.text import OWN_WINDOW, WINDOW
from bioconv.projections import order_of
from bioconv.spiking import Population, SpikingNetwork, Stimulus

#: Name of the event of a negative spike.
NEGATIVE = "negative"
#: Name of the event of neurons that begin a sample, where samples end one by one.
BEGIN = "begin"


#: Which of the run's samples a neuron of the input shows, where all replicas begin together.
_TURN = """\
turn = presentation*batch + replica : integer
presentation = timestep(t - t_begin, dt) // period : integer (shared, constant over dt)
replica : integer (constant)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What all objects of a built model share.

    Attributes
    ----------
    settings : Settings
    schedule : Schedule
    steps, borders : brian2.Clock
        Of every step, and of the begin of every presentation.
    replicas : int
        Samples that are presented at once.
    n_steps : int
        Of a presentation.
    staggered : bool
        Whether samples end one by one instead of all replicas' together. Every neuron then has a
        ``turn``, the sample's place in the run.
    """

    settings: Settings
    schedule: Schedule
    steps: Clock
    borders: Clock
    replicas: int
    n_steps: int
    staggered: bool = False


SAMPLE_NOW = "sample = first_sample + turn"
#: Whose random numbers a neuron draws: those of its number and of the sample that its replica shows.
SAMPLE = """\
neuron : integer (constant)
sample : integer (constant)
first_sample : integer (shared, constant)
batch : integer (shared, constant)
seed : integer (shared, constant)"""


def text_of(
    population: Population, network: SpikingNetwork, settings: Settings, staggered: bool = False
) -> NeuronText:
    """The text of a population as it stands in a model with these settings."""
    text = _integrator_text(population, network, settings, staggered)
    if population.draws:
        more = SAMPLE if staggered else f"{SAMPLE}\n{_TURN}"
        text = replace(text, equations=f"{text.equations}\n{more}")
    if population.initial == "random":
        place = [p.name for p in network.populations].index(population.name)
        begin = f"v = E_L + uniform(seed, sample, -1 - neuron, {-1 - place})*(V_th - E_L)"
        text = replace(text, start=f"{begin}\n{text.start}".strip())
    return softmax_text(text, population.softmax) if population.softmax else text


def _integrator_text(
    population: Population, network: SpikingNetwork, settings: Settings, staggered: bool
) -> NeuronText:
    driven = not settings.encoder.spikes and any(
        p.source == network.stimulus.name for p in network.incoming(population.name)
    )
    if isinstance(population.neuron, Discrete):
        return discrete_text(
            population.neuron,
            shape=population.shape,
            units=settings.units,
            driven=driven,
            staggered=staggered,
        )
    return neuron_text(
        population.neuron,
        population.synapse,
        reset=population.reset,
        units=settings.units,
        driven=driven,
        windowed=settings.propagation == "delayed",
        spiking=population.spiking,
        precision=settings.precision,
        initial=0.0 if isinstance(population.initial, str) else population.initial,
        hold=population.hold,
        memoryless=population.memoryless,
        estimate=population.estimate,
        timed=population.draws,
        staggered=staggered,
        spread=population.spread,
        place=1 + [p.name for p in network.populations].index(population.name),
    )


def drive_name(population: str) -> str:
    """Name of the array of input to a population: (presentation, neuron)."""
    return f"drive_{population}"


def built_population(population: Population, text: NeuronText, frame: Frame) -> NeuronGroup:
    """The neurons of a population, at rest; every border clears them and loads their drive."""
    max_rate = frame.settings.max_rate
    group = NeuronGroup(
        population.size * frame.replicas,
        text.equations,
        threshold=text.threshold or None,
        reset=text.reset or None,
        refractory=text.refractory or False,
        events={NEGATIVE: text.negative[0]} if text.negative else {},
        method=text.method,
        namespace={"uniform": UNIFORM, "normal": NORMAL, **text.constants},
        clock=frame.steps,
        name=population.name,
    )
    group.v = text.rest
    for name, value in text.parameters.items():
        if name in group.variables:
            setattr(group, name, value)
    bias = population.bias.ravel()[order_of(population.shape)]
    group.I_bias = np.tile(bias, frame.replicas) * text.drive(max_rate)
    for name, values in text.arrays.items():
        own = np.asarray(values).ravel()[order_of(population.shape)]
        setattr(group, f"{name}_", np.tile(own, frame.replicas))
    border = text.clear
    if "I_stim" in group.variables:
        shown = f"I_stim = {_drive_text(group, frame)}"
        if frame.settings.encoder.stepwise:
            group.run_regularly(shown, when="start", name=f"{population.name}_frames")
        else:
            border += f"\n{shown}"
    slots = frame.schedule.slots[population.name]
    if population.draws:
        _number(group, population.shape, frame)
        border += f"\n{SAMPLE_NOW}"
    if population.softmax:
        built_softmax(group, frame.replicas, when=slots.thresholds, clock=frame.steps)
    if text.negative:
        group.run_on_event(NEGATIVE, text.negative[1], when=slots.resets)
        group.thresholder[NEGATIVE].when = slots.thresholds
    if text.noise:
        group.run_regularly(text.noise, when="groups", order=1, name=f"{population.name}_noise")
    if text.update:
        group.state_updater.when = slots.updates
        group.run_regularly(
            text.update, when=slots.updates, order=1, name=f"{population.name}_update"
        )
    if text.end:
        group.run_regularly(text.end, when="end", order=-1, name=f"{population.name}_end")
    _timed(group, frame, f"{border}\n{text.start}")
    return group


def built_input(stimulus: Stimulus, frame: Frame) -> NeuronGroup:
    """The input population of an encoder that spikes."""
    encoder = frame.settings.encoder
    size = int(np.prod(stimulus.shape))
    group = NeuronGroup(
        size * frame.replicas,
        input_equations(frame.settings, frame.staggered),
        threshold=encoder.threshold + " and in_window" * (not encoder.stepwise),
        reset="\n".join(filter(None, [encoder.reset, "count += 1"])),
        namespace={"uniform": UNIFORM, "max_rate": frame.settings.max_rate},
        clock=frame.steps,
        name=stimulus.name,
    )
    if not encoder.stepwise:
        _number(group, stimulus.shape, frame)
    border = "count = 0"
    if not encoder.stepwise:
        border += f"\nx = {_drive_text(group, frame)}\n{SAMPLE_NOW}\n{encoder.clear}"
    _timed(group, frame, border)
    if encoder.update:
        group.run_regularly(encoder.update, when="groups", name=f"{stimulus.name}_update")
    return group


def _number(group: NeuronGroup, shape: tuple[int, ...], frame: Frame) -> None:
    """Tell neurons their number and replica, and the model's seed."""
    group.neuron = np.tile(order_of(shape), frame.replicas)
    group.batch, group.seed = frame.replicas, frame.settings.seed
    if not frame.staggered:
        group.replica = np.repeat(np.arange(frame.replicas), len(group) // frame.replicas)


def _drive_text(group: NeuronGroup, frame: Frame) -> str:
    """Expression of the input to a neuron that begins a presentation."""
    if not frame.staggered:
        return f"{drive_name(group.name)}(t - t_begin, i)"
    group.namespace["T_presentation"] = frame.borders.dt
    size = len(group) // frame.replicas
    return f"{drive_name(group.name)}(turn*T_presentation, i % {size})"


def input_equations(settings: Settings, staggered: bool = False) -> str:
    """The equations of the input population."""
    own = settings.encoder.equations
    if settings.encoder.stepwise:
        return "count : integer"
    rows = [
        "x : 1 (constant)",
        *([own] if own else []),
        "count : integer",
        SAMPLE,
        "turn : integer (constant)" if staggered else _TURN,
        OWN_WINDOW if staggered else WINDOW,
        "t_begin : second (shared, constant)",
    ]
    return "\n".join(rows)


def _timed(group: NeuronGroup, frame: Frame, border: str) -> None:
    """Give a group its slots in the schedule, its window, and what happens when a sample begins."""
    slots, schedule = frame.schedule.slots[group.name], frame.schedule
    if group.thresholder:
        group.thresholder["spike"].when = slots.thresholds
        group.resetter["spike"].when = slots.resets
    if "in_window" in group.variables:
        group.onset, group.period = schedule.onsets[group.name], schedule.period
        group.n_steps = frame.n_steps
    if frame.staggered:
        _begins(group, border)
    else:
        group.run_regularly(border, clock=frame.borders, when="start", name=f"{group.name}_border")


def _begins(group: NeuronGroup, statements: str) -> None:
    """An event without a condition: whoever fills its list of neurons has them run ``statements``."""
    group.variables.add_array(f"_{BEGIN}space", size=len(group) + 1, dtype=np.int32)
    group.event_codes[BEGIN] = statements
    group.contained_objects.append(Resetter(group, when="start", order=-1, event=BEGIN))
