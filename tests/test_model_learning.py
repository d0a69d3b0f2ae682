"""Models whose projections learn: the same weights as ``Synapses`` sample by sample, on every target."""

from dataclasses import replace

import brian2
import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv.errors import BioconvError, DeviceError, ParameterError
from bioconv.graph import Conv2d, Network, ReLU
from bioconv.projections import order_of, plastic_synapses

CONVOLUTION = Network.sequential(
    [Conv2d(weight=np.random.default_rng(3).normal(0.2, 0.3, (3, 2, 3, 2))), ReLU(),
     Conv2d(weight=np.random.default_rng(4).normal(0.1, 0.2, (2, 3, 2, 2))), ReLU()],
    input_shape=(2, 6, 5),
)  # fmt: skip
#: Model, projection that learns.
CASES = {
    "dense": (NETWORKS["dense"], "fc1_to_fc2"),
    "from the input": (NETWORKS["dense"], "input_to_fc1"),
    "convolution": (CONVOLUTION, "conv1_to_conv2"),
}
RULE = bioconv.stdp.Pair(a_plus=0.02, a_minus=0.012, w_min=-1.0, w_max=1.0)


class Renamed(bioconv.stdp.Pair):
    """As ``RULE``, its traces under names that no neuron has; ``Synapses`` need that."""

    @property
    def text(self):
        text = RULE.text
        return replace(
            text, pre=(replace(text.pre[0], name="own"),), post=(replace(text.post[0], name="other"),),
            on_pre=text.on_pre.replace("y", "other"), on_post=text.on_post.replace("x", "own"),
        )  # fmt: skip


DURATION = 60 * ms
#: A trace decays step by step here and in one go there: a rounding a step, over 60 steps and as many updates a sample.
CLOSE = 1e-12


def made(network, **options):
    options = {"encoder": "poisson", "seed": 2, **options}
    return bioconv.to_brian(network, calibration=images(network, 20), **options)


def with_synapses(model, name, x):
    """Samples one by one through ``Synapses`` that learn: weights (n_post, n_pre), and the output's counts."""
    path = next(p for p in model.spiking.projections if p.name == name)
    rows, columns = order_of(model.layers[path.target]), order_of(path.shape)
    weights, counts = model.matrix(name).toarray(), []
    there = weights != 0
    for k in range(len(x)):
        fresh = bioconv.Model(model.spiking, model.settings).build(duration=DURATION)
        fresh.projections[name].w = 0
        text = fresh._current().texts[path.target]
        slots = fresh._current().schedule.slots
        link = plastic_synapses(
            fresh[path.source], fresh[path.target], weights[np.ix_(rows, columns)].T, Renamed(),
            variable=text.target, unit=text.unit, when=slots[path.source].synapses,
            when_post=slots[path.target].synapses, synapses=there[np.ix_(rows, columns)].T,
        )  # fmt: skip
        fresh.network.add(link)
        result = fresh.run(x[k : k + 1], DURATION, device="numpy", first_sample=k)
        learnt = np.zeros_like(weights)
        learnt[rows[link.j], columns[link.i]] = link.w
        weights = learnt
        counts.append(result.counts[path.target][0])
    return weights, np.array(counts)


@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
@pytest.mark.parametrize("case", CASES)
def test_a_model_learns_as_synapses_do(case, propagation):
    network, name = CASES[case]
    x = images(network, 3)
    model = made(network, propagation=propagation)
    wanted, counts = with_synapses(model, name, x)
    before = model.matrix(name).toarray()
    result = model.learn(name, RULE).run(x, DURATION, device="numpy")
    found = model.weights(name.split("_to_")[1])[name]
    assert np.abs(found - before).max() > 0.01 and counts.sum() > 20
    np.testing.assert_array_equal(result.counts[name.split("_to_")[1]], counts)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=CLOSE)
    assert ((found != 0) <= (before != 0)).all()


@pytest.mark.compiled
@pytest.mark.parametrize("case", CASES)
def test_every_target_learns_the_same(case):
    network, name = CASES[case]
    x, found = images(network, 5), {}
    for target in ("numpy", "cython", "cpp_standalone"):
        model = made(network).learn(name, RULE, total=3.0)
        counts = [model.run(x[:3], DURATION, device=target)]
        counts.append(model.run(x[3:], DURATION, device=target, first_sample=3))
        found[target] = model.weights(name.split("_to_")[1])[name], counts
    assert sum(result.counts[name.split("_to_")[1]].sum() for result in found["numpy"][1]) > 20
    for target in ("cython", "cpp_standalone"):
        np.testing.assert_allclose(found[target][0], found["numpy"][0], rtol=0, atol=CLOSE)
        for ours, theirs in zip(found[target][1], found["numpy"][1], strict=True):
            for layer in ours.counts:
                np.testing.assert_array_equal(ours.counts[layer], theirs.counts[layer])


@pytest.mark.compiled
def test_runs_of_a_program_hand_on_what_was_learnt(monkeypatch):
    """As many runs as samples, and one for all."""
    network, name = CASES["dense"]
    x, found = images(network, 4), []
    for numbers in (2**22, 1):
        monkeypatch.setattr(bioconv.model, "NUMBERS", numbers)
        model = made(network).learn(name, RULE)
        counts = model.run(x, DURATION, device="cpp_standalone").counts["fc2"]
        found.append((model.weights("fc2")[name], counts))
    assert found[0][1].sum() > 20
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_array_equal(found[0][0], found[1][0])


