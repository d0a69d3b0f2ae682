"""Equilibrium propagation: the same steps on every device, the gradient, exact resumption, files."""

import dataclasses

import h5py
import numpy as np
import pytest

from bioconv.errors import GraphError, ParameterError, ReadError, StimulusError
from bioconv.learn import eqprop
from bioconv.learn.eqprop import brian

COMPILED = [
    "numpy",
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=[pytest.mark.compiled, pytest.mark.full]),
]


def network(*sizes, scale=1.0, bias=0.0, seed=1):
    found = eqprop.Network.random(sizes, seed=seed)
    return eqprop.Network(
        weights=tuple(scale * weight for weight in found.weights),
        biases=tuple(values + bias for values in found.biases),
    )


def slow_step(net, x, states, epsilon, beta=0.0, target=None):
    """The ODE of every unit, written as one Euler step of the whole symmetric matrix. (sizes,) arrays."""
    sizes = net.sizes
    ends = np.cumsum(sizes)
    matrix = np.zeros((ends[-1], ends[-1]))
    for k, weight in enumerate(net.weights):
        below = slice(ends[k] - sizes[k], ends[k])
        above = slice(ends[k], ends[k + 1])
        matrix[above, below], matrix[below, above] = weight, weight.T
    u = np.concatenate([x, *states])
    bias = np.concatenate([np.zeros(sizes[0]), *net.biases])
    slope = matrix @ np.clip(u, 0, 1) + bias - u
    if beta:
        slope[-sizes[-1] :] += beta * (target - u[-sizes[-1] :])
    after = np.clip(u + epsilon * slope, 0, 1)
    return np.split(after[sizes[0] :], ends[1:-1] - sizes[0])


@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_steps_are_those_of_the_whole_matrix(rng, beta):
    net = network(6, 5, 4, 3, bias=0.2)
    x, states = rng.random((2, 6)), [rng.random((2, n)) for n in (5, 4, 3)]
    targets = np.eye(3)[:2]
    found = net.relax(x, 3, 0.4, states, beta=beta, targets=targets)
    for n in range(2):
        one = [state[n] for state in states]
        for _ in range(3):
            one = slow_step(net, x[n], one, 0.4, beta, targets[n])
        for k in range(3):
            np.testing.assert_allclose(found[k][n], one[k], rtol=0, atol=1e-14)
    assert max(abs(found[k] - states[k]).max() for k in range(3)) > 0.1


