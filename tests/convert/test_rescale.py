"""Scales of source and target in the weights of a path: ``diag(1/s_target) L diag(s_source)``."""

import numpy as np
import pytest
from cases import NETWORKS
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bioconv.convert.rescale import rescaled, spread
from bioconv.convert.simplify import simplified
from bioconv.convert.trace import traced
from bioconv.graph import (
    AvgPool2d,
    ChannelPad,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Reshape,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    forward,
    output_shape,
)


def of(layers, values):
    for layer in layers:
        values = forward(layer, values)
    return values


def behind(layers, shape):
    for layer in layers:
        shape = output_shape(layer, shape)
    return shape


def check(layers, shape, source, target, factor, rng):
    """Rounding: sums of some hundred products, of numbers near one."""
    made, gain = rescaled(layers, shape, source, target, factor)
    x = rng.normal(size=(2, *shape))
    after = behind(layers, shape)
    expected = of(layers, x * spread(source, shape)) * factor / spread(target, after)
    found = of(made, x) * gain
    assume(abs(expected).max() > 1e-3)  # a kernel may see nothing but padding
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * (1 + abs(expected).max()))


def scale_of(kind, size, rng):
    return float(rng.uniform(0.2, 5)) if kind == "number" else rng.uniform(0.2, 5, size)


#: What a layer of maps (2 or more channels) or of a vector may be, for a shape; None where it does not fit.
def layer_of(kind, shape, rng):
    channels, *sizes = shape

    def weight(*shape):
        return rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))

    if kind == "dense":
        return Dense(weight=weight(6, channels)) if not sizes else None
    if not sizes:
        return Reshape(shape=(2, -1, 1)) if kind == "reshape" and channels % 2 == 0 else None
    small = min(sizes) < 2
    match kind:
        case "conv":
            return Conv2d(weight=weight(4, channels, 1, 2), padding=(0, 1), stride=(2, 1))
        case "groups" if channels % 2 == 0:
            return Conv2d(weight=weight(6, channels // 2, 2, 1), padding=(1, 0), groups=2)
        case "transposed" if not small:
            return ConvTranspose2d(weight=weight(channels, 3, 2, 2), padding=(1, 0))
        case "transposed_groups" if channels % 2 == 0:
            return ConvTranspose2d(weight=weight(channels, 2, 1, 2), groups=2)
        case "average" if not small:
            return AvgPool2d(kernel=2, stride=1, padding=(1, 0))
        case "sum" if not small:
            return SumPool2d(kernel=(1, 2), ceil_mode=True)
        case "global":
            return GlobalAvgPool()
        case "zeros":
            return ZeroPad2d(padding=((1, 0), (0, 2)))
        case "upsample" if max(sizes) < 6:
            return Upsample(factor=(1, 2))
        case "channels":
            return ChannelPad(before=1, after=2)
        case "flatten":
            return Flatten()
        case "reshape":
            return Reshape(shape=(channels, sizes[1], sizes[0]))
    return None


KINDS = [
    "dense", "conv", "groups", "transposed", "transposed_groups", "average", "sum", "global", "zeros",
    "upsample", "channels", "flatten", "reshape",
]  # fmt: skip
scales = st.sampled_from(["number", "channels"])


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(KINDS), max_size=5), scales, scales,
    st.sampled_from([1.0, -0.3]), st.integers(0, 2**16),
)  # fmt: skip
def test_random_paths(kinds, source, target, factor, seed):
    rng = np.random.default_rng(seed)
    shape, layers = (4, 3, 2), []
    for kind in kinds:
        layer = layer_of(kind, behind(layers, shape), rng)
        layers += [] if layer is None else [layer]
    after = behind(layers, shape)
    check(
        tuple(layers), shape,
        scale_of(source, shape[0], rng), scale_of(target, after[0], rng), factor, rng,
    )  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_paths_of_networks(name, rng):
    network = NETWORKS[name]
    plan = traced(
        simplified(network, None), pooling="folded", positive_input=True, readout="spikes",
        answer=network.output,
    )  # fmt: skip
    for planned in plan.populations:
        for term in planned.form.terms:
            for source in ("number", "channels"):
                for target in ("number", "channels"):
                    check(
                        term.layers, term.shape, scale_of(source, term.shape[0], rng),
                        scale_of(target, planned.shape[0], rng), term.factor, rng,
                    )  # fmt: skip


def test_numbers_leave_a_gain_only_where_there_are_no_weights(rng):
    """A shortcut stays one-to-one, a pooling stays one, and trained arrays stay as they were."""
    layers = (AvgPool2d(kernel=2), Flatten())
    assert rescaled((), (3,), 2.0, 4.0, -1.0) == ((), -0.5)
    assert rescaled(layers, (1, 2, 4), 2.0, 4.0, 1.0) == (layers, 0.5)
    dense = Dense(weight=[[2.0, 6.0]])
    (made,), gain = rescaled((dense,), (2,), np.array([1.0, 3.0]), 4.0, 1.0)
    np.testing.assert_array_equal(made.weight, [[0.5, 4.5]])
    np.testing.assert_array_equal(dense.weight, [[2.0, 6.0]])
    assert gain == 1.0


def test_channels_without_weights_become_a_diagonal(rng):
    (made,), gain = rescaled((), (2, 1, 3), np.array([2.0, 3.0]), np.array([4.0, 1.0]), 1.0)
    assert isinstance(made, Conv2d) and made.groups == 2 and gain == 1.0
    np.testing.assert_array_equal(made.weight.ravel(), [0.5, 3.0])
    (made,), _ = rescaled((), (2,), np.array([2.0, 3.0]), np.array([4.0, 1.0]), 1.0)
    np.testing.assert_array_equal(made.weight, [[0.5, 0], [0, 3.0]])


def test_a_reshape_that_mixes_channels_with_scales_of_their_own(rng):
    """A vector that becomes maps has neurons of several scales in one channel."""
    layers = (Reshape(shape=(2, 3, 2)), Conv2d(weight=rng.normal(size=(3, 2, 2, 1))))
    check(layers, (12,), rng.uniform(0.2, 5, 12), rng.uniform(0.2, 5, 3), 1.0, rng)
    check(layers[:1], (12,), rng.uniform(0.2, 5, 12), rng.uniform(0.2, 5, 2), 1.0, rng)
