"""Networks from bare weight arrays: a list, a dict, an ``.npz`` file.

Only a chain can be written this way: dense weights ``(out, in)`` and kernels ``(out, in, rows, columns)``,
a ReLU between any two of them, a Flatten before the first dense layer where it is needed. Whatever
has strides, padding, pooling or branches is a :class:`bioconv.graph.Network`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import DAMAGED_ARRAYS, BioconvError, ReadError
from bioconv.graph import Conv2d, Dense, Flatten, Layer, Network, ReLU

#: Endings by which a dict or an ``.npz`` file tells a layer's weight from its bias.
WEIGHT_ENDINGS = (".weight", "_weight", "/weight", ".W", "_W", "/W", ".w", "_w")
BIAS_ENDINGS = (".bias", "_bias", "/bias", ".b", "_b", "/b")


def read_list(weights: Sequence[Any], input_shape: Sequence[int] | None = None) -> Network:
    """A chain from ``[W1, W2, …]`` or ``[(W1, b1), …]``; ``None`` stands for no bias.

    ``input_shape`` is needed when the first layer is a convolution and may be left out for a
    dense one.

    Raises
    ------
    ReadError
        If the list is empty, an entry is no weight, or the layers do not fit.
    """
    if len(weights) == 0:
        raise ReadError("the list of weights is empty; give at least one weight array")
    pairs = [_pair(n, entry) for n, entry in enumerate(weights)]
    return _chain({f"entry {n}": pair for n, pair in enumerate(pairs)}, {}, input_shape)


def read_dict(weights: Mapping[str, Any], input_shape: Sequence[int] | None = None) -> Network:
    """A chain from ``{"fc1": (W, b)}``, ``{"fc1": W}`` or ``{"fc1.weight": W, "fc1.bias": b}``.

    Layers follow each other in the order of the dict.

    Raises
    ------
    ReadError
        As for :func:`read_list`; also for a bias without its weight.
    """
    if len(weights) == 0:
        raise ReadError("the dict of weights is empty; give at least one weight array")
    found: dict[str, list[Any]] = {}
    for key, value in weights.items():
        name, slot = _split(str(key))
        known = found.setdefault(name, [None, None])
        if known[slot or 0] is not None:
            raise ReadError(
                f"{key!r} gives {name!r} a second time; the keys are {', '.join(map(str, weights))}"
            )
        if slot is None:
            known[:] = _pair(key, value)
        else:
            known[slot] = value
    for name, (weight, _) in found.items():
        if weight is None:
            raise ReadError(
                f"{name!r} has a bias and no weight; the keys are {', '.join(map(str, weights))}"
            )
    return _chain(found, {name: name for name in found}, input_shape)


def read_npz(path: str | os.PathLike, input_shape: Sequence[int] | None = None) -> Network:
    """A chain from an ``.npz`` file with the keys of :func:`read_dict`; nothing is unpickled.

    The file may hold its own ``input_shape``.

    Raises
    ------
    ReadError
        If the file is missing, damaged, holds pickled objects, or the layers do not fit.
    """
    if not Path(path).is_file():
        raise ReadError(f"{path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except DAMAGED_ARRAYS as error:
        raise ReadError(f"{path} is damaged or is not an .npz file of plain arrays: {error}") from (
            error
        )
    stored = arrays.pop("input_shape", None)
    if input_shape is None and stored is not None:
        input_shape = tuple(np.ravel(stored).tolist())
    try:
        return read_dict(arrays, input_shape)
    except BioconvError as error:
        raise ReadError(f"{path}: {error}") from error


def _split(key: str) -> tuple[str, int | None]:
    for slot, endings in enumerate((WEIGHT_ENDINGS, BIAS_ENDINGS)):
        for ending in endings:
            if key.endswith(ending) and len(key) > len(ending):
                return key[: -len(ending)], slot
    return key, None


def _pair(where: Any, entry: Any) -> tuple[Any, Any]:
    """(weight, bias) of an entry that is a weight or a pair."""
    if isinstance(entry, (tuple, list)) and len(entry) in (1, 2) and _is_array(entry[0]):
        return entry[0], (entry[1] if len(entry) == 2 else None)
    if _is_array(entry):
        return entry, None
    raise ReadError(
        f"entry {where!r} of the weights is {_kind(entry)}; give a 2-d dense weight (out, in), "
        "a 4-d kernel (out, in, rows, columns), or a pair (weight, bias)"
    )


def _is_array(value: Any) -> bool:
    if not isinstance(value, (np.ndarray, list, tuple)):
        return False
    try:
        return np.ndim(value) in (2, 4)
    except ValueError:  # rows of different lengths
        return False


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"of type {type(value).__name__}"


def _chain(
    entries: Mapping[str, Sequence[Any]],
    names: Mapping[str, str],
    input_shape: Sequence[int] | None,
) -> Network:
    layers: list[tuple[str | None, Layer]] = []
    flat = False
    for name, (weight, bias) in entries.items():
        try:
            layer: Layer = (Dense if np.ndim(weight) == 2 else Conv2d)(weight=weight, bias=bias)
        except BioconvError as error:
            raise ReadError(f"{name}: {error}") from error
        if layers:
            layers.append((None, ReLU()))
        if isinstance(layer, Dense) and not flat:
            flat = True
            if layers or (input_shape is not None and np.size(input_shape) == 3):
                layers.append((None, Flatten()))
        layers.append((names.get(name), layer))
    first = layers[0][1]
    if input_shape is None:
        if not isinstance(first, Dense):
            raise ReadError(
                "the first layer is a convolution, so the size of the images cannot be known; "
                "give input_shape=(channels, rows, columns)"
            )
        input_shape = (first.weight.shape[1],)
    try:
        network = Network.sequential([layer for _, layer in layers], input_shape=input_shape)
        if not names:
            return network
        chosen = {}
        for node, (given, layer) in zip(network.nodes, layers, strict=True):
            name = given or f"{node.name}_"
            while given is None and name in names:
                name += "_"
            chosen[name] = layer
        return Network.sequential(chosen, input_shape=input_shape)
    except BioconvError as error:
        raise ReadError(str(error)) from error
