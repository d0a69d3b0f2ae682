"""The experiment of Diehl & Cook: its pieces against oracles, its run against itself cut anywhere."""

import brian2
import h5py
import numpy as np
import pytest
from brian2 import ms, mV

from bioconv.errors import DataError, ParameterError, ResultError, RunInterrupted
from bioconv.learn import diehl_cook
from bioconv.learn.diehl_cook import experiment, machine, network
from bioconv.run import device

SMALL = {"neurons": 9, "dt": 1 * ms, "stimulation": 100 * ms, "rest": 50 * ms, "seed": 3}


@pytest.fixture(scope="module")
def images():
    """Bright bars: (8, 784) grey values."""
    rows = np.zeros((8, 28, 28))
    for n, image in enumerate(rows):
        image[3 * n : 3 * n + 9, 4:24] = 255
    return rows.reshape(8, -1)


LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 7])


def trained(images, shown, **options):
    settings = diehl_cook.Settings(**{**SMALL, **options.pop("settings", {})})
    return diehl_cook.train(
        images,
        LABELS,
        settings,
        shown=shown,
        device=options.pop("device", "numpy"),
        progress=False,
        **options,
    )


def assert_equal(one, other):
    assert one.images == other.images and one.presentations == other.presentations
    assert set(one.state) == set(other.state)
    for name, values in one.state.items():
        if name.endswith("lastspike"):  # of neurons that never fired long ago, less long ago
            values, theirs = (np.maximum(state, -1) for state in (values, other.state[name]))
            np.testing.assert_allclose(values, theirs, atol=1e-12)
        elif name not in ("dc_controller.image", "dc_plastic._at"):
            theirs = other.state[name]
            np.testing.assert_allclose(values, theirs, rtol=0, atol=1e-300, err_msg=name)


def test_pixels_of_a_data_set_become_the_bytes_that_they_were():
    values = np.arange(3 * 784, dtype=np.uint8).reshape(3, 1, 28, 28)
    found = diehl_cook.grey(values / np.float32(255))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, values.reshape(3, 784))


def test_it_learns(images):
    done = trained(images, 8)
    before = network.first_weights(done.settings)
    before = before * (78 / before.sum(axis=0))
    assert done.recent.sum() > 30, "silence learns nothing"
    assert np.abs(done.weights - before).max() > 1e-3
    assert done.theta.max() > 20e-3


def test_every_image_is_shown_in_turn_and_repeated_while_few_spikes_answer(images):
    dim = images.copy()
    dim[2] /= 12  # too dark to be seen at once
    done = trained(dim, 8)
    assert done.images == 8 and done.presentations > 8
    np.testing.assert_array_equal(done.recent_labels, LABELS)
    assert (done.recent.sum(axis=1) >= done.settings.min_spikes).all()


def test_an_image_that_nobody_answers_is_given_up(images):
    dark = images * 0
    done = trained(dark, 2, settings={"max_tries": 3})
    assert (done.images, done.presentations) == (2, 6)


def test_weights_are_normalised_before_every_image(images):
    done = trained(images, 1)
    # after the last image's changes sums are near the total, and exactly it without learning
    still = trained(
        images, 1, settings={"rule": diehl_cook.RULES["triplet"](eta_pre=0, eta_post=0)}
    )
    np.testing.assert_allclose(still.weights.sum(axis=0), 78, rtol=1e-12)
    assert np.abs(done.weights.sum(axis=0) - 78).max() > 1e-3


def test_cut_into_chunks_it_is_the_same(images, monkeypatch):
    whole = trained(images, 12)
    monkeypatch.setattr(experiment, "CHUNK", 3)
    assert_equal(trained(images, 12), whole)


