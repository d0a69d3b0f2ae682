"""Adaptive, exponential, quadratic and ion-channel neurons against the same equations written by hand."""

import brian2
import numpy as np
import pytest
from brian2 import Hz, amp, ms, mV, nS, pA, pF, siemens
from scipy.integrate import solve_ivp

import bioconv
from bioconv.errors import ParameterError
from bioconv.graph import Dense, Network, ReLU
from bioconv.neurons import (
    BIOPHYSICAL,
    DIMENSIONLESS,
    IF,
    LIF,
    AdaptiveLeakyIntegrateFire,
    ExponentialIntegrateFire,
    HodgkinHuxley,
    Izhikevich,
    neuron_text,
)
from bioconv.neurons.synapses import Delta
from bioconv.neurons.text import in_units

DT, STEPS = 0.05, 8000  # ms
CURRENTS = np.array([0.0, 250.0, 500.0, 700.0, 900.0])  # pA
RICH = [
    AdaptiveLeakyIntegrateFire(),
    ExponentialIntegrateFire(),
    Izhikevich(),
    HodgkinHuxley(),
]


def ids(value):
    return type(value).__name__


def brian(neuron, units=BIOPHYSICAL, currents=CURRENTS, dt=DT, steps=STEPS):
    """Steps of the spikes of every current, in Brian2."""
    text = neuron_text(neuron, Delta(), reset="zero", units=units)
    clock = brian2.Clock(dt * ms)
    group = brian2.NeuronGroup(
        len(currents), text.equations, threshold=text.threshold, reset=text.reset,
        refractory=text.refractory or False, method=text.method,
        namespace=dict(text.constants), clock=clock,
    )  # fmt: skip
    group.V_th = text.parameters["V_th"]
    group.I_bias = in_units(1 * pA, neuron, units) * currents
    start = group.run_regularly(
        text.clear, clock=brian2.Clock(steps * dt * ms), when="start", name="begin_*"
    )
    spikes = brian2.SpikeMonitor(group)
    with bioconv.run.device("numpy"):
        brian2.Network(group, start, spikes).run(steps * dt * ms, namespace={})
    found = [[] for _ in currents]
    for i, t in zip(spikes.i[:], spikes.t / ms, strict=True):
        found[i].append(round(t / dt))
    return found


def adaptive(current):
    """mV, ms, pA, pF, nS throughout; Euler's method."""
    v, w, spikes = -65.0, 0.0, []
    for step in range(STEPS):
        dv = (-65 - v) / 20 + (current - w) / 200
        dw = (2.0 * (v + 65) - w) / 80
        v, w = v + DT * dv, w + DT * dw
        if v >= -50 - 15e-9:
            v, w = -65.0, w + 10.0
            spikes.append(step)
    return spikes


def exponential(current):
    v, w, spikes = -70.6, 0.0, []
    for step in range(STEPS):
        dv = (30 * (-70.6 - v) + 30 * 2 * np.exp((v + 50.4) / 2) - w + current) / 281
        dw = (4 * (v + 70.6) - w) / 144
        v, w = v + DT * dv, w + DT * dw
        if v >= -30.4:
            v, w = -70.6, w + 80.5
            spikes.append(step)
    return spikes


def quadratic(current):
    """Izhikevich (2003) as published: v' = 0.04 v^2 + 5 v + 140 - u + I, with C = 1."""
    v, u, spikes = -70.0, -14.0, []
    for step in range(STEPS):
        dv = 0.04 * v * v + 5 * v + 140 - u + current / 50
        du = 0.02 * (0.2 * v - u)
        v, u = v + DT * dv, u + DT * du
        if v >= 30:
            v, u = -65.0, u + 8
            spikes.append(step)
    return spikes


#: The regular spiking neuron of 2003: one pF and nS/mV stand for its numbers without units.
PUBLISHED_2003 = Izhikevich(
    E_L=-70 * mV, V_th=-55 * mV, V_reset=-65 * mV, C_m=50 * pF, k=0.04 * 50 * nS / mV, V_spike=30 * mV,
    a=0.02 / ms, b=0.2 * 50 * nS, d=8 * 50 * pA,
)  # fmt: skip
BY_HAND = [
    (AdaptiveLeakyIntegrateFire(a=2 * nS, tau_w=80 * ms), adaptive),
    (ExponentialIntegrateFire(), exponential),
    (PUBLISHED_2003, quadratic),
]


