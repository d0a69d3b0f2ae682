"""Keras models from their files, without Keras: ``.keras`` (a zip) and ``.h5``, of Keras 2 and 3.

::

    .keras   config.json             the layers and who feeds whom
             model.weights.h5        layers/<kind of layer, numbered>/vars/0, 1, …
    .h5      attribute model_config  the same configuration
             model_weights/<layer>   attribute weight_names: the data sets in their order

Keras stores channels last: kernels are turned to (out, in, rows, columns), the input to (channels, rows, columns),
and dense weights behind a Flatten to the order channel, row, column. Nothing of a file is executed.
"""

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import BioconvError, ReadError, UnsupportedLayerError
from bioconv.graph import Network
from bioconv.read.keras_layers import KerasLayer, network_of

Config = Mapping[str, Any]
Weights = Callable[[str], tuple[np.ndarray, ...]]

#: What the configuration or the weights in a ``.keras`` file may be unpacked to: bytes, or times their packed size.
_CONFIG, _UNPACKED, _RATIO = 2**26, 2**26, 50
#: Where Keras' own layers say that they come from.
_OWN = ("keras", "tf_keras", "tensorflow.python.keras", "tensorflow.keras", "builtins")
_DAMAGED = (
    OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, RecursionError,
    MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def is_keras(path: str | os.PathLike) -> bool:
    """Whether a file is a Keras model: by its ending, or by what an ``.h5`` file holds."""
    if Path(path).suffix == ".keras":
        return True
    if not Path(path).is_file():
        return False
    try:
        with hdf5.foreign(path, ReadError, str(path)) as file:
            return any(
                key in file.attrs for key in ("model_config", "layer_names", "keras_version")
            )
    except ReadError:
        return False


def read_keras(path: str | os.PathLike, input_shape: Sequence[int] | None = None) -> Network:
    """The network of a Keras model, Sequential or functional.

    Parameters
    ----------
    input_shape : tuple of int, optional
        ``(channels, rows, columns)`` or ``(n,)``; needed where the file does not say it.

    Raises
    ------
    ReadError
        If the file is missing, damaged, or its weights do not fit its layers.
    UnsupportedLayerError
        If a layer has no counterpart here; the message names it.
    """
    reader = _read_zip if Path(path).suffix == ".keras" else _read_hdf5
    try:
        return reader(path, input_shape)
    except UnsupportedLayerError as error:
        raise UnsupportedLayerError(f"{path}: {error}") from None
    except BioconvError as error:
        raise ReadError(f"{path}: {error}") from None
    except _DAMAGED as error:
        raise ReadError(f"{path} is damaged or is not a Keras model: {error}") from error


def _read_zip(path: str | os.PathLike, input_shape: Any) -> Network:
    if not Path(path).is_file():
        raise ReadError("no such file")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        missing = [name for name in ("config.json", "model.weights.h5") if name not in names]
        if missing:
            raise ReadError(f"{' and '.join(missing)} missing in it; is it a Keras model?")
        model = json.loads(_unpacked(archive, "config.json", _CONFIG))
        stored = archive.getinfo("model.weights.h5").compress_size
        weights = _unpacked(archive, "model.weights.h5", max(_UNPACKED, _RATIO * stored))
    with hdf5.foreign(io.BytesIO(weights), ReadError, "model.weights.h5") as file:
        return _network(model, _numbered_weights(file, _layers(model)), input_shape)


def _unpacked(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ReadError(f"{name} unpacks to more than {limit} bytes")
    return content


def _read_hdf5(path: str | os.PathLike, input_shape: Any) -> Network:
    with hdf5.foreign(path, ReadError, str(path)) as file:
        if "model_config" not in file.attrs:
            raise ReadError(
                "it holds weights alone, not their layers; save the whole model: model.save(...)"
            )
        return _network(json.loads(file.attrs["model_config"]), _named_weights(file), input_shape)


def _network(model: Config, weights: Weights, input_shape: Any) -> Network:
    inside = model["config"]
    layers = tuple(_written(model, weights))
    shape = _input_shape(model, input_shape)
    end = layers[-1].name if model["class_name"] == "Sequential" else _only_end(inside, "output")
    return network_of(layers, shape, end)


def _layers(model: Config) -> list[Config]:
    """The configurations of a model's layers."""
    kind = model.get("class_name")
    if kind not in ("Sequential", "Functional", "Model"):
        raise UnsupportedLayerError(
            f"the model is a {kind}; Sequential and functional ones say what they compute, others are code"
        )
    inside = model["config"]
    return inside if isinstance(inside, list) else inside["layers"]


def _written(model: Config, weights: Weights) -> Iterator[KerasLayer]:
    """The layers with their inputs and weights; the input itself is called by its Keras name."""
    sequential = model["class_name"] == "Sequential"
    before: tuple[str, ...] = ("",)
    for layer in _layers(model):
        config = layer["config"]
        kind, name = layer["class_name"], str(config.get("name", layer.get("name")))
        _check_own(layer, name)
        inputs = before if sequential else _fed_by(layer, name)
        before = ("",) if kind == "InputLayer" else (name,)
        yield KerasLayer(name=name, kind=kind, config=config, inputs=inputs, weights=weights(name))


def _check_own(layer: Config, name: str) -> None:
    """A class that somebody registered may have the name of one of Keras' own."""
    module = layer.get("module")
    if (module and not str(module).startswith(_OWN)) or layer.get("registered_name"):
        raise UnsupportedLayerError(
            f"{name} ({layer['class_name']}) is a class of its own, whose code the file does not hold"
        )


def _fed_by(layer: Config, name: str) -> tuple[str, ...]:
    """Names of the layers that feed one; none for an input."""
    calls = layer.get("inbound_nodes", [])
    if len(calls) > 1:
        raise UnsupportedLayerError(f"{name} is called {len(calls)} times; one call can be read")
    if not calls:
        return ()
    if isinstance(calls[0], Mapping):  # Keras 3
        return tuple(_histories(calls[0]["args"]))
    return tuple(str(entry[0]) for entry in calls[0])


def _histories(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield str(value["config"]["keras_history"][0])
    else:
        for part in value:
            yield from _histories(part)


def _only_end(inside: Config, which: str) -> str:
    found = inside[f"{which}_layers"]
    while found and isinstance(found[0], list):
        if len(found) > 1:
            raise ReadError(f"the model has {len(found)} {which}s; one can be read")
        found = found[0]
    return str(found[0])


def _input_shape(model: Config, given: Any) -> tuple[int, ...]:
    if model["class_name"] != "Sequential":
        _only_end(model["config"], "input")
    inside = model["config"]
    stated = [_stated(layer["config"]) for layer in _layers(model)]
    if isinstance(inside, Mapping) and inside.get("build_input_shape"):
        stated.append(inside["build_input_shape"])
    found = next((shape for shape in stated if shape), None)
    if found is None or None in found[1:]:
        if given is None:
            raise ReadError(
                "it does not say the size of its input; give input_shape=(channels, rows, columns)"
            )
        return tuple(given)
    sizes = tuple(int(n) for n in found[1:])
    turned = (sizes[2], sizes[0], sizes[1]) if len(sizes) == 3 else sizes
    if given is not None and tuple(given) != turned:
        raise ReadError(f"input_shape is {tuple(given)}; the model takes {turned}")
    return turned


def _stated(config: Config) -> Any:
    return config.get("batch_shape") or config.get("batch_input_shape")


def _numbered_weights(file: Any, layers: Sequence[Config]) -> Weights:
    """Weights of a ``.keras`` file: groups are named by the kind of layer, and numbered."""
    root = "layers" if "layers" in file else "_layer_checkpoint_dependencies"
    groups: dict[str, str] = {}
    count: dict[str, int] = {}
    for layer in layers:
        kind = _snake_case(str(layer["class_name"]))
        n = count[kind] = count.get(kind, -1) + 1
        groups[str(layer["config"]["name"])] = f"{root}/{kind}_{n}" if n else f"{root}/{kind}"

    def weights(name: str) -> tuple[np.ndarray, ...]:
        if groups[name] not in file or "vars" not in file[groups[name]]:
            return ()
        held = hdf5.member(file, f"{groups[name]}/vars", ReadError)
        stated = held.attrs.get("name")
        if stated is not None and stated != name:
            raise ReadError(f"{groups[name]} holds the weights of {stated!r}, not of {name!r}")
        return tuple(
            hdf5.numbers(hdf5.member(held, str(n), ReadError), ReadError) for n in range(len(held))
        )

    return weights


def _snake_case(name: str) -> str:
    """``"MaxPooling2D"`` as ``"max_pooling2d"``, ``"ReLU"`` as ``"re_lu"``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _named_weights(file: Any) -> Weights:
    """Weights of an ``.h5`` file: a group a layer, whose attribute lists its data sets."""
    root = hdf5.member(file, "model_weights", ReadError)

    def weights(name: str) -> tuple[np.ndarray, ...]:
        if name not in root:
            return ()
        group = hdf5.member(root, name, ReadError)
        return tuple(
            hdf5.numbers(hdf5.member(group, path, ReadError), ReadError)
            for path in _listed(group.attrs, "weight_names")
        )

    return weights


def _listed(attributes: Any, name: str) -> list[str]:
    """A list of texts; long ones are stored in pieces, ``name0``, ``name1``, …"""
    found = list(attributes.get(name, ()))
    n = 0
    while f"{name}{n}" in attributes:
        found += list(attributes[f"{name}{n}"])
        n += 1
    return [text.decode() if isinstance(text, bytes) else str(text) for text in found]
