"""Trained neurons, recurrence and input that changes from step to step: the spikes of plain array code."""

import numpy as np
import pytest
from brian2 import ms
from trained import HIDDEN, MAPS, SHAPE, STEPS, Arrays, network, sequences

import bioconv
from bioconv import Discrete, Events
from bioconv.errors import ParameterError, StimulusError
from bioconv.neurons import UNIT
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus


def trains(result, layer, n, shape):
    found = np.zeros((STEPS, n, int(np.prod(shape))), dtype=int)
    spikes = result.spikes[layer]
    np.add.at(found, (spikes.step, spikes.sample, spikes.neuron), 1)
    return found.reshape(STEPS, n, *shape)


OPTIONS = {
    "numpy": {},
    "explicit": {"projections": "explicit"},
    "dimensionless": {"units": "dimensionless"},
}
COMPILED = {
    "cython": {"device": "cython"},
    "standalone": {"device": "cpp_standalone"},
    "two at once": {"device": "cpp_standalone", "processes": 2, "batch_size": 2},
}


def agrees(encoder, options, run):
    arrays, shown = Arrays(), sequences(encoder)
    model = bioconv.to_brian(network(arrays), encoder=encoder, **options)
    given = shown[:, 0] if encoder == "constant" else shown
    result = model.run(given, STEPS * ms, record="spikes", **{"batch_size": 3, **run})
    maps, hidden, readout = arrays.run(shown)
    assert 0.02 < maps.mean() < 0.8 and 0.02 < hidden.mean() < 0.8
    np.testing.assert_array_equal(trains(result, "conv", 5, MAPS), maps)
    np.testing.assert_array_equal(trains(result, "hidden", 5, (HIDDEN,)), hidden)
    np.testing.assert_allclose(result.potentials, readout, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("encoder", ["constant", "frames", "events"])
def test_spikes_are_those_of_the_arrays(encoder, options):
    agrees(encoder, OPTIONS[options], {"device": "numpy"})


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("encoder", "run"),
    [
        ("frames", "standalone"),
        ("events", "standalone"),
        pytest.param("frames", "cython", marks=pytest.mark.full),
        pytest.param("events", "cython", marks=pytest.mark.full),
        pytest.param("events", "two at once", marks=pytest.mark.full),
    ],
)
def test_compiled_spikes_are_those_of_the_arrays(encoder, run):
    agrees(encoder, {}, COMPILED[run])


def test_presentations_that_follow_each_other_forget(rng):
    """One sample at a time, and the same sample twice."""
    shown = np.repeat(sequences("events")[:1], 3, axis=0)
    model = bioconv.to_brian(network(Arrays()), encoder="events")
    result = model.run(shown, record="spikes", batch_size=1, device="numpy")
    found = trains(result, "hidden", 3, (HIDDEN,))
    assert found[:, 0].sum() > 10
    np.testing.assert_array_equal(found[:, 1], found[:, 0])
    np.testing.assert_array_equal(found[:, 2], found[:, 0])


def test_a_delay_on_top_of_the_recurrent_step():
    """A ring of one neuron: a spike comes back after delay + 1 steps."""
    neuron = Discrete(
        label="relay", equations="v : {potential}", update="v = drive", spike="v > V_th", reset="",
        begin="v = 0*v", potentials={"V_th": 0.5},
    )  # fmt: skip
    for delay in (0, 2):
        ring = SpikingNetwork(
            stimulus=Stimulus.any((1,)),
            populations=(
                Population(name="a", shape=(1,), node="a", neuron=neuron, bias=np.zeros(1)),
            ),
            projections=(
                Projection(name="in", source="input", target="a", layers=(), shape=(1,)),
                Projection(name="back", source="a", target="a", layers=(), shape=(1,), delay=delay),
            ),
            output="a",
        )
        kick = np.zeros((1, 12, 1))
        kick[0, 1] = 1
        result = bioconv.to_brian(ring, encoder="events").run(kick, device="numpy")
        assert result.spikes["a"].step.tolist() == list(range(1, 12, delay + 1))


def test_parameters_of_neurons_may_be_edited():
    shown = sequences("frames")
    model = bioconv.to_brian(network(Arrays()), encoder="frames")
    before = model.run(shown, device="numpy").counts["hidden"].sum()
    model["hidden"].V_th = 1e6 * UNIT
    after = model.run(shown, device="numpy").counts["hidden"].sum()
    assert before > 0 and after == 0


def test_durations_are_those_of_the_input_unless_given():
    model = bioconv.to_brian(network(Arrays()), encoder="events")
    shown = sequences("events")
    shown[:, -5:] = 0
    assert model.run(shown, device="numpy").n_steps == STEPS
    assert model.run(shown, 10 * ms, device="numpy").n_steps == 10
    longer = bioconv.to_brian(network(Arrays()), encoder="frames").run(
        sequences("frames"), (STEPS + 7) * ms, device="numpy"
    )
    assert longer.n_steps == STEPS + 7


def test_refusals(rng):
    model = bioconv.to_brian(network(Arrays()), encoder="events")
    with pytest.raises(
        StimulusError, match=r"of \(2, 4, 5\) neurons; the network takes \(2, 5, 4\)"
    ):
        model.run(np.zeros((1, 3, 2, 4, 5)))
    with pytest.raises(StimulusError, match="zeros and ones"):
        model.run(rng.normal(size=(1, 3, *SHAPE)))
    events = Events.from_frames(sequences("events"), 1e-3)
    frames = bioconv.to_brian(network(Arrays()), encoder="frames")
    with pytest.raises(StimulusError, match='need encoder="events"'):
        frames.run(events)
    with pytest.raises(StimulusError, match=r"n_samples, n_steps, 2, 5, 4"):
        frames.run(np.zeros((3, *SHAPE)))
    with pytest.raises(ParameterError, match="as it was trained"):
        bioconv.to_brian(network(Arrays()), propagation="delayed")
    with pytest.raises(ParameterError, match="has its own length"):
        frames.run(sequences("frames"), stop="margin:3")
    with pytest.raises(ParameterError, match="V_th must be finite"):
        Discrete(label="x", equations="", update="", spike="", reset="", begin="",
                 potentials={"V_th": np.nan})  # fmt: skip
    wrong = Arrays()
    wrong.theta = np.arange(1.0, HIDDEN)
    with pytest.raises(ParameterError, match=r"V_th has shape \(16,\); the population has \(17,\)"):
        bioconv.to_brian(network(wrong)).build()
