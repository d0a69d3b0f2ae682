"""Synaptic events against a count of every synapse of a small convolution."""

import numpy as np
import pytest

from bioconv.analysis import spikes_per_neuron, synaptic_events
from bioconv.errors import ResultError
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
