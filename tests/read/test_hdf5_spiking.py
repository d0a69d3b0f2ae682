"""Trained spiking networks in a file: the same network back, no code from a file."""

import h5py
import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv.errors import ReadError
from bioconv.graph import AvgPool2d, Conv2d, Dense, Flatten
from bioconv.neurons import Discrete, published
from bioconv.read.assembly import NeuNorm
from bioconv.read.hdf5_spiking import NEURONS, load_spiking_network

SHAPE = (2, 6, 5)
_RNG = np.random.default_rng(0)
#: A neuron of every name in NEURONS but those that assembly itself makes, two of them with a value for every neuron.
MADE = {
    "stbp": published.stbp(decay=0.3, V_th=_RNG.uniform(0.3, 0.6, (3, 4, 4))),
    "plif": published.plif(k=0.4, V_th=0.4),
    "plif, plain input": published.plif(k=0.4, decay_input=False),
    "plif, subtracting": published.plif(k=0.4, V_reset=None, V_th=0.5),
    "if": published.integrate_fire(V_th=0.7),
    "if, hard": published.integrate_fire(V_th=0.7, reset="zero"),
    "stdb": published.stdb(leak=0.9, V_th=0.5),
    "tssl": published.tssl(V_th=0.4),
    "spikegrad": published.spikegrad(V_th=1.0, first=_RNG.uniform(0, 0.4, (3, 4, 4))),
    "accumulator": published.accumulator(),
    "filtered accumulator": published.filtered_accumulator(tau_s=2.0),
}


def network(neuron, *, between=()):
    rng = np.random.default_rng(1)
    first = [Conv2d(weight=rng.normal(0.1, 0.3, (3, 2, 3, 2)), bias=rng.normal(0, 0.1, 3)), neuron]
    if not neuron.spiking:
        return bioconv.spiking_network(first, SHAPE)
    last = [
        AvgPool2d(kernel=(2, 1)),
        Flatten(),
        Dense(weight=rng.normal(0.2, 0.4, (4, 24))),
        published.plif(V_th=0.3),
    ]
    return bioconv.spiking_network([*first, *between, *last], SHAPE)


def test_every_neuron_that_a_file_may_name_is_tried():
    assert set(MADE) | {"or", "value"} == set(NEURONS)


@pytest.mark.parametrize("name", MADE)
def test_a_network_comes_back_and_spikes_the_same(name, tmp_path):
    before = network(MADE[name])
    bioconv.save_spiking_network(before, tmp_path / "net.h5")
    after = bioconv.read(tmp_path / "net.h5")
    images = np.random.default_rng(2).random((3, *SHAPE))
    results = [
        bioconv.to_brian(net).run(images, 12 * ms, device="numpy") for net in (before, after)
    ]
    layer = before.populations[0].name
    assert results[0].counts[layer].sum() > 20 or not MADE[name].spiking
    for key, counts in results[0].counts.items():
        np.testing.assert_array_equal(counts, results[1].counts[key])
    np.testing.assert_array_equal(results[0].potentials, results[1].potentials)
    assert str(bioconv.to_brian(before)) == str(bioconv.to_brian(after))


def test_running_means_come_back(tmp_path):
    before = network(MADE["if"], between=[NeuNorm(gain=np.full((3, 4, 4), 0.5))])
    bioconv.save_spiking_network(before, tmp_path / "net.h5")
    after = load_spiking_network(tmp_path / "net.h5")
    assert any(p.neuron.filtered for p in after.populations)
    assert [p.neuron.filtered for p in after.populations] == [
        p.neuron.filtered for p in before.populations
    ]
    assert [p.variable for p in after.projections] == [p.variable for p in before.projections]


def test_single_precision_rounds_weights_alone(tmp_path):
    before = network(MADE["plif"])
    bioconv.save_spiking_network(before, tmp_path / "net.h5", dtype="float32")
    after = load_spiking_network(tmp_path / "net.h5")
    for old, new in zip(before.projections, after.projections, strict=True):
        for one, other in zip(old.layers, new.layers, strict=True):
            if hasattr(one, "weight"):
                np.testing.assert_array_equal(other.weight, one.weight.astype(np.float32))
    assert after.populations[0].neuron.numbers["k"] == before.populations[0].neuron.numbers["k"]


def test_what_a_file_cannot_say_is_told(tmp_path):
    own = Discrete(label="mine", update="v = v + drive", spike="v > V_th", potentials={"V_th": 1.0})
    with pytest.raises(ReadError, match="cannot name its neuron"):
        bioconv.save_spiking_network(network(own), tmp_path / "net.h5")
    assert not (tmp_path / "net.h5").exists()
    bioconv.save_spiking_network(network(MADE["if"]), tmp_path / "net.h5")
    with pytest.raises(ReadError, match="exists"):
        bioconv.save_spiking_network(network(MADE["if"]), tmp_path / "net.h5")
    with pytest.raises(ReadError, match="dtype is 'int8'"):
        bioconv.save_spiking_network(network(MADE["if"]), tmp_path / "other.h5", dtype="int8")


#: What somebody may write into a file, and what is said to it.
CHANGES = {
    "a name with code": (("populations/0", "name", "a; b"), "no name of a part"),
    "an unknown neuron": (("populations/0", "neuron", "exec"), "unknown neuron 'exec'"),
    "a filter with code": (("populations/0", "filtered", '{"x*y": 0.5}'), "no name of a part"),
    "a variable with code": (("projections/1", "variable", "v += 1; w"), "which layer2 has not"),
    "another target": (("projections/1", "target", "nobody"), "does not fit"),
    "another shape": (("projections/1", "shape", (3, 4)), "does not fit"),
    "no output": (("", "output", "nobody"), "no output 'nobody'"),
    "another bias": (("populations/0", "shape", (3, 4, 5)), "a bias of"),
    "an unknown layer": (("projections/0/layers/0", "kind", "Evil"), "unknown kind 'Evil'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_changed_gets_one_error(name, tmp_path):
    (group, key, value), message = CHANGES[name]
    bioconv.save_spiking_network(network(MADE["if"]), tmp_path / "net.h5")
    with h5py.File(tmp_path / "net.h5", "a") as file:
        (file[group] if group else file).attrs[key] = value
    with pytest.raises(ReadError, match=message):
        bioconv.read(tmp_path / "net.h5")
