"""Networks: names, order, cycles, one end, how they print; and the images that they take."""

import numpy as np
import pytest
from cases import NETWORKS

import bioconv
from bioconv.errors import GraphError, StimulusError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    Concatenate,
    Conv2d,
    Dense,
    Flatten,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    checked_images,
)

SQUARE = Dense(weight=np.eye(3))


def node(name, *inputs, layer=SQUARE):
    return Node(name=name, layer=layer, inputs=inputs)


def net(*nodes, shape=(3,)):
    return Network(nodes=nodes, input_shape=shape)


DIAMOND = (
    node("a", INPUT),
    node("left", "a", layer=ReLU()),
    node("right", "a"),
    node("sum", "left", "right", layer=Add()),
)


@pytest.mark.parametrize(
    "nodes, message",
    [
        ([], "no layers; give at least one"),
        ([node("a", "c"), node("b", "a"), node("c", "b")], "a, b, c feed each other in a cycle"),
        ([node("a", INPUT), node("b", "b")], "the layers b feed each other"),
        ([node("a", "z")], r"a: fed by \['z'\], which the network does not have"),
        ([node("a", INPUT), node("a", INPUT)], r"must be unique and not 'input'; see \['a'\]"),
        ([node(INPUT, INPUT)], "must be unique and not 'input'; see input"),
        ([node("", INPUT)], "not empty; see ''"),
        ([node(3, INPUT)], "must be texts .*see 3"),
        ([node("a", INPUT), node("b", INPUT)], r"one output; .*feed nothing: \['a', 'b'\]"),
        ([node("a", INPUT, layer=np.eye(3))], "a: ndarray is not a layer of bioconv.graph"),
        ([node("a", INPUT, INPUT)], r"a: Dense takes one input, it has \('input', 'input'\)"),
        ([node("a")], r"a: Dense takes one input, it has \(\)"),
        ([node("a", INPUT, layer=Add())], "a: Add takes two or more inputs"),
        ([node("a", INPUT, layer=Concatenate())], "a: Concatenate takes two or more"),
        (
            [node("a", INPUT), node("b", "a", layer=Dense(weight=np.ones((2, 4))))],
            r"layer 'b': Dense: input has 3 values, weight \(2, 4\) takes 4",
        ),
    ],
)
def test_graphs_that_do_not_hold_together_are_refused(nodes, message):
    with pytest.raises(GraphError, match=message):
        net(*nodes)


@pytest.mark.parametrize("shape", [(), (2, 3), (0,), (3, -1, 2), 3, None, "abc", (2.5,), (np.nan,)])
def test_input_shapes_that_are_none_are_refused(shape):
    for make in (net, lambda *_, shape: Network.sequential([SQUARE], input_shape=shape)):
        with pytest.raises(GraphError, match=r"input_shape is .*\(n,\) or \(channels, rows, col"):
            make(node("a", INPUT), shape=shape)


