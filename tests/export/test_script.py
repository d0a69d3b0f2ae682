"""Plain Brian2 scripts: the spikes of the model they were written from, without bioconv."""

import runpy
import subprocess
import sys
from dataclasses import replace

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV
from cases import NETWORKS, chain, conv, images
from trained import MAPS, Arrays, network, sequences

import bioconv
from bioconv.errors import ParameterError
from bioconv.export.values import quantity
from bioconv.graph import Dense, Flatten, MaxPool2d, ReLU
from bioconv.neurons import LIF, Alpha, Exponential
from bioconv.spiking import Stimulus

STEPS = 30


def shown(path, samples):
    """What a script makes of samples, here in this process."""
    before = brian2.prefs.codegen.target, brian2.prefs.core.default_float_dtype
    try:
        return runpy.run_path(str(path))["run"](samples)
    finally:
        brian2.prefs.codegen.target, brian2.prefs.core.default_float_dtype = before


def same(model, samples, path, steps=STEPS, exact=True):
    """Every spike of every layer, and the last potentials."""
    model.to_script(path, steps * ms)
    spikes, counts, potentials = shown(path, samples)
    result = model.run(samples, steps * ms, record="spikes", device="numpy", batch_size=2)
    assert sum(len(train) for train in result.spikes.values()) > 150, "silence agrees with anything"
    assert set(spikes) == set(result.spikes)
    for layer, train in result.spikes.items():
        for part, found in zip(("sample", "neuron", "step"), spikes[layer], strict=True):
            np.testing.assert_array_equal(found, getattr(train, part), err_msg=layer)
        np.testing.assert_array_equal(counts[layer], result.counts[layer])
    # the sums over the image may be rounded otherwise, once for a presentation
    np.testing.assert_allclose(potentials, result.potentials, rtol=0, atol=1e-9 if exact else 1e-4)


LEAKY = {"neuron": LIF(tau_m=50 * ms, refractory=2 * ms), "synapse": Exponential(tau=3 * ms)}
CONVERTED = {
    "constant": ("residual", {}),
    "joined maps": ("branches", {"units": "dimensionless"}),
    "explicit": ("rectangular_kernel", {"projections": "explicit"}),
    "groups": ("groups", {}),
    "average": ("average_3_stride_2", {}),
    "poisson, delayed, leaky": (
        "residual",
        {"encoder": "poisson", "propagation": "delayed", "reset": "zero", **LEAKY},
    ),
    "alpha": ("dense", {"synapse": Alpha(tau=2 * ms), "encoder": bioconv.Poisson(rate=400 * Hz)}),
    "regular": ("dense", {"encoder": "regular"}),
    "times of first spikes": ("dense", {"encoder": "ttfs", "propagation": "delayed"}),
    "first potential by chance": ("dense", {"initial": "random"}),
    "correcting": ("residual", {"neuron": "correcting"}),
    "few spikes": ("dense", {"method": "few_spike"}),
    "channels, signed": (
        "leaky",
        {"method": "channel_wise", "substitute": {"LeakyReLU": "signed"}},
    ),
}


@pytest.mark.parametrize("case", CONVERTED)
def test_converted_networks(case, tmp_path):
    name, options = CONVERTED[case]
    network = NETWORKS[name]
    model = bioconv.to_brian(network, calibration=images(network, 20), seed=5, **options)
    same(model, images(network, 3), tmp_path / "network.py")


@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
def test_late_spikes_of_a_sample_stay_its_own(propagation, tmp_path):
    network = NETWORKS["dense"]
    model = bioconv.to_brian(
        network, calibration=images(network, 20), encoder="regular", propagation=propagation
    )
    late = bioconv.Model(bioconv.realism.delayed(model.spiking, 9, 3), model.settings)
    same(late, images(network, 3), tmp_path / "network.py")


def test_single_precision(tmp_path):
    model = bioconv.to_brian(
        NETWORKS["dense"], calibration=images(NETWORKS["dense"], 20), precision="single"
    )
    same(model, images(NETWORKS["dense"], 3), tmp_path / "network.py", exact=False)


@pytest.mark.parametrize("encoder", ["constant", "frames", "events"])
def test_trained_recurrent_networks(encoder, tmp_path):
    model = bioconv.to_brian(network(Arrays()), encoder=encoder)
    samples = sequences(encoder, 3)
    same(model, samples[:, 0] if encoder == "constant" else samples, tmp_path / "network.py", 40)


