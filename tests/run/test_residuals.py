"""What is left in the membranes: shapes, files, targets, and the identity that it completes."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, chain, dense, images

import bioconv
from bioconv.convert.rescale import spread
from bioconv.graph import LeakyReLU
from bioconv.result import joined

T = 70


@pytest.mark.parametrize("units", ["biophysical", "dimensionless"])
@pytest.mark.parametrize(
    "options", [{}, {"method": "channel_wise"}, {"initial": 0.5}, {"propagation": "delayed"}]
)
@pytest.mark.parametrize("name", ["residual", "branches"])
def test_rates_are_what_arrives_less_what_is_left(name, options, units):
    """``r = W r_before + b - (V - V_0)/T`` in every layer, to rounding (Rueckauer et al. 2017)."""
    network = NETWORKS[name]
    x = images(network, 5)
    model = bioconv.to_brian(network, calibration=images(network, 20), units=units, **options)
    result = model.run(x, T * ms, device="numpy", record="residual", batch_size=2)
    rates = {"input": x / model.spiking.stimulus.scale}
    for population in model.spiking.populations:
        name = population.name
        rates[name] = result.counts[name] / T
        arrived = population.bias + sum(p.of(rates[p.source]) for p in model.spiking.incoming(name))
        left = (result.residuals[name] - population.initial) / T
        assert result.residuals[name].shape == (5, *population.shape)
        assert abs(left).max() > 1e-3 and result.counts[name].sum() > 0
        np.testing.assert_allclose(rates[name], arrived - left, atol=1e-9)
        decoded = rates[name] * spread(population.scale, population.shape)
        np.testing.assert_allclose(result.decoded(name), decoded)
    last = result.residuals[result.output]
    np.testing.assert_array_equal(result.potentials, last.reshape(5, -1))


def test_residuals_are_the_ends_of_traces_and_only_where_asked():
    network = NETWORKS["dense"]
    model = bioconv.to_brian(network, calibration=images(network, 20), encoder="poisson")
    x = images(network, 4)
    result = model.run(x, T * ms, device="numpy", record={"fc2": ["residual", "v"]}, batch_size=3)
    assert set(result.residuals) == {"fc2"} and not result.negatives
    ends = (result.traces["fc2"].values[:, -1] + 0.065) / 0.015
    np.testing.assert_allclose(result.residuals["fc2"], ends, atol=1e-9)
    parts = [
        model.run(x[n : n + 2], T * ms, device="numpy", record={"fc2": "residual"}, first_sample=n)
        for n in (0, 2)
    ]
    np.testing.assert_allclose(joined(parts).residuals["fc2"], result.residuals["fc2"], atol=1e-9)


def test_an_edited_threshold_is_the_threshold_of_traces():
    network = NETWORKS["dense"]
    model = bioconv.to_brian(network, method="unscaled")
    model.build(duration=T * ms)
    threshold = -0.04
    model["fc1"].V_th_ = threshold
    result = model.run(images(network, 2), T * ms, device="numpy", record={"fc1": "v", "fc2": "v"})
    assert result.traces["fc1"].threshold == threshold
    assert result.traces["fc2"].threshold == -0.05
    assert result.traces["fc1"].values.max() < threshold


@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
def test_negative_spikes_are_counted_apart(tmp_path, propagation):
    network = chain((6,), dense(9, 6), LeakyReLU(slope=0.4))
    x = images(network, 3)
    model = bioconv.to_brian(
        network,
        calibration=x,
        substitute={"LeakyReLU": "signed"},
        propagation=propagation,
        method="data_based",
    )
    result = model.run(x, 400 * ms, device="numpy", batch_size=2)
    assert result.counts["fc1"].shape == result.negatives["fc1"].shape == (3, 9)
    assert result.negatives["fc1"].sum() > 0 < result.counts["fc1"].sum()
    assert not (result.negatives["fc1"] * result.counts["fc1"]).any(), (
        "constant drives have one sign"
    )
    scale = model.report.scales["fc1"]
    np.testing.assert_allclose(
        result.decoded("fc1"), bioconv.reference(network, x), atol=scale / 400
    )
    result.save(tmp_path / "signed.h5")
    again = bioconv.load_result(tmp_path / "signed.h5")
    np.testing.assert_array_equal(again.decoded("fc1"), result.decoded("fc1"))
