"""The spiking softmax: its numbers, its rates, and that a sample's spikes are its own on every target."""

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV
from scipy.special import softmax

from bioconv.build.chance import UNIFORM, uniform
from bioconv.build.settings import numbers
from bioconv.build.softmax import CLOCK, CLOCKED, DRAWN, built_softmax
from bioconv.run import device

COMPILED = [
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=pytest.mark.compiled),
]
TEXTS = {"clocked": CLOCKED, "drawn": DRAWN}
CHANCE = """\
neuron : integer (constant)
sample : integer (constant)
seed : integer (shared, constant)"""
N = 5
E_L, V_TH = -65.0, -50.0
#: (samples, N) potentials in thresholds: different, all the same, a tie at the top, far apart.
POTENTIALS = np.array(
    [
        [0.5, -1.0, 0.2, 1.5, 1.2],
        [2.0, 2.0, 2.0, 2.0, 2.0],
        [-3.0, 1.0, 0.0, 1.0, 0.9],
        [1e4, -1e4, 9999.0, 0.0, 9998.0],
        [0.1, 0.4, 0.3, 0.2, 0.0],
        [-700.0, -701.0, -699.5, -699.0, -702.0],
    ]
)
ALL = list(range(len(POTENTIALS)))


def readout(text, samples, *, replicas, name, seed=7, drive=0, **options):
    """A group that shows these samples side by side, with its softmax; every neuron counts its spikes."""
    group = brian2.NeuronGroup(
        N * replicas,
        f"v : volt\n{text.equations}\n{CHANCE}\nstep = timestep(t, dt) : integer (shared)\ncount : integer",
        threshold=text.threshold,
        reset="count += 1",
        namespace={
            "uniform": UNIFORM, "E_L": E_L * mV, "V_th": V_TH * mV, "softmax_rate": 300 * Hz,
        },
        clock=brian2.Clock(1 * ms),
        name=name,
        **options,
    )  # fmt: skip
    group.v = (E_L + (V_TH - E_L) * POTENTIALS[samples].ravel()) * mV
    group.sample = np.repeat(samples, N)
    group.neuron = np.tile(np.arange(N), replicas)
    group.seed = seed
    if drive:
        group.run_regularly(f"v += {drive}*neuron*mV", when="groups", clock=group.clock)
    built_softmax(group, replicas)
    return group


def run(group, steps, *others):
    with device("numpy"):
        brian2.Network(group, *others).run(steps * ms, namespace={})


def blocks(values):
    return np.array(values).reshape(-1, N)