def test_interrupted_and_resumed_it_is_the_same(images, tmp_path, monkeypatch):
    whole = trained(images, 12)
    monkeypatch.setattr(experiment, "CHUNK", 4)
    path = tmp_path / "training.h5"
    advance, calls = machine.Machine.advance, []

    def cut(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return advance(self, *arguments, **options)

    monkeypatch.setattr(machine.Machine, "advance", cut)
    with pytest.raises(RunInterrupted, match="of 12 images") as stopped:
        trained(images, 12, checkpoint=path)
    assert 0 < stopped.value.result.images < 12
    monkeypatch.setattr(machine.Machine, "advance", advance)
    assert_equal(trained(images, 12, checkpoint=path), whole)


def test_it_goes_on_from_another_training_with_other_rates(images):
    whole, part = trained(images, 12), trained(images, 5)
    assert_equal(trained(images, 12, begin=part), whole)
    slow = {"rule": diehl_cook.RULES["triplet"](eta_pre=0, eta_post=0), "tau_theta": 50 * ms}
    slower = trained(images, 12, settings=slow, begin=part)
    assert slower.images == 12 and slower.recent.sum() > 30
    before = part.weights * (78 / part.weights.sum(axis=0))
    np.testing.assert_allclose(slower.weights, before, rtol=1e-12)
    assert slower.theta.max() < part.theta.max() / 2
    with pytest.raises(ParameterError, match="neurons, seed must be as"):
        trained(images, 12, settings={"neurons": 4, "seed": 1}, begin=part)


@pytest.mark.compiled
@pytest.mark.parametrize("target", [
    "cpp_standalone", pytest.param("cython", marks=pytest.mark.full),
])  # fmt: skip
def test_compiled_it_is_the_same(images, target, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert_equal(trained(images, 8, device=target), trained(images, 8))


@pytest.mark.compiled
def test_a_compiled_run_of_more_than_a_minute_can_be_cut(images, tmp_path, monkeypatch):
    """800 presentations of 150 ms at once, and twice 400, every third image so dim that it is repeated."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rows = images[np.arange(801) % 8] / np.where(np.arange(801) % 3, 1, 12)[:, None]
    cut = machine.Machine(diehl_cook.Settings(**SMALL), 800)
    whole, shown = cut.advance(cut.start, rows, 800, learning=True)
    half, first = cut.advance(cut.start, rows, 400, learning=True)
    after, second = cut.advance(half, rows[first.image[-1] :], 400, learning=True)
    assert 100 < (shown.tries > 1).sum() < 700
    np.testing.assert_array_equal(np.concatenate([first.tries, second.tries]), shown.tries)
    np.testing.assert_array_equal(np.concatenate([first.counts, second.counts]), shown.counts)
    np.testing.assert_array_equal(after["dc_plastic.w"], whole["dc_plastic.w"])


@pytest.mark.parametrize("change", [
    {"theta_plus": 0 * mV}, {"total": 0.0}, {"inhibition": 0.0}, {"delay": 0 * ms},
    *({"rule": rule()} for rule in diehl_cook.RULES.values()),
], ids=str)  # fmt: skip
def test_parts_can_be_left_out_and_rules_changed(images, change):
    done = trained(images, 4, settings=change)
    assert done.recent.sum() > 10
    if "theta_plus" in change:
        np.testing.assert_allclose(done.theta, 20e-3, rtol=1e-3)  # less what decays in a second


def potential(neuron, **conductances):
    """Volts after a step of 0.5 ms from rest."""
    with device("numpy"):
        group = brian2.NeuronGroup(
            1, network.MEMBRANE, method="euler", refractory=1 * ms, dt=0.5 * ms, namespace=neuron
        )
        group.v = neuron["v_rest"]
        for name, value in conductances.items():
            setattr(group, name, value)
        brian2.Network(group).run(0.5 * ms)
        return group.v_[0]


def test_a_spike_of_its_partner_makes_an_inhibitory_neuron_fire_in_the_next_step():
    """Euler: -60 mV + 0.5/10 * 10.4 * 60 mV; an implicit step would stay below the threshold of -40 mV."""
    excitation = diehl_cook.Settings().excitation
    assert potential(network.INHIBITORY, g_e=excitation) == pytest.approx(-28.8e-3, abs=1e-15)


def test_no_step_goes_beyond_the_steady_state():
    """Where Euler's would: two hundred neurons inhibit at once."""
    g = 200 * diehl_cook.Settings().inhibition
    steady = (-65e-3 - g * 100e-3) / (1 + g)
    assert potential(network.EXCITATORY, g_i=g) == pytest.approx(steady, abs=1e-15)


def test_inhibition_leaves_few_winners(images):
    winners, all_of_them = (
        (trained(images, 4, settings=change).recent > 0).sum(axis=1).mean()
        for change in ({}, {"inhibition": 0.0})
    )
    assert all_of_them == 9 and winners < 7


def test_responses_change_nothing(images, monkeypatch):
    done = trained(images, 8)
    arguments = done.settings, done.weights, done.theta, images
    before = [np.copy(a) for a in arguments[1:]]
    monkeypatch.setattr(experiment, "CHUNK", 4)
    found = diehl_cook.respond(*arguments, device="numpy", progress=False)
    assert found.shape == (8, 9) and found.sum() > 30
    second = diehl_cook.respond(*arguments[:-1], images[4:], device="numpy", progress=False)
    assert second.shape == (4, 9)
    for one, other in zip(before, arguments[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_and_predictions():
    counts = np.array([[4, 0, 0], [2, 1, 0], [0, 3, 1], [0, 5, 1]] + [[0, 0, 0]] * 8)
    labels = np.array([0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    classes = diehl_cook.labelled(counts, labels)
    np.testing.assert_array_equal(classes, [0, 1, 1])
    # means over the neurons of a class: (3, 1.5), (1, 2)
    np.testing.assert_array_equal(
        diehl_cook.predicted(np.array([[3, 3, 0], [1, 0, 4]]), classes), [0, 1]
    )


def test_a_trained_network_comes_back(images, tmp_path, monkeypatch):
    done = trained(images, 8)
    found = diehl_cook.Trained(
        settings=done.settings, weights=done.weights.astype(np.float32), theta=done.theta,
        classes=np.arange(9) % 8, accuracy=done.accuracy,
    )  # fmt: skip
    found.save(tmp_path / "trained.h5")
    again = diehl_cook.load_trained(tmp_path / "trained.h5", done.settings)
    for name in ("weights", "theta", "classes", "accuracy"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    with pytest.raises(
        ResultError, match="another experiment: neurons is '9' there and '400' here"
    ):
        diehl_cook.load_trained(tmp_path / "trained.h5", diehl_cook.Settings())
    with h5py.File(tmp_path / "trained.h5", "r+") as file:
        del file.attrs["tau_theta"]  # as if from before it could be chosen
    assert diehl_cook.load_trained(tmp_path / "trained.h5", done.settings).classes.shape == (9,)
    with pytest.raises(ResultError, match="exists"):
        found.save(tmp_path / "trained.h5")


@pytest.mark.parametrize(("call", "error", "match"), [
    (lambda x: diehl_cook.train(x[:, :5], LABELS), DataError, "shape .8, 5.; give .n, 784."),
    (lambda x: diehl_cook.train(x + 1, LABELS), DataError, "outside of 0 to 255"),
    (lambda x: diehl_cook.train(x * np.nan, LABELS), DataError, "outside of 0 to 255"),
    (lambda x: diehl_cook.train(x.astype(str), LABELS), DataError, "the images are <U32"),
    (lambda x: diehl_cook.train(x, LABELS[:3]), DataError, "3 labels for 8 images"),
    (lambda x: diehl_cook.train(x, LABELS, shown=0), ParameterError, "shown is 0"),
    (lambda x: diehl_cook.Settings(neurons=0), ParameterError, "neurons is 0"),
    (lambda x: diehl_cook.Settings(rest=0.3 * ms), ParameterError, "whole steps"),
    (lambda x: diehl_cook.labelled(np.ones((7, 3)), LABELS), DataError, "7 rows of counts for 8 labels"),
])  # fmt: skip
def test_mistakes_are_named(images, call, error, match):
    with pytest.raises(error, match=match):
        call(images)
