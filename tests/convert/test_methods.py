"""Scales by hand for every method, and what each promises."""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, chain, images, norm

import bioconv
from bioconv.convert import (
    METHODS,
    QCFS,
    RMP,
    ChannelWise,
    Compensated,
    DataBased,
    ModelBased,
    Percentile,
    SpikeNorm,
    Unscaled,
    convert,
    method_named,
    methods,
    violations,
)
from bioconv.errors import ConversionError
from bioconv.graph import (
    AvgPool2d,
    ClippedReLU,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    SoftLIF,
    Step,
    activations,
)
from bioconv.neurons import IF, LIF, CorrectingIntegrateFire, FewSpike

#: Drives of two neurons that a single input of 1 … 4 activates: 1 … 4 times (3, -2) and a bias.
X = np.array([[1.0], [2.0], [3.0], [4.0]])


def small(bias=(0.0, 0.0), second=((0.5, 1.0),)):
    return chain((1,), Dense(weight=[[3.0], [-2.0]], bias=bias), ReLU(), Dense(weight=second))


def scales(network, method, calibration=X, **options):
    found = dict(convert(network, method=method, calibration=calibration, **options).report.scales)
    assert found.pop("input") == (4.0 if calibration is X and not options else 1.0)
    return found


def test_percentiles_leave_out_zeros():
    """Neuron 0 is active with 3, 6, 9, 12, neuron 1 never: the median of the active ones is 7.5."""
    found = scales(small(), Percentile(percentile=50))
    assert found == {"fc1": 7.5, "fc2": 3.75}
    assert scales(small(), Percentile(percentile=100)) == {"fc1": 12.0, "fc2": 6.0}


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([[3.0], [-2.0]], 12.0),  # the activation
        ([[3.0], [-40.0]], 12.0),  # a large negative weight drives nobody
        ([[0.3], [-40.0]], 1.2),
    ],
)
def test_data_based_takes_the_largest_activation(weight, expected):
    network = chain((1,), Dense(weight=weight), ReLU())
    assert scales(network, "data_based")["fc1"] == pytest.approx(expected, rel=1e-7)  # of float32


def test_data_based_takes_the_largest_positive_weight_where_that_is_larger():
    network = chain((1,), Dense(weight=[[3.0]], bias=[-11.0]), ReLU(), Dense(weight=[[1.0]]))
    assert scales(network, DataBased())["fc1"] == 3.0  # the activation is 12 - 11
    silent = chain((1,), Dense(weight=[[3.0]], bias=[-100.0]), ReLU())
    assert scales(silent, DataBased()) == {"fc1": 3.0}


def test_data_based_sees_the_signs_of_negative_halves():
    network = chain((1,), Dense(weight=[[-5.0, ]], bias=[1.0]), LeakyReLU(slope=0.5))  # fmt: skip
    found = scales(network, "data_based", X / 100, input_range=(0, 1))
    assert found["fc1"] == pytest.approx(0.95, rel=1e-7)
    assert found["fc1_negative"] == 5.0


def test_model_based_is_the_largest_sum_of_positive_weights(rng):
    """Without biases: sums by hand, each layer's times the scale of the layer before."""
    first, second = rng.normal(size=(5, 7)), rng.normal(size=(3, 5))
    network = chain((7,), Dense(weight=first), ReLU(), Dense(weight=second))
    rows = np.maximum(first, 0).sum(axis=1)
    top = rows.max()
    assert scales(network, "model_based", None) == pytest.approx(
        {"fc1": top, "fc2": top * np.maximum(second, 0).sum(axis=1).max()}
    )


def test_model_based_sums_a_kernel_over_all_input_maps(rng):
    weight = rng.normal(size=(4, 2, 3, 2))
    network = chain((2, 5, 4), Conv2d(weight=weight), ReLU())
    expected = np.maximum(weight, 0).sum(axis=(1, 2, 3)).max()
    assert scales(network, "model_based", None)["conv1"] == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high", "bound"), [(0, 1, 3.5), (0, 2, 6.5), (-2, 1, 4.5)])
