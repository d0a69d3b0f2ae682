"""convert(): the report by hand, options, refusals, readouts, halves of a LeakyReLU."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, chain, graph, images

import bioconv
from bioconv.convert import Percentile, convert
from bioconv.errors import ConversionError, ParameterError, UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Softmax,
)


def dense(n_out, n_in):
    """The same weights whatever ran before."""
    rng = np.random.default_rng([n_out, n_in])
    weight = rng.normal(size=(n_out, n_in)) * np.sqrt(2 / n_in)
    return Dense(weight=weight, bias=rng.normal(size=n_out) * 0.1)


FIRST = chain(
    (2,),
    Dense(weight=[[2.0, 0.0], [0.0, 4.0]], bias=[0.0, -2.0]),
    ReLU(),
    Dense(weight=[[3.0, -1.0]], bias=[0.5]),
)
X = np.array([[1.0, 2.0], [0.5, 0.0]])


def test_the_report_by_hand():
    """Activations (2, 6) and (1, 0), answers 0.5 and 3.5; the input reaches 2."""
    spiking = convert(FIRST, method=Percentile(percentile=100), calibration=X)
    report = spiking.report
    assert dict(report.scales) == {"input": 2.0, "fc1": 6.0, "fc2": 3.5}
    assert report.thresholds == pytest.approx({"input_to_fc1": 3.0, "fc1_to_fc2": 3.5 / 6})
    after = {"input_to_fc1": [[2 / 3, 0], [0, 4 / 3]], "fc1_to_fc2": [[36 / 7, -12 / 7]]}
    for name, weight in after.items():
        np.testing.assert_allclose(report.weights_after[name], weight)
        np.testing.assert_allclose(
            report.weights_after[name] * report.thresholds[name], report.weights_before[name]
        )
    np.testing.assert_allclose(report.biases_before["fc1"], [0, -2])
    np.testing.assert_allclose(report.biases_after["fc1"], [0, -1 / 3])
    np.testing.assert_allclose(report.biases_after["fc2"], [1 / 7])
    assert str(report).splitlines() == [
        "method      Percentile(percentile=100)",
        "scale       input: 2",
        "scale       fc1: 6",
        "scale       fc2: 3.5",
        "threshold   input_to_fc1: 3",
        "threshold   fc1_to_fc2: 0.583333",
    ]


def test_a_shortcut_has_a_gain_and_no_weights():
    network = graph(
        (2,),
        fc=(Dense(weight=[[1.0, 0.0], [0.0, 1.0]]), INPUT),
        relu=(ReLU(), "fc"),
        next=(Dense(weight=[[1.0, 0.0], [0.0, 1.0]]), "relu"),
        add=(Add(), "next", "relu"),
        relu2=(ReLU(), "add"),
    )
    spiking = convert(network, method=Percentile(percentile=100), calibration=X)
    names = [projection.name for projection in spiking.projections]
    assert names == ["input_to_fc", "fc_to_add", "fc_to_add_2"]
    assert [p.gain for p in spiking.projections] == [1.0, 1.0, 0.5]
    assert spiking.projections[2].layers == ()
    assert spiking.report.weights_after["fc_to_add_2"] is None
    assert spiking.report.thresholds["fc_to_add_2"] == 2.0


@pytest.mark.parametrize("name", NETWORKS)
def test_trained_arrays_stay_as_they_were(name):
    network = NETWORKS[name]
    layers = [node.layer for node in network.nodes]
    arrays = [a for layer in layers for a in vars(layer).values() if isinstance(a, np.ndarray)]
    before = [array.copy() for array in arrays]
    calibration = images(network, 8)
    kept = calibration.copy()
    convert(network, method="data_based", calibration=calibration)
    np.testing.assert_array_equal(calibration, kept)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert not array.flags.writeable


MAX = chain((1, 4, 2), MaxPool2d(kernel=2), Flatten(), dense(3, 2))
SOFT = chain((6,), dense(3, 6), Softmax())
LEAKY = chain((6,), dense(4, 6), LeakyReLU(slope=0.3), dense(3, 4))
#: network, options, notes
NOTES = {
    "calibrated": (FIRST, {"calibration": X}, ["Percentile(percentile=99.9) was chosen"]),
    "not_calibrated": (
        FIRST, {}, ["ModelBased() was chosen since no calibration data was given"],
    ),
    "asked_for": (FIRST, {"method": "unscaled"}, []),
    "max_pooling": (
        MAX,
        {"method": "unscaled", "substitute": {"MaxPool2d": "AvgPool2d"}},
        ["MaxPool2d was replaced by AvgPool2d; the trained network's own answers may differ"],
    ),
    "leaky": (
        LEAKY,
        {"method": "unscaled", "substitute": {"LeakyReLU": "ReLU"}},
        ["LeakyReLU was replaced by ReLU; the trained network's own answers may differ"],
    ),
    "softmax": (
        SOFT,
        {"method": "unscaled"},
        ["Softmax was left out; it keeps the order of the classes"],
    ),
    "absent": (FIRST, {"method": "unscaled", "substitute": {"MaxPool2d": "AvgPool2d"}}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_notes(name):
    network, options, notes = NOTES[name]
    assert list(convert(network, **options).report.notes) == notes


UNCALIBRATED = (
    "method {} looks at activations; give calibration=images, a few hundred of the training set, "
    'or method="model_based"'
)
RANGE = "input_range is {!r}; give (low, high) with low < high"
REFUSED = {
    "pooling": (
        {"pooling": "max"}, ConversionError,
        "pooling is 'max'; choose one of folded, population",
    ),
    "percentile": (
        {"method": "percentile"}, ConversionError,
        UNCALIBRATED.format("Percentile(percentile=99.9)"),
    ),
    "data_based": (
        {"method": "data_based"}, ConversionError,
        UNCALIBRATED.format("DataBased(carry='scale')"),
    ),
    "calibration_shape": (
        {"calibration": np.ones((5, 3))}, ConversionError,
        "calibration: images have shape (5, 3); the network takes (n_samples, 2).",
    ),
    "calibration_of_one": (
        {"calibration": np.ones(2)}, ConversionError,
        "calibration: images have shape (2,); the network takes (n_samples, 2). For one sample add "
        "the first axis: images[None]",
    ),
    "calibration_empty": (
        {"calibration": np.ones((0, 2))}, ConversionError,
        "calibration: images have shape (0, 2): no sample at all",
    ),
    "calibration_nan": (
        {"calibration": [[1.0, np.nan]]}, ConversionError,
        "calibration: images hold NaN or infinite values, the first in sample 0",
    ),
    **{
        f"range_{n}": ({"input_range": bad}, ConversionError, RANGE.format(bad))
        for n, bad in enumerate([(1, 0), (0, 0), (0, np.inf), (np.nan, 1), (0, 1, 2), 5, "ab"])
    },
    "neuron": (
        {"neuron": "hopfield"}, ParameterError,
        "neuron is 'hopfield'; choose one of if, lif, correcting, few_spike, adaptive_lif, exponential_if, izhikevich, hodgkin_huxley or a record of bioconv.neurons such as "
        "LIF(tau_m=20*ms)",
    ),
    "synapse": (
        {"synapse": ["alpha"]}, ParameterError,
        "synapse is ['alpha']; choose one of delta, exponential, alpha, double_exponential, conductance or a "
        "record of bioconv.neurons such as Exponential(tau=5*ms)",
    ),
    "reset": (
        {"reset": "soft"}, ParameterError,
        'reset is \'soft\'; choose "subtract" (soft, keeps the overshoot) or "zero" (hard)',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    options, error, text = REFUSED[name]
    with pytest.raises(error) as caught:
        convert(FIRST, **options)
    assert str(caught.value) == text


def test_layers_that_cannot_spike_name_their_substitute():
    """What may be negative has no rate to choose by."""
    network = chain((1, 4, 2), Conv2d(weight=[[[[-1.0]]]]), MaxPool2d(kernel=2))
    for signed, options in ((network, {}), (MAX, {"input_range": (-1, 1)})):
        with pytest.raises(UnsupportedLayerError) as caught:
            convert(signed, **options)
        assert str(caught.value) == (
            "layer 'pool1': MaxPool2d of values that may be negative has no spiking form. Put an "
            "activation before or behind it, or accept another network: substitute="
            '{"MaxPool2d": "AvgPool2d"}'
        )


@pytest.mark.parametrize(
    ("given", "calibration", "expected"),
    [
        (None, None, (0, 1)),
        (None, X, (0, 2)),
        (None, X / 4, (0, 1)),
        (None, -X, (-2, 1)),
        ((-3, 1), X, (-3, 1)),
    ],
)
def test_input_ranges(given, calibration, expected):
    stimulus = convert(FIRST, calibration=calibration, input_range=given).stimulus
    assert (stimulus.low, stimulus.high) == expected
    assert stimulus.scale == max(np.abs(expected))


def test_neuron_synapse_and_reset_reach_every_population():
    spiking = convert(FIRST, neuron="LIF", synapse="alpha", reset="zero")
    for population in spiking.populations:
        assert isinstance(population.neuron, bioconv.LIF)
        assert type(population.synapse).__name__ == "Alpha"
        assert population.reset == "zero"


@pytest.mark.parametrize("slope", [0.3, 1.5])
def test_halves_of_a_leaky_relu_add_up(slope):
    network = chain((6,), dense(9, 6), LeakyReLU(slope=slope), dense(3, 9))
    x = images(network, 3)
    spiking = convert(network, calibration=x, method=Percentile(percentile=100))
    up, down = spiking["fc1"], spiking["fc1_negative"]
    assert (up.node, up.sign, down.node, down.sign) == ("leakyrelu1", 1, "leakyrelu1", -1)
    assert down.scale == pytest.approx(slope * spiking.report.scales["fc1_negative"])
    result = bioconv.to_brian(spiking).run(x, 400 * ms, device="numpy")
    decoded = result.decoded("fc1") + result.decoded("fc1_negative")
    activation = bioconv.activations(network, x)["leakyrelu1"]
    assert (activation < 0).any() and (result.decoded("fc1_negative") <= 0).all()
    # each half is off by less than one spike of the 400
    np.testing.assert_allclose(decoded, activation, atol=(up.scale + down.scale) / 400)


def test_halves_of_leaky_relus_take_spikes_back():
    """Their counts are rounded at every step: off by half a spike, and by what comes in."""
    network = chain((6,), dense(9, 6), LeakyReLU(slope=0.3), dense(7, 9), LeakyReLU(slope=0.3))
    x = images(network, 5)
    model = bioconv.to_brian(
        network, calibration=x, method=Percentile(percentile=100), initial=0.5, neuron="correcting"
    )
    result = model.run(x, 200 * ms, device="numpy")
    assert all((result.negatives[name] > 0).any() for name in ("fc2", "fc2_negative"))
    weight = np.abs(network["fc2"].layer.weight).sum(axis=1).max()
    inherited = 0.0
    for fc, node in (("fc1", "leakyrelu1"), ("fc2", "leakyrelu2")):
        halves = (fc, f"{fc}_negative")
        bound = weight * inherited + sum(model.spiking[half].scale for half in halves) / 400
        decoded = sum(result.decoded(half) for half in halves)
        expected = bioconv.activations(network, x)[node]
        np.testing.assert_allclose(decoded, expected, atol=bound + 1e-9)
        inherited = bound


@pytest.mark.parametrize("slope", [0.0, -0.5])
def test_slopes_of_zero_and_below(slope):
    network = chain((6,), dense(9, 6), LeakyReLU(slope=slope))
    x = images(network, 3)
    model = bioconv.to_brian(network, calibration=x, method=Percentile(percentile=100))
    result = model.run(x, 400 * ms, device="numpy")
    expected = bioconv.activations(network, x)["leakyrelu1"]
    decoded = sum(result.decoded(name) for name in ("fc1", "fc1_negative") if name in result.counts)
    np.testing.assert_allclose(decoded, expected, atol=2 * expected.max() / 400 + 1e-9)


@pytest.mark.parametrize("end", [(Softmax(),), (ReLU(), Softmax())], ids=["soft", "relu"])
def test_a_readout_of_potentials_answers_as_the_trained_network(end):
    """Integrators hold T times the answer, less what hidden layers lag: a few thousandths of it."""
    network = chain((8,), dense(12, 8), ReLU(), dense(5, 12), *end)
    x = images(network, 20)
    model = bioconv.to_brian(network, calibration=x)
    result = model.run(x, 500 * ms, device="numpy")
    assert result.counts[result.output].sum() == 0
    answers = bioconv.reference(network, x)
    expected = answers.argmax(axis=1)
    sure = np.ptp(np.sort(answers)[:, -2:], axis=1) > 0.01
    assert sure.sum() >= 10 and len(set(expected[sure])) > 1
    np.testing.assert_array_equal(result.predicted("potential")[sure], expected[sure])
    np.testing.assert_array_equal(result.predictions[sure], expected[sure])


NORM = BatchNorm(
    mean=[0.3, -0.2, 0.1], var=[0.6, 0.9, 1.4], gamma=[1.2, 0.7, 1.5], beta=[0.2, 0.4, -0.1]
)
#: What may stand behind the last layer without changing what its rates stand for.
ENDS = {
    "dense": ((), "fc2"),
    "norm": ((NORM,), "batchnorm1"),
    "norm_and_softmax": ((NORM, Softmax()), "batchnorm1"),
    "softmax": ((Softmax(),), "fc2"),
    "relu": ((ReLU(),), "relu2"),
    "norm_and_relu": ((NORM, ReLU()), "relu2"),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_output_codes_a_layer_of_the_trained_network(name):
    """Also where batch normalisation was folded: what it computes is not what fc2 computed."""
    layers, node = ENDS[name]
    network = chain((6,), dense(8, 6), ReLU(), dense(3, 8), *layers)
    x = images(network, 6)
    model = bioconv.to_brian(network, calibration=x, readout="spikes")
    assert model.spiking["fc2"].node == node
    result = model.run(x, 500 * ms, device="numpy")
    expected = np.maximum(bioconv.activations(network, x)[node], 0)
    assert expected.max() > 0.1
    # the spike left in the membrane and those that the hidden layer holds back, few of 500
    np.testing.assert_allclose(result.decoded("fc2"), expected, atol=0.02 * expected.max())


@pytest.mark.parametrize(
    ("substitute", "replaced"), [({"MaxPool2d": "AvgPool2d"}, MAX), ({"LeakyReLU": "ReLU"}, LEAKY)]
)
def test_substitutes_convert_as_the_network_with_the_other_layer(substitute, replaced):
    other = {MaxPool2d: AvgPool2d(kernel=2, count_include_pad=False), LeakyReLU: ReLU()}
    layers = [other.get(type(node.layer), node.layer) for node in replaced.nodes]
    ours = convert(replaced, substitute=substitute)
    theirs = convert(chain(replaced.input_shape, *layers))
    x = images(replaced)
    assert len(ours.projections) == len(theirs.projections)
    for one, two in zip(ours.projections, theirs.projections, strict=True):
        if one.source == INPUT:
            np.testing.assert_allclose(one.of(x), two.of(x))
    assert list(ours.report.scales.values()) == list(theirs.report.scales.values())


def test_what_training_alone_needs_changes_nothing():
    """Dropout and an idle normalisation: the same scales to the last bits."""
    layers = dense(8, 6), ReLU(), dense(3, 8)
    idle = BatchNorm(mean=np.zeros(8), var=np.ones(8), eps=0)
    plain = convert(chain((6,), *layers), method="model_based").report.scales
    more = chain((6,), layers[0], idle, Dropout(), layers[1], Dropout(), layers[2])
    assert convert(more, method="model_based").report.scales == pytest.approx(plain, rel=1e-15)
