"""What single neurons make of a constant drive: exact counts, digits, rates in closed form."""

import numpy as np
import pytest
from brian2 import ms, mV
from cases import chain

import bioconv
from bioconv.graph import Dense, LeakyReLU, QuantizedReLU, ReLU, SoftLIF, Step, forward
from bioconv.neurons import IF, Alpha

ONE = np.ones((1, 1))


def layer(drives, activation=None, bias=None):
    """One input of 1, whose weights drive every neuron by as many thresholds a step."""
    first = Dense(weight=np.asarray(drives)[:, None], bias=bias)
    return chain((1,), first, activation or ReLU())


def shown(network, n_steps, record=None, x=ONE, **options):
    options = {"method": "unscaled", **options}
    model = bioconv.to_brian(network, **options)
    return model.run(x, n_steps * model.settings.dt, device="numpy", record=record)


# --- reset ---------------------------------------------------------------------------------------


def test_closed_form_rates_of_both_resets():
    """Rueckauer et al. (2017): with ``n = ceil(1/a)`` and ``e = n a - 1`` the rate is
    ``a/(1 + e) - V/(T (1 + e))`` with hard and ``a - V/T`` with soft reset, exactly.
    """
    a, T = np.array([0.37, 0.8, 0.5, 0.26, 0.05, 1.0]), 230
    surplus = np.ceil(1 / a - 1e-9) * a - 1
    for reset, factor in {"zero": 1 / (1 + surplus), "subtract": np.ones(6)}.items():
        result = shown(layer(a), T, "residual", reset=reset)
        rates = result.counts["fc1"][0] / T
        np.testing.assert_allclose(rates, (a - result.residuals["fc1"][0] / T) * factor, atol=1e-9)
        assert (result.residuals["fc1"][0] < 1).all() and rates.min() > 0.04
    hard = shown(layer([0.37, 0.8]), 240, reset="zero").counts["fc1"][0] / 240
    np.testing.assert_array_equal(hard, [80 / 240, 120 / 240])


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.5])
def test_rates_rise_by_weight_over_threshold_up_to_one_spike_a_step(threshold):
    """Han et al. (2020): ``f_out = min(1, w f_in/theta)``; a hard reset stays below where it loses charge."""
    w, T = 0.7, 400
    x = np.linspace(0, 1, 41)[:, None]
    found = {}
    for reset in ("subtract", "zero"):
        model = bioconv.to_brian(
            layer([w]), method="unscaled", encoder="regular", reset=reset, units="dimensionless"
        )
        model.build(duration=T * ms, batch_size=41)
        model["fc1"].V_th = threshold
        found[reset] = model.run(x, T * ms, device="numpy", batch_size=41).counts["fc1"][:, 0]
    expected = np.minimum(1, w / threshold * x[:, 0]) * T
    # the charge left in the membrane, and that of the input's last spike
    assert abs(found["subtract"] - expected).max() <= 1 + w / threshold
    assert (found["zero"] <= found["subtract"]).all()
    assert (found["zero"] < 0.9 * found["subtract"]).any()


# --- edited thresholds ---------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["biophysical", "dimensionless"])
def test_a_threshold_may_be_changed_after_building(units):
    """Twice the distance from rest halves the counts, in every batch and for one layer alone."""
    drives = np.linspace(0.05, 0.9, 8)
    model = bioconv.to_brian(layer(drives), method="unscaled", units=units)
    model.build(duration=200 * ms)
    model["fc1"].V_th = -35 * mV if units == "biophysical" else 2
    for batch in (1, 3):
        result = model.run(np.ones((3, 1)), 200 * ms, device="numpy", batch_size=batch)
        np.testing.assert_array_equal(
            result.counts["fc1"], np.tile(np.floor(100 * drives + 1e-9), (3, 1))
        )


# --- signed neurons ------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["biophysical", "dimensionless"])
@pytest.mark.parametrize("slope", [0.1, 0.3])
def test_signed_neurons_code_a_leaky_relu(units, slope):
    """``z`` from -1 to 1 gives rates from -slope to 1 (Kim et al. 2020), off by less than a spike."""
    z, T = np.linspace(-1, 1, 41), 250
    result = shown(
        layer(z, LeakyReLU(slope=slope)), T, units=units, substitute={"LeakyReLU": "signed"}
    )
    up, down = result.counts["fc1"][0], result.negatives["fc1"][0]
    np.testing.assert_array_equal(up, np.floor(np.maximum(z, 0) * T + 1e-6))
    np.testing.assert_array_equal(down, np.floor(np.maximum(-z, 0) * slope * T + 1e-6))
    expected = forward(LeakyReLU(slope=slope), z)
    assert abs(result.decoded("fc1")[0] - expected).max() < 1 / T
    assert result.rates("fc1")[0, 0] == pytest.approx(-slope * 1000)
    assert result.spikes_per_sample("fc1") == up.sum() + down.sum()


# --- few-spike neurons ---------------------------------------------------------------------------