def test_model_based_knows_the_input_range_and_the_bias(low, high, bound):
    """3 x + 0.5 and -2 x + 0.5 for x between low and high."""
    report = convert(small((0.5, 0.5)), method="model_based", input_range=(low, high)).report
    assert report.scales["fc1"] == bound
    assert report.scales["input"] == max(abs(low), abs(high))


def test_model_based_bounds_both_halves_of_a_leaky_relu():
    """For x from -1 to 2: 3 x + 0.5 to 6.5, its negative to 2.5; -2 x + 0.5 to 2.5, its to 3.5.

    The next layer subtracts what is at least -3.5/2, from at most 6.5.
    """
    first = Dense(weight=[[3.0], [-2.0]], bias=[0.5, 0.5])
    network = chain((1,), first, LeakyReLU(slope=0.5), Dense(weight=[[1.0, -1.0]]))
    report = convert(network, method="model_based", input_range=(-1, 2)).report
    assert dict(report.scales) == {"input": 2, "fc1": 6.5, "fc1_negative": 3.5, "fc2": 8.25}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_input_exceeds_the_model_based_bound(name, signed):
    """Random and extreme images: no drive above the scale, rounding aside."""
    network = NETWORKS[name]
    x = images(network, 20)
    x = np.concatenate([x, x > 0.5, np.ones_like(x[:1]), np.zeros_like(x[:1])])
    x = 2 * x - 1 if signed else x
    low = -1.0 if signed else 0.0
    bounds = convert(network, method="model_based", input_range=(low, 1)).report.scales
    seen = convert(
        network, method=Percentile(percentile=100), calibration=x, input_range=(low, 1)
    ).report.scales
    assert seen.keys() == bounds.keys()
    for layer, largest in seen.items():
        assert 0 < largest <= bounds[layer] * (1 + 1e-6), layer


def test_unscaled_keeps_the_weights():
    network = small((0.25, 0.5))
    spiking = convert(network, method="unscaled")
    assert set(spiking.report.scales.values()) == {1.0}
    for name, weight in spiking.report.weights_after.items():
        np.testing.assert_array_equal(weight, spiking.report.weights_before[name])
    np.testing.assert_array_equal(spiking["fc1"].bias, [0.25, 0.5])


@pytest.mark.parametrize("method", [Percentile(), ModelBased()], ids=repr)
def test_a_dead_layer_keeps_its_weights_and_is_named(method):
    network = chain((1,), Dense(weight=[[-1.0]]), ReLU(), Dense(weight=[[2.0]], bias=[-1.0]))
    report = convert(network, method=method, calibration=X).report
    assert (report.scales["fc1"], report.scales["fc2"]) == (1.0, 1.0)
    assert report.notes == (
        "fc1: nothing activates it, so its weights were not scaled",
        "fc2: nothing activates it, so its weights were not scaled",
    )


@pytest.mark.parametrize("name", METHODS)
def test_names(name):
    assert type(method_named(name, False)) is METHODS[name]
    spikes, weights = ("spike_norm", "rmp"), ("model_based", "tailored", "unscaled")
    looks = "spikes" if name in spikes else "weights" if name in weights else "activations"
    assert METHODS[name]().looks == looks


@pytest.mark.parametrize(
    ("given", "calibrated", "expected"),
    [
        (None, True, Percentile(percentile=99.9)),
        (None, False, ModelBased()),
        (Unscaled(), True, Unscaled()),
    ],
)
def test_defaults(given, calibrated, expected):
    assert method_named(given, calibrated) == expected


@pytest.mark.parametrize("bad", ["Percentile", "", 3, Percentile, ["percentile"]], ids=repr)
def test_unknown_methods(bad):
    with pytest.raises(ConversionError) as caught:
        method_named(bad, True)
    assert str(caught.value) == (
        f"method is {bad!r}; choose one of {', '.join(METHODS)} or a record of "
        "bioconv.convert.methods such as Percentile(percentile=99.99)"
    )


@pytest.mark.parametrize("bad", [0, -1, 100.5, float("nan")])
def test_percentiles_out_of_range(bad):
    with pytest.raises(ConversionError) as caught:
        Percentile(percentile=bad)
    assert str(caught.value) == (
        f"Percentile: percentile is {bad!r}; give more than 0 and at most 100"
    )


