"""The trained networks in models/: files as they were measured, and answers as good as promised."""

import hashlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv import analysis, datasets, methods
from bioconv.errors import ParameterError
from bioconv.graph import Conv2d, Dense, Network, ReLU
from bioconv.learn import diehl_cook, eqprop
from bioconv.learn import stdp_convolution as sc

MODELS = Path(__file__).parents[1] / "models"
#: data set and least accuracy of the trained network on its test set
PROMISED = {
    "digits_mlp": ("digits", 0.97),
    "digits_cnn": ("digits", 0.98),
    "mnist_fcn": ("mnist", 0.984),
    "mnist_cnn": ("mnist", 0.990),
    "mnist_lenet": ("mnist", 0.993),
    "fashion_lenet": ("fashion-mnist", 0.915),
    "mnist_resnet": ("mnist", 0.993),
    "fashion_resnet": ("fashion-mnist", 0.93),
    "mnist_vgg": ("mnist", 0.993),
    "mnist_deep": ("mnist", 0.987),
    "fashion_leaky": ("fashion-mnist", 0.92),
    "mnist_leaky": ("mnist", 0.993),
    "mnist_softlif": ("mnist", 0.990),
    "mnist_qcfs": ("mnist", 0.993),
    "mnist_clipped": ("mnist", 0.987),
    "mnist_binary": ("mnist", 0.975),
    "fashion_fcn": ("fashion-mnist", 0.89),
    "fashion_cnn": ("fashion-mnist", 0.895),
    "mnist_population": ("mnist", 0.98),
}
#: Networks that relax to an answer, are not converted to spikes, and what they reach at least.
RELAXING = {"eqprop_mnist": 0.97}
#: Layers that learn features by STDP, and what a linear read-out of 5,000 training images reaches at least.
FEATURES = {"stdp_convolution": 0.97}
#: Networks that were trained as they spike: data set, steps, and least accuracy in torch.
SPIKING = {"tssl_fashion": ("fashion-mnist", 5, 0.89)}
#: Neurons of diehl_cook, which learnt without labels.
COMPETING = {100: 0.845, 400: 0.89}
#: Networks of signed spikes, and what their integers reach at least.
SIGNED_SPIKES = {"spikegrad_mnist": 0.988}
#: Largest mean absolute error of mnist_boxes, in sides of the canvas.
BOX_ERROR = 0.0040
AVERAGE = {"substitute": {"MaxPool2d": "AvgPool2d"}}
SIGNED = {"substitute": {"LeakyReLU": "signed"}, "readout": "potential"}
#: Networks whose neurons integrate and are reset by subtraction, and ways to convert them.
SOFT_RESET = {
    **{
        name: ({},)
        for name in (
            "digits_mlp", "digits_cnn", "mnist_fcn", "mnist_cnn", "mnist_resnet", "mnist_vgg", "mnist_deep",
            "fashion_fcn", "fashion_cnn", "fashion_resnet", "mnist_population",
        )
    },
    "mnist_lenet": ({}, AVERAGE),
    "fashion_lenet": ({}, AVERAGE),
    "fashion_leaky": ({}, SIGNED),
    "mnist_leaky": ({}, SIGNED),
    "mnist_boxes": ({}, SIGNED),
    "mnist_qcfs": ({}, {"method": "qcfs"}),
    "mnist_clipped": ({}, {"method": "unscaled"}),
}  # fmt: skip
#: Networks of other neurons, and what these are called.
OTHERS = {"mnist_softlif": "soft-LIF", "mnist_binary": "IntegrateFire"}
LARGE = [name for name, (data, _) in PROMISED.items() if data != "digits"]


def load(name):
    return bioconv.read(MODELS / name / "weights.h5")


