"""The part of an exported program that differs from network to network: ``model.cpp``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import get_device

from bioconv.build import Built, RankOrder, Recording
from bioconv.build.playback import Playback
from bioconv.build.populations import text_of
from bioconv.build.wiring import Wiring
from bioconv.projections import Kind, SharedProjection, order_of
from bioconv.spiking import Projection

Shape = tuple[int, ...]

#: Spikes that may wait in memory, and steps after which they are taken away at the latest.
SPIKES, STEPS = 2**22, 4096
#: Of a population, what every sample leaves behind: file, variable.
COUNTED = {"counts": "count", "negatives": "count_negative"}
_TYPES = {"int32": "i", "float32": "f", "float64": "d"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Code:
    """What ``model.cpp`` is written from.

    Attributes
    ----------
    built : Built
        On Brian2's C++ device.
    monitors : mapping, population -> SpikeMonitor
    wiring : Wiring
    record : mapping, population -> Recording
    steps : int
        Of a sample, unless the program is told otherwise.
    any_steps : bool
        Whether it may be told otherwise.
    """

    built: Built
    monitors: Mapping[str, Any]
    wiring: Wiring
    record: Mapping[str, Recording]
    steps: int
    any_steps: bool

    @property
    def shapes(self) -> dict[str, Shape]:
        return self.wiring.layers


def model_code(code: Code, files: Mapping[str, int]) -> str:
    """The text of ``model.cpp``; ``files`` are names and sizes of what the program reads."""
    built, settings = code.built, code.wiring.settings
    images, encoded = _images(code)
    rows = [
        f"model.replicas = {built.replicas};",
        f"model.steps = {code.steps};",
        f"model.any_steps = {_bool(code.any_steps)};",
        f"model.lag = {built.schedule.period - built.n_steps};",
        f"model.segment = {_segment(code)};",
        f"model.dt = {float(built.dt)!r};",
        f"model.seed = {settings.seed};",
        *(f"model.seeds.push_back({_pointer(g, 'seed')});" for g in _with(built, "seed")),
        *(
            f"model.first_samples.push_back({_pointer(g, 'first_sample')});"
            for g in _with(built, "first_sample")
        ),
        *(f"model.state.push_back({block});" for block in _state(built)),
        *(f"model.readings.push_back({reading});" for reading in _readings(code)),
        *(f"model.trains.push_back({train});" for train in _trains(code)),
        *(f"model.drives.push_back({drive});" for drive in _drives(built)),
        f"model.images = {images};",
    ]
    listed = [f"{{{_text(name)}, {size}}}," for name, size in sorted(files.items())]
    return _filled(
        files="\n".join(listed),
        rows="\n".join(rows),
        network=built.network.name,
        kernels="\n".join(_includes(code)),
        encoded=encoded,
    )


def _filled(**holes: str) -> str:
    text = (Path(__file__).parent / "templates" / "cpp" / "model.cpp.in").read_text()
    for name, value in holes.items():
        indent = " " * (8 if name == "files" else 4)
        text = text.replace(f"@{name}@", value.replace("\n", f"\n{indent}"))
    return text


def _text(text: str) -> str:
    return json.dumps(text)


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _list(shape: Iterable[int]) -> str:
    return "{" + ", ".join(map(str, shape)) + "}"


def _number(value: float) -> str:
    """A double as C++ reads it, bit for bit."""
    if np.isinf(value):
        return "-INFINITY" if value < 0 else "INFINITY"
    return repr(float(value))


def _pointer(owner: Any, name: str) -> str:
    return f"brian::{get_device().get_array_name(owner.variables[name], access_data=False)}"


def _with(built: Built, variable: str) -> list[Any]:
    return [group for group in built.groups.values() if variable in group.variables]


def _segment(code: Code) -> int:
    """Steps whose spikes fit into memory even if all recorded neurons spike in all of them."""
    sizes = code.wiring.sizes
    neurons = sum(sizes[name] for name, r in code.record.items() if r.spikes)
    return max(1, min(STEPS, SPIKES // max(1, neurons * code.built.replicas)))


def _state(built: Built) -> list[str]:
    """All arrays that may change, one after another."""
    device, rows = get_device(), []
    for variable, name in sorted(device.arrays.items(), key=lambda item: item[1]):
        if variable in device.dynamic_arrays or variable in device.dynamic_arrays_2d:
            continue
        if not _fixed(variable):
            size = f"sizeof(*brian::{name})*brian::_num_{name}"
            rows.append(f"{{(char*)brian::{name}, {size}}}")
    return rows


def _fixed(variable: Any) -> bool:
    """Whether an array holds weights, tables or input."""
    owner, name = variable.owner, variable.name
    if isinstance(owner, SharedProjection):
        return name not in ("_ring", "_ring_at")
    if isinstance(owner, Playback):
        return name in ("values", "_width")
    return name == "i"


def _readings(code: Code) -> list[str]:
    built, rows = code.built, []
    for name, group in built.groups.items():
        for file, variable in COUNTED.items():
            if variable in group.variables or file == "counts":
                rows.append(_reading(code, f"{file}.{name}", name, variable))
        if "coded" in group.variables:
            spiking = "count" in group.variables
            rows.append(_reading(code, f"coded.{name}", name, "coded" if spiking else "v"))
    rows.append(_reading(code, "potentials", built.output, "v"))
    residual = [name for name, recording in code.record.items() if recording.residual]
    return rows + [_reading(code, f"residuals.{name}", name, "v") for name in residual]


def _reading(code: Code, file: str, name: str, variable: str) -> str:
    """A ``Reading``; of a population without the variable, zeros."""
    group, shape = code.built.groups[name], _list(code.shapes[name])
    if variable not in group.variables:
        return f"{{{_text(file)}, {shape}, 'i', nullptr, false, 0, 1}}"
    kind = _TYPES[np.dtype(group.variables[variable].dtype).name]
    scale = "false, 0, 1"
    if variable == "v":
        text = code.built.texts[name]
        scale = f"true, {_number(float(text.rest))}, {_number(float(text.distance))}"
    return f"{{{_text(file)}, {shape}, '{kind}', {_pointer(group, variable)}, {scale}}}"


def _trains(code: Code) -> list[str]:
    onsets, rows = code.built.schedule.onsets, []
    for name, monitor in code.monitors.items():
        parts = ", ".join(f"&{_pointer(monitor, part)}" for part in ("i", "t"))
        rows.append(
            f"{{{_text(f'spikes.{name}')}, {_list(code.shapes[name])}, {onsets[name]}, {parts}, "
            f"{_pointer(monitor, 'N')}}}"
        )
    return rows


def _drives(built: Built) -> list[str]:
    rows = []
    for name, drive in built.drives.items():
        neurons = len(built.orders[name])
        if isinstance(drive, Playback):
            parts = ", ".join(
                f"{sign}{_pointer(drive, p)}" for sign, p in (("&", "values"), ("", "_width"))
            )
            rows.append(f"{{{_text(name)}, 1, {neurons}, nullptr, {parts}}}")
        else:
            values = f"brian::{drive.name}_values, nullptr, nullptr"
            rows.append(f"{{{_text(name)}, {len(drive.values)}, {neurons}, {values}}}")
    return rows


# -- images as they are ----------------------------------------------------------------------


def _images(code: Code) -> tuple[str, str]:
    """The record ``Images``, and the statements of ``encoded``."""
    stimulus, encoder = code.wiring.spiking.stimulus, code.wiring.settings.encoder
    refusal = _refusal(code)
    sequence = code.built.n_steps if encoder.stepwise else 0
    low = max(0.0, stimulus.low) if encoder.spikes else stimulus.low
    about = ", ".join(
        [
            _list(stimulus.shape), str(sequence), _number(low), _number(stimulus.high),
            _number(stimulus.scale), _text(refusal),
        ]
    )  # fmt: skip
    if refusal:
        return f"{{{about}}}", ""
    if encoder.spikes:
        return f"{{{about}}}", "drives.assign(1, values);"
    return f"{{{about}}}", "\n".join(_weighted(code))


def _refusal(code: Code) -> str:
    encoder = code.wiring.settings.encoder
    if isinstance(encoder, RankOrder) or (encoder.spikes and encoder.stepwise):
        return (
            f"raw images are not taken by the {type(encoder).__name__} encoder; let bioconv write the "
            "stimulus: model.write_stimulus(file, images)"
        )
    if any(p.gates for p in _first(code)) and not encoder.spikes:
        return "max-pooling stands before the first weights; use model.write_stimulus(file, images)"
    return ""


def _first(code: Code) -> list[Projection]:
    """The projections that weigh the image."""
    stimulus = code.wiring.spiking.stimulus.name
    return [p for p in code.wiring.spiking.projections if p.source == stimulus]


def first_weights(code: Code) -> dict[str, np.ndarray]:
    """{name: array} of the weights that make currents of images, and of their tables."""
    if code.wiring.settings.encoder.spikes or _refusal(code):
        return {}
    found = {}
    for projection in _first(code):
        kind = code.wiring.kind(projection.name)
        found[f"{projection.name}.w"] = np.asarray(kind.weights, dtype=np.float64)
        for name, table in kind.tables.items():
            found[f"{projection.name}.{name}"] = np.asarray(table, dtype=np.int32)
    return found


def _includes(code: Code) -> list[str]:
    if code.wiring.settings.encoder.spikes or _refusal(code):
        return []
    used = {code.wiring.kind(p.name).template for p in _first(code)}
    return [f'#include "{name}.h"' for name in ("spikes", *sorted(used))]


def _weighted(code: Code) -> list[str]:
    """Statements that add up what the projections from the image bring."""
    spiking, settings, built = code.wiring.spiking, code.wiring.settings, code.built
    rows = ["const std::vector<int32_t> pixels = seen(values);"]
    rows += [f"drives.resize({len(built.drives)});", "std::vector<double> sums;"]
    for place, name in enumerate(built.drives):
        current = float(text_of(spiking[name], spiking, settings).drive(settings.max_rate))
        size = len(order_of(spiking[name].shape))
        rows.append(f"drives[{place}].assign({size}, 0.0);")
        for projection in _first(code):
            if projection.target != name:
                continue
            kind = code.wiring.kind(projection.name)
            rows.append(f"sums.assign({size}, 0.0);")
            rows.append(_kernel(projection.name, kind))
            rows.append(
                f"for (size_t k = 0; k < sums.size(); k++) drives[{place}][k] += sums[k]*{current!r};"
            )
    return rows


def _kernel(name: str, kind: Kind) -> str:
    """The call of a projection's kernel, where a pixel is a spike that counts as much as its value."""
    whole = ("channels", "columns", "per_group", "out_columns", "out_channels", "out_per_group",
             "kernel_rows", "kernel_columns")  # fmt: skip
    constants = [kind.constants[f"_{n}"] for n in ("block", *whole) if f"_{n}" in kind.constants]
    tables = [f"table<int32_t>({_text(f'{name}.{table}')})" for table in kind.tables]
    given = [
        "pixels", f"table<double>({_text(f'{name}.w')})", "sums.data()", "(const char*)nullptr",
        *(f"(int64_t){n}" for n in (kind.n_pre, kind.n_post, *constants)), *tables, "values.data()",
    ]  # fmt: skip
    return f"{kind.template if kind.template in ('dense', 'sparse') else 'convolution'}<false>({', '.join(given)});"
