"""STDP convolution against plain loops; its code and update by hand; training and its files."""

import sys

import brian2
import numpy as np
import pytest

from bioconv import datasets
from bioconv.errors import MissingDependencyError, ParameterError, StimulusError
from bioconv.learn import stdp_convolution as sc
from bioconv.learn.stdp_convolution import coding, training

LAYER = sc.Layer(
    maps=4, kernel=3, threshold=3.1, padding=1, winners=3, radius=1, a_plus=0.1, a_minus=-0.05
)


def slow_spikes(layer, weights, times):
    """{(map, row, column): (step, potential)} of one image, with inhibition."""
    channels, rows, columns = times.shape
    p, k = layer.padding, layer.kernel
    found = {}
    for row in range(rows + 2 * p - k + 1):
        for column in range(columns + 2 * p - k + 1):
            for step in range(sc.STEPS):
                potentials = []
                for f in range(layer.maps):
                    v = 0.0
                    for c, y, x in np.ndindex(channels, k, k):
                        at = row + y - p, column + x - p
                        inside = 0 <= at[0] < rows and 0 <= at[1] < columns
                        if inside and times[c, *at] <= step:
                            v += weights[f, c, y, x]
                    potentials.append(v)
                if max(potentials) > layer.threshold:
                    best = int(np.argmax(potentials))
                    found[best, row, column] = step, potentials[best]
                    break
    return found


def slow_winners(layer, spikes):
    left, found = dict(spikes), []
    while left and len(found) < layer.winners:
        best = min(left, key=lambda at: (left[at][0], -left[at][1]))
        found.append(best)
        for at in list(left):
            near = max(abs(at[1] - best[1]), abs(at[2] - best[2])) <= layer.radius
            if at[0] == best[0] or near:
                del left[at]
    return found


@pytest.fixture
def case(rng):
    times = rng.integers(0, sc.STEPS + 6, size=(1, 2, 5, 7)).clip(max=sc.STEPS).astype(np.uint8)
    return rng.integers(0, 2**16, size=(4, 2, 3, 3)) / 2**16, times


def test_first_spikes_are_those_of_plain_loops(case):
    weights, times = case
    steps, potentials = LAYER.first_spikes(weights, times)
    expected = slow_spikes(LAYER, weights, times[0])
    assert steps.shape == (1, 4, 5, 7) and len(expected) > 20
    assert {tuple(at) for at in np.argwhere(steps[0] < sc.STEPS).tolist()} == set(expected)
    for at, (step, potential) in expected.items():
        assert steps[0][at] == step
        assert potentials[0][at] == potential


def test_without_inhibition_every_map_fires_as_if_alone(case):
    weights, times = case
    steps, potentials = LAYER.first_spikes(weights, times, inhibition=False)
    alone = sc.Layer(maps=1, kernel=3, threshold=3.1, padding=1)
    for f in range(4):
        expected = slow_spikes(alone, weights[f : f + 1], times[0])
        fired = {(0, *at) for at in np.argwhere(steps[0, f] < sc.STEPS).tolist()}
        assert fired == set(expected) and len(fired) > 20
        for at, (step, potential) in expected.items():
            assert steps[0, f][at[1:]] == step
            assert potentials[0, f][at[1:]] == potential


COMPILED = [
    "numpy",
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=[pytest.mark.compiled, pytest.mark.full]),
]


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_finds_the_same_first_spikes(rng, device):
    """Two layers, three images: the second takes the pooled spikes of the first."""
    second = sc.Layer(maps=5, kernel=2, threshold=1.0, padding=1)
    times = rng.integers(0, sc.STEPS + 9, size=(3, 2, 6, 9)).clip(max=sc.STEPS).astype(np.uint8)
    for layer, weights in ((LAYER, rng.random((4, 2, 3, 3))), (second, rng.random((5, 4, 2, 2)))):
        for inhibition in (True, False):
            steps, _ = layer.first_spikes(weights, times, inhibition=inhibition)
            assert (steps < sc.STEPS).sum() > 20
            replayed = layer.replay(weights, times, inhibition=inhibition, device=device)
            np.testing.assert_array_equal(replayed, steps)
        times = layer.pooled(steps)
    assert brian2.defaultclock.dt == 0.1 * brian2.ms, "the user's clock stays"


