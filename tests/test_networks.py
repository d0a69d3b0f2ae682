"""Every kind of layer through the whole way: read, convert, build, run, against the numpy reference."""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv import analysis, convert, methods
from bioconv.convert import METHODS, RMP, SpikeNorm
from bioconv.convert import convert as converted
from bioconv.convert.rescale import spread
from bioconv.graph import (
    LAYERS,
    ClippedReLU,
    MaxPool2d,
    QuantizedReLU,
    SoftLIF,
    Softmax,
    Step,
)
from bioconv.projections import path_matrix


@pytest.fixture(params=NETWORKS, ids=str)
def network(request):
    return NETWORKS[request.param]


def test_the_cases_hold_every_layer_that_can_spike():
    used = {type(node.layer) for network in NETWORKS.values() for node in network.nodes}
    assert set(LAYERS) - used == {MaxPool2d, Softmax, ClippedReLU, QuantizedReLU, SoftLIF, Step}


@pytest.mark.parametrize(
    "method", ["percentile", methods.ChannelWise(percentile=100), "qcfs"], ids=str
)
def test_rates_code_the_activations(network, method):
    """Correlation of at least 0.999 after 400 steps, in every layer.

    Every spike train is off by less than one spike plus the weighted errors below, so 400 steps leave a few
    thousandths. Scales by channel see the images themselves: with a few neurons a layer a channel is a
    single neuron, and the largest of forty values says little of the next.
    """
    x = images(network, 4)
    values = bioconv.activations(network, x)
    calibration = images(network, 40, seed=3)
    if isinstance(method, methods.ChannelWise):
        calibration = np.concatenate([x, calibration])
    model = bioconv.to_brian(network, calibration=calibration, method=method)
    result = model.run(x, 400 * ms, device="numpy", progress=False)
    assert all(counts.sum() > 0 for counts in result.counts.values()), "a silent layer agrees"
    for error in analysis.rate_errors(result, values).values():
        assert error.pearson >= 0.999, error


@pytest.mark.parametrize(
    "name",
    [
        "dense",
        "residual",
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in ("leaky", "branches", "shortcut_of_input", "sum")
        ),
    ],
)
def test_thresholds_from_spikes_code_the_activations(name):
    """Spike-Norm with soft reset is RMP with ``alpha = 1``; after 400 steps as for other scales."""
    network = NETWORKS[name]
    x = images(network, 4)
    options = {"calibration": images(network, 10, seed=3)}
    model = bioconv.to_brian(network, method=RMP(alpha=1.0, n_steps=60), **options)
    norm = convert(network, method=SpikeNorm(n_steps=60), reset="subtract", **options)
    assert model.report.scales == norm.report.scales
    assert {p.reset for p in norm.populations} == {"subtract"}
    result = model.run(x, 400 * ms, device="numpy", progress=False)
    assert all(counts.sum() > 0 for counts in result.counts.values()), "a silent layer agrees"
    for error in analysis.rate_errors(result, bioconv.activations(network, x)).values():
        assert error.pearson >= 0.999, error


@pytest.mark.parametrize(
    "name",
    ["dense", "conv_on_conv", "leaky", "average", "residual", "branches", "shortcut_of_input"],
)
def test_few_spikes_round_to_the_last_digit(name):
    """Each layer is off by half a digit, or a digit at the top, and by its weighted sources' error."""
    network, K = NETWORKS[name], 8
    x = images(network, 6)
    values = bioconv.activations(network, x)
    spiking = convert(network, method="few_spike", calibration=x)
    result = bioconv.to_brian(spiking).run(x, K * ms, device="numpy")
    error = {"input": np.zeros_like(values["input"])}
    for population in spiking.populations:
        name = population.name
        arriving = sum(_sizes(p, error[p.source]) for p in spiking.incoming(name))
        coded = np.maximum(values[population.node] * population.sign, 0) / population.scale
        top = coded + arriving > 1 - 2.0 ** -(K + 1)
        error[name] = arriving + np.where(top, 2, 1) * 2.0 ** -(K + 1) * population.spiking
    answers = result.potentials.reshape(coded.shape) * spiking[spiking.output].scale
    assert 0 < result.counts[spiking.populations[0].name].mean() <= K
    bound = error[spiking.output] * spiking[spiking.output].scale + 1e-6
    assert bound.mean() < 0.2 * np.ptp(bioconv.reference(network, x))
    assert (abs(answers - bioconv.reference(network, x)) <= bound).all()


def _sizes(projection, errors):
    """What errors of the sources may add up to at most."""
    matrix = abs(path_matrix(projection.layers, projection.shape, projection.gain))
    return (matrix @ errors.reshape(len(errors), -1).T).T.reshape(-1, *projection.target_shape)


def _one_peak(spiking, images, n_steps):
    return SimpleNamespace(potentials=np.array([[1.7]]))


@pytest.mark.parametrize("method", METHODS)
def test_scaled_weights_compute_the_scaled_activations(network, method):
    """``sum W' a/s + b' = pre/s`` exactly: scaling loses nothing before a neuron spikes."""
    x = images(network)
    values = bioconv.activations(network, x)
    spiking = converted(network, calibration=x, method=method, simulate=_one_peak)
    coded = {"input": values["input"] / spiking.stimulus.scale}
    for population in spiking.populations:
        total = population.bias[None] + sum(
            projection.of(coded[projection.source])
            for projection in spiking.incoming(population.name)
        )
        rates = np.maximum(total, 0) / METHODS[method]().gain
        coded[population.name] = rates
        activation = rates * spread(population.scale, population.shape) * population.sign
        part = np.maximum(values[population.node] * population.sign, 0) * population.sign
        np.testing.assert_allclose(activation, part, rtol=0, atol=1e-12 * (1 + abs(part).max()))


def test_matrices_of_projections_are_their_layers(network):
    spiking = convert(network, method="unscaled")
    for projection in spiking.projections:
        matrix = path_matrix(projection.layers, projection.shape, projection.gain)
        x = np.random.default_rng(0).normal(size=(3, *projection.shape))
        expected = projection.of(x).reshape(3, -1)
        np.testing.assert_allclose((matrix @ x.reshape(3, -1).T).T, expected, atol=1e-12)


def test_pooling_as_a_population():
    network = NETWORKS["average"]
    x = images(network)
    model = bioconv.to_brian(network, calibration=x, pooling="population")
    assert list(model.layers) == ["conv1", "pool1", "fc1"]
    result = model.run(x, 400 * ms, device="numpy", progress=False)
    for error in analysis.rate_errors(result, bioconv.activations(network, x)).values():
        assert error.pearson >= 0.999, error
