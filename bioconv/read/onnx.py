"""ONNX graphs as a :class:`~bioconv.graph.Network`; the only reader that imports onnx.

========== ============================ =====================================================
step       from                         to
========== ============================ =====================================================
load       a file or a ModelProto       a graph with its weights; nothing is run
walk       the nodes in their order     constants are computed, all else becomes layers by the
                                        table of :mod:`bioconv.read.onnx_layers`
========== ============================ =====================================================
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import BioconvError, MissingDependencyError, ReadError, UnsupportedLayerError
from bioconv.graph import INPUT, Network
from bioconv.read.onnx_layers import Call, Value, Walk

_DAMAGED = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, MemoryError,
    OverflowError, NotImplementedError,
)  # fmt: skip


def is_onnx_model(source: Any) -> bool:
    """Whether ``source`` is an ``onnx.ModelProto``; never imports onnx."""
    kind = type(source)
    return kind.__name__ == "ModelProto" and kind.__module__.startswith("onnx")


def read_onnx(source: Any, input_shape: Sequence[int] | None = None) -> Network:
    """The network of an ONNX model: a path, or an ``onnx.ModelProto``.

    Parameters
    ----------
    input_shape : tuple of int, optional
        ``(channels, rows, columns)`` or ``(n,)``; needed where the graph leaves the size of its input open.

    Raises
    ------
    MissingDependencyError
        If onnx is not installed.
    ReadError
        If the file is missing, damaged, or its parts do not fit.
    UnsupportedLayerError
        If the graph calls what has no layer here; the message names it.
    """
    onnx = _onnx()
    where = "the ONNX model" if is_onnx_model(source) else str(source)
    try:
        model = source if is_onnx_model(source) else _loaded(onnx, Path(source))
        return _network(onnx, model, input_shape)
    except UnsupportedLayerError as error:
        raise UnsupportedLayerError(f"{where}: {error}") from None
    except BioconvError as error:
        raise ReadError(f"{where}: {error}") from None
    except _DAMAGED as error:
        raise ReadError(f"{where} is damaged or is not an ONNX model: {error}") from error


def _onnx() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingDependencyError(
            'reading ONNX needs the onnx package: pip install "bioconv[onnx]"'
        ) from error
    return onnx


def _loaded(onnx: Any, path: Path) -> Any:
    from google.protobuf.message import Error

    if not path.is_file():
        raise ReadError("no such file")
    try:
        return onnx.load(os.fspath(path), format="protobuf", load_external_data=False)
    except Error as error:
        raise ReadError(f"it is damaged or is not an ONNX model: {error}") from error


def _network(onnx: Any, model: Any, input_shape: Any) -> Network:
    graph = model.graph
    if not graph.node:
        raise ReadError("the graph has no nodes; is it an ONNX model?")
    constants = {tensor.name: _array(onnx, tensor) for tensor in graph.initializer}
    name, batch, shape = _input(graph, constants, input_shape)
    walk = Walk(
        opset=_opset(model),
        batch=batch,
        uses=_uses(graph),
        values={**constants, name: Value(node=INPUT, shape=shape)},
    )
    for number, node in enumerate(graph.node):
        walk.call(_call(onnx, node, number))
    outputs = [output.name for output in graph.output]
    if len(outputs) != 1:
        raise ReadError(f"the graph has the outputs {', '.join(outputs)}; one can be read")
    return walk.network(outputs[0], shape)


def _array(onnx: Any, tensor: Any) -> np.ndarray:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise ReadError(
            f"{tensor.name} stands in another file; save the model in one: onnx.save(onnx.load(path), new)"
        )
    return onnx.numpy_helper.to_array(tensor)


def _input(graph: Any, constants: Any, given: Any) -> tuple[str, int | None, tuple[int, ...]]:
    """Name, size of the batch where it is fixed, and shape of a sample of the only input."""
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise ReadError(f"the graph has the inputs {names or 'none'}; one can be read")
    dims = inputs[0].type.tensor_type.shape.dim
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in dims]
    stated = tuple(sizes[1:])
    if given is None and (len(stated) not in (1, 3) or min(stated) < 1):
        raise ReadError(
            f"its input {inputs[0].name!r} has shape {sizes}, 0 where it is open; give input_shape="
            "(channels, rows, columns) or (n,) of one sample"
        )
    shape = stated if given is None else tuple(int(n) for n in given)
    differ = any(0 < a != b for a, b in zip(stated, shape, strict=False))
    if len(shape) not in (1, 3) or min(shape) < 1 or (dims and len(stated) != len(shape)) or differ:
        raise ReadError(f"input_shape is {shape}; the graph takes {stated}, 0 where it is open")
    return inputs[0].name, (sizes[0] if sizes else 0) or None, shape


def _opset(model: Any) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        raise ReadError("it does not say the version of its operators (opset_import)")
    return max(versions)


def _uses(graph: Any) -> dict[str, int]:
    """How often every value is used."""
    found: dict[str, int] = {}
    for name in [*(i for node in graph.node for i in node.input), *(o.name for o in graph.output)]:
        found[name] = found.get(name, 0) + 1
    return found


def _call(onnx: Any, node: Any, number: int) -> Call:
    attributes = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, onnx.TensorProto):
            value = _array(onnx, value)
        attributes[attribute.name] = value.decode() if isinstance(value, bytes) else value
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}::"
    return Call(
        kind=f"{domain}{node.op_type}",
        name=node.name or f"{node.op_type.lower()}_{number}",
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes=attributes,
    )