def test_crowded_weights_add_up_exactly(rng):
    """Learnt weights lie closer to 0 and 1 than sums are exact: whole thresholds are met, not passed, and maps tie."""
    full = rng.random((4, 2, 3, 3)) < 0.5
    weights = np.abs(full - rng.choice([1e-8, 1e-6], size=full.shape) * rng.random(full.shape))
    times = rng.integers(0, sc.STEPS + 6, size=(2, 2, 5, 6)).clip(max=sc.STEPS).astype(np.uint8)
    layer = sc.Layer(maps=4, kernel=3, threshold=3.0, padding=1)
    expected = [
        layer.first_spikes(full.astype(float), times, inhibition=on) for on in (True, False)
    ]
    for (steps, potentials), inhibition in zip(expected, (True, False), strict=True):
        found = layer.first_spikes(weights, times, inhibition=inhibition)
        np.testing.assert_array_equal(found[0], steps)
        np.testing.assert_array_equal(found[1], potentials)
        np.testing.assert_array_equal(layer.replay(weights, times, inhibition=inhibition), steps)


def test_many_inputs_add_up_exactly():
    """More than single precision can hold: 301 times 65,535 parts."""
    layer = sc.Layer(maps=1, kernel=1, threshold=299.0)
    weights = np.full((1, 301, 1, 1), 1 - 2.0**-16)
    times = np.zeros((1, 301, 1, 1), dtype=np.uint8)
    assert layer.first_spikes(weights, times)[1].item() == 301 - 301 * 2.0**-16


@pytest.mark.data
def test_brian2_finds_the_same_first_spikes_on_mnist():
    """Crops of two images, filters learnt at a high rate, both layers with their thresholds."""
    first = sc.Layer(
        maps=8, kernel=5, threshold=10.0, padding=2, winners=5, radius=2, a_plus=0.15, a_minus=-0.1
    )
    second = sc.Layer(maps=6, kernel=2, threshold=1.0, padding=1)
    images = datasets.load("mnist", "train", samples=60).images[:, :, 2:26, 6:24]
    times = sc.latencies(images)
    weights = first.learn(first.random(2, seed=1), times, progress=False)
    times = times[:2]
    for layer, kernels in ((first, weights), (second, second.random(8, seed=2))):
        steps, _ = layer.first_spikes(kernels, times)
        assert (steps < sc.STEPS).sum() > 50
        np.testing.assert_array_equal(layer.replay(kernels, times), steps)
        times = layer.pooled(steps)


def test_winners_and_update_are_those_of_plain_loops(case):
    weights, times = case
    expected = slow_spikes(LAYER, weights, times[0])
    steps, potentials = LAYER.first_spikes(weights, times)
    winners = slow_winners(LAYER, expected)
    assert len(winners) > 1 and LAYER.chosen(steps[0], potentials[0]) == winners
    wanted = weights.copy()
    for f, row, column in winners:
        for c, y, x in np.ndindex(2, 3, 3):
            at = row + y - 1, column + x - 1
            inside = 0 <= at[0] < 5 and 0 <= at[1] < 7
            early = inside and times[0, c, *at] <= expected[f, row, column][0]
            w = weights[f, c, y, x]
            wanted[f, c, y, x] = w + (0.1 if early else -0.05) * w * (1 - w)
    learnt = LAYER.learn(weights, times, progress=False)
    np.testing.assert_allclose(learnt, wanted, rtol=0, atol=1e-15)
    assert abs(learnt - weights).max() > 0.01


def test_an_update_by_hand():
    layer = sc.Layer(maps=1, kernel=2, threshold=0.9, a_plus=0.1, a_minus=-0.05)
    times = np.array([[[[0, 3], [5, 15]]]], dtype=np.uint8)
    learnt = layer.learn(np.full((1, 1, 2, 2), 0.5), times, progress=False)
    np.testing.assert_allclose(learnt[0, 0], [[0.525, 0.525], [0.4875, 0.4875]], atol=1e-15)


def test_rates_double():
    layer = sc.Layer(maps=1, kernel=2, threshold=1.0, double_every=500)
    assert layer.rates(499) == (0.004, -0.003) and layer.rates(500) == (0.008, -0.006)
    np.testing.assert_allclose(layer.rates(10_000), (0.15, -0.1125))