@pytest.mark.parametrize(
    "device", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)]
)
def test_learning_can_be_switched_off_and_on(device):
    network, name = CASES["dense"]
    x = images(network, 2)
    model = made(network).learn(name, RULE)
    before = model.weights("fc2")[name]
    model.learning = False
    model.run(x, DURATION, device=device)
    np.testing.assert_array_equal(model.weights("fc2")[name], before)
    assert not model.learning
    model.learning = True
    model.run(x, DURATION, device=device)
    assert model.learning and np.abs(model.weights("fc2")[name] - before).max() > 0.01


@pytest.mark.parametrize("case", CASES)
def test_what_was_learnt_is_a_network_like_any_other(case, tmp_path):
    network, name = CASES[case]
    x, layer = images(network, 3), name.split("_to_")[1]
    model = made(network).learn(name, RULE)
    model.run(x, DURATION, device="numpy")
    frozen = model.frozen()
    np.testing.assert_array_equal(
        frozen.matrix(name).toarray().ravel(), model.weights(layer)[name].ravel()
    )
    model.learning = False
    wanted = model.run(x, DURATION, device="numpy")
    found = frozen.run(x, DURATION, device="numpy", batch_size=3)
    assert wanted.counts[layer].sum() > 20 and "learns" not in str(frozen)
    for layer_name, counts in wanted.counts.items():
        np.testing.assert_array_equal(found.counts[layer_name], counts)
    model.learn(name, None)
    again = model.run(x, DURATION, device="numpy")
    np.testing.assert_array_equal(again.counts[layer], wanted.counts[layer])


@pytest.mark.parametrize("leave", [
    lambda model, folder: model.to_script(folder / "net.py"),
    lambda model, folder: model.export_cpp(folder / "net"),
    lambda model, folder: model.with_neurons("exponential_if", "exponential", dt=0.1 * ms),
    lambda model, folder: bioconv.save_spiking_network(model.spiking, folder / "net.h5"),
])  # fmt: skip
def test_a_rule_is_not_lost_silently(leave, tmp_path):
    model = made(NETWORKS["dense"]).learn("fc2", RULE)
    with pytest.raises(BioconvError, match=r"learns.*model.frozen\(\)"):
        leave(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_frozen_networks_keep_what_was_edited_besides():
    model = made(NETWORKS["dense"]).learn("fc2", RULE)
    model["fc2"].I_bias_ = 1e-10
    assert (model.frozen()["fc2"].I_bias_[:] == 1e-10).all()


def test_weights_that_are_normalised_add_up_before_every_sample():
    network, name = CASES["dense"]
    still = bioconv.stdp.Pair(a_plus=0.0, a_minus=0.0)
    model = made(network).learn(name, still, total=2.0)
    positive = np.abs(model.weights("fc2")[name])
    model.projections[name].weights = positive.T
    model.run(images(network, 1), DURATION, device="numpy")
    found = model.weights("fc2")[name]
    np.testing.assert_allclose(found.sum(axis=1), 2.0)
    np.testing.assert_allclose(found, 2 * positive / positive.sum(axis=1, keepdims=True))


def test_a_reward_turns_what_waits_into_weights():
    network, name = CASES["dense"]
    rule = bioconv.stdp.Rewarded(rule=RULE, tau=500 * ms)
    model = made(network).learn(name, rule)
    before = model.weights("fc2")[name]
    model.run(images(network, 1), DURATION, device="numpy")
    np.testing.assert_array_equal(model.weights("fc2")[name], before)
    model.projections[name].reward = 5.0
    model.run(images(network, 1), DURATION, device="numpy")
    assert np.abs(model.weights("fc2")[name] - before).max() > 1e-3


def test_the_text_shows_the_rule():
    text = str(made(NETWORKS["dense"]).learn("fc2", RULE, total=2.0))
    for part in (
        "fc1_to_fc2: Dense, 63 synapses (all stored)",
        "learns     on pre: ",
        "a_plus = 0.02",
        "the weights into a neuron add up to 2 before every sample",
    ):
        assert part in text, part


@pytest.mark.parametrize(("change", "message"), [
    (lambda m: m.learn("fc9", RULE), "no projection 'fc9'"),
    (lambda m: m.learn("fc1", "pair"), "give one of bioconv.stdp"),
    (lambda m: m.learn("fc2", RULE, total=-1), "total is -1"),
    (lambda m: m.learn("fc2", RULE).run(np.zeros((2, 11)), DURATION, batch_size=2), "batch_size is 2"),
    (lambda m: m.learn("fc2", RULE).run(np.zeros((2, 11)), DURATION, stop="first_spike"), "leave out stop"),
])  # fmt: skip
def test_what_cannot_learn_is_told(change, message):
    with pytest.raises(ParameterError, match=message):
        change(made(NETWORKS["dense"]))


def test_a_readout_cannot_learn():
    with pytest.raises(ParameterError, match="fc3 never spikes"):
        made(NETWORKS["dense"], readout="potential").learn("fc3", RULE)


def test_a_current_cannot_learn():
    with pytest.raises(ParameterError, match="rules need spikes"):
        made(NETWORKS["dense"], encoder="constant").learn("fc1", RULE)


def test_edits_and_objects_are_not_lost_silently():
    model = made(NETWORKS["dense"])
    model.projections["fc1_to_fc2"].w_[0] = 1.0
    with pytest.raises(ParameterError, match="call learn first"):
        model.learn("fc2", RULE)
    model.learn("fc1", RULE)  # another projection's edit stays
    assert model.projections["fc1_to_fc2"].w_[0] == 1.0

    model.network.add(brian2.SpikeMonitor(model["fc2"]))
    with pytest.raises(DeviceError, match="call learn before"):
        model.learn("fc1", None)
