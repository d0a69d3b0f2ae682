"""What Keras' layers are in :mod:`bioconv.graph`; from channels last to channels first."""

from collections.abc import Callable, Mapping, Sequence
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
    Softmax,
    Upsample,
    ZeroPad2d,
    output_shape,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class KerasLayer:
    """A layer as a file has it: its settings, who feeds it, and its weights in Keras' order."""

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    weights: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Value:
    """What a layer gives.

    Attributes
    ----------
    node : str
    shape : tuple of int
        Of one sample here.
    places : (n,) int array or None
        Of a flat value: where here the numbers stand that Keras has in this order; None: in the same.
    """

    node: str
    shape: tuple[int, ...]
    places: np.ndarray | None = None


#: Layers one after another, and the order of what they give.
Translated = tuple[tuple[Layer, ...], np.ndarray | None]


def network_of(layers: Sequence[KerasLayer], input_shape: tuple[int, ...], end: str) -> Network:
    """The network of a model's layers, in any order, that ends at the layer ``end``."""
    start = Value(node=INPUT, shape=input_shape)
    values = {"": start}
    values.update({layer.name: start for layer in layers if layer.kind == "InputLayer"})
    nodes: list[Node] = []
    left = [layer for layer in layers if layer.kind != "InputLayer"]
    while left:
        ready = next((layer for layer in left if all(i in values for i in layer.inputs)), None)
        if ready is None or not ready.inputs:
            raise ReadError(f"nothing feeds {', '.join(layer.name for layer in left)}")
        values[ready.name] = _added(ready, [values[name] for name in ready.inputs], nodes)
        left.remove(ready)
    if values[end].places is not None:
        raise ReadError(
            f"{end} gives numbers in Keras' order of maps, which differs from the order here; end with a "
            "dense layer"
        )
    return Network(nodes=_needed(nodes, values[end].node), input_shape=input_shape)


def _needed(nodes: Sequence[Node], end: str) -> tuple[Node, ...]:
    found: list[Node] = []
    needed = {end}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
            found.insert(0, node)
    return tuple(found)


def _added(layer: KerasLayer, fed: list[Value], nodes: list[Node]) -> Value:
    """The value of a layer, whose nodes are added to ``nodes``."""
    if layer.kind not in KINDS:
        code = "; it holds code, which is not executed" if "Lambda" in layer.kind else ""
        raise UnsupportedLayerError(
            f"{layer.name} ({layer.kind}) cannot be read{code}. What can: {', '.join(KINDS)}"
        )
    try:
        chain, places = KINDS[layer.kind](layer, *fed)
        chain += _activation(layer)
        return _chained(layer.name, chain, fed, places, nodes)
    except UnsupportedLayerError:
        raise
    except BioconvError as error:
        raise ReadError(f"{layer.name} ({layer.kind}): {error}") from None


def _chained(
    name: str, chain: tuple[Layer, ...], fed: list[Value], places: Any, nodes: list[Node]
) -> Value:
    inputs, shapes = tuple(v.node for v in fed), [v.shape for v in fed]
    value = replace(fed[0], places=places)
    for n, layer in enumerate(chain):
        node = name if n == 0 else f"{name}_{type(layer).__name__.lower()}"
        nodes.append(Node(name=node, layer=layer, inputs=inputs))
        value = Value(node=node, shape=output_shape(layer, *shapes), places=places)
        inputs, shapes = (node,), [value.shape]
    return value


def _refuse(layer: KerasLayer, what: str, hint: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"{layer.name} ({layer.kind}): {what} cannot be read; {hint}")


def _setting(layer: KerasLayer, name: str, *known: Any) -> Any:
    """A setting that must have one of some values where the file states it."""
    value = layer.config.get(name, known[0])
    if value not in known:
        raise _refuse(layer, f"{name}={value!r}", f"{' and '.join(map(repr, known))} can")
    return value


def _weights(layer: KerasLayer, *names: str) -> list[np.ndarray]:
    if len(layer.weights) != len(names):
        raise ReadError(f"the file has {len(layer.weights)} weight(s), it needs {', '.join(names)}")
    return [np.asarray(w, dtype=float) for w in layer.weights]


def _with_bias(layer: KerasLayer, *names: str) -> tuple[list[np.ndarray], np.ndarray | None]:
    if layer.config.get("use_bias", True):
        *kernels, bias = _weights(layer, *names, "bias")
        return kernels, bias
    return _weights(layer, *names), None


