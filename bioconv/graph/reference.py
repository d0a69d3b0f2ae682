"""The plain numpy forward pass over a batch: the oracle for everything that spikes.

Written to be seen to be right: every layer is its textbook formula, in float64.
"""

from functools import singledispatch

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bioconv.errors import StimulusError
from bioconv.graph.layers import (
    Add,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
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
    QuantizedReLU,
    ReLU,
    Reshape,
    Scale,
    SoftLIF,
    Softmax,
    Step,
    SumPool2d,
    Upsample,
    ZeroPad2d,
)
from bioconv.graph.network import INPUT, Network
from bioconv.graph.shapes import output_shape, padding_of


def reference(network: Network, images: np.ndarray) -> np.ndarray:
    """Output of the trained network, (n_samples, *output_shape), for (n_samples, *input_shape)."""
    keep = network.output
    return _run(network, images, {keep})[keep]


def activations(network: Network, images: np.ndarray) -> dict[str, np.ndarray]:
    """What every layer computes: {name: (n_samples, *shape)}, ``"input"`` included.

    Raises
    ------
    StimulusError
        If the images do not have the network's input shape or are not finite.
    """
    return _run(network, images, {INPUT, *(node.name for node in network.nodes)})


def checked_images(shape: tuple[int, ...], images: np.ndarray) -> np.ndarray:
    """Images as (n_samples, *shape) float64.

    Maps of one channel may come without the channel axis; other shapes are refused.
    """
    try:
        array = np.asarray(images)
        if array.dtype.kind == "c":
            raise TypeError("they are complex")
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise StimulusError(f"images are not an array of numbers: {error}") from None
    if array.ndim == len(shape) and array.shape[1:] == shape[1:] and shape[0] == 1 != len(shape):
        array = array[:, None]
    if array.ndim != len(shape) + 1 or array.shape[1:] != tuple(shape):
        one = " For one sample add the first axis: images[None]" if array.shape == shape else ""
        raise StimulusError(
            f"images have shape {array.shape}; the network takes (n_samples, "
            f"{', '.join(map(str, shape))}).{one}"
        )
    if array.shape[0] == 0:
        raise StimulusError(f"images have shape {array.shape}: no sample at all")
    if not np.isfinite(array).all():
        sample = int(np.argwhere(~np.isfinite(array))[0][0])
        raise StimulusError(f"images hold NaN or infinite values, the first in sample {sample}")
    return array


def _run(network: Network, images: np.ndarray, keep: set[str]) -> dict[str, np.ndarray]:
    values = {INPUT: checked_images(network.input_shape, images)}
    last_use = {name: node.name for node in network.nodes for name in node.inputs}
    for node in network.nodes:
        values[node.name] = forward(node.layer, *(values[name] for name in node.inputs))
        for name in node.inputs:
            if last_use[name] == node.name and name not in keep:
                values.pop(name, None)
    return values


@singledispatch
def forward(layer: Layer, *inputs: np.ndarray) -> np.ndarray:
    """Output of ``layer`` for batches whose first axis is the sample."""
    raise NotImplementedError(f"no reference for {type(layer).__name__}; add one here first")


def _per_channel(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (like.ndim - 2))


@forward.register
def _(layer: Dense, x: np.ndarray) -> np.ndarray:
    y = x @ layer.weight.T
    return y if layer.bias is None else y + layer.bias


def _windows(x, kernel, stride, dilation, positions):
    """View (samples, channels, rows, columns, kernel rows, kernel columns)."""
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    view: np.ndarray = sliding_window_view(x, reach, axis=(2, 3))  # type: ignore[call-overload]
    view = view[..., :: dilation[0], :: dilation[1]]
    view = view[:, :, :: stride[0], :: stride[1]]
    return view[:, :, : positions[0], : positions[1]]


@forward.register
def _(layer: Conv2d, x: np.ndarray) -> np.ndarray:
    _, *positions = output_shape(layer, x.shape[1:])
    padded = np.pad(x, ((0, 0), (0, 0), *padding_of(layer, x.shape[1:])))
    groups = layer.groups
    view = _windows(padded, layer.weight.shape[2:], layer.stride, layer.dilation, positions)
    n_in, n_out = x.shape[1] // groups, layer.weight.shape[0] // groups
    blocks = [
        np.tensordot(
            view[:, g * n_in : (g + 1) * n_in],
            layer.weight[g * n_out : (g + 1) * n_out],
            axes=((1, 4, 5), (1, 2, 3)),
        )
        for g in range(groups)
    ]
    y = np.moveaxis(np.concatenate(blocks, axis=-1), -1, 1)
    return y if layer.bias is None else y + _per_channel(layer.bias, y)


@forward.register
def _(layer: ConvTranspose2d, x: np.ndarray) -> np.ndarray:
    shape = output_shape(layer, x.shape[1:])
    (top, bottom), (left, right) = layer.padding
    full = np.zeros((len(x), shape[0], shape[1] + top + bottom, shape[2] + left + right))
    n_in, n_out = x.shape[1] // layer.groups, layer.weight.shape[1]
    stride, dilation = layer.stride, layer.dilation
    for g in range(layer.groups):
        block = slice(g * n_in, (g + 1) * n_in)
        target = full[:, g * n_out : (g + 1) * n_out]
        for row, column in np.ndindex(*layer.weight.shape[2:]):
            part = np.einsum("nirc,io->norc", x[:, block], layer.weight[block, :, row, column])
            r0, c0 = row * dilation[0], column * dilation[1]
            target[
                :, :,
                r0 : r0 + (x.shape[2] - 1) * stride[0] + 1 : stride[0],
                c0 : c0 + (x.shape[3] - 1) * stride[1] + 1 : stride[1],
            ] += part  # fmt: skip
    y = full[:, :, top : top + shape[1], left : left + shape[2]]
    return y if layer.bias is None else y + _per_channel(layer.bias, y)


