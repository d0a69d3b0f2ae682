"""The forms in which weights are stored once, as plain arrays.

=========== ====================================== ==========================================
kind        stored                                 for
=========== ====================================== ==========================================
Matrix      a dense matrix                         Dense, what comes to it without gaps
Convolution a kernel                               Conv2d, zeros and average pooling before it
Targets     for each neuron its targets            pooling, shortcuts, all that is sparse
=========== ====================================== ==========================================

``kind_of`` chooses; a ``Gate`` (max-pooling) is in :mod:`bioconv.projections.gates`. Neurons of a convolution count row, column, channel (:func:`order_of`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from bioconv.graph import (
    AvgPool2d,
    Conv2d,
    Layer,
    ZeroPad2d,
    output_shape,
)
from bioconv.graph.shapes import padding_of

Shape = tuple[int, ...]

#: Part of a matrix that must be filled for it to be stored as one.
DENSE = 0.4
#: Columns of a matrix that stay in the cache while all replicas use them.
BLOCK = 512


def order_of(shape: Shape) -> np.ndarray:
    """(n,) for every neuron of a group its number as channel, row, column.

    Maps are kept row, column, channel inside a group, so that what a spike reaches lies side by
    side; flat layers as they are. This function alone knows.
    """
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return (numbers.transpose(1, 2, 0) if len(shape) == 3 else numbers).ravel()


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind(ABC):
    """Weights of ``n_pre`` to ``n_post`` neurons, in thresholds."""

    n_pre: int
    n_post: int
    weights: np.ndarray

    @property
    @abstractmethod
    def template(self) -> str:
        """Name of the kernel."""

    @property
    @abstractmethod
    def tables(self) -> dict[str, np.ndarray]:
        """Index arrays that the kernel needs."""

    @property
    @abstractmethod
    def constants(self) -> dict[str, int]:
        """Whole numbers that the kernel needs."""

    @property
    def reads(self) -> dict[str, str]:
        """Variables of the source that the kernel reads, by its own names for them."""
        return {}

    @abstractmethod
    def fan_out(self) -> np.ndarray:
        """(n_pre,) synapses that leave every source neuron, as the group counts them."""

    @property
    def n_synapses(self) -> int:
        """Synapses that the stored weights stand for."""
        return int(self.fan_out().sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix(Kind):
    """``weights[pre*n_post + post]``."""

    template = "dense"

    @property
    def tables(self) -> dict[str, np.ndarray]:
        return {}

    @property
    def constants(self) -> dict[str, int]:
        return {"_block": BLOCK}

    def fan_out(self) -> np.ndarray:
        return np.full(self.n_pre, self.n_post)


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets(Kind):
    """``weights[n]`` joins ``pre`` to ``post[n]`` for ``first[pre] <= n < first[pre + 1]``."""

    first: np.ndarray
    post: np.ndarray
    template = "sparse"

    @property
    def tables(self) -> dict[str, np.ndarray]:
        return {"first": self.first, "post": self.post}

    @property
    def constants(self) -> dict[str, int]:
        return {}

    def fan_out(self) -> np.ndarray:
        return np.diff(self.first)


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Kind):
    """``weights[((channel*rows + row)*columns + column)*out_per_group + out]``, columns in run order.

    Tables: input row ``y`` meets kernel rows ``row_kernel[r]`` at output rows ``row_out[r]`` for
    ``row_first[y] <= r < row_first[y + 1]``; input column ``x`` meets runs of ``run_length`` stored
    kernel columns from ``run_kernel`` at output columns from ``run_out``.
    """

    shape: Shape
    target_shape: Shape
    kernel_shape: tuple[int, int]
    groups: int
    rows: tuple[np.ndarray, ...]
    runs: tuple[np.ndarray, ...]
    template = "convolution"

    @property
    def tables(self) -> dict[str, np.ndarray]:
        names = ("row_first", "row_kernel", "row_out")
        more = ("run_first", "run_kernel", "run_out", "run_length")
        return dict(zip(names, self.rows, strict=True)) | dict(zip(more, self.runs, strict=True))

    @property
    def constants(self) -> dict[str, int]:
        channels, _, columns = self.shape
        out_channels, _, out_columns = self.target_shape
        return {
            "_channels": channels,
            "_columns": columns,
            "_per_group": channels // self.groups,
            "_out_columns": out_columns,
            "_out_channels": out_channels,
            "_out_per_group": out_channels // self.groups,
            "_kernel_rows": self.kernel_shape[0],
            "_kernel_columns": self.kernel_shape[1],
        }

    def fan_out(self) -> np.ndarray:
        starts, _, _, lengths = self.runs
        total = np.concatenate([[0], np.cumsum(lengths)])
        columns = total[starts[1:]] - total[starts[:-1]]
        pixels = np.outer(np.diff(self.rows[0]), columns) * (self.target_shape[0] // self.groups)
        return np.repeat(pixels.ravel(), self.shape[0])


def kind_of(layers: tuple[Layer, ...], shape: Shape, gain: float, matrix: Any) -> Kind:
    """The cheapest form of a path of linear layers.

    Parameters
    ----------
    shape : tuple of int
        Of the source.
    matrix : function without arguments
        Gives the path's sparse matrix (n_post, n_pre), neurons as channel, row, column.
    """
    one = as_convolution(layers, shape)
    if one is not None:
        return convolution(replace(one, weight=one.weight * gain), shape)
    target = shape
    for layer in layers:
        target = output_shape(layer, target)
    return stored(sparse.csc_array(matrix())[order_of(target)][:, order_of(shape)])


def stored(matrix: Any) -> Matrix | Targets:
    """The form of a sparse matrix (n_post, n_pre) whose neurons are as the groups count them."""
    n_post, n_pre = matrix.shape
    if matrix.nnz >= DENSE * n_post * n_pre:
        return Matrix(n_pre=n_pre, n_post=n_post, weights=matrix.toarray().T.ravel())
    columns = sparse.csc_array(matrix)
    columns.sort_indices()
    return Targets(
        n_pre=n_pre,
        n_post=n_post,
        weights=columns.data,
        first=columns.indptr.astype(np.int32),
        post=columns.indices.astype(np.int32),
    )


def as_convolution(layers: tuple[Layer, ...], shape: Shape) -> Conv2d | None:
    """One convolution that does what the layers do, or None.

    Zeros before a convolution are its padding. An average over windows of k with stride s before a
    kernel of K with stride S is a kernel of ``(K - 1) s + k`` with stride ``S s``.
    """
    if not layers or not isinstance(layers[-1], Conv2d) or len(shape) != 3:
        return None
    inputs: list[Shape] = [shape]
    for layer in layers[:-1]:
        inputs.append(output_shape(layer, inputs[-1]))
    last = layers[-1]
    found = replace(last, padding=padding_of(last, inputs[-1]))
    for layer, before in zip(reversed(layers[:-1]), reversed(inputs[:-1]), strict=True):
        if isinstance(layer, ZeroPad2d):
            both = zip(found.padding, layer.padding, strict=True)
            found = replace(found, padding=tuple((a + c, b + d) for (a, b), (c, d) in both))
        elif isinstance(layer, AvgPool2d) and _plain(layer, found, before):
            found = _after_average(layer, found)
        else:
            return None
    return found


def _plain(pool: AvgPool2d, conv: Conv2d, shape: Shape) -> bool:
    """Whether average and kernel are one kernel: no padding of the average, none beyond its border.

    Zeros around the averages are zeros around the map only where windows lie side by side and
    cover it all.
    """
    sides = zip(
        output_shape(pool, shape)[1:], pool.stride, pool.kernel, shape[1:], padding_of(pool, shape),
        conv.padding, strict=True,
    )  # fmt: skip
    for n, stride, kernel, size, own, around in sides:
        tiled = kernel == stride and n * stride == size
        if sum(own) or (n - 1) * stride + kernel > size or (sum(around) and not tiled):
            return False
    return conv.dilation == (1, 1)


def _after_average(pool: AvgPool2d, conv: Conv2d) -> Conv2d:
    rows, columns = (
        _spread(size, stride, kernel)
        for size, stride, kernel in zip(
            conv.weight.shape[2:], pool.stride, pool.kernel, strict=True
        )
    )
    return replace(
        conv,
        weight=np.einsum("oirc,ry,cx->oiyx", conv.weight, rows, columns, optimize=True),
        stride=tuple(a * b for a, b in zip(conv.stride, pool.stride, strict=True)),
        padding=tuple(
            (before * s, after * s)
            for (before, after), s in zip(conv.padding, pool.stride, strict=True)
        ),
    )


def _spread(size: int, stride: int, kernel: int) -> np.ndarray:
    """(size, (size - 1)*stride + kernel): where every tap's window lies, each adding up to one."""
    spread = np.zeros((size, (size - 1) * stride + kernel))
    for tap in range(size):
        spread[tap, tap * stride : tap * stride + kernel] = 1 / kernel
    return spread


