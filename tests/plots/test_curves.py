"""Curves and bars carry the numbers of the analysis."""

import itertools

import numpy as np
import pytest

from bioconv import analysis
from bioconv.errors import ParameterError, ResultError
from bioconv.plots import accuracy_over_time, rate_against_activation, rate_errors
from bioconv.result import Result


@pytest.fixture
def activations(result):
    noise = np.random.default_rng(2)
    return {
        "relu1": 2.0 * result.counts["conv"] / 8 + noise.normal(0, 0.2, (3, 2, 3, 5)),
        "relu2": 0.5 * result.counts["fc"] / 8 + noise.normal(0, 0.2, (3, 4)),
    }


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_accuracy_over_time(ax, result):
    labels = np.array([*result.predictions[:2], 1 - result.predictions[2]])
    assert accuracy_over_time(ax, result, labels, ann_accuracy=0.97) is ax
    curve, level = ax.lines
    np.testing.assert_allclose(curve.get_xdata(), 0.5 * np.arange(1, 9))
    np.testing.assert_allclose(curve.get_ydata(), 100 * result.accuracy_over_time(labels))
    assert curve.get_ydata()[-1] == pytest.approx(200 / 3)
    assert list(level.get_ydata()) == pytest.approx([97, 97])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "accuracy (%)")
    assert legend(ax) == ["spiking network", "95 % interval", "trained network"]


def test_the_band_is_the_interval(ax, result):
    accuracy_over_time(ax, result, result.predictions)
    assert len(ax.lines) == 1
    (band,) = ax.collections
    points = band.get_paths()[0].vertices
    at_the_end = points[np.isclose(points[:, 0], 4.0)][:, 1]
    low, high = analysis.wilson_interval(3, 3)
    assert (at_the_end.min(), at_the_end.max()) == pytest.approx((100 * low, 100 * high))


def test_rate_against_activation(ax, result, activations):
    assert rate_against_activation(ax, result, activations, "fc") is ax
    (points,) = ax.collections
    r, a = analysis.rate_and_activation(result, activations, "fc")
    np.testing.assert_allclose(points.get_offsets(), np.stack([a.ravel(), r.ravel()], axis=1))
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    pearson = np.corrcoef(a.ravel(), r.ravel())[0, 1]
    assert ax.get_title() == f"fc: Pearson's correlation {pearson:.4f}"
    assert ax.get_xlabel().endswith("activation a") and ax.get_ylabel().endswith("rate r")


def test_a_crowd_is_counted_in_hexagons(ax):
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, (5, 800))
    result = Result(
        counts={"fc": counts}, potentials=np.zeros((5, 800)), output="fc", n_steps=8, dt=1e-3,
        max_rate=1e3, nodes={"fc": "fc"},
    )  # fmt: skip
    rate_against_activation(ax, result, {"fc": counts / 8}, "fc")
    (cells,) = ax.collections
    assert cells.get_array().sum() == 4000, "no point is lost outside the hexagons"
    _, bar = ax.figure.axes
    assert bar.get_ylabel() == "points in a cell"


def test_bars_are_the_errors(ax, result, activations):
    errors = analysis.rate_errors(result, activations, ["conv", "fc"])
    assert rate_errors(ax, errors) is ax
    for bars, name in zip(ax.containers, ["mean_absolute", "rmse", "percentile_95"], strict=True):
        heights = [bar.get_height() for bar in bars]
        assert heights == pytest.approx([getattr(errors[layer], name) for layer in errors])
        assert min(heights) > 0
    assert [label.get_text() for label in ax.get_xticklabels()] == ["conv", "fc"]
    assert legend(ax) == ["mean |r − a|", "RMSE", "95th percentile"]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for b in ax.containers for bar in b)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(edges))


def test_bars_and_names_keep_clear_of_each_other(ax, result, activations):
    error = analysis.rate_errors(result, activations, ["fc"])["fc"]
    rate_errors(ax, {f"stage{n}_block_relu": error for n in range(12)})
    ax.figure.draw_without_rendering()
    names = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(names))
    box = ax.get_legend().get_window_extent()
    assert not any(bar.get_window_extent().overlaps(box) for bar in ax.patches)
    assert box.x0 >= ax.bbox.x0 and box.x1 <= ax.bbox.x1


def test_measures_can_be_chosen(ax, result, activations):
    errors = analysis.rate_errors(result, activations, ["fc"])
    rate_errors(ax, errors, measures=["signed_mean"])
    ((bar,),) = ax.containers
    assert bar.get_height() == pytest.approx(errors["fc"].signed_mean)


ERRORS = [
    (lambda ax, r, e: accuracy_over_time(ax, r, [0, 1]), ResultError, "labels have shape"),
    (lambda ax, r, e: accuracy_over_time(ax, r, [0, 1, 1], 97), ParameterError, "is 97"),
    (lambda ax, r, e: rate_against_activation(ax, r, {}, "fc"), ResultError, "relu2"),
    (lambda ax, r, e: rate_against_activation(ax, r, {}, "nope"), ResultError, "no layer 'nope'"),
    (lambda ax, r, e: rate_errors(ax, {}), ResultError, "empty"),
    (lambda ax, r, e: rate_errors(ax, e, ["luck"]), ParameterError, "luck"),
    (lambda ax, r, e: rate_errors(ax, e, []), ParameterError, "the measures are"),
]


@pytest.mark.parametrize("call, kind, message", ERRORS)
def test_errors(ax, result, activations, call, kind, message):
    with pytest.raises(kind, match=message):
        call(ax, result, analysis.rate_errors(result, activations, ["fc"]))
