"""Changes of a network towards biology and hardware: none changes nothing, some change what they say."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, pA, volt

import bioconv
from bioconv import realism
from bioconv.build.chance import normal
from bioconv.errors import ParameterError, RunInterrupted
from bioconv.graph import Conv2d, Dense, Flatten, Network, ReLU
from bioconv.neurons import (
    IF,
    LIF,
    Exponential,
    ExponentialConductance,
    HodgkinHuxley,
    IntegrateFire,
    LeakyIntegrateFire,
    Noise,
)
from bioconv.neurons.published import plif, stbp

SHAPE = (2, 5, 4)


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(8)
    return Network.sequential(
        [
            Conv2d(weight=rng.normal(size=(3, 2, 2, 3)), bias=rng.uniform(0, 0.3, 3)),
            ReLU(),
            Flatten(),
            Dense(weight=rng.normal(size=(9, 24)) * 0.5),
            ReLU(),
            Dense(weight=rng.normal(size=(4, 9))),
        ],
        input_shape=SHAPE,
    )


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(9).random((5, *SHAPE))


def model_of(network, x, **options):
    return bioconv.to_brian(network, calibration=x, **{"encoder": "regular", **options})


def trains(model, x, steps=60, **options):
    result = model.run(x, steps * model.settings.dt, device="numpy", record="spikes", **options)
    assert sum(len(s) for s in result.spikes.values()) > 200
    return {name: np.stack([s.sample, s.neuron, s.step]) for name, s in result.spikes.items()}


def again(model, spiking):
    return bioconv.Model(spiking, model.settings)


def same(first, second):
    return all(
        first[name].shape == second[name].shape and (first[name] == second[name]).all()
        for name in first
    )


CHANGES = {
    "no noise of weights": lambda s: realism.noisy_weights(s, 0.0),
    "no delay": lambda s: realism.delayed(s, 0, 0),
    "no mismatch": lambda s: realism.mismatched(s),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_size_zero_leaves_every_spike(network, x, change):
    model = model_of(network, x)
    assert same(trains(model, x), trains(again(model, CHANGES[change](model.spiking)), x))


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_quantised_weights_have_two_to_the_bits_levels(bits):
    rng = np.random.default_rng(0)
    dense = Dense(weight=rng.uniform(-1, 2, size=(200, 300)))
    spiking = model_of(Network.sequential([dense, ReLU()], input_shape=(300,)), rng.random((4, 300))).spiking  # fmt: skip
    before = spiking.projections[0].layers[-1].weight
    after = realism.quantized(spiking, bits).projections[0].layers[-1].weight
    levels = np.unique(np.round(after, 12))
    assert len(levels) == 2**bits
    step = (before.max() - before.min()) / (2**bits - 1)
    np.testing.assert_allclose(np.diff(levels), step)
    assert abs(after - before).max() <= step / 2 + 1e-12


def test_noise_of_weights_is_a_part_of_them(network, x):
    spiking = model_of(network, x).spiking
    noisy = realism.noisy_weights(spiking, 0.2, seed=3)
    before, after = (s.projections[1].layers[-1].weight for s in (spiking, noisy))
    part = (after / before - 1).ravel()
    n = part.size
    assert abs(part.mean()) < 4 * 0.2 / np.sqrt(n)
    assert abs(part.std() - 0.2) < 4 * 0.2 / np.sqrt(2 * n)
    assert not same(*(trains(again(model_of(network, x), s), x) for s in (spiking, noisy)))


def test_delays_are_those_of_arrays():
    """One layer, each input with a delay of its own: what arrives is the sum of the shifted spikes."""
    rng = np.random.default_rng(4)
    weight = rng.uniform(0, 0.3, (6, 10))
    net = bioconv.spiking_network([Dense(weight=weight), plif(k=0.3, V_th=0.6)], (10,))
    frames = (rng.random((3, 50, 10)) < 0.4).astype(float)
    spiking = realism.delayed(net, 3, 2, seed=1)
    delays = 3 + np.random.default_rng([1, 0]).integers(-2, 2, (10,), endpoint=True)
    assert len(np.unique(delays)) > 2
    result = bioconv.to_brian(spiking, encoder="events").run(frames, record="spikes", device="numpy")  # fmt: skip
    late = np.zeros_like(frames)
    for n, delay in enumerate(delays):
        late[:, delay:, n] = frames[:, : 50 - delay, n]
    v, found = np.zeros((3, 6)), []
    for step in range(50):
        v = v + 0.3 * (late[:, step] @ weight.T - v)
        found.append(v >= 0.6)
        v = np.where(v >= 0.6, 0, v)
    spikes = result.spikes[net.populations[0].name]
    ours = np.zeros((50, 3, 6), dtype=bool)
    ours[spikes.step, spikes.sample, spikes.neuron] = True
    assert ours.sum() > 30
    np.testing.assert_array_equal(ours, found)


@pytest.mark.compiled
def test_a_compiled_program_is_that_of_its_delays(network, x):
    """Networks that differ in their delays alone do not share a program."""
    model = model_of(network, x, encoder="regular")
    counts = []
    for delay in (0, 9):
        late = again(model, realism.delayed(model.spiking, delay))
        ours, theirs = (
            late.run(x, 30 * ms, device=device).counts for device in ("numpy", "cpp_standalone")
        )
        for layer, expected in ours.items():
            np.testing.assert_array_equal(expected, theirs[layer])
        counts.append(theirs[model.spiking.output].sum())
    assert counts[0] > counts[1] > 0


LATE = [
    ("numpy", "shared", "synchronous"),
    ("numpy", "explicit", "synchronous"),
    ("numpy", "shared", "delayed"),
    ("numpy", "explicit", "delayed"),
    pytest.param("cython", "shared", "synchronous", marks=pytest.mark.compiled),
    pytest.param("cpp_standalone", "shared", "synchronous", marks=pytest.mark.compiled),
    pytest.param("cpp_standalone", "explicit", "delayed", marks=pytest.mark.compiled),
]


@pytest.mark.parametrize("device, projections, propagation", LATE)
def test_what_is_late_never_arrives_in_the_next_sample(
    network, x, device, projections, propagation
):
    """Samples one after another spike as side by side, with delays longer than a sample too."""
    model = model_of(network, x, projections=projections, propagation=propagation)
    for delay, jitter, steps in ((13, 0, 30), (25, 2, 20))[: 2 if device == "numpy" else 1]:
        late = again(model, realism.delayed(model.spiking, delay, jitter))
        together, alone = (
            late.run(x, steps * ms, device=device, batch_size=size).counts for size in (5, 1)
        )
        assert sum(int(counts.sum()) for counts in together.values()) > 100
        for layer, counts in together.items():
            np.testing.assert_array_equal(alone[layer], counts, err_msg=layer)


@pytest.mark.parametrize("projections", ["shared", "explicit"])
def test_a_run_after_an_interrupted_one_has_its_own_samples_and_spikes_alone(
    network, x, projections, monkeypatch
):
    model = model_of(network, x, projections=projections)
    late = again(model, realism.delayed(model.spiking, 13))
    first = trains(late, x, 30, batch_size=1)
    thresholder = late.build(duration=30 * ms)["fc1"].thresholder["spike"]
    whole, steps = thresholder.run, []

    def interrupted():
        steps.append(1)
        if len(steps) == 47:
            raise KeyboardInterrupt
        whole()

    monkeypatch.setattr(thresholder, "run", interrupted)
    with pytest.raises(RunInterrupted):
        late.run(x, 30 * ms, device="numpy", batch_size=1)
    assert same(first, trains(late, x, 30, batch_size=1)) and len(steps) > 150


def test_mismatch_is_a_spread_of_thresholds_time_constants_and_input():
    """Neurons of one layer under the same current: periods of the closed form, each its own."""
    n, drive = 300, 0.12  # thresholds a step of 1 ms
    dense = Network.sequential([Dense(weight=np.full((n, 1), drive)), ReLU()], input_shape=(1,))
    neuron = LIF(tau_m=20 * ms)
    dt = 0.1 * ms
    model = bioconv.to_brian(
        dense, method="unscaled", neuron=neuron, reset="zero", dt=dt, encoder=bioconv.Constant(rate=1000 * Hz)
    )  # fmt: skip
    sizes = {"tau": 0.1, "threshold": 0.2, "resistance": 0.1}
    changed = realism.mismatched(model.spiking, **sizes, seed=5)
    spread = changed.populations[0].spread
    for name, sigma in (("tau_m", 0.1), ("V_th", 0.2)):
        assert abs(np.log(spread[name]).std() - sigma) < 4 * sigma / np.sqrt(2 * n)
    result = again(model, changed).run(np.ones((1, 1)), 400 * ms, device="numpy", record="spikes")
    inputs = changed.projections[0].layers[-1].factor
    spikes = result.spikes["fc1"]
    checked = 0
    for i in range(n):
        mine = spikes.step[spikes.neuron == i]
        tau, theta = 20 * spread["tau_m"][i], spread["V_th"][i]
        top = drive * inputs[i] * tau
        if top > 1.1 * theta:
            period = tau * np.log(top / (top - theta))
            # whole steps, rounded up
            assert np.ceil(period / 0.1 - 1e-6) == np.diff(mine).mean() == np.diff(mine).max()
            checked += 1
    assert checked > 200


@pytest.mark.parametrize("neuron", [stbp(), LIF(tau_m=30 * ms)], ids=["discrete", "lif"])
def test_mismatch_reaches_trained_and_converted_neurons(network, x, neuron):
    if isinstance(neuron, LeakyIntegrateFire):
        model = model_of(network, x, neuron=neuron)
        changes = {"tau": 0.3}, {"threshold": 0.3}, {"resistance": 0.3}
    else:
        rng = np.random.default_rng(2)
        layers = [Flatten(), Dense(weight=rng.normal(size=(20, 40))), neuron]
        model = bioconv.to_brian(bioconv.spiking_network(layers, SHAPE))
        changes = {"threshold": 0.3}, {"resistance": 0.3}
    plain = trains(model, x)
    for change in changes:
        assert not same(plain, trains(again(model, realism.mismatched(model.spiking, **change)), x))


# -- noise ------------------------------------------------------------------------------------------


def test_normal_numbers_have_mean_zero_variance_one_and_no_correlation():
    """Five standard errors; the fourth moment of a sum of twelve uniform numbers is 2.9."""
    n = 200_000
    z = normal(7, 1, 2, np.arange(n), 3)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1) < 5 * np.sqrt(1.9 / n)
    assert abs((z**4).mean() - 2.9) < 0.1 and abs(z).max() <= 6
    assert abs((z[1:] * z[:-1]).mean()) < 5 / np.sqrt(n)
    for other in (normal(7, 1, 2, np.arange(n), 4), normal(7, 1, 3, np.arange(n), 3)):
        assert abs((z * other).mean()) < 5 / np.sqrt(n)


NOISE = Noise(membrane=1 * mV / ms**0.5, synaptic=100 * pA, tau=5 * ms)


def test_noise_does_not_depend_on_the_batch(network, x):
    model = model_of(network, x, neuron=LIF(noise=NOISE, refractory=2 * ms), dt=0.5 * ms)
    first, second = (trains(model, x, 80, batch_size=size) for size in (5, 2))
    assert same(
        {n: t[:, np.lexsort(t[::-1])] for n, t in first.items()},
        {n: t[:, np.lexsort(t[::-1])] for n, t in second.items()},
    )
    quiet = trains(model_of(network, x, neuron=LIF(refractory=2 * ms), dt=0.5 * ms), x, 80)
    assert not same(first, quiet)


@pytest.mark.compiled
def test_noise_is_the_same_on_all_devices(network, x):
    model = model_of(
        network, x, neuron=LIF(noise=NOISE), dt=0.5 * ms, initial="random", encoder="poisson"
    )
    ours, theirs = (model.run(x, 60 * ms, device=device) for device in ("numpy", "cpp_standalone"))
    for layer, counts in ours.counts.items():
        assert counts.sum() > 0
        np.testing.assert_array_equal(counts, theirs.counts[layer])
    np.testing.assert_allclose(ours.potentials, theirs.potentials, rtol=0, atol=1e-9)


def test_noise_has_the_size_that_it_says():
    """Potentials of a leaky membrane: standard deviation ``membrane sqrt(tau_m/2)``, within four standard errors;
    of a current that is filtered twice ``R sigma sqrt(tau/(tau + tau_m))``.
    """
    net = Network.sequential([Dense(weight=np.zeros((2000, 1)))], input_shape=(1,))
    for noise, expected in (
        (Noise(membrane=1 * mV / ms**0.5), np.sqrt(20 / 2)),
        (Noise(synaptic=50 * pA), 0.1 * 50 * np.sqrt(5 / 25)),
    ):
        neuron = LIF(noise=noise, V_th=400 * mV)
        model = bioconv.to_brian(net, method="unscaled", neuron=neuron, dt=0.1 * ms)
        result = model.run(np.zeros((1, 1)), 100 * ms, device="numpy")
        v = result.potentials * 465  # thresholds to mV
        assert v.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * 2000) + 0.01)
        assert abs(v.mean()) < 4 * expected / np.sqrt(2000)


# -- conductances -----------------------------------------------------------------------------------


FAR = ExponentialConductance(
    tau_e=5 * ms, tau_i=5 * ms, E_e=1e5 * volt, E_i=-1e5 * volt, V_ref=0 * mV
)


@pytest.mark.parametrize(
    ("projections", "units"),
    [
        ("shared", "biophysical"),
        ("shared", "dimensionless"),
        pytest.param("explicit", "dimensionless", marks=pytest.mark.full),
    ],
)
def test_conductances_with_far_reversal_potentials_are_currents(network, x, projections, units):
    """The driving force is constant but for 15 mV in 100 kV: a spike moves by a step where rounding decides."""
    options = {"projections": projections, "units": units, "reset": "zero"}
    ours = model_of(network, x, neuron=IF(), synapse=FAR, **options)
    theirs = model_of(network, x, neuron=IF(), synapse=Exponential(tau=5 * ms), **options)
    assert {p.variable for p in ours.spiking.projections} == {"g_e", "g_i"}
    found, expected = (m.run(x[:2], 100 * ms, device="numpy").counts for m in (ours, theirs))
    for layer, counts in expected.items():
        assert counts.sum() > 20
        assert abs(counts - found[layer]).max() <= 1
        assert (counts != found[layer]).mean() < 0.05


def test_an_inhibitory_spike_has_the_charge_of_its_weight_at_the_reference():
    synapse = ExponentialConductance()
    # charge of g over its life: g tau (E - V)
    excitation = 1.0 * synapse.tau_e * (synapse.E_e - synapse.V_ref)
    inhibition = synapse.inhibition * synapse.tau_i * (synapse.V_ref - synapse.E_i)
    assert float(inhibition / excitation) == pytest.approx(1)


def test_conductances_split_once_and_refuse_what_has_no_sign(network, x):
    model = model_of(network, x, synapse="conductance", neuron="lif")
    twice = realism.conductances(model.spiking, spikes=True)
    assert [p.name for p in twice.projections] == [p.name for p in model.spiking.projections]
    assert any(p.name.endswith("_inhibitory") for p in twice.projections)
    plain = model_of(network, x, synapse="exponential", neuron="lif").spiking
    raw = realism.with_neurons(plain, "lif", "conductance", max_rate=1000.0, dt=1 * ms, compensate=False)  # fmt: skip
    with pytest.raises(ParameterError, match="negative weights"):
        again(model, raw)
    with pytest.raises(ParameterError, match="excitatory or inhibitory"):
        two = Dense(weight=np.eye(4))
        path = tuple(
            replace(p, layers=(*p.layers, two)) if p.target == raw.output else p
            for p in raw.projections
        )
        realism.conductances(replace(raw, projections=path), spikes=True)


# -- other neurons, and their price -----------------------------------------------------------------


def test_richer_neurons_and_what_they_cost(network, x):
    model = model_of(network, x, encoder="constant")
    labels = bioconv.reference(network, x).argmax(axis=1)
    neuron = LIF(refractory=2 * ms)
    changed, raw = (
        model.with_neurons(neuron, "exponential", dt=0.5 * ms, rate=100 * Hz, compensate=c)
        for c in (True, False)
    )
    assert all(isinstance(p.neuron, LeakyIntegrateFire) for p in changed.spiking.populations if p.spiking)  # fmt: skip
    assert all(isinstance(p.neuron, IntegrateFire) for p in model.spiking.populations)
    assert "LeakyIntegrateFire neurons, gain" in str(changed)
    options = {"device": "numpy", "changed_duration": 500 * ms}
    good, bad = (
        realism.cost(model, other, x, labels, 100 * ms, **options) for other in (changed, raw)
    )
    assert set(good.errors) == {p.name for p in model.spiking.populations if p.spiking}
    for layer, (before, after) in good.errors.items():
        assert before < after < bad.errors[layer][1], layer
    assert good.agreement >= bad.agreement and "rate error" in str(good)
    nothing = realism.cost(model, model, x, labels, 100 * ms, device="numpy")
    assert nothing.agreement == 1 and set(nothing.differences.values()) == {0.0}


def test_what_cannot_be_changed_is_refused(network, x):
    spiking = model_of(network, x).spiking
    with pytest.raises(ParameterError, match="no population"):
        realism.with_neurons(spiking, "few_spike", max_rate=1000.0, dt=1 * ms)
    with pytest.raises(ParameterError, match="no neuron has a tau_m"):
        realism.mismatched(spiking, tau=0.1)
    for wrong in (
        lambda: realism.quantized(spiking, 0),
        lambda: realism.noisy_weights(spiking, -1),
        lambda: realism.delayed(spiking, 1, 2),
        lambda: realism.mismatched(spiking, threshold=float("nan")),
        lambda: Noise(membrane=3 * mV),
        lambda: ExponentialConductance(E_i=0 * mV),
        lambda: HodgkinHuxley(refractory=1 * ms),
    ):
        with pytest.raises(ParameterError):
            wrong()


def test_a_trained_network_with_leaky_neurons_keeps_its_rates():
    """Under images that do not change the first layer moves by less than a fifth of what it says. The next one's drive
    comes in spikes, whose order its own trained neurons read: it spikes, and no more is claimed."""
    rng = np.random.default_rng(6)
    layers = [
        Dense(weight=rng.uniform(0, 0.3, (30, 12))), plif(k=0.4, V_th=0.5),
        Dense(weight=rng.uniform(0, 0.1, (8, 30))), stbp(decay=0.5),
    ]  # fmt: skip
    x = rng.random((6, 12))
    model = bioconv.to_brian(bioconv.spiking_network(layers, (12,)))
    labels = np.zeros(6, dtype=int)
    differences = []
    for compensate in (True, False):
        changed = model.with_neurons("lif", rate=100 * Hz, dt=0.5 * ms, compensate=compensate)
        assert all(isinstance(p.neuron, LeakyIntegrateFire) for p in changed.spiking.populations)
        found = realism.cost(
            model, changed, x, labels, 100 * ms, changed_duration=1000 * ms, device="numpy"
        )
        differences.append(np.array(list(found.differences.values())))
        assert not found.errors
    said = model.run(x, 100 * ms, device="numpy")
    size = np.array([said.coding(name).mean() for name in said.counts])
    assert (size > 0.1).all()
    assert differences[0][0] < 0.2 * size[0] and differences[0][0] < differences[1][0]