@pytest.mark.parametrize(("neuron", "by_hand"), BY_HAND, ids=ids)
def test_spikes_are_those_of_the_equations_written_by_hand(neuron, by_hand):
    """Same method and step: where rounding adds up, a spike may move by a step."""
    found, expected = brian(neuron), [by_hand(current) for current in CURRENTS]
    counts = [len(spikes) for spikes in expected]
    assert counts[0] == 0 and counts[-1] > 10 and counts == sorted(counts)
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        assert np.abs(np.subtract(ours, theirs)).max(initial=0) <= 1


def rates_as_printed(v):
    """(alpha, beta) of m, h and n per ms, at a potential in mV."""
    x = v + 63
    am = 0.32 * (13 - x) / (np.exp((13 - x) / 4) - 1)
    bm = 0.28 * (x - 40) / (np.exp((x - 40) / 5) - 1)
    an = 0.032 * (15 - x) / (np.exp((15 - x) / 5) - 1)
    bn = 0.5 * np.exp((10 - x) / 40)
    ah = 0.128 * np.exp((17 - x) / 18)
    bh = 4 / (1 + np.exp((40 - x) / 5))
    return (am, bm), (ah, bh), (an, bn)


def test_rates_of_the_gates_are_those_that_were_printed():
    v = np.linspace(-95.3, 60.1, 40)
    text = neuron_text(HodgkinHuxley(), Delta(), reset="zero", units=BIOPHYSICAL)
    namespace = dict(text.constants)
    group = brian2.NeuronGroup(40, text.equations, method=text.method, namespace=namespace)
    group.v = v * mV
    with bioconv.run.device("numpy"):
        for gate, (alpha, beta) in zip("mhn", rates_as_printed(v), strict=True):
            np.testing.assert_allclose(getattr(group, f"alpha_{gate}_")[:] / 1000, alpha, rtol=1e-9)
            np.testing.assert_allclose(getattr(group, f"beta_{gate}_")[:] / 1000, beta, rtol=1e-9)


def hodgkin_huxley(current, duration):
    """Times of spikes (ms) by a solver of high order, of the equations as the benchmark prints them."""
    area = 20000e-8  # cm^2
    C, gl, gna, gk = 1e6 * area, 5e-5 * 1e9 * area, 100e6 * area, 30e6 * area  # pF, nS

    def derivative(_, y):
        v, m, h, n = y
        gates = [
            a * (1 - g) - b * g for (a, b), g in zip(rates_as_printed(v), (m, h, n), strict=True)
        ]
        ions = gl * (-65 - v) - gna * m**3 * h * (v - 50) - gk * n**4 * (v + 90)
        return [(ions + current) / C, *gates]

    def upward(_, y):
        return y[0] + 40

    upward.direction = 1
    start = [-65.0, *(a / (a + b) for a, b in rates_as_printed(-65.0))]
    done = solve_ivp(derivative, (0, duration), start, events=upward, rtol=1e-9, atol=1e-9, method="LSODA")  # fmt: skip
    return done.t_events[0]


@pytest.mark.parametrize(
    "current", [*(pytest.param(c, marks=pytest.mark.full) for c in (0.0, 600.0)), 200.0]
)
def test_hodgkin_huxley_spikes_when_a_solver_of_high_order_says(current):
    """A method of first order, about 1 % late at 0.01 ms: times extrapolated to a step of zero agree within
    the square of that and the rounding of times to steps.
    """
    expected = hodgkin_huxley(current, 60.0)
    times = []
    for dt in (0.02, 0.01):
        [steps] = brian(HodgkinHuxley(), currents=np.array([current]), dt=dt, steps=round(62 / dt))
        times.append(np.array(steps[: len(expected)]) * dt)
        assert len(steps) >= len(expected) and (len(steps) > 1) == (current > 0)
    np.testing.assert_allclose(2 * times[1] - times[0], expected, rtol=3e-4, atol=0.04)


@pytest.mark.parametrize("neuron", RICH, ids=ids)
def test_both_systems_of_units_spike_alike(neuron):
    first, second = (brian(neuron, units, steps=3000) for units in (BIOPHYSICAL, DIMENSIONLESS))
    assert sum(map(len, first)) > 5
    for ours, theirs in zip(first, second, strict=True):
        assert len(ours) == len(theirs)
        assert np.abs(np.subtract(ours, theirs)).max(initial=0) <= 1


