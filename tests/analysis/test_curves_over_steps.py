"""Curves over the steps: every entry is what a run of so many steps gives."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv.analysis import area_under, curves, decision_steps, rate_errors, synaptic_events
from bioconv.errors import ParameterError, ResultError
from bioconv.graph import activations, reference
from bioconv.result import Result, Spikes

NETWORK = NETWORKS["conv_on_conv"]
X = images(NETWORK, 6)


@pytest.fixture(scope="module")
def model():
    return bioconv.to_brian(NETWORK, calibration=X)


@pytest.fixture(scope="module")
def found(model):
    result = model.run(X, 40 * ms, device="numpy", record="spikes")
    labels = reference(NETWORK, X).argmax(axis=1)
    return curves(result, labels, activations(NETWORK, X), model.fan_out(), [1, 7, 25, 40])


@pytest.mark.parametrize("place, steps", [(1, 7), (2, 25), (3, 40)])
def test_every_point_is_a_shorter_run(model, found, place, steps):
    short = model.run(X, steps * ms, device="numpy")
    assert short.counts["fc1"].sum() > 0
    for layer in short.counts:
        assert found.spikes[layer][place] == pytest.approx(short.spikes_per_sample(layer))
        error = rate_errors(short, activations(NETWORK, X))[layer]
        assert found.correlation[layer][place] == pytest.approx(error.pearson)
    assert found.events[place] == pytest.approx(synaptic_events(short, model.fan_out()).mean())


def test_accuracy_is_the_fraction_of_right_answers(model, found):
    labels = reference(NETWORK, X).argmax(axis=1)
    result = model.run(X, 40 * ms, device="numpy")
    np.testing.assert_array_equal(found.accuracy, result.accuracy_over_time(labels)[[0, 6, 24, 39]])
    assert found.accuracy[-1] > 0 and np.isnan(found.correlation["fc1"][0])
    default = curves(result, labels, activations(NETWORK, X), model.fan_out())
    assert default.steps[0] == 1 and default.steps[-1] == 40
    assert list(default.spikes) == ["fc1"], "only the output's spikes are recorded unless asked for"


def answers(*steps_and_neurons):
    """One sample of ten steps of three outputs with these spikes."""
    steps, neurons = (np.array(part) for part in zip(*steps_and_neurons, strict=True))
    counts = np.bincount(neurons, minlength=3)[None]
    spikes = {"out": Spikes(sample=np.zeros(len(steps), int), neuron=neurons, step=steps)}
    return Result(
        counts={"out": counts}, potentials=np.array([[0.1, 0.2, 0.3]]), output="out", n_steps=10,
        dt=1e-3, max_rate=1e3, spikes=spikes,
    )  # fmt: skip


def test_decisions_come_with_the_last_change_of_the_answer():
    assert decision_steps(answers((2, 1))).tolist() == [3]
    assert decision_steps(answers((0, 1))).tolist() == [1]
    assert decision_steps(answers((1, 0), (4, 2), (6, 2))).tolist() == [7]
    assert decision_steps(answers((1, 0), (4, 2))).tolist() == [10], "the last potential decides"


def test_area_under_a_curve():
    assert area_under([0, 0.5, 1, 1]) == pytest.approx(0.625)
    with pytest.raises(ResultError, match="one finite number a step"):
        area_under([])


@pytest.mark.parametrize("steps", [[0], [41], [1.5], []])
def test_steps_must_be_in_the_run(model, steps):
    result = model.run(X, 40 * ms, device="numpy")
    with pytest.raises(ParameterError, match="give integers from 1 to 40"):
        curves(result, np.zeros(6, int), {}, {}, steps)