@pytest.mark.parametrize("text", TEXTS)
def test_softmax_of_every_replica(text):
    """Large potentials overflow nothing; the first of equal ones is the top."""
    group = readout(TEXTS[text], ALL, replicas=len(ALL), name="readout")
    run(group, 1)
    expected = softmax(POTENTIALS, axis=1)
    # potentials are stored in volts: 1e4 thresholds are rounded at 1e-12 of them
    np.testing.assert_allclose(blocks(group.softmax), expected, rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(blocks(group.softmax).sum(axis=1), 1, rtol=1e-15)
    if text == "clocked":
        top = blocks(group.is_top)
        assert top.sum(axis=1).tolist() == [1] * len(ALL)
        assert top.argmax(axis=1).tolist() == [3, 0, 1, 0, 1, 3]


def test_drawn_rates_are_the_softmax():
    """A spike in a step has its neuron's probability, whatever the other neurons do."""
    steps, chosen = 4000, [0, 1, 2, 4]
    group = readout(DRAWN, chosen, replicas=4, name="drawn")
    monitor = brian2.SpikeMonitor(group)
    run(group, steps, monitor)
    p = softmax(POTENTIALS[chosen], axis=1)
    off = abs(blocks(group.count) / steps - p) / np.sqrt(p * (1 - p) / steps)
    assert off.max() < 4
    trains = np.zeros((group.N, steps), dtype=bool)
    trains[monitor.i, np.round(monitor.t / ms).astype(int)] = True
    correlation = np.corrcoef(trains) - np.eye(group.N)
    assert abs(correlation).max() < 5 / np.sqrt(steps)


def test_the_clock_lets_the_largest_spike():
    steps, held = 4000, 0.3
    group = readout(CLOCKED, [0, 2, 3], replicas=3, name="clocked")
    run(group, steps)
    counts, top = blocks(group.count), [3, 1, 0]
    sure = counts[range(3), top]
    assert counts.sum() == sure.sum()
    assert abs(sure / steps - held).max() < 4 * np.sqrt(held * (1 - held) / steps)
    assert len(set(sure.tolist())) == 3, "every sample has a clock of its own"


def test_the_clock_can_reset_all_neurons_of_its_sample():
    group = readout(CLOCKED, [0, 2], replicas=2, name="reset", events={"strike": CLOCK})
    group.run_on_event("strike", "v = E_L", when="resets")
    trace = brian2.StateMonitor(group, "v", record=True, when="end")
    run(group, 6, trace)
    strikes = uniform(7, np.array([[0], [2]]), -1, np.arange(6)) < 0.3
    assert 0 < strikes.sum() < strikes.size
    at_rest = np.isclose(trace.v / mV, E_L).reshape(2, N, 6)
    begun = POTENTIALS[[0, 2]] == 0
    expected = (np.cumsum(strikes, axis=1) > 0)[:, None] | begun[..., None]
    np.testing.assert_array_equal(at_rest, expected)


@pytest.mark.parametrize("text", TEXTS)
def test_batches_change_no_spike(text):
    """Potentials that grow, six samples at once, in pairs, and alone."""
    counts = []
    for replicas in (6, 2, 1):
        parts = [ALL[n : n + replicas] for n in range(0, 6, replicas)]
        found = []
        for part in parts:
            group = readout(TEXTS[text], part, replicas=replicas, name="batch*", drive=0.3)
            run(group, 100)
            found.append(blocks(group.count))
        counts.append(np.concatenate(found))
    assert counts[0].sum() > 100
    np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(counts[0], counts[2])


@pytest.mark.parametrize("runs_on", COMPILED)
def test_compiled_targets_spike_alike(runs_on, tmp_path):
    """Both texts in one network, with the spikes and the probabilities that numpy gives."""
    counts, probabilities = {}, {}
    for target in ("numpy", runs_on):
        with device(target, tmp_path):
            groups = [
                readout(text, ALL, replicas=6, name=f"{name}_{target}")
                for name, text in TEXTS.items()
            ]
            brian2.Network(*groups).run(200 * ms, namespace={})
            if target == "cpp_standalone":
                brian2.get_device().build(directory=str(tmp_path), run=True, with_output=False)
            counts[target] = np.stack([group.count[:] for group in groups])
            probabilities[target] = np.stack([group.softmax[:] for group in groups])
    assert counts["numpy"].sum(axis=1).min() > 300
    np.testing.assert_array_equal(counts[runs_on], counts["numpy"])
    np.testing.assert_allclose(probabilities[runs_on], probabilities["numpy"], rtol=1e-14)


def test_single_precision():
    with numbers("single"):
        group = readout(CLOCKED, ALL[:3], replicas=3, name="single")
        run(group, 1)
    assert group.softmax.dtype == np.float32
    np.testing.assert_allclose(blocks(group.softmax), softmax(POTENTIALS[:3], axis=1), rtol=1e-5)


def test_random_numbers_are_not_those_of_the_input():
    """Input neurons count from 0 up, those of the softmax from -1 down."""
    up, down = (
        uniform(1, 0, sign, np.arange(100))
        for sign in (np.arange(5)[:, None], -1 - np.arange(5)[:, None])
    )
    assert np.intersect1d(up, down).size == 0


def test_blocks_must_be_equal():
    group = brian2.NeuronGroup(7, "v : volt\nsoftmax : 1", name="seven")
    run(group, 1)
    with pytest.raises(ValueError, match="7 neurons of seven are no 2 equal blocks"):
        built_softmax(group, 2)
