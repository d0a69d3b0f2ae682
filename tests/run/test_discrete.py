"""Trained neurons, recurrence and input that changes from step to step: the spikes of plain array code."""

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv import Discrete, Events
from bioconv.errors import ParameterError, StimulusError
from bioconv.graph import Conv2d, Dense, Flatten
from bioconv.neurons import UNIT
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus

SHAPE, MAPS, HIDDEN, OUT, STEPS = (2, 5, 4), (3, 4, 2), 17, 6, 40


class Arrays:
    """The network of this module as plain arrays: convolution, recurrent layer, readout."""

    def __init__(self, seed=3):
        rng = np.random.default_rng(seed)
        self.kernel = rng.normal(size=(3, 2, 2, 3))
        self.dense = rng.normal(size=(HIDDEN, 24)) * 0.5
        self.again = rng.normal(size=(HIDDEN, HIDDEN)) * 0.3
        self.last = rng.normal(size=(OUT, HIDDEN)) * 0.4
        self.bias = rng.uniform(0, 0.2, HIDDEN)
        self.beta = rng.uniform(0.8, 0.99, MAPS)
        self.theta = rng.uniform(0.6, 1.4, HIDDEN)

    def run(self, frames):
        """Spikes (n_steps, n, *) of both layers and the readout's last potentials."""
        n = len(frames)
        v, u, w = np.zeros((n, *MAPS)), np.zeros((n, HIDDEN)), np.zeros((n, OUT))
        back = np.zeros((n, HIDDEN))
        maps, hidden = [], []
        for frame in frames.swapaxes(0, 1):
            v = self.beta * v + self.convolved(frame)
            s = v >= 1
            v = np.where(s, 0.25, v)
            drive = s.reshape(n, -1) @ self.dense.T + back @ self.again.T + self.bias
            u = u + (drive - (u - 0.1)) / 1.5
            o = u > self.theta
            u = u - self.theta * o
            back = o.astype(float)
            w = 0.9 * w + o @ self.last.T
            maps.append(s)
            hidden.append(o)
        return np.array(maps), np.array(hidden), w

    def convolved(self, x):
        rows = [
            np.einsum("niyx,oiyx->no", x[:, :, r : r + 2, c : c + 3], self.kernel)
            for r in range(4)
            for c in range(2)
        ]
        return np.stack(rows, axis=2).reshape(len(x), *MAPS)


def network(arrays):
    first = Discrete(
        label="leaky, reset to a value",
        equations="v : {potential}",
        update="v = beta*v + drive",
        spike="v >= V_th",
        reset="v = V_reset",
        begin="v = 0*v",
        potentials={"V_th": 1, "V_reset": 0.25},
        numbers={"beta": arrays.beta},
    )
    second = Discrete(
        label="leak towards a value, soft reset",
        equations="v : {potential}",
        update="v = v + (drive - (v - v_leak))/tau",
        spike="v > V_th",
        reset="v -= V_th",
        begin="v = 0*v",
        potentials={"V_th": arrays.theta, "v_leak": 0.1},
        numbers={"tau": 1.5},
    )
    readout = Discrete(
        label="leaky readout",
        equations="v : {potential}",
        update="v = beta*v + drive",
        spike="",
        reset="",
        begin="v = 0*v",
        numbers={"beta": 0.9},
    )
    populations = [
        Population(name="conv", shape=MAPS, node="conv", neuron=first, bias=np.zeros(MAPS)),
        Population(name="hidden", shape=(HIDDEN,), node="hidden", neuron=second, bias=arrays.bias),
        Population(name="out", shape=(OUT,), node="out", neuron=readout, bias=np.zeros(OUT)),
    ]
    paths = [
        ("input", "conv", (Conv2d(weight=arrays.kernel),), SHAPE),
        ("conv", "hidden", (Flatten(), Dense(weight=arrays.dense)), MAPS),
        ("hidden", "hidden", (Dense(weight=arrays.again),), (HIDDEN,)),
        ("hidden", "out", (Dense(weight=arrays.last),), (HIDDEN,)),
    ]
    return SpikingNetwork(
        stimulus=Stimulus.any(SHAPE),
        populations=tuple(populations),
        projections=tuple(
            Projection(name=f"{a}_to_{b}", source=a, target=b, layers=layers, shape=shape)
            for a, b, layers, shape in paths
        ),
        output="out",
    )


def trains(result, layer, n, shape):
    found = np.zeros((STEPS, n, int(np.prod(shape))), dtype=int)
    spikes = result.spikes[layer]
    np.add.at(found, (spikes.step, spikes.sample, spikes.neuron), 1)
    return found.reshape(STEPS, n, *shape)


def sequences(encoder, n=5):
    rng = np.random.default_rng(8)
    if encoder == "events":
        return (rng.uniform(size=(n, STEPS, *SHAPE)) < 0.3).astype(float)
    if encoder == "frames":
        return rng.normal(0.2, 0.5, size=(n, STEPS, *SHAPE))
    return np.repeat(rng.normal(0.2, 0.5, size=(n, 1, *SHAPE)), STEPS, axis=1)


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
@pytest.mark.parametrize("run", COMPILED)
@pytest.mark.parametrize("encoder", ["frames", "events"])
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
