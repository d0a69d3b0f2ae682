"""Networks damaged on purpose, and sound ones: does the diagnosis name the layer and what happened to it?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms
from cases import NETWORKS, images

import bioconv
from bioconv.errors import ParameterError, ResultError
from bioconv.graph import BatchNorm, Network

STEPS, SAMPLES = 60, 12


def trained(name):
    """A network and images for it."""
    if name in NETWORKS:
        return NETWORKS[name], images(NETWORKS[name], SAMPLES)
    return bioconv.read(name), bioconv.datasets.load("digits", samples=SAMPLES).images


def diagnosed(spiking, network, x, steps=STEPS, samples=0, **options):
    model = bioconv.to_brian(spiking, **options)
    result = model.run(
        x, steps * ms, device="numpy", record=bioconv.trials.residuals(model), progress=False
    )
    return bioconv.diagnose(model, result, x, network, samples=samples)


def changed(network, name, change):
    """The network with another layer in the place of ``name``."""
    nodes = tuple(
        replace(node, layer=change(node.layer)) if node.name == name else node
        for node in network.nodes
    )
    return Network(nodes=nodes, input_shape=network.input_shape)


def without(network, name):
    """The network without a layer of one input."""
    before = network[name].inputs[0]
    nodes = tuple(
        replace(node, inputs=tuple(before if n == name else n for n in node.inputs))
        for node in network.nodes
        if node.name != name
    )
    return Network(nodes=nodes, input_shape=network.input_shape)


def scaled(factor, bias=True):
    def change(layer):
        shift = layer.bias * factor if bias and layer.bias is not None else layer.bias
        return replace(layer, weight=layer.weight * factor, bias=shift)

    return change


def unbiased(layer):
    assert layer.bias.any(), "nothing is lost with a bias that is nought"
    return replace(layer, bias=None)


def reordered(shape):
    """Columns of a dense layer for maps of ``shape`` flattened as row, column, channel."""
    order = np.arange(int(np.prod(shape))).reshape(shape).transpose(1, 2, 0).ravel()
    return lambda layer: replace(layer, weight=layer.weight[:, order])


def silenced(channel):
    def change(layer):
        weight, bias = layer.weight.copy(), layer.bias.copy()
        weight[channel], bias[channel] = 0, 0
        return replace(layer, weight=weight, bias=bias)

    return change


def silenced_norm(channel):
    def change(norm):
        gamma, beta = norm.gamma.copy(), norm.beta.copy()
        gamma[channel], beta[channel] = 0, -0.1
        return replace(norm, gamma=gamma, beta=beta)

    return change


def turned(layer):
    return replace(layer, weight=layer.weight[:, :, ::-1, ::-1])


#: (network, layer that is changed, change, kind, population), the change done before the conversion.
BEFORE = [
    ("digits_cnn", "conv1", scaled(10), "weights scaled", "conv1"),
    ("digits_cnn", "conv2", scaled(0.1), "weights scaled", "conv2"),
    ("digits_mlp", "fc1", scaled(10), "weights scaled", "fc1"),
    ("digits_mlp", "fc2", scaled(0.1, bias=False), "weights scaled", "fc2"),
    ("digits_mlp", "fc3", scaled(10, bias=False), "weights scaled", "fc3"),
    ("residual", "conv2", scaled(0.1), "weights scaled", "add"),
    ("branches", "mix", scaled(10), "weights scaled", "mix"),
    ("transposed", "convtranspose2d1", scaled(0.1), "weights scaled", "convtranspose2d1"),
    ("digits_mlp", "fc1", unbiased, "bias missing", "fc1"),
    ("digits_mlp", "fc2", unbiased, "bias missing", "fc2"),
    ("digits_mlp", "fc3", unbiased, "bias missing", "fc3"),
    ("digits_cnn", "fc1", unbiased, "bias missing", "fc1"),
    ("conv_on_conv", "conv2", unbiased, "bias missing", "conv2"),
    ("residual", "conv1", unbiased, "bias missing", "conv1"),
    ("digits_cnn", "fc1", reordered((16, 4, 4)), "input order", "fc1"),
    ("average", "fc1", reordered((4, 3, 2)), "input order", "fc1"),
    ("rgb", "fc1", reordered((4, 4, 3)), "input order", "fc1"),
    ("conv_on_conv", "fc1", reordered((3, 4, 2)), "input order", "fc1"),
    ("digits_cnn", "bn1", silenced_norm(2), "dead channels", "conv1"),
    ("digits_cnn", "bn2", silenced_norm(7), "dead channels", "conv2"),
    ("digits_mlp", "fc1", silenced(5), "dead channels", "fc1"),
    ("residual", "conv1", silenced(1), "dead channels", "conv1"),
    ("conv_on_conv", "conv2", turned, "kernel turned", "conv2"),
]  # fmt: skip

#: (network, normalisation that is left out, population)
UNFOLDED = [
    ("digits_cnn", "bn1", "conv1"),
    ("digits_cnn", "bn2", "conv2"),
    ("norm", "batchnorm1", "conv1"),
    ("norm_first", "batchnorm1", "fc1"),
    ("norm_of_maps_alone", "batchnorm1", "fc1"),
]

#: (network, projection whose weights are changed after the conversion, factor, population)
AFTER = [
    ("digits_cnn", "conv1_to_conv2", 10, "conv2"),
    ("digits_mlp", "fc1_to_fc2", 0.1, "fc2"),
    ("average", "conv1_to_fc1", 10, "fc1"),
]

#: (network, steps)
SHORT = [("digits_cnn", 3), ("digits_mlp", 2), ("conv_on_conv", 2), ("average", 2)]


def damaged():
    """(what was done, diagnosis, kind, population) for every damaged network."""
    for name, layer, change, kind, population in BEFORE:
        network, x = trained(name)
        broken = bioconv.convert(changed(network, layer, change), calibration=x)
        yield f"{name} {layer}", diagnosed(broken, network, x), kind, population
    for name, norm, population in UNFOLDED:
        network, x = trained(name)
        assert isinstance(network[norm].layer, BatchNorm)
        broken = bioconv.convert(without(network, norm), calibration=x)
        yield f"{name} {norm}", diagnosed(broken, network, x), "normalisation missing", population
    for name, projection, factor, population in AFTER:
        network, x = trained(name)
        sound = bioconv.convert(network, calibration=x)
        projections = tuple(
            replace(p, gain=p.gain * factor) if p.name == projection else p
            for p in sound.projections
        )
        broken = replace(sound, projections=projections)
        yield f"{name} {projection}", diagnosed(broken, network, x), "weights scaled", population
    for name, steps in SHORT:
        network, x = trained(name)
        sound = bioconv.convert(network, calibration=x)
        found = diagnosed(sound, network, x, steps=steps)
        yield f"{name} {steps} steps", found, "too few steps", sound.populations[0].name


def test_damaged_networks_are_found_out():
    """The layer and the kind of damage in nine of ten networks."""
    cases = list(damaged())
    wrong = [
        f"{what}: {found.verdict.kind} in {found.verdict.layer}, not {kind} in {population}"
        for what, found, kind, population in cases
        if (found.verdict.kind, found.verdict.layer) != (kind, population)
    ]
    assert len(cases) >= 30
    assert len(wrong) <= len(cases) // 10, "\n".join(wrong)


@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp", *NETWORKS])
def test_sound_networks_are_called_sound(name):
    network, x = trained(name)
    found = diagnosed(bioconv.convert(network, calibration=x), network, x, steps=200)
    assert found.verdict.sound, str(found)
    for layer in found.layers.values():
        assert layer.exact and layer.rms["lost"] < 1e-9 and layer.rms["mapping"] < 1e-9


#: what is wrong with a run: model options, steps, kind, option of the advice that helps
CAUSES = {
    "short": ({}, 4, "too few steps", "duration"),
    "reset": ({"reset": "zero"}, 100, "charge lost", "reset"),
    "leak": ({"neuron": bioconv.LIF(tau_m=6 * ms)}, 100, "charge lost", "neuron"),
    "refractory": ({"neuron": bioconv.IF(refractory=4 * ms)}, 100, "charge lost", "neuron"),
    "low_rates": ({"method": "model_based"}, 60, "low rates", "method"),
    "saturation": ({"method": bioconv.methods.Percentile(percentile=60)}, 100, "saturation", "method"),
    "noise": ({"encoder": bioconv.Poisson(rate=100 * Hz)}, 100, "noisy input", "encoder"),
}  # fmt: skip


@pytest.mark.parametrize("case", CAUSES)
def test_the_cause_is_named_and_a_trial_confirms_the_advice(case):
    options, steps, kind, option = CAUSES[case]
    network, x = trained("digits_mlp")
    calibration = bioconv.datasets.load("digits", "train", samples=200).images
    found = diagnosed(network, None, x, steps, samples=6, calibration=calibration, **options)
    assert found.verdict.kind == kind, str(found)
    trial = found.trials[-1]
    assert trial.advice.option == option and trial.confirmed, str(found)
    assert trial.n_samples == 6 and trial.error_after < trial.error_before
    assert "confirmed on 6 samples" in str(found) and found.verdict.layer in found.verdict.text


def test_a_trial_of_the_trained_network_confirms_a_fault_of_the_weights():
    network, x = trained("digits_cnn")
    broken = bioconv.convert(without(network, "bn1"), calibration=x)
    found = diagnosed(broken, network, x, samples=5)
    assert found.agreement < 1 and found.trials[0].confirmed
    assert found.trials[0].agreement_after == 1
    assert "bn1: the batch normalisation was not folded in" in str(found)


def test_what_was_edited_in_brian_is_noticed():
    """Weights that were changed after building: the spiking network does not know of them."""
    network, x = trained("dense")
    model = bioconv.to_brian(network, calibration=x).build(batch_size=SAMPLES, duration=STEPS * ms)
    model.projections["fc1_to_fc2"].w *= 3
    result = model.run(x, STEPS * ms, device="numpy", record=bioconv.trials.residuals(model))
    found = bioconv.diagnose(model, result, x, samples=0)
    assert (found.verdict.kind, found.verdict.layer) == ("charge lost", "fc2")
    assert "edited" in found.verdict.text and found.layers["fc2"].exact


def test_the_table_shows_the_numbers():
    network, x = trained("digits_mlp")
    found = diagnosed(network, None, x, 20, calibration=x)
    text = str(found)
    rates, parts = (block.splitlines() for block in text.split("\n\n")[1:3])
    assert [row.split()[0] for row in rates] == ["rates", *["fc1"] * 3, *["fc2"] * 3, *["fc3"] * 3]
    assert [row.split()[0] for row in parts] == ["errors", "fc1", "fc2", "fc3"]
    assert all(len({len(row) for row in table}) == 1 for table in (rates, parts)), "aligned"
    layer = found.layers["fc2"]
    assert f"{layer.errors.active.rmse:.4f}" in rates[5] and "active" in rates[5]
    assert f"{layer.errors.silent.mean_absolute:.4f}" in rates[6]
    assert f"{layer.rms['own']:.4f}" in parts[2]
    assert "E_spiking" in text and "Percentile(percentile=99.9)" in text
    assert layer.shares["own"] + layer.shares["inherited"] == pytest.approx(1)


def test_a_readout_of_potentials_and_replaced_layers():
    network = bioconv.graph.Network.sequential(
        [*(node.layer for node in NETWORKS["dense"].nodes), bioconv.graph.Softmax()],
        input_shape=NETWORKS["dense"].input_shape,
    )
    x = images(network, SAMPLES)
    options = {"calibration": x, "readout": "potential"}
    found = diagnosed(network, None, x, 200, **options)
    assert found.verdict.sound and found.layers["fc3"].errors is None, str(found)
    short = diagnosed(network, None, x, 3, samples=4, **options)
    assert not short.verdict.sound and short.trials[-1].confirmed


def test_replaced_pooling_is_named():
    network = bioconv.graph.Network.sequential(
        [*(n.layer for n in NETWORKS["kernel_2x2"].nodes[:2]), bioconv.graph.MaxPool2d(kernel=2),
         bioconv.graph.Flatten(), bioconv.graph.Dense(weight=np.linspace(-0.5, 1, 96).reshape(4, 24))],
        input_shape=(2, 7, 5),
    )  # fmt: skip
    x = images(network, SAMPLES)
    average = {"calibration": x, "substitute": {"MaxPool2d": "AvgPool2d"}}
    found = diagnosed(network, None, x, 150, **average)
    assert (found.verdict.kind, found.verdict.layer) == ("pooling replaced", "fc1")
    assert "train with average pooling" in str(found)


def test_errors():
    network, x = trained("dense")
    model = bioconv.to_brian(network, calibration=x)
    result = model.run(x, 5 * ms, device="numpy")
    with pytest.raises(ResultError, match='run with record="residual"'):
        bioconv.diagnose(model, result, x)
    alone = bioconv.to_brian(replace(model.spiking, report=None))
    with pytest.raises(ParameterError, match="give the trained one"):
        bioconv.diagnose(alone, result, x)
    full = model.run(x, 5 * ms, device="numpy", record=bioconv.trials.residuals(model))
    with pytest.raises(ResultError, match="give the images of the run"):
        bioconv.diagnose(model, full, x[:4])


@pytest.mark.data
@pytest.mark.parametrize("name, data", [("mnist_fcn", "mnist"), ("mnist_cnn", "mnist")])
def test_the_identity_holds_in_the_trained_networks(name, data):
    network = bioconv.read(Path(__file__).parents[1] / "models" / name / "weights.h5")
    x = bioconv.datasets.load(data, samples=8).images
    found = diagnosed(bioconv.convert(network, calibration=x), network, x, steps=40)
    assert found.verdict.sound and found.agreement > 0.8
    for layer in found.layers.values():
        assert layer.exact and layer.rms["lost"] < 1e-9 and layer.rms["mapping"] < 1e-9


@pytest.mark.parametrize("method", ["channel_wise", "compensated", "rmp", "qcfs"])
def test_methods_that_are_meant_are_no_faults(method):
    """Scales by channel, a factor on all weights, a start at half a threshold."""
    network, x = trained("conv_on_conv")
    found = diagnosed(network, None, x, 200, calibration=x, method=method)
    assert found.verdict.sound, str(found)
    assert all(layer.exact and layer.rms["lost"] < 1e-9 for layer in found.layers.values())


def test_neurons_that_code_otherwise_are_refused_by_name():
    network, x = trained("dense")
    with pytest.raises(ParameterError, match=r"'fc1' \(FewSpike neurons\).*rate_errors compares"):
        diagnosed(network, None, x, 8, calibration=x, method="few_spike")
