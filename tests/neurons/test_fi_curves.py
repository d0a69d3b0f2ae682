"""Rates under a constant current: closed forms, the published integral, simulations."""

from dataclasses import replace

import brian2
import mpmath
import numpy as np
import pytest
from brian2 import ms, mV

from bioconv.errors import ParameterError
from bioconv.neurons import IF, LIF, ExponentialIntegrateFire, Noise
from bioconv.neurons.curves import Compensation, compensation, lif_rate, measured, siegert

DRIVES = np.array([20.0, 49.0, 55.0, 80.0, 130.0, 400.0])  # thresholds a second; 1/tau_m = 50


@pytest.mark.parametrize("refractory", [0 * ms, 0.1 * ms, 3 * ms])
def test_the_measured_rate_of_a_leaky_neuron_is_the_stepwise_closed_form(refractory):
    neuron = LIF(refractory=refractory, V_reset=-68 * mV)
    found = measured(DRIVES, neuron, reset="zero", dt=0.1 * ms, duration=600 * ms)
    expected = lif_rate(DRIVES, neuron, dt=0.1 * ms)
    assert (expected[:2] == 0).all() and (expected[2:] > 10).all()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_stepwise_rate_tends_to_the_continuous_one():
    """A period is rounded up to whole steps: off by less than a step."""
    neuron = LIF(refractory=2 * ms)
    step, exact = lif_rate(DRIVES, neuron, dt=1e-6 * brian2.second), lif_rate(DRIVES, neuron)
    late = 1 / step[2:] - 1 / exact[2:]
    assert (late > -1.1e-6).all() and (late < 1.1e-6).all()


def published(drive, neuron):
    """Brunel (2000), equation 21, in numbers of SI of fifty digits; 1 + erf(u) is erfc(-u)."""
    tau, s = float(neuron.tau_m), float(neuron.noise.membrane) * np.sqrt(float(neuron.tau_m))
    mean = drive * tau * float(neuron.V_th - neuron.E_L)
    ends = [(float(v - neuron.E_L) - mean) / s for v in (neuron.V_reset, neuron.V_th)]
    mpmath.mp.dps = 50
    pieces = np.linspace(*ends, 20).tolist()
    area = mpmath.quad(lambda u: mpmath.exp(u * u) * mpmath.erfc(-u), pieces)
    return 1 / (float(neuron.refractory) + tau * np.sqrt(np.pi) * float(area))


@pytest.mark.parametrize("noise", [0.5, 2.0, 5.0])
def test_siegert_is_the_published_integral(noise):
    neuron = LIF(refractory=2 * ms, noise=Noise(membrane=noise * mV / ms**0.5), V_reset=-60 * mV)
    expected = [published(drive, neuron) for drive in DRIVES[1:]]
    np.testing.assert_allclose(siegert(DRIVES[1:], neuron), expected, rtol=1e-8)
    assert siegert(np.array([-2000.0]), neuron)[0] == 0
    with pytest.raises(ParameterError, match="white noise"):
        siegert(DRIVES, LIF())


def test_siegert_is_the_rate_of_a_simulation():
    """Within four standard errors of 400 neurons' counts, and the 2 % that the correction for steps leaves."""
    neuron = LIF(refractory=2 * ms, noise=Noise(membrane=1.5 * mV / ms**0.5))
    dt, seconds, copies = 0.05e-3, 1.0, 400
    rng = np.random.default_rng(3)
    drives = np.array([30.0, 45.0, 60.0])
    v = np.zeros((3, copies))
    free = np.zeros((3, copies), dtype=int)
    counts = np.zeros((3, copies))
    keep = np.exp(-dt / 0.02)
    kick = 1.5 / np.sqrt(1e-3) * np.sqrt(dt) / 15  # thresholds
    mean = (drives * 0.02)[:, None]
    for step in range(round(seconds / dt)):
        moved = mean + (v - mean) * keep + kick * rng.standard_normal(v.shape)
        v = np.where(step >= free, moved, v)
        spikes = (v >= 1) & (step >= free)
        v = np.where(spikes, 0, v)
        free = np.where(spikes, step + round(2e-3 / dt), free)
        counts += spikes
    expected = siegert(drives, neuron, dt=dt * brian2.second)
    error = counts.std(axis=1) / np.sqrt(copies) / seconds
    assert (expected > 2).all()
    assert (abs(counts.mean(axis=1) / seconds - expected) < 4 * error + 0.02 * expected).all()


def test_a_perfect_integrator_needs_no_compensation():
    drives = np.linspace(-100, 400, 126)
    rates = measured(drives, IF(), dt=0.1 * ms, duration=500 * ms)
    found = compensation(drives, rates, 200.0)
    assert found.gain == pytest.approx(1, abs=0.02) and found.offset == pytest.approx(0, abs=0.02)
    assert found.error < 0.02


@pytest.mark.parametrize(
    "neuron", [LIF(refractory=2 * ms), ExponentialIntegrateFire()], ids=["lif", "adex"]
)
def test_compensation_brings_rates_to_activations(neuron):
    dt = 0.1 * ms
    drives = np.linspace(-50, 600, 131)
    rates = measured(drives, neuron, reset="zero", dt=dt, duration=300 * ms)
    found = compensation(drives, rates, 100.0)
    a = np.linspace(0.3, 0.9, 7)
    after = measured((found.gain * a + found.offset) * 100, neuron, reset="zero", dt=dt, duration=300 * ms) / 100  # fmt: skip
    before = measured(a * 100, neuron, reset="zero", dt=dt, duration=300 * ms) / 100
    assert abs(after - a).mean() < 0.1 < abs(before - a).mean()
    assert "gain" in str(found) and isinstance(found, Compensation)
    assert replace(found, gain=1.0).offset == found.offset


def test_silent_neurons_cannot_be_compensated():
    with pytest.raises(ParameterError, match="nothing to fit"):
        compensation(DRIVES, DRIVES * 0, 100.0)
