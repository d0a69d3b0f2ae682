"""The membrane's plot shows the recorded numbers in the units that its label says."""

import numpy as np
import pytest

from bioconv.errors import ResultError
from bioconv.plots import membrane, potential_distribution, potential_map
from bioconv.result import Traces


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def ticks(ax):
    (drawn,) = [c for c in ax.collections if c.get_label() == "spikes"]
    return np.array(drawn.get_segments())


def test_trace_threshold_and_rest_in_millivolts(ax, result):
    assert membrane(ax, result, "fc", 1, sample=2) is ax
    trace = lines(ax)["potential"]
    np.testing.assert_allclose(trace.get_xdata(), np.arange(8) * 0.5)
    np.testing.assert_allclose(trace.get_ydata(), result.traces["fc"].values[2, :, 1] * 1e3)
    assert list(lines(ax)["threshold"].get_ydata()) == pytest.approx([-50, -50])
    assert list(lines(ax)["rest"].get_ydata()) == pytest.approx([-70, -70])
    assert lines(ax)["threshold"].get_linestyle() == "--"
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "membrane potential (mV)"
    assert ax.get_title() == "fc, neuron 1, sample 2"


def test_spikes_are_ticks_above_threshold(ax, result):
    membrane(ax, result, "fc", 3, sample=1)
    spikes = result.spikes["fc"].of(1)
    steps = spikes.step[spikes.neuron == 3]
    assert len(steps) > 0
    np.testing.assert_allclose(ticks(ax)[:, :, 0], np.stack([steps, steps], axis=1) * 0.5)
    assert (ticks(ax)[:, :, 1] > -50).all()


def test_ticks_clear_a_trace_that_stays_above_threshold(ax, make):
    values = np.linspace(0, 3, 24).reshape(3, 8, 1)
    traces = {"fc": Traces(neurons=[3], values=values, rest=0.0, threshold=1.0)}
    membrane(ax, make(traces=traces), "fc", 3, sample=2)
    assert ticks(ax)[:, :, 1].min() > 3


def test_neurons_with_thresholds_of_their_own_have_ticks_and_no_level(ax, make):
    values = np.linspace(0, 3, 24).reshape(3, 8, 1)
    traces = {"fc": Traces(neurons=[3], values=values, rest=0.0, threshold=np.nan)}
    membrane(ax, make(traces=traces), "fc", 3, sample=2)
    assert len(ticks(ax)) > 0 and np.isfinite(ticks(ax)).all() and ticks(ax)[:, :, 1].min() > 3


def test_dimensionless_is_in_thresholds(ax, make):
    values = np.linspace(0, 0.9, 24).reshape(3, 8, 1)
    traces = {"fc": Traces(neurons=[0], values=values, rest=0.0, threshold=1.0)}
    membrane(ax, make(traces=traces, provenance={"units": "dimensionless"}), "fc", 0)
    np.testing.assert_allclose(lines(ax)["potential"].get_ydata(), values[0, :, 0])
    assert list(lines(ax)["threshold"].get_ydata()) == [1, 1]
    assert ax.get_ylabel() == "membrane potential (thresholds)"


def test_without_recorded_spikes_there_are_no_ticks(ax, make):
    membrane(ax, make(spikes={}), "fc", 1)
    assert len(ax.collections) == 0 and len(ax.lines) == 3


def test_a_later_window_is_drawn_later(ax, make):
    result = make(onsets={"fc": 2})
    membrane(ax, result, "fc", 3, sample=1)
    spikes = result.spikes["fc"].of(1)
    np.testing.assert_allclose(lines(ax)["potential"].get_xdata(), 1 + np.arange(8) * 0.5)
    np.testing.assert_allclose(ticks(ax)[:, 0, 0], 1 + spikes.step[spikes.neuron == 3] * 0.5)


def test_names_of_close_levels_do_not_overlap(ax, make):
    values = np.full((3, 8, 1), -9.0)
    traces = {"fc": Traces(neurons=[0], values=values, rest=0.0, threshold=0.01)}
    membrane(ax, make(traces=traces), "fc", 0)
    ax.figure.draw_without_rendering()
    threshold, rest = (text.get_window_extent() for text in ax.texts)
    assert not threshold.overlaps(rest)
    assert threshold.x1 <= ax.figure.bbox.x1, "the name fits on a figure of 6 x 4 inches"


