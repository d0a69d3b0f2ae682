"""Weights and rates where they lie in the image."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

from bioconv.errors import ParameterError, ResultError
from bioconv.plots.style import checked_index, checked_layer
from bioconv.result import Result

#: Numbers that fit side by side along an axis.
NUMBERS = 10


def weight_maps(axes: Axes | Iterable[Axes], kernels: np.ndarray) -> Axes | Iterable[Axes]:
    """Kernels as images on one symmetric scale: white is 0, red excites, blue inhibits.

    Parameters
    ----------
    axes : Axes or array of Axes
        On one, the kernels are tiles with a colour bar: (out, in) as rows and columns of tiles,
        kernels of one input channel in a square, numbered row by row. On several, one kernel on
        each, in order and on one scale, without a bar; axes left over are emptied.
    kernels : (out, in, rows, columns) or (n, rows, columns) array
        Weights of a dense layer are drawn as ``weight.reshape(n_out, rows, columns)``.

    Returns
    -------
    Axes or array of Axes
        What was given.

    Raises
    ------
    ParameterError
        If the array has another number of dimensions, is empty or not finite, or the axes are
        fewer than the kernels.
    """
    kernels = _checked(kernels)
    limit = float(np.abs(kernels).max()) or 1.0
    if isinstance(axes, Axes):
        return _tiles(axes, kernels, limit)
    flat = list(np.ravel(np.asarray(axes, dtype=object)))
    images = kernels.reshape(-1, *kernels.shape[-2:])
    if len(flat) < len(images):
        raise ParameterError(
            f"{len(images)} kernels do not fit on {len(flat)} axes; give one Axes for all as tiles"
        )
    for ax, image in zip(flat, images, strict=False):
        _image(ax, image, limit)
        ax.set(xticks=[], yticks=[])
    for ax in flat[len(images) :]:
        ax.set_axis_off()
    return axes


def _checked(kernels: np.ndarray) -> np.ndarray:
    kernels = np.asarray(kernels, dtype=np.float64)
    if kernels.ndim not in (3, 4) or kernels.size == 0:
        raise ParameterError(
            f"kernels have shape {kernels.shape}; give (out, in, rows, columns) or "
            f"(n, rows, columns)"
        )
    if not np.isfinite(kernels).all():
        raise ParameterError("kernels hold NaN or infinite values")
    return kernels[:, 0] if kernels.ndim == 4 and kernels.shape[1] == 1 else kernels


def _image(ax: Axes, image: np.ndarray, limit: float):
    return ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")


def _tiles(ax: Axes, kernels: np.ndarray, limit: float) -> Axes:
    rows, columns = kernels.shape[-2:]
    if kernels.ndim == 4:
        grid = kernels.shape[:2]
    else:
        across = int(np.ceil(np.sqrt(len(kernels))))
        grid = (-(-len(kernels) // across), across)
    gap = max(1, min(rows, columns) // 9)
    down, right = rows + gap, columns + gap
    canvas = np.full((grid[0] * down - gap, grid[1] * right - gap), np.nan)
    for number, image in enumerate(kernels.reshape(-1, rows, columns)):
        top, left = (number // grid[1]) * down, (number % grid[1]) * right
        canvas[top : top + rows, left : left + columns] = image
    ax.set_facecolor("#BFBFBF")
    drawn = _image(ax, np.ma.masked_invalid(canvas), limit)
    ax.figure.colorbar(drawn, ax=ax, label="weight")
    four = kernels.ndim == 4
    ax.set_xticks(*_numbers(grid[1], right, columns, 1))
    ax.set_yticks(*_numbers(grid[0], down, rows, 1 if four else grid[1]))
    ax.tick_params(length=0)
    ax.set_xlabel("input channel" if four else "kernel within the row")
    ax.set_ylabel("output channel" if four else "first kernel of the row")
    return ax


def _numbers(tiles: int, pitch: int, size: int, step: int) -> tuple[np.ndarray, list[str]]:
    """Middles of the tiles and their numbers, counted in ``step``, thinned to those that fit."""
    shown = np.arange(0, tiles, -(-tiles // NUMBERS))
    return shown * pitch + (size - 1) / 2, [str(n * step) for n in shown]


def rate_map(ax: Axes, result: Result, layer: str, sample: int = 0, channel: int = 0) -> Axes:
    """Firing rates of one channel, in Hz, row 0 on top.

    The scale runs from 0 to the highest rate of the whole layer in that sample, so channels
    compare.

    Raises
    ------
    ResultError
        If the layer has no rows and columns, or the layer, sample or channel does not exist.
    """
    counts = result.counts[checked_layer(result, layer)]
    if counts.ndim != 4:
        raise ResultError(
            f"{layer!r} has shape {counts.shape[1:]}; a map needs (channels, rows, columns)"
        )
    sample = checked_index("sample", sample, result.n_samples)
    channel = checked_index("channel", channel, counts.shape[1])
    rates = result.rates(layer)[sample]
    top = float(rates.max()) or result.max_rate
    drawn = ax.imshow(rates[channel], cmap="viridis", vmin=0, vmax=top, interpolation="nearest")
    ax.figure.colorbar(drawn, ax=ax, label="firing rate (Hz)")
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    ax.locator_params(integer=True)
    ax.set_title(f"{layer}, channel {channel}, sample {sample}", fontsize="medium")
    return ax
