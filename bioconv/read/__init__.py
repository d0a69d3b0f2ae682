"""From any source of trained weights to a :class:`bioconv.graph.Network`; to a
:class:`bioconv.spiking.SpikingNetwork` where neurons were trained to spike."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import ReadError
from bioconv.graph import Network
from bioconv.neurons import Discrete
from bioconv.read.arrays import read_dict, read_list, read_npz
from bioconv.read.hdf5 import load_network, save_network
from bioconv.read.hdf5_spiking import is_spiking_file, load_spiking_network, save_spiking_network
from bioconv.read.keras import is_keras, read_keras
from bioconv.read.nir import from_nir, is_nir
from bioconv.read.onnx import is_onnx_model, read_onnx
from bioconv.read.pytorch import is_torch_module, read_torch
from bioconv.read.pytorch_file import is_torch_file, read_torch_file
from bioconv.read.stated import read_stated
from bioconv.spiking import SpikingNetwork

__all__ = ["bundled", "from_nir", "load_network", "read", "save_network", "save_spiking_network"]

_BUNDLED = Path(__file__).parents[1] / "data"


def bundled() -> tuple[str, ...]:
    """Names of the trained networks that come with the package; :func:`read` takes them."""
    return tuple(sorted(path.stem for path in _BUNDLED.glob("*.h5")))


def read(
    source: Any,
    *,
    input_shape: Sequence[int] | None = None,
    framework: str | None = None,
    neuron: Discrete | Mapping[str, Discrete] | None = None,
) -> Network | SpikingNetwork:
    """The trained network in ``source``; one that spikes if its neurons were trained to.

    Parameters
    ----------
    source
        A :class:`~bioconv.graph.Network`; a list of weight arrays or (weight, bias) pairs; a dict
        of them; the path of an ``.npz`` file or of an ``.h5`` file written by
        :func:`bioconv.save_network` or :func:`bioconv.save_spiking_network`; a Keras model (``.keras`` or ``.h5``); an ONNX model (``.onnx``, or an
        ``onnx.ModelProto``); the name of a bundled network (``"digits_cnn"``); a ``torch.nn.Module``, also one with
        neurons of snnTorch, Norse, SpikingJelly or Sinabs; the path of a ``state_dict()`` or checkpoint of torch (``.pt``,
        ``.pth``, ``.ckpt``), which is read as the dict of its weights; a NIR graph or ``.nir`` file (:func:`bioconv.from_nir` has
        their options).
    input_shape : tuple of int, optional
        ``(n,)`` or ``(channels, rows, columns)`` of one sample. Needed for a torch module and for
        bare arrays that begin with a convolution.
    framework : {"snntorch", "norse", "spikingjelly", "sinabs"}, optional
        Whose neurons a torch module must hold.
    neuron : Discrete or mapping, layer -> Discrete, optional
        For weights alone, such as a ``state_dict()``: the neurons that were trained behind the weights, of all
        layers or of those named; :mod:`bioconv.neurons.trained` has them.

    Raises
    ------
    ReadError
        If the source is of no known kind, is damaged, or its layers do not fit.
    UnsupportedLayerError
        If a framework's model holds a layer that bioconv does not know; the message names it.
    """
    if is_nir(source):
        return from_nir(source)
    if is_torch_module(source):
        _refuse("neuron", neuron, "a torch module has its own")
        return read_torch(source, input_shape=input_shape, framework=framework)
    _refuse("framework", framework, "it is for torch modules")
    if is_torch_file(source):
        return read_torch_file(source, input_shape, neuron)
    if is_onnx_model(source):
        return read_onnx(source, input_shape)
    if neuron is not None:
        return read_stated(source, neuron, input_shape)
    if isinstance(source, (Network, SpikingNetwork)):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _read_path(source, input_shape)
    if isinstance(source, Mapping):
        return read_dict(source, input_shape)
    if isinstance(source, (list, tuple)):
        return read_list(source, input_shape)
    if isinstance(source, np.ndarray):
        raise ReadError(
            f"the source is a single array of shape {source.shape}; put the weight arrays into a "
            "list: [W1, W2, …]"
        )
    raise ReadError(
        f"cannot read weights from {type(source).__name__}; give a list or dict of arrays, a path "
        "(.h5, .npz, .nir, .pt), a bioconv Network or a torch.nn.Module"
    )


def _refuse(name: str, value: Any, why: str) -> None:
    if value is not None:
        raise ReadError(f"{name}={value!r} does not go with this source: {why}")


def _read_path(
    source: str | os.PathLike, input_shape: Sequence[int] | None
) -> Network | SpikingNetwork:
    path = Path(source)
    if path.suffix == ".npz":
        return read_npz(path, input_shape)
    if str(source) in bundled():
        return load_network(_BUNDLED / f"{source}.h5")
    if path.suffix == ".onnx":
        return read_onnx(path, input_shape)
    if path.suffix in (".keras", ".h5", ".hdf5"):
        if is_keras(path):
            return read_keras(path, input_shape)
        return load_spiking_network(path) if is_spiking_file(path) else load_network(path)
    raise ReadError(
        f"cannot read {str(source)!r}: it is neither a file ending in .h5, .keras, .npz, .onnx, .nir, .pt, .pth or .ckpt nor "
        f"one of the bundled networks ({', '.join(bundled())})"
    )
