"""Every kind of layer through the whole way: read, convert, build, run, against the numpy reference."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv import analysis
from bioconv.convert import convert
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


def test_rates_code_the_activations(network):
    """Correlation of at least 0.999 after 400 steps, in every layer.

    Every spike train is off by less than one spike plus the weighted errors below, so 400 steps leave a few
    thousandths.
    """
    x = images(network, 4)
    values = bioconv.activations(network, x)
    model = bioconv.to_brian(network, calibration=images(network, 40, seed=3))
    result = model.run(x, 400 * ms, device="numpy", progress=False)
    assert all(counts.sum() > 0 for counts in result.counts.values()), "a silent layer agrees"
    for error in analysis.rate_errors(result, values).values():
        assert error.pearson >= 0.999, error


@pytest.mark.parametrize("method", ["percentile", "data_based", "model_based", "unscaled"])
def test_scaled_weights_compute_the_scaled_activations(network, method):
    """``sum W' a/s + b' = pre/s`` exactly: scaling loses nothing before a neuron spikes."""
    x = images(network)
    values = bioconv.activations(network, x)
    spiking = convert(network, calibration=x, method=method)
    coded = {"input": values["input"] / spiking.stimulus.scale}
    for population in spiking.populations:
        total = population.bias[None] + sum(
            projection.of(coded[projection.source])
            for projection in spiking.incoming(population.name)
        )
        rates = np.maximum(total, 0)
        coded[population.name] = rates
        activation = rates * population.scale * population.sign
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
