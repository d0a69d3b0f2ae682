"""Decisions against outputs whose every spike is written down."""

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv.analysis import (
    RULES,
    FirstSpike,
    Margin,
    MaxCount,
    PopulationVote,
    Potential,
    SmoothedRate,
    TotalCount,
    decide,
    first_spikes,
    spikes_until,
)
from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result, Spikes, Traces

#: For every sample the output's neurons, step by step. Sample 3 is silent.
TRAINS = [
    [[1], [0], [0], [0, 2], [], []],
    [[], [2], [], [2], [1], []],
    [[], [], [0, 1], [], [1, 2], [1]],
    [[], [], [], [], [], []],
]
V = np.array([[0.1, 0.9, 0.2], [0.3, 0.2, 0.1], [0.0, 0.5, 0.4], [-1.0, -0.5, -0.7]])


def made(trains=TRAINS, potentials=V, n_outputs=3, **options):
    rows = np.array(
        [(s, k, n) for s, train in enumerate(trains) for k, ns in enumerate(train) for n in ns]
    )
    spikes = Spikes(sample=rows[:, 0], step=rows[:, 1], neuron=rows[:, 2])
    counts = np.zeros((len(trains), n_outputs), dtype=int)
    np.add.at(counts, (spikes.sample, spikes.neuron), 1)
    fields = {"counts": {"out": counts}, "spikes": {"out": spikes}, **options}
    return Result(
        potentials=np.asarray(potentials), output="out", n_steps=len(trains[0]), dt=1e-3,
        max_rate=1e3, **fields,
    )  # fmt: skip


def with_traces(potential_of, neurons=(0, 1, 2)):
    """The same output with ``potential_of(sample, step, neuron)`` in volts, 10 mV above -70 mV."""
    values = np.array(
        [
            [[-0.07 + 0.01 * potential_of(s, k, n) for n in neurons] for k in range(6)]
            for s in range(4)
        ]
    )
    traces = Traces(neurons=np.array(neurons), values=values, rest=-0.07, threshold=-0.06)
    return made(traces={"out": traces})


def assert_decides(rule, classes, steps, waited, result=None):
    found = decide(made() if result is None else result, rule)
    np.testing.assert_array_equal(found.classes, classes)
    np.testing.assert_array_equal(found.steps, steps)
    np.testing.assert_array_equal(found.waited, np.array(waited, bool))
    return found


def test_most_spikes():
    found = assert_decides("max_count", [0, 2, 1, 1], [6] * 4, [0] * 4)
    np.testing.assert_array_equal(found.classes, made().predictions)
    assert found.accuracy(np.array([0, 2, 0, 0])) == 0.5 and found.mean_steps == 6


def test_so_many_spikes_in_all():
    """Sample 2 ties at 0 and 1 in step 3; sample 1 has three spikes in the fifth step."""
    assert_decides(TotalCount(spikes=3), [0, 2, 1, 1], [3, 5, 5, 6], [0, 0, 0, 1])
    assert_decides("total_count:6", [0, 2, 1, 1], [6] * 4, [1] * 4)


def test_the_first_spike():
    assert_decides(FirstSpike(), [1, 2, 0, 1], [1, 2, 3, 6], [0, 0, 0, 1])


def test_recorded_potentials_decide_between_equals():
    """The potential of that step, not the last one, whatever the order of the recorded neurons."""
    early = with_traces(lambda s, k, n: 0.2 * n if k == 2 else -n, neurons=(2, 0, 1))
    assert_decides("first_spike", [1, 2, 1, 1], [1, 2, 3, 6], [0, 0, 0, 1], early)
    other = with_traces(lambda s, k, n: -0.2 * n if k == 2 else n)
    assert_decides("first_spike", [1, 2, 0, 1], [1, 2, 3, 6], [0, 0, 0, 1], other)
    partly = with_traces(lambda s, k, n: n, neurons=(0, 1))
    assert_decides("first_spike", [1, 2, 0, 1], [1, 2, 3, 6], [0, 0, 0, 1], partly)


def test_a_margin():
    assert_decides(Margin(spikes=1), [1, 2, 1, 1], [1, 2, 5, 6], [0, 0, 0, 1])
    assert_decides("margin:2", [0, 2, 1, 1], [4, 4, 6, 6], [0, 0, 0, 1])
    assert_decides("margin:4", [0, 2, 1, 1], [6] * 4, [1] * 4)
    alone = made([[[0], [], [0]], [[], [], []]], [[0.0], [0.0]], n_outputs=1)
    assert_decides("margin:2", [0, 0], [3, 3], [0, 1], alone)


def test_the_potential_and_what_an_integrator_would_hold():
    assert_decides("potential", [1, 0, 1, 1], [6] * 4, [0] * 4)
    assert_decides(Potential(with_spikes=True), [0, 2, 1, 1], [6] * 4, [0] * 4)


def test_a_smoothed_rate_forgets():
    """Sample 1: two spikes of neuron 2, four and two steps old, against one of neuron 1, one step old."""
    for tau, expected in ((1e-3, 1), (100e-3, 2)):
        old = np.exp(-np.array([4, 2, 1]) * 1e-3 / tau)
        assert (old[0] + old[1] < old[2]) == (expected == 1)
        assert_decides(SmoothedRate(tau=tau), [0, expected, 1, 1], [6] * 4, [0] * 4)
    assert SmoothedRate(tau=20 * ms).decision(made()).classes[1] == 2
    np.testing.assert_array_equal(decide(made(), "smoothed_rate:0.1").classes, [0, 2, 1, 1])