def test_nodes_are_put_in_order_and_keep_the_given_one_where_it_is_free():
    assert [n.name for n in net(*reversed(DIAMOND)).nodes] == ["a", "right", "left", "sum"]
    assert [n.name for n in net(*DIAMOND).nodes] == ["a", "left", "right", "sum"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_order_of_nodes_does_not_change_the_answer(name, rng):
    network = NETWORKS[name]
    x = rng.normal(size=(2, *network.input_shape))
    shuffled = [network.nodes[n] for n in rng.permutation(len(network.nodes))]
    again = net(*shuffled, shape=network.input_shape)
    seen = {INPUT}
    for n in again.nodes:
        assert seen.issuperset(n.inputs)
        seen.add(n.name)
    assert again.output == network.output
    np.testing.assert_array_equal(bioconv.reference(again, x), bioconv.reference(network, x))


def test_one_layer_may_be_fed_twice_by_another():
    network = net(node("a", INPUT), node("sum", "a", "a", layer=Add()))
    np.testing.assert_array_equal(bioconv.reference(network, np.ones((1, 3))), [[2, 2, 2]])


def test_a_list_is_numbered_by_kind():
    conv = Conv2d(weight=np.ones((1, 1, 1, 1)))
    layers = [conv, ReLU(), AvgPool2d(kernel=1), conv, MaxPool2d(kernel=1), Flatten(), SQUARE]
    network = Network.sequential(iter(layers), input_shape=[1, 3, 1])
    names = [n.name for n in network.nodes]
    assert names == ["conv1", "relu1", "pool1", "conv2", "pool2", "flatten1", "fc1"]
    assert [n.layer for n in network.nodes] == layers
    assert [n.inputs for n in network.nodes] == [(name,) for name in [INPUT, *names[:-1]]]
    assert network.input_shape == (1, 3, 1) and network.output_shape == (3,)


def test_a_mapping_gives_the_names():
    network = Network.sequential({"in_": SQUARE, "act": ReLU()}, input_shape=(3,))
    assert [n.name for n in network.nodes] == ["in_", "act"]
    assert network.output == "act"


def test_layers_are_found_by_name():
    network = net(*DIAMOND)
    assert network["right"] is DIAMOND[2]
    with pytest.raises(KeyError, match="no layer 'top'; the network has a, left, right, sum"):
        network["top"]


def test_consumers_are_the_nodes_that_a_node_feeds():
    network = net(*DIAMOND)
    assert [n.name for n in network.consumers("a")] == ["left", "right"]
    assert [n.name for n in network.consumers(INPUT)] == ["a"]
    assert [n.name for n in network.consumers("right")] == ["sum"]
    assert network.consumers("sum") == ()


def test_a_network_prints_every_layer_its_shape_and_what_feeds_it():
    assert str(net(*DIAMOND)).splitlines() == [
        "input  (3,)",
        "a  Dense(weight=array(3, 3), bias=None)  (3,)  <- input",
        "left  ReLU()  (3,)  <- a",
        "right  Dense(weight=array(3, 3), bias=None)  (3,)  <- a",
        "sum  Add()  (3,)  <- left, right",
    ]


def test_what_a_network_computes_of_itself_cannot_be_changed():
    with pytest.raises(TypeError):
        net(*DIAMOND).shapes["a"] = (4,)


@pytest.mark.parametrize(
    "shape, given, message",
    [
        ((3, 4, 5), np.ones((2, 3, 5, 4)), r"shape \(2, 3, 5, 4\); .*\(n_samples, 3, 4, 5\)\.$"),
        ((3, 4, 5), np.ones((3, 4, 5)), r"\(3, 4, 5\).*first axis: images\[None\]"),
        ((3, 4, 5), np.ones((2, 4, 5)), r"shape \(2, 4, 5\)"),
        ((1, 4, 5), np.ones((2, 5, 4)), r"shape \(2, 5, 4\)"),
        ((6,), np.ones(6), r"takes \(n_samples, 6\)\. For one sample add .*images\[None\]"),
        ((1,), np.ones(6), r"shape \(6,\)"),
        ((6,), np.ones((2, 3, 2)), r"shape \(2, 3, 2\)"),
        ((6,), np.ones((0, 6)), r"shape \(0, 6\): no sample at all"),
        ((6,), [[1, 2, 3, 4, 5, np.nan]], "NaN or infinite values, the first in sample 0"),
        ((2,), [[1, 2], [3, 4], [np.inf, 6]], "first in sample 2"),
        ((2,), [["a", "b"]], "images are not an array of numbers"),
        ((2,), [[1, 2], [3]], "images are not an array of numbers"),
        ((2,), np.ones((1, 2)) * 1j, "they are complex"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape, given, message):
    with pytest.raises(StimulusError, match=message):
        checked_images(shape, given)


def test_images_of_one_channel_may_come_without_the_channel_axis():
    given = np.arange(40).reshape(2, 4, 5)
    for images_ in (given, given[:, None], given.tolist()):
        checked = checked_images((1, 4, 5), images_)
        assert checked.shape == (2, 1, 4, 5) and checked.dtype == np.float64
        np.testing.assert_array_equal(checked[:, 0], given)
