"""Tempotrons: potentials by the sum, the rule by finite differences, patterns learnt, and the same spikes in Brian2."""

import numpy as np
import pytest

from bioconv import datasets
from bioconv.errors import GraphError, ParameterError, StimulusError
from bioconv.learn import tempotron
from bioconv.learn.tempotron import Tempotrons

COMPILED = [
    "numpy",
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=[pytest.mark.compiled, pytest.mark.full]),
]


def some(n=5, n_inputs=30, n_neurons=4, seed=3):
    """Neurons that mostly fire, and patterns with silent inputs."""
    generator = np.random.default_rng(seed)
    inputs = np.round(generator.uniform(0, 80, (n, n_inputs)))
    inputs[generator.random(inputs.shape) < 0.2] = np.inf
    neurons = Tempotrons.random(n_inputs, n_neurons, seed, size=0.5, window=100.0)
    return neurons, inputs


def test_a_postsynaptic_potential_has_its_peak_at_1():
    fine = Tempotrons(weights=np.ones((1, 1)), dt=0.01, window=20.0)
    assert fine.potentials(np.zeros((1, 1))).max() == pytest.approx(1, abs=1e-6)
    assert fine.peak_factor == pytest.approx(2.117, abs=5e-4)


def test_potentials_are_sums_over_input_spikes():
    neurons, inputs = some()
    found = neurons.potentials(inputs)
    kernel = neurons.kernel()
    expected = np.zeros(found.shape)
    for n, i in zip(*np.nonzero(np.isfinite(inputs)), strict=True):
        step = int(inputs[n, i])
        expected[n, step:] += kernel[: len(kernel) - step, None] * neurons.weights[:, i]
    assert found.max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-12)
    response = neurons.respond(inputs)
    assert 0 < np.isfinite(response.times).sum() < response.times.size
    np.testing.assert_array_equal(np.isfinite(response.times), response.peaks >= 1)


def test_a_correction_is_the_slope_of_the_peak():
    """Of one neuron that is silent, and one that fires, each against what was wanted."""
    neurons, inputs = some(n=1, seed=9)
    peaks = neurons.respond(inputs).peaks
    wanted = peaks < 1
    assert wanted.any() and not wanted.all()
    trained = tempotron.train(neurons, inputs, wanted, epochs=1, rate=1e-3, progress=False)
    change = (trained.neurons.weights - neurons.weights) / 1e-3
    assert trained.errors[0] == 1
    h = 1e-6
    for i in range(inputs.shape[1]):
        ends = []
        for move in (h, -h):
            weights = neurons.weights.copy()
            weights[:, i] += move
            ends.append(Tempotrons(weights=weights, window=100.0).respond(inputs).peaks[0])
        slope = (ends[0] - ends[1]) / (2 * h)
        np.testing.assert_allclose(change[:, i], np.where(wanted[0], slope, -slope), atol=1e-6)


def test_twenty_random_patterns_are_learnt_without_error():
    generator = np.random.default_rng(0)
    inputs = generator.uniform(0, 500, (20, 500))
    wanted = (np.arange(20) < 10)[:, None]
    start = Tempotrons.random(500, 1, seed=0)
    trained = tempotron.train(start, inputs, wanted, epochs=300, progress=False)
    assert trained.errors[0] > 0 == trained.errors[-1]
    times = trained.neurons.respond(inputs).times
    np.testing.assert_array_equal(np.isfinite(times), wanted)


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_has_the_same_spikes_and_peaks(device):
    neurons, inputs = some()
    here = neurons.respond(inputs)
    assert 0 < np.isfinite(here.times).sum() < here.times.size
    found = neurons.replay(inputs, shunt=False, device=device)
    np.testing.assert_array_equal(found.times, here.times)
    np.testing.assert_allclose(found.peaks, here.peaks, atol=1e-10)


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_has_the_same_potentials_up_to_the_spike(device):
    neurons, inputs = some()
    expected, times = neurons.potentials(inputs), neurons.respond(inputs).times
    whole = neurons.trace(inputs, shunt=False, device=device)
    np.testing.assert_allclose(whole, expected, atol=1e-10)
    shunted = neurons.trace(inputs, device=device)
    until = np.arange(neurons.n_steps)[:, None] <= times[:, None]
    assert 0 < until.sum() < until.size
    np.testing.assert_allclose(shunted[until], expected[until], atol=1e-10)
    assert abs(shunted - expected).max() > 0.1


