"""Distances of trains against sums worked out by hand; Fano's factor; a result as a Neo block."""

import builtins

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv.analysis import fano_factor, spike_times, van_rossum, victor_purpura
from bioconv.errors import MissingDependencyError, ParameterError, ResultError
from bioconv.result import Spikes

A, B = np.array([0.010, 0.020, 0.035]), np.array([0.012, 0.036])


def test_victor_purpura_by_hand():
    pytest.importorskip("elephant")
    # at 100/s moving 2 ms costs 0.2, 1 ms 0.1; the spike at 20 ms is taken away for 1
    assert victor_purpura(A, B, 100.0) == pytest.approx(1.3)
    assert victor_purpura(A, B, 0.0) == pytest.approx(1)
    assert victor_purpura(A, B, 1e9) == pytest.approx(5)
    assert victor_purpura(A, A, 100.0) == 0
    assert victor_purpura([], B, 3.0) == pytest.approx(2)


def victor_purpura_recursion(first, second, cost):
    """G(i, j) = min(G(i-1, j) + 1, G(i, j-1) + 1, G(i-1, j-1) + cost |t_i - u_j|)."""
    grid = np.add.outer(np.arange(len(first) + 1.0), np.arange(len(second) + 1.0))
    for i, t in enumerate(first, 1):
        for j, u in enumerate(second, 1):
            moved = grid[i - 1, j - 1] + cost * abs(t - u)
            grid[i, j] = min(grid[i - 1, j] + 1, grid[i, j - 1] + 1, moved)
    return grid[-1, -1]


@pytest.mark.parametrize("cost", [0.5, 30.0, 400.0])
def test_victor_purpura_is_the_recursion(cost):
    pytest.importorskip("elephant")
    rng = np.random.default_rng(2)
    first, second = np.sort(rng.random(12)), np.sort(rng.random(9))
    expected = victor_purpura_recursion(first, second, cost)
    assert victor_purpura(first, second, cost) == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.002, 0.01])
def test_van_rossum_is_the_sum_over_pairs(tau):
    """``D^2 = 1/2 sum over all signed pairs of exp(-|t - u|/tau)``."""
    pytest.importorskip("elephant")
    times, signs = np.concatenate([A, B]), np.array([1, 1, 1, -1, -1])
    pairs = np.outer(signs, signs) * np.exp(-np.abs(np.subtract.outer(times, times)) / tau)
    assert van_rossum(A, B, tau) ** 2 == pytest.approx(pairs.sum() / 2)
    assert van_rossum([0.01], [], tau) ** 2 == pytest.approx(0.5)


def test_fano_factor():
    counts = np.array([[3, 0, 5], [3, 0, 1], [3, 0, 3]])
    np.testing.assert_allclose(fano_factor(counts), [0, np.nan, (8 / 3) / 3])
    p, rng = 0.3, np.random.default_rng(0)
    # the variance of 20000 counts has a standard error of 1 %
    found = fano_factor(rng.binomial(100, p, (20_000, 2)))
    np.testing.assert_allclose(found, 1 - p, rtol=0.05)


def test_times_of_one_neuron():
    spikes = Spikes(
        sample=np.array([0, 0, 1]), neuron=np.array([2, 1, 2]), step=np.array([4, 3, 9])
    )
    np.testing.assert_allclose(spike_times(spikes, 2, dt=0.5e-3, sample=1), [4.5e-3])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: victor_purpura(A, B, -1), "cost is -1"),
        (lambda: van_rossum(A, B, 0), "tau is 0"),
        (lambda: victor_purpura([[0.1]], B, 1), r"shape \(1, 1\)"),
        (lambda: van_rossum([-0.1], B, 1), "0 or more"),
        (lambda: fano_factor([[1, 2]]), "two trials"),
    ],
)
def test_errors(call, message):
    pytest.importorskip("elephant")
    with pytest.raises(ParameterError, match=message):
        call()


@pytest.fixture(scope="module")
def result():
    network = NETWORKS["dense"]
    model = bioconv.to_brian(network, calibration=images(network), propagation="delayed")
    record = {"fc1": {"spikes": True, "v": [3, 0]}, "fc2": "spikes"}
    return model.run(images(network, 3), 30 * ms, device="numpy", record=record)


def test_a_neo_block_holds_every_spike_and_potential(result):
    pytest.importorskip("neo")
    made = result.to_neo([2, 0])
    assert [segment.annotations["sample"] for segment in made.segments] == [2, 0]
    assert made.annotations["seed"] == 0 and made.annotations["propagation"] == "delayed"
    for segment in made.segments:
        sample = segment.annotations["sample"]
        assert len(segment.spiketrains) == 9 + 7 + 5
        for train in segment.spiketrains:
            layer, neuron = train.annotations["layer"], train.annotations["neuron"]
            times = spike_times(result.spikes[layer], neuron, dt=result.dt, sample=sample)
            onset = result.onsets[layer] * result.dt
            np.testing.assert_allclose(train.rescale("s").magnitude, onset + times)
            assert float(train.t_stop - train.t_start) == pytest.approx(0.03)
        (signal,) = segment.analogsignals
        np.testing.assert_allclose(
            signal.rescale("V").magnitude, result.traces["fc1"].values[sample]
        )
        assert signal.array_annotations["neuron"].tolist() == [3, 0]
    counted = sum(len(train) for train in made.segments[0].spiketrains)
    assert counted == sum(result.counts[layer][2].sum() for layer in ("fc1", "fc2", "fc3")) > 0
    assert len(result.to_neo().segments) == 3


def test_samples_that_are_not_there(result):
    with pytest.raises(ResultError, match="give numbers from 0 to 2"):
        result.to_neo([3])


@pytest.mark.parametrize("package", ["neo", "elephant"])
def test_a_missing_package_is_named_with_its_extra(result, package, monkeypatch):
    real = builtins.__import__

    def refuse(name, globals=None, locals=None, fromlist=(), level=0):
        if name.split(".")[0] == package or (
            name == "bioconv" and "neo_export" in (fromlist or ())
        ):
            raise ImportError(f"No module named {package!r}")
        return real(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", refuse)
    call = result.to_neo if package == "neo" else lambda: victor_purpura(A, B, 1.0)
    with pytest.raises(MissingDependencyError, match=r"pip install bioconv\[neuro\]"):
        call()