ERRORS = [
    (("conv", 0), "no potential of 'conv' was recorded, only of fc"),
    (("nope", 0), "no layer 'nope'"),
    (("fc", 0), "neuron 0 of 'fc' was not recorded; recorded are 3, 1"),
    (("fc", 1, 3), "sample 3"),
]


@pytest.mark.parametrize("asked, message", ERRORS)
def test_errors(ax, result, asked, message):
    with pytest.raises(ResultError, match=message):
        membrane(ax, result, *asked)


CURRENT = np.array([0.4, 0.9, 0.3, -0.2, 0.5, 1.5, 0.1, 0.0])


def integrated(make, **fields):
    """Neuron 0 of fc driven by CURRENT, reset by subtraction, in the units of thresholds."""
    v, after = 0.0, []
    for step in CURRENT:
        v += step
        v -= v >= 1 - 1e-9
        after.append(v)
    values = np.broadcast_to(np.array(after)[None, :, None], (3, 8, 1))
    traces = {"fc": Traces(neurons=[0], values=values, rest=0.0, threshold=1.0)}
    return make(traces=traces, provenance={"units": "dimensionless", **fields}, spikes={})


def test_input_and_resets(ax, make):
    """Potential 0.4 1.3 0.6 0.4 0.9 2.4 … before its resets: the threshold is reached in steps 1, 5, 6."""
    membrane(ax, integrated(make), "fc", 0, current=CURRENT)
    (resets,) = [c for c in ax.collections if c.get_label() == "reset"]
    segments = np.array(resets.get_segments())
    np.testing.assert_allclose(segments[:, 0, 0], np.array([1, 5, 6]) * 0.5)
    np.testing.assert_allclose(segments[:, 1, 1], [1.3, 2.4, 1.5])
    np.testing.assert_allclose(segments[:, 1, 1] - segments[:, 0, 1], 1)
    (right,) = [other for other in ax.figure.axes if other is not ax]
    (drawn,) = right.lines
    np.testing.assert_allclose(drawn.get_ydata(), CURRENT)
    assert "thresholds a step" in right.get_ylabel()


def test_no_resets_where_potentials_hold_the_next_steps_spikes(ax, make):
    membrane(ax, integrated(make, propagation="delayed"), "fc", 0, current=CURRENT)
    assert [c.get_label() for c in ax.collections] == []


def test_input_of_another_length(ax, make):
    with pytest.raises(ResultError, match=r"current has shape \(7,\); the trace has \(8,\)"):
        membrane(ax, integrated(make), "fc", 0, current=CURRENT[:7])


def test_bands_of_a_distribution(ax, result):
    potential_distribution(ax, result, "fc")
    values = (result.traces["fc"].values + 0.07) / 0.02
    at_step = values.transpose(1, 0, 2).reshape(8, -1)
    np.testing.assert_allclose(lines(ax)["median"].get_ydata(), np.median(at_step, axis=1))
    bands = {c.get_label(): c.get_paths()[0].vertices[:, 1] for c in ax.collections}
    assert bands["5–95 %"].max() == pytest.approx(np.percentile(at_step, 95, axis=1).max())
    assert bands["25–75 %"].min() == pytest.approx(np.percentile(at_step, 25, axis=1).min())
    assert ax.get_title() == "fc: 2 neurons, 3 samples"
    with pytest.raises(ResultError, match="no potential of 'conv' was recorded"):
        potential_distribution(ax, result, "conv")


def test_a_row_for_every_layer(ax, make, result):
    fc = result.traces["fc"]
    out = Traces(neurons=[0], values=np.full((3, 8, 1), 2.5), rest=0.0, threshold=1.0)
    later = make(traces={"fc": fc, "out": out}, onsets={"out": 2})
    potential_map(ax, later, sample=1)
    (image,) = ax.images
    rows = image.get_array()
    np.testing.assert_allclose(rows[0, :8], ((fc.values[1] + 0.07) / 0.02).mean(axis=1))
    assert rows.mask[0, 8:].all() and rows.mask[1, :2].all() and not rows.mask[1, 2:].any()
    assert (rows[1, 2:] == 2.5).all() and image.get_extent()[1] == 5
    assert [label.get_text() for label in ax.get_yticklabels()] == ["fc", "out"]
    with pytest.raises(ResultError, match='record="v"'):
        potential_map(ax, make(traces={}))
    with pytest.raises(ResultError, match="sample 3"):
        potential_map(ax, later, sample=3)