def _pool_windows(layer, x, fill, beyond):
    """Windows of ``x`` padded with ``fill``, and ``beyond`` where ``ceil_mode`` reaches further."""
    _, *positions = output_shape(layer, x.shape[1:])
    padded = np.pad(x, ((0, 0), (0, 0), *padding_of(layer, x.shape[1:])), constant_values=fill)
    reach = [(n - 1) * s + k for n, s, k in zip(positions, layer.stride, layer.kernel, strict=True)]
    further = [(0, max(0, r - size)) for r, size in zip(reach, padded.shape[2:], strict=True)]
    padded = np.pad(padded, ((0, 0), (0, 0), *further), constant_values=beyond)
    return _windows(padded, layer.kernel, layer.stride, (1, 1), positions)


def pool_divisor(layer: AvgPool2d, shape: tuple[int, ...]) -> np.ndarray:
    """(rows, columns): the number of values that every window of the layer averages.

    Padding counts with ``count_include_pad``; what ``ceil_mode`` reaches beyond it never does.
    """
    ones = np.ones((1, 1, *shape[1:]))
    return _pool_windows(layer, ones, float(layer.count_include_pad), 0.0).sum(axis=(-2, -1))[0, 0]


@forward.register
def _(layer: AvgPool2d, x: np.ndarray) -> np.ndarray:
    return _pool_windows(layer, x, 0.0, 0.0).sum(axis=(-2, -1)) / pool_divisor(layer, x.shape[1:])


@forward.register
def _(layer: MaxPool2d, x: np.ndarray) -> np.ndarray:
    return _pool_windows(layer, x, -np.inf, -np.inf).max(axis=(-2, -1))


@forward.register
def _(layer: SumPool2d, x: np.ndarray) -> np.ndarray:
    return _pool_windows(layer, x, 0.0, 0.0).sum(axis=(-2, -1))


@forward.register
def _(layer: GlobalAvgPool, x: np.ndarray) -> np.ndarray:
    return x.mean(axis=(2, 3))


@forward.register
def _(layer: BatchNorm, x: np.ndarray) -> np.ndarray:
    return _per_channel(layer.scale, x) * x + _per_channel(layer.shift, x)


@forward.register
def _(layer: ReLU, x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


@forward.register
def _(layer: LeakyReLU, x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, layer.slope * x)


@forward.register
def _(layer: ClippedReLU, x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0.0, layer.maximum)


@forward.register
def _(layer: QuantizedReLU, x: np.ndarray) -> np.ndarray:
    step = layer.maximum / layer.levels
    return step * np.clip(np.floor(x / step + 0.5), 0, layer.levels)


@forward.register
def _(layer: SoftLIF, x: np.ndarray) -> np.ndarray:
    return layer.amplitude / (layer.tau_ref + layer.tau_rc * _log_of_period(layer, layer.gain * x))


def _log_of_period(layer: SoftLIF, current: np.ndarray) -> np.ndarray:
    """``log(1 + 1 / j)``, infinite where nothing fires.

    Far below the threshold ``j`` is ``gamma exp(current / gamma)``, too small for a float; there
    the logarithm is ``-current / gamma - log(gamma)``, off by less than ``exp(-20)``.
    """
    if layer.gamma == 0:
        with np.errstate(divide="ignore"):
            return np.log1p(1 / np.maximum(current, 0.0))
    depth = current / layer.gamma
    smooth = layer.gamma * np.logaddexp(0.0, np.maximum(depth, -20.0))
    return np.where(depth < -20.0, -depth - np.log(layer.gamma), np.log1p(1 / smooth))


@forward.register
def _(layer: Step, x: np.ndarray) -> np.ndarray:
    return (x >= layer.threshold).astype(float)


@forward.register
def _(layer: Softmax, x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@forward.register
def _(layer: Flatten | Reshape, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), *output_shape(layer, x.shape[1:]))


@forward.register
def _(layer: ZeroPad2d, x: np.ndarray) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), *layer.padding))


@forward.register
def _(layer: ChannelPad, x: np.ndarray) -> np.ndarray:
    return np.pad(x, ((0, 0), (layer.before, layer.after), *[(0, 0)] * (x.ndim - 2)))


@forward.register
def _(layer: Upsample, x: np.ndarray) -> np.ndarray:
    return x.repeat(layer.factor[0], axis=2).repeat(layer.factor[1], axis=3)


@forward.register
def _(layer: Dropout, x: np.ndarray) -> np.ndarray:
    return x


@forward.register
def _(layer: Add, *inputs: np.ndarray) -> np.ndarray:
    return sum(inputs[1:], start=inputs[0])


@forward.register
def _(layer: Concatenate, *inputs: np.ndarray) -> np.ndarray:
    return np.concatenate(inputs, axis=1)


@forward.register
def _(layer: Scale, x: np.ndarray) -> np.ndarray:
    return layer.factor * x
