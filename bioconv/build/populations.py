"""Populations as ``NeuronGroup`` objects: replicas of a sample's neurons, one block after another."""

from dataclasses import dataclass

import numpy as np
from brian2 import Clock, NeuronGroup

from bioconv.build.chance import UNIFORM
from bioconv.build.schedule import Schedule
from bioconv.build.settings import Settings
from bioconv.build.softmax import built_softmax, softmax_text
from bioconv.neurons import NeuronText, neuron_text
from bioconv.neurons.text import WINDOW
from bioconv.projections import order_of
from bioconv.spiking import Population, SpikingNetwork, Stimulus

#: Name of the event of a negative spike.
NEGATIVE = "negative"


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
    """

    settings: Settings
    schedule: Schedule
    steps: Clock
    borders: Clock
    replicas: int
    n_steps: int


SAMPLE_NOW = "sample = first_sample + presentation*batch + replica"
#: Whose random numbers a neuron draws: those of its number and of the sample that its replica shows.
SAMPLE = """\
neuron : integer (constant)
sample : integer (constant)
replica : integer (constant)
presentation = timestep(t - t_begin, dt) // period : integer (shared, constant over dt)
first_sample : integer (shared, constant)
batch : integer (shared, constant)
seed : integer (shared, constant)"""


def text_of(population: Population, network: SpikingNetwork, settings: Settings) -> NeuronText:
    """The text of a population as it stands in a model with these settings."""
    text = _integrator_text(population, network, settings)
    return softmax_text(text, population.softmax, SAMPLE) if population.softmax else text


def _integrator_text(
    population: Population, network: SpikingNetwork, settings: Settings
) -> NeuronText:
    driven = not settings.encoder.spikes and any(
        p.source == network.stimulus.name for p in network.incoming(population.name)
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
        initial=population.initial,
        hold=population.hold,
        memoryless=population.memoryless,
        estimate=population.estimate,
        timed=bool(population.softmax),
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
        namespace={"uniform": UNIFORM, **text.constants},
        clock=frame.steps,
        name=population.name,
    )
    group.v = text.constants["E_L"]
    for name, value in text.parameters.items():
        if name in group.variables:
            setattr(group, name, value)
    bias = population.bias.ravel()[order_of(population.shape)]
    group.I_bias = np.tile(bias, frame.replicas) * (text.current * max_rate)
    border = text.clear
    if "I_stim" in group.variables:
        border += f"\nI_stim = {drive_name(population.name)}(t - t_begin, i)"
    slots = frame.schedule.slots[population.name]
    if population.softmax:
        _number(group, population.shape, frame)
        border += f"\n{SAMPLE_NOW}"
        built_softmax(group, frame.replicas, when=slots.thresholds, clock=frame.steps)
    if text.negative:
        group.run_on_event(NEGATIVE, text.negative[1], when=slots.resets)
        group.thresholder[NEGATIVE].when = slots.thresholds
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
        input_equations(frame.settings),
        threshold=f"{encoder.threshold} and in_window",
        reset="\n".join(filter(None, [encoder.reset, "count += 1"])),
        namespace={"uniform": UNIFORM, "max_rate": frame.settings.max_rate},
        clock=frame.steps,
        name=stimulus.name,
    )
    _number(group, stimulus.shape, frame)
    border = (
        f"count = 0\nx = {drive_name(stimulus.name)}(t - t_begin, i)\n{SAMPLE_NOW}\n{encoder.clear}"
    )
    _timed(group, frame, border)
    if encoder.update:
        group.run_regularly(encoder.update, when="groups", name=f"{stimulus.name}_update")
    return group


def _number(group: NeuronGroup, shape: tuple[int, ...], frame: Frame) -> None:
    """Tell neurons their number and replica, and the model's seed."""
    size = len(group) // frame.replicas
    group.neuron = np.tile(order_of(shape), frame.replicas)
    group.replica = np.repeat(np.arange(frame.replicas), size)
    group.batch, group.seed = frame.replicas, frame.settings.seed


def input_equations(settings: Settings) -> str:
    """The equations of the input population."""
    own = settings.encoder.equations
    rows = [
        "x : 1 (constant)",
        *([own] if own else []),
        "count : integer",
        SAMPLE,
        WINDOW,
        "t_begin : second (shared, constant)",
    ]
    return "\n".join(rows)


def _timed(group: NeuronGroup, frame: Frame, border: str) -> None:
    """Give a group its slots in the schedule, its window, and what happens at a border."""
    slots, schedule = frame.schedule.slots[group.name], frame.schedule
    if group.thresholder:
        group.thresholder["spike"].when = slots.thresholds
        group.resetter["spike"].when = slots.resets
    if "in_window" in group.variables:
        group.onset, group.period = schedule.onsets[group.name], schedule.period
        group.n_steps = frame.n_steps
    group.run_regularly(border, clock=frame.borders, when="start", name=f"{group.name}_border")
