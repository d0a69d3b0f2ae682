"""The text of a plain script's network: populations as ``NeuronGroup``, projections as ``Synapses``.

Statement by statement what :mod:`bioconv.build` makes for one sample at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity

from bioconv.build import scheduled
from bioconv.build.inputs import Edits, arguments
from bioconv.build.populations import NEGATIVE, SAMPLE_NOW, input_equations, text_of
from bioconv.build.schedule import Schedule
from bioconv.build.wiring import Wiring
from bioconv.export.values import dim, local, quantity, word
from bioconv.neurons import NeuronText
from bioconv.projections import in_time
from bioconv.spiking import Population, Projection


@dataclass(frozen=True, kw_only=True, eq=False)
class Script:
    """What a script is written from.

    Attributes
    ----------
    wiring : Wiring
    edits : mapping, (object, variable) -> values of one replica
        What users have changed.
    n_steps : int
        Of a sample.
    """

    wiring: Wiring
    edits: Edits
    n_steps: int

    @property
    def schedule(self) -> Schedule:
        settings = self.wiring.settings
        return scheduled(
            self.wiring.spiking, settings.propagation, self.n_steps, settings.encoder.spikes
        )

    def text(self, population: Population) -> NeuronText:
        return text_of(population, self.wiring.spiking, self.wiring.settings)

    @property
    def draws(self) -> bool:
        """Whether random numbers are needed."""
        encoder = self.wiring.settings.encoder
        populations = self.wiring.spiking.populations
        return "uniform(" in encoder.clear + encoder.reset or any(p.draws for p in populations)


def body(script: Script) -> str:
    """Statements that make all groups and synapses, and list them in ``objects``."""
    spiking, wiring = script.wiring.spiking, script.wiring
    rows = _input(script) if wiring.settings.encoder.spikes else []
    for population in spiking.populations:
        rows += _population(script, population)
    rows.append("    # -- who sends to whom " + "-" * 70)
    for projection in wiring.projections:
        if wiring.kind(projection.name).n_synapses:
            rows += _projection(script, projection)
    return "\n".join(rows)


def _heading(name: str, shape: tuple[int, ...], more: str = "") -> str:
    title = f"    # -- {name}: {int(np.prod(shape))} neurons of shape {shape}{more} "
    return title + "-" * max(0, 100 - len(title))


def _block(statements: str) -> str:
    """Statements as a string of several lines."""
    inner = "\n".join(" " * 12 + line for line in statements.splitlines() if line)
    return f'"""\n{inner}\n{" " * 8}"""'


def _group(name: str, size: int, equations: str, options: Mapping[str, str]) -> list[str]:
    rows = [
        f"    {local(name)} = NeuronGroup(",
        f"        {size},",
        f"        {_block(equations)},",
    ]
    rows += [f"        {key}={value}," for key, value in options.items() if value]
    end = [f'        clock=steps, name="{name}",', "    )", f"    objects.append({local(name)})"]
    return rows + end


def _space(constants: Mapping[str, Any], *more: str) -> str:
    """A namespace: constants, and names that are names in the script, too."""
    rows = [f'"{name}": {quantity(value)}' for name, value in constants.items()]
    return "{" + ", ".join([*rows, *(f'"{name}": {name}' for name in more)]) + "}"


def _regularly(name: str, statements: str, when: str) -> str:
    return f"    {local(name)}.run_regularly({_block(statements)}, {when})"


def _population(script: Script, population: Population) -> list[str]:
    text, name = script.text(population), population.name
    driven = "I_stim :" in text.equations
    rows = [_heading(name, population.shape, f', for "{population.node}"')]
    rows += _drive(script, population, text) if driven else []
    rows += _neurons(population, text, driven)
    rows += _values(script, population, text)
    rows += _slots(script, name, text.equations, bool(text.threshold))
    return [*rows, *_statements(script, population, text, driven), ""]


def _neurons(population: Population, text: NeuronText, driven: bool) -> list[str]:
    name = population.name
    more = [f"drive_{name}"] * driven + ["uniform"] * population.draws
    options = {
        "threshold": f'"{text.threshold}"' if text.threshold else "",
        "reset": _block(text.reset) if text.reset else "",
        "refractory": f'"{text.refractory}"' if text.refractory else "",
        "events": f'{{"{NEGATIVE}": "{text.negative[0]}"}}' if text.negative else "",
        "method": f'"{text.method}"',
        "namespace": _space(text.constants, *more),
    }
    return _group(name, population.size, text.equations, options)


def _values(script: Script, population: Population, text: NeuronText) -> list[str]:
    """Parameters, those of single neurons from the file."""
    name, given = population.name, arguments(script.wiring, script.edits, 1)
    rows = [f"    {local(name)}.v = {quantity(text.rest)}"]
    for parameter, value in text.parameters.items():
        if f"{name}.{parameter}" in given:
            now = Quantity(float(given[f"{name}.{parameter}"][0]), dim=dim(value))
            rows.append(f"    {local(name)}.{parameter} = {quantity(now)}")
    for array in ("I_bias", *text.arrays):
        rows.append(f'    {local(name)}.{array}_ = file["{name}/{array}"][:]')
    return rows + (_numbered(script, name) if population.draws else [])


def _statements(
    script: Script, population: Population, text: NeuronText, driven: bool
) -> list[str]:
    """What happens to neurons in every step and at the begin of a presentation."""
    name, slots, rows = population.name, script.schedule.slots[population.name], []
    if text.negative:
        rows.append(
            f'    {local(name)}.run_on_event("{NEGATIVE}", {_block(text.negative[1])}, when="{slots.resets}")'
        )
        rows.append(f'    {local(name)}.thresholder["{NEGATIVE}"].when = "{slots.thresholds}"')
    if text.update:
        rows.append(f'    {local(name)}.state_updater.when = "{slots.updates}"')
        when = f'when="{slots.updates}", order=1, name="{name}_update"'
        rows.append(_regularly(name, text.update, when))
    if text.end:
        rows.append(_regularly(name, text.end, f'when="end", order=-1, name="{name}_end"'))
    shown = f"I_stim = drive_{name}(t - t_begin, i)" if driven else ""
    if driven and script.wiring.settings.encoder.stepwise:
        rows.append(_regularly(name, shown, f'when="start", name="{name}_frames"'))
        shown = ""
    begin = [text.clear, shown, SAMPLE_NOW if population.draws else "", text.start]
    return [*rows, _begin(name, "\n".join(filter(None, begin)))]


def _begin(name: str, statements: str) -> str:
    return _regularly(name, statements, f'clock=begins, when="start", name="{name}_begin"')


def _slots(script: Script, name: str, text: str, spiking: bool) -> list[str]:
    """A group's places in the schedule, and its window, if its equations have one."""
    slots, schedule = script.schedule.slots[name], script.schedule
    rows = []
    if spiking:
        rows.append(f'    {local(name)}.thresholder["spike"].when = "{slots.thresholds}"')
        rows.append(f'    {local(name)}.resetter["spike"].when = "{slots.resets}"')
    if "onset :" in text:
        rows.append(
            f"    {local(name)}.onset, {local(name)}.n_steps = {schedule.onsets[name]}, STEPS"
        )
        rows.append(f"    {local(name)}.period = PERIOD")
    return rows


