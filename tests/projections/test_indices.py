"""Links against naive loops over pixels and taps: every (pre, post, weight), and what is shared."""

from collections import Counter

import numpy as np
import pytest
from cases import normal

from bioconv.graph import (
    AvgPool2d,
    ChannelPad,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    ReLU,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    output_shape,
)
from bioconv.projections import links, path_matrix


def number(shape, channel, row, column):
    return (channel * shape[1] + row) * shape[2] + column


def pixels(shape):
    return np.ndindex(*shape)


def inside(shape, row, column):
    return 0 <= row < shape[1] and 0 <= column < shape[2]


def same_zeros(size, kernel, stride, dilation):
    """Zeros before an axis so that ceil(size / stride) windows fit; an odd one goes to the end."""
    windows = -(-size // stride)
    return max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0) // 2


def zeros_before(layer, shape, kernel, dilation):
    if layer.padding == "same":
        sides = zip(shape[1:], kernel, layer.stride, dilation, strict=True)
        return [same_zeros(*side) for side in sides]
    return [before for before, _ in layer.padding]


def naive_conv(layer, shape, out):
    n_out, per_group, *kernel = layer.weight.shape
    top, left = zeros_before(layer, shape, kernel, layer.dilation)
    for o, y, x in pixels(out):
        group = o // (n_out // layer.groups)
        for c, ky, kx in pixels((per_group, *kernel)):
            row = y * layer.stride[0] + ky * layer.dilation[0] - top
            column = x * layer.stride[1] + kx * layer.dilation[1] - left
            if inside(shape, row, column):
                pre = number(shape, group * per_group + c, row, column)
                yield pre, number(out, o, y, x), layer.weight[o, c, ky, kx]


def naive_transposed(layer, shape, out):
    n_in, per_group, *kernel = layer.weight.shape
    (top, _), (left, _) = layer.padding
    for c, y, x in pixels(shape):
        group = c // (n_in // layer.groups)
        for o, ky, kx in pixels((per_group, *kernel)):
            row = y * layer.stride[0] + ky * layer.dilation[0] - top
            column = x * layer.stride[1] + kx * layer.dilation[1] - left
            if inside(out, row, column):
                post = number(out, group * per_group + o, row, column)
                yield number(shape, c, y, x), post, layer.weight[c, o, ky, kx]


def naive_pool(layer, shape, out):
    """PyTorch: the size of a mean's window is cut at the padded border only, or counts real pixels alone."""
    top, left = zeros_before(layer, shape, layer.kernel, (1, 1))
    (_, bottom), (_, right) = layer.padding if layer.padding != "same" else ((0, 99), (0, 99))
    for c, y, x in pixels(out):
        places = [
            (y * layer.stride[0] + ky - top, x * layer.stride[1] + kx - left)
            for ky, kx in np.ndindex(*layer.kernel)
        ]
        real = [place for place in places if inside(shape, *place)]
        room = [(r, k) for r, k in places if r < shape[1] + bottom and k < shape[2] + right]
        if isinstance(layer, SumPool2d):
            size = 1
        else:
            size = len(room) if layer.count_include_pad else len(real)
        for row, column in real:
            yield number(shape, c, row, column), number(out, c, y, x), 1 / size


def naive_dense(layer, shape, out):
    for post, pre in np.ndindex(*layer.weight.shape):
        yield pre, post, layer.weight[post, pre]


def naive_global(layer, shape, out):
    for c, y, x in pixels(shape):
        yield number(shape, c, y, x), c, 1 / (shape[1] * shape[2])


def naive_zeros(layer, shape, out):
    for c, y, x in pixels(shape):
        here = number(out, c, y + layer.padding[0][0], x + layer.padding[1][0])
        yield number(shape, c, y, x), here, 1.0