def test_a_spike_shunts_what_comes_after():
    neurons, inputs = some()
    here, found = neurons.respond(inputs), neurons.replay(inputs)
    np.testing.assert_array_equal(found.times, here.times)
    fired = np.isfinite(here.times)
    assert (found.peaks[fired] < here.peaks[fired] - 0.1).any()
    np.testing.assert_allclose(found.peaks[~fired], here.peaks[~fired], atol=1e-10)


@pytest.mark.data
def test_digits_have_the_same_answers_in_brian2():
    """Trained on a few; decisions of every neuron with the shunt, the highest potential without."""
    few = datasets.load("mnist", "train", samples=320)
    shown = tempotron.latencies(few.images, 20.0)
    start = Tempotrons.random(784, 10, seed=0, size=0.001, window=40.0, dt=2.0)
    trained = tempotron.train(
        start, shown[:300], np.eye(10)[few.labels[:300]] > 0, epochs=10, progress=False
    )
    neurons, others = trained.neurons, shown[300:]
    here = neurons.respond(others)
    assert len(set(here.predictions)) > 5 and 10 < np.isfinite(here.times).sum() < 100
    np.testing.assert_array_equal(neurons.replay(others).times, here.times)
    found = neurons.replay(others, shunt=False)
    np.testing.assert_array_equal(found.predictions, here.predictions)
    np.testing.assert_allclose(found.peaks, here.peaks, atol=1e-10)


@pytest.mark.full
def test_ten_tempotrons_tell_digits_apart():
    training, test = datasets.load("mnist", "train", samples=20000), datasets.load("mnist")
    start = Tempotrons.random(784, 10, seed=0, size=0.001, window=40.0, dt=2.0)
    trained = tempotron.train(
        start,
        tempotron.latencies(training.images, 20.0),
        np.eye(10)[training.labels] > 0,
        epochs=2,
        rate=0.01,
        momentum=0.9,
        batch=20,
        progress=False,
    )
    right = 0
    for k in range(0, 10000, 1000):
        shown = tempotron.latencies(test.images[k : k + 1000], 20.0)
        found = trained.neurons.respond(shown).predictions
        right += (found == test.labels[k : k + 1000]).sum()
    assert right >= 8500


def test_brighter_is_earlier_and_black_is_silent():
    times = tempotron.latencies(np.array([[[1.0, 0.25, 0.0]]]), 20.0)
    np.testing.assert_array_equal(times, [[0.0, 15.0, np.inf]])


def test_what_does_not_fit_is_said():
    neurons, inputs = some()
    wanted = np.ones((5, 4), bool)
    with pytest.raises(GraphError, match="weights have shape"):
        Tempotrons(weights=np.ones(3))
    with pytest.raises(ParameterError, match="tau_s 20"):
        Tempotrons(weights=np.ones((1, 1)), tau_s=20)
    with pytest.raises(ParameterError, match="dt is 0"):
        Tempotrons(weights=np.ones((1, 1)), dt=0)
    with pytest.raises(StimulusError, match=r"need \(n, 30\)"):
        neurons.respond(inputs[:, :3])
    with pytest.raises(StimulusError, match="before 0"):
        neurons.respond(inputs - 100)
    with pytest.raises(StimulusError, match=r"need bool of \(5, 4\)"):
        tempotron.train(neurons, inputs, wanted[:, :2], progress=False)
    with pytest.raises(ParameterError, match="momentum 1"):
        tempotron.train(neurons, inputs, wanted, momentum=1, progress=False)
    with pytest.raises(ParameterError, match="device is 'gpu'"):
        neurons.replay(inputs, device="gpu")
    with pytest.raises(StimulusError, match="divide bytes by 255"):
        tempotron.latencies(np.full((1, 2), 7.0), 20.0)
