"""Potentials over time: of one neuron, of a layer's neurons together, of all layers."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm

from bioconv.errors import ResultError
from bioconv.plots.style import COLOURS, GREY, checked_index, checked_layer, onset_ms
from bioconv.result import Result, Traces

#: Percentiles between which the bands of a distribution lie.
BANDS = ((5, 95), (25, 75))
#: Part of a threshold by which rounding may keep a potential below it.
ROUNDING = 1e-6


def membrane(
    ax: Axes,
    result: Result,
    layer: str,
    neuron: int,
    sample: int = 0,
    current: np.ndarray | None = None,
) -> Axes:
    """Potential after the reset of every step, threshold, rest, and the spikes as ticks on top.

    In mV, or in thresholds for a dimensionless model. Step ``k`` stands at ``(onset + k) * dt``,
    as in :func:`bioconv.plots.raster`. Spikes are drawn if they were recorded.

    Parameters
    ----------
    current : (n_steps,) array, optional
        Input of every step in thresholds, as :func:`bioconv.analysis.input_current` gives it: drawn
        below, on an axis of its own. Every reset is then a line from the potential before it to the one
        after; not in the delayed propagation, where potentials already hold the next step's spikes.

    Raises
    ------
    ResultError
        If the neuron was not traced, or the layer or sample does not exist.
    """
    sample = checked_index("sample", sample, result.n_samples)
    traces, column = _traced(result, layer, neuron)
    dimensionless = result.provenance.get("units") == "dimensionless"
    factor = 1.0 if dimensionless else 1e3
    values = traces.values[sample, :, column] * factor
    threshold, rest = traces.threshold * factor, traces.rest * factor
    times = np.arange(len(values)) * result.dt * 1e3 + onset_ms(result, layer)
    ax.plot(times, values, color=COLOURS[0], linewidth=1.2, label="potential")
    inside = current is not None
    _level(ax, threshold, "threshold", "--", "bottom", inside)
    _level(ax, rest, "rest", ":", "top", inside)
    if current is not None:
        before = _before(traces, sample, column, current) * factor
        if result.provenance.get("propagation") != "delayed":
            _resets(ax, before, values, times, threshold)
        _current(ax, times, current)
    if layer in result.spikes:
        _ticks(ax, _steps(result, layer, neuron, sample), times, values, threshold)
    ax.set_xlim(times[0], times[-1] + result.dt * 1e3)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel(f"membrane potential ({'thresholds' if dimensionless else 'mV'})")
    ax.set_title(f"{layer}, neuron {neuron}, sample {sample}", fontsize="medium")
    return ax


def _recorded(result: Result, layer: str) -> Traces:
    if checked_layer(result, layer) not in result.traces:
        raise ResultError(
            f"no potential of {layer!r} was recorded, only of "
            f"{', '.join(result.traces) or 'no layer'}; ask for it with record="
        )
    return result.traces[layer]


def _traced(result: Result, layer: str, neuron: int):
    """The layer's traces and the neuron's place in them."""
    traces = _recorded(result, layer)
    columns = np.flatnonzero(traces.neurons == neuron)
    if len(columns) == 0:
        raise ResultError(
            f"the potential of neuron {neuron} of {layer!r} was not recorded; recorded are "
            f"{', '.join(map(str, traces.neurons[:20]))}{' …' if len(traces.neurons) > 20 else ''}"
        )
    return traces, int(columns[0])


def _before(traces: Traces, sample: int, column: int, current: np.ndarray) -> np.ndarray:
    """(n_steps,) potential before the reset of every step, in the units of the traces."""
    after, current = traces.values[sample, :, column], np.asarray(current, dtype=np.float64)
    if current.shape != after.shape:
        raise ResultError(
            f"current has shape {current.shape}; the trace has {after.shape}, one number a step"
        )
    start = np.concatenate([[traces.rest], after[:-1]])
    return start + current * (traces.threshold - traces.rest)


def _resets(ax: Axes, before, after, times, threshold: float) -> None:
    """A line from before to after wherever the potential had reached the threshold."""
    here = before >= threshold - ROUNDING * abs(threshold)
    ax.vlines(
        times[here], after[here], before[here], color=COLOURS[0], linewidth=0.8, linestyle=":",
        label="reset",
    )  # fmt: skip


def _current(ax: Axes, times: np.ndarray, current: np.ndarray) -> None:
    """Input on an axis of its own, in the lower third of the picture, under the potential."""
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom - 0.5 * (top - bottom), top)
    right = ax.twinx()
    right.step(times, current, where="mid", color=COLOURS[2], linewidth=0.9, label="input")
    low, high = min(0.0, float(np.min(current))), max(0.0, float(np.max(current))) or 1.0
    right.set_ylim(low - 0.1 * (high - low), low + 3.2 * (high - low))
    right.set_ylabel("input (thresholds a step)", color=COLOURS[2])
    right.tick_params(axis="y", colors=COLOURS[2])


def potential_distribution(ax: Axes, result: Result, layer: str) -> Axes:
    """How the potentials of a layer's neurons spread, step by step: median and bands, in thresholds.

    Over all recorded neurons and all samples. With reset by subtraction and enough drive they fill the
    space between rest and threshold evenly; what lies far below never fires.

    Raises
    ------
    ResultError
        If no potential of the layer was recorded.
    """
    traces = _recorded(result, layer)
    values = _in_thresholds(traces).transpose(1, 0, 2).reshape(traces.values.shape[1], -1)
    times = np.arange(len(values)) * result.dt * 1e3 + onset_ms(result, layer)
    for (low, high), strength in zip(BANDS, (0.15, 0.3), strict=True):
        lower, upper = np.percentile(values, [low, high], axis=1)
        ax.fill_between(
            times, lower, upper, color=COLOURS[0], alpha=strength, linewidth=0,
            label=f"{low}–{high} %",
        )  # fmt: skip
    ax.plot(times, np.median(values, axis=1), color=COLOURS[0], linewidth=1.2, label="median")
    _level(ax, 1.0, "threshold", "--", "bottom")
    _level(ax, 0.0, "rest", ":", "top")
    ax.set_xlim(times[0], times[-1] + result.dt * 1e3)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("potential (thresholds)")
    count = f"{values.shape[1] // result.n_samples} neurons, {result.n_samples} samples"
    ax.set_title(f"{layer}: {count}", fontsize="medium")
    ax.legend(loc="best", fontsize="small")
    return ax


def potential_map(ax: Axes, result: Result, sample: int | None = None) -> Axes:
    """Mean potential of every layer over time, in thresholds: a row a layer, the first at the top.

    The mean is over the recorded neurons, and over all samples unless one is given. White is rest, red above,
    blue below, on a scale that is logarithmic beyond one threshold; a layer whose window begins later
    begins later here.

    Raises
    ------
    ResultError
        If no potential was recorded, or the sample does not exist.
    """
    layers = [layer for layer in result.counts if layer in result.traces]
    if not layers:
        raise ResultError('no potential was recorded; run with record="v"')
    chosen = slice(None)
    if sample is not None:
        sample = checked_index("sample", sample, result.n_samples)
        chosen = slice(sample, sample + 1)
    onsets = [result.onsets.get(layer, 0) for layer in layers]
    rows = np.full((len(layers), result.n_steps + max(onsets)), np.nan)
    for row, layer, onset in zip(rows, layers, onsets, strict=True):
        means = _in_thresholds(result.traces[layer])[chosen].mean(axis=(0, 2))
        row[onset : onset + len(means)] = means
    limit = max(1.0, float(np.nanmax(np.abs(rows))))
    drawn = ax.imshow(
        np.ma.masked_invalid(rows), cmap="RdBu_r", aspect="auto", interpolation="nearest",
        norm=SymLogNorm(linthresh=1, vmin=-limit, vmax=limit), extent=(0, rows.shape[1] * result.dt * 1e3, len(layers) - 0.5, -0.5),
    )  # fmt: skip
    ax.figure.colorbar(drawn, ax=ax, label="mean potential (thresholds)")
    ax.set_yticks(np.arange(len(layers)), layers)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("time (ms)")
    ax.set_title("all samples" if sample is None else f"sample {sample}", fontsize="medium")
    return ax


def _in_thresholds(traces: Traces) -> np.ndarray:
    """(n_samples, n_steps, n) distances from rest."""
    return (traces.values - traces.rest) / (traces.threshold - traces.rest)


def _steps(result: Result, layer: str, neuron: int, sample: int) -> np.ndarray:
    spikes = result.spikes[layer].of(sample)
    return spikes.step[spikes.neuron == neuron]


def _level(ax: Axes, height: float, name: str, line: str, side: str, inside: bool = False) -> None:
    """A level across the axes, named at the right: threshold above its line, rest below."""
    ax.axhline(height, color=GREY, linewidth=1, linestyle=line, label=name)
    place, align = (0.995, "right") if inside else (1.005, "left")
    ax.text(
        place, height, name, ha=align, va=side, fontsize="small", color=GREY,
        transform=ax.get_yaxis_transform(),
    )  # fmt: skip


def _ticks(ax: Axes, steps, times, values, threshold) -> None:
    top = np.fmax(threshold, values.max())  # NaN where neurons have thresholds of their own
    height = top - np.fmin(values.min(), threshold)
    low, high = top + 0.06 * height, top + 0.14 * height
    ax.vlines(times[steps], low, high, color=COLOURS[1], linewidth=1.2, label="spikes")