def naive_upsampled(layer, shape, out):
    for c, y, x in pixels(out):
        pre = number(shape, c, y // layer.factor[0], x // layer.factor[1])
        yield pre, number(out, c, y, x), 1.0


def naive_channels(layer, shape, out):
    for c, y, x in pixels(shape):
        yield number(shape, c, y, x), number(out, c + layer.before, y, x), 1.0


def kernel(*shape, **settings):
    return Conv2d(weight=normal(*shape), **settings)


def transposed(*shape, **settings):
    return ConvTranspose2d(weight=normal(*shape), **settings)


MAPS = (2, 5, 4)
#: name -> layer, input shape, naive links, number of shared weights.
CASES = {
    "dense": (Dense(weight=normal(3, 7)), (7,), naive_dense, 21),
    "conv": (kernel(3, 2, 3, 2), MAPS, naive_conv, 36),
    "conv_one_channel": (kernel(1, 1, 2, 3), (1, 4, 6), naive_conv, 6),
    "conv_stride": (kernel(3, 2, 2, 3, stride=(2, 1)), MAPS, naive_conv, 36),
    "conv_padding": (kernel(3, 2, 3, 2, padding=((2, 0), (0, 1))), MAPS, naive_conv, 36),
    "conv_same": (kernel(3, 2, 2, 4, padding="same"), MAPS, naive_conv, 48),
    "conv_same_stride": (kernel(3, 2, 4, 3, padding="same", stride=(3, 2)), MAPS, naive_conv, 72),
    "conv_dilation": (kernel(3, 2, 2, 2, dilation=(3, 2), padding=1), MAPS, naive_conv, 24),
    "conv_groups": (kernel(6, 2, 2, 3, groups=2), (4, 3, 5), naive_conv, 72),
    "conv_depthwise": (kernel(6, 1, 3, 2, groups=3), (3, 5, 4), naive_conv, 36),
    "conv_as_large_as_the_map": (kernel(3, 2, 5, 4), MAPS, naive_conv, 120),
    "conv_wider_than_the_map": (kernel(2, 2, 7, 5, padding=2), MAPS, naive_conv, 140),
    "transposed": (transposed(2, 3, 3, 2), MAPS, naive_transposed, 36),
    "transposed_all": (
        transposed(
            2, 3, 3, 2, stride=(2, 3), padding=((1, 0), (0, 1)), output_padding=(1, 2),
            dilation=(1, 2),
        ),
        MAPS, naive_transposed, 36,
    ),
    "transposed_groups": (transposed(4, 3, 2, 3, groups=2), (4, 3, 2), naive_transposed, 72),
    "average": (AvgPool2d(kernel=(2, 3)), (2, 4, 6), naive_pool, 4),
    "average_overlap": (AvgPool2d(kernel=(3, 2), stride=(1, 2)), MAPS, naive_pool, 6),
    "average_padded": (AvgPool2d(kernel=3, stride=2, padding=1), MAPS, naive_pool, 6),
    "average_real_pixels": (
        AvgPool2d(kernel=(3, 2), padding=(1, 0), count_include_pad=False), MAPS, naive_pool, 4,
    ),
    "average_ceil": (AvgPool2d(kernel=(2, 3), ceil_mode=True), MAPS, naive_pool, 6),
    "average_ceil_padded": (
        AvgPool2d(kernel=3, stride=2, padding=(1, 0), ceil_mode=True), MAPS, naive_pool, 6,
    ),
    "average_same": (
        AvgPool2d(kernel=(2, 3), stride=1, padding="same", count_include_pad=False), MAPS,
        naive_pool, 20,
    ),
    "sum": (SumPool2d(kernel=(2, 3)), (2, 4, 6), naive_pool, 4),
    "sum_padded": (
        SumPool2d(kernel=3, stride=2, padding=(1, 0), ceil_mode=True), MAPS, naive_pool, 6,
    ),
    "global_average": (GlobalAvgPool(), MAPS, naive_global, 1),
    "zeros": (ZeroPad2d(padding=((1, 0), (2, 3))), MAPS, naive_zeros, 1),
    "upsampled": (Upsample(factor=(3, 2)), MAPS, naive_upsampled, 1),
    "channels": (ChannelPad(before=2, after=1), MAPS, naive_channels, 1),
}  # fmt: skip


def triples(pre, post, weight):
    """As a bag: a link that is there twice must not pass for one."""
    return Counter(zip(map(int, pre), map(int, post), np.round(weight, 12), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_links_are_those_of_the_naive_loops(name):
    layer, shape, naive, _ = CASES[name]
    out = output_shape(layer, shape)
    expected = list(naive(layer, shape, out))
    assert expected
    found = links(layer, shape)
    assert (found.n_pre, found.n_post) == (np.prod(shape), np.prod(out))
    bag = triples(found.pre, found.post, found.weight[found.slot])
    assert bag == triples(*zip(*expected, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_links_share_their_weights(name):
    """One number for each tap of a kernel, however many pixels it joins; all of them are used."""
    layer, shape, _, n_weights = CASES[name]
    found = links(layer, shape)
    assert found.weight.shape == (n_weights,)
    assert found.slot.min() >= 0 and found.slot.max() < n_weights
    used = np.unique(found.slot).size
    assert used == n_weights or name == "conv_wider_than_the_map"
    if hasattr(layer, "weight"):
        np.testing.assert_array_equal(found.weight, layer.weight.ravel())


def test_matrices_add_links_of_one_pair():
    found = links(Dense(weight=[[2.0, 3.0]]), (2,))
    np.testing.assert_array_equal(found.matrix().toarray(), [[2.0, 3.0]])
    double = type(found)(
        pre=np.array([0, 0]), post=np.array([1, 1]), slot=np.array([0, 1]),
        weight=np.array([2.0, 3.0]), n_pre=1, n_post=2,
    )  # fmt: skip
    np.testing.assert_array_equal(double.matrix().toarray(), [[0.0], [5.0]])


def test_a_path_is_the_product_of_its_layers():
    pool = AvgPool2d(kernel=(2, 3), stride=1)
    layers = (kernel(3, 2, 2, 1), pool, Flatten(), Dense(weight=normal(4, 18)))
    matrix = path_matrix(layers, MAPS, gain=-0.5).toarray()
    conv, _, _, dense = layers
    expected = dense.weight @ links(pool, (3, 4, 4)).matrix() @ links(conv, MAPS).matrix() * -0.5
    np.testing.assert_allclose(matrix, expected, atol=1e-14)
    assert matrix.shape == (4, 40) and abs(matrix).min() > 0


def test_shapes_of_a_path_alone_change_no_number():
    np.testing.assert_array_equal(path_matrix((Flatten(),), MAPS, 2.0).toarray(), 2 * np.eye(40))
    np.testing.assert_array_equal(path_matrix((), (3,)).toarray(), np.eye(3))


def test_zeros_are_no_synapses():
    """Weights of zero and products that are zero leave no entry; indices are sorted."""
    matrix = path_matrix((Dense(weight=[[0.0, 1.0], [1.0, 0.0]]), Dense(weight=[[1.0, 0.0]])), (2,))
    assert matrix.nnz == 1 and matrix.has_sorted_indices
    np.testing.assert_array_equal(matrix.toarray(), [[0.0, 1.0]])


def test_a_layer_without_links_is_refused():
    with pytest.raises(NotImplementedError, match="no links for ReLU; add them here first"):
        links(ReLU(), (3,))
