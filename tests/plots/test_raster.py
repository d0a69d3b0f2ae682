"""Every mark of the raster stands where its spike was."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from bioconv.errors import ParameterError, ResultError
from bioconv.plots import raster

HALF_MS, WINDOW = 0.5, 4.0


def marks(ax):
    """{layer: {(time, height), ...}}, rounded."""
    return {
        drawn.get_label(): {(round(x, 9), round(y, 9)) for x, y in drawn.get_offsets().tolist()}
        for drawn in ax.collections
    }


def expected(result, layer, sample, band, size, shift=0.0, stride=1):
    spikes = result.spikes[layer].of(sample)
    assert len(spikes) > 0, "a silent layer agrees with anything"
    rows = len(range(0, size, stride))
    return {
        (round(shift + HALF_MS * step, 9), round(band + (neuron // stride + 0.5) / rows, 9))
        for neuron, step in zip(spikes.neuron.tolist(), spikes.step.tolist(), strict=True)
        if neuron % stride == 0
    }


def separators(ax):
    """Places of the upright and heights of the level lines."""
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    return [x[0] for x, y in lines if x[0] == x[1]], [y[0] for x, y in lines if y[0] == y[1]]


def test_one_sample_of_all_layers(ax, result):
    assert raster(ax, result, sample=1) is ax
    assert marks(ax) == {
        "conv": expected(result, "conv", 1, 0, 30),
        "fc": expected(result, "fc", 1, 1, 4),
        "out": expected(result, "out", 1, 2, 2),
    }
    assert separators(ax) == ([], [1, 2])
    assert ax.get_xlim() == (0, WINDOW) and ax.get_ylim() == (0, 3)
    assert ax.get_xlabel() == "time (ms)"
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["conv\n0–29", "fc\n0–3", "out\n0–1"]
    np.testing.assert_allclose(ax.get_yticks(), [0.5, 1.5, 2.5])


def test_bands_have_colours_of_their_own_and_so_have_their_labels(ax, result):
    raster(ax, result)
    colours = [tuple(drawn.get_edgecolor()[0]) for drawn in ax.collections]
    assert len(set(colours)) == 3
    assert [to_rgba(label.get_color()) for label in ax.get_yticklabels()] == colours


def test_large_layers_are_thinned_and_say_so(ax, result):
    raster(ax, result, 0, layers=["conv"], max_neurons=8)  # every 4th of 30: 8 rows
    assert marks(ax) == {"conv": expected(result, "conv", 0, 0, 30, stride=4)}
    assert ax.get_yticklabels()[0].get_text() == "conv\n0–29\n(1 in 4)"


def test_samples_stand_side_by_side(ax, result):
    raster(ax, result, sample=[2, 0], layers="fc")
    first, second = (expected(result, "fc", s, 0, 4, i * WINDOW) for i, s in enumerate([2, 0]))
    assert marks(ax) == {"fc": first | second}
    assert separators(ax) == ([WINDOW], [])
    assert ax.get_xlim() == (0, 2 * WINDOW)
    ticks = dict(zip(ax.get_xticks(), [t.get_text() for t in ax.get_xticklabels()], strict=True))
    assert ticks == {0: "0", 2: "2", 4: "0", 6: "2", 8: "4"}
    (above,) = ax.child_axes
    assert [t.get_text() for t in above.get_xticklabels()] == ["sample 2", "sample 0"]
    np.testing.assert_allclose(above.get_xticks(), [2, 6])


def test_many_samples_are_numbered_below(ax, result):
    raster(ax, result, sample=[0, 1, 2, 0, 1], layers="out")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "1", "2", "0", "1"]
    np.testing.assert_allclose(ax.get_xticks(), 2 + 4 * np.arange(5))
    assert ax.get_xlabel() == "sample (4 ms each)"


def test_later_windows_are_drawn_later(ax, make):
    result = make(onsets={"fc": 1, "out": 3})
    raster(ax, result, sample=0, layers=["conv", "out"])
    assert marks(ax)["conv"] == expected(result, "conv", 0, 0, 30)
    assert marks(ax)["out"] == expected(result, "out", 0, 1, 2, shift=3 * HALF_MS)
    assert ax.get_xlim() == (0, WINDOW + 3 * HALF_MS)


def test_only_recorded_layers_by_default(ax, make, result):
    raster(ax, make(spikes={"out": result.spikes["out"]}))
    assert list(marks(ax)) == ["out"]


def test_labels_do_not_overlap(ax, result):
    raster(ax, result, sample=[0, 1, 2], max_neurons=2)
    ax.figure.draw_without_rendering()
    for labels in (ax.get_yticklabels(), ax.get_xticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
        assert len(pairs) >= 3 and not any(a.overlaps(b) for a, b in pairs)


ERRORS = [
    ({"layers": "conv"}, ResultError, "spikes of 'conv' were not recorded, only those of out"),
    ({"layers": ["out", "nope"]}, ResultError, "no layer 'nope'"),
    ({"layers": []}, ResultError, "list is empty"),
    ({"sample": 3}, ResultError, "sample 3: give a whole number from 0 to 2"),
    ({"sample": -1}, ResultError, "sample -1"),
    ({"sample": [0, 1.5]}, ResultError, "sample 1.5"),
    ({"sample": []}, ResultError, "no sample"),
    ({"max_neurons": 0}, ParameterError, "max_neurons is 0"),
]


@pytest.mark.parametrize("asked, kind, message", ERRORS)
def test_errors(ax, make, result, asked, kind, message):
    with pytest.raises(kind, match=message):
        raster(ax, make(spikes={"out": result.spikes["out"]}), **asked)


def test_nothing_recorded(ax, make):
    with pytest.raises(ResultError, match="no spikes were recorded"):
        raster(ax, make(spikes={}))