def convolution(conv: Conv2d, shape: Shape) -> Convolution:
    """A convolution's kernel and its tables of rows and runs."""
    n_out, per_group, rows, columns = conv.weight.shape
    target = output_shape(conv, shape)
    (top, _), (left, _) = conv.padding
    order, runs = _runs(
        shape[2], target[2], columns, conv.stride[1], conv.dilation[1], left, conv.groups == 1
    )
    out = n_out // conv.groups
    blocks = conv.weight.reshape(conv.groups, out, per_group, rows, columns)
    stored = blocks.transpose(0, 2, 3, 4, 1)[:, :, :, order]  # group, in, row, column, out
    return Convolution(
        n_pre=int(np.prod(shape)),
        n_post=int(np.prod(target)),
        weights=np.ascontiguousarray(stored).ravel(),
        shape=shape,
        target_shape=target,
        kernel_shape=(rows, columns),
        groups=conv.groups,
        rows=_meetings(shape[1], target[1], rows, conv.stride[0], conv.dilation[0], top),
        runs=runs,
    )


def _meetings(size, n_out, kernel, stride, dilation, before) -> tuple[np.ndarray, ...]:
    """For every place its kernel taps and the outputs that they lead to, outputs ascending."""
    first: list[int] = [0]
    taps: list[int] = []
    outs: list[int] = []
    for place in range(size):
        for tap in reversed(range(kernel)):
            out, rest = divmod(place + before - tap * dilation, stride)
            if rest == 0 and 0 <= out < n_out:
                taps.append(tap)
                outs.append(out)
        first.append(len(taps))
    return tuple(np.array(part, dtype=np.int32) for part in (first, taps, outs))