def _numbered(script: Script, name: str) -> list[str]:
    return [
        f"    {local(name)}.neuron = numbers(SHAPES[{name!r}])",
        f"    {local(name)}.batch, {local(name)}.seed = 1, {script.wiring.settings.seed}",
    ]


def _drive(script: Script, population: Population, text: NeuronText) -> list[str]:
    """The current of the weighted images, presentation after presentation or step after step."""
    wiring, name = script.wiring, population.name
    stepwise = wiring.settings.encoder.stepwise
    current = text.drive(wiring.settings.max_rate)
    shown = "samples.reshape(-1, *samples.shape[2:])" if stepwise else "samples"
    names = [
        p.name for p in wiring.spiking.incoming(name) if p.source == wiring.spiking.stimulus.name
    ]
    scale = wiring.spiking.stimulus.scale
    total = " + ".join(f'weighted(file["{n}"], {shown}/{scale!r})' for n in names)
    unit = f"*{word(current)}" if word(current) != "1" else ""
    return [
        f"    values = ({total})*{float(current)!r}",
        f"    drive_{name} = TimedArray(values{unit}, dt=DT{'' if stepwise else '*PERIOD'})",
    ]


def _input(script: Script) -> list[str]:
    """The population of the encoder."""
    stimulus = script.wiring.spiking.stimulus
    heading = _heading(stimulus.name, stimulus.shape)
    stepwise = script.wiring.settings.encoder.stepwise
    return [heading, *(_events(script) if stepwise else _encoder(script)), ""]