def test_units_of_the_text():
    neuron = LIF()  # 15 mV, 200 pF: 3 pC
    assert in_units(-50 * mV, neuron, DIMENSIONLESS, position=True) == pytest.approx(1)
    assert in_units(30 * mV, neuron, DIMENSIONLESS) == pytest.approx(2)
    assert in_units(200 * pF, neuron, DIMENSIONLESS) == pytest.approx(1)
    found = in_units(10 * nS, neuron, DIMENSIONLESS)
    assert found.dim is Hz.dim and float(found) == pytest.approx(50)
    assert float(in_units(3 * pA, neuron, DIMENSIONLESS)) == pytest.approx(1)
    assert in_units(3 * pA, neuron, BIOPHYSICAL) == 3 * pA


def small(rng):
    return Network.sequential(
        [Dense(weight=rng.uniform(0, 1, (6, 4))), ReLU(), Dense(weight=rng.uniform(0, 1, (3, 6)))],
        input_shape=(4,),
    )


@pytest.mark.parametrize("name", ["adaptive_lif", "exponential_if", "izhikevich", "hodgkin_huxley"])
@pytest.mark.parametrize("synapse", ["exponential", "conductance"])
def test_a_network_of_them_by_name(rng, name, synapse):
    x = rng.random((3, 4))
    model = bioconv.to_brian(
        small(rng), calibration=x, neuron=name, synapse=synapse, dt=0.05 * ms,
        encoder=bioconv.Constant(rate=400 * Hz),
    )  # fmt: skip
    result = model.run(x, 40 * ms, device="numpy")
    assert all(counts.sum() > 0 for counts in result.counts.values())


def test_a_presentation_begins_at_rest(rng):
    """Adaptation and gates of one image do not reach into the next."""
    x = rng.random((2, 4))
    for name in ("exponential_if", "hodgkin_huxley"):
        model = bioconv.to_brian(
            small(rng), calibration=x, neuron=name, dt=0.05 * ms, encoder=bioconv.Constant(rate=400 * Hz)
        )  # fmt: skip
        both = model.run(x, 30 * ms, device="numpy", batch_size=1).counts
        second = model.run(x[1:], 30 * ms, device="numpy", batch_size=1).counts
        for layer, counts in both.items():
            np.testing.assert_array_equal(counts[1], second[layer][0])
        assert both["fc1"].sum() > 0


@pytest.mark.full
@pytest.mark.compiled
def test_devices_spike_alike(rng):
    x = rng.random((2, 4))
    for neuron in RICH[1::2]:
        model = bioconv.to_brian(
            small(rng), calibration=x, neuron=neuron, synapse="exponential", dt=0.05 * ms,
            encoder=bioconv.Constant(rate=400 * Hz),
        )  # fmt: skip
        ours, theirs = (
            model.run(x, 60 * ms, device=device).counts for device in ("numpy", "cpp_standalone")
        )
        for layer, counts in ours.items():
            assert counts.sum() > 0
            assert np.abs(counts - theirs[layer]).max() <= 1


@pytest.mark.parametrize("neuron", RICH[1:], ids=ids)
def test_a_readout_without_spikes_is_a_plain_integrator(rng, neuron):
    model = bioconv.to_brian(
        small(rng), calibration=rng.random((3, 4)), neuron=neuron, readout="potential", dt=0.05 * ms
    )
    assert isinstance(model.spiking.populations[-1].neuron, IF)
    with pytest.raises(ParameterError, match="always spike"):
        neuron_text(neuron, Delta(), reset="zero", units=BIOPHYSICAL, spiking=False)
    with pytest.raises(ParameterError, match='reset="zero"'):
        neuron_text(neuron, Delta(), reset="subtract", units=BIOPHYSICAL)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (AdaptiveLeakyIntegrateFire, {"b": 3 * mV}, "b is"),
        (AdaptiveLeakyIntegrateFire, {"tau_w": 0 * ms}, "tau_w is"),
        (ExponentialIntegrateFire, {"V_spike": -60 * mV}, "above V_th"),
        (ExponentialIntegrateFire, {"Delta_T": 0 * mV}, "Delta_T is"),
        (Izhikevich, {"k": 0.7}, "k is"),
        (Izhikevich, {"V_spike": -45 * mV}, "above V_th"),
        (HodgkinHuxley, {"g_Na": 0 * siemens}, "g_Na is"),
        (HodgkinHuxley, {"E_K": 1 * amp}, "E_K is"),
        (HodgkinHuxley, {"refractory": 2 * ms}, "refractory"),
    ],
)
def test_bad_parameters_are_refused(kind, arguments, words):
    with pytest.raises(ParameterError, match=words):
        kind(**arguments)
