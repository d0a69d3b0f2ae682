"""A plan and its scales as a spiking network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bioconv.convert.methods import Scale
from bioconv.convert.rescale import rescaled, spread
from bioconv.convert.trace import Plan, Planned, Term
from bioconv.graph import INPUT, LeakyReLU, QuantizedReLU, SoftLIF, Step
from bioconv.neurons import (
    IF,
    SIGNED,
    CorrectingIntegrateFire,
    Delta,
    FewSpike,
    Neuron,
    PeakInput,
    Synapse,
    soft_lif_neuron,
)
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """What the caller of a conversion chose, or his method for him.

    Attributes
    ----------
    stimulus : Stimulus
    neuron, synapse : records of :mod:`bioconv.neurons`
    own_neurons : bool
        Whether layers that stand for a certain neuron (soft LIF) get it.
    reset : {"subtract", "zero"}
    initial : float, "random" or None
        Potential at the begin of a presentation, in thresholds; None leaves it to the layer.
    clamp : int
        Steps that a layer ignores, for each layer before it.
    gain : float
        Factor on all weights and biases.
    max_rate : float
        Hz.
    """

    stimulus: Stimulus
    neuron: Neuron
    synapse: Synapse
    own_neurons: bool
    reset: str
    initial: float | str | None
    clamp: int
    gain: float
    max_rate: float


def assembled(plan: Plan, choices: Choices, scales: Mapping[str, Scale]) -> SpikingNetwork:
    """The network of a plan whose populations have these scales."""
    scales = {INPUT: choices.stimulus.scale, **scales}
    chosen_by = {planned.follows: planned.pool for planned in plan.populations if planned.follows}
    populations = [
        _population(planned, choices, scales[planned.name], chosen_by.get(planned.name, ""))
        for planned in plan.populations
    ]
    projections = tuple(
        _projection(name, planned, term, scales, choices)
        for name, (planned, term) in paths_of(plan).items()
    )
    made = SpikingNetwork(
        stimulus=choices.stimulus,
        populations=tuple(populations),
        projections=projections,
        output=plan.output,
    )
    if not choices.clamp:
        return made
    held = tuple(replace(p, hold=choices.clamp * made.depths[p.name]) for p in populations)
    return replace(made, populations=held)


def probed(plan: Plan, choices: Choices, scales: Mapping[str, Scale], name: str) -> SpikingNetwork:
    """The network up to a population, which keeps the largest input that a step brings."""
    upto = [planned.name for planned in plan.populations].index(name) + 1
    part = Plan(populations=plan.populations[:upto], output=name)
    made = assembled(part, choices, {**scales, name: 1.0})
    probe = replace(made[name], neuron=PeakInput(), synapse=Delta(), spiking=False, hold=0)
    needed = {name}
    left: list[Population] = []
    for population in reversed(made.populations):
        if population.name in needed:
            left.insert(0, probe if population.name == name else population)
            needed |= {projection.source for projection in made.incoming(population.name)}
    return replace(
        made,
        populations=tuple(left),
        projections=tuple(p for p in made.projections if p.target in needed),
    )


def paths_of(plan: Plan) -> dict[str, tuple[Planned, Term]]:
    """Every projection's name, target and path; a second path between two populations is numbered."""
    paths: dict[str, tuple[Planned, Term]] = {}
    for planned in plan.populations:
        for term in planned.form.terms:
            base = name = f"{term.source}_to_{planned.name}"
            number = 2
            while name in paths:
                name, number = f"{base}_{number}", number + 1
            paths[name] = (planned, term)
    return paths


def _population(planned: Planned, choices: Choices, scale: Scale, estimate: str) -> Population:
    neuron, synapse = _model(planned, choices)
    drive = planned.form.constant / spread(_drive_scale(planned, scale, choices), planned.shape)
    memoryless = isinstance(planned.activation, Step)
    soft = isinstance(planned.activation, SoftLIF) and choices.own_neurons
    always_hard = memoryless or soft or (bool(planned.follows) and not isinstance(neuron, SIGNED))
    return Population(
        name=planned.name,
        shape=planned.shape,
        node=planned.node,
        neuron=neuron,
        synapse=synapse,
        reset="zero" if always_hard else choices.reset,
        bias=drive * choices.gain + _offset(planned, choices),
        scale=scale * planned.slope,
        sign=planned.sign,
        spiking=planned.spiking,
        initial=_initial(planned, choices),
        memoryless=memoryless,
        softmax=planned.softmax,
        estimate="" if estimate == "or" else estimate,
    )


def _initial(planned: Planned, choices: Choices) -> float | str:
    """Soft-LIF networks are published as never reset between images: they begin anywhere."""
    whole = isinstance(planned.activation, Step) or isinstance(choices.neuron, FewSpike)
    if planned.follows or planned.softmax or not planned.spiking or whole:
        return 0.0
    if isinstance(planned.activation, QuantizedReLU):
        return 0.5
    if choices.initial is None:
        return "random" if isinstance(planned.activation, SoftLIF) else 0.0
    return choices.initial


def _model(planned: Planned, choices: Choices) -> tuple[Neuron, Synapse]:
    """Neuron and synapse of a population: the caller's, or what its layer stands for."""
    layer = planned.activation
    if planned.follows and isinstance(choices.neuron, CorrectingIntegrateFire):
        return SIGNED(slope=1.0), Delta()  # sends on what is taken back, too
    if planned.follows or isinstance(layer, Step):
        return IF(), Delta()
    if isinstance(layer, SoftLIF) and choices.own_neurons:
        return soft_lif_neuron(layer.tau_rc, layer.tau_ref), choices.synapse
    if not planned.spiking and not choices.neuron.passive:
        return IF(), choices.synapse
    if isinstance(layer, LeakyReLU):
        return SIGNED(slope=layer.slope), choices.synapse
    return choices.neuron, choices.synapse


def _drive_scale(planned: Planned, scale: Scale, choices: Choices) -> Scale:
    """The sum of inputs that moves a neuron by one threshold in an interval of the top rate.

    A soft-LIF neuron is at its threshold under a current of 1, which charges the membrane by
    ``1/tau_rc`` a second.
    """
    layer = planned.activation
    if isinstance(layer, SoftLIF):
        return layer.tau_rc * choices.max_rate / layer.gain
    return scale


def _offset(planned: Planned, choices: Choices) -> float:
    """Constant drive beyond the trained bias: the threshold of a soft LIF or of a step function."""
    layer = planned.activation
    if isinstance(layer, SoftLIF):
        return 1 / (layer.tau_rc * choices.max_rate)
    return 1 - layer.threshold if isinstance(layer, Step) else 0.0


def _projection(
    name: str, planned: Planned, term: Term, scales: Mapping[str, Scale], choices: Choices
) -> Projection:
    """The path with its scales in the weights on it, or as a gain where there are none."""
    if planned.follows:
        layers, gain = term.layers, 1.0
    else:
        target = _drive_scale(planned, scales[planned.name], choices)
        factor = term.factor * choices.gain
        layers, gain = rescaled(term.layers, term.shape, scales[term.source], target, factor)
    return Projection(
        name=name,
        source=term.source,
        target=planned.name,
        layers=layers,
        shape=term.shape,
        gain=gain,
    )
