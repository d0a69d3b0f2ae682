"""Networks that every step is tested on: one for each kind of layer and way to join layers.

Rectangular maps, kernels and strides throughout: square ones hide swapped axes. A new layer joins this
list, and every test that walks it.
"""

import numpy as np

from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    Network,
    Node,
    ReLU,
    Reshape,
    SumPool2d,
    Upsample,
    ZeroPad2d,
)

_RNG = np.random.default_rng(7)


def normal(*shape, scale=1.0):
    """Weights of a variance that keeps activations near one."""
    fan_in = int(np.prod(shape[1:])) or 1
    return _RNG.normal(size=shape) * scale * np.sqrt(2 / fan_in)


def bias(n):
    return _RNG.normal(size=n) * 0.1


def dense(n_out, n_in):
    return Dense(weight=normal(n_out, n_in), bias=bias(n_out))


def conv(n_out, n_in, rows, columns, **settings):
    return Conv2d(weight=normal(n_out, n_in, rows, columns), bias=bias(n_out), **settings)


def norm(n):
    return BatchNorm(
        mean=_RNG.normal(size=n) * 0.2,
        var=_RNG.uniform(0.5, 1.5, n),
        gamma=_RNG.uniform(0.5, 1.5, n),
        beta=_RNG.normal(size=n) * 0.2,
    )


def chain(shape, *layers):
    return Network.sequential(layers, input_shape=shape)


def headed(shape, *layers):
    """Layers, a ReLU, and a dense layer on top."""
    body = chain(shape, *layers)
    size = int(np.prod(body.output_shape))
    flat = () if len(body.output_shape) == 1 else (Flatten(),)
    return chain(shape, *layers, ReLU(), *flat, dense(5, size))


def graph(shape, **nodes):
    """A network from ``name=(layer, inputs…)``."""
    return Network(
        nodes=tuple(Node(name=n, layer=layer, inputs=tuple(i)) for n, (layer, *i) in nodes.items()),
        input_shape=shape,
    )


def residual():
    return graph(
        (2, 6, 5),
        conv1=(conv(4, 2, 3, 3, padding=1), INPUT),
        relu1=(ReLU(), "conv1"),
        conv2=(conv(4, 4, 3, 1, padding=(1, 0)), "relu1"),
        add=(Add(), "conv2", "relu1"),
        relu2=(ReLU(), "add"),
        flatten=(Flatten(), "relu2"),
        fc=(dense(5, 120), "flatten"),
    )


def branches():
    return graph(
        (2, 6, 5),
        left=(conv(3, 2, 3, 2), INPUT),
        relu1=(ReLU(), "left"),
        right=(conv(2, 2, 1, 1), INPUT),
        cut=(AvgPool2d(kernel=(3, 2), stride=1), "right"),
        relu2=(ReLU(), "cut"),
        both=(Concatenate(), "relu1", "relu2"),
        mix=(conv(4, 5, 2, 2), "both"),
        relu3=(ReLU(), "mix"),
        flatten=(Flatten(), "relu3"),
        fc=(dense(5, 36), "flatten"),
    )


def shortcut_of_input():
    return graph(
        (6,),
        fc1=(dense(6, 6), INPUT),
        relu1=(ReLU(), "fc1"),
        add=(Add(), "relu1", INPUT),
        relu2=(ReLU(), "add"),
        fc2=(dense(4, 6), "relu2"),
    )


MAPS = (2, 7, 5)

