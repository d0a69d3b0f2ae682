"""The identity of layers, and the error taken apart, against a neuron that is simulated by hand."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from cases import NETWORKS, images

import bioconv
from bioconv.analysis import error_parts, input_current
from bioconv.errors import ParameterError, ResultError
from bioconv.graph import Dense, Network, ReLU, activations

STEPS = 40
OPTIONS = {
    "constant": {},
    "poisson": {"encoder": bioconv.Poisson(rate=500 * Hz), "propagation": "delayed"},
    "population": {"pooling": "population"},
    "started": {"initial": 0.5, "method": "channel_wise", "substitute": {"LeakyReLU": "signed"}},
}


def run(model, x, steps=STEPS):
    record = bioconv.trials.residuals(model)
    return model.run(x, steps * ms, device="numpy", record=record, progress=False)


#: All networks are diagnosed with constant input in tests/test_diagnosis.py.
NAMES = ("average", "leaky", "residual", "branches", "norm_first", "shortcut_of_input")


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_keeps_its_charge(name, options):
    """``r = W r_before + b - V/T``, and own and inherited are the whole error, to 1e-9."""
    network = NETWORKS[name]
    x = images(network)
    model = bioconv.to_brian(network, calibration=x, **OPTIONS[options])
    result = run(model, x)
    values = activations(network, x)
    assert sum(counts.sum() for counts in result.counts.values()) > 0
    for population in model.spiking.populations:
        parts = error_parts(model.spiking, network, result, values, population.name)
        assert parts.exact and np.abs(parts.lost).max() < 1e-9
        assert np.abs(parts.own + parts.inherited - parts.error).max() < 1e-9
        assert sum(parts.shares().values()) == pytest.approx(1)


CHAIN = Network.sequential(
    [Dense(weight=[[0.37], [-0.2]], bias=[0.0, 0.05]), ReLU(), Dense(weight=[[0.8, 0.5]])],
    input_shape=(1,),
)


def by_hand(steps):
    """Counts and residuals of the two layers of CHAIN for the input 1, step by step."""
    v1, v2, n1, n2 = np.zeros(2), 0.0, np.zeros(2, int), 0
    for _ in range(steps):
        v1 = v1 + np.array([0.37, -0.15])
        fired = v1 >= 1 - 1e-9
        v1, n1 = v1 - fired, n1 + fired
        v2 += 0.8 * fired[0] + 0.5 * fired[1]
        if v2 >= 1 - 1e-9:
            v2, n2 = v2 - 1, n2 + 1
    return n1, v1, n2, v2


def test_the_parts_of_a_chain_by_hand():
    model = bioconv.to_brian(CHAIN, method="unscaled")
    x = np.ones((1, 1))
    result, values = run(model, x, 25), activations(CHAIN, x)
    n1, v1, n2, v2 = by_hand(25)
    np.testing.assert_array_equal(result.counts["fc1"], [n1])
    first = error_parts(model.spiking, CHAIN, result, values, "fc1")
    np.testing.assert_allclose(first.own[0], [-v1[0] / 25, -0.15 - v1[1] / 25], atol=1e-12)
    assert first.own[0, 1] == pytest.approx(0), "what a rectifier should leave is no error"
    np.testing.assert_allclose(first.inherited, 0, atol=1e-12)
    second = error_parts(model.spiking, CHAIN, result, values, "fc2")
    assert result.counts["fc2"].item() == n2
    assert second.inherited.item() == pytest.approx(0.8 * (n1[0] / 25 - 0.37))
    assert second.own.item() == pytest.approx(-v2 / 25)
    assert second.error.item() == pytest.approx(n2 / 25 - 0.8 * 0.37)


def test_other_weights_are_a_part_of_their_own():
    spiking = bioconv.convert(CHAIN, method="unscaled")
    wrong = tuple(
        replace(p, gain=1.2) if p.name == "fc1_to_fc2" else p for p in spiking.projections
    )
    model = bioconv.to_brian(replace(spiking, projections=wrong))
    x = np.ones((1, 1))
    result, values = run(model, x, 200), activations(CHAIN, x)
    parts = error_parts(model.spiking, CHAIN, result, values, "fc2")
    assert parts.mapping.item() == pytest.approx(0.2 * 0.8 * 0.37)
    assert np.abs(sum(parts.named().values()) - parts.error).max() < 1e-12
    assert parts.shares()["mapping"] > 0.9


def test_a_readout_without_spikes_only_inherits():
    network = NETWORKS["dense"]
    x = images(network)
    spiking = bioconv.convert(network, calibration=x)
    silent = replace(spiking.populations[-1], spiking=False)
    model = bioconv.to_brian(replace(spiking, populations=(*spiking.populations[:-1], silent)))
    result = run(model, x)
    parts = error_parts(model.spiking, network, result, activations(network, x), silent.name)
    assert (parts.own == 0).all() and np.abs(parts.inherited).max() > 1e-3
    assert np.abs(parts.inherited - parts.error).max() < 1e-9
    assert parts.activations.min() < 0, "potentials say what rates cannot"


LOSING = {
    "reset": ({"reset": "zero"}, "the reset to zero throws the overshoot away"),
    "leak": ({"neuron": "lif", "reset": "subtract"}, "the leak loses charge"),
    "clamp": ({"clamp": 2}, "the first 2 steps are ignored"),
    "floor": ({"neuron": bioconv.IF(V_min=-66 * mV)}, "the floor lifts low potentials"),
    "refractory": (
        {"neuron": bioconv.IF(refractory=3 * ms)},
        "the refractory period loses input",
    ),
    "filter": ({"synapse": "exponential"}, "the synapse's filter still holds charge"),
}


@pytest.mark.parametrize("case", LOSING)
def test_what_loses_charge_is_named_and_measured(case):
    options, why = LOSING[case]
    network = NETWORKS["dense"]
    x = images(network)
    model = bioconv.to_brian(network, calibration=x, **options)
    result, values = run(model, x), activations(network, x)
    found = [error_parts(model.spiking, network, result, values, n) for n in result.counts]
    assert found[0].why == why and not any(parts.exact for parts in found)
    assert max(np.abs(parts.lost).max() for parts in found) > 1e-3
    for parts in found:
        assert np.abs(sum(parts.named().values()) - parts.error).max() < 1e-12


def test_errors():
    network = NETWORKS["dense"]
    x = images(network)
    model = bioconv.to_brian(network, calibration=x)
    values = activations(network, x)
    bare = model.run(x, 5 * ms, device="numpy")
    with pytest.raises(ResultError, match='"fc1" were|\'fc1\' were not recorded.*"residual"'):
        error_parts(model.spiking, network, bare, values, "fc1")
    result = run(model, x, 5)
    with pytest.raises(ResultError, match=r"shape \(5, 9\).*give the images of the run"):
        fewer = {name: array[:3] for name, array in values.items()}
        error_parts(model.spiking, network, result, fewer, "fc1")
    with pytest.raises(ResultError, match="codes the layer 'relu1' of the trained network"):
        error_parts(model.spiking, network, result, {"x": x}, "fc1")


def test_random_first_potentials_are_refused_by_name():
    network = NETWORKS["dense"]
    x = images(network)
    model = bioconv.to_brian(network, calibration=x, initial="random")
    with pytest.raises(ParameterError, match="'fc1' begins at random potentials.*initial=0.5"):
        error_parts(model.spiking, network, run(model, x, 5), activations(network, x), "fc1")


@pytest.mark.parametrize("encoder", ["constant", "regular"])
def test_the_input_of_a_neuron_is_what_moves_it(encoder):
    """Potential before = after the last step + input, to rounding, in every step of every layer."""
    network = NETWORKS["conv_on_conv"]
    x = images(network, 2)
    model = bioconv.to_brian(network, calibration=x, encoder=encoder, units="dimensionless")
    record = {name: {"spikes": True, "v": [0, 2, 3]} for name in model.layers}
    record["input"] = "spikes"
    if encoder == "constant":
        del record["input"]
    result = model.run(x, 25 * ms, device="numpy", record=record)
    for layer in (population.name for population in model.spiking.populations):
        spikes, traces = result.spikes[layer].of(1), result.traces[layer]
        assert len(spikes) > 0
        for column, neuron in enumerate(traces.neurons):
            fired = np.isin(np.arange(25), spikes.step[spikes.neuron == neuron])
            after = traces.values[1, :, column]
            before = np.concatenate([[0], after[:-1]])
            given = input_current(model.spiking, result, x, layer, int(neuron), sample=1)
            np.testing.assert_allclose(before + given - fired, after, atol=1e-9)
    with pytest.raises(ResultError, match="1 images for 2 samples"):
        input_current(model.spiking, result, x[:1], "fc1", 0)
    bare = model.run(x, 5 * ms, device="numpy")
    with pytest.raises(ResultError, match="spikes of 'conv2' were not recorded"):
        input_current(model.spiking, bare, x, "fc1", 0)
