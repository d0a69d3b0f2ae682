"""A model as text that can be read: equations, thresholds, resets, synapses, sizes."""

from collections.abc import Callable
from typing import Any

from bioconv.build.populations import input_equations, text_of
from bioconv.build.settings import Settings
from bioconv.projections import Kind
from bioconv.spiking import Projection, SpikingNetwork


def equations(spiking: SpikingNetwork, settings: Settings) -> dict[str, str]:
    """{population: equations, threshold, reset, method and constants}."""
    texts = {p.name: str(text_of(p, spiking, settings)) for p in spiking.populations}
    if not settings.encoder.spikes:
        return texts
    encoder = settings.encoder
    if encoder.stepwise:
        return {spiking.stimulus.name: input_equations(settings), **texts}
    rows = [input_equations(settings)]
    rows.append(f"at onset   {encoder.clear}")
    rows += [f"every step {encoder.update}"] if encoder.update else []
    rows.append(f"threshold  {encoder.threshold} and in_window")
    rows += [f"reset      {encoder.reset}"] if encoder.reset else []
    return {spiking.stimulus.name: "\n".join(rows), **texts}


def described(spiking: SpikingNetwork, settings: Settings, kind_of: Callable[[str], Kind]) -> str:
    """The whole model; ``kind_of`` gives the shared form of a projection by its name."""
    stimulus = spiking.stimulus
    rows = [
        f"{len(spiking.populations)} populations, dt = {settings.dt}, {settings.propagation} "
        f"propagation, {settings.units.name} units",
        f"{stimulus.name}: {stimulus.shape} in [{stimulus.low:g}, {stimulus.high:g}], "
        f"{type(settings.encoder).__name__} encoder, maximal rate {settings.max_rate}",
    ]
    rows += [f"note: {note}" for note in getattr(spiking.report, "notes", ())]
    texts = equations(spiking, settings)
    if settings.encoder.spikes:
        rows += ["", f"{stimulus.name}: {_size(stimulus)}", _indented(texts[stimulus.name])]
    for population in spiking.populations:
        rows += ["", f"{population.name}: {_size(population)}", _indented(texts[population.name])]
        target = text_of(population, spiking, settings).target
        for projection in spiking.incoming(population.name):
            path = " > ".join(type(layer).__name__ for layer in projection.layers) or "one-to-one"
            if projection.source in texts:
                kind = kind_of(projection.name)
                single = settings.projections == "shared" and projection.rule is None
                stored = kind.weights.size if single else "all"
                gain = "*gain_pre" if "gain :" in texts[projection.source] else ""
                line = f"{path}, {kind.n_synapses} synapses ({stored} stored)"
                line += f", {projection.variable or target}_post += w{gain}"
                line += f", {projection.delay} steps late" * (projection.delay > 0)
                rows.append(f"    synapses   {projection.name}: {line}")
                if projection.rule is not None:
                    rows += [f"    learns     {row}" for row in _learning(projection)]
            else:
                rows.append(f"    current    {projection.name}: {path} of the image, as I_stim")
    return "\n".join(rows)


def _learning(projection: Projection) -> list[str]:
    total = f"the weights into a neuron add up to {projection.total:g} before every sample"
    return [*str(projection.rule).splitlines(), *([total] if projection.total else [])]


def _size(group: Any) -> str:
    neurons = 1
    for n in group.shape:
        neurons *= n
    return f"{neurons} neurons, shape {group.shape}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
