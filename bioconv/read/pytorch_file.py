"""A file of ``torch.save`` with weights alone, a ``state_dict()``; no code that a file brings is run.

A state dictionary names arrays. Which strides, pools and activations stand between them it does not say, so it becomes the
chain of :func:`~bioconv.read.arrays.read_dict`: every other network is read as the ``torch.nn.Module`` itself.
"""

import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioconv.errors import BioconvError, MissingDependencyError, ReadError
from bioconv.graph import Network
from bioconv.read.arrays import BIAS_ENDINGS, read_dict
from bioconv.read.stated import Neurons, read_stated
from bioconv.read.torch_layers import array
from bioconv.spiking import SpikingNetwork

#: Endings of the files that are read here.
SUFFIXES = (".pt", ".pth", ".ckpt")
#: Where a checkpoint keeps the state dictionary beside its epoch, optimizer and so on.
_KEPT_UNDER = ("state_dict", "model_state_dict", "model")
#: What wrappers put before every name: ``DataParallel``, ``torch.compile``.
_WRAPPERS = ("module.", "_orig_mod.")
#: Before this version a file could run code in spite of ``weights_only=True`` (CVE-2025-32434).
_SAFE = (2, 6)
#: How often the bytes of a file may be named by its tensors; several share them where weights are tied.
_SHARED = 4
_SAVE = "torch.save(model.state_dict(), path)"
_BUILD = (
    "Weights alone do not say what stands between them (strides, padding, pools, normalisation): build the module, call "
    "load_state_dict, and give the module with input_shape"
)


def is_torch_file(source: Any) -> bool:
    """Whether it is a path with an ending of torch's files."""
    return isinstance(source, (str, os.PathLike)) and Path(source).suffix in SUFFIXES


def read_torch_file(
    path: str | os.PathLike,
    input_shape: Sequence[int] | None = None,
    neuron: Neurons | None = None,
) -> Network | SpikingNetwork:
    """The chain of the weights in a file of ``torch.save(model.state_dict(), path)``, or in a checkpoint around it.

    Parameters
    ----------
    path : path
        Read with ``torch.load(path, weights_only=True)``. A checkpoint keeps the state dictionary under
        ``"state_dict"``, ``"model_state_dict"`` or ``"model"``.
    input_shape : tuple of int, optional
        Of one sample; needed where the first layer is a convolution.
    neuron : Discrete or mapping, layer -> Discrete, optional
        As in :func:`~bioconv.read.stated.read_stated`: the neurons that were trained behind the weights.

    Raises
    ------
    MissingDependencyError
        If torch is not installed, or is too old to read a file safely.
    ReadError
        If the file is missing, damaged, needs to be unpickled, or its weights are no chain.
    """
    state = _state(_loaded(path), path)
    try:
        if neuron is not None:
            return read_stated(state, neuron, input_shape)
        _check_alone(state)
        return read_dict({name: array(tensor) for name, tensor in state.items()}, input_shape)
    except BioconvError as error:
        raise ReadError(f"{path}: {error}. {_BUILD}") from error


def _loaded(path: str | os.PathLike) -> Any:
    if not Path(path).is_file():
        raise ReadError(f"{path}: no such file")
    torch = _torch()
    _check_archive(path)
    try:
        with warnings.catch_warnings():  # about odd files, which are refused below
            warnings.simplefilter("ignore")
            return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # a damaged file fails in any way; torch's advice is to run its code
        raise ReadError(f"{path} {_reason(error)}. Save the weights alone: {_SAVE}") from error


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            'reading a file of torch.save needs PyTorch: pip install "bioconv[torch]"'
        ) from error
    if tuple(int(n) for n in re.findall(r"\d+", torch.__version__)[:2]) < _SAFE:
        raise MissingDependencyError(
            f"PyTorch {torch.__version__} may run code that a file brings; reading files needs 2.6: "
            'pip install "torch>=2.6"'
        )
    return torch


def _reason(error: Exception) -> str:
    needed = re.search(r"GLOBAL (\S+)", str(error))
    if needed is None:
        return "is damaged, or no file of torch.save with tensors alone"
    return f"holds more than tensors ({needed[1]}), and nothing is unpickled that could run code"


def _check_archive(path: str | os.PathLike) -> None:
    try:
        problem = _problem(path)
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        problem = f"is damaged: {error}"
    if problem is not None:
        raise ReadError(f"{path} {problem}. Save the weights: {_SAVE}")


def _problem(path: str | os.PathLike) -> str | None:
    """A file since torch 1.6 is a zip archive that is not compressed, of records with checksums, which torch does
    not compare.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        packed = any(record.compress_type != zipfile.ZIP_STORED for record in records)
        if packed or sum(record.file_size for record in records) > Path(path).stat().st_size:
            return "is compressed, as TorchScript files are and those of torch.save never"
        damaged = archive.testzip()
    if damaged is None:
        return None
    return f"is damaged: the checksum of {damaged!r} is wrong (or left out by torch.serialization.set_crc32_options)"


def _state(loaded: Any, path: str | os.PathLike) -> dict[str, Any]:
    """Tensors by name, without what wrappers put before the names."""
    kept = [loaded[key] for key in _KEPT_UNDER if isinstance(loaded, Mapping) and key in loaded]
    state = next((value for value in kept if isinstance(value, Mapping)), loaded)
    if not isinstance(state, Mapping) or not state:
        raise ReadError(
            f"{path} holds {_kind(loaded)}, no state dictionary. Save the weights: {_SAVE}"
        )
    named = {str(name): value for name, value in state.items()}
    for name, value in named.items():
        if not _is_plain(value):
            raise ReadError(
                f"{path}: {name!r} is {_kind(value)}; an entry of a state dictionary is a dense tensor of real numbers. "
                f"Save the weights: {_SAVE}"
            )
    _check_size(named, path)
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in named):
            named = {name.removeprefix(wrapper): value for name, value in named.items()}
    return {name if "." in name or "_" in name else f"layer.{name}": v for name, v in named.items()}


def _is_plain(value: Any) -> bool:
    torch = _torch()
    return (
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not (value.is_complex() or value.is_quantized or value.is_nested)
    )


def _kind(value: Any) -> str:
    if hasattr(value, "layout"):
        return f"a tensor of {value.dtype}, {value.layout}, on {value.device}"
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} with {', '.join(map(str, list(value)[:8])) or 'nothing'}"
    return f"of type {type(value).__name__}"


def _check_size(state: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Tensors may overlap or repeat one number, and would be larger in memory than the file."""
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    size = Path(path).stat().st_size
    if claimed > _SHARED * size:
        raise ReadError(
            f"{path}: its tensors take {claimed} bytes, the file has {size}; call clone() on tensors that were "
            f"expanded. Save the weights: {_SAVE}"
        )


def _check_alone(state: Mapping[str, Any]) -> None:
    """Whether every entry is the weight or bias of a dense layer or a convolution."""
    strange = [
        f"{name} {tuple(tensor.shape)}"
        for name, tensor in state.items()
        if tensor.ndim not in (1, 2, 4) or (tensor.ndim == 1 and not name.endswith(BIAS_ENDINGS))
    ]  # fmt: skip
    if strange:
        raise ReadError(
            f"{', '.join(strange[:8])}: neither weights nor biases of dense layers or convolutions; neuron= "
            "states spiking neurons that were trained behind the weights"
        )
