"""What layers do to shapes, and the words in which they refuse an input that does not fit."""

import numpy as np
import pytest
from cases import NETWORKS

import bioconv
from bioconv.errors import GraphError
from bioconv.graph import (
    LAYERS,
    Add,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
    ClippedReLU,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Reshape,
    SoftLIF,
    Softmax,
    Step,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    forward,
    output_shape,
)
from bioconv.graph.shapes import same_padding

DENSE = Dense(weight=np.ones((3, 5)))
CONV = Conv2d(weight=np.ones((4, 2, 3, 2)))
UP = ConvTranspose2d(weight=np.ones((2, 3, 2, 3)), stride=(2, 3))
NORM = BatchNorm(mean=np.zeros(4), var=np.ones(4))
MAPS = (2, 7, 5)

#: layer, input shapes, output shape: the numbers worked out by hand.
FITS = [
    (DENSE, [(5,)], (3,)),
    (CONV, [MAPS], (4, 5, 4)),
    (Conv2d(weight=np.ones((4, 2, 3, 2)), stride=(2, 3)), [MAPS], (4, 3, 2)),
    (Conv2d(weight=np.ones((4, 2, 3, 2)), dilation=(3, 2)), [MAPS], (4, 1, 3)),
    (Conv2d(weight=np.ones((4, 2, 3, 2)), padding=((2, 0), (0, 3))), [MAPS], (4, 7, 7)),
    (Conv2d(weight=np.ones((4, 2, 3, 2)), padding="same", stride=(3, 2)), [MAPS], (4, 3, 3)),
    (Conv2d(weight=np.ones((4, 1, 3, 2)), groups=2), [MAPS], (4, 5, 4)),
    (UP, [(2, 4, 3)], (3, 8, 9)),
    (
        ConvTranspose2d(
            weight=np.ones((2, 3, 2, 3)),
            groups=2,
            stride=2,
            padding=((1, 0), (0, 1)),
            output_padding=(1, 0),
            dilation=(1, 2),
        ),
        [(2, 4, 3)],
        (6, 8, 8),
    ),
    (AvgPool2d(kernel=(2, 3)), [MAPS], (2, 3, 1)),
    (MaxPool2d(kernel=2, ceil_mode=True), [MAPS], (2, 4, 3)),
    # A fourth window would begin in the padding on the right.
    (MaxPool2d(kernel=2, stride=2, padding=1, ceil_mode=True), [(1, 5, 6)], (1, 3, 4)),
    (AvgPool2d(kernel=(1, 2), stride=3, ceil_mode=True), [(1, 6, 6)], (1, 2, 2)),
    (AvgPool2d(kernel=(3, 2), padding="same", stride=(2, 3)), [MAPS], (2, 4, 2)),
    (SumPool2d(kernel=(3, 2), stride=(2, 3), padding=(1, 0), ceil_mode=True), [MAPS], (2, 4, 2)),
    (GlobalAvgPool(), [MAPS], (2,)),
    (NORM, [(4,)], (4,)),
    (NORM, [(4, 3, 2)], (4, 3, 2)),
    *[(layer, [MAPS], MAPS) for layer in (ReLU(), LeakyReLU(), Softmax(), Dropout())],
    *[
        (layer, [MAPS], MAPS)
        for layer in (ClippedReLU(), QuantizedReLU(levels=4, maximum=2), SoftLIF(), Step())
    ],
    (Flatten(), [MAPS], (70,)),
    (Flatten(), [(9,)], (9,)),
    (Reshape(shape=(5, -1, 2)), [MAPS], (5, 7, 2)),
    (ZeroPad2d(padding=((1, 2), (3, 0))), [MAPS], (2, 10, 8)),
    (ChannelPad(before=1, after=3), [MAPS], (6, 7, 5)),
    (ChannelPad(before=1, after=3), [(2,)], (6,)),
    (Upsample(factor=(2, 3)), [MAPS], (2, 14, 15)),
    (Add(), [MAPS, MAPS, MAPS], MAPS),
    (Concatenate(), [MAPS, (3, 7, 5), (1, 7, 5)], (6, 7, 5)),
    (Concatenate(), [(3,), (4,)], (7,)),
]

