"""Neurons and synapses against what can be calculated: counts, rates, charges."""

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, pF

import bioconv
from bioconv.graph import Dense, Network, ReLU
from bioconv.neurons import (
    BIOPHYSICAL,
    IF,
    LIF,
    Alpha,
    Delta,
    DoubleExponential,
    Exponential,
    neuron_text,
)

SYNAPSES = [Delta(), Exponential(tau=4 * ms), Alpha(tau=3 * ms), DoubleExponential()]


def ids(value):
    return type(value).__name__


def driven(drives, **options):
    """One layer of neurons whose drives, in thresholds a step, are ``drives``."""
    network = Network.sequential(
        [Dense(weight=np.asarray(drives)[:, None]), ReLU()], input_shape=(1,)
    )
    return bioconv.to_brian(network, method="unscaled", **options)


@pytest.mark.parametrize("units", ["biophysical", "dimensionless"])
@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
def test_soft_reset_under_constant_drive_fires_floor_of_the_drive_times_the_steps(
    rng, units, propagation
):
    drives, steps = rng.random(1000), 250
    model = driven(drives, units=units, propagation=propagation)
    counts = model.run(np.ones((1, 1)), steps * ms, device="numpy").counts["fc1"][0]
    np.testing.assert_array_equal(counts, np.floor(drives * steps))


def test_drives_that_have_no_exact_binary_form_reach_the_threshold():
    model = driven([0.1, 0.2, 1 / 3, 0.7, 1.0])
    counts = model.run(np.ones((1, 1)), 300 * ms, device="numpy").counts["fc1"][0]
    np.testing.assert_array_equal(counts, [30, 60, 100, 210, 300])