def _runs(size, n_out, kernel, stride, dilation, before, joined):
    """The order in which kernel columns are stored, and the runs of every input column.

    Columns of one phase of the stride, from the last to the first, lead to outputs one after
    another: stored in that order they are one run. ``joined`` false: every column alone.
    """
    phases: dict[int, list[int]] = {}
    for tap in reversed(range(kernel)):
        phases.setdefault(tap * dilation % stride, []).append(tap)
    order = [tap for taps in phases.values() for tap in taps]
    place_of = {tap: n for n, tap in enumerate(order)}
    first, taps, outs = _meetings(size, n_out, kernel, stride, dilation, before)
    starts: list[int] = [0]
    kernels: list[int] = []
    begins: list[int] = []
    lengths: list[int] = []
    for place in range(size):
        for n in range(first[place], first[place + 1]):
            stored, out = place_of[int(taps[n])], int(outs[n])
            follows = (
                joined
                and len(kernels) > starts[-1]
                and kernels[-1] + lengths[-1] == stored
                and begins[-1] + lengths[-1] == out
            )
            if follows:
                lengths[-1] += 1
            else:
                kernels.append(stored)
                begins.append(out)
                lengths.append(1)
        starts.append(len(kernels))
    parts = (starts, kernels, begins, lengths)
    return np.array(order), tuple(np.array(part, dtype=np.int32) for part in parts)


def pixel_entries(
    rows: tuple[np.ndarray, ...],
    runs: tuple[np.ndarray, ...],
    kernel_columns: int,
    out_columns: int,
    out_channels: int,
    out_per_group: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a spike of every pixel meets, weight by weight: for the kernel that numpy runs.

    Returns
    -------
    first : (n_pixels + 1,) int array
        Pixel ``p`` has the entries ``first[p]`` to ``first[p + 1]``.
    kernel, target : int arrays
        Place in the channel's part of the weights, place from the group's first target.
    """
    row_first, row_kernel, row_out = rows
    run_first, run_kernel, run_out, run_length = runs
    first, kernel, target = [0], [np.zeros(0, dtype=int)], [np.zeros(0, dtype=int)]
    for y in range(len(row_first) - 1):
        for x in range(len(run_first) - 1):
            count = first[-1]
            for r in range(row_first[y], row_first[y + 1]):
                for c in range(run_first[x], run_first[x + 1]):
                    place = np.arange(run_length[c])[:, None]
                    out = np.arange(out_per_group)
                    tap = row_kernel[r] * kernel_columns + run_kernel[c] + place
                    at = row_out[r] * out_columns + run_out[c] + place
                    kernel.append((tap * out_per_group + out).ravel())
                    target.append((at * out_channels + out).ravel())
                    count += len(target[-1])
            first.append(count)
    return np.array(first), np.concatenate(kernel), np.concatenate(target)
