"""Spiking networks in an HDF5 file: populations, projections, and neurons by the name of their rule.

A file holds no equations, only the name of a neuron of :mod:`bioconv.neurons.published` and its numbers, so that none
can bring code of its own.
"""

import json
import keyword
import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import BioconvError, ReadError
from bioconv.graph import Scale
from bioconv.neurons import Discrete, published
from bioconv.read.assembly import OR, VALUE
from bioconv.read.hdf5 import KINDS, read_layer, write_field
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus

KIND, VERSION = "bioconv-spiking-network", 1
#: Neurons that a file may name: functions of their parameters. A new one joins here.
NEURONS: dict[str, Callable[..., Discrete]] = {
    "stbp": published.stbp,
    "plif": published.plif,
    "plif, plain input": lambda **given: published.plif(decay_input=False, **given),
    "plif, subtracting": lambda **given: published.plif(V_reset=None, **given),
    "if": published.integrate_fire,
    "if, hard": lambda **given: published.integrate_fire(reset="zero", **given),
    "stdb": published.stdb,
    "tssl": published.tssl,
    "spikegrad": lambda V_th, V_begin: published.spikegrad(V_th=V_th, first=V_begin),
    "accumulator": published.accumulator,
    "filtered accumulator": published.filtered_accumulator,
    "or": lambda **_: OR,
    "value": lambda **_: VALUE,
}
_TEXTS = ("label", "equations", "update", "spike", "reset", "begin", "negative", "method")
_DTYPES = ("float64", "float32")
#: Beyond the layers of networks: factors, for running means.
_LAYERS = {**KINDS, "Scale": Scale}


def save_spiking_network(
    network: SpikingNetwork,
    path: str | os.PathLike,
    *,
    dtype: str = "float64",
    overwrite: bool = False,
) -> None:
    """Write a trained spiking network; :func:`bioconv.read` reads it back.

    Parameters
    ----------
    network : SpikingNetwork
        Of :func:`bioconv.spiking_network`, or read from a torch module of :mod:`bioconv.learn.gradient`.
    dtype : {"float64", "float32"}
        Precision of weights and biases; float64 keeps every bit.

    Raises
    ------
    ReadError
        If a projection learns, a neuron is of no published rule (NIR can say others), the file exists (without ``overwrite``), or it
        cannot be written.
    """
    if dtype not in _DTYPES:
        raise ReadError(f"dtype is {dtype!r}; choose one of {', '.join(_DTYPES)}")
    learning = [p.name for p in network.projections if p.rule is not None]
    if learning:
        raise ReadError(
            f"{learning[0]} learns, which a file cannot say; write model.frozen().spiking"
        )
    names = {p.name: _named(p) for p in network.populations}
    with hdf5.written(path, ReadError, overwrite) as file:
        stimulus = network.stimulus
        file.attrs.update(
            format=KIND, version=VERSION, output=network.output, shape=stimulus.shape, name=stimulus.name,
            low=stimulus.low, high=stimulus.high,
        )  # fmt: skip
        if network.dt is not None:
            file.attrs["dt"] = network.dt
        for place, population in enumerate(network.populations):
            _write_population(file, place, population, names[population.name], dtype)
        for place, projection in enumerate(network.projections):
            _write_projection(file, place, projection, dtype)


def _named(population: Population) -> str:
    """The name of a population's neuron.

    Raises
    ------
    ReadError
        If a file cannot name it.
    """
    neuron = population.neuron
    if isinstance(neuron, Discrete):
        for name, make in NEURONS.items():
            try:
                other = make(**{key: value for key, (value, _) in neuron.parameters.items()})
            except TypeError:
                continue
            if all(getattr(other, text) == getattr(neuron, text) for text in _TEXTS):
                return name
    raise ReadError(
        f"{population.name}: an .h5 file cannot name its neuron; those that it can are {', '.join(NEURONS)}. NIR can "
        "say others: bioconv.write.to_nir"
    )


def _write_population(file: Any, place: int, population: Population, name: str, dtype: str) -> None:
    neuron = population.neuron
    assert isinstance(neuron, Discrete)
    group = file.create_group(f"populations/{place}")
    group.attrs.update(
        name=population.name, shape=population.shape, node=population.node, neuron=name,
        filtered=json.dumps(dict(neuron.filtered)),
    )  # fmt: skip
    write_field(group, "bias", np.asarray(population.bias, dtype=float), dtype)
    for key, (value, _) in neuron.parameters.items():
        write_field(group, f"parameter.{key}", np.atleast_1d(value), "float64")
        group.attrs[f"single.{key}"] = np.ndim(value) == 0


