"""Layers that spike in a way of their own: steps of binary networks, the OR of a window."""

import numpy as np
import pytest
from brian2 import ms
from cases import chain, conv, dense, graph, images

import bioconv
from bioconv.errors import UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    ClippedReLU,
    Conv2d,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Step,
    forward,
)

# --- binary networks -----------------------------------------------------------------------------


def signs(rng, *shape):
    return rng.choice([-1.0, 1.0], size=shape)


def binary(rng, kind):
    """Weights of +1 and -1, thresholds between the integers that their sums may be."""
    if kind == "dense":
        first, second = (Dense(weight=signs(rng, m, n)) for m, n in ((30, 20), (25, 30)))
        return chain(
            (20,), first, Step(threshold=0.5), second, Step(threshold=-0.5), Dense(weight=signs(rng, 6, 25))
        )  # fmt: skip
    return chain(
        (2, 7, 5), Conv2d(weight=signs(rng, 4, 2, 3, 2)), Step(threshold=0.5),
        Conv2d(weight=signs(rng, 3, 4, 2, 3), padding=1), Step(threshold=-0.5), Flatten(),
        Dense(weight=signs(rng, 6, 3 * 6 * 4)),
    )  # fmt: skip


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_one_step_computes_a_binary_network(rng, kind, n_steps):
    """Sign for sign, in every batch; more steps say the same again."""
    network = binary(rng, kind)
    x = images(network, 20)
    values = bioconv.activations(network, x)
    model = bioconv.to_brian(network, method="unscaled", readout="potential")
    for batch in (20, 7):
        result = model.run(x, n_steps * ms, device="numpy", batch_size=batch)
        for layer in list(result.counts)[:-1]:
            expected = values[result.nodes[layer]]
            assert 0.1 < expected.mean() < 0.9
            np.testing.assert_array_equal(result.counts[layer], n_steps * expected)
        answers = bioconv.reference(network, x)
        np.testing.assert_allclose(result.potentials, n_steps * answers, atol=1e-9)
        np.testing.assert_array_equal(result.predictions, answers.argmax(axis=1))


# --- max-pooling: the OR of a window -----------------------------------------------------------------

OR = {"MaxPool2d": "or"}
POOLS = {
    "plain": MaxPool2d(kernel=(2, 3)),
    "overlapping": MaxPool2d(kernel=(3, 2), stride=(1, 2)),
    "padded": MaxPool2d(kernel=3, stride=2, padding=(1, 0)),
    "ceil": MaxPool2d(kernel=(4, 3), stride=(3, 2), ceil_mode=True),
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
def test_a_pooled_neuron_spikes_where_one_of_its_window_does(name, propagation):
    """In every step of its window: the maximum of spikes is their OR."""
    body = chain((2, 8, 7), conv(3, 2, 2, 2), ReLU(), POOLS[name], Flatten())
    network = chain((2, 8, 7), *(node.layer for node in body.nodes), dense(4, body.output_shape[0]))
    x = images(network, 3)
    model = bioconv.to_brian(
        network, calibration=images(network, 20), substitute=OR, propagation=propagation
    )
    assert list(model.layers) == ["conv1", "pool1", "fc1"]
    assert model.report.scales["pool1"] == model.report.scales["conv1"]
    result = model.run(x, 50 * ms, device="numpy", record="spikes")
    trains = {}
    for layer in ("conv1", "pool1"):
        spikes, shape = result.spikes[layer], model.layers[layer]
        trains[layer] = np.zeros((50, 3, int(np.prod(shape))))
        trains[layer][spikes.step, spikes.sample, spikes.neuron] = 1
        trains[layer] = trains[layer].reshape(150, *shape)
    expected = forward(POOLS[name], trains["conv1"])
    assert 0.01 < expected.mean() < 0.99
    np.testing.assert_array_equal(trains["pool1"], expected)


#: Activations that never fall may come before the pooling: the same values.
ACTIVATIONS = {
    "relu": (ReLU(), "relu1"),
    "leaky": (LeakyReLU(slope=0.2), None),
    "clipped": (ClippedReLU(maximum=0.5), "clippedrelu1"),
    "quantized": (QuantizedReLU(levels=4, maximum=1.0), "quantizedrelu1"),
    "step": (Step(threshold=0.2), "step1"),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("way", ["fir_max", "or"])
def test_pooling_goes_behind_the_activation(name, way):
    activation, node = ACTIVATIONS[name]
    pool = MaxPool2d(kernel=(2, 3))
    network = chain((2, 7, 6), conv(3, 2, 2, 2), pool, activation, Flatten(), dense(4, 9))
    options = {"calibration": images(network, 20), "substitute": {"MaxPool2d": way}}
    if node is None:
        with pytest.raises(UnsupportedLayerError, match="MaxPool2d of values that may be negative"):
            bioconv.convert(network, **options)
        return
    spiking = bioconv.convert(network, **options)
    assert [p.name for p in spiking.populations] == ["conv1", node, "fc1"]
    assert [p.node for p in spiking.populations][:2] == [f"{node}_unpooled", node]
    estimate = "fir_max" if way == "fir_max" else ""
    assert [p.estimate for p in spiking.populations] == [estimate, "", ""]


def test_a_pooling_that_two_layers_read_stays_where_it_is():
    """Behind a branch the activation is another layer's too."""
    network = graph(
        (2, 6, 4),
        conv=(conv(3, 2, 1, 1), INPUT),
        relu=(ReLU(), "conv"),
        pool=(MaxPool2d(kernel=2), "relu"),
        left=(conv(3, 3, 1, 1), "pool"),
        add=(Add(), "left", "pool"),
        relu2=(ReLU(), "add"),
    )
    x = images(network, 20)
    spiking = bioconv.convert(network, calibration=x, substitute=OR)
    assert [p.name for p in spiking.populations] == ["conv", "pool", "add"]
    sources = [p.source for p in spiking.incoming("add")]
    assert sources == ["pool", "pool"]


def test_binary_max_pooling_is_exact(rng):
    """Of steps the maximum is the OR: one step gives the trained network's own answers."""
    network = chain(
        (2, 7, 6), conv(3, 2, 2, 2), Step(threshold=0.5), MaxPool2d(kernel=2), Flatten(), dense(4, 18)
    )  # fmt: skip
    x = images(network, 12)
    model = bioconv.to_brian(network, method="unscaled", substitute=OR, readout="potential")
    result = model.run(x, 1 * ms, device="numpy")
    values = bioconv.activations(network, x)
    assert 0.05 < values["pool1"].mean() < 0.99
    np.testing.assert_array_equal(result.counts["pool1"], values["pool1"])
    np.testing.assert_allclose(result.potentials, bioconv.reference(network, x), atol=1e-9)
