"""Rate errors against numbers worked out by hand, and against a loop over every neuron."""

import numpy as np
import pytest
import scipy.stats

from bioconv.analysis import rate_and_activation, rate_errors
from bioconv.errors import ResultError
from bioconv.result import Result

T = 10


def result_of(counts, *, dt=1e-3, max_rate=1000.0, **fields):
    counts = {layer: np.asarray(array) for layer, array in counts.items()}
    n_samples = len(next(iter(counts.values())))
    given = {
        "nodes": {layer: layer for layer in counts},
        "n_steps": T,
        "dt": dt,
        "max_rate": max_rate,
    }
    given |= fields
    return Result(
        counts=counts, potentials=np.zeros((n_samples, 3)), output=list(counts)[-1], **given
    )


def one_layer(counts, activation, **fields):
    result = result_of({"fc": counts}, **fields)
    return rate_errors(result, {"fc": np.asarray(activation, dtype=float)})["fc"]


def test_every_measure_by_hand():
    # r = 0.1 0.5 0 / 1.0 0.2 0     a = 0.1 0.7 0 / 1.0 0.0 0.4     r - a = 0 -.2 0 / 0 .2 -.4
    error = one_layer(
        [[1, 5, 0], [10, 2, 0]], [[0.2, 1.4, -3.0], [2.6, 0.0, 0.8]], scales={"fc": 2.0}
    )
    assert error.layer == "fc"
    assert error.mean_absolute == pytest.approx(0.8 / 6)
    assert error.signed_mean == pytest.approx(-0.4 / 6)
    assert error.rmse == pytest.approx(np.sqrt((0.04 + 0.04 + 0.16) / 6))
    assert error.percentile_95 == pytest.approx(0.2 + 0.75 * 0.2)  # place 0.95 * 5 = 4.75 of 0 … 5
    assert error.mean_absolute_active == pytest.approx(0.6 / 4)
    assert error.mean_absolute_silent == pytest.approx(0.2 / 2)
    assert error.saturated == pytest.approx(1 / 6)
    assert error.dead == pytest.approx(1 / 3)
    assert error.over == pytest.approx(1 / 6)
    assert error.under == pytest.approx(2 / 6)
    assert error.false_firing == pytest.approx(1 / 6)


def test_maps_against_a_loop():
    rng = np.random.default_rng(3)
    shape = (4, 2, 3, 5)
    counts = rng.integers(0, T + 1, shape)
    activation = rng.normal(0.3, 0.8, shape)
    error = one_layer(counts, activation, scales={"fc": 1.3})
    r = [n / T for n in counts.ravel()]
    a = [min(max(x / 1.3, 0.0), 1.0) for x in activation.ravel()]
    pairs = list(zip(r, a, strict=True))
    assert min(a) == 0 < max(a) == 1, "both clips are in play"
    assert error.mean_absolute == pytest.approx(sum(abs(x - y) for x, y in pairs) / len(r))
    assert error.signed_mean == pytest.approx(sum(x - y for x, y in pairs) / len(r))
    assert error.pearson == pytest.approx(scipy.stats.pearsonr(r, a)[0])
    assert error.spearman == pytest.approx(scipy.stats.spearmanr(r, a)[0])
    assert error.pearson != pytest.approx(error.spearman)
    assert error.over == pytest.approx(np.mean([x - y > 1 / T for x, y in pairs]))
    assert error.under == pytest.approx(np.mean([y - x > 1 / T for x, y in pairs]))
    assert error.saturated == pytest.approx(np.mean([y >= 1 or x >= 0.99 for x, y in pairs]))


def test_one_spike_off_is_no_fault_despite_rounding():
    """0.8 - 0.7 is 0.10000000000000009 in floats, more than 1/T."""
    assert 1 / T < 0.8 - 0.7
    error = one_layer([[8, 3]], [[0.7, 0.4]])
    assert (error.over, error.under) == (0, 0)
    error = one_layer([[8, 3]], [[0.699, 0.401]])
    assert (error.over, error.under) == (0.5, 0.5)


def test_a_spike_is_worth_what_max_rate_says():
    """At 500 Hz and 10 ms one spike is a rate of 1/5."""
    error = one_layer([[2, 2]], [[0.55, 0.65]], max_rate=500.0)
    assert error.signed_mean == pytest.approx(0.4 - 0.6)
    assert (error.over, error.under) == (0, 0.5)


def test_negative_population_codes_the_negative_part():
    error = one_layer([[5, 0]], [[-1.0, 1.0]], signs={"fc": -1}, scales={"fc": 2.0})
    assert error.mean_absolute == 0


