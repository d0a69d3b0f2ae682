"""Every form of ``record``, what it records, and what is refused."""

import numpy as np
import pytest
from brian2 import ms
from cases import chain, dense

import bioconv
from bioconv.build import recordings
from bioconv.build.recording import LIMIT, Recording, checked_size
from bioconv.errors import ParameterError
from bioconv.graph import Conv2d, ReLU, Softmax

SIZES = {"input": 4, "conv1": 6, "fc1": 3}
ALL = {name: list(range(size)) for name, size in SIZES.items()}

#: record -> {layer: (spikes, neurons)}; the output "fc1" is always there.
FORMS = [
    (None, {"fc1": (True, [])}),
    ({}, {"fc1": (True, [])}),
    ("spikes", {name: (True, []) for name in SIZES}),
    ("v", {name: (name == "fc1", ALL[name]) for name in SIZES}),
    ({"conv1": "spikes"}, {"conv1": (True, []), "fc1": (True, [])}),
    ({"conv1": "v"}, {"conv1": (False, ALL["conv1"]), "fc1": (True, [])}),
    ({"conv1": ["spikes", "v"]}, {"conv1": (True, ALL["conv1"]), "fc1": (True, [])}),
    ({"conv1": ("v",)}, {"conv1": (False, ALL["conv1"]), "fc1": (True, [])}),
    ({"conv1": {"spikes", "v"}}, {"conv1": (True, ALL["conv1"]), "fc1": (True, [])}),
    ({"conv1": {"v": [5, 2]}}, {"conv1": (False, [5, 2]), "fc1": (True, [])}),
    ({"conv1": {"v": 0}}, {"conv1": (False, [0]), "fc1": (True, [])}),
    ({"conv1": {"v": np.array([0, 1])}}, {"conv1": (False, [0, 1]), "fc1": (True, [])}),
    ({"conv1": {"v": np.array([0])}}, {"conv1": (False, [0]), "fc1": (True, [])}),
    ({"conv1": {"v": range(2, 4)}}, {"conv1": (False, [2, 3]), "fc1": (True, [])}),
    ({"conv1": {"v": []}}, {"conv1": (False, []), "fc1": (True, [])}),
    ({"conv1": {"v": False, "spikes": True}}, {"conv1": (True, []), "fc1": (True, [])}),
    (
        {"conv1": {"v": True, "spikes": True}},
        {"conv1": (True, ALL["conv1"]), "fc1": (True, [])},
    ),
    ({"conv1": []}, {"conv1": (False, []), "fc1": (True, [])}),
    ({"fc1": {"v": [0, 2]}}, {"fc1": (True, [0, 2])}),
    ({"fc1": {"spikes": False}}, {"fc1": (True, [])}),
]


RESIDUALS = {
    "all": ("residual", {"input", "conv1", "fc1"}),
    "one": ({"conv1": "residual"}, {"conv1"}),
    "output": ({"fc1": ["v", "residual"]}, {"fc1"}),
    "none": ({"conv1": {"residual": False, "v": 0}}, set()),
}


@pytest.mark.parametrize("name", RESIDUALS)
def test_forms_of_residuals(name):
    record, layers = RESIDUALS[name]
    found = recordings(record, SIZES, [], "fc1")
    assert {layer for layer, recording in found.items() if recording.residual} == layers
    assert found["fc1"].spikes


@pytest.mark.parametrize(("record", "expected"), FORMS, ids=range(len(FORMS)))
def test_forms(record, expected):
    found = recordings(record, SIZES, [], "fc1")
    assert {n: (r.spikes, r.neurons.tolist()) for n, r in found.items()} == expected
    assert all(r.neurons.dtype == int for r in found.values())


def test_a_silent_layer_has_no_spikes_to_record():
    for record in (None, "spikes", {"fc1": "spikes"}):
        assert not recordings(record, SIZES, ["fc1"], "fc1")["fc1"].spikes
    assert recordings("v", SIZES, ["fc1"], "fc1")["fc1"].neurons.tolist() == [0, 1, 2]


HOW = (
    '"spikes", "v", "residual", a list of them, or {"v": [neurons]}; for example '
    'record={"conv1": "spikes", "fc1": {"v": [0, 7]}}'
)
NEURONS = "record['conv1']: neurons are {!r}; 'conv1' has neurons 0 to 5"
REFUSED = [
    (["conv1"], f"record is ['conv1']; give {HOW}"),
    (True, f"record is True; give {HOW}"),
    ("u", f"record['input'] is 'u'; give {HOW}"),
    ({"conv2": "v"}, "record: no layer 'conv2'; the model has input, conv1, fc1"),
    ({"conv1": "spike"}, f"record['conv1'] is 'spike'; give {HOW}"),
    ({"conv1": True}, f"record['conv1'] is True; give {HOW}"),
    ({"conv1": None}, f"record['conv1'] is None; give {HOW}"),
    ({"conv1": [0, 2]}, f"record['conv1'] is [0, 2]; give {HOW}"),
    ({"conv1": {"V": [0]}}, f"record['conv1'] is {{'V': [0]}}; give {HOW}"),
    *[
        ({"conv1": {"v": bad}}, NEURONS.format(bad))
        for bad in ([6], [-1], 6, [0.5], ["0"], [True], [[0, 1]], {0, 1}, np.array([0, 6]))
    ],
]


