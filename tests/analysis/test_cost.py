"""Synaptic events against a count of every synapse of a small convolution."""

from dataclasses import replace

import numpy as np
import pytest

import bioconv
from bioconv.analysis import (
    INTEGER_45NM,
    Operations,
    ann_operations,
    energy,
    operations,
    spikes_per_neuron,
    synaptic_events,
)
from bioconv.errors import ResultError
from bioconv.graph import AvgPool2d, BatchNorm, Conv2d, Dense, Flatten, Network, ReLU
from bioconv.result import Result


@pytest.fixture
def result():
    rng = np.random.default_rng(5)
    counts = {"input": rng.integers(0, 9, (3, 1, 3, 5)), "fc": rng.integers(0, 9, (3, 4))}
    return Result(
        counts=counts, potentials=np.zeros((3, 4)), output="fc", n_steps=9, dt=1e-3, max_rate=1e3
    )


def test_events_are_counted_synapse_by_synapse(result):
    """A 2 x 3 window slides over 3 x 5 pixels: border pixels feed fewer positions."""
    fan_out, expected = np.zeros((1, 3, 5), int), np.zeros(3, int)
    for row, column in np.ndindex(2, 3):
        for i, j in np.ndindex(2, 3):
            fan_out[0, row + i, column + j] += 1
            expected += result.counts["input"][:, 0, row + i, column + j]
    assert fan_out.min() == 1 and fan_out.max() == 6
    np.testing.assert_array_equal(synaptic_events(result, {"input": fan_out}), expected)


def test_one_number_for_a_layer_and_several_layers(result):
    inputs, outputs = (result.counts[n].reshape(3, -1).sum(axis=1) for n in ("input", "fc"))
    events = synaptic_events(result, {"input": 7, "fc": np.array([2, 2, 2, 2])})
    np.testing.assert_array_equal(events, 7 * inputs + 2 * outputs)


def test_counts_of_small_integer_types_do_not_overflow():
    result = Result(
        counts={"a": np.full((1, 3), 200, np.uint8), "fc": np.zeros((1, 2), int)},
        potentials=np.zeros((1, 2)), output="fc", n_steps=255, dt=1e-3, max_rate=1e3,
    )  # fmt: skip
    assert synaptic_events(result, {"a": np.full(3, 100, np.uint8)}).tolist() == [60_000]


def test_spikes_per_neuron(result):
    assert spikes_per_neuron(result) == {
        "input": pytest.approx(result.counts["input"].sum() / (3 * 15)),
        "fc": pytest.approx(result.counts["fc"].sum() / (3 * 4)),
    }


ERRORS = [
    ({}, r"lacks \['input'\]"),
    ({"input": 1, "conv": 1}, r"has \['conv'\]"),
    ({"input": np.ones((1, 5, 3), int)}, r"shape \(1, 5, 3\); the layer has \(1, 3, 5\)"),
    ({"input": 1.5}, "whole numbers"),
    ({"input": -1}, "whole numbers"),
]


@pytest.mark.parametrize("fan_out, message", ERRORS)
def test_errors(result, fan_out, message):
    with pytest.raises(ResultError, match=message):
        synaptic_events(result, fan_out)


def test_operations_of_a_padded_convolution_by_hand():
    """3 x 2 maps, kernels 3 x 1, one row of padding: the outer rows see two pixels, the middle three."""
    conv = Conv2d(weight=np.ones((4, 2, 3, 1)), bias=np.ones(4), padding=(1, 0))
    network = Network.sequential(
        [conv, BatchNorm(mean=np.zeros(4), var=np.ones(4)), ReLU(), Flatten(), Dense(weight=np.ones((5, 24)))],
        input_shape=(2, 3, 2),
    )  # fmt: skip
    assert ann_operations(network) == {"conv1": ((2 + 3 + 2) * 2 * 2 * 4, 24), "fc1": (120, 0)}


def test_operations_of_the_smaller_reference_network():
    """28 x 28, 12 kernels 5 x 5, pooling, 64 kernels 5 x 5, pooling, 10: 1.41 million."""
    network = Network.sequential(
        [Conv2d(weight=np.ones((12, 1, 5, 5))), ReLU(), AvgPool2d(kernel=2),
         Conv2d(weight=np.ones((64, 12, 5, 5))), ReLU(), AvgPool2d(kernel=2), Flatten(),
         Dense(weight=np.ones((10, 1024)))],
        input_shape=(1, 28, 28),
    )  # fmt: skip
    assert sum(n for n, _ in ann_operations(network).values()) == 172_800 + 1_228_800 + 10_240


def spiking_and_result(encoder):
    network = Network.sequential(
        [
            Dense(weight=np.ones((3, 2)), bias=[0.0, 1.0, 0.0]),
            ReLU(),
            Dense(weight=np.ones((4, 3))),
        ],
        input_shape=(2,),
    )
    counts = {"fc1": np.array([[1, 2, 3], [0, 0, 4]]), "fc2": np.zeros((2, 4), int)}
    if encoder == "poisson":
        counts = {"input": np.array([[5, 6], [7, 0]]), **counts}
    result = Result(
        counts=counts, potentials=np.zeros((2, 4)), output="fc2", n_steps=9, dt=1e-3, max_rate=1e3
    )
    return bioconv.convert(network, method="unscaled"), network, result


def test_operations_with_a_constant_current():
    counted = operations(*spiking_and_result("constant"), {"fc1": 4, "fc2": 0})
    assert counted.events == (6 + 4) * 4 / 2
    assert counted.input_multiply_adds == 6
    assert counted.updates == (1 + 3) * 9, "one bias and three driven neurons, every step"
    assert (counted.ann_multiply_adds, counted.ann_additions) == (18, 3)


def test_operations_with_spiking_input():
    counted = operations(*spiking_and_result("poisson"), {"input": 3, "fc1": 4})
    assert counted.events == ((11 + 7) * 3 + (6 + 4) * 4) / 2
    assert counted.input_multiply_adds == 0 and counted.updates == 9


def test_energy_by_hand():
    counted = Operations(
        events=90, updates=10, input_multiply_adds=7, ann_multiply_adds=50, ann_additions=20
    )
    found = energy(counted)
    assert found.spiking == pytest.approx((100 * 0.9 + 7 * 4.6) * 1e-12)
    assert found.ann == pytest.approx((20 * 0.9 + 50 * 4.6) * 1e-12)
    assert energy(counted, INTEGER_45NM).ann == pytest.approx((20 * 0.1 + 50 * 3.2) * 1e-12)
    text = str(found)
    assert "100 additions x 9e-13 J + 7 multiply-adds x 4.6e-12 J" in text
    assert "memory traffic" in text and "45 nm" in text


def test_negative_spikes_are_events_too(result):
    signed = replace(result, negatives={"fc": np.ones((3, 4), int)})
    more = synaptic_events(signed, {"input": 0, "fc": 2}) - synaptic_events(
        result, {"input": 0, "fc": 2}
    )
    assert more.tolist() == [8, 8, 8]
    assert spikes_per_neuron(signed)["fc"] == pytest.approx(spikes_per_neuron(result)["fc"] + 1)
