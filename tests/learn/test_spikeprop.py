"""SpikeProp: exact crossings, gradients by finite differences, XOR, and the same spikes in Brian2."""

from dataclasses import replace

import numpy as np
import pytest

from bioconv.errors import GraphError, ParameterError, StimulusError
from bioconv.learn import spikeprop

COMPILED = [
    "numpy",
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=[pytest.mark.compiled, pytest.mark.full]),
]


def potential(net, layer, neuron, before, t):
    """Of one neuron by the sum over its synapses. ``before``: (n_pre,) ms."""
    total = 0.0
    for i, spike in enumerate(before):
        for k, delay in enumerate(net.delays):
            s = t - spike - delay
            if s > 0:
                total += net.weights[layer][neuron, i, k] * s / net.tau * np.exp(1 - s / net.tau)
    return total


def test_neurons_fire_where_the_potential_reaches_the_threshold():
    inputs, _ = spikeprop.xor()
    net = spikeprop.Network.random([3, 4, 2], seed=2)
    before = inputs
    for layer, times in enumerate(net.times(inputs)):
        assert np.isfinite(times).all()
        for n in range(4):
            for j, t in enumerate(times[n]):
                assert potential(net, layer, j, before[n], t) == pytest.approx(1, abs=1e-9)
                earlier = [potential(net, layer, j, before[n], s) for s in np.arange(0, t, 0.5)]
                assert max(earlier) < 1
        before = times


def test_a_grid_rounds_up_and_silence_is_infinity():
    """Layer by layer a spike is late by less than a step of its own, and one for a late input."""
    inputs, _ = spikeprop.xor()
    net = spikeprop.Network.random([3, 4, 2], seed=2)
    for exact, grid in zip(net.times(inputs), net.times(inputs, 0.05), strict=True):
        assert (grid >= exact - 1e-9).all() and (grid - exact < 0.15).all()
        np.testing.assert_allclose(grid / 0.05, np.round(grid / 0.05), atol=1e-9)
    inputs[2] = np.inf
    hidden, output = net.times(inputs)
    assert np.isinf(hidden[2]).all() and np.isinf(output[2]).all() and np.isfinite(output[3]).all()
    changes, _ = spikeprop.gradients(net, inputs, np.full((4, 2), 10.0))
    assert all(np.isfinite(change).all() and change.any() for change in changes)


@pytest.mark.parametrize("sizes", [(3, 5, 1), (3, 4, 3, 2)])
def test_the_formulas_are_finite_differences_to_six_digits(sizes):
    inputs, _ = spikeprop.xor()
    net = spikeprop.Network.random(sizes, seed=1, delays=(1, 3, 4, 9))
    targets = np.full((4, sizes[-1]), 12.0)
    changes, times = spikeprop.gradients(net, inputs, targets)
    assert all(np.isfinite(layer).all() for layer in times)

    def error(weights):
        return 0.5 * ((replace(net, weights=weights).times(inputs)[-1] - targets) ** 2).sum()

    for k, change in enumerate(changes):
        expected, h = np.zeros(change.shape), 1e-5
        for place in np.ndindex(change.shape):
            ends = []
            for move in (h, -h):
                weights = [weight.copy() for weight in net.weights]
                weights[k][place] += move
                ends.append(error(tuple(weights)))
            expected[place] = (ends[0] - ends[1]) / (2 * h)
        assert abs(expected).max() > 1
        assert abs(change - expected).max() < 1e-6 * abs(expected).max()


def solved(seed):
    inputs, targets = spikeprop.xor()
    found = spikeprop.train(
        spikeprop.Network.random([3, 5, 1], seed=seed), inputs, targets, progress=False
    )
    outputs = found.network.times(inputs)[-1]
    return bool((abs(outputs - targets) < 1).all()) and found.errors[-1] <= 0.5 < found.errors[0]


def test_xor_is_learnt():
    assert solved(1) and solved(2)


@pytest.mark.full
def test_xor_is_learnt_from_most_seeds():
    assert sum(solved(seed) for seed in range(10)) >= 8


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_has_the_spikes_of_the_grid(device):
    """Step for step, of all layers; one sample has silent inputs, one neuron inhibits."""
    inputs, _ = spikeprop.xor()
    inputs[1, 0] = np.inf
    net = spikeprop.Network.random([3, 5, 1], seed=2)
    net = replace(
        net, weights=(net.weights[0], net.weights[1] * np.array([1, 1, 1, 1, -0.5])[:, None])
    )
    here = net.times(inputs, 0.1)
    assert all(np.isfinite(layer).sum() > 2 for layer in here)
    for times, found in zip(here, net.replay(inputs, 0.1, device=device), strict=True):
        np.testing.assert_array_equal(found, times)


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_has_the_potentials_of_the_sum(device):
    """Some of them, of all layers, and the threshold is crossed in the step of the spike."""
    inputs, _ = spikeprop.xor()
    net = spikeprop.Network.random([3, 4, 2], seed=2)
    times = net.times(inputs, 0.1)
    found = net.trace(inputs, 0.1, device=device)
    assert [u.shape for u in found] == [(4, 401, 4), (4, 401, 2)]
    for layer, before in enumerate((inputs, times[0])):
        n, j = np.indices(times[layer].shape)
        step = np.round(times[layer] / 0.1).astype(int)
        assert (found[layer][n, step, j] >= 1).all() and (found[layer][n, step - 1, j] < 1).all()
        for k in (30, 90, 200, 400):
            expected = potential(net, layer, 1, before[1], 0.1 * k)
            assert found[layer][1, k, 1] == pytest.approx(expected, abs=1e-9), (layer, k)


def test_silent_neurons_are_raised():
    inputs, targets = spikeprop.xor()
    net = spikeprop.Network.random([3, 2, 1], seed=1)
    weak = replace(net, weights=tuple(0.1 * weight for weight in net.weights))
    assert np.isinf(weak.times(inputs)[0]).all()
    found = spikeprop.train(weak, inputs, targets, epochs=400, raised=0.02, progress=False)
    assert np.isfinite(found.network.times(inputs)[-1]).all()


def test_what_does_not_fit_is_said():
    inputs, targets = spikeprop.xor()
    net = spikeprop.Network.random([3, 5, 1], seed=1)
    with pytest.raises(StimulusError, match=r"shape \(4, 2\); need \(n, 3\)"):
        net.times(inputs[:, :2])
    with pytest.raises(StimulusError, match="before 0"):
        net.times(-inputs)
    with pytest.raises(ParameterError, match="does not divide the delays"):
        net.times(inputs, 0.3)
    with pytest.raises(ParameterError, match="no longer than the shortest delay"):
        net.times(inputs, 2.0)
    with pytest.raises(ParameterError, match="device is 'gpu'"):
        net.replay(inputs, device="gpu")
    with pytest.raises(StimulusError, match=r"targets have shape \(4,\)"):
        spikeprop.gradients(net, inputs, targets[:, 0])
    with pytest.raises(ParameterError, match="rate is 0"):
        spikeprop.train(net, inputs, targets, rate=0, progress=False)
    with pytest.raises(GraphError, match=r"weights\[1\] have shape \(1, 4, 16\)"):
        replace(net, weights=(net.weights[0], net.weights[1][:, :4]))
    with pytest.raises(ParameterError, match="delays are"):
        replace(net, delays=np.zeros(16))
    with pytest.raises(ParameterError, match="sizes are"):
        spikeprop.Network.random([3], seed=1)
