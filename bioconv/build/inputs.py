"""What a run is given, as plain arrays: input, bias currents, weights; and what identifies its code."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bioconv.build.describe import described
from bioconv.build.encoders import Constant, EventInput, RankOrder
from bioconv.build.learning import first_weights
from bioconv.build.playback import coded
from bioconv.build.populations import text_of
from bioconv.build.recording import Recording
from bioconv.build.settings import Settings
from bioconv.build.stopping import FEEDER, Stop
from bioconv.build.wiring import Wiring
from bioconv.errors import StimulusError
from bioconv.events import Events
from bioconv.graph import checked_images
from bioconv.projections import order_of
from bioconv.spiking import SpikingNetwork

Edits = Mapping[tuple[str, str], np.ndarray]


def checked(samples: Any, spiking: SpikingNetwork, settings: Settings) -> Any:
    """What is to be shown, as its encoder wants it: (n_samples, *shape) images, (n_samples, n_steps, *shape)
    frames, or :class:`bioconv.Events`.

    Raises
    ------
    StimulusError
        If the shape is another, or a value outside the range that the network was converted for.
    """
    shape, encoder = spiking.stimulus.shape, settings.encoder
    if isinstance(encoder, EventInput):
        return _checked_events(samples, shape, float(settings.dt))
    if isinstance(samples, Events):
        raise StimulusError(
            f'events need encoder="events"; the model was made for {type(encoder).__name__} input'
        )
    found = (checked_frames if encoder.stepwise else checked_images)(shape, samples)
    check_range(found, spiking, settings)
    return found


def _checked_events(samples: Any, shape: tuple[int, ...], dt: float) -> Events:
    if not isinstance(samples, Events):
        samples = Events.from_frames(samples, dt)
    if samples.shape != tuple(shape):
        raise StimulusError(f"events are of {samples.shape} neurons; the network takes {shape}")
    return samples


def checked_frames(shape: tuple[int, ...], frames: Any) -> np.ndarray:
    """Sequences of images as (n_samples, n_steps, *shape) float64."""
    array = np.asarray(frames)
    if array.ndim != len(shape) + 2:
        raise StimulusError(
            f"frames have shape {array.shape}; the network takes (n_samples, n_steps, "
            f"{', '.join(map(str, shape))})"
        )
    flat = checked_images(shape, array.reshape(-1, *array.shape[2:]))
    return flat.reshape(*array.shape[:2], *shape)


def length_of(samples: Any, settings: Settings) -> int:
    """Steps that samples take where no duration is given: their own, or 100."""
    if isinstance(samples, Events):
        return samples.duration(float(settings.dt))
    return samples.shape[1] if settings.encoder.stepwise else 100


def check_range(images: np.ndarray, spiking: SpikingNetwork, settings: Settings) -> None:
    """Refuse images outside the range that the network was converted for.

    Raises
    ------
    StimulusError
        With the ranges and what to do.
    """
    stimulus = spiking.stimulus
    low, high = float(images.min()), float(images.max())
    if low < stimulus.low - 1e-9 or high > stimulus.high + 1e-9:
        raise StimulusError(
            f"images reach from {low:g} to {high:g}; the network was converted for "
            f"[{stimulus.low:g}, {stimulus.high:g}]. Divide them by their largest value (bytes: "
            "images / 255), or convert with input_range=(low, high)"
        )
    if settings.encoder.spikes and low < 0:
        raise StimulusError(
            f"images go down to {low:g}; the {type(settings.encoder).__name__} encoder "
            'cannot send negative values. Use encoder="constant"'
        )


def drives(
    images: Any, spiking: SpikingNetwork, settings: Settings, n_steps: int, width: int
) -> dict[str, Any]:
    """{population: (n, neurons) input}: pixels over the scale, or places in an order, for a population
    that sends them as spikes; currents (SI) of the weighted pixels for the others, of all ``n_steps`` one after
    another where they change; up to ``width`` coded events.
    """
    stimulus = spiking.stimulus
    if isinstance(images, Events):
        return {stimulus.name: coded(images, float(settings.dt), n_steps, width)}
    if settings.encoder.stepwise:
        return _sequences(images, spiking, settings, n_steps)
    values = images / stimulus.scale
    found: dict[str, Any] = {}
    if settings.encoder.spikes:
        encoder = settings.encoder
        found[stimulus.name] = encoder.places(values) if isinstance(encoder, RankOrder) else values
    else:
        for projection in spiking.projections:
            if projection.source == stimulus.name:
                text = text_of(spiking[projection.target], spiking, settings)
                current = float(text.drive(settings.max_rate))
                before = found.get(projection.target, 0)
                found[projection.target] = before + projection.of(values) * current
    return {
        name: part.reshape(len(part), -1)[:, order_of(part.shape[1:])]
        for name, part in found.items()
    }


def _sequences(
    frames: np.ndarray, spiking: SpikingNetwork, settings: Settings, n_steps: int
) -> dict[str, Any]:
    """{population: (n, n_steps*neurons) currents of the weighted frames, in the order of the population}."""
    shown = np.zeros((len(frames), n_steps, *frames.shape[2:]))
    shown[:, : frames.shape[1]] = frames[:, :n_steps]
    single = replace(settings, encoder=Constant(rate=settings.encoder.rate))
    total: dict[str, Any] = {}
    for delay in {p.delay for p in spiking.projections if p.source == spiking.stimulus.name}:
        here = tuple(p for p in spiking.projections if p.delay == delay)
        late = np.zeros_like(shown)
        late[:, delay:] = shown[:, : max(0, n_steps - delay)]
        one = replace(spiking, projections=here)
        found = drives(late.reshape(-1, *frames.shape[2:]), one, single, 1, 1)
        for name, values in found.items():
            total[name] = total.get(name, 0) + values.reshape(len(frames), -1)
    return total


def arguments(
    wiring: Wiring, edits: Edits, replicas: int, stop: Stop | None = None
) -> dict[str, Any]:
    """What a compiled program is given besides the input: seed, currents, thresholds, weights, what
    ``stop`` waits for.
    """
    spiking, settings = wiring.spiking, wiring.settings
    found: dict[str, Any] = {} if stop is None else {f"{FEEDER}.spikes": stop.spikes}
    if settings.encoder.spikes and not settings.encoder.stepwise:
        found[f"{spiking.stimulus.name}.seed"] = settings.seed
    texts = {p.name: text_of(p, spiking, settings) for p in spiking.populations}
    for population in spiking.populations:
        if population.draws:
            found[f"{population.name}.seed"] = settings.seed
        current = float(texts[population.name].drive(settings.max_rate))
        bias = population.bias.ravel()[order_of(population.shape)] * current
        bias = edits.get((population.name, "I_bias"), bias)
        found[f"{population.name}.I_bias"] = np.tile(bias, replicas)
        for name, values in texts[population.name].arrays.items():
            own = np.asarray(values).ravel()[order_of(population.shape)]
            own = edits.get((population.name, name), own)
            found[f"{population.name}.{name}"] = np.tile(own, replicas)
        for name, value in texts[population.name].parameters.items():
            if population.spiking or name != "V_th":
                given = edits.get((population.name, name), np.array([float(value)]))
                found[f"{population.name}.{name}"] = given
    for name in wiring.learning:
        own = {
            "w": first_weights(wiring, name).ravel(),
            "learning": np.ones(1),
            "reward": np.zeros(1),
        }
        found |= {f"{name}.{key}": edits.get((name, key), value) for key, value in own.items()}
    for projection in wiring.projections:
        if projection.rule is not None:
            continue
        if wiring.explicit and not projection.gates:
            continue
        weights = wiring.kind(projection.name).weights * float(texts[projection.target].unit)
        if wiring.kind(projection.name).n_synapses:
            found[f"{projection.name}.w"] = edits.get((projection.name, "w"), weights)
    return found


def code_key(
    wiring: Wiring, edits: Edits, sizes: tuple[Any, ...], record: Mapping[str, Recording]
) -> str:
    """All that enters a program's code, as text: structure and constants, not what it is given."""
    spiking, settings = wiring.spiking, wiring.settings
    unreported = replace(spiking, report=None)  # its notes are for people
    rows = [described(unreported, settings, wiring.kind), settings.precision, repr(sizes)]
    rows.append(repr((float(settings.dt), float(settings.max_rate))))
    for population in spiking.populations:
        text = text_of(population, spiking, settings)
        rows.append(repr({name: float(value) for name, value in text.constants.items()}))
    rows += [repr((n, r.spikes, r.neurons.tolist(), r.residual)) for n, r in sorted(record.items())]
    for projection in wiring.projections:
        kind = wiring.kind(projection.name)
        rows.append(repr((projection.name, kind.n_pre, kind.n_post, kind.constants)))
        rows += [f"{name} {digest(values)}" for name, values in kind.tables.items()]
    if wiring.explicit:
        rows += [
            f"{p.name} {digest(wiring.matrix(p.name))}" for p in wiring.projections if not p.gates
        ]
        rows += [
            f"{key} {digest(values)}"
            for key, values in edits.items()
            if key[0] not in wiring.learning
        ]
    return "\n".join(rows)


def arrays_of(samples: Any) -> tuple[np.ndarray, ...]:
    """The numbers that samples consist of."""
    if isinstance(samples, Events):
        return samples.sample, samples.neuron, samples.time
    return (samples,)


def digest(*values: Any) -> str:
    """A name for arrays and numbers that no others have."""
    found = hashlib.sha256()
    for value in values:
        sparse = hasattr(value, "indptr")
        for part in (value.data, value.indices, value.indptr) if sparse else (value,):
            array = np.ascontiguousarray(part)
            found.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return found.hexdigest()[:32]