def test_edited_weights_and_thresholds_and_awkward_names(tmp_path):
    """``input`` aside, a population may be called like anything that the script uses."""
    spiking = network(Arrays())
    names = {"conv": "steps", "hidden": "file", "out": "exp", "input": "input"}
    model = bioconv.to_brian(
        replace(
            spiking,
            populations=tuple(replace(p, name=names[p.name]) for p in spiking.populations),
            projections=tuple(
                replace(p, source=names[p.source], target=names[p.target])
                for p in spiking.projections
            ),
            output="exp",
        )
    )
    model.projections["hidden_to_out"].w *= 1.5
    model["file"].I_bias[3] = 3 * mV
    same(model, sequences("constant", 3)[:, 0], tmp_path / "network.py", 40)


HIDDEN = """
import runpy, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("bioconv", "scipy", "matplotlib", "tqdm"):
            raise ImportError(name)
sys.meta_path.insert(0, Hidden())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(path, *arguments):
    """Run a script where bioconv cannot be imported."""
    command = [sys.executable, "-I", "-c", HIDDEN, str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_runs_without_bioconv(tmp_path):
    digits = bioconv.datasets.load("digits", samples=4)
    train = bioconv.datasets.load("digits", "train", samples=100).images
    model = bioconv.to_brian("digits_cnn", calibration=train)
    path = tmp_path / "network.py"
    model.to_script(path, 50 * ms)
    np.save(tmp_path / "images.npy", digits.images)
    done = alone(path, tmp_path / "images.npy", tmp_path / "spikes.npz")
    assert done.returncode == 0, done.stderr
    result = model.run(digits.images, 50 * ms, record="spikes", device="numpy")
    found = np.load(tmp_path / "spikes.npz")
    for layer, train in result.spikes.items():
        assert len(train) > 100
        for part in ("sample", "neuron", "step"):
            np.testing.assert_array_equal(found[f"{layer}/{part}"], getattr(train, part))
    assert str(result.predictions) in done.stdout
    assert "bioconv" not in path.read_text().split('"""', 2)[2]


def test_values_are_written_to_the_last_bit(rng):
    """With the unit and prefix that makes them short."""
    assert quantity(-65 * mV) == "-65*mV"
    assert quantity(1 * ms) == "1*ms"
    assert quantity(0.25) == "0.25" and quantity(3) == "3"
    assert quantity(5 * mV / ms) == "5.0*metre**2*kilogram**1*second**-4*amp**-1"
    for number in rng.normal(size=200):
        for unit in (mV, ms, brian2.nA, brian2.pF, Hz, brian2.volt / brian2.second):
            value = number * unit
            again = eval(quantity(value), vars(brian2))
            assert again.dim is value.dim and float(again) == float(value)


def test_what_a_plain_script_cannot_say_is_refused(tmp_path):
    path = tmp_path / "network.py"
    dense = NETWORKS["dense"]
    x = images(dense, 20)

    def refused(model, words):
        with pytest.raises(ParameterError, match=words):
            model.to_script(path)
        assert not list(tmp_path.iterdir())

    refused(bioconv.to_brian(dense, calibration=x, encoder="rank_order"), "RankOrder")
    pooled = chain(
        (2, 6, 5),
        conv(4, 2, 3, 2),
        ReLU(),
        MaxPool2d(kernel=2),
        Flatten(),
        Dense(weight=np.ones((4, 16))),
    )
    refused(bioconv.to_brian(pooled, calibration=images(pooled, 20)), "max-pooling")
    refused(bioconv.to_brian(dense, calibration=x, readout="softmax"), "softmax")
    extended = bioconv.to_brian(dense, calibration=x)
    extended.extend(lambda model: [])
    refused(extended, "extended")
    model = bioconv.to_brian(dense, calibration=x)
    with pytest.raises(ParameterError, match="name of a module"):
        model.to_script(tmp_path / "my-network.py")
    model.to_script(path)
    with pytest.raises(ParameterError, match="exists"):
        model.to_script(path)
    model.to_script(path, overwrite=True)
    with pytest.raises(ParameterError, match="cannot write"):
        model.to_script(tmp_path / "nowhere" / "network.py")


def test_a_stimulus_in_a_range_of_its_own(tmp_path):
    """Values are divided by the scale of the stimulus before they are weighed."""
    spiking = replace(network(Arrays()), stimulus=Stimulus(shape=(2, 5, 4), low=-4.0, high=4.0))
    model = bioconv.to_brian(spiking)
    assert MAPS == (3, 4, 2)
    same(model, 2 * sequences("constant", 3)[:, 0], tmp_path / "network.py", 40)
