"""Which neuron feeds which, over which shared weight: pure numpy, one function a layer.

Neurons are numbered channel, row, column. A layer's links say *where* its weights go; the matrix of a
whole path is the product of its layers' matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from scipy import sparse

from bioconv.graph import (
    AvgPool2d,
    ChannelPad,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    Reshape,
    Scale,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    output_shape,
)
from bioconv.graph.reference import pool_divisor
from bioconv.graph.shapes import padding_of

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Links:
    """Every pair of neurons that a layer joins.

    Attributes
    ----------
    pre, post, slot : (n_links,) int arrays
        ``weight[slot[n]]`` joins ``pre[n]`` to ``post[n]``.
    weight : (n_weights,) array
    n_pre, n_post : int
    """

    pre: np.ndarray
    post: np.ndarray
    slot: np.ndarray
    weight: np.ndarray
    n_pre: int
    n_post: int

    def matrix(self) -> sparse.csr_array:
        """(n_post, n_pre) sums of the weights between two neurons."""
        shape = (self.n_post, self.n_pre)
        return sparse.coo_array((self.weight[self.slot], (self.post, self.pre)), shape).tocsr()


def path_matrix(layers: Sequence[Layer], shape: Shape, gain: float = 1.0) -> sparse.csr_array:
    """(n_post, n_pre) matrix of linear layers one after another, zeros left out.

    Parameters
    ----------
    shape : tuple of int
        Of the first layer's input.
    """
    matrix = sparse.eye_array(int(np.prod(shape)), format="csr") * gain
    for layer in layers:
        if not isinstance(layer, (Flatten, Reshape)):
            matrix = links(layer, shape).matrix() @ matrix
        shape = output_shape(layer, shape)
    matrix = sparse.csr_array(matrix)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


@singledispatch
def links(layer: Layer, shape: Shape) -> Links:
    """The links of a linear layer over inputs of ``shape``."""
    raise NotImplementedError(f"no links for {type(layer).__name__}; add them here first")


def _grid(shape: Shape) -> np.ndarray:
    """The number of every neuron, in the neurons' own shape."""
    return np.arange(int(np.prod(shape))).reshape(shape)


def _made(parts: list[tuple], weight: np.ndarray, n_pre: int, n_post: int) -> Links:
    """Links from blocks of (pre, post, slot) arrays that broadcast against each other."""
    flat = [[np.ravel(a) for a in np.broadcast_arrays(*part)] for part in parts]
    pre, post, slot = (np.concatenate(column) for column in zip(*flat, strict=True))
    return Links(pre=pre, post=post, slot=slot, weight=weight, n_pre=n_pre, n_post=n_post)


def _one_to_one(pre: np.ndarray, post: np.ndarray, n_pre: int, n_post: int) -> Links:
    slot = np.zeros(1, dtype=int)
    return _made([(pre, post, slot)], np.ones(1), n_pre, n_post)


@links.register
def _(layer: Dense, shape: Shape) -> Links:
    n_post, n_pre = layer.weight.shape
    post, pre = np.indices((n_post, n_pre))
    return _made([(pre, post, _grid((n_post, n_pre)))], layer.weight.ravel(), n_pre, n_post)