#: name -> network; every layer that can spike is in one of them.
NETWORKS: dict[str, Network] = {
    "dense": chain((11,), dense(9, 11), ReLU(), dense(7, 9), ReLU(), dense(5, 7)),
    "flatten_on_the_input": chain((2, 3, 4), Flatten(), dense(9, 24), ReLU(), dense(4, 9)),
    "rgb": headed((3, 6, 5), conv(4, 3, 3, 3)),
    "rectangular_kernel": headed(MAPS, conv(4, 2, 3, 2)),
    "kernel_2x2": headed(MAPS, conv(4, 2, 2, 2)),
    "kernel_4x4": headed(MAPS, conv(4, 2, 4, 4)),
    "same": headed(MAPS, conv(4, 2, 3, 2, padding="same")),
    "same_strided": headed(MAPS, conv(4, 2, 3, 2, padding="same", stride=2)),
    "strided": headed((2, 9, 9), conv(4, 2, 2, 3, stride=(2, 3))),
    "padded_unevenly": headed(MAPS, conv(4, 2, 3, 2, padding=((2, 0), (0, 1)))),
    "dilation": headed(MAPS, conv(4, 2, 2, 2, dilation=(3, 2))),
    "groups": headed((4, 6, 5), conv(6, 2, 3, 2, groups=2)),
    "depthwise_separable": headed((3, 6, 5), conv(3, 1, 3, 3, groups=3), ReLU(), conv(5, 3, 1, 1)),
    "conv_on_conv": headed(MAPS, conv(4, 2, 3, 2), ReLU(), conv(3, 4, 2, 3)),
    "transposed": headed(
        (2, 4, 3),
        ConvTranspose2d(weight=normal(2, 3, 3, 2), bias=bias(3), stride=(2, 1), padding=(1, 0)),
    ),
    "norm": headed(MAPS, conv(4, 2, 3, 2), norm(4)),
    "norm_first": headed((6,), norm(6), dense(8, 6)),
    "norm_of_maps_alone": headed(MAPS, conv(3, 2, 3, 2), ReLU(), norm(3)),
    "dropout": chain((8,), dense(9, 8), ReLU(), Dropout(p=0.3), dense(4, 9)),
    "average": headed(MAPS, conv(4, 2, 2, 2), ReLU(), AvgPool2d(kernel=2)),
    "average_of_odd_maps": headed((2, 8, 6), conv(4, 2, 2, 2), ReLU(), AvgPool2d(kernel=(2, 3))),
    "average_3_stride_2": headed(MAPS, AvgPool2d(kernel=3, stride=2), conv(4, 2, 2, 2)),
    "average_padded": headed(MAPS, AvgPool2d(kernel=3, stride=2, padding=1), conv(4, 2, 2, 2)),
    "average_not_counting_pads": headed(
        MAPS, AvgPool2d(kernel=3, padding=1, count_include_pad=False), conv(4, 2, 2, 2)
    ),
    "average_ceil": headed(MAPS, AvgPool2d(kernel=2, ceil_mode=True), conv(4, 2, 2, 2)),
    "global_average": chain(MAPS, conv(6, 2, 3, 2), ReLU(), GlobalAvgPool(), dense(5, 6)),
    "pooling_before_relu": headed(MAPS, conv(4, 2, 2, 2), AvgPool2d(kernel=2)),
    "zero_padding": headed(MAPS, ZeroPad2d(padding=((1, 0), (2, 1))), conv(4, 2, 3, 2)),
    "upsampling": headed((2, 3, 2), Upsample(factor=(2, 3)), conv(4, 2, 3, 2)),
    "reshape": headed((24,), Reshape(shape=(2, 3, 4)), conv(4, 2, 2, 3)),
    "channel_padding": headed(MAPS, ChannelPad(before=1, after=2), conv(4, 5, 3, 2)),
    "one_row": headed((2, 1, 12), conv(4, 2, 1, 5, stride=(1, 2))),
    "leaky": chain((8,), dense(9, 8), LeakyReLU(slope=0.3), dense(4, 9)),
    "ends_with_relu": chain((8,), dense(9, 8), ReLU(), dense(4, 9), ReLU()),
    "residual": residual(),
    "branches": branches(),
    "shortcut_of_input": shortcut_of_input(),
    "sum": headed(MAPS, conv(4, 2, 2, 2), ReLU(), SumPool2d(kernel=(2, 3), stride=(2, 1))),
    "sum_padded": headed(MAPS, SumPool2d(kernel=3, stride=2, padding=1), conv(4, 2, 2, 2)),
}


def images(network, n=5, seed=1):
    return np.random.default_rng(seed).random((n, *network.input_shape))
