"""The user's handle: text, Brian2 objects, edits, extensions, recordings, interruptions."""

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV
from cases import NETWORKS, dense, images

import bioconv
from bioconv.errors import (
    BioconvError,
    DeviceError,
    ParameterError,
    RunInterrupted,
    StimulusError,
)
from bioconv.graph import Network, ReLU
from bioconv.projections import SharedProjection


@pytest.fixture
def model():
    return bioconv.to_brian(NETWORKS["dense"], calibration=images(NETWORKS["dense"], 20), seed=2)


X = images(NETWORKS["dense"], 4)


def run(model, x=X, duration=40 * ms, **options):
    return model.run(x, duration, device="numpy", **options)


def test_the_text_names_everything(model):
    text = str(model)
    for part in (
        "3 populations, dt = 1. ms, synchronous propagation, biophysical units",
        "input: (11,) in [0, 1], Constant encoder, maximal rate 1. kHz",
        "note: Percentile(percentile=99.9) was chosen",
        "fc1: 9 neurons, shape (9,)",
        "dv/dt = I/C_m : volt",
        "threshold  v >= V_th - rounding",
        "reset      v -= V_th - E_L",
        "parameters V_th = -50. mV",
        "constants  E_L = -65. mV, C_m = 200. pF",
        "synapses   fc1_to_fc2: Dense, 63 synapses (63 stored), v_post += w",
        "current    input_to_fc1: Dense of the image, as I_stim",
    ):
        assert part in text, part
    assert set(model.equations()) == {"fc1", "fc2", "fc3"}
    assert all("align" in latex and "frac" in latex for latex in model.latex().values())


@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
@pytest.mark.parametrize("encoder", ["constant", "poisson", "regular"])
@pytest.mark.parametrize("synapse", ["delta", "exponential", "alpha", "double_exponential"])
def test_every_text_is_a_model_that_runs(propagation, encoder, synapse):
    made = bioconv.to_brian(
        NETWORKS["branches"], propagation=propagation, encoder=encoder, synapse=synapse,
        neuron="lif", units="dimensionless", reset="zero", method="unscaled",
    )  # fmt: skip
    result = made.run(images(NETWORKS["branches"], 2), 30 * ms, device="numpy")
    assert result.counts["left"].sum() > 0
    assert encoder.capitalize() in str(made)


def test_propagation_modes_agree_where_nothing_depends_on_order():
    """Soft reset, no leak: the delayed mode is the synchronous one, a step later a layer."""
    trains = []
    for propagation in ("synchronous", "delayed"):
        made = bioconv.to_brian(
            NETWORKS["residual"], calibration=images(NETWORKS["residual"], 20), encoder="poisson",
            propagation=propagation,
        )  # fmt: skip
        trains.append(made.run(images(NETWORKS["residual"], 3), 60 * ms, device="numpy",
                               record="spikes"))  # fmt: skip
    assert trains[1].onsets == {"input": 0, "conv1": 1, "add": 2, "fc": 3}
    assert sum(len(s) for s in trains[0].spikes.values()) > 1000
    for layer, spikes in trains[0].spikes.items():
        np.testing.assert_array_equal(spikes.step, trains[1].spikes[layer].step)
        np.testing.assert_array_equal(spikes.neuron, trains[1].spikes[layer].neuron)


def test_groups_and_synapses_are_plain_brian2_objects(model):
    assert isinstance(model.network, brian2.Network)
    assert isinstance(model["fc1"], brian2.NeuronGroup)
    shared = model.projections["fc1_to_fc2"]
    assert isinstance(shared, SharedProjection) and shared.w.dim == mV.dim
    explicit = bioconv.to_brian(NETWORKS["dense"], method="unscaled", projections="explicit")
    assert isinstance(explicit.projections["fc1_to_fc2"], brian2.Synapses)
    weights = model.weights("fc2")["fc1_to_fc2"]
    np.testing.assert_allclose(model.matrix("fc1_to_fc2").toarray(), weights)
    with pytest.raises(KeyError, match="no layer 'fc9'; the model has fc1, fc2, fc3"):
        model["fc9"]
    with pytest.raises(ParameterError, match="no projection 'x'; the model has input_to_fc1"):
        model.matrix("x")


def test_users_add_monitors(model):
    model.build(duration=40 * ms, batch_size=1)
    monitor = brian2.SpikeMonitor(model["fc1"])
    model.network.add(monitor)
    result = run(model)
    assert 0 < result.counts["fc1"].sum() == monitor.num_spikes


