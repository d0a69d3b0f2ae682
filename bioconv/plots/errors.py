"""Where the errors of the layers come from, and how methods compare."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from bioconv.analysis import Curves, Diagnosis
from bioconv.errors import ResultError
from bioconv.plots.style import COLOURS, GREY

#: What the error and its parts are called.
NAMES = {
    "error": "whole, r − a",
    "own": "own, in membranes",
    "inherited": "inherited, W (r − a)",
    "mapping": "other weights",
    "lost": "lost charge",
}
#: A part below this share of the largest bar everywhere is left out.
NOTHING = 1e-6


def error_parts(ax: Axes, diagnosis: Diagnosis) -> Axes:
    """Bars for every layer: the whole error of the rates and its parts, as root mean squares.

    Parts without any share are left out. The layer that the verdict names is in bold.

    Raises
    ------
    ResultError
        If there is no layer.
    """
    if not diagnosis.layers:
        raise ResultError("no layer to draw: the diagnosis is empty")
    layers = list(diagnosis.layers.values())
    heights = {part: [layer.rms[part] for layer in layers] for part in NAMES}
    shown = [part for part in NAMES if max(heights[part]) > NOTHING * max(heights["error"])]
    places, width = np.arange(len(layers)), 0.8 / max(1, len(shown))
    for number, part in enumerate(shown):
        shift = (number - (len(shown) - 1) / 2) * width
        colour = (GREY, *COLOURS)[list(NAMES).index(part)]
        ax.bar(places + shift, heights[part], width * 0.92, color=colour, label=NAMES[part])
    _layer_axis(ax, [layer.layer for layer in layers], diagnosis.verdict.layer)
    ax.set_ylabel("RMS, in normalised rates")
    ax.margins(y=0.25)  # room for the legend
    ax.legend(loc="upper left", ncols=2, fontsize="small")
    kind = diagnosis.verdict.kind
    where = f": {kind} in {diagnosis.verdict.layer}" if diagnosis.verdict.layer else f": {kind}"
    ax.set_title(f"{diagnosis.method}{where}", fontsize="medium")
    return ax


def _layer_axis(ax: Axes, names: list[str], bold: str = "") -> None:
    ax.set_xticks(np.arange(len(names)), names)
    if sum(len(name) + 2 for name in names) > 50:
        ax.tick_params(axis="x", labelrotation=90)
    for label in ax.get_xticklabels():
        if label.get_text() == bold:
            label.set_fontweight("bold")


def error_by_method(ax: Axes, diagnoses: Mapping[str, Diagnosis]) -> Axes:
    """Relative error of every layer, a line a method: ``rms(r - a) / rms(a)`` in per cent.

    Raises
    ------
    ResultError
        If there is nothing to draw.
    """
    if not diagnoses:
        raise ResultError("no method to draw: diagnoses is empty")
    names = list(next(iter(diagnoses.values())).layers)
    for number, (method, diagnosis) in enumerate(diagnoses.items()):
        heights = [100 * layer.relative_error for layer in diagnosis.layers.values()]
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(np.arange(len(heights)), heights, marker="o", color=colour, label=method)
    _layer_axis(ax, names)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("error of the rates (% of the activations)")
    ax.legend(loc="best", fontsize="small")
    return ax


def accuracy_and_cost(ax: Axes, curves: Curves, ann_multiply_adds: float | None = None) -> Axes:
    """Accuracy against the synaptic events spent so far, on a logarithmic axis.

    The first point within 5 % of the final accuracy and the last one are labelled with their steps.
    ``ann_multiply_adds`` marks what one answer of the trained network costs, with a dashed line.

    Raises
    ------
    ResultError
        If no event was counted: record the spikes of all layers.
    """
    spent = curves.events > 0
    if not spent.any():
        raise ResultError(
            'no synaptic events in the curves; run with record="spikes" to have those of all layers'
        )
    ax.plot(
        curves.events[spent], 100 * curves.accuracy[spent], marker="o", color=COLOURS[0],
        label="spiking network",
    )  # fmt: skip
    enough = np.argmax(curves.accuracy >= 0.95 * curves.accuracy[-1])
    for place, side in ((enough, "left"), (len(spent) - 1, "right")):
        if spent[place]:
            ax.annotate(
                f"{curves.steps[place]} steps", (curves.events[place], 100 * curves.accuracy[place]),
                textcoords="offset points", xytext=(0, -14 if side == "left" else 7), ha=side,
                fontsize="small", color=GREY,
            )  # fmt: skip
    if ann_multiply_adds:
        ax.axvline(
            ann_multiply_adds,
            color=COLOURS[1],
            linestyle="--",
            label="products of the trained network",
        )
    ax.set_xscale("log")
    ax.set_ylim(0, 108)
    ax.set_xlabel("synaptic events of a sample")
    ax.set_ylabel("accuracy (%)")
    ax.legend(loc="best", fontsize="small")
    return ax