def _events(script: Script) -> list[str]:
    stimulus = script.wiring.spiking.stimulus
    name, size = stimulus.name, int(np.prod(stimulus.shape))
    return [
        f"    shown = samples.reshape(len(samples), -1, {size})[:, :, numbers({stimulus.shape})]",
        "    sample, step, neuron = np.nonzero(shown)",
        f"    {local(name)} = SpikeGeneratorGroup(",
        f"        {size}, neuron, (sample*PERIOD + step)*DT, clock=steps,",
        f'        when="{script.schedule.slots[name].thresholds}", name="{name}",',
        "    )",
        f"    objects.append({local(name)})",
    ]


def _encoder(script: Script) -> list[str]:
    settings, stimulus = script.wiring.settings, script.wiring.spiking.stimulus
    encoder, name, drive = settings.encoder, stimulus.name, f"drive_{stimulus.name}"
    random = ["uniform"] * ("uniform(" in encoder.clear + encoder.reset)
    options = {
        "threshold": f'"{encoder.threshold} and in_window"',
        "reset": _block("\n".join(filter(None, [encoder.reset, "count += 1"]))),
        "namespace": _space({"max_rate": settings.max_rate}, drive, *random),
    }
    equations = input_equations(settings)
    begin = f"count = 0\nx = {drive}(t - t_begin, i)\n{SAMPLE_NOW}\n{encoder.clear}"
    rows = [
        f"    values = samples.reshape(len(samples), -1)[:, numbers({stimulus.shape})]",
        f"    {drive} = TimedArray(values/{stimulus.scale!r}, dt=DT*PERIOD)",
        *_group(name, int(np.prod(stimulus.shape)), equations, options),
        *_numbered(script, name),
        *_slots(script, name, equations, True),
        _begin(name, begin),
    ]
    if encoder.update:
        rows.append(_regularly(name, encoder.update, f'when="groups", name="{name}_update"'))
    return rows


def _projection(script: Script, projection: Projection) -> list[str]:
    wiring, schedule, name = script.wiring, script.schedule, projection.name
    text = script.text(wiring.spiking[projection.target])
    units = wiring.settings.units
    unit = units.potential if text.target in ("v", "x") else units.current
    source, target = local(projection.source), local(projection.target)
    path = " > ".join(type(layer).__name__ for layer in projection.layers) or "one-to-one"
    slot, delay = schedule.slots[projection.source].synapses, schedule.delays[name]
    on_pre, events = _pathways(script, projection, text.target)
    return [
        f"    # {path}",
        "    objects.append(joined(",
        f'        file, {source}, {target}, "{name}", "{unit}", {on_pre},',
        f'        "{slot}", {delay}*DT{events},',
        "    ))",
    ]


def _pathways(script: Script, projection: Projection, target: str) -> tuple[str, str]:
    """What spikes do, and positive and negative ones where the source sends both."""
    wiring, source = script.wiring, projection.source
    first = source == wiring.spiking.stimulus.name
    gain = "*gain_pre" if first and "gain :" in wiring.settings.encoder.equations else ""
    delay = script.schedule.delays[projection.name]
    weight = f"w{gain}" + (in_time(delay, script.schedule.period) if projection.delay else "")
    adds = f'"pre": "{target}_post += {weight}"'
    if first or script.text(wiring.spiking[source]).negative is None:
        return f"{{{adds}}}", ""
    takes = f'"{NEGATIVE}": "{target}_post -= {weight}"'
    return f"{{{adds}, {takes}}}", f', {{"pre": "spike", "{NEGATIVE}": "{NEGATIVE}"}}'