def script(name):
    """A module of models/."""
    spec = importlib.util.spec_from_file_location(name, MODELS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answered(name, images):
    """(n,) classes that a model gives to images of its data set."""
    if name != "mnist_population":
        return answers(load(name), images)
    population = script("population")
    outputs = bioconv.reference(load(name), population.fields(images))
    return population.votes(outputs).argmax(axis=1)


def answers(network, images):
    parts = np.array_split(images, max(1, len(images) // 500))
    return np.concatenate([bioconv.reference(network, part).argmax(axis=1) for part in parts])


def test_checksums():
    lines = (MODELS / "checksums.txt").read_text().splitlines()
    tables = (PROMISED, RELAXING, FEATURES, SPIKING, COMPETING, SIGNED_SPIKES)
    kinds = sum(len(table) for table in tables)
    assert len(lines) == kinds + 1, "mnist_boxes has no accuracy to promise"
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == digest, name
        assert (MODELS / name).stat().st_size < 5e6


def test_bundled_networks_are_those_of_the_zoo():
    assert bioconv.bundled() == ("digits_cnn", "digits_mlp")
    for name in bioconv.bundled():
        first, second = bioconv.read(name), load(name)
        assert str(first) == str(second)


def test_the_table_tells_the_accuracies():
    table = (MODELS / "README.md").read_text()
    promised = {name: least for name, (_, least) in PROMISED.items()}
    promised |= RELAXING | FEATURES | SIGNED_SPIKES
    promised |= {name: least for name, (_, _, least) in SPIKING.items()}
    for name, least in promised.items():
        told = float(re.search(rf"\[{name}\].*?([\d.]+) %", table).group(1))
        assert told / 100 >= least


def test_the_table_has_a_row_for_everything_that_is_evaluated(monkeypatch):
    monkeypatch.syspath_prepend(MODELS)
    evaluate, table = script("evaluate"), (MODELS / "README.md").read_text()
    told = re.findall(
        r"^\| (\w+) \| (auto)?[^|]*\| (\d+) \| \d\d\.\d\d \|", table, flags=re.MULTILINE
    )
    cases = evaluate.CASES
    assert sorted(told) == sorted(
        (case.model, "auto" * (case.options.get("method") == "auto"), str(case.steps))
        for case in cases
    )
    ways = re.findall(
        r"^\| (\w+\([^|]*\)) \| (\w+), (correcting, )?from ([\w.]+) \|", table, flags=re.MULTILINE
    )
    assert sorted(ways) == sorted(
        (
            repr(case.options["method"]),
            case.options["substitute"]["LeakyReLU"],
            "correcting, " * (case.options["neuron"] == "correcting"),
            str(case.options["initial"]),
        )
        for case in evaluate.BOXES
    )


@pytest.mark.parametrize("name", ["digits_mlp", "digits_cnn"])
def test_digits_answer_as_well_as_spikes(name):
    """The spiking network within one point of the trained one on the test split."""
    network, test = load(name), datasets.load("digits")
    trained = np.mean(answers(network, test.images) == test.labels)
    assert trained >= PROMISED[name][1]
    model = bioconv.to_brian(network, calibration=datasets.load("digits", "train").images)
    result = model.run(test.images, 100 * ms, device="numpy", progress=False)
    assert abs(result.accuracy(test.labels) - trained) <= 0.01


@pytest.mark.data
@pytest.mark.parametrize("name", LARGE)
def test_trained_networks_on_some_images(name):
    """A thousand images: at most two standard errors below the promise."""
    data, least = PROMISED[name]
    test = datasets.load(data, samples=1000)
    found = np.mean(answered(name, test.images) == test.labels)
    assert found >= least - 2 * np.sqrt(least * (1 - least) / 1000)


@pytest.mark.full
@pytest.mark.data
@pytest.mark.parametrize("name", LARGE)
def test_trained_networks_on_the_whole_test_set(name):
    data, least = PROMISED[name]
    test = datasets.load(data)
    assert np.mean(answered(name, test.images) == test.labels) >= least


@pytest.mark.full
@pytest.mark.data
@pytest.mark.compiled
@pytest.mark.parametrize("method", ["percentile", "data_based"])
@pytest.mark.parametrize("name", ["mnist_fcn", "mnist_cnn"])
def test_spiking_networks_on_a_thousand_images(name, method):
    """Within 0.5 points after 100 steps of constant, 1 point after 200 steps of Poisson input."""
    network, test = load(name), datasets.load("mnist", samples=1000)
    calibration = datasets.load("mnist", "train", samples=500).images
    trained = np.mean(answers(network, test.images) == test.labels)
    for encoder, steps, points in (("constant", 100, 0.5), ("poisson", 200, 1.0)):
        model = bioconv.to_brian(network, calibration=calibration, method=method, encoder=encoder)
        result = model.run(test.images, steps * ms, device="cpp_standalone")
        assert abs(result.accuracy(test.labels) - trained) <= points / 100


@pytest.mark.parametrize("name", ["mnist_lenet", "fashion_lenet"])
def test_lenets_convert_with_gates_or_averages(name):
    network = load(name)
    gated = bioconv.convert(network)
    assert [p.name for p in gated.populations] == ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]
    assert [p.estimate for p in gated.populations] == ["exp_max", "", "exp_max", "", "", ""]
    averaged = bioconv.convert(network, substitute={"MaxPool2d": "AvgPool2d"})
    assert [p.name for p in averaged.populations] == ["conv1", "conv2", "fc1", "fc2"]
    assert not gated["fc2"].spiking and not averaged["fc2"].spiking


@pytest.mark.parametrize("name", ["mnist_resnet", "fashion_resnet", "mnist_vgg", "mnist_deep"])
def test_networks_made_to_be_converted_need_no_substitutes(name):
    network = load(name)
    spiking = bioconv.convert(network)
    depth = sum(isinstance(node.layer, (Conv2d, Dense)) for node in network.nodes)
    shortcuts = sum("shortcut" in node.name for node in network.nodes)
    assert len(spiking.populations) == depth - shortcuts == 8


@pytest.mark.full
@pytest.mark.data
@pytest.mark.compiled
def test_relaxing_networks_give_the_same_answers_in_brian2():
    """The whole test set on arrays, a thousand images in C++: the same states to rounding."""
    network, test = (
        eqprop.Network.load(MODELS / "eqprop_mnist" / "weights.h5"),
        datasets.load("mnist"),
    )
    states = network.relax(test.images, 20)
    assert np.mean(states[-1].argmax(axis=1) == test.labels) >= RELAXING["eqprop_mnist"]
    found = network.relax(test.images[:1000], 20, device="cpp_standalone")
    np.testing.assert_allclose(found[-1], states[-1][:1000], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found[-1].argmax(axis=1), states[-1][:1000].argmax(axis=1))


@pytest.mark.data
def test_relaxing_networks_on_some_images():
    """On arrays a thousand images, at most two standard errors below the promise; in Brian2 fifty of these."""
    network = eqprop.Network.load(MODELS / "eqprop_mnist" / "weights.h5")
    test, least = datasets.load("mnist", samples=1000), RELAXING["eqprop_mnist"]
    predictions = network.predict(test.images, 20)
    assert np.mean(predictions == test.labels) >= least - 2 * np.sqrt(least * (1 - least) / 1000)
    in_brian2 = network.predict(test.images[:50], 20, device="numpy")
    np.testing.assert_array_equal(in_brian2, predictions[:50])


def competing(neurons):
    """The network of diehl_cook with so many neurons."""
    settings = diehl_cook.Settings(neurons=neurons)
    return diehl_cook.load_trained(MODELS / "diehl_cook" / f"weights_{neurons}.h5", settings)


def competing_accuracy(neurons, n):
    test = datasets.load("mnist", samples=n)
    images = diehl_cook.grey(test.images)
    return np.mean(competing(neurons).predict(images, progress=False) == test.labels)


@pytest.mark.data
@pytest.mark.compiled
def test_competing_neurons_on_some_images():
    """At most two standard errors below the promise."""
    least = COMPETING[100]
    assert competing_accuracy(100, 300) >= least - 2 * np.sqrt(least * (1 - least) / 300)


@pytest.mark.full
@pytest.mark.data
@pytest.mark.compiled
@pytest.mark.parametrize("neurons", COMPETING)
def test_competing_neurons_on_the_whole_test_set(neurons):
    assert competing_accuracy(neurons, 10_000) >= COMPETING[neurons]


def features():
    """The layers of stdp_convolution."""
    return sc.Trained.load(MODELS / "stdp_convolution" / "weights.h5")


def read_out_accuracy(n_train, n_test):
    pytest.importorskip("sklearn")
    network, test = features(), datasets.load("mnist", samples=n_test)
    train = datasets.load("mnist", "train", samples=n_train)
    read_out = sc.read_out(network.features(train.images), train.labels)
    return read_out.score(network.features(test.images), test.labels)


@pytest.mark.data
def test_learnt_features_of_some_images():
    """A read-out of 1,000 images, tested with 500; random filters reach 0.65."""
    assert read_out_accuracy(1000, 500) >= 0.94


@pytest.mark.full
@pytest.mark.data
def test_learnt_features_of_the_whole_test_set():
    assert read_out_accuracy(5000, 10_000) >= FEATURES["stdp_convolution"]


@pytest.mark.data
@pytest.mark.parametrize(
    "device",
    [
        "numpy",
        pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
        pytest.param("cpp_standalone", marks=[pytest.mark.compiled, pytest.mark.full]),
    ],
)
def test_learnt_layers_spike_at_the_same_times_in_brian2(device):
    """Three images cut to 20 x 20; as in inference, without inhibition."""
    network = features()
    times = sc.latencies(datasets.load("mnist", samples=3).images[:, :, 4:24, 4:24])
    for layer, weights in zip(network.layers, network.weights, strict=True):
        steps, _ = layer.first_spikes(weights, times, inhibition=False)
        assert (steps < sc.STEPS).sum() > 2000
        replayed = layer.replay(weights, times, inhibition=False, device=device)
        np.testing.assert_array_equal(replayed, steps)
        times = layer.pooled(steps)


def torch_predictions(name, images):
    """(n,) classes that the module gives whose weights were stored, in double precision."""
    torch = pytest.importorskip("torch")
    from bioconv.learn.gradient import predictions, tssl

    net = tssl.network().double()
    paths = load(name).projections
    stored = [layer.weight for path in paths for layer in path.layers if isinstance(layer, Dense)]
    with torch.no_grad():
        for weight, value in zip(net.parameters(), stored, strict=True):
            weight.copy_(torch.tensor(value))
    return predictions(net, torch.tensor(images)).numpy()


@pytest.mark.data
@pytest.mark.parametrize("name", SPIKING)
def test_networks_that_were_trained_to_spike_answer_in_brian2_as_in_torch(name):
    """300 images: the same class for each, and at most two standard errors below the promise."""
    data, steps, least = SPIKING[name]
    test = datasets.load(data, samples=300)
    model = bioconv.to_brian(load(name), encoder="constant")
    result = model.run(test.images, steps * model.settings.dt, device="numpy", progress=False)
    np.testing.assert_array_equal(result.predictions, torch_predictions(name, test.images))
    assert result.accuracy(test.labels) >= least - 2 * np.sqrt(least * (1 - least) / 300)


def integers(samples):
    """The network of spikegrad_mnist, test images as it takes them, their labels."""
    torch = pytest.importorskip("torch")
    test = datasets.load("mnist", samples=samples)
    return (
        script("spikegrad_mnist/train").stored(),
        torch.tensor(test.images).double(),
        test.labels,
    )


@pytest.mark.data
def test_signed_spikes_of_some_images():
    """A thousand images as integers, at most two standard errors below the promise; in Brian2 three of these."""
    net, images, labels = integers(1000)
    least = SIGNED_SPIKES["spikegrad_mnist"]
    right = np.mean(net(images)[0].detach().numpy().argmax(axis=1) == labels)
    assert right >= least - 2 * np.sqrt(least * (1 - least) / 1000)
    frames = np.zeros((3, 100, 1, 28, 28))
    frames[:, 0] = images[:3].numpy()
    model = bioconv.to_brian(load("spikegrad_mnist"), encoder="frames")
    result = model.run(frames, device="numpy")
    layers = [layer for layer in model.layers if layer in result.negatives]
    for layer, n in zip(layers, net.counts(images[:3]).values(), strict=True):
        assert n.sum() > 1000
        np.testing.assert_array_equal(result.counts[layer] - result.negatives[layer], n.numpy())
    assert result.negatives[layers[-1]].sum() > 100
    np.testing.assert_allclose(result.potentials, net(images[:3])[0].detach().numpy(), rtol=1e-9)


@pytest.mark.full
@pytest.mark.data
@pytest.mark.parametrize("name", SPIKING)
def test_networks_that_were_trained_to_spike_on_the_whole_test_set(name):
    data, _, least = SPIKING[name]
    test = datasets.load(data)
    assert np.mean(torch_predictions(name, test.images) == test.labels) >= least


@pytest.mark.full
@pytest.mark.data
def test_signed_spikes_of_the_whole_test_set():
    net, images, labels = integers(10_000)
    answers = [net(part)[0].detach().numpy().argmax(axis=1) for part in images.split(500)]
    assert np.mean(np.concatenate(answers) == labels) >= SIGNED_SPIKES["spikegrad_mnist"]


def boxes():
    return script("boxes")


def test_boxes_are_the_extent_of_the_ink_on_the_canvas(rng):
    """Digits of the small set, cut to rectangles."""
    digits = datasets.load("digits", samples=40).images[:, :, :, 1:]
    canvases, found = boxes().placed(digits, rng)
    assert canvases.shape == (40, 1, 56, 56) and len(np.unique(found, axis=0)) > 30
    for canvas, digit, box in zip(canvases[:, 0], digits[:, 0], found, strict=True):
        rows, columns = (np.flatnonzero((canvas >= boxes().INK).any(axis=a)) for a in (1, 0))
        low, high = np.array([columns[0], rows[0]]), np.array([columns[-1] + 1, rows[-1] + 1])
        expected = np.concatenate([(low + high) / 2, high - low]) / 56
        np.testing.assert_allclose(box, expected, rtol=1e-6)
        np.testing.assert_allclose(
            np.sort(canvas[canvas > 0]), np.sort(digit[digit > 0]), rtol=1e-6
        )


def test_the_places_of_the_test_set_do_not_change():
    digits = datasets.load("digits", samples=3).images
    first, second = boxes().test_set(digits), boxes().test_set(digits)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_overlap_of_boxes():
    box = np.array([[0.5, 0.5, 0.2, 0.4]])
    for other, expected in {
        (0.5, 0.5, 0.2, 0.4): 1,
        (0.6, 0.5, 0.2, 0.4): 1 / 3,
        (0.6, 0.7, 0.2, 0.4): 0.25 / 1.75,
        (0.8, 0.5, 0.2, 0.4): 0,
        (0.9, 0.95, 0.2, 0.1): 0,
    }.items():
        assert boxes().overlap(box, np.array([other])) == pytest.approx(expected)


def test_populations_are_fields_of_means_and_means_of_classes(rng):
    """By hand, on rectangles."""
    population = script("population")
    images = rng.random((2, 1, 6, 4)).astype(np.float32)
    mean = images[1, 0, 2:4, 0:2].mean()
    expected = bioconv.receptive_fields(np.array([[mean]]), 4)[0]
    found = population.fields(images)
    assert found.shape == (2, 4, 3, 2) and expected.std() > 0.1
    np.testing.assert_allclose(found[1, :, 1, 0], expected, rtol=1e-5)
    outputs = np.zeros((1, 30))
    outputs[0, 10:20], outputs[0, 29] = 1, 9
    np.testing.assert_allclose(population.votes(outputs), [[0, 1, 0.9]])


@pytest.mark.data
def test_mnist_boxes_on_some_images():
    """Two standard errors above the promise, from the spread over the images."""
    canvases, expected = boxes().test_set(datasets.load("mnist", samples=500).images)
    errors = abs(bioconv.reference(load("mnist_boxes"), canvases) - expected).mean(axis=1)
    assert errors.mean() <= BOX_ERROR + 2 * errors.std() / np.sqrt(len(errors))


@pytest.mark.parametrize("window", [(0, 80), (20, 80), (40, 48)])
def test_potentials_are_read_in_units_of_the_trained_network(window, monkeypatch):
    """Inputs that spike every step, every other and every fourth: exact between multiples of four steps."""
    monkeypatch.syspath_prepend(MODELS)
    weight, x = np.array([[8.0, -2.0, 0.0], [1.0, 1.0, 1.0]]), np.array([[1, 0.5, 0.25]])
    layers = [Dense(weight=np.eye(3)), ReLU(), Dense(weight=weight, bias=np.array([1.0, -3.0]))]
    network = Network.sequential(layers, input_shape=(3,))
    model = bioconv.to_brian(
        network, method=methods.Percentile(percentile=100), calibration=x, readout="potential"
    )
    record = {model.spiking.output: "v"}
    result = model.run(x, 80 * ms, device="numpy", record=record, progress=False)
    assert model.report.scales[result.output] == 8
    found = script("evaluate").decoded(result, window)
    np.testing.assert_allclose(found, [[8.0, -1.25]], rtol=1e-9)


def few_images(name):
    """Three images of the model's test set."""
    data = "mnist" if name == "mnist_boxes" else PROMISED[name][0]
    images = datasets.load(data, samples=3).images
    if name == "mnist_population":
        return script("population").fields(images)
    return boxes().test_set(images)[0] if name == "mnist_boxes" else images


def kept_charge(name, options):
    """{population: parts of its error} after 50 steps in double precision."""
    network, x = load(name), few_images(name)
    model = bioconv.to_brian(network, calibration=x, **options)
    result = model.run(
        x, 50 * ms, device="numpy", record=bioconv.trials.residuals(model), progress=False
    )
    values = bioconv.activations(network, x)
    assert all(
        counts.any() for layer, counts in result.counts.items() if layer not in result.silent
    )
    return {
        p.name: analysis.error_parts(model.spiking, network, result, values, p.name)
        for p in model.spiking.populations
    }


#: Of the data sets' networks those that the default suite takes apart.
QUICK = ("mnist_fcn", "mnist_cnn", "fashion_leaky")


def lanes(names):
    """Models as parameters, with the mark of those that need a data set."""
    return [
        pytest.param(
            name,
            marks=()
            if name.startswith("digits")
            else [pytest.mark.data, *[pytest.mark.full] * (name not in QUICK)],
        )
        for name in names
    ]


def test_every_network_is_asked_for_its_charge():
    elsewhere = set(RELAXING) | set(FEATURES) | set(SIGNED_SPIKES) | set(SPIKING)
    assert set(SOFT_RESET) | set(OTHERS) | elsewhere == {
        path.parent.name for path in MODELS.glob("*/weights.h5")
    }


@pytest.mark.parametrize("name", lanes(SOFT_RESET))
def test_every_layer_keeps_its_charge(name):
    """``r = W r_before + b - (V - V_0)/T``: what is lost is rounding, below 1e-9.

    A max-pooling population sends on the spikes of others and has no charge to keep.
    """
    for options in SOFT_RESET[name]:
        found = kept_charge(name, options)
        lossy = {layer for layer, parts in found.items() if not parts.exact}
        assert lossy == {layer for layer in found if layer.startswith("pool")}
        for layer in set(found) - lossy:
            assert np.abs(found[layer].lost).max() < 1e-9, (layer, options)


@pytest.mark.data
@pytest.mark.parametrize("name", OTHERS)
def test_neurons_that_sum_up_no_charge_are_named(name):
    with pytest.raises(ParameterError, match=rf"{OTHERS[name]} neurons.*does not code"):
        kept_charge(name, {})


@pytest.mark.data
@pytest.mark.compiled
def test_mnist_fcn_agrees_image_by_image():
    network, test = load("mnist_fcn"), datasets.load("mnist", samples=60)
    calibration = datasets.load("mnist", "train", samples=200).images
    result = bioconv.to_brian(network, calibration=calibration).run(test.images, 60 * ms)
    assert analysis.agreement(result, bioconv.reference(network, test.images)) >= 0.95