@pytest.mark.parametrize("K", [1, 4, 8])
def test_spikes_of_few_spike_neurons_are_binary_digits(K):
    """Of the value rounded to ``K`` digits, the largest that they can write at most."""
    z = np.concatenate([np.linspace(-0.5, 1.2, 86), [0.5, 0.25, 2.0**-K, 2.0 ** -(K + 1)]])
    result = shown(layer(z), K, {"fc1": "spikes"}, neuron="few_spike")
    spikes = result.spikes["fc1"]
    digits = np.zeros((K, len(z)), dtype=int)
    digits[spikes.step, spikes.neuron] = 1
    whole = np.clip(np.floor(z * 2**K + 0.5 + 1e-6), 0, 2**K - 1).astype(int)
    np.testing.assert_array_equal(digits, [(whole >> (K - 1 - k)) & 1 for k in range(K)])
    assert 0 < digits.mean() < 1


# --- begin, floor, memory ------------------------------------------------------------------------


def test_half_a_threshold_rounds_counts():
    a = np.linspace(0, 1, 101)
    result = shown(layer(a), 20, initial=0.5)
    np.testing.assert_array_equal(result.counts["fc1"][0], np.floor(20 * a + 0.5 + 1e-9))


@pytest.mark.parametrize("levels", [1, 4, 16])
def test_as_many_steps_as_levels_count_a_quantised_relu(levels):
    """Bu et al. (2022): the same number for every input, whatever it was calibrated with."""
    activation = QuantizedReLU(levels=levels, maximum=0.7)
    x = np.linspace(-0.5, 1.5, 401)
    counts = shown(layer(x, activation), levels).counts["fc1"][0]
    expected = forward(activation, x) * levels / 0.7
    assert set(np.round(expected).astype(int)) == set(range(levels + 1))
    np.testing.assert_array_equal(counts, np.round(expected))


def test_a_floor_forgets_what_lies_below_it():
    """-0.3 a step for 10 steps would need 10 steps of 0.3 to come back; from a floor of -0.5 two."""
    network = chain((1,), Dense(weight=[[0.3]]), ReLU(), Dense(weight=[[1.0]]))
    traces = {}
    for name, neuron in {"free": IF(), "floor": IF(V_min=-72.5 * mV)}.items():
        result = shown(network, 40, {"fc1": "v"}, x=-ONE, neuron=neuron, input_range=(-1, 1))
        traces[name] = (result.traces["fc1"].values[0, :, 0] + 0.065) / 0.015
    np.testing.assert_allclose(traces["free"], -0.3 * np.arange(1, 41), atol=1e-9)
    np.testing.assert_allclose(traces["floor"], np.maximum(traces["free"], -0.5), atol=1e-9)


def test_neurons_of_step_layers_forget_from_step_to_step():
    """0.4 thresholds a step never fire, 1 always; the threshold of the layer is part of the drive."""
    x = np.array([-1.0, 0.29, 0.3, 0.31, 5.0])
    result = shown(layer(x, Step(threshold=0.3)), 7, "residual")
    np.testing.assert_array_equal(result.counts["fc1"][0], [0, 0, 7, 7, 7])
    assert (result.residuals["fc1"] == 0).all()


# --- soft LIF ------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["biophysical", "dimensionless"])
@pytest.mark.parametrize(("gain", "tau_rc", "tau_ref"), [(1.0, 0.022, 0.002), (0.825, 0.05, 0.001)])
def test_rates_of_leaky_neurons_are_the_soft_lif_without_smoothing(units, gain, tau_rc, tau_ref):
    """Within 2 % at dt = 0.05 ms, from intervals; silence at and below the threshold."""
    activation = SoftLIF(gain=gain, tau_rc=tau_rc, tau_ref=tau_ref, gamma=0)
    x = np.array([-1.0, -0.05, 0.5, 1.0, 2.0, 4.0, 8.0])
    result = shown(
        layer(x - 0.1, activation, bias=np.full(7, 0.1)), 4000, "spikes", dt=0.05 * ms, units=units
    )
    spikes = result.spikes["fc1"]
    assert spikes.neuron.min() == 2
    intervals = [np.diff(spikes.step[spikes.neuron == n]).mean() * result.dt for n in range(2, 7)]
    np.testing.assert_allclose(
        activation.amplitude / np.array(intervals), forward(activation, x)[2:], rtol=0.02
    )
    decoded = result.decoded("fc1")[0]
    # whole spikes in 200 ms
    np.testing.assert_allclose(decoded, forward(activation, x), atol=0.063 / 0.2, rtol=0.02)
    assert abs(decoded[2:]).min() > 0


def test_alpha_synapses_keep_the_mean_between_soft_lif_layers(rng):
    """Weights and biases in units of the trained network: the second layer, too, answers as the formula."""
    activation = SoftLIF(gamma=0)
    first = Dense(weight=rng.uniform(1, 6, size=(120, 1)), bias=rng.uniform(0.2, 2, 120))
    weight = rng.uniform(-0.2, 1.0, size=(5, 120)) / 60
    second = Dense(weight=weight, bias=np.array([0.1, 0.0, 0.5, 0.2, -0.1]))
    network = chain((1,), first, activation, second, activation)
    result = shown(network, 4000, {"fc2": "spikes"}, dt=0.1 * ms, synapse=Alpha(tau=5 * ms))
    expected = bioconv.reference(network, ONE)[0]
    spikes = result.spikes["fc2"]
    late = spikes.step > 1000  # the filters' transient, 100 of 400 ms
    intervals = [
        np.diff(spikes.step[late & (spikes.neuron == n)]).mean() * result.dt for n in range(5)
    ]
    assert expected.min() > 1
    np.testing.assert_allclose(activation.amplitude / np.array(intervals), expected, rtol=0.03)
