"""The pictures of a diagnosis show its numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from bioconv.analysis import Curves
from bioconv.errors import ResultError
from bioconv.plots import accuracy_and_cost, error_by_method, error_parts


def diagnosis(kind="too few steps", layer="fc2", scale=1.0):
    """A diagnosis of two layers, as far as the pictures look at it."""
    rms = {
        "fc1": {"error": 0.3, "own": 0.3, "inherited": 0.0, "mapping": 1e-17, "lost": 1e-16},
        "fc2": {"error": 0.5, "own": 0.2, "inherited": 0.4, "mapping": 1e-17, "lost": 1e-16},
    }
    layers = {
        name: SimpleNamespace(layer=name, rms=parts, relative_error=scale * parts["error"])
        for name, parts in rms.items()
    }
    verdict = SimpleNamespace(kind=kind, layer=layer)
    return SimpleNamespace(layers=layers, method="Percentile()", verdict=verdict)


def heights(ax):
    return {bars.get_label(): [bar.get_height() for bar in bars] for bars in ax.containers}


def test_bars_of_the_parts(ax):
    assert error_parts(ax, diagnosis()) is ax
    assert heights(ax) == {
        "whole, r − a": [0.3, 0.5], "own, in membranes": [0.3, 0.2], "inherited, W (r − a)": [0.0, 0.4],
    }  # fmt: skip
    weights = {label.get_text(): label.get_fontweight() for label in ax.get_xticklabels()}
    assert weights == {"fc1": "normal", "fc2": "bold"}
    assert ax.get_title() == "Percentile(): too few steps in fc2"


def test_a_sound_network_has_no_bold_layer(ax):
    error_parts(ax, diagnosis(kind="sound", layer=""))
    assert ax.get_title() == "Percentile(): sound"
    assert all(label.get_fontweight() == "normal" for label in ax.get_xticklabels())


def test_a_line_a_method(ax):
    error_by_method(ax, {"first": diagnosis(), "second": diagnosis(scale=2)})
    drawn = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert drawn == {"first": [30, 50], "second": [60, 100]}


def curves(events):
    return Curves(
        steps=np.array([1, 5, 20]), accuracy=np.array([0.1, 0.96, 1.0]), spikes={},
        events=np.array(events), correlation={},
    )  # fmt: skip


def test_accuracy_against_events(ax):
    accuracy_and_cost(ax, curves([0, 100, 900]), ann_multiply_adds=300)
    line, ann = ax.lines
    assert line.get_xdata().tolist() == [100, 900] and line.get_ydata().tolist() == [96, 100]
    assert list(ann.get_xdata()) == [300, 300] and ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["5 steps", "20 steps"]


def test_nothing_to_draw(ax):
    empty = diagnosis()
    empty.layers = {}
    for call in (
        lambda: error_parts(ax, empty),
        lambda: error_by_method(ax, {}),
        lambda: accuracy_and_cost(ax, curves([0, 0, 0])),
    ):
        with pytest.raises(ResultError, match="no layer|no method|no synaptic events"):
            call()
