"""What ONNX operators are in :mod:`bioconv.graph`. Nothing here imports onnx."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bioconv.errors import BioconvError, ReadError, UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    ClippedReLU,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    Reshape,
    Softmax,
    ZeroPad2d,
    output_shape,
)

Shape = tuple[int, ...]
#: Numbers that a constant may be filled with.
_FILLED = 10**6


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """A node of the graph; ``kind`` is its operator, with the domain in front if that is not ONNX's own."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor that depends on the input: the node that computes it, and its shape without the batch."""

    node: str
    shape: Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """A call as the functions below see it.

    Attributes
    ----------
    attributes : mapping
    opset : int
        Version of the operators.
    batch : int or None
        Size of the first axis where the graph fixes it.
    """

    attributes: Mapping[str, Any]
    opset: int
    batch: int | None

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)


#: Layers one after another behind some values; a Value stands for nothing to do, an array for a constant.
Result = tuple[tuple[Layer, ...], tuple[Value, ...]] | Value | np.ndarray


class Walk:
    """Collects the nodes of a network while the calls of a graph are walked through."""

    def __init__(
        self, *, opset: int, batch: int | None, uses: Mapping[str, int], values: Mapping[str, Any]
    ):
        self._opset, self._batch, self._uses = opset, batch, uses
        self._values: dict[str, Any] = dict(values)
        self._nodes: list[Node] = []

    def call(self, call: Call) -> None:
        """Compute the call's first output: a constant, or layers."""
        where = f"{call.name} ({call.kind})"
        missing = [name for name in call.inputs if name and name not in self._values]
        if missing:
            raise ReadError(f"{where}: nothing computes {', '.join(missing)}")
        args = [self._values[name] if name else None for name in call.inputs]
        if any(output in self._values for output in call.outputs):
            raise ReadError(f"{where}: computes {', '.join(call.outputs)} a second time")
        operator = Operator(attributes=call.attributes, opset=self._opset, batch=self._batch)
        try:
            self._values[call.outputs[0]] = self._result(call, operator, args)
        except UnsupportedLayerError as error:
            raise UnsupportedLayerError(f"{where}: {error}") from None
        except (BioconvError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ReadError(f"{where}: {error}") from None

    def network(self, output: str, input_shape: Shape) -> Network:
        """The network that ends at ``output``."""
        end = self._values.get(output)
        if not isinstance(end, Value) or end.node == INPUT:
            raise ReadError(f"the output {output!r} is not computed from the input by any layer")
        nodes: list[Node] = []
        needed = {end.node}
        for node in reversed(self._nodes):
            if node.name in needed:
                needed.update(node.inputs)
                nodes.insert(0, node)
        return Network(nodes=tuple(nodes), input_shape=input_shape)

    def _result(self, call: Call, operator: Operator, args: list[Any]) -> Any:
        constant = not any(isinstance(arg, Value) for arg in args)
        table: Mapping[str, Callable[..., Any]] = CONSTANTS if constant else OPERATORS
        if call.kind not in table:
            can = ", ".join(table)
            raise UnsupportedLayerError(
                f"cannot be read{' with constants alone' * constant}. What can: {can}"
            )
        merged = None if constant else self._with_bias(call, args)
        if merged is not None:
            return merged
        result = table[call.kind](operator, *args)
        if constant:
            return np.asarray(result)
        if isinstance(result, (Value, np.ndarray)):
            return result
        layers, fed = result
        return self._added(call.name, layers, fed)

    def _with_bias(self, call: Call, args: list[Any]) -> Value | None:
        """``MatMul`` and the ``Add`` behind it are one dense layer."""
        if call.kind != "Add" or not any(isinstance(arg, np.ndarray) for arg in args):
            return None
        place, x = next((n, arg) for n, arg in enumerate(args) if isinstance(arg, Value))
        last = self._nodes[-1] if self._nodes else None
        if last is None or last.name != x.node or self._uses[call.inputs[place]] > 1:
            return None
        if not isinstance(last.layer, Dense) or last.layer.bias is not None:
            return None
        bias = _channels(x, args[1 - place])
        self._nodes[-1] = replace(last, layer=replace(last.layer, bias=bias))
        return x

    def _added(self, name: str, layers: tuple[Layer, ...], fed: tuple[Value, ...]) -> Value:
        value = fed[0]
        for layer in layers:
            shape = output_shape(layer, *(v.shape for v in fed))
            node = self._free(name)
            self._nodes.append(Node(name=node, layer=layer, inputs=tuple(v.node for v in fed)))
            value = Value(node=node, shape=shape)
            fed = (value,)
        return value

    def _free(self, name: str) -> str:
        taken = {INPUT, *(node.name for node in self._nodes)}
        plain = re.sub(r"\W+", "_", name).strip("_") or "node"
        if plain not in taken:
            return plain
        return next(f"{plain}_{n}" for n in range(2, 10**6) if f"{plain}_{n}" not in taken)


def _refuse(what: str, hint: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"{what} cannot be read; {hint}")


def _constant(value: Any, what: str) -> np.ndarray:
    if isinstance(value, Value):
        raise _refuse(f"{what} that depends on the input", "constants can")
    return np.asarray(value)


def _list(value: Any, what: str) -> list[int]:
    return [int(n) for n in np.ravel(_constant(value, what))]


def _channels(x: Value, value: np.ndarray) -> np.ndarray:
    """(channels,) of a constant that broadcasts against (batch, channels, ...) with one value a channel."""
    array = np.asarray(value, dtype=float)
    if array.ndim > len(x.shape) + 1:
        raise _refuse(f"a constant of shape {array.shape}", "one value a channel can")
    array = array.reshape((1,) * (len(x.shape) + 1 - array.ndim) + array.shape)
    if any(n != 1 for axis, n in enumerate(array.shape) if axis != 1):
        raise _refuse(f"a constant of shape {np.shape(value)}", "one value a channel can")
    return np.broadcast_to(array.ravel(), (x.shape[0],))


def _gemm(op: Operator, a: Value, b: Any, c: Any = None) -> Result:
    if op.get("transA", 0) or not isinstance(a, Value):
        raise _refuse("Gemm whose first factor is turned or constant", "x W + b can")
    weight = _constant(b, "a weight") * op.get("alpha", 1.0)
    weight = weight if op.get("transB", 0) else weight.T
    bias = None if c is None else _constant(c, "a bias") * op.get("beta", 1.0)
    if bias is not None:
        bias = np.broadcast_to(np.ravel(bias), (weight.shape[0],))
    return (Dense(weight=weight, bias=bias),), (a,)


def _matmul(op: Operator, a: Any, b: Any) -> Result:
    if not isinstance(a, Value) or len(a.shape) != 1:
        raise _refuse("MatMul that is not x W of flat samples x", "x W can")
    return (Dense(weight=_constant(b, "a weight").T),), (a,)


def _pads(op: Operator) -> Any:
    """Padding of a window: ((top, bottom), (left, right)) or "same"."""
    auto = op.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        return "same"
    if auto not in ("NOTSET", "VALID"):
        raise _refuse(f"auto_pad {auto!r}", "NOTSET, VALID and SAME_UPPER can")
    pads = list(op.get("pads") or [0, 0, 0, 0]) if auto == "NOTSET" else [0, 0, 0, 0]
    return _around(pads)


def _around(pads: list[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    if len(pads) != 4 or min(pads) < 0:
        raise _refuse(f"pads {pads}", "zeros around rows and columns can")
    return (int(pads[0]), int(pads[2])), (int(pads[1]), int(pads[3]))


def _windows(op: Operator) -> dict[str, Any]:
    return {"stride": tuple(op.get("strides") or (1, 1)), "padding": _pads(op)}


def _conv(op: Operator, x: Value, w: Any, b: Any = None) -> Result:
    layer = Conv2d(
        weight=_constant(w, "a kernel"),
        bias=None if b is None else _constant(b, "a bias"),
        dilation=tuple(op.get("dilations") or (1, 1)),
        groups=op.get("group", 1),
        **_windows(op),
    )
    return (layer,), (x,)


def _conv_transpose(op: Operator, x: Value, w: Any, b: Any = None) -> Result:
    if op.get("output_shape") or op.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise _refuse("ConvTranspose with output_shape or auto_pad", "pads and output_padding can")
    layer = ConvTranspose2d(
        weight=_constant(w, "a kernel"),
        bias=None if b is None else _constant(b, "a bias"),
        dilation=tuple(op.get("dilations") or (1, 1)),
        groups=op.get("group", 1),
        output_padding=tuple(op.get("output_padding") or (0, 0)),
        **_windows(op),
    )
    return (layer,), (x,)


def _batch_norm(op: Operator, x: Value, scale: Any, b: Any, mean: Any, var: Any) -> Result:
    if op.get("training_mode", 0):
        raise _refuse("BatchNormalization in training mode", "export the model in eval mode")
    layer = BatchNorm(
        gamma=_constant(scale, "a scale"),
        beta=_constant(b, "a shift"),
        mean=_constant(mean, "a mean"),
        var=_constant(var, "a variance"),
        eps=op.get("epsilon", 1e-5),
    )
    return (layer,), (x,)


def _relu(op: Operator, x: Value) -> Result:
    return (ReLU(),), (x,)


def _leaky_relu(op: Operator, x: Value) -> Result:
    return (LeakyReLU(slope=op.get("alpha", 0.01)),), (x,)


def _clip(op: Operator, x: Value, low: Any = None, high: Any = None) -> Result:
    low = op.get("min") if low is None else float(_constant(low, "a limit"))
    high = op.get("max") if high is None else float(_constant(high, "a limit"))
    if low != 0 or (high is not None and high <= 0):
        raise _refuse(f"Clip from {low} to {high}", "from 0 to something above, or from 0, can")
    plain = high is None or high >= np.finfo(np.float32).max
    return (ReLU() if plain else ClippedReLU(maximum=high),), (x,)


def _max_pool(op: Operator, x: Value) -> Result:
    if any(n != 1 for n in op.get("dilations") or ()):
        raise _refuse(f"MaxPool with dilations {op.get('dilations')}", "1 can")
    layer = MaxPool2d(
        kernel=tuple(op.get("kernel_shape")), ceil_mode=bool(op.get("ceil_mode", 0)), **_windows(op)
    )
    return (layer,), (x,)


def _average_pool(op: Operator, x: Value) -> Result:
    if any(n != 1 for n in op.get("dilations") or ()):
        raise _refuse(f"AveragePool with dilations {op.get('dilations')}", "1 can")
    layer = AvgPool2d(
        kernel=tuple(op.get("kernel_shape")),
        ceil_mode=bool(op.get("ceil_mode", 0)),
        count_include_pad=bool(op.get("count_include_pad", 0)),
        **_windows(op),
    )
    return (layer,), (x,)


def _global_average_pool(op: Operator, x: Value) -> Result:
    return (GlobalAvgPool(), Reshape(shape=(x.shape[0], 1, 1))), (x,)


def _reduce_mean(op: Operator, x: Value, axes: Any = None) -> Result:
    over = op.get("axes") if axes is None else _list(axes, "axes")
    if len(x.shape) != 3 or sorted(n % 4 for n in over or ()) != [2, 3]:
        raise _refuse(f"ReduceMean over the axes {over}", "rows and columns, 2 and 3, can")
    back = (Reshape(shape=(x.shape[0], 1, 1)),) if op.get("keepdims", 1) else ()
    return (GlobalAvgPool(), *back), (x,)


def _flatten(op: Operator, x: Value) -> Result:
    if op.get("axis", 1) not in (1, -len(x.shape)):
        raise _refuse(
            f"Flatten from axis {op.get('axis')}", "from axis 1 it keeps the batch and can"
        )
    return x if len(x.shape) == 1 else ((Flatten(),), (x,))


def _reshape(op: Operator, x: Value, shape: Any) -> Result:
    batch, *rest = _list(shape, "a shape")
    first_is_batch = batch in (0, -1) or batch == op.batch
    if not first_is_batch or op.get("allowzero", 0):
        raise _refuse(f"Reshape to {[batch, *rest]}", "the first axis must stay the batch")
    rest = [x.shape[n] if size == 0 else size for n, size in enumerate(rest)]
    known = math.prod(size for size in rest if size != -1)
    rest = [math.prod(x.shape) // max(known, 1) if size == -1 else size for size in rest]
    if math.prod(rest) != math.prod(x.shape):
        raise ReadError(f"{rest} does not keep the {math.prod(x.shape)} values of a sample")
    return _reshaped(x, tuple(rest))


def _reshaped(x: Value, shape: Shape) -> Result:
    if shape == x.shape:
        return x
    if len(shape) == 1:
        return (Flatten(),), (x,)
    if len(shape) != 3:
        raise _refuse(f"samples of shape {shape}", "(n,) and (channels, rows, columns) can")
    return (Reshape(shape=shape),), (x,)


def _squeeze(op: Operator, x: Value, axes: Any = None) -> Result:
    over = op.get("axes") if axes is None else _list(axes, "axes")
    if x.shape[1:] != (1, 1) or sorted(n % 4 for n in over or (2, 3)) != [2, 3]:
        raise _refuse(f"Squeeze of {x.shape} over {over}", "rows and columns of size 1 can")
    return (Flatten(),), (x,)


def _add(op: Operator, *values: Any) -> Result:
    fed = tuple(value for value in values if isinstance(value, Value))
    if len(fed) == len(values):
        return fed[0] if len(fed) == 1 else ((Add(),), fed)
    if len(fed) != 1 or len(values) != 2:
        raise _refuse("a sum of several values and constants", "two at a time can")
    shift = _channels(fed[0], next(v for v in values if not isinstance(v, Value)))
    zero = np.zeros(shift.size)
    return (BatchNorm(mean=zero, var=zero + 1, beta=shift, eps=0.0),), fed


def _concat(op: Operator, *values: Any) -> Result:
    if not all(isinstance(value, Value) for value in values):
        raise _refuse("Concat with constants", "values alone can")
    if op.get("axis") not in (1, -len(values[0].shape)):
        raise _refuse(f"Concat along axis {op.get('axis')}", "channels, axis 1, can")
    return values[0] if len(values) == 1 else ((Concatenate(),), values)


def _pad(op: Operator, x: Value, pads: Any = None, fill: Any = None, axes: Any = None) -> Result:
    mode, rank = op.get("mode", "constant"), len(x.shape) + 1
    value = op.get("value", 0.0) if fill is None else float(np.ravel(_constant(fill, "a value"))[0])
    if mode != "constant" or value != 0:
        raise _refuse(f"Pad in mode {mode!r} with {value}", "zeros can")
    given = list(op.get("pads") or []) if pads is None else _list(pads, "pads")
    over = list(range(rank)) if axes is None else [n % rank for n in _list(axes, "axes")]
    if len(given) != 2 * len(over):
        raise ReadError(f"pads {given} are not two for each of the axes {over}")
    around = {a: (given[n], given[n + len(over)]) for n, a in enumerate(over)}
    sides = [around.get(axis, (0, 0)) for axis in range(rank)]
    if any(sides[0]) or any(sides[1]) or rank != 4:
        raise _refuse(f"Pad by {given}", "zeros around rows and columns can")
    return (ZeroPad2d(padding=(sides[2], sides[3])),), (x,)


def _softmax(op: Operator, x: Value) -> Result:
    axis = op.get("axis", -1 if op.opset >= 13 else 1)
    together = op.opset < 13 and len(x.shape) > 1  # then all axes behind it are one
    if together or axis % (len(x.shape) + 1) != 1:
        raise _refuse(f"Softmax over axis {axis}", "over channels or classes, axis 1, it can")
    return (Softmax(),), (x,)


def _dropout(op: Operator, x: Value, ratio: Any = None, training: Any = None) -> Result:
    if training is not None and bool(_constant(training, "a mode")):
        raise _refuse("Dropout in training mode", "export the model in eval mode")
    p = op.get("ratio", 0.5) if ratio is None else float(_constant(ratio, "a ratio"))
    return (Dropout(p=p),), (x,)


def _same(op: Operator, x: Value) -> Result:
    return x


def _shape(op: Operator, x: Value) -> Result:
    """The batch as 0, which Reshape takes for the size that is there."""
    sizes = np.array([0, *x.shape])
    return sizes[slice(op.get("start", 0), op.get("end"))]


def _stated(op: Operator) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in op.attributes:
            return np.asarray(op.get(name))
    raise _refuse(f"a Constant with {', '.join(op.attributes)}", "numbers can")


def _taken(op: Operator, x: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take(x, index, axis=op.get("axis", 0))


def _unsqueezed(op: Operator, x: np.ndarray, axes: Any = None) -> np.ndarray:
    over = op.get("axes") if axes is None else _list(axes, "axes")
    return np.expand_dims(x, tuple(over))


def _joined(op: Operator, *parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts, axis=op.get("axis"))


def _turned(op: Operator, x: np.ndarray) -> np.ndarray:
    return np.transpose(x, op.get("perm"))


def _filled(op: Operator, shape: np.ndarray) -> np.ndarray:
    sizes = _list(shape, "a shape")
    if math.prod(sizes) > _FILLED:
        raise _refuse(f"ConstantOfShape {sizes}", f"up to {_FILLED} numbers can")
    return np.full(sizes, np.ravel(op.get("value", np.zeros(1, np.float32)))[0])


def _folded(op: Operator, x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.reshape(
        x, [x.shape[n] if k == 0 else k for n, k in enumerate(_list(shape, "a shape"))]
    )


def _cut(
    op: Operator, x: np.ndarray, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> np.ndarray:
    begins, stops = _list(starts, "starts"), _list(ends, "ends")
    over = range(len(begins)) if axes is None else _list(axes, "axes")
    by = [1] * len(begins) if steps is None else _list(steps, "steps")
    parts = [slice(None)] * x.ndim
    for axis, begin, stop, step in zip(over, begins, stops, by, strict=True):
        parts[axis] = slice(begin, stop, step)
    return x[tuple(parts)]


def _kept(op: Operator, x: np.ndarray) -> np.ndarray:
    return x


#: What is done with values that depend on the input.
OPERATORS: dict[str, Callable[..., Result]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "BatchNormalization": _batch_norm,
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "Clip": _clip,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "ReduceMean": _reduce_mean,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Add": _add,
    "Sum": _add,
    "Concat": _concat,
    "Pad": _pad,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "Identity": _same,
    "Cast": _same,
    "Shape": _shape,
}
#: What is computed with constants: shapes and turned weights.
CONSTANTS: dict[str, Callable[..., np.ndarray]] = {
    "Constant": _stated,
    "Identity": _kept,
    "Cast": _kept,
    "Gather": _taken,
    "Unsqueeze": _unsqueezed,
    "Concat": _joined,
    "Transpose": _turned,
    "ConstantOfShape": _filled,
    "Reshape": _folded,
    "Slice": _cut,
}