def test_pooling_forwards_the_earliest():
    steps = np.array([[[[3, 15, 7], [9, 2, 7]]]], dtype=np.uint8)
    assert sc.Layer(maps=1, kernel=1, threshold=1.0).pooled(steps).tolist() == [[[[2]]]]


def test_pooling_with_padding():
    steps = np.array([[[[3, 15, 7], [9, 2, 7]]]], dtype=np.uint8)
    padded = sc.Layer(maps=1, kernel=1, threshold=1.0, pool_padding=1)
    assert padded.pooled(steps).tolist() == [[[[3, 7], [9, 2]]]]


def test_the_earliest_map_stays():
    steps = np.array([[[[3, 15]], [[2, 7]], [[2, 9]]]], dtype=np.uint8)
    assert sc.earliest(steps).tolist() == [[[[15, 15]], [[2, 7]], [[15, 15]]]]


def test_filters():
    on, off = (sc.difference_of_gaussians(*pair) for pair in ((1, 2), (2, 1)))
    assert abs(on.sum()) < 1e-12 and on.max() == on[3, 3] == 1 and off[3, 3] == off.min() < 0


def test_the_brightest_spikes_first():
    """A dot spikes at once; one of half its brightness, far from it, as early: it is normalised."""
    image = np.zeros((1, 1, 9, 34))
    image[0, 0, 4, 5], image[0, 0, 4, 28] = 1.0, 0.5
    times = sc.latencies(image)
    assert times.shape == (1, 2, 9, 34) and times.dtype == np.uint8
    assert times[0, 0, 4, 5] == times[0, 0, 4, 28] == 0 and 0 < times[0, 0, 3, 4] < sc.STEPS
    assert (sc.latencies(0 * image) == sc.STEPS).all()


def test_steps_hold_equal_numbers():
    """33 values above zero: two a step, and the three left over in the last one."""
    values = np.arange(34.0)
    steps = coding._steps(values)
    assert steps[0] == sc.STEPS and steps[33] == steps[32] == 0 and steps[31] == 1
    assert np.bincount(steps).tolist() == [2] * 14 + [5, 1]


def test_what_does_not_fit_is_said(case):
    weights, times = case
    with pytest.raises(StimulusError, match=r"need \(n, 1"):
        sc.latencies(np.ones((2, 5, 5)))
    with pytest.raises(StimulusError, match="outside"):
        sc.latencies(np.full((1, 1, 5, 5), 2.0))
    with pytest.raises(StimulusError, match=r"need \(n, 2"):
        LAYER.first_spikes(weights, times[:, :1])
    with pytest.raises(ParameterError, match="maps is 0"):
        sc.Layer(maps=0, kernel=3, threshold=1.0)
    with pytest.raises(ParameterError, match="threshold is -1"):
        sc.Layer(maps=1, kernel=3, threshold=-1.0)
    with pytest.raises(ParameterError, match="device is 'gpu'; choose"):
        LAYER.replay(weights, times, device="gpu")


SMALL = (
    sc.Layer(
        maps=4, kernel=5, threshold=8.0, padding=2, winners=2, radius=1, pool_padding=1, double_every=8
    ),
    sc.Layer(maps=6, kernel=2, threshold=1.0, padding=1, winners=3, double_every=8),
)  # fmt: skip


@pytest.fixture
def bars(rng):
    """Bars, upright or lying, at random places; their direction."""
    labels = np.arange(40) % 2
    images = np.zeros((40, 1, 14, 14))
    for image, label, place in zip(images, labels, rng.integers(3, 10, size=40), strict=True):
        image[0, 2:12, place : place + 2] = 1
        if label:
            image[0] = image[0].T.copy()
    return images, labels


def test_features_are_the_neurons_that_fire_at_all(bars):
    images, _ = bars
    reports: list[sc.Trained] = []
    trained = sc.train(images, SMALL, n_images=(20, 50), progress=False, report=reports.append)
    assert [one.n_seen for one in reports] == [(20, 0), (20, 50)]
    assert trained.n_seen == (20, 50)
    times = sc.latencies(images)
    for layer, weights in zip(trained.layers, trained.weights, strict=True):
        times = layer.pooled(layer.first_spikes(weights, times, inhibition=False)[0])
    features = trained.features(images).toarray()
    np.testing.assert_array_equal(features, times.reshape(40, -1) < sc.STEPS)
    encoded = trained.features(sc.latencies(images), encoded=True)
    np.testing.assert_array_equal(features, encoded.toarray())
    assert 0.02 < features.mean() < 0.98