MISFITS = [
    (DENSE, [MAPS], r"Dense: input has shape \(2, 7, 5\).*put a Flatten before it"),
    (DENSE, [(4,)], r"input has 4 values, weight \(3, 5\) takes 5$"),
    (DENSE, [(3,)], r"input has 3 values, weight \(3, 5\) takes 5\..*\(n_in, n_out\).*transpose"),
    (CONV, [(3, 7, 5)], r"Conv2d: input \(3, 7, 5\) has 3 channels, .*groups=1 takes 2"),
    (
        Conv2d(weight=np.ones((4, 2, 1, 1)), groups=2),
        [(2, 7, 5)],
        r"has 2 channels, weight \(4, 2, 1, 1\) with groups=2 takes 4",
    ),
    (CONV, [(70,)], r"needs \(channels, rows, columns\); a Reshape before it makes maps"),
    (CONV, [(2, 2, 5)], r"window of 3 does not fit into 2 \+ 0 rows .*smaller kernel or more pad"),
    (
        Conv2d(weight=np.ones((4, 2, 1, 3)), dilation=(1, 3), padding=((0, 0), (0, 1))),
        [MAPS],
        r"window of 7 does not fit into 5 \+ 1 columns \(input \(2, 7, 5\)",
    ),
    (UP, [(3, 4, 3)], r"ConvTranspose2d: input \(3, 4, 3\) has 3 channels, .* takes 2"),
    (
        ConvTranspose2d(weight=np.ones((2, 3, 2, 3)), padding=(1, 0)),
        [(2, 1, 3)],
        r"gives maps of \(0, 5\); nothing is left",
    ),
    (MaxPool2d(kernel=(8, 1)), [MAPS], "MaxPool2d: a window of 8 does not fit into 7"),
    (AvgPool2d(kernel=2), [(70,)], "AvgPool2d: input has shape .*Reshape before it"),
    (SumPool2d(kernel=2), [(70,)], "SumPool2d: input has shape .*Reshape before it"),
    (GlobalAvgPool(), [(4, 6)], r"GlobalAvgPool: input has shape \(4, 6\)"),
    (NORM, [MAPS], r"BatchNorm: input \(2, 7, 5\) has 2 channels, the layer has 4"),
    (Reshape(shape=(3, -1, 2)), [MAPS], r"70 values of shape \(2, 7, 5\) do not fill \(3, -1, 2\)"),
    (Reshape(shape=(71,)), [MAPS], r"do not fill \(71,\)"),
    (ZeroPad2d(padding=1), [(4,)], "ZeroPad2d: input has shape"),
    (Upsample(factor=2), [(4,)], "Upsample: input has shape"),
    (Add(), [MAPS, (2, 5, 7)], r"Add: .*\(2, 7, 5\), \(2, 5, 7\); they must agree"),
    (Concatenate(), [MAPS, (2, 5, 7)], r"\(2, 7, 5\), \(2, 5, 7\); .*first axis only"),
]


def named(value):
    return type(value).__name__ if isinstance(value, Layer) else ""


@pytest.mark.parametrize("layer, shapes, expected", FITS, ids=named)
def test_output_shape(layer, shapes, expected):
    assert output_shape(layer, *shapes) == expected
    y = forward(layer, *(np.ones((2, *shape)) for shape in shapes))
    assert y.shape == (2, *expected), "what is promised is what is computed"


@pytest.mark.parametrize("layer, shapes, message", MISFITS, ids=named)
def test_inputs_that_do_not_fit_are_refused(layer, shapes, message):
    with pytest.raises(GraphError, match=message):
        output_shape(layer, *shapes)


def test_the_lists_hold_every_layer():
    assert {type(layer) for layer, *_ in FITS} == set(LAYERS)


@pytest.mark.parametrize("step", [output_shape, lambda layer, x: forward(layer, np.ones((1, *x)))])
def test_a_new_layer_is_told_where_it_is_missing(step):
    class Gate(Layer):
        pass

    with pytest.raises(NotImplementedError, match="no .* for Gate; add one here first"):
        step(Gate(), (3,))


@pytest.mark.parametrize("size", [5, 6, 7])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_keeps_size_over_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride, dilation)
    window = dilation * (kernel - 1) + 1
    assert 0 <= after - before <= 1, "an odd zero goes to the end"
    assert (size + before + after - window) // stride + 1 == -(-size // stride)


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_of_networks_are_those_of_their_activations(name):
    network = NETWORKS[name]
    values = bioconv.activations(network, np.ones((2, *network.input_shape)))
    assert {n: v.shape[1:] for n, v in values.items()} == dict(network.shapes)