@pytest.mark.parametrize("device", COMPILED)
def test_brian2_takes_the_same_steps(rng, device, monkeypatch):
    """Both phases, three layers, in chunks of which the last is not full; sums are rounded in another order."""
    monkeypatch.setattr(brian, "SYNAPSES", 35 * 3)
    net = network(6, 5, 4, 3, bias=0.1)
    x, targets = rng.random((7, 6)), eqprop.one_hot(np.arange(7) % 3, 3)
    free = net.relax(x, 12)
    nudged = net.relax(x, 4, states=free, beta=-0.5, targets=targets)
    assert abs(nudged[0] - free[0]).max() > 1e-4 and free[0].std() > 0.1
    here = net.relax(x, 12, device=device)
    for a, b in zip(free, here, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    there = net.relax(x, 4, states=free, beta=-0.5, targets=targets, device=device)
    for a, b in zip(nudged, there, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_a_network_without_hidden_layers_runs_in_brian2(rng):
    net, x = network(4, 3, bias=0.2), rng.random((2, 4))
    np.testing.assert_allclose(
        net.relax(x, 5, device="numpy")[0], net.relax(x, 5)[0], rtol=0, atol=1e-12
    )


def cost(weights, biases, x, targets):
    """Mean of half the squared error at the free fixed point."""
    output = eqprop.Network(weights=weights, biases=biases).relax(x, 200)[-1]
    return 0.5 * ((targets - output) ** 2).sum() / len(x)


def differences(net, x, targets, part, h=1e-5):
    """dC/dW or dC/db at the free fixed point by central differences, one array a layer."""
    found = []
    for k, values in enumerate(getattr(net, part)):
        slope = np.zeros(values.shape)
        for place in np.ndindex(values.shape):
            costs = []
            for move in (h, -h):
                moved = {
                    name: [a.copy() for a in getattr(net, name)] for name in ("weights", "biases")
                }
                moved[part][k][place] += move
                costs.append(cost(**moved, x=x, targets=targets))
            slope[place] = (costs[0] - costs[1]) / (2 * h)
        found.append(slope)
    return found


def compared(found, expected):
    """Cosine and ratio of lengths along the expected direction."""
    inner = (found * expected).sum()
    return inner / np.sqrt((found**2).sum() * (expected**2).sum()), inner / (expected**2).sum()


@pytest.mark.parametrize(
    "beta, cosine, low, high", [(0.01, 0.999, 0.98, 1.0), (0.5, 0.8, 0.4, 0.9)]
)
def test_the_gradient_of_brian2_is_that_of_finite_differences(rng, beta, cosine, low, high):
    """States inside (0, 1), where the fixed point is smooth."""
    net = network(6, 5, 3, scale=0.4, bias=0.3)
    x, targets = rng.random((4, 6)), eqprop.one_hot(np.arange(4) % 3, 3)
    free = net.relax(x, 200, device="numpy")
    assert all(((state > 0) & (state < 1)).all() for state in free)
    nudged = net.relax(x, 200, states=free, beta=beta, targets=targets, device="numpy")
    updates = dict(zip(("weights", "biases"), eqprop.contrast(x, free, nudged, beta), strict=True))
    for part, parts in updates.items():
        for update, slope in zip(parts, differences(net, x, targets, part), strict=True):
            same, ratio = compared(update, -slope)
            assert same > cosine and low < ratio < high, (part, same, ratio)


def blobs(rng, n=60):
    """(n, 2, 4) images of three classes that differ in where they are bright, and their labels."""
    labels = np.arange(n) % 3
    images = 0.3 * rng.random((n, 2, 4))
    images[np.arange(n), 0, labels] += 0.6
    return images, labels


RECIPE = eqprop.Recipe(epochs=4, batch=7, beta=1.0, rates=(0.5, 0.2), validation=12, seed=3)


def test_training_learns(rng):
    """Chance is two errors of three; a free phase from zeros is longer than one from saved states."""
    images, labels = blobs(rng, 120)
    recipe = dataclasses.replace(RECIPE, epochs=12)
    lines = []
    found = eqprop.train(
        network(8, 6, 3), images, labels, recipe, progress=False, report=lines.append
    )
    assert found.training_errors[0] > 0.5 and found.training_errors[-1] < 0.05
    assert len(found.validation_errors) == len(lines) == 12
    assert (found.network.predict(images, 100) != labels).mean() < 0.1


def test_training_stops_and_goes_on_exactly(rng, tmp_path):
    images, labels = blobs(rng)
    net, file = network(8, 6, 3), tmp_path / "half.h5"
    whole = eqprop.train(net, images, labels, RECIPE, progress=False)
    first = dataclasses.replace(RECIPE, epochs=2)
    eqprop.train(net, images, labels, first, checkpoint=file, progress=False)
    rest = eqprop.train(net, images, labels, RECIPE, checkpoint=file, resume=True, progress=False)
    for a, b in zip(whole.network.weights, rest.network.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(whole.network.biases, rest.network.biases, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.training_errors, rest.training_errors)
    np.testing.assert_array_equal(whole.validation_errors, rest.validation_errors)
    with pytest.raises(ParameterError, match="exists; pass resume=True"):
        eqprop.train(net, images, labels, RECIPE, checkpoint=file, progress=False)
    other = dataclasses.replace(RECIPE, beta=0.5)
    with pytest.raises(ParameterError, match="resume with the same recipe"):
        eqprop.train(net, images, labels, other, checkpoint=file, resume=True, progress=False)
    with pytest.raises(ParameterError, match="holds states of shapes"):
        eqprop.train(
            net, images[3:], labels[3:], RECIPE, checkpoint=file, resume=True, progress=False
        )
    with pytest.raises(ParameterError, match="needs the checkpoint"):
        eqprop.train(net, images, labels, RECIPE, resume=True, progress=False)


def test_the_caller_keeps_its_network(rng):
    images, labels = blobs(rng)
    net = network(8, 6, 3)
    before = [weight.copy() for weight in net.weights]
    found = eqprop.train(net, images, labels, RECIPE, progress=False)
    for kept, old, new in zip(net.weights, before, found.network.weights, strict=True):
        np.testing.assert_array_equal(kept, old)
        assert abs(new - old).max() > 0.01
    with pytest.raises(ValueError, match="read-only"):
        net.weights[0][0, 0] = 1


def test_files(tmp_path):
    net, file = network(6, 5, 3, bias=0.1), tmp_path / "net.h5"
    net.save(file)
    back = eqprop.Network.load(file)
    for a, b in zip(net.weights + net.biases, back.weights + back.biases, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ReadError, match="exists"):
        net.save(file)
    net.save(file, dtype="float32", overwrite=True)
    with h5py.File(file) as content:
        assert content["weights/0"].dtype == np.float32
    with h5py.File(file, "a") as content:
        del content["biases/1"]
    with pytest.raises(ReadError, match="2 matrices of weights and 1 biases"):
        eqprop.Network.load(file)
    with pytest.raises(ReadError, match="no such file"):
        eqprop.Network.load(tmp_path / "none.h5")


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(images=np.ones((2, 5))), StimulusError, r"shape \(2, 5\).*of 6 values"),
        (dict(images=2 * np.ones((2, 6))), StimulusError, "outside"),
        (dict(steps=-1), ParameterError, "steps is -1"),
        (dict(epsilon=1.5), ParameterError, "epsilon is 1.5"),
        (dict(device="gpu"), ParameterError, "device is 'gpu'; choose one of array"),
        (dict(beta=0.5), ParameterError, "give these"),
        (dict(beta=np.nan), ParameterError, "beta is nan"),
        (dict(beta=0.5, targets=np.ones((2, 2))), StimulusError, r"need \(2, 3\)"),
        (dict(states=[np.ones((2, 5))]), StimulusError, r"need \[\(2, 5\), \(2, 3\)\]"),
        (dict(states=[2 * np.ones((2, 5)), np.ones((2, 3))]), StimulusError, "leave"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(change, error, words):
    options = {"images": np.ones((2, 6)), "steps": 1} | change
    with pytest.raises(error, match=words):
        network(6, 5, 3).relax(**options)


def test_records_check_themselves():
    with pytest.raises(GraphError, match=r"weights\[1\] have shape \(3, 4\)"):
        eqprop.Network(weights=(np.ones((5, 6)), np.ones((3, 4))), biases=(np.ones(5), np.ones(3)))
    with pytest.raises(GraphError, match="not all finite"):
        eqprop.Network(weights=(np.full((5, 6), np.nan),), biases=(np.ones(5),))
    with pytest.raises(ParameterError, match="sizes are"):
        eqprop.Network.random([5], seed=1)
    for change in (dict(batch=0), dict(beta=0.0), dict(epsilon=0.0), dict(epochs=1.5)):
        with pytest.raises(ParameterError, match=f"Recipe: {next(iter(change))} is"):
            eqprop.Recipe(**change)


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(recipe=eqprop.Recipe(rates=(0.1,))), ParameterError, "1 rates for 2 matrices"),
        (dict(labels=np.arange(59) % 3), StimulusError, r"labels have shape \(59,\)"),
        (dict(labels=np.arange(60)), StimulusError, "from 0 to 2"),
        (dict(labels=np.ones(60)), StimulusError, "from 0 to 2"),
        (dict(recipe=eqprop.Recipe(validation=60)), ParameterError, "validation is 60 of 60"),
    ],
)  # fmt: skip
def test_training_says_what_does_not_fit(rng, change, error, words):
    images, labels = blobs(rng)
    options = {"images": images, "labels": labels, "recipe": RECIPE} | change
    with pytest.raises(error, match=words):
        eqprop.train(network(8, 6, 3), **options, progress=False)


def test_states_are_kept_for_every_sample(rng):
    """Without learning, the free phase of epoch ``n`` goes on where that of ``n - 1`` ended."""
    net, images = network(8, 6, 5, 3, scale=2, seed=3), rng.random((20, 8))
    labels = net.predict(images, 100)
    recipe = eqprop.Recipe(epochs=8, batch=7, free=1, rates=(0.0, 0.0, 0.0))
    found = eqprop.train(net, images, labels, recipe, progress=False).training_errors
    expected = [(net.predict(images, n + 1) != labels).mean() for n in range(8)]
    assert expected[0] > expected[-1] + 0.5
    np.testing.assert_array_equal(found, expected)
