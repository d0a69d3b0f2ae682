"""Learning projections against ``Synapses`` that learn: the same spikes, and the same weights."""

import brian2
import numpy as np
import pytest
from brian2 import ms

from bioconv.neurons import plasticity
from bioconv.projections import Normaliser, PlasticProjection, plastic_synapses
from bioconv.run import device

N_PRE, N_POST, STEPS = 23, 17, 400
#: Every rule. A new one joins here.
RULES = {
    "pair": plasticity.Pair(a_plus=0.02, a_minus=0.025),
    "pair, nearest, multiplicative": plasticity.Pair(a_plus=0.05, a_minus=0.04, mu=1, nearest=True),
    "pair, between": plasticity.Pair(a_plus=0.05, a_minus=0.04, mu=0.4, w_min=-0.2, w_max=0.8),
    "triplet": plasticity.Triplet(),
    "triplet, nearest": plasticity.Triplet(nearest=True),
    "diehl-cook": plasticity.DiehlCook(eta_pre=5e-3),
    "power law": plasticity.PowerLaw(),
    "exponential": plasticity.ExponentialRule(),
    "symmetric": plasticity.Symmetric(eta_pre=1e-2),
    "rewarded": plasticity.Rewarded(rule=plasticity.Pair(), tau=50 * ms),
}
#: Relative error of weights between formulations: a trace decays step by step here, in one go there; either is
#: off by at most a rounding (2^-53) a step, over STEPS steps and as many updates.
CLOSE = 1e-12


def learnt(form, rule, *, target="numpy", folder=None, **options):
    """Weights after random input, weights before, and spikes."""
    with device(target, folder):
        link, before, monitor = run_once(form, rule, **options)
        if target == "cpp_standalone":
            brian2.get_device().build(directory=str(folder), with_output=False)
        found = link.weights if form == "shared" else np.array(link.w).reshape(N_PRE, N_POST)
        return found, before, np.array(monitor.i), np.array(monitor.t / ms)


def run_once(form, rule, *, delays=0, total=None, learning=1.0, steps=STEPS):
    rng = np.random.default_rng(5)
    clock = brian2.Clock(1 * ms)
    times, neurons = np.nonzero(rng.random((steps, N_PRE)) < 0.08)
    source = brian2.SpikeGeneratorGroup(N_PRE, neurons, times * ms, clock=clock)
    group = brian2.NeuronGroup(
        N_POST, "dv/dt = -v/(20*ms) : 1 (unless refractory)", threshold="v > 1", reset="v = 0",
        refractory=3 * ms, method="exact", clock=clock,
    )  # fmt: skip
    weights = rng.uniform(0.1, 0.6, (N_PRE, N_POST))
    objects = [source, group]
    if form == "shared":
        link = PlasticProjection(source, group, weights, rule, variable="v", delays=delays)
    else:
        link = plastic_synapses(source, group, weights, rule, variable="v", delays=delays)
    if total is not None:
        if form == "shared":
            Normaliser(link, total, clock=brian2.Clock(50 * ms))
        else:
            objects.append(normalised(link, total))
    link.learning = learning
    if rule.text.eligibility is not None:
        link.reward = 3.0
    monitor = brian2.SpikeMonitor(group)
    network = brian2.Network(*objects, link, monitor)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    network.run(steps * ms, namespace={})
    return link, weights, monitor


def normalised(synapses, total):
    @brian2.network_operation(dt=50 * ms, when="start", order=0)
    def scale():
        rows = np.array(synapses.w).reshape(N_PRE, N_POST)
        synapses.w = (rows * (total / rows.sum(axis=0))).ravel()

    return scale


def assert_same(rule, **options):
    target, folder = options.pop("target", "numpy"), options.pop("folder", None)
    expected = learnt("synapses", rule, **options)
    found = learnt("shared", rule, target=target, folder=folder, **options)
    assert len(expected[2]) > 50, "silence agrees with anything"
    if options.get("learning", 1):
        assert np.abs(expected[0] - expected[1]).max() > 1e-3, "nothing was learnt"
    np.testing.assert_array_equal(found[2], expected[2])
    np.testing.assert_array_equal(found[3], expected[3])
    np.testing.assert_allclose(found[0], expected[0], rtol=CLOSE, atol=CLOSE)


def some_delays():
    return np.random.default_rng(8).integers(0, 7, (N_PRE, N_POST))


@pytest.mark.parametrize("delays", [0, 3, "differ"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_its_synapses(rule, delays):
    assert_same(RULES[rule], delays=some_delays() if delays == "differ" else delays)


COMPILED = [
    pytest.param(
        rule,
        delays,
        target,
        marks=[] if (rule, delays) == ("triplet", "differ") else pytest.mark.full,
    )
    for target in ("cython", "cpp_standalone")
    for rule in ("pair", "triplet", "diehl-cook", "symmetric", "rewarded")
    for delays in (0, "differ")
]


@pytest.mark.compiled
@pytest.mark.parametrize(("rule", "delays", "target"), COMPILED)
def test_compiled(rule, delays, target, tmp_path):
    delays = some_delays() if delays == "differ" else delays
    assert_same(RULES[rule], delays=delays, target=target, folder=tmp_path)


@pytest.mark.compiled
@pytest.mark.full
@pytest.mark.parametrize("target", ["numpy", "cython", "cpp_standalone"])
@pytest.mark.parametrize("rule", ["pair", "triplet", "diehl-cook"])
def test_a_hundred_presentations(rule, target, tmp_path):
    """Of 100 steps each, normalised twice in each, with delays that differ."""
    options = {"delays": some_delays(), "total": 6.0, "steps": 10_000}
    assert_same(RULES[rule], target=target, folder=tmp_path, **options)


@pytest.mark.parametrize("delays", [0, "differ"])
def test_normalisation(delays):
    assert_same(RULES["pair"], delays=some_delays() if delays == "differ" else 0, total=6.0)


@pytest.mark.parametrize("rule", ["pair, between", "power law", "symmetric"])
def test_a_normalisation_beyond_the_bounds_leaves_numbers(rule):
    """Powers of the distance to a bound: beyond it a root of a negative number would be none, and spread."""
    assert_same(RULES[rule], total=19.0)
    found, *_ = learnt("shared", RULES[rule], total=19.0)
    assert np.isfinite(found).all()


def test_learning_can_be_switched_off():
    found, before, spikes, _ = learnt("shared", RULES["pair"], learning=0.0)
    assert len(spikes) > 50
    np.testing.assert_array_equal(found, before)
