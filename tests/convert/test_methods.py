"""Scales by hand for every method, and what each promises."""

import numpy as np
import pytest
from cases import NETWORKS, chain, images

from bioconv.convert import (
    METHODS,
    DataBased,
    ModelBased,
    Percentile,
    Unscaled,
    convert,
    method_named,
)
from bioconv.errors import ConversionError
from bioconv.graph import Conv2d, Dense, LeakyReLU, ReLU

#: Drives of two neurons that a single input of 1 … 4 activates: 1 … 4 times (3, -2) and a bias.
X = np.array([[1.0], [2.0], [3.0], [4.0]])


def small(bias=(0.0, 0.0), second=((0.5, 1.0),)):
    return chain((1,), Dense(weight=[[3.0], [-2.0]], bias=bias), ReLU(), Dense(weight=second))


def scales(network, method, calibration=X, **options):
    found = dict(convert(network, method=method, calibration=calibration, **options).report.scales)
    assert found.pop("input") == (4.0 if calibration is X and not options else 1.0)
    return found


def test_percentiles_leave_out_zeros():
    """Neuron 0 is active with 3, 6, 9, 12, neuron 1 never: the median of the active ones is 7.5."""
    found = scales(small(), Percentile(percentile=50))
    assert found == {"fc1": 7.5, "fc2": 3.75}
    assert scales(small(), Percentile(percentile=100)) == {"fc1": 12.0, "fc2": 6.0}


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([[3.0], [-2.0]], 12.0),  # the activation
        ([[3.0], [-40.0]], 12.0),  # a large negative weight drives nobody
        ([[0.3], [-40.0]], 1.2),
    ],
)
def test_data_based_takes_the_largest_activation(weight, expected):
    network = chain((1,), Dense(weight=weight), ReLU())
    assert scales(network, "data_based")["fc1"] == pytest.approx(expected, rel=1e-7)  # of float32


def test_data_based_takes_the_largest_positive_weight_where_that_is_larger():
    network = chain((1,), Dense(weight=[[3.0]], bias=[-11.0]), ReLU(), Dense(weight=[[1.0]]))
    assert scales(network, DataBased())["fc1"] == 3.0  # the activation is 12 - 11
    silent = chain((1,), Dense(weight=[[3.0]], bias=[-100.0]), ReLU())
    assert scales(silent, DataBased()) == {"fc1": 3.0}


def test_data_based_sees_the_signs_of_negative_halves():
    network = chain((1,), Dense(weight=[[-5.0, ]], bias=[1.0]), LeakyReLU(slope=0.5))  # fmt: skip
    found = scales(network, "data_based", X / 100, input_range=(0, 1))
    assert found["fc1"] == pytest.approx(0.95, rel=1e-7)
    assert found["fc1_negative"] == 5.0


def test_model_based_is_the_largest_sum_of_positive_weights(rng):
    """Without biases: sums by hand, each layer's times the scale of the layer before."""
    first, second = rng.normal(size=(5, 7)), rng.normal(size=(3, 5))
    network = chain((7,), Dense(weight=first), ReLU(), Dense(weight=second))
    rows = np.maximum(first, 0).sum(axis=1)
    top = rows.max()
    assert scales(network, "model_based", None) == pytest.approx(
        {"fc1": top, "fc2": top * np.maximum(second, 0).sum(axis=1).max()}
    )


def test_model_based_sums_a_kernel_over_all_input_maps(rng):
    weight = rng.normal(size=(4, 2, 3, 2))
    network = chain((2, 5, 4), Conv2d(weight=weight), ReLU())
    expected = np.maximum(weight, 0).sum(axis=(1, 2, 3)).max()
    assert scales(network, "model_based", None)["conv1"] == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high", "bound"), [(0, 1, 3.5), (0, 2, 6.5), (-2, 1, 4.5)])
def test_model_based_knows_the_input_range_and_the_bias(low, high, bound):
    """3 x + 0.5 and -2 x + 0.5 for x between low and high."""
    report = convert(small((0.5, 0.5)), method="model_based", input_range=(low, high)).report
    assert report.scales["fc1"] == bound
    assert report.scales["input"] == max(abs(low), abs(high))