@pytest.mark.parametrize(("record", "text"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(record, text):
    with pytest.raises(ParameterError) as caught:
        recordings(record, SIZES, [], "fc1")
    assert str(caught.value) == text


def records(**neurons):
    return {name: Recording(spikes=True, neurons=np.arange(n)) for name, n in neurons.items()}


def test_the_size_limit():
    """8 bytes a sample, step and neuron; exactly 4 GiB are allowed."""
    assert checked_size(records(conv1=3, fc1=0), 5, 100) == 8 * 3 * 5 * 100
    assert checked_size(records(conv1=512), 1024, 1024) == LIMIT
    with pytest.raises(ParameterError) as caught:
        checked_size(records(fc1=10, conv1=700), 1024, 1024)
    assert str(caught.value) == (
        "the potentials asked for take 5.5 GiB, most of them 'conv1' with 700 neurons over 1024 "
        "samples of 1024 steps; the limit is 4 GiB. Record fewer neurons or samples"
    )


@pytest.fixture(scope="module")
def model():
    network = chain((4,), dense(6, 4), ReLU(), dense(3, 6), Softmax())
    return bioconv.to_brian(network, encoder="regular")


X = np.linspace(0, 1, 12).reshape(3, 4)


def test_a_run_records_what_was_asked(model):
    """Traces in the order asked for, equal to columns of a whole record; sums are counts."""
    result = model.run(X, 30 * ms, device="numpy", batch_size=2, record={
        "fc1": {"v": [4, 1], "spikes": True}, "input": "spikes",
    })  # fmt: skip
    assert set(result.spikes) == {"fc1", "input"} and set(result.traces) == {"fc1"}
    trace = result.traces["fc1"]
    assert trace.neurons.tolist() == [4, 1] and trace.values.shape == (3, 30, 2)
    whole = model.run(X, 30 * ms, device="numpy", batch_size=3, record={"fc1": "v", "fc2": "v"})
    np.testing.assert_array_equal(whole.traces["fc1"].values[..., [4, 1]], trace.values)
    assert result.counts["input"].sum() > 0
    for layer, spikes in result.spikes.items():
        assert len(spikes) == result.counts[layer].sum()
    last = whole.traces["fc2"]
    potentials = (last.values[:, -1] - last.rest) / (last.threshold - last.rest)
    np.testing.assert_allclose(potentials, whole.potentials, atol=1e-12)


def test_neurons_of_maps_are_numbered_channel_row_column(rng):
    """After the first step a potential is the neuron's drive, less a spike if there was one."""
    layer = Conv2d(weight=rng.normal(size=(3, 2, 2, 2)) / 2, bias=[0.1, 0.0, -0.2])
    network = chain((2, 4, 3), layer, ReLU())
    model = bioconv.to_brian(network, method="unscaled")
    x = rng.random((3, 2, 4, 3))
    drive = bioconv.activations(network, x)["conv1"].reshape(3, -1)
    wanted = [7, 0, 16, 5]
    result = model.run(
        x, 20 * ms, device="numpy", batch_size=2, record={"conv1": {"v": wanted, "spikes": True}}
    )
    trace, spikes = result.traces["conv1"], result.spikes["conv1"]
    first = (trace.values[:, 0] - trace.rest) / (trace.threshold - trace.rest)
    np.testing.assert_allclose(first, (drive - (drive >= 1))[:, wanted], atol=1e-12)
    counts = np.zeros((3, 18), dtype=int)
    np.add.at(counts, (spikes.sample, spikes.neuron), 1)
    np.testing.assert_array_equal(counts, result.counts["conv1"].reshape(3, -1))
    expected = np.minimum(np.floor(np.maximum(drive, 0) * 20 + 1e-6), 20)
    np.testing.assert_array_equal(counts, expected)


def test_a_run_checks_its_record_before_it_starts(model):
    for record, text in (
        ({"fc3": "v"}, "no layer 'fc3'; the model has input, fc1, fc2"),
        ("v", "the potentials asked for take"),
    ):
        with pytest.raises(ParameterError, match=text):
            model.run(X, 20_000_000 * ms, device="numpy", record=record)


def test_an_input_that_spikes_has_no_potentials():
    network = chain((4,), dense(6, 4), ReLU(), dense(3, 6))
    model = bioconv.to_brian(network, encoder="regular", method="unscaled")
    x = np.random.default_rng(3).uniform(size=(2, 4))
    result = model.run(x, 20 * ms, record="residual", device="numpy")
    assert list(result.residuals) == ["fc1", "fc2"]
    assert result.counts["input"].sum() > 0
    with pytest.raises(ParameterError, match="the input has spikes and no potentials"):
        model.run(x, 20 * ms, record={"input": "residual"}, device="numpy")