def test_a_vote_of_populations():
    counts = np.array([[3, 0, 1, 1], [1, 1, 2, 0], [0, 0, 0, 0]])
    potentials = np.array([[0, 0, 0, 0], [0.1, 0.2, 0.4, 0.5], [0, 1, 0.6, 0.1]])
    result = Result(
        counts={"out": counts},
        potentials=potentials,
        output="out",
        n_steps=6,
        dt=1e-3,
        max_rate=1e3,
    )
    assert_decides(PopulationVote(neurons_per_class=2), [0, 1, 0], [6] * 3, [0] * 3, result)
    with pytest.raises(ResultError, match="4 output neurons are no whole number of classes of 3"):
        decide(result, "population_vote:3")


def test_a_result_without_output_spikes():
    """An output that only integrates answers by its potential; other rules say what they need."""
    result = made(spikes={}, counts={"out": np.zeros((4, 3), dtype=int)})
    for rule in ("max_count", "potential"):
        np.testing.assert_array_equal(decide(result, rule).classes, [1, 0, 1, 1])
    for rule in ("first_spike", "total_count:2", "margin:1", "smoothed_rate:0.01"):
        with pytest.raises(ResultError, match="spikes of 'out' were not recorded.*or choose max"):
            decide(result, rule)


def test_first_spikes_of_a_layer():
    np.testing.assert_array_equal(
        first_spikes(made(), "out"), [[1, 0, 3], [6, 4, 1], [2, 2, 4], [6, 6, 6]]
    )
    with pytest.raises(ResultError, match="no layer 'fc9'; the result has out"):
        first_spikes(made(), "fc9")


def test_spikes_until_a_decision():
    hidden = Spikes(
        sample=np.array([0, 0, 1, 1, 3]), step=np.array([0, 1, 1, 2, 5]), neuron=np.zeros(5, int)
    )
    base = made()
    result = made(
        counts={"hidden": np.array([[2], [2], [0], [1]]), **base.counts},
        spikes={"hidden": hidden, **base.spikes},
    )
    found = spikes_until(result, decide(result, "first_spike"))
    np.testing.assert_array_equal(found, [1 + 1, 1 + 1, 0 + 2, 1 + 0])
    every = spikes_until(result, decide(result, "max_count"))
    np.testing.assert_array_equal(every, [2 + 5, 2 + 3, 0 + 5, 1])
    with pytest.raises(ResultError, match="spikes of 'hidden' were not recorded"):
        spikes_until(made(counts=dict(result.counts)), decide(base))


def test_names():
    assert type(bioconv.analysis.rule_named("first_spike")) is FirstSpike
    assert isinstance(bioconv.analysis.rule_named(MaxCount()), MaxCount)
    numbers = {"total_count": 3, "margin": 3, "smoothed_rate": 0.02, "population_vote": 1}
    for name, kind in RULES.items():
        text = f"{name}:{numbers[name]}" if name in numbers else name
        assert type(bioconv.analysis.rule_named(text)) is kind
        assert len(decide(made(), text).classes) == 4


@pytest.mark.parametrize(
    "bad", ["", "most", "margin", "total_count", "first_spike:2", "potential:1", 3, None]
)
def test_unknown_rules(bad):
    with pytest.raises(ParameterError, match="choose one of max_count, total_count:N"):
        decide(made(), bad)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("margin:0", "Margin: spikes is 0; give an integer of at least 1"),
        ("margin:1.5", "Margin: spikes is 1.5; give an integer"),
        ("margin:two", "Margin: spikes is 'two'; give an integer"),
        ("total_count:-1", "TotalCount: spikes is -1"),
        ("population_vote:0", "neurons_per_class is 0"),
        ("smoothed_rate:0", "SmoothedRate: tau is 0; give positive seconds"),
        ("smoothed_rate:slow", "tau is 'slow'; give positive seconds"),
        ("smoothed_rate:inf", "tau is inf; give positive seconds"),
    ],
)
def test_bad_numbers(rule, text):
    with pytest.raises(ParameterError, match=text):
        decide(made(), rule)


def test_labels_must_fit():
    with pytest.raises(ResultError, match=r"labels have shape \(3,\); the decision needs \(4,\)"):
        decide(made()).accuracy(np.zeros(3))


@pytest.mark.parametrize(
    ("rule", "propagation"),
    [("first_spike", "synchronous"), ("total_count:4", "synchronous"), ("margin:1", "delayed")],
)
def test_a_network_that_is_stopped_answers_what_was_decided(rule, propagation):
    """A run that ends at the decision gives that answer: recorded potentials are those of the time.

    In the delayed mode they hold the next step's input too, so there the rule is one without equals.
    """
    digits = bioconv.datasets.load("digits", samples=100)
    images = bioconv.datasets.load("digits", "train", samples=200).images
    model = bioconv.to_brian("digits_mlp", calibration=images, propagation=propagation)
    record = {model.spiking.output: "v"}
    decision = decide(model.run(digits.images, 60 * ms, device="numpy", record=record), rule)
    assert not decision.waited.any() and 2 < decision.mean_steps < 20
    ties = 0
    for steps in np.unique(decision.steps):
        here = np.flatnonzero(decision.steps == steps)
        stopped = model.run(digits.images[here], steps * ms, device="numpy")
        np.testing.assert_array_equal(stopped.predictions, decision.classes[here])
        counts = stopped.counts[stopped.output]
        ties += ((counts == counts.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum()
    assert (ties > 0) == (propagation == "synchronous")