def test_model_based_bounds_both_halves_of_a_leaky_relu():
    """For x from -1 to 2: 3 x + 0.5 to 6.5, its negative to 2.5; -2 x + 0.5 to 2.5, its to 3.5.

    The next layer subtracts what is at least -3.5/2, from at most 6.5.
    """
    first = Dense(weight=[[3.0], [-2.0]], bias=[0.5, 0.5])
    network = chain((1,), first, LeakyReLU(slope=0.5), Dense(weight=[[1.0, -1.0]]))
    report = convert(network, method="model_based", input_range=(-1, 2)).report
    assert dict(report.scales) == {"input": 2, "fc1": 6.5, "fc1_negative": 3.5, "fc2": 8.25}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_input_exceeds_the_model_based_bound(name, signed):
    """Random and extreme images: no drive above the scale, rounding aside."""
    network = NETWORKS[name]
    x = images(network, 20)
    x = np.concatenate([x, x > 0.5, np.ones_like(x[:1]), np.zeros_like(x[:1])])
    x = 2 * x - 1 if signed else x
    low = -1.0 if signed else 0.0
    bounds = convert(network, method="model_based", input_range=(low, 1)).report.scales
    seen = convert(
        network, method=Percentile(percentile=100), calibration=x, input_range=(low, 1)
    ).report.scales
    assert seen.keys() == bounds.keys()
    for layer, largest in seen.items():
        assert 0 < largest <= bounds[layer] * (1 + 1e-6), layer


def test_unscaled_keeps_the_weights():
    network = small((0.25, 0.5))
    spiking = convert(network, method="unscaled")
    assert set(spiking.report.scales.values()) == {1.0}
    for name, weight in spiking.report.weights_after.items():
        np.testing.assert_array_equal(weight, spiking.report.weights_before[name])
    np.testing.assert_array_equal(spiking["fc1"].bias, [0.25, 0.5])


@pytest.mark.parametrize("method", [Percentile(), ModelBased()], ids=repr)
def test_a_dead_layer_keeps_its_weights_and_is_named(method):
    network = chain((1,), Dense(weight=[[-1.0]]), ReLU(), Dense(weight=[[2.0]], bias=[-1.0]))
    report = convert(network, method=method, calibration=X).report
    assert (report.scales["fc1"], report.scales["fc2"]) == (1.0, 1.0)
    assert report.notes == (
        "fc1: nothing activates it, so its weights were not scaled",
        "fc2: nothing activates it, so its weights were not scaled",
    )


@pytest.mark.parametrize("name", METHODS)
def test_names(name):
    assert type(method_named(name, False)) is METHODS[name]
    spikes, weights = ("spike_norm", "rmp"), ("model_based", "tailored", "unscaled")
    looks = "spikes" if name in spikes else "weights" if name in weights else "activations"
    assert METHODS[name]().looks == looks


@pytest.mark.parametrize(
    ("given", "calibrated", "expected"),
    [
        (None, True, Percentile(percentile=99.9)),
        (None, False, ModelBased()),
        (Unscaled(), True, Unscaled()),
    ],
)
def test_defaults(given, calibrated, expected):
    assert method_named(given, calibrated) == expected


@pytest.mark.parametrize("bad", ["Percentile", "", 3, Percentile, ["percentile"]], ids=repr)
def test_unknown_methods(bad):
    with pytest.raises(ConversionError) as caught:
        method_named(bad, True)
    assert str(caught.value) == (
        f"method is {bad!r}; choose one of {', '.join(METHODS)} or a record of "
        "bioconv.convert.methods such as Percentile(percentile=99.99)"
    )


@pytest.mark.parametrize("bad", [0, -1, 100.5, float("nan")])
def test_percentiles_out_of_range(bad):
    with pytest.raises(ConversionError) as caught:
        Percentile(percentile=bad)
    assert str(caught.value) == (
        f"Percentile: percentile is {bad!r}; give more than 0 and at most 100"
    )