def test_what_users_added_is_never_lost(model):
    model.build(duration=40 * ms, batch_size=2)
    model.network.add(brian2.SpikeMonitor(model["fc1"], name="mine"))
    with pytest.raises(DeviceError, match=r"built for 40 steps and 2 sample.*mine were added"):
        run(model, duration=50 * ms)
    with pytest.raises(DeviceError, match=r"cpp_standalone' builds the network anew.*mine"):
        model.run(X, 40 * ms, device="cpp_standalone")


def test_users_add_synapses_and_currents(model):
    """A group of the user's own silences the first layer; spikes of the model reach the user's."""
    before = run(model, batch_size=1).counts
    model.build(duration=40 * ms)
    clock = model["fc1"].clock
    times = model.network.t + np.arange(160) * ms
    strong = brian2.SpikeGeneratorGroup(1, np.zeros(160, int), times, clock=clock)
    veto = brian2.Synapses(strong, model["fc1"], on_pre="v_post -= 100*mV", clock=clock)
    veto.connect()
    model.network.add(strong, veto)
    assert before["fc1"].sum() > 0
    assert run(model, batch_size=1).counts["fc1"].sum() == 0


def test_edited_weights_and_currents_stay(model):
    before = run(model, batch_size=4).counts
    model.projections["fc1_to_fc2"].w = 0 * mV
    model["fc2"].I_bias = 0
    for batch in (4, 3):
        counts = run(model, batch_size=batch).counts
        np.testing.assert_array_equal(counts["fc1"], before["fc1"])
        assert before["fc2"].sum() > 0 == counts["fc2"].sum()


@pytest.mark.compiled
def test_edits_and_extensions_reach_the_compiled_program(model):
    seen = []

    def extension(model):
        monitor = brian2.SpikeMonitor(model["fc1"], name="extra")
        seen.append(monitor)
        return monitor

    run(model)
    model.projections["fc1_to_fc2"].w = 0 * mV
    model["fc2"].I_bias = 0
    model.extend(extension)
    result = model.run(X, 40 * ms, device="cpp_standalone")
    assert result.counts["fc1"].sum() > 0 == result.counts["fc2"].sum()
    assert len(seen) == 2


def test_recordings(model):
    result = run(model, record={"fc1": {"v": [3, 1]}, "fc2": ["spikes"]}, batch_size=3)
    traces = result.traces["fc1"]
    assert traces.values.shape == (4, 40, 2) and traces.neurons.tolist() == [3, 1]
    assert set(result.spikes) == {"fc2", "fc3"}
    everything = run(model, record="v", batch_size=4)
    np.testing.assert_array_equal(everything.traces["fc1"].values[..., [3, 1]], traces.values)
    for layer, spikes in result.spikes.items():
        counted = np.zeros_like(result.counts[layer])
        np.add.at(counted, (spikes.sample, spikes.neuron), 1)
        np.testing.assert_array_equal(counted, result.counts[layer])
        assert counted.sum() > 0
    last = everything.traces["fc3"].values[:, -1]
    np.testing.assert_allclose(result.potentials, (last + 0.065) / 0.015, atol=1e-9)


def test_provenance_says_what_was_done(model):
    about = run(model, batch_size=2).provenance
    assert about["device"] == "numpy" and about["device_reason"] == "asked for"
    assert about["seed"] == 2 and about["batch_size"] == 2
    assert about["method"] == "Percentile(percentile=99.9)"
    assert about["bioconv"] == bioconv.__version__
    auto = model.run(X, 40 * ms).provenance
    assert (
        auto["device"] == "numpy" and "less than compiling would pay for" in auto["device_reason"]
    )


def test_events_are_counted_by_fan_out():
    network = NETWORKS["average"]
    made = bioconv.to_brian(network, method="unscaled")
    fan_out = made.fan_out()
    assert fan_out["conv1"].shape == (4, 6, 4)
    assert (fan_out["conv1"] == 5).all() and (fan_out["fc1"] == 0).all()


def test_an_interruption_keeps_what_was_finished(model, monkeypatch):
    from bioconv.run import presentation

    monkeypatch.setattr(presentation, "STEPS", 1)
    expected = run(model, batch_size=1)
    calls = []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    original = presentation.run_here
    monkeypatch.setattr(presentation, "run_here", stop)
    with pytest.raises(RunInterrupted, match="interrupted after 2 of 4 samples") as caught:
        run(model, batch_size=1)
    np.testing.assert_array_equal(caught.value.result.counts["fc1"], expected.counts["fc1"][:2])
    again = run(model, batch_size=1)
    np.testing.assert_array_equal(again.counts["fc1"], expected.counts["fc1"])