def _reached(size: int, positions: int, stride: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a window, and the places that one of its taps meets inside ``size``."""
    place = np.arange(positions) * stride + offset
    inside = (place >= 0) & (place < size)
    return np.flatnonzero(inside), place[inside]


@links.register
def convolution(layer: Conv2d, shape: Shape) -> Links:
    """Every pair of pixels that a kernel joins."""
    n_out, per_group, *kernel = layer.weight.shape
    target = output_shape(layer, shape)
    padding = padding_of(layer, shape)
    pre, post, slots = _grid(shape), _grid(target), _grid(layer.weight.shape)
    blocks, out = shape[0] // per_group, n_out // layer.groups
    parts = []
    for tap in np.ndindex(*kernel):
        rows, columns = (
            _reached(size, n, s, k * d - before)
            for size, n, s, k, d, (before, _) in zip(
                shape[1:], target[1:], layer.stride, tap, layer.dilation, padding, strict=True
            )
        )
        here = pre[:, rows[1][:, None], columns[1]].reshape(blocks, 1, per_group, -1)
        there = post[:, rows[0][:, None], columns[0]].reshape(blocks, out, 1, -1)
        shared = slots[:, :, tap[0], tap[1]].reshape(blocks, out, per_group, 1)
        parts.append((here, there, shared))
    return _made(parts, layer.weight.ravel(), pre.size, post.size)


@links.register
def _(layer: ConvTranspose2d, shape: Shape) -> Links:
    n_in, out, *kernel = layer.weight.shape
    target = output_shape(layer, shape)
    pre, post, slots = _grid(shape), _grid(target), _grid(layer.weight.shape)
    per_group = n_in // layer.groups
    parts = []
    for tap in np.ndindex(*kernel):
        rows, columns = (
            _reached(size, n, s, k * d - before)
            for size, n, s, k, d, (before, _) in zip(
                target[1:], shape[1:], layer.stride, tap, layer.dilation, layer.padding, strict=True
            )
        )
        here = pre[:, rows[0][:, None], columns[0]].reshape(layer.groups, per_group, 1, -1)
        there = post[:, rows[1][:, None], columns[1]].reshape(layer.groups, 1, out, -1)
        shared = slots[:, :, tap[0], tap[1]].reshape(layer.groups, per_group, out, 1)
        parts.append((here, there, shared))
    return _made(parts, layer.weight.ravel(), pre.size, post.size)


@links.register
def _(layer: AvgPool2d, shape: Shape) -> Links:
    return _pooled(layer, shape, 1 / pool_divisor(layer, shape))


@links.register
def _(layer: SumPool2d, shape: Shape) -> Links:
    return _pooled(layer, shape, np.ones(output_shape(layer, shape)[1:]))


def _pooled(layer: AvgPool2d | SumPool2d, shape: Shape, weight: np.ndarray) -> Links:
    """Every pixel to the windows that see it, over the window's ``weight``, (rows, columns)."""
    target = output_shape(layer, shape)
    padding = padding_of(layer, shape)
    pre, post = _grid(shape), _grid(target)
    position = _grid(target[1:])
    parts = []
    for tap in np.ndindex(*layer.kernel):
        rows, columns = (
            _reached(size, n, s, k - before)
            for size, n, s, k, (before, _) in zip(
                shape[1:], target[1:], layer.stride, tap, padding, strict=True
            )
        )
        at = rows[0][:, None], columns[0]
        parts.append((pre[:, rows[1][:, None], columns[1]], post[:, *at], position[at]))
    return _made(parts, weight.ravel(), pre.size, post.size)


@links.register
def _(layer: GlobalAvgPool, shape: Shape) -> Links:
    pre = _grid(shape)
    post = np.arange(shape[0])[:, None, None]
    weight = np.array([1 / np.prod(shape[1:])])
    return _made([(pre, post, np.zeros(1, dtype=int))], weight, pre.size, shape[0])


@links.register
def _(layer: ZeroPad2d, shape: Shape) -> Links:
    (top, _), (left, _) = layer.padding
    post = _grid(output_shape(layer, shape))
    inner = post[:, top : top + shape[1], left : left + shape[2]]
    return _one_to_one(_grid(shape), inner, int(np.prod(shape)), post.size)


@links.register
def _(layer: Upsample, shape: Shape) -> Links:
    pre = _grid(shape)
    source = pre.repeat(layer.factor[0], axis=1).repeat(layer.factor[1], axis=2)
    return _one_to_one(source, _grid(source.shape), pre.size, source.size)


@links.register
def _(layer: ChannelPad, shape: Shape) -> Links:
    pre, post = _grid(shape), _grid(output_shape(layer, shape))
    inner = post[layer.before : layer.before + shape[0]]
    return _one_to_one(pre, inner, pre.size, post.size)


@links.register
def _(layer: Scale, shape: Shape) -> Links:
    numbers = _grid(shape).ravel()
    weight = np.broadcast_to(layer.factor, shape).ravel()
    return _made([(numbers, numbers, numbers)], weight, numbers.size, numbers.size)