def test_a_read_out_tells_bars_apart(bars):
    pytest.importorskip("sklearn")
    images, labels = bars
    features = sc.train(images, SMALL, n_images=(20, 20), progress=False).features(images)
    assert sc.read_out(features[:30], labels[:30]).score(features[30:], labels[30:]) >= 0.8


def test_a_read_out_needs_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(MissingDependencyError, match=r"bioconv\[sklearn\]"):
        sc.read_out(np.eye(2, dtype=bool), np.arange(2))


def test_training_goes_on_as_if_it_had_not_stopped(bars, tmp_path, monkeypatch):
    images, _ = bars
    whole = sc.train(images, SMALL, n_images=(20, 50), progress=False)
    monkeypatch.setattr(training, "_SAVE", 8)
    given, path = sc.Layer.learn, tmp_path / "part.h5"
    calls = []

    def stops(*args, **kwargs):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return given(*args, **kwargs)

    monkeypatch.setattr(sc.Layer, "learn", stops)
    with pytest.raises(KeyboardInterrupt):
        sc.train(images, SMALL, n_images=(20, 50), checkpoint=path, progress=False)
    assert sc.Trained.load(path).n_seen == (20, 16)
    arguments = dict(n_images=(20, 50), checkpoint=path, progress=False)
    found = sc.train(images, SMALL, resume=True, **arguments)
    assert len(calls) == 6 + 5 and found.n_seen == whole.n_seen
    assert [row[:2] for row in found.indices] == [(0, 8), (0, 16), (0, 20)] + [
        (1, n) for n in (8, 16, 24, 32, 40, 48, 50)
    ]
    assert found.indices[-1][2] == sc.convergence(found.weights[1])
    for a, b in zip(found.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ParameterError, match="exists; pass resume"):
        sc.train(images, SMALL, **arguments)
    with pytest.raises(ParameterError, match="was written with"):
        sc.train(images, SMALL, seed=7, resume=True, **arguments)


def test_a_saved_network_is_the_same(tmp_path):
    trained = sc.Trained.random(SMALL, seed=3)
    trained.save(tmp_path / "net.h5")
    found = sc.Trained.load(tmp_path / "net.h5")
    assert found.layers == SMALL and found.n_seen == (0, 0)
    for a, b in zip(found.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ParameterError, match="exists"):
        trained.save(tmp_path / "net.h5")
    with pytest.raises(ParameterError, match="no such file"):
        sc.Trained.load(tmp_path / "other.h5")


def test_training_that_does_not_fit_is_said(bars):
    images, _ = bars
    with pytest.raises(ParameterError, match=r"n_images is \(5,\) for 2 layers"):
        sc.train(images, SMALL, n_images=(5,))
    with pytest.raises(StimulusError, match="there are no images"):
        sc.train(images[:0], SMALL, n_images=(5, 5))
    with pytest.raises(StimulusError, match="there are no images"):
        sc.Trained.random(SMALL, seed=1).features(images[:0])
    with pytest.raises(ParameterError, match="needs the checkpoint"):
        sc.train(images, SMALL, n_images=(5, 5), resume=True)


@pytest.mark.data
@pytest.mark.full
def test_features_of_mnist_are_better_than_those_of_random_filters():
    """A tenth of the images: learnt 97 %, random below by more than a point."""
    pytest.importorskip("sklearn")
    data = datasets.load("mnist", "train", samples=12_000)
    trained = sc.train(data.images[:6000], n_images=(6000, 8000), progress=False)
    assert max(map(sc.convergence, trained.weights)) < 0.01
    times = sc.latencies(data.images[6000:])
    scores = []
    for network, c in ((trained, 2.4), (sc.Trained.random(sc.MNIST, seed=1), 0.0005)):
        features, labels = network.features(times, encoded=True), data.labels[6000:]
        fitted = sc.read_out(features[:4500], labels[:4500], c=c)
        scores.append(fitted.score(features[4500:], labels[4500:]))
    assert scores[0] > 0.96 and scores[1] < scores[0] - 0.01