# --- one channel at a time, factors, carries -------------------------------------------------------


def test_channel_wise_is_a_percentile_of_every_channel(rng):
    """Of a vector's neurons, of a map's channels; a dead channel keeps its weights and is counted."""
    network = chain((1,), Dense(weight=[[3.0], [-2.0], [0.5]]), ReLU(), Dense(weight=[[1.0, 1, 1]]))
    report = convert(network, method=ChannelWise(percentile=50), calibration=X).report
    np.testing.assert_allclose(report.scales["fc1"], [7.5, 1, 1.25])
    assert report.notes == (
        "fc1: nothing activates 1 of its 3 channels, so their weights were not scaled",
    )
    assert "scale       fc1: 1 to 7.5, 3 channels" in str(report).splitlines()
    assert report.thresholds["input_to_fc1"] == 7.5 / 4
    maps = chain(
        (2, 5, 4), Conv2d(weight=rng.uniform(-0.5, 1, size=(3, 2, 2, 3))), ReLU(), Flatten(),
        Dense(weight=np.ones((1, 24))),
    )  # fmt: skip
    x = images(maps, 7)
    values = activations(maps, x)["relu1"]
    found = convert(maps, method=ChannelWise(percentile=90), calibration=x).report.scales["conv1"]
    expected = [np.percentile(values[:, c][values[:, c] > 0], 90) for c in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # of float32


def test_channel_wise_sees_negative_values_of_signed_neurons():
    network = chain(
        (1,), Dense(weight=[[-5.0], [1.0]]), LeakyReLU(slope=0.5), Dense(weight=[[1.0, 1.0]])
    )
    found = convert(
        network, method=ChannelWise(percentile=100), calibration=X, substitute={"LeakyReLU": "signed"}
    ).report.scales["fc1"]  # fmt: skip
    np.testing.assert_allclose(found, [10.0, 4.0])


def test_channel_wise_leaves_the_order_of_the_answers():
    """Classes whose largest values differ: counts of spikes are compared as they are."""
    network = chain((2,), Dense(weight=np.eye(2)), ReLU(), Dense(weight=[[8.0, 0.0], [0.0, 1.0]]))
    model = bioconv.to_brian(
        network, method="channel_wise", calibration=np.eye(2), input_range=(0, 1)
    )
    assert np.ndim(model.report.scales["fc2"]) == 0
    result = model.run(np.array([[0.2, 0.9]]), 100 * ms, device="numpy")
    np.testing.assert_allclose(result.decoded("fc2"), [[1.6, 0.9]], atol=0.1)
    assert result.predictions == [0]


def test_a_factor_of_one_compensates_nothing_and_another_drives_all_harder():
    network = small((0.25, 0.5))
    plain = convert(network, method=Percentile(), calibration=X)
    same, harder = (
        convert(network, method=Compensated(factor=f), calibration=X) for f in (1.0, 1.1)
    )
    assert same.report.scales == plain.report.scales == harder.report.scales
    for one, two, three in zip(
        plain.projections, same.projections, harder.projections, strict=True
    ):
        x = np.ones((1, *one.shape))
        np.testing.assert_array_equal(one.of(x), two.of(x))
        np.testing.assert_allclose(three.of(x), 1.1 * one.of(x), rtol=1e-15)
    for population in plain.populations:
        np.testing.assert_allclose(harder[population.name].bias, 1.1 * population.bias, rtol=1e-15)
        assert population.bias.any() or population.name == "fc2"


def test_the_applied_factor_is_another_scale_from_the_third_layer_on():
    """Largest activations 8, 4, 16: factors 8/1, 4/8, 16/(4/8), so the scales are 8, 4 and 128.

    Of the published code: ``W3 (4/8)/16``, where ``W3 4/16`` makes the largest activation 1.
    """
    layers = [Dense(weight=[[w]]) for w in (2.0, 0.5, 4.0)]
    network = chain((1,), layers[0], ReLU(), layers[1], ReLU(), layers[2])
    x, options = X, {"input_range": (0, 1), "calibration": X}
    by_scale = convert(network, method=DataBased(carry="scale"), **options).report
    applied = convert(network, method=DataBased(carry="applied"), **options).report
    assert list(by_scale.scales.values()) == [1, 8, 4, 16] and x.max() == 4
    assert list(applied.scales.values()) == [1, 8, 4, 128]
    weights = [float(w.item()) for w in applied.weights_after.values()]
    assert weights == [2 / 8, 0.5 * 8 / 4, 4 * (4 / 8) / 16]
    with pytest.raises(ConversionError, match="defined for chains of layers only"):
        convert(
            NETWORKS["branches"], method=DataBased(carry="applied"),
            calibration=images(NETWORKS["branches"], 5),
        )  # fmt: skip
    with pytest.raises(ConversionError, match='carry is \'both\'; choose "scale" or "applied"'):
        DataBased(carry="both")


SIGNED_METHODS = {
    "percentile": Percentile(percentile=100),
    "data_based": DataBased(),
    "compensated": Compensated(percentile=100),
    "qcfs": QCFS(percentile=100),
    "channel_wise": ChannelWise(percentile=100),
}


@pytest.mark.parametrize("name", SIGNED_METHODS)
def test_negative_spikes_count_as_much_as_positive_ones(name):
    """Of -10 and 4 the first is the larger: as the scale, both rates are at most one a step."""
    network = chain(
        (1,), Dense(weight=[[-5.0], [1.0]]), LeakyReLU(slope=0.5), Dense(weight=[[1.0, 1.0]])
    )
    found = convert(
        network, method=SIGNED_METHODS[name], calibration=X, substitute={"LeakyReLU": "signed"}
    ).report.scales["fc1"]  # fmt: skip
    np.testing.assert_allclose(np.max(found), 10.0)


# --- layers that leave no choice -------------------------------------------------------------------


def peaks(spiking, images, n_steps):
    """A simulation that always sees the same largest input."""
    return SimpleNamespace(potentials=np.array([[0.3, 1.7]]))


@pytest.mark.parametrize("name", METHODS)
def test_layers_with_a_scale_of_their_own_keep_it(name):
    """Whatever the method: a maximum, a step of one, the rate of a neuron, the scale of what is pooled."""
    network = chain(
        (1, 6, 4), Conv2d(weight=np.ones((2, 1, 1, 1))), ClippedReLU(maximum=0.6), MaxPool2d(kernel=2),
        Flatten(), Dense(weight=np.ones((3, 12))), QuantizedReLU(levels=4, maximum=2.5),
        Dense(weight=np.ones((3, 3))), Step(), Dense(weight=np.ones((3, 3))), SoftLIF(amplitude=0.05),
        Dense(weight=np.ones((2, 3))),
    )  # fmt: skip
    spiking = convert(
        network, method=name, calibration=images(network, 5), simulate=peaks, max_rate=500.0
    )
    scales = dict(spiking.report.scales)
    assert np.all(scales.pop("fc4") > 0)
    assert scales == {
        "input": 1, "conv1": 0.6, "pool1": 0.6, "fc1": 2.5, "fc2": 1.0, "fc3": 0.05 * 500.0,
    }  # fmt: skip


# --- tailored ----------------------------------------------------------------------------------


def test_tailored_lists_every_violation():
    network = chain(
        (2, 6, 4), Conv2d(weight=np.ones((3, 2, 1, 1)), bias=[0.0, 0.1, 0.0]), norm(3), LeakyReLU(),
        MaxPool2d(kernel=2), Flatten(), Dense(weight=np.ones((4, 18)), bias=np.zeros(4)), ReLU(),
        Dense(weight=np.ones((2, 4)), bias=np.ones(2)),
    )  # fmt: skip
    assert violations(network) == [
        "conv1: Conv2d has biases; train it without",
        "batchnorm1: BatchNorm adds biases; train without it",
        "leakyrelu1: LeakyReLU; train with ReLU",
        "pool1: MaxPool2d; train with AvgPool2d",
        "fc2: Dense has biases; train it without",
    ]


def test_a_tailored_network_has_no_violations_and_keeps_its_weights():
    network = chain(
        (2, 6, 4), Conv2d(weight=np.ones((3, 2, 1, 1))), ReLU(), AvgPool2d(kernel=2), Dropout(),
        Flatten(), Dense(weight=np.ones((4, 18))),
    )  # fmt: skip
    assert violations(network) == []
    spiking = convert(network, method="tailored")
    assert {p.reset for p in spiking.populations} == {"zero"}
    assert set(spiking.report.scales.values()) == {1.0}


# --- what a method brings, and what a caller may choose instead ---------------------------------------

#: reset, begin, neuron, silent readout
BRINGS = {
    "qcfs": ("subtract", 0.5, CorrectingIntegrateFire, False),
    "few_spike": ("subtract", 0.0, FewSpike, True),
    "spike_norm": ("zero", 0.0, IF, False),
    "tailored": ("zero", 0.0, IF, False),
}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_brings(name):
    reset, initial, neuron, silent = BRINGS.get(name, ("subtract", 0.0, IF, False))
    spiking = convert(small(), method=name, calibration=X, simulate=peaks)
    assert {p.reset for p in spiking.populations} == {reset}
    first, last = spiking.populations
    assert (first.initial, last.initial) == (initial, 0.0 if silent else initial)
    assert {type(p.neuron) for p in spiking.populations} == {neuron}
    assert (first.spiking, last.spiking) == (True, not silent)
    other = convert(
        small(), method=name, calibration=X, simulate=peaks, reset="zero", initial=0.25,
        neuron=LIF(), readout="spikes",
    )  # fmt: skip
    assert {(p.reset, p.initial, type(p.neuron)) for p in other.populations} == {
        ("zero", 0.25, LIF)
    }
    assert other.populations[-1].spiking


@pytest.mark.parametrize("name", ["spike_norm", "rmp"])
def test_methods_that_simulate_say_what_calls_them(name):
    with pytest.raises(ConversionError, match="simulates the network; call bioconv.convert or"):
        convert(small(), method=name, calibration=X)


BAD_METHODS = [
    (Compensated, {"factor": 0}, "Compensated: factor is 0; give a positive number"),
    (Compensated, {"percentile": 0}, "Compensated: percentile is 0; give more than 0"),
    (ChannelWise, {"percentile": 101}, "ChannelWise: percentile is 101; give more than 0"),
    (QCFS, {"percentile": -1}, "QCFS: percentile is -1; give more than 0"),
    (methods.FewSpike, {"percentile": "1"}, "FewSpike: percentile is '1'; give more than 0"),
    (SpikeNorm, {"n_steps": 0}, "SpikeNorm: n_steps is 0; give an integer of at least 1"),
    (SpikeNorm, {"n_steps": True}, "SpikeNorm: n_steps is True; give an integer of at least 1"),
    (RMP, {"n_steps": 1.5}, "RMP: n_steps is 1.5; give an integer of at least 1"),
    (RMP, {"alpha": 0}, "RMP: alpha is 0; give more than 0 and at most 1"),
    (RMP, {"alpha": 1.1}, "RMP: alpha is 1.1; give more than 0 and at most 1"),
]


@pytest.mark.parametrize(("kind", "options", "message"), BAD_METHODS, ids=range(len(BAD_METHODS)))
def test_options_out_of_range(kind, options, message):
    with pytest.raises(ConversionError) as caught:
        kind(**options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("bad", [-0.1, 1, "half", float("nan")], ids=repr)
def test_begins_out_of_range(bad):
    with pytest.raises(ConversionError) as caught:
        convert(small(), method="unscaled", initial=bad)
    assert str(caught.value) == (
        f'initial is {bad!r}; give 0 or more and less than 1 (thresholds), or "random"'
    )


def test_clamp_holds_every_layer_a_little_longer():
    spiking = convert(NETWORKS["residual"], method="unscaled", clamp=3)
    assert {p.name: p.hold for p in spiking.populations} == {"conv1": 3, "add": 6, "fc": 9}