def test_hard_reset_loses_the_overshoot():
    """With ``n = ceil(1/a)`` steps a spike (Rueckauer et al. 2017): T/n spikes."""
    drives = np.array([0.37, 0.8, 0.5, 0.26])
    counts = driven(drives, reset="zero").run(np.ones((1, 1)), 240 * ms, device="numpy").counts
    np.testing.assert_array_equal(counts["fc1"][0], 240 // np.ceil(1 / drives))


@pytest.mark.parametrize("refractory", [0 * ms, 2 * ms])
def test_leaky_neurons_follow_the_analytic_rate(refractory):
    """``1/(t_ref + tau ln(R I/(R I - (V_th - E_L))))`` within 2 % at dt = 0.05 ms."""
    neuron = LIF(tau_m=20 * ms, refractory=refractory)
    dt, strength = 0.05 * ms, np.array([0.8, 1.05, 1.2, 1.6, 2.5, 4.0, 7.0])
    # strength is R_m I/(V_th - E_L); a drive of a thresholds a step is strength = a tau_m/dt
    model = driven(strength * float(dt / neuron.tau_m), neuron=neuron, reset="zero", dt=dt)
    result = model.run(np.ones((1, 1)), 1000 * ms, device="numpy", record="spikes")
    spikes = result.spikes["fc1"]
    assert 0 not in spikes.neuron, "below the rheobase there is no spike"
    intervals = [
        np.diff(spikes.step[spikes.neuron == n]).mean() * result.dt for n in range(1, len(strength))
    ]
    above = strength[1:]
    expected = float(refractory) + float(neuron.tau_m) * np.log(above / (above - 1))
    np.testing.assert_allclose(intervals, expected, rtol=0.02)


@pytest.mark.parametrize("neuron", [IF(), LIF(tau_m=15 * ms)], ids=ids)
@pytest.mark.parametrize("synapse", SYNAPSES, ids=ids)
def test_a_spike_delivers_the_charge_of_its_weight(synapse, neuron):
    """``integral of C_m dv/dt + leak = Q`` within 0.1 %, whatever the filter and the leak."""
    text = neuron_text(neuron, synapse, reset="subtract", units=BIOPHYSICAL)
    clock = brian2.Clock(0.1 * ms)
    namespace = {**text.constants}
    source = brian2.SpikeGeneratorGroup(1, [0], [5] * ms, clock=clock)
    target = brian2.NeuronGroup(
        1, text.equations, threshold=text.threshold, reset=text.reset, method=text.method,
        namespace=namespace, clock=clock,
    )  # fmt: skip
    weight = 0.4
    link = brian2.Synapses(source, target, on_pre=f"{text.target}_post += jump", clock=clock,
                           namespace={"jump": weight * text.unit}, delay=0 * ms)  # fmt: skip
    link.connect()
    trace = brian2.StateMonitor(target, "v", record=0, when="end", clock=clock)
    target.v = neuron.E_L
    network = brian2.Network(source, target, link, trace)
    with bioconv.run.device("numpy"):
        network.run(200 * ms, namespace={})
    v = np.asarray(trace.v[0]) - float(neuron.E_L)
    assert v.max() > 1e-3
    gained = v[-1]
    if isinstance(neuron, LIF):
        # what leaked away: the integral of v over tau_m; the potential decays exactly between steps
        step, tau = 1e-4, float(neuron.tau_m)
        leaked = np.trapezoid(np.concatenate([v, [0]]), dx=step) / tau
        if isinstance(synapse, Delta):
            leaked = tau * (1 - np.exp(-step / tau)) * v[:-1].sum() / tau
        gained = gained + leaked
    charge = gained * float(neuron.C_m)
    expected = weight * float(neuron.C_m * (neuron.V_th - neuron.E_L))
    assert charge == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("synapse", SYNAPSES, ids=ids)
@pytest.mark.parametrize("neuron", [IF(), IF(refractory=2 * ms), LIF(tau_m=30 * ms)], ids=ids)
def test_both_systems_of_units_spike_alike_step_for_step(rng, synapse, neuron):
    network = Network.sequential(
        [Dense(weight=rng.normal(size=(20, 6))), ReLU(), Dense(weight=rng.normal(size=(4, 20)))],
        input_shape=(6,),
    )
    x = rng.random((3, 6))
    trains = []
    for units in ("biophysical", "dimensionless"):
        model = bioconv.to_brian(
            network, calibration=x, units=units, synapse=synapse, neuron=neuron, encoder="poisson"
        )
        result = model.run(x, 150 * ms, device="numpy", record="spikes", batch_size=2)
        trains.append(result.spikes)
        assert sum(len(s) for s in result.spikes.values()) > 1000
    for layer in trains[0]:
        for part in ("sample", "neuron", "step"):
            np.testing.assert_array_equal(
                getattr(trains[0][layer], part), getattr(trains[1][layer], part)
            )


@pytest.mark.parametrize("synapse", SYNAPSES, ids=ids)
def test_rates_do_not_depend_on_the_filter(rng, synapse):
    """A filter delays charge; what is still on its way at the end is a spike or two."""
    network = Network.sequential(
        [Dense(weight=rng.uniform(0.1, 1, size=(8, 6))), ReLU()], input_shape=(6,)
    )
    x = rng.random((1, 6))
    model = bioconv.to_brian(network, calibration=x, synapse=synapse, encoder="regular")
    plain = bioconv.to_brian(network, calibration=x, encoder="regular")
    counts = model.run(x, 600 * ms, device="numpy").counts["fc1"]
    expected = plain.run(x, 600 * ms, device="numpy").counts["fc1"]
    assert expected.min() > 50
    # at most the charge of the filter's mean delay, 6 ms at one threshold a step, is missing
    assert (abs(counts - expected) <= 8).all()


def test_the_rest_between_presentations_is_complete():
    """Refractory neurons and loaded filters of one image do not reach into the next."""
    weight = np.array([[0.9, 0.0], [0.4, 0.5]])
    network = Network.sequential([Dense(weight=weight), ReLU()], input_shape=(2,))
    x = np.array([[1.0, 1.0], [0.6, 0.3], [1.0, 0.0]])
    for synapse in SYNAPSES:
        model = bioconv.to_brian(
            network, method="unscaled", encoder="regular", synapse=synapse,
            neuron=IF(refractory=7 * ms),
        )  # fmt: skip
        # 41 steps: the first neuron is refractory at the border
        together = model.run(x, 41 * ms, device="numpy", record="spikes", batch_size=1)
        for n in range(3):
            alone = bioconv.to_brian(
                network, method="unscaled", encoder="regular", synapse=synapse,
                neuron=IF(refractory=7 * ms),
            ).run(x[n : n + 1], 41 * ms, device="numpy", record="spikes")  # fmt: skip
            ours = together.spikes["fc1"].of(n)
            assert len(ours) > 0 or n == 1
            np.testing.assert_array_equal(ours.step, alone.spikes["fc1"].step)
            np.testing.assert_array_equal(ours.neuron, alone.spikes["fc1"].neuron)


def test_a_refractory_neuron_fires_at_most_once_a_period():
    model = driven([1.0, 0.5], neuron=IF(refractory=4 * ms), reset="zero")
    result = model.run(np.ones((1, 1)), 100 * ms, device="numpy", record="spikes")
    first = result.spikes["fc1"].step[result.spikes["fc1"].neuron == 0]
    assert len(first) == 100 // 4 and set(np.diff(first)) == {4}


def test_lower_input_rates_slow_all_layers_alike(rng):
    network = Network.sequential(
        [Dense(weight=rng.normal(size=(6, 4)), bias=rng.normal(size=6)), ReLU()], input_shape=(4,)
    )
    x = rng.random((2, 4))
    fast = bioconv.to_brian(network, calibration=x).run(x, 200 * ms, device="numpy")
    slow = bioconv.to_brian(network, calibration=x, encoder=bioconv.Constant(rate=250 * Hz)).run(
        x, 800 * ms, device="numpy"
    )
    assert fast.counts["fc1"].sum() > 100
    assert abs(fast.counts["fc1"] - slow.counts["fc1"]).max() <= 1
    np.testing.assert_allclose(fast.decoded("fc1"), slow.decoded("fc1"), atol=0.03)


def test_parameters_of_the_neuron_reach_the_membrane():
    neuron = IF(E_L=-70 * mV, V_th=-40 * mV, C_m=100 * pF)
    model = driven([0.31], neuron=neuron)
    result = model.run(np.ones((1, 1)), 50 * ms, device="numpy", record={"fc1": "v"})
    trace = result.traces["fc1"]
    assert (trace.rest, trace.threshold) == (-0.07, -0.04)
    np.testing.assert_allclose(
        trace.values[0, :, 0], -0.07 + 0.03 * ((0.31 * np.arange(1, 51)) % 1), atol=1e-12
    )
