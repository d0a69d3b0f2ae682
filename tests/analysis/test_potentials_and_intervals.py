"""Residual potentials, inter-spike intervals and latency against numbers worked out by hand."""

import numpy as np
import pytest

from bioconv.analysis import (
    dead_units,
    excess_input,
    interval_statistics,
    residual_potential,
    residual_potentials,
    steps_to_accuracy,
    t_95,
)
from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result, Spikes, Traces


def traces(last, *, rest=0.0, threshold=1.0, dtype=float):
    last = np.asarray(last, dtype)
    values = np.stack([np.full_like(last, 0.3), last], axis=1)  # two steps; the second counts
    return Traces(neurons=np.arange(last.shape[1]), values=values, rest=rest, threshold=threshold)


def test_residual_in_thresholds():
    residual = residual_potential(traces([[0.0, 0.25, 1.0], [0.999, -0.5, 2.5]]))
    np.testing.assert_array_equal(residual.values, [[0.0, 0.25, 1.0], [0.999, -0.5, 2.5]])
    assert residual.inside == pytest.approx(3 / 6)
    assert residual.below == pytest.approx(1 / 6)
    assert residual.above == pytest.approx(2 / 6)
    assert residual.mean == pytest.approx(4.249 / 6)


def test_residual_in_volts():
    residual = residual_potential(traces([[-0.065, -0.08]], rest=-0.07, threshold=-0.05))
    np.testing.assert_allclose(residual.values, [[0.25, -0.5]])
    assert (residual.inside, residual.below) == (0.5, 0.5)


def test_rest_missed_by_rounding_is_rest():
    low = np.nextafter(-0.07, -1)  # what resets by subtraction leave of an exact rest
    assert (low + 0.07) / 0.02 < 0
    assert residual_potential(traces([[low]], rest=-0.07, threshold=-0.05)).inside == 1
    assert residual_potential(traces([[-0.07 - 1e-9]], rest=-0.07, threshold=-0.05)).below == 1


@pytest.mark.parametrize(
    "wrong, message",
    [
        (traces([[0.1]], threshold=0.0), "must lie above rest"),
        (Traces(neurons=np.arange(0), values=np.zeros((2, 3, 0)), rest=0, threshold=1), "nothing"),
    ],
)
def test_residual_errors(wrong, message):
    with pytest.raises(ResultError, match=message):
        residual_potential(wrong)


def test_residuals_of_whole_layers():
    result = Result(
        counts={"fc": np.array([[0, 3, 0], [1, 0, 0]])},
        potentials=np.zeros((2, 3)), output="fc", n_steps=9, dt=1e-3, max_rate=1e3,
        residuals={"fc": np.array([[0.5, -1e-9, 1.5], [1.0, -0.25, 0.0]])},
    )  # fmt: skip
    (residual,) = residual_potentials(result).values()
    assert residual.inside == pytest.approx(3 / 6), "a billionth below rest is at rest"
    assert (residual.below, residual.above) == pytest.approx((1 / 6, 2 / 6))
    assert residual.mean == pytest.approx(2.75 / 6)
    np.testing.assert_array_equal(dead_units(result)["fc"], [False, False, True])


def test_excess_input_is_what_a_spike_does_not_take_away():
    assert excess_input(traces([[0.2, 1.0, 2.5], [0.0, -1.0, 0.9]])) == pytest.approx(2 / 12)
    volts = traces([[-0.05, -0.051]], rest=-0.07, threshold=-0.05)
    assert excess_input(volts) == pytest.approx(3 / 4), "0.3 V in the step before is far above"
    with pytest.raises(ResultError, match="nothing was recorded"):
        excess_input(Traces(neurons=np.arange(0), values=np.zeros((2, 3, 0)), rest=0, threshold=1))


@pytest.fixture
def spikes():
    """Neuron 4: steps 0 2 6 8 in sample 0, 10 13 in sample 1, 5 in sample 2. Neuron 1 disturbs."""
    sample = [0, 0, 0, 0, 1, 1, 2, 0, 0, 1]
    step = [0, 2, 6, 8, 10, 13, 5, 1, 7, 11]
    return Spikes(sample=np.array(sample), neuron=np.array([4] * 7 + [1] * 3), step=np.array(step))


def test_intervals_of_one_sample(spikes):
    one = interval_statistics(spikes, 4, dt=0.5e-3, sample=0)  # intervals 2 4 2 steps
    assert one.n_intervals == 3
    assert one.mean == pytest.approx(8 / 3 * 0.5e-3)
    assert one.std == pytest.approx(np.std([2, 4, 2]) * 0.5e-3)
    assert one.cv == pytest.approx(np.std([2, 4, 2]) / np.mean([2, 4, 2]))
    assert one.cv2 == pytest.approx(2 * 2 / 6)


def test_intervals_do_not_reach_into_the_next_sample(spikes):
    pooled = interval_statistics(spikes, 4, dt=1.0)  # 2 4 2 and 3
    assert pooled.n_intervals == 4
    assert pooled.mean == pytest.approx(11 / 4)
    assert pooled.cv2 == pytest.approx(2 * 2 / 6)


@pytest.mark.parametrize("neuron, sample, n", [(4, 1, 1), (4, 2, 0), (9, None, 0)])
def test_too_few_spikes_give_nan(spikes, neuron, sample, n):
    few = interval_statistics(spikes, neuron, dt=1.0, sample=sample)
    assert few.n_intervals == n
    assert np.isnan(few.cv) and np.isnan(few.cv2) and np.isnan(few.mean) == (n == 0)


def test_a_clock_has_cv_zero_and_a_poisson_train_one():
    clock = Spikes(sample=np.zeros(50, int), neuron=np.zeros(50, int), step=np.arange(50) * 3)
    regular = interval_statistics(clock, 0, dt=1e-3)
    assert (regular.cv, regular.cv2) == (0, 0) and regular.mean == pytest.approx(3e-3)
    n = 20_000
    step = np.cumsum(np.random.default_rng(1).exponential(1000, n)).astype(int)
    train = Spikes(sample=np.zeros(n, int), neuron=np.zeros(n, int), step=step)
    poisson = interval_statistics(train, 0, dt=1e-3)
    # Both estimates have standard errors near 1 / sqrt(n) = 0.007.
    assert poisson.cv == pytest.approx(1, abs=0.03) and poisson.cv2 == pytest.approx(1, abs=0.03)


def test_latency_is_the_first_step_that_reaches_the_fraction():
    curve = [0.0, 0.5, 0.77, 0.76, 0.6, 0.8]
    assert t_95(curve) == 3
    assert steps_to_accuracy(curve, 0.6) == 2
    assert steps_to_accuracy(curve, 1.0) == 6
    assert t_95([0.9]) == 1


@pytest.mark.parametrize(
    "curve, fraction, message",
    [
        ([], 0.95, "shape"),
        ([[0.1, 0.2]], 0.95, "shape"),
        ([0.1, np.nan], 0.95, "finite"),
        ([0.1], 95, "fraction is 95"),
    ],
)
def test_latency_errors(curve, fraction, message):
    with pytest.raises(ParameterError, match=message):
        steps_to_accuracy(curve, fraction)
