"""The potential of one neuron over time."""

import numpy as np
from matplotlib.axes import Axes

from bioconv.errors import ResultError
from bioconv.plots.style import COLOURS, GREY, checked_index, checked_layer, onset_ms
from bioconv.result import Result


def membrane(ax: Axes, result: Result, layer: str, neuron: int, sample: int = 0) -> Axes:
    """Potential after the reset of every step, threshold, rest, and the spikes as ticks on top.

    In mV, or in thresholds for a dimensionless model. Step ``k`` stands at ``(onset + k) * dt``,
    as in :func:`bioconv.plots.raster`. Spikes are drawn if they were recorded.

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
    _level(ax, threshold, "threshold", "--", "bottom")
    _level(ax, rest, "rest", ":", "top")
    if layer in result.spikes:
        _ticks(ax, _steps(result, layer, neuron, sample), times, values, threshold)
    ax.set_xlim(times[0], times[-1] + result.dt * 1e3)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel(f"membrane potential ({'thresholds' if dimensionless else 'mV'})")
    ax.set_title(f"{layer}, neuron {neuron}, sample {sample}", fontsize="medium")
    return ax


def _traced(result: Result, layer: str, neuron: int):
    """The layer's traces and the neuron's place in them."""
    if checked_layer(result, layer) not in result.traces:
        raise ResultError(
            f"no potential of {layer!r} was recorded, only of "
            f"{', '.join(result.traces) or 'no layer'}; ask for it with record="
        )
    traces = result.traces[layer]
    columns = np.flatnonzero(traces.neurons == neuron)
    if len(columns) == 0:
        raise ResultError(
            f"the potential of neuron {neuron} of {layer!r} was not recorded; recorded are "
            f"{', '.join(map(str, traces.neurons[:20]))}{' …' if len(traces.neurons) > 20 else ''}"
        )
    return traces, int(columns[0])


def _steps(result: Result, layer: str, neuron: int, sample: int) -> np.ndarray:
    spikes = result.spikes[layer].of(sample)
    return spikes.step[spikes.neuron == neuron]


def _level(ax: Axes, height: float, name: str, line: str, side: str) -> None:
    """A level across the axes, named at the right: threshold above its line, rest below."""
    ax.axhline(height, color=GREY, linewidth=1, linestyle=line, label=name)
    ax.text(
        1.005, height, name, ha="left", va=side, fontsize="small", color=GREY,
        transform=ax.get_yaxis_transform(),
    )  # fmt: skip


def _ticks(ax: Axes, steps, times, values, threshold) -> None:
    top = max(threshold, values.max())
    height = top - min(values.min(), threshold)
    low, high = top + 0.06 * height, top + 0.14 * height
    ax.vlines(times[steps], low, high, color=COLOURS[1], linewidth=1.2, label="spikes")