def _write_projection(file: Any, place: int, projection: Projection, dtype: str) -> None:
    group = file.create_group(f"projections/{place}")
    for key in ("name", "source", "target", "shape", "gain", "delay", "variable"):
        group.attrs[key] = getattr(projection, key)
    for number, layer in enumerate(projection.layers):
        part = group.create_group(f"layers/{number}")
        part.attrs["kind"] = type(layer).__name__
        for field in fields(layer):
            write_field(part, field.name, getattr(layer, field.name), dtype)


def is_spiking_file(path: str | os.PathLike) -> bool:
    """Whether a file says that it is one of these."""
    if not Path(path).is_file():
        return False
    try:
        with hdf5.foreign(path, ReadError, str(path)) as file:
            return bool(file.attrs.get("format") == KIND)
    except ReadError:
        return False


def load_spiking_network(path: str | os.PathLike) -> SpikingNetwork:
    """The network that :func:`save_spiking_network` wrote.

    Raises
    ------
    ReadError
        If the file is missing, damaged, or is not a spiking network.
    """
    with hdf5.opened(path, ReadError, KIND, VERSION) as file:
        try:
            attrs = file.attrs
            network = SpikingNetwork(
                stimulus=Stimulus(
                    shape=_shape(attrs), low=float(attrs["low"]), high=float(attrs["high"]),
                    name=str(attrs["name"]),
                ),
                populations=tuple(map(_population, _in_order(file, "populations"))),
                projections=tuple(map(_projection, _in_order(file, "projections"))),
                output=str(attrs["output"]),
                dt=float(attrs["dt"]) if "dt" in attrs else None,
            )  # fmt: skip
            _check(network)
            return network
        except (BioconvError, ValueError, TypeError) as error:
            raise ReadError(f"{path}: {error}") from error


def _check(network: SpikingNetwork) -> None:
    """Refuse names that are none, and parts that do not fit each other.

    Raises
    ------
    ReadError
        With the part.
    """
    shapes = {network.stimulus.name: network.stimulus.shape}
    shapes |= {p.name: p.shape for p in network.populations}
    parts: list[Population | Projection] = [*network.populations, *network.projections]
    names = [network.stimulus.name, *(part.name for part in parts)]
    neurons = {p.name: p.neuron for p in network.populations if isinstance(p.neuron, Discrete)}
    for name in (*names, *(key for neuron in neurons.values() for key in neuron.filtered)):
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ReadError(f"{name!r} is no name of a part")
    if len(set(names)) < len(names) or network.output not in neurons:
        raise ReadError(f"two parts have one name, or there is no output {network.output!r}")
    for population in network.populations:
        if population.bias.shape != population.shape:
            raise ReadError(
                f"{population.name}: a bias of {population.bias.shape} for neurons of {population.shape}"
            )
    for path in network.projections:
        if path.shape != shapes.get(path.source) or path.target not in neurons:
            raise ReadError(
                f"{path.name} goes from {path.source!r} to {path.target!r}, which does not fit"
            )
        if np.prod(path.target_shape) != np.prod(shapes[path.target]) or path.delay < 0:
            raise ReadError(
                f"{path.name} ends at neurons of another shape, or waits less than no step"
            )
        if path.variable and path.variable not in neurons[path.target].filtered:
            raise ReadError(f"{path.name} adds to {path.variable!r}, which {path.target} has not")


def _in_order(file: Any, name: str) -> list[Any]:
    groups = file[name]
    return [groups[str(place)] for place in range(len(groups))]


def _shape(attrs: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in attrs["shape"])


def _population(group: Any) -> Population:
    name, kind = str(group.attrs["name"]), str(group.attrs["neuron"])
    if kind not in NEURONS:
        raise ReadError(f"{name}: unknown neuron {kind!r}; known are {', '.join(NEURONS)}")
    given = {}
    for key in group:
        if key.startswith("parameter."):
            values, short = group[key][()], key.removeprefix("parameter.")
            given[short] = values[0] if group.attrs[f"single.{short}"] else values
    neuron = NEURONS[kind](**given)
    filtered = json.loads(str(group.attrs["filtered"]))
    return Population(
        name=name, shape=_shape(group.attrs), node=str(group.attrs["node"]), bias=group["bias"][()],
        neuron=replace(neuron, filtered={str(k): float(v) for k, v in filtered.items()}),
    )  # fmt: skip


def _projection(group: Any) -> Projection:
    attrs = group.attrs
    layers = _in_order(group, "layers") if "layers" in group else []
    return Projection(
        name=str(attrs["name"]), source=str(attrs["source"]), target=str(attrs["target"]), shape=_shape(attrs),
        layers=tuple(read_layer(str(attrs["name"]), layer, _LAYERS) for layer in layers),
        gain=float(attrs["gain"]), delay=int(attrs["delay"]), variable=str(attrs["variable"]),
    )  # fmt: skip
