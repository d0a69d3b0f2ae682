"""Accuracy over time, rates against activations, errors of the layers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from bioconv import analysis
from bioconv.analysis import LayerError
from bioconv.errors import ParameterError, ResultError
from bioconv.plots.style import COLOURS, GREY
from bioconv.result import Result

#: Points above which single marks would only cover each other.
CROWD = 3000

#: What :func:`rate_errors` calls a measure.
MEASURES = {
    "mean_absolute": "mean |r − a|",
    "signed_mean": "mean (r − a)",
    "rmse": "RMSE",
    "percentile_95": "95th percentile",
    "mean_absolute_active": "mean |r − a|, a > 0",
    "mean_absolute_silent": "mean |r − a|, a = 0",
}


def accuracy_over_time(
    ax: Axes, result: Result, labels: np.ndarray, ann_accuracy: float | None = None
) -> Axes:
    """Accuracy after every step, with its 95 % Wilson interval as a band.

    ``ann_accuracy``, a fraction, is drawn as the level that the trained network sets.

    Raises
    ------
    ResultError
        If the labels do not fit the samples, or the output's spikes were not recorded.
    """
    if ann_accuracy is not None and not 0 <= ann_accuracy <= 1:
        raise ParameterError(f"ann_accuracy is {ann_accuracy}; give a fraction from 0 to 1")
    curve = result.accuracy_over_time(labels)
    correct = np.rint(curve * result.n_samples)
    low, high = analysis.wilson_interval(correct, result.n_samples)
    times = np.arange(1, result.n_steps + 1) * result.dt * 1e3
    ax.plot(times, 100 * curve, color=COLOURS[0], label="spiking network")
    ax.fill_between(
        times, 100 * low, 100 * high, color=COLOURS[0], alpha=0.2, linewidth=0,
        label="95 % interval",
    )  # fmt: skip
    if ann_accuracy is not None:
        ax.axhline(100 * ann_accuracy, color=COLOURS[1], linestyle="--", label="trained network")
    ax.set_xlim(0, times[-1])
    ax.set_ylim(0, 102)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("accuracy (%)")
    ax.legend(loc="best", fontsize="small")
    return ax


def rate_against_activation(
    ax: Axes, result: Result, activations: Mapping[str, np.ndarray], layer: str
) -> Axes:
    """Normalised rate of every (sample, neuron) against the activation that it codes.

    ``r`` and ``a`` as in :mod:`bioconv.analysis.rates`. The line is ``r = a``; the title gives
    Pearson's correlation. Above 3000 points hexagons count them, on a logarithmic scale.

    Raises
    ------
    ResultError
        As :func:`bioconv.analysis.rate_errors`.
    """
    rates, values = analysis.rate_and_activation(result, activations, layer)
    error = analysis.rate_errors(result, activations, [layer])[layer]
    x, y = values.ravel(), rates.ravel()
    top = max(1.0, float(y.max())) * 1.03
    ax.set_aspect("equal")
    if len(x) > CROWD:
        cells = ax.hexbin(
            x, y, gridsize=40, bins="log", mincnt=1, extent=(0, top, 0, top), cmap="viridis",
            linewidths=0.2,
        )  # fmt: skip
        ax.figure.colorbar(cells, ax=ax, label="points in a cell")
    else:
        ax.scatter(x, y, s=10, color=COLOURS[0], alpha=0.5, linewidths=0)
    ax.plot([0, 1], [0, 1], color=COLOURS[1], linewidth=1.2, linestyle="--", label="r = a")
    ax.set_xlim(-0.03, top)
    ax.set_ylim(-0.03, top)
    ax.set_xlabel("normalised activation a")
    ax.set_ylabel("normalised rate r")
    ax.set_title(f"{layer}: Pearson's correlation {error.pearson:.4f}", fontsize="medium")
    ax.legend(loc="upper left", fontsize="small")
    return ax


def rate_errors(
    ax: Axes,
    errors: Mapping[str, LayerError],
    measures: Sequence[str] = ("mean_absolute", "rmse", "percentile_95"),
) -> Axes:
    """Bars for every layer: what :func:`bioconv.analysis.rate_errors` returned.

    Raises
    ------
    ResultError
        If there is no layer.
    ParameterError
        For an unknown measure.
    """
    if not errors:
        raise ResultError("no layer to draw: errors is empty")
    unknown = [name for name in measures if name not in MEASURES]
    if unknown or not measures:
        raise ParameterError(f"measures {unknown}: the measures are {', '.join(MEASURES)}")
    places, width = np.arange(len(errors)), 0.8 / len(measures)
    for number, name in enumerate(measures):
        heights = [getattr(error, name) for error in errors.values()]
        shift = (number - (len(measures) - 1) / 2) * width
        ax.bar(
            places + shift, heights, width * 0.92, color=COLOURS[number % len(COLOURS)],
            label=MEASURES[name],
        )  # fmt: skip
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_xticks(places, list(errors))
    if sum(len(layer) + 2 for layer in errors) > 50:
        ax.tick_params(axis="x", labelrotation=90)
    ax.set_ylabel("error of the normalised rate")
    columns = min(3, len(measures))
    ax.margins(y=0.25 * -(-len(measures) // columns))  # room for the legend above the bars
    ax.legend(loc="upper center", ncols=columns, fontsize="small")
    return ax
