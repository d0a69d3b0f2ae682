"""What every layer does to a shape; the checks that a layer fits its input stand here.

Shapes are those of one sample: ``(channels, rows, columns)`` or ``(n,)``.
"""

import math
from functools import singledispatch

from bioconv.errors import GraphError
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
    Padding,
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

Shape = tuple[int, ...]


@singledispatch
def output_shape(layer: Layer, *inputs: Shape) -> Shape:
    """Shape of the output of ``layer`` for inputs of these shapes.

    Raises
    ------
    GraphError
        If the layer cannot take inputs of these shapes.
    """
    raise NotImplementedError(f"no shape for {type(layer).__name__}; add one here first")


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after one axis so that ``ceil(size / stride)`` positions remain."""
    total = (math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size
    total = max(total, 0)
    return total // 2, total - total // 2


def padding_of(layer: Conv2d | AvgPool2d | MaxPool2d | SumPool2d, shape: Shape) -> Padding:
    """The layer's padding as ((top, bottom), (left, right)) for maps of ``shape``."""
    if layer.padding != "same":
        return layer.padding
    kernel, dilation = window_of(layer)
    rows, columns = (
        same_padding(size, k, s, d)
        for size, k, s, d in zip(shape[1:], kernel, layer.stride, dilation, strict=True)
    )
    return rows, columns


def window_of(
    layer: Conv2d | AvgPool2d | MaxPool2d | SumPool2d,
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size and dilation of the window that the layer slides over its maps."""
    if isinstance(layer, Conv2d):
        return layer.weight.shape[2:], layer.dilation
    return layer.kernel, (1, 1)


def _maps(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 3:
        hint = "; a Reshape before it makes maps" if len(shape) == 1 else ""
        raise GraphError(
            f"{type(layer).__name__}: input has shape {shape}; "
            f"it needs (channels, rows, columns){hint}"
        )
    return shape


def _positions(layer, shape: Shape) -> Shape:
    """Number of window positions along rows and columns."""
    kernel, dilation = window_of(layer)
    padding = padding_of(layer, shape)
    ceil = getattr(layer, "ceil_mode", False)
    sizes = []
    for axis, (size, k, s, d) in enumerate(
        zip(shape[1:], kernel, layer.stride, dilation, strict=True)
    ):
        before, after = padding[axis]
        room = size + before + after - d * (k - 1) - 1
        if room < 0:
            raise GraphError(
                f"{type(layer).__name__}: a window of {d * (k - 1) + 1} does not fit into "
                f"{size} + {before + after} {('rows', 'columns')[axis]} (input {shape}, "
                "padding included). Use a smaller kernel or more padding"
            )
        count = (math.ceil(room / s) if ceil else room // s) + 1
        if ceil and (count - 1) * s >= size + before:
            count -= 1  # a window must begin inside the map or its left padding
        sizes.append(count)
    return tuple(sizes)


@output_shape.register
def _(layer: Dense, shape: Shape) -> Shape:
    n_out, n_in = layer.weight.shape
    if len(shape) != 1:
        raise GraphError(
            f"Dense: input has shape {shape}, it needs a flat one; put a Flatten before it"
        )
    if shape != (n_in,):
        hint = (
            ". Was the weight stored as (n_in, n_out)? Then transpose it"
            if (shape == (n_out,))
            else ""
        )
        raise GraphError(
            f"Dense: input has {shape[0]} values, weight {layer.weight.shape} takes {n_in}{hint}"
        )
    return (n_out,)


@output_shape.register
def _(layer: Conv2d, shape: Shape) -> Shape:
    n_out, per_group = layer.weight.shape[:2]
    channels = _maps(layer, shape)[0]
    if channels != per_group * layer.groups:
        raise GraphError(
            f"Conv2d: input {shape} has {channels} channels, weight {layer.weight.shape} with "
            f"groups={layer.groups} takes {per_group * layer.groups}"
        )
    return (n_out, *_positions(layer, shape))


@output_shape.register
def _(layer: ConvTranspose2d, shape: Shape) -> Shape:
    n_in, per_group = layer.weight.shape[:2]
    if _maps(layer, shape)[0] != n_in:
        raise GraphError(
            f"ConvTranspose2d: input {shape} has {shape[0]} channels, "
            f"weight {layer.weight.shape} takes {n_in}"
        )
    sizes = tuple(
        (size - 1) * s - sum(p) + d * (k - 1) + extra + 1
        for size, s, p, d, k, extra in zip(
            shape[1:], layer.stride, layer.padding, layer.dilation,
            layer.weight.shape[2:], layer.output_padding, strict=True,
        )
    )  # fmt: skip
    if min(sizes) < 1:
        raise GraphError(f"ConvTranspose2d: input {shape} gives maps of {sizes}; nothing is left")
    return (per_group * layer.groups, *sizes)


@output_shape.register
def _(layer: AvgPool2d | MaxPool2d | SumPool2d, shape: Shape) -> Shape:
    return (_maps(layer, shape)[0], *_positions(layer, shape))


@output_shape.register
def _(layer: GlobalAvgPool, shape: Shape) -> Shape:
    return (_maps(layer, shape)[0],)


@output_shape.register
def _(layer: BatchNorm, shape: Shape) -> Shape:
    if shape[0] != layer.mean.size:
        raise GraphError(
            f"BatchNorm: input {shape} has {shape[0]} channels, the layer has {layer.mean.size}"
        )
    return shape


@output_shape.register
def _(
    layer: ReLU | LeakyReLU | ClippedReLU | QuantizedReLU | SoftLIF | Step | Softmax | Dropout,
    shape: Shape,
) -> Shape:
    return shape


@output_shape.register
def _(layer: Flatten, shape: Shape) -> Shape:
    return (math.prod(shape),)


@output_shape.register
def _(layer: Reshape, shape: Shape) -> Shape:
    size, known = math.prod(shape), math.prod(n for n in layer.shape if n != -1)
    new = tuple(size // known if n == -1 else n for n in layer.shape)
    if math.prod(new) != size:
        raise GraphError(f"Reshape: {size} values of shape {shape} do not fill {layer.shape}")
    return new


@output_shape.register
def _(layer: ZeroPad2d, shape: Shape) -> Shape:
    channels, rows, columns = _maps(layer, shape)
    return (channels, rows + sum(layer.padding[0]), columns + sum(layer.padding[1]))


@output_shape.register
def _(layer: ChannelPad, shape: Shape) -> Shape:
    return (layer.before + shape[0] + layer.after, *shape[1:])


@output_shape.register
def _(layer: Upsample, shape: Shape) -> Shape:
    channels, rows, columns = _maps(layer, shape)
    return (channels, rows * layer.factor[0], columns * layer.factor[1])


@output_shape.register
def _(layer: Add, *shapes: Shape) -> Shape:
    if len(set(shapes)) != 1:
        raise GraphError(f"Add: inputs have shapes {', '.join(map(str, shapes))}; they must agree")
    return shapes[0]


@output_shape.register
def _(layer: Concatenate, *shapes: Shape) -> Shape:
    if len({shape[1:] for shape in shapes}) != 1:
        raise GraphError(
            f"Concatenate: inputs have shapes {', '.join(map(str, shapes))}; "
            "they may differ in the first axis only"
        )
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


@output_shape.register
def _(layer: Scale, shape: Shape) -> Shape:
    factor = layer.factor.shape
    sides = zip(factor[::-1], shape[::-1], strict=False)
    if len(factor) > len(shape) or any(n not in (1, size) for n, size in sides):
        raise GraphError(f"Scale: factor has shape {factor}, the input {shape}")
    return shape
