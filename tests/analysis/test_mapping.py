"""Every fault of the weights that can be named, done to a network and found again."""

from dataclasses import replace

import numpy as np
import pytest
from cases import NETWORKS, graph, images, norm, normal

import bioconv
from bioconv.analysis import weight_fault
from bioconv.analysis.mapping import KINDS
from bioconv.errors import ResultError
from bioconv.graph import (
    INPUT,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    MaxPool2d,
    Network,
    ReLU,
    activations,
)

RNG = np.random.default_rng(4)
NETWORK = graph(
    (3, 5, 5),
    conv=(Conv2d(weight=normal(3, 3, 3, 3), bias=RNG.normal(size=3), padding=1), INPUT),
    norm=(norm(3), "conv"),
    relu=(ReLU(), "norm"),
    pool=(MaxPool2d(kernel=2), "relu"),
    flat=(Flatten(), "pool"),
    square=(Dense(weight=normal(12, 12), bias=RNG.normal(size=12)), "flat"),
    relu2=(ReLU(), "square"),
    last=(Dense(weight=normal(4, 12), bias=RNG.normal(size=4)), "relu2"),
)
X = images(NETWORK, 12)


def fault_of(network, reference=NETWORK, **options):
    """The first fault of ``network`` against ``reference``."""
    spiking = bioconv.convert(network, calibration=X, substitute=POOLS, **options)
    values = activations(reference, X)
    found = (weight_fault(spiking, reference, values, p.name) for p in spiking.populations)
    return next(filter(None, found), None)


POOLS = {"MaxPool2d": "AvgPool2d"}


def with_layer(name, change, network=None):
    network = network or PLAIN
    nodes = tuple(
        replace(node, layer=change(node.layer)) if node.name == name else node
        for node in network.nodes
    )
    return Network(nodes=nodes, input_shape=network.input_shape)


#: The network with an average in the place of the maximum: its conversion is sound.
PLAIN = bioconv.graph.Network(
    nodes=tuple(
        replace(n, layer=bioconv.graph.AvgPool2d(kernel=2)) if n.name == "pool" else n
        for n in NETWORK.nodes
    ),
    input_shape=NETWORK.input_shape,
)


def weights(turn):
    return lambda layer: replace(layer, weight=turn(layer.weight))


def biases(turn):
    return lambda layer: replace(layer, bias=turn(layer.bias))


def columns(axes, back=False):
    order = np.arange(12).reshape(3, 2, 2).transpose(axes).ravel()
    return weights(lambda w: w[:, np.argsort(order) if back else order])


ONES = np.ones(3)
#: what was done: (layer, change, kind, layer that is named, words of the sentence)
FAULTS = {
    "bias": ("square", lambda n: replace(n, bias=None), "bias missing", "square", "was left out"),
    "other_bias": ("last", biases(lambda b: b + np.array([0, 1, 0, 2])), "bias differs", "last", "biases are not"),
    "no_norm": ("norm", lambda n: BatchNorm(mean=0 * ONES, var=ONES, eps=0.0),
                "normalisation missing", "norm", "was not folded in"),
    "no_mean": ("norm", lambda n: replace(n, mean=0 * ONES, beta=0 * ONES),
                "normalisation missing", "norm", "mean and beta are missing"),
    "no_variance": ("norm", lambda n: replace(n, var=ONES, gamma=ONES, eps=0.0),
                    "normalisation missing", "norm", "variance and gamma"),
    "no_gamma": ("norm", lambda n: replace(n, gamma=ONES, beta=0 * ONES),
                 "normalisation missing", "norm", "gamma and beta"),
    "no_statistics": ("norm", lambda n: replace(n, mean=0 * ONES, var=ONES, eps=0.0),
                      "normalisation missing", "norm", "mean and variance"),
    "other_norm": ("norm", lambda n: replace(n, gamma=n.gamma * [1, 2, 3]),
                   "normalisation missing", "norm", "factor of its own"),
    "rotated": ("conv", weights(lambda w: w[:, :, ::-1, ::-1]), "kernel turned", "conv", "half a turn"),
    "transposed": ("conv", weights(lambda w: w.transpose(0, 1, 3, 2)), "kernel turned", "conv", "columns"),
    "exchanged": ("conv", weights(lambda w: w.transpose(1, 0, 2, 3)), "kernel turned", "conv", "exchanged"),
    "matrix": ("square", weights(np.transpose), "kernel turned", "square", "transposed"),
    "flattened": ("square", columns((1, 2, 0)), "input order", "flat", "are for maps flattened as row, column, channel"),
    "flattened_back": ("square", columns((1, 2, 0), back=True), "input order", "flat", "for which the weights are not"),
    "rows": ("square", columns((0, 2, 1)), "input order", "flat", "channel, column, row"),
    "dead": ("last", lambda n: replace(n, weight=n.weight * [[1], [0], [1], [1]], bias=n.bias * [1, 0, 1, 1]),
             "dead channels", "last", "channel 1: silent or stuck"),
    "scaled": ("conv", weights(lambda w: 10 * w), "weights scaled", "conv", "10 times"),
    "scaled_by_channel": ("last", weights(lambda w: w * [[1], [2], [3], [4]]),
                          "channels scaled", "last", "1 to 4"),
    "shuffled": ("square", weights(lambda w: w[:, ::-1]), "weights differ", "square", "correlation"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_named(case):
    name, change, kind, node, words = FAULTS[case]
    fault = fault_of(with_layer(name, change), PLAIN)
    assert fault is not None and (fault.kind, fault.node) == (kind, node), fault
    assert words in fault.text and fault.difference > 1e-3 and kind in KINDS


def test_sound_weights_have_no_fault():
    assert fault_of(PLAIN, PLAIN) is None
    single = with_layer("conv", weights(lambda w: w.astype(np.float32)))
    assert fault_of(single, PLAIN) is None, "rounding to single precision is no fault"


def test_pooling_that_was_replaced_is_named():
    fault = fault_of(NETWORK)
    assert (fault.kind, fault.node, fault.layer) == ("pooling replaced", "pool", "square")


def test_the_negative_half_of_a_leaky_layer():
    leaky = NETWORKS["leaky"]
    x = images(leaky, 12)
    values, spiking = activations(leaky, x), bioconv.convert(leaky, calibration=x)
    assert [p.sign for p in spiking.populations] == [1, -1, 1]
    assert all(weight_fault(spiking, leaky, values, p.name) is None for p in spiking.populations)
    bad = with_layer("fc1", lambda n: replace(n, bias=None), leaky)
    broken = bioconv.convert(bad, calibration=x)
    assert [weight_fault(broken, leaky, values, p.name).kind for p in broken.populations[:2]] == [
        "bias missing",
        "bias missing",
    ]


def test_networks_that_do_not_belong_together():
    spiking, values = bioconv.convert(PLAIN, calibration=X), dict(activations(PLAIN, X))
    with pytest.raises(
        ResultError, match=r"'conv' has shape \(3, 5, 5\), the layer 'relu' that it codes \(4,\)"
    ):
        weight_fault(spiking, PLAIN, {**values, "relu": values["last"]}, "conv")
    del values["relu"]
    with pytest.raises(ResultError, match="Give the two networks the same names"):
        weight_fault(spiking, PLAIN, values, "conv")