@pytest.mark.parametrize("counts, a", [([[1, 1]], [[0.1, 0.5]]), ([[1, 4]], [[0.3, 0.3]])])
def test_correlation_of_a_constant_is_nan(counts, a):
    error = one_layer(counts, a)
    assert np.isnan(error.pearson) and np.isnan(error.spearman)
    assert error.mean_absolute > 0


def test_mean_over_nothing_is_nan():
    assert np.isnan(one_layer([[1, 2]], [[0.1, 0.5]]).mean_absolute_silent)
    assert np.isnan(one_layer([[1, 2]], [[0.0, -1.0]]).mean_absolute_active)


def test_layers_keep_their_order_and_node():
    result = result_of({"b": [[1, 2]], "a": [[3, 4]]}, nodes={"b": "relu7", "a": "fc9"})
    activations = {"relu7": np.array([[0.1, 0.2]]), "fc9": np.array([[0.3, 0.5]]), "more": None}
    errors = rate_errors(result, activations)
    assert list(errors) == ["b", "a"]
    assert errors["b"].mean_absolute == 0
    assert errors["a"].mean_absolute == pytest.approx(0.05)
    assert list(rate_errors(result, activations, ["a"])) == ["a"]


def test_rate_and_activation_keep_the_shape():
    counts = np.arange(12).reshape(2, 1, 2, 3) % 7
    result = result_of({"conv": counts}, scales={"conv": 4.0})
    r, a = rate_and_activation(result, {"conv": counts * 0.4}, "conv")
    assert r.shape == a.shape == (2, 1, 2, 3)
    np.testing.assert_allclose(r, counts / T)
    np.testing.assert_allclose(a, counts / T)


GOOD = {"fc": np.zeros((2, 3))}
ERRORS = [
    ({}, {}, "codes the activation of 'fc'"),
    ({}, {"fc": np.zeros((4, 3))}, "4 samples, the result has 2"),
    ({}, {"fc": np.zeros((2, 4))}, r"shape \(2, 4\), the rates of 'fc' \(2, 3\)"),
    ({}, {"fc": np.full((2, 3), np.nan)}, "NaN"),
    ({"nodes": {}}, GOOD, "whose activation 'fc' codes"),
]


@pytest.mark.parametrize("fields, activations, message", ERRORS)
def test_errors(fields, activations, message):
    with pytest.raises(ResultError, match=message):
        rate_errors(result_of({"fc": np.ones((2, 3))}, **fields), activations)


def test_unknown_layer():
    with pytest.raises(ResultError, match="no layer 'conv'"):
        rate_errors(result_of({"fc": np.ones((2, 3))}), GOOD, ["conv"])


def test_active_and_silent_units_are_measured_apart():
    # a > 0: r .1 .5 1. .0 against .1 .7 1. .4;  a = 0: r .0 .2 against 0 0
    error = one_layer(
        [[1, 5, 0], [10, 2, 0]], [[0.2, 1.4, -3.0], [2.6, 0.0, 0.8]], scales={"fc": 2.0}
    )
    assert error.active.fraction == pytest.approx(4 / 6)
    assert error.active.signed_mean == pytest.approx(-0.6 / 4)
    assert error.active.rmse == pytest.approx(np.sqrt((0.04 + 0.16) / 4))
    assert error.active.percentile_95 == pytest.approx(0.2 + 0.85 * 0.2)
    r, a = [0.1, 0.5, 1.0, 0.0], [0.1, 0.7, 1.0, 0.4]
    assert error.active.pearson == pytest.approx(scipy.stats.pearsonr(r, a)[0])
    assert error.active.spearman == pytest.approx(scipy.stats.spearmanr(r, a)[0])
    assert error.silent.signed_mean == pytest.approx(0.1)
    assert np.isnan(error.silent.pearson), "all of them have the activation 0"


def test_a_scale_for_every_channel():
    counts = np.array([[[[5, 1]], [[5, 1]]]])  # 1 sample, 2 channels of 1 x 2
    activation = np.array([[[[1.0, 0.2]], [[2.0, 0.4]]]])
    assert one_layer(counts, activation, scales={"fc": np.array([2.0, 4.0])}).rmse == 0
    flat = one_layer([[5, 1]], [[1.0, 0.4]], scales={"fc": np.array([2.0, 4.0])})
    assert flat.rmse == pytest.approx(0)


def test_negative_spikes_code_negative_activations():
    error = one_layer(
        [[5, 0, 0]], [[1.0, -0.6, 0.0]], scales={"fc": 2.0}, negatives={"fc": np.array([[0, 3, 1]])}
    )
    assert error.signed_mean == pytest.approx(-0.1 / 3), "-3 spikes are right, one is false"
    assert error.active.rmse == pytest.approx(0) and error.active.fraction == pytest.approx(2 / 3)
    assert error.false_firing == pytest.approx(1 / 3) and error.dead == 0
