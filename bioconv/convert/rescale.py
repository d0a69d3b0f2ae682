"""Scales written into the weights of a path of linear layers.

With ``s`` the scales of source and target, one number or one a channel, a path ``L`` becomes
``diag(1/s_target) L diag(s_source)``.
"""

from dataclasses import replace

import numpy as np

from bioconv.convert.simplify import scaled
from bioconv.graph import (
    AvgPool2d,
    ChannelPad,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Reshape,
    SumPool2d,
    Upsample,
    Weighted,
    ZeroPad2d,
    output_shape,
)

Shape = tuple[int, ...]
Scale = float | np.ndarray
Layers = tuple[Layer, ...]

#: Layers that never mix channels.
_BY_CHANNEL = (AvgPool2d, GlobalAvgPool, MaxPool2d, SumPool2d, Upsample, ZeroPad2d)


def spread(scale: Scale, shape: Shape) -> Scale:
    """A scale as it multiplies values of a shape whose first axis is the channel."""
    return scale if np.ndim(scale) == 0 else np.reshape(scale, (-1, *[1] * (len(shape) - 1)))


def rescaled(
    layers: Layers, shape: Shape, source: Scale, target: Scale, factor: float
) -> tuple[Layers, float]:
    """The layers with ``factor source/target`` in their weights, and the gain that is left."""
    weighted = [n for n, layer in enumerate(layers) if isinstance(layer, Weighted)]
    if np.ndim(source) == 0 and np.ndim(target) == 0:
        factor = float(factor * source / target)
        if not weighted:
            return layers, factor
        last = layers[weighted[-1]]
        assert isinstance(last, Weighted)
        return _put(layers, weighted[-1], replace(last, weight=last.weight * factor)), 1.0
    shapes = [shape]
    for layer in layers:
        shapes.append(output_shape(layer, shapes[-1]))
    before = _vector(source, shape) * factor
    after = 1 / _vector(target, shapes[-1])
    carried = _carried(layers[: weighted[0]] if weighted else layers, before, shapes)
    if carried is None:
        own = _diagonal(_vector(source, shape), shape)
        return rescaled((own, *layers), shape, 1.0, target, factor)
    before = carried
    if not weighted:
        return (*layers, _diagonal(before * after, shapes[-1])), 1.0
    first, last_at = weighted[0], weighted[-1]
    layers = _put(layers, first, _of_input(layers[first], before))
    for at in reversed(range(last_at + 1, len(layers))):
        pulled = _backward(layers[at], after, shapes[at])
        if pulled is None:
            return (*layers, _diagonal(1 / _vector(target, shapes[-1]), shapes[-1])), 1.0
        after = pulled
    last = layers[last_at]
    assert isinstance(last, Weighted)
    return _put(layers, last_at, replace(scaled(last, after, after * 0), bias=None)), 1.0


def _vector(scale: Scale, shape: Shape) -> np.ndarray:
    return np.broadcast_to(np.asarray(scale, dtype=float), shape[:1])


def _put(layers: Layers, at: int, layer: Layer) -> Layers:
    return (*layers[:at], layer, *layers[at + 1 :])


def _carried(layers: Layers, scales: np.ndarray, shapes: list[Shape]) -> np.ndarray | None:
    """Scales of the channels behind layers without weights; None where a channel has several."""
    for layer, shape in zip(layers, shapes, strict=False):
        found = _forward(layer, scales, shape)
        if found is None:
            return None
        scales = found
    return scales


def _forward(layer: Layer, scales: np.ndarray, shape: Shape) -> np.ndarray | None:
    """Scales of the channels behind a layer without weights; None where a channel has several."""
    if isinstance(layer, _BY_CHANNEL):
        return scales
    if isinstance(layer, ChannelPad):
        return np.pad(scales, (layer.before, layer.after), constant_values=1.0)
    assert isinstance(layer, (Flatten, Reshape)), layer
    every = np.broadcast_to(scales.reshape(-1, *[1] * (len(shape) - 1)), shape)
    every = every.reshape(output_shape(layer, shape))
    rows = every.reshape(every.shape[0], -1)
    return rows[:, 0] if (rows == rows[:, :1]).all() else None


def _backward(layer: Layer, scales: np.ndarray, shape: Shape) -> np.ndarray | None:
    """Scales of the channels before a layer without weights; None where there is no such scale."""
    if isinstance(layer, _BY_CHANNEL):
        return scales
    if isinstance(layer, ChannelPad):
        return scales[layer.before : len(scales) - layer.after]
    return None


def _of_input(layer: Layer, scales: np.ndarray) -> Layer:
    """A weighted layer whose input channels are multiplied by ``scales``."""
    if isinstance(layer, Dense):
        return replace(layer, weight=layer.weight * scales)
    if isinstance(layer, ConvTranspose2d):
        return replace(layer, weight=layer.weight * scales[:, None, None, None])
    assert isinstance(layer, Conv2d)
    blocks = scales.reshape(layer.groups, -1)
    every = np.repeat(blocks, layer.weight.shape[0] // layer.groups, axis=0)
    return replace(layer, weight=layer.weight * every[:, :, None, None])


def _diagonal(scales: np.ndarray, shape: Shape) -> Layer:
    if len(shape) == 1:
        return Dense(weight=np.diag(scales))
    return Conv2d(weight=scales.reshape(-1, 1, 1, 1), groups=scales.size)
