"""Simplified networks give the same answers; what cannot spike is refused with its substitute."""

import numpy as np
import pytest
from cases import NETWORKS, bias, chain, conv, dense, graph, images, norm, normal

from bioconv.convert.simplify import folded, simplified
from bioconv.errors import ConversionError, UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Softmax,
    reference,
)


def arrays(network):
    return [
        value
        for node in network.nodes
        for value in vars(node.layer).values()
        if isinstance(value, np.ndarray)
    ]


def same_answers(network, other):
    """Equal but for rounding: folding reorders a few hundred float64 products at most."""
    x = images(network)
    expected = reference(network, x)
    assert np.ptp(expected) > 0.1, "constant answers agree with anything"
    np.testing.assert_allclose(reference(other, x), expected, rtol=0, atol=1e-12)


MAPS = (4, 5, 3)
#: A layer with an input shape it takes: batch normalisation behind it must vanish into it.
FOLDED = {
    "dense": ((7,), dense(6, 7)),
    "dense_without_bias": ((7,), Dense(weight=normal(6, 7))),
    "conv": (MAPS, conv(6, 4, 3, 2, stride=(2, 1), padding=1)),
    "conv_groups": (MAPS, conv(6, 2, 3, 2, groups=2)),
    "conv_without_bias": (MAPS, Conv2d(weight=normal(6, 4, 2, 3))),
    "transposed": (MAPS, ConvTranspose2d(weight=normal(4, 6, 3, 2), bias=bias(6), stride=(2, 1))),
    "transposed_groups": (
        MAPS,
        ConvTranspose2d(weight=normal(4, 3, 3, 2), bias=bias(6), stride=(1, 2), groups=2),
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_batch_normalisation_folds_into_the_layer_before(name):
    shape, layer = FOLDED[name]
    network = chain(shape, layer, norm(6))
    before = [array.copy() for array in arrays(network)]
    simple = folded(network)
    assert [node.name for node in simple.nodes] == [network.nodes[0].name]
    assert type(simple.nodes[0].layer) is type(layer)
    same_answers(network, simple)
    for array, copy in zip(arrays(network), before, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert not array.flags.writeable
    assert not any(array.flags.writeable for array in arrays(simple))


def test_folding_by_hand():
    """With gamma / sqrt(var + eps) = 3: weight 3 * 2, bias 3 (5 - 1) + 4."""
    bn = BatchNorm(mean=[1.0], var=[0.25], gamma=[1.5], beta=[4.0], eps=0)
    layer = folded(chain((1,), Dense(weight=[[2.0]], bias=[5.0]), bn)).nodes[0].layer
    assert (layer.weight.item(), layer.bias.item()) == (6.0, 16.0)


def two_readers():
    """A convolution that both a normalisation and a shortcut read."""
    return graph(
        (2, 4, 3),
        conv1=(conv(3, 2, 3, 3, padding=1), INPUT),
        bn=(norm(3), "conv1"),
        add=(Add(), "bn", "conv1"),
        relu=(ReLU(), "add"),
    )


#: What stays, by kind, where a normalisation has no layer of its own to fold into.
KEPT = {
    "first": (chain((6,), norm(6), dense(4, 6)), ["Dense", "Dense"]),
    "first_on_maps": (chain(MAPS, norm(4), conv(2, 4, 3, 1)), ["Conv2d", "Conv2d"]),
    "after_relu": (chain((6,), dense(4, 6), ReLU(), norm(4)), ["Dense", "ReLU", "Dense"]),
    "after_flatten": (chain((2, 3, 1), Flatten(), norm(6)), ["Flatten", "Dense"]),
    "twice": (chain((6,), dense(4, 6), norm(4), norm(4)), ["Dense", "Dense"]),
    "twice_first": (chain((6,), norm(6), norm(6), dense(4, 6)), ["Dense", "Dense"]),
    "behind_dropout": (chain((6,), dense(4, 6), Dropout(), norm(4)), ["Dense"]),
    "two_readers": (two_readers(), ["Conv2d", "Conv2d", "Add", "ReLU"]),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_normalisation_alone_becomes_a_diagonal_layer(name):
    network, kinds = KEPT[name]
    simple = simplified(network, None)
    assert [type(node.layer).__name__ for node in simple.nodes] == kinds
    same_answers(network, simple)


@pytest.mark.parametrize("name", NETWORKS)
def test_simplifying_changes_no_answer(name):
    network = NETWORKS[name]
    simple = simplified(network, {})
    left = {type(node.layer) for node in simple.nodes}
    assert not left & {BatchNorm, Dropout}
    same_answers(network, simple)


@pytest.mark.parametrize("where", ["first", "middle", "last", "two_in_a_row"])
def test_dropout_leaves_no_trace(where):
    fc, relu, drop = dense(4, 6), ReLU(), Dropout()
    layers = {
        "first": (drop, fc, relu),
        "middle": (fc, drop, relu),
        "last": (fc, relu, drop),
        "two_in_a_row": (fc, drop, drop, relu),
    }[where]
    simple = simplified(chain((6,), *layers), None)
    assert [node.layer for node in simple.nodes] == [fc, relu]
    assert [node.inputs for node in simple.nodes] == [(INPUT,), ("fc1",)]


def test_max_pooling_becomes_an_average_that_keeps_its_window():
    pool = MaxPool2d(kernel=(3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True)
    network = chain(MAPS, conv(3, 4, 1, 2), ReLU(), pool)
    simple = simplified(network, {"MaxPool2d": "AvgPool2d"})
    new = simple.nodes[-1].layer
    assert isinstance(new, AvgPool2d) and not new.count_include_pad
    for field in ("kernel", "stride", "padding", "ceil_mode"):
        assert getattr(new, field) == getattr(pool, field)
    assert simple.output_shape == network.output_shape


def test_leaky_relu_becomes_relu_only_where_asked():
    network = chain((6,), dense(4, 6), LeakyReLU(slope=0.2))
    assert isinstance(simplified(network, None).nodes[-1].layer, LeakyReLU)
    assert isinstance(simplified(network, {"LeakyReLU": "ReLU"}).nodes[-1].layer, ReLU)


def test_a_softmax_at_the_end_stays():
    network = chain((6,), dense(4, 6), Softmax())
    assert isinstance(simplified(network, None).nodes[-1].layer, Softmax)


KNOWN = "Known: MaxPool2d: exp_max, fir_max, avg_max, or, AvgPool2d; LeakyReLU: pair, signed, ReLU"
REFUSED = {
    "not_a_mapping": (
        chain((6,), dense(4, 6)),
        "MaxPool2d",
        ConversionError,
        'substitute is \'MaxPool2d\'; give a mapping such as {"MaxPool2d": "AvgPool2d"}',
    ),
    "softmax_as_a_substitute": (
        chain((6,), dense(4, 6), Softmax()),
        {"Softmax": "spikes"},
        ConversionError,
        f"substitute 'Softmax': 'spikes' is not known. {KNOWN}",
    ),
    "inner_softmax": (
        chain((6,), dense(4, 6), Softmax(), dense(2, 4)),
        None,
        UnsupportedLayerError,
        "layer 'softmax1': a Softmax inside a network has no spiking form; only the last layer may "
        "be one",
    ),
    "unknown_substitute": (
        chain((6,), dense(4, 6)),
        {"MaxPool2d": "Conv2d"},
        ConversionError,
        f"substitute 'MaxPool2d': 'Conv2d' is not known. {KNOWN}",
    ),
    "unknown_layer": (
        chain((6,), dense(4, 6)),
        {"GELU": "ReLU"},
        ConversionError,
        f"substitute 'GELU': 'ReLU' is not known. {KNOWN}",
    ),
    "nothing_left": (
        chain((6,), Dropout(), Dropout()),
        None,
        ConversionError,
        "the network holds nothing but dropout; there is nothing to convert",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_to_do(name):
    network, substitute, error, text = REFUSED[name]
    with pytest.raises(error) as caught:
        simplified(network, substitute)
    assert str(caught.value) == text
