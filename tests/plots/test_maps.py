"""Kernels and rates land on the pixels where they belong, rows as rows."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from bioconv.errors import ParameterError, ResultError
from bioconv.plots import rate_map, weight_maps


@pytest.fixture
def kernels():
    return np.random.default_rng(8).normal(size=(3, 2, 2, 5))  # (out, in, rows, columns)


def tick_texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_tiles_of_out_and_in(ax, kernels):
    assert weight_maps(ax, kernels) is ax
    canvas = ax.images[0].get_array()
    assert canvas.shape == (3 * 3 - 1, 2 * 6 - 1)
    for o, i in np.ndindex(3, 2):
        tile = canvas[3 * o : 3 * o + 2, 6 * i : 6 * i + 5]
        np.testing.assert_array_equal(tile, kernels[o, i])
    assert canvas.mask.sum() == 8 * 11 - kernels.size, "the rest separates"
    limit = np.abs(kernels).max()
    assert ax.images[0].get_clim() == (-limit, limit)
    assert (tick_texts(ax.yaxis), tick_texts(ax.xaxis)) == (["0", "1", "2"], ["0", "1"])
    np.testing.assert_allclose(ax.get_xticks(), [2, 8])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input channel", "output channel")
    assert ax.figure.axes[1].get_ylabel() == "weight"


def test_kernels_of_one_channel_fill_a_square(ax, kernels):
    weight_maps(ax, kernels.reshape(6, 1, 2, 5)[:5])
    canvas = ax.images[0].get_array()
    assert canvas.shape == (2 * 3 - 1, 3 * 6 - 1)
    np.testing.assert_array_equal(canvas[3:5, 6:11], kernels[2, 0])  # number 4: row 1, place 1
    assert canvas[3:5, 12:].mask.all()
    assert tick_texts(ax.yaxis) == ["0", "3"]


def test_one_kernel_on_each_axes(kernels):
    axes = Figure().subplots(2, 4)
    assert weight_maps(axes, kernels) is axes
    limit = np.abs(kernels).max()
    for number, ax in enumerate(axes.ravel()[:6]):
        np.testing.assert_array_equal(ax.images[0].get_array(), kernels[number // 2, number % 2])
        assert ax.images[0].get_clim() == (-limit, limit)
    assert [ax.axison for ax in axes.ravel()] == [True] * 6 + [False] * 2


def test_kernels_of_zeros_are_drawn(ax):
    weight_maps(ax, np.zeros((2, 3, 4)))
    assert ax.images[0].get_clim() == (-1, 1)


def test_rate_map(ax, result):
    assert rate_map(ax, result, "conv", sample=2, channel=1) is ax
    image = ax.images[0]
    np.testing.assert_allclose(image.get_array(), result.counts["conv"][2, 1] / 4e-3)
    assert image.get_array().shape == (3, 5)
    assert image.get_clim() == (0, result.rates("conv")[2].max())
    assert image.origin == "upper"
    assert ax.figure.axes[1].get_ylabel() == "firing rate (Hz)"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")
    assert ax.get_title() == "conv, channel 1, sample 2"


def test_a_silent_layer_has_a_scale(ax, make, result):
    counts = dict(result.counts) | {"conv": np.zeros((3, 2, 3, 5), int)}
    rate_map(ax, make(counts=counts), "conv")
    assert ax.images[0].get_clim() == (0, 2000)


WRONG = np.ones((6, 3, 5))
ERRORS = [
    (lambda ax, r: weight_maps(ax, np.ones((3, 5))), ParameterError, r"shape \(3, 5\)"),
    (lambda ax, r: weight_maps(ax, np.ones((0, 3, 5))), ParameterError, r"shape \(0, 3, 5\)"),
    (lambda ax, r: weight_maps(ax, WRONG * np.nan), ParameterError, "NaN"),
    (lambda ax, r: weight_maps([ax], WRONG), ParameterError, "6 kernels do not fit on 1 axes"),
    (lambda ax, r: rate_map(ax, r, "fc"), ResultError, "needs .channels, rows, columns."),
    (lambda ax, r: rate_map(ax, r, "nope"), ResultError, "no layer 'nope'"),
    (lambda ax, r: rate_map(ax, r, "conv", 3), ResultError, "sample 3"),
    (lambda ax, r: rate_map(ax, r, "conv", 0, 2), ResultError, "channel 2"),
]


@pytest.mark.parametrize("call, kind, message", ERRORS)
def test_errors(ax, result, call, kind, message):
    with pytest.raises(kind, match=message):
        call(ax, result)


def test_neither_brian2_nor_pyplot_is_loaded():
    code = "import sys, bioconv.plots; print([m for m in sys.modules if m in {set}])"
    code = code.replace("{set}", "{'brian2', 'matplotlib.pyplot'}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
