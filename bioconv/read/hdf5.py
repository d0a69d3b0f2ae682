"""bioconv's own file of trained weights: HDF5, one group a layer, readable with h5py alone.

::

    attributes      format = "bioconv-network", version = 1, input_shape = [1, 28, 28]
    layers/conv1    attributes  kind = "Conv2d", position = 0, inputs = ["input"],
                                stride = "[1, 1]" … (settings as JSON)
                    data sets   weight, bias (float64, float32 or float16)

A layer's name is its group's; "/" and "%" in it are written "%2F" and "%25".
"""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import BioconvError, ReadError
from bioconv.graph import LAYERS, Network, Node

KIND, VERSION = "bioconv-network", 1
KINDS = {layer.__name__: layer for layer in LAYERS}
_DTYPES = ("float64", "float32", "float16")


def save_network(
    network: Network,
    path: str | os.PathLike,
    *,
    dtype: str = "float64",
    overwrite: bool = False,
) -> None:
    """Write a network; :func:`bioconv.read` reads it back.

    Parameters
    ----------
    dtype : {"float64", "float32", "float16"}
        Precision of the stored arrays; float64 keeps every bit.

    Raises
    ------
    ReadError
        If the file exists (without ``overwrite``), cannot be written, or a weight does not
        fit the precision asked for.
    """
    if dtype not in _DTYPES:
        raise ReadError(f"dtype is {dtype!r}; choose one of {', '.join(_DTYPES)}")
    with hdf5.written(path, ReadError, overwrite) as file:
        file.attrs.update(format=KIND, version=VERSION, input_shape=network.input_shape)
        for position, node in enumerate(network.nodes):
            group = file.create_group(f"layers/{_quoted(node.name)}")
            group.attrs.update(
                kind=type(node.layer).__name__, position=position, inputs=json.dumps(node.inputs)
            )
            for field in fields(node.layer):
                write_field(group, field.name, getattr(node.layer, field.name), dtype)


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


def _unquoted(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")


def write_field(group: Any, name: str, value: Any, dtype: str) -> None:
    if not isinstance(value, np.ndarray):
        group.attrs[name] = json.dumps(value, default=np.generic.item)
        return
    with np.errstate(over="ignore"):
        stored = value.astype(dtype)
    if not np.isfinite(stored).all():
        raise ReadError(f"{group.name}: {name} reaches {abs(value).max():g}, beyond {dtype}")
    group.create_dataset(name, data=stored, compression="gzip", compression_opts=9, shuffle=True)


def load_network(path: str | os.PathLike) -> Network:
    """The network that :func:`save_network` wrote.

    Raises
    ------
    ReadError
        If the file is missing, damaged, or is not a network.
    """
    with hdf5.opened(path, ReadError, KIND, VERSION) as file:
        groups = sorted(file["layers"].items(), key=lambda item: int(item[1].attrs["position"]))
        try:
            return Network(
                nodes=tuple(
                    Node(
                        name=_unquoted(name),
                        layer=read_layer(name, group),
                        inputs=tuple(json.loads(group.attrs["inputs"])),
                    )
                    for name, group in groups
                ),
                input_shape=tuple(int(n) for n in file.attrs["input_shape"]),
            )
        except (BioconvError, ValueError) as error:
            raise ReadError(f"{path}: {error}") from error


def read_layer(name: str, group: Any, known: Mapping[str, Any] = KINDS) -> Any:
    """The layer that a group describes; ``known`` are kinds by their names."""
    kind = str(group.attrs["kind"])
    if kind not in known:
        raise ReadError(f"layer {name!r} is of unknown kind {kind!r}; known: {', '.join(known)}")
    settings = {}
    for field in fields(known[kind]):
        if field.name in group:
            settings[field.name] = group[field.name][()]
        elif field.name in group.attrs:
            settings[field.name] = json.loads(group.attrs[field.name])
    try:
        return known[kind](**settings)
    except (BioconvError, TypeError) as error:
        raise ReadError(f"layer {name!r}: {error}") from error