def _kernel(layer: KerasLayer, kernel: np.ndarray, ndim: int) -> np.ndarray:
    if kernel.ndim != ndim:
        raise ReadError(f"a kernel of shape {kernel.shape}; it needs {ndim} dimensions")
    return kernel


def _activation(layer: KerasLayer) -> tuple[Layer, ...]:
    if layer.kind in _ACTIVATION_LAYERS:
        return ()
    return _named(layer, layer.config.get("activation", "linear"))


def _named(layer: KerasLayer, name: Any) -> tuple[Layer, ...]:
    known: dict[str, tuple[Layer, ...]] = {
        "linear": (),
        "relu": (ReLU(),),
        "relu6": (ClippedReLU(maximum=6.0),),
        "leaky_relu": (LeakyReLU(slope=0.2),),
        "softmax": (Softmax(),),
    }
    if not isinstance(name, str) or name not in known:
        raise _refuse(layer, f"activation {name!r}", f"{', '.join(known)} can")
    return known[name]


def _dense(layer: KerasLayer, x: Value) -> Translated:
    (kernel,), bias = _with_bias(layer, "kernel")
    if len(x.shape) != 1:
        raise _refuse(layer, f"Dense over the channels of {x.shape}", "a Flatten before it can")
    weight = _kernel(layer, kernel, 2).T
    if x.places is not None and weight.shape[1] == x.places.size:
        turned = np.empty_like(weight)
        turned[:, x.places] = weight
        weight = turned
    return (Dense(weight=weight, bias=bias),), None


def _sides(layer: KerasLayer, name: str, default: Any = 1) -> tuple[int, int]:
    value = layer.config.get(name, default)
    pair = (value, value) if isinstance(value, int) else tuple(value)
    return int(pair[0]), int(pair[1])


def _windows(layer: KerasLayer) -> dict[str, Any]:
    _setting(layer, "data_format", "channels_last", None)
    return {
        "stride": _sides(layer, "strides"),
        "padding": _setting(layer, "padding", "valid", "same"),
    }


def _conv(layer: KerasLayer, x: Value) -> Translated:
    (kernel,), bias = _with_bias(layer, "kernel")
    settings = _windows(layer)
    weight = _kernel(layer, kernel, 4).transpose(3, 2, 0, 1)
    made = Conv2d(
        weight=weight,
        bias=bias,
        dilation=_sides(layer, "dilation_rate"),
        groups=layer.config.get("groups", 1),
        **settings,
    )
    return (made,), None


def _depthwise(layer: KerasLayer, kernel: np.ndarray, bias: Any) -> Conv2d:
    """From (rows, columns, in, multiplier): output channel ``in * multiplier + m``."""
    rows, columns, channels, multiplier = _kernel(layer, kernel, 4).shape
    weight = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, rows, columns)
    return Conv2d(
        weight=weight,
        bias=bias,
        groups=channels,
        dilation=_sides(layer, "dilation_rate"),
        **_windows(layer),
    )


def _depthwise_conv(layer: KerasLayer, x: Value) -> Translated:
    (kernel,), bias = _with_bias(layer, "depthwise_kernel")
    return (_depthwise(layer, kernel, bias),), None


def _separable_conv(layer: KerasLayer, x: Value) -> Translated:
    (depthwise, pointwise), bias = _with_bias(layer, "depthwise_kernel", "pointwise_kernel")
    point = _kernel(layer, pointwise, 4).transpose(3, 2, 0, 1)
    return (_depthwise(layer, depthwise, None), Conv2d(weight=point, bias=bias)), None


def _max_pool(layer: KerasLayer, x: Value) -> Translated:
    return (MaxPool2d(kernel=_sides(layer, "pool_size", 2), **_pool(layer)),), None


def _avg_pool(layer: KerasLayer, x: Value) -> Translated:
    kernel = _sides(layer, "pool_size", 2)
    return (AvgPool2d(kernel=kernel, count_include_pad=False, **_pool(layer)),), None


def _pool(layer: KerasLayer) -> dict[str, Any]:
    settings = layer
    if layer.config.get("strides") is None:  # as far as the window reaches
        settings = replace(layer, config={**layer.config, "strides": _sides(layer, "pool_size", 2)})
    return _windows(settings)


def _global_avg_pool(layer: KerasLayer, x: Value) -> Translated:
    _setting(layer, "data_format", "channels_last", None)
    _setting(layer, "keepdims", False)
    return (GlobalAvgPool(),), None