BAD_RUNS = {
    "size": (dict(x=np.zeros((2, 12))), StimulusError,
             r"images have shape \(2, 12\); the network takes \(n_samples, 11\)"),
    "no_sample_axis": (dict(x=np.zeros(11)), StimulusError, r"For one sample .*images\[None\]"),
    "range": (dict(x=X * 255), StimulusError,
              r"images reach from .* to .*; the network was converted for \[0, 1\]. Divide them"),
    "negative": (dict(x=X - 0.5), StimulusError, r"converted for \[0, 1\]"),
    "nan": (dict(x=X * np.nan), StimulusError, "NaN or infinite values, the first in sample 0"),
    "no_time": (dict(duration=0 * ms), ParameterError, "duration is 0. s; give a positive time"),
    "negative_time": (dict(duration=-5 * ms), ParameterError, "duration is -5. ms; give a positive"),
    "no_unit": (dict(duration=100), ParameterError, "duration is 100; give a positive time"),
    "short": (dict(duration=0.1 * ms), ParameterError, "less than one step of 1. ms"),
    "batch": (dict(batch_size=0), ParameterError, "batch_size is 0; give an integer of at least 1"),
    "first": (dict(first_sample=-1), ParameterError, "first_sample is -1"),
    "record": (dict(record={"fc9": "v"}), ParameterError, "no layer 'fc9'; the model has fc1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_RUNS)
def test_bad_input_to_a_run(model, case):
    options, error, message = BAD_RUNS[case]
    with pytest.raises(error, match=message) as caught:
        run(model, **options)
    assert isinstance(caught.value, BioconvError)


BAD_MODELS = {
    "dt": (dict(dt=0 * ms), "dt is 0. s; give a positive time such as 5"),
    "negative_dt": (dict(dt=-1 * ms), "dt is -1. ms; give a positive time"),
    "dt_without_unit": (dict(dt=1), "dt is 1; give a positive time"),
    "units": (dict(units="cgs"), 'units is \'cgs\'; choose "biophysical" or "dimensionless"'),
    "propagation": (dict(propagation="fast"), "propagation is 'fast'; choose one of synchronous, delayed"),
    "encoder": (dict(encoder="morse"), "encoder is 'morse'; choose one of constant, poisson"),
    "neuron": (dict(neuron="hh"), "neuron is 'hh'; choose one of if, lif"),
    "synapse": (dict(synapse="nmda"), "synapse is 'nmda'; choose one of delta, exponential"),
    "reset": (dict(reset="soft"), "reset is 'soft'; choose \"subtract\""),
    "seed": (dict(seed=-1), "seed is -1; give an integer from 0"),
    "precision": (dict(precision="half"), "precision is 'half'"),
    "rate": (dict(encoder=bioconv.Poisson(rate=2000 * Hz)), "more than one spike a step of 1. ms"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MODELS)
def test_bad_options_of_a_model(case):
    options, message = BAD_MODELS[case]
    with pytest.raises(ParameterError, match=message):
        bioconv.to_brian(NETWORKS["dense"], method="unscaled", **options)


def test_spiking_input_cannot_be_negative():
    made = bioconv.to_brian(
        NETWORKS["dense"], encoder="poisson", input_range=(-1, 1), method="unscaled"
    )
    with pytest.raises(StimulusError, match='Poisson encoder cannot send.*encoder="constant"'):
        run(made, X - 0.5)


def test_a_spiking_network_is_taken_as_it_is():
    spiking = bioconv.convert(NETWORKS["dense"], method="unscaled")
    made = bioconv.to_brian(spiking)
    expected = bioconv.to_brian(NETWORKS["dense"], method="unscaled")
    np.testing.assert_array_equal(run(made).counts["fc3"], run(expected).counts["fc3"])


def test_layers_of_any_name_become_populations():
    """Names as state dictionaries have them; the result still knows whose activation it codes."""
    layers = {"features.0": dense(7, 6), "act/1": ReLU(), "2": dense(4, 7)}
    network = Network.sequential(layers, input_shape=(6,))
    x = images(network, 3)
    result = run(bioconv.to_brian(network, calibration=x), x)
    assert list(result.counts) == ["features_0", "layer_2"]
    assert dict(result.nodes) == {"features_0": "act/1", "layer_2": "2"}
    assert result.counts["features_0"].sum() > 0


@pytest.mark.parametrize(
    "options",
    [{"method": "percentile"}, {"neuron": "lif"}, {"reset": "zero"}, {"clamp": 3}],
    ids=str,
)
def test_a_network_that_spikes_takes_no_option_of_a_conversion(options):
    spiking = bioconv.to_brian("digits_mlp", method="unscaled").spiking
    with pytest.raises(ParameterError, match=f"{next(iter(options))}: the network spikes already"):
        bioconv.to_brian(spiking, **options)