def _batch_norm(layer: KerasLayer, x: Value) -> Translated:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
    if axis not in (-1, len(x.shape)):
        raise _refuse(layer, f"axis={axis}", "normalisation of channels, the last axis, can")
    center, scale = layer.config.get("center", True), layer.config.get("scale", True)
    names = ("gamma",) * scale + ("beta",) * center + ("moving_mean", "moving_variance")
    found = dict(zip(names, _weights(layer, *names), strict=True))
    if x.places is not None:
        found = {name: _turned(x, value) for name, value in found.items()}
    made = BatchNorm(
        mean=found["moving_mean"],
        var=found["moving_variance"],
        gamma=found.get("gamma"),
        beta=found.get("beta"),
        eps=layer.config.get("epsilon", 1e-3),
    )
    return (made,), x.places


def _turned(x: Value, value: np.ndarray) -> np.ndarray:
    if x.places is None or value.shape != x.places.shape:
        return value
    turned = np.empty_like(value)
    turned[x.places] = value
    return turned


def _activation_layer(layer: KerasLayer, x: Value) -> Translated:
    return _named(layer, layer.config.get("activation", "linear")), x.places


def _relu(layer: KerasLayer, x: Value) -> Translated:
    largest = layer.config.get("max_value")
    slope = layer.config.get("negative_slope") or 0.0
    _setting(layer, "threshold", 0.0, None)
    if largest is not None and slope:
        raise _refuse(layer, "a slope and a maximum in one", "each alone can")
    if slope:
        return (LeakyReLU(slope=slope),), x.places
    return (ReLU() if largest is None else ClippedReLU(maximum=largest),), x.places


def _leaky_relu(layer: KerasLayer, x: Value) -> Translated:
    slope = layer.config.get("negative_slope", layer.config.get("alpha", 0.3))
    return (LeakyReLU(slope=slope),), x.places


def _softmax(layer: KerasLayer, x: Value) -> Translated:
    axis = layer.config.get("axis", -1)
    if axis not in (-1, len(x.shape)):
        raise _refuse(layer, f"axis={axis}", "the last axis can")
    return (Softmax(),), x.places


def _flatten(layer: KerasLayer, x: Value) -> Translated:
    _setting(layer, "data_format", "channels_last", None)
    if len(x.shape) == 1:
        return (), x.places
    here = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    return (Flatten(),), here.transpose(1, 2, 0).ravel()


def _add(layer: KerasLayer, *fed: Value) -> Translated:
    first = fed[0].places
    orders = [() if v.places is None else tuple(v.places) for v in fed]
    if any(order != orders[0] for order in orders):
        raise _refuse(layer, "a sum of maps of different sizes, flattened", "equal sizes can")
    return (Add(),), first


def _concatenate(layer: KerasLayer, *fed: Value) -> Translated:
    if layer.config.get("axis", -1) not in (-1, len(fed[0].shape)):
        raise _refuse(layer, f"axis={layer.config['axis']}", "channels, the last axis, can")
    if all(v.places is None for v in fed):
        return (Concatenate(),), None
    begin, places = 0, []
    for v in fed:
        places.append(begin + (np.arange(v.shape[0]) if v.places is None else v.places))
        begin += v.shape[0]
    return (Concatenate(),), np.concatenate(places)


def _zero_pad(layer: KerasLayer, x: Value) -> Translated:
    _setting(layer, "data_format", "channels_last", None)
    padding = layer.config.get("padding", 1)
    if not isinstance(padding, int):
        padding = tuple(tuple(p) if isinstance(p, (list, tuple)) else p for p in padding)
    return (ZeroPad2d(padding=padding),), None


def _upsample(layer: KerasLayer, x: Value) -> Translated:
    _setting(layer, "data_format", "channels_last", None)
    _setting(layer, "interpolation", "nearest")
    return (Upsample(factor=_sides(layer, "size", 2)),), None


def _dropout(layer: KerasLayer, x: Value) -> Translated:
    return (Dropout(p=float(layer.config.get("rate", 0.0))),), x.places


#: Keras' layers by the name of their class.
KINDS: dict[str, Callable[..., Translated]] = {
    "Dense": _dense,
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise_conv,
    "SeparableConv2D": _separable_conv,
    "MaxPooling2D": _max_pool,
    "AveragePooling2D": _avg_pool,
    "GlobalAveragePooling2D": _global_avg_pool,
    "BatchNormalization": _batch_norm,
    "Activation": _activation_layer,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Add": _add,
    "Concatenate": _concatenate,
    "ZeroPadding2D": _zero_pad,
    "UpSampling2D": _upsample,
    "Dropout": _dropout,
    "SpatialDropout2D": _dropout,
}
#: Those whose activation is the layer itself.
_ACTIVATION_LAYERS = ("Activation",)
