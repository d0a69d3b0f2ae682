"""Layers as records: what they take, what they refuse, and that they keep their own arrays."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from bioconv.errors import GraphError
from bioconv.graph import (
    LAYERS,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
    ClippedReLU,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Reshape,
    SoftLIF,
    Step,
    SumPool2d,
    Upsample,
    ZeroPad2d,
)

W2, W4, V = np.ones((3, 5)), np.ones((4, 2, 3, 2)), np.ones(4)


@pytest.mark.parametrize(
    "kind, field, value",
    [
        (Dense, "weight", W2),
        (Dense, "bias", np.ones(3)),
        (Conv2d, "weight", W4),
        (Conv2d, "bias", V),
        (ConvTranspose2d, "weight", W4),
        (ConvTranspose2d, "bias", np.ones(2)),
        (BatchNorm, "mean", V),
        (BatchNorm, "var", V),
        (BatchNorm, "gamma", V),
        (BatchNorm, "beta", V),
    ],
)
class TestArrays:
    others = {  # noqa: RUF012
        Dense: {"weight": W2},
        Conv2d: {"weight": W4},
        ConvTranspose2d: {"weight": W4},
        BatchNorm: {"mean": V, "var": V},
    }

    def make(self, kind, field, value):
        return kind(**self.others[kind] | {field: value})

    @pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
    def test_are_copies(self, kind, field, value, dtype):
        given = value.astype(dtype)
        layer = self.make(kind, field, given)
        kept = getattr(layer, field)
        given[...] = 7
        np.testing.assert_array_equal(kept, value)
        assert kept.dtype == np.float64
        assert given.flags.writeable, "the caller's array is not ours to lock"

    def test_are_read_only(self, kind, field, value):
        with pytest.raises(ValueError, match="read-only"):
            getattr(self.make(kind, field, value), field)[...] = 0

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_are_finite(self, kind, field, value, bad):
        given = value.copy()
        given.flat[-1] = bad
        first = ", ".join(str(n - 1) for n in value.shape)
        with pytest.raises(GraphError, match=rf"{field} has 1 value.*first at \({first},?\)"):
            self.make(kind, field, given)

    def test_have_their_number_of_dimensions(self, kind, field, value):
        with pytest.raises(GraphError, match=rf"{field} has shape .*needs {value.ndim} dim"):
            self.make(kind, field, value[None])

    def test_are_not_empty(self, kind, field, value):
        with pytest.raises(GraphError, match=rf"{kind.__name__}: {field} is empty"):
            self.make(kind, field, value[:0])

    @pytest.mark.parametrize("bad", [["a"], [[1], [2, 3]], {"a": 1}, [1j], np.ones(3) * 1j])
    def test_are_real_numbers(self, kind, field, value, bad):
        with pytest.raises(GraphError, match=f"{field} is not an array of numbers"):
            self.make(kind, field, bad)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: Dense(weight=W2, bias=np.ones(5)),
            r"Dense: bias has shape \(5,\), weight \(3, 5\) needs \(3,\)\.\n.*transpose it",
        ),
        (
            lambda: Dense(weight=W2, bias=np.ones(4)),
            r"bias has shape \(4,\), weight \(3, 5\) needs \(3,\)\.$",
        ),
        (lambda: Conv2d(weight=W4, bias=np.ones(2)), r"Conv2d: bias .*needs \(4,\)"),
        (
            lambda: ConvTranspose2d(weight=W4, bias=V, groups=1),
            r"ConvTranspose2d: bias has shape \(4,\), .*needs \(2,\)",
        ),
        (lambda: Conv2d(weight=W4, stride=0), "stride is 0; .* at least 1"),
        (lambda: Conv2d(weight=W4, stride=(1, 2, 3)), r"stride is \(1, 2, 3\)"),
        (lambda: Conv2d(weight=W4, stride=1.5), "stride is 1.5"),
        (lambda: Conv2d(weight=W4, dilation=True), "dilation is True"),
        (lambda: Conv2d(weight=W4, padding=-1), "padding is -1; .* at least 0"),
        (lambda: Conv2d(weight=W4, padding="full"), 'padding is \'full\'; .*"same" and "valid"'),
        (lambda: Conv2d(weight=W4, padding=None), "padding is None; give one integer"),
        (lambda: Conv2d(weight=W4, padding=((1, 2), (3, -4))), r"padding is \(3, -4\)"),
        (lambda: Conv2d(weight=W4, groups=3), "groups is 3; the weight's 4 channels"),
        (lambda: Conv2d(weight=W4, groups=0), "groups is 0"),
        (lambda: Conv2d(weight=W4, groups=2.0), "groups is 2.0"),
        (lambda: ConvTranspose2d(weight=W4, padding="same"), '"same" has no agreed meaning'),
        (lambda: ConvTranspose2d(weight=W4, output_padding=-1), "output_padding is -1"),
        (lambda: AvgPool2d(kernel=0), "AvgPool2d: kernel is 0"),
        (lambda: MaxPool2d(kernel=2, stride=(0, 1)), r"MaxPool2d: stride is \(0, 1\)"),
        (
            lambda: MaxPool2d(kernel=(3, 2), padding=2),
            r"MaxPool2d: padding \(\(2, 2\), \(2, 2\)\) with kernel \(3, 2\).*less than the kernel",
        ),
        (lambda: AvgPool2d(kernel=(1, 3), padding=((0, 1), (0, 0))), "nothing but padding"),
        (
            lambda: BatchNorm(mean=V, var=np.ones(3)),
            r"BatchNorm: var has shape \(3,\), mean has \(4,\)",
        ),
        (lambda: BatchNorm(mean=V, var=V, beta=np.ones(5)), r"beta has shape \(5,\)"),
        (lambda: BatchNorm(mean=V, var=-V), "smallest var is -1, eps 1e-05"),
        (lambda: BatchNorm(mean=V, var=0 * V, eps=0), "var \\+ eps must be positive"),
        (lambda: BatchNorm(mean=V, var=V, eps=-1e-5), "eps -1e-05"),
        (lambda: BatchNorm(mean=V, var=V, eps=np.inf), "eps is inf"),
        (lambda: BatchNorm(mean=V, var=V, eps=None), "eps is None; it must be a finite number"),
        (lambda: LeakyReLU(slope=np.nan), "LeakyReLU: slope is nan"),
        (lambda: LeakyReLU(slope="steep"), "LeakyReLU: slope is 'steep'"),
        (lambda: ClippedReLU(maximum=0), "ClippedReLU: maximum is 0; it must be above zero"),
        (lambda: ClippedReLU(maximum=np.inf), "ClippedReLU: maximum is inf; .*finite"),
        (
            lambda: QuantizedReLU(levels=0, maximum=1),
            "QuantizedReLU: levels is .0, 1.; .*at least 1",
        ),
        (lambda: QuantizedReLU(levels=2.5, maximum=1), "QuantizedReLU: levels is"),
        (lambda: QuantizedReLU(levels=4, maximum=-1), "QuantizedReLU: maximum is -1; .*above zero"),
        (lambda: SoftLIF(tau_rc=0), "SoftLIF: tau_rc is 0; it must be above zero"),
        (lambda: SoftLIF(tau_ref=-1e-3), "SoftLIF: tau_ref is -0.001; it must be zero or more"),
        (lambda: SoftLIF(gamma=-1), "SoftLIF: gamma is -1; it must be zero or more"),
        (lambda: SoftLIF(gain=0), "SoftLIF: gain is 0; it must be above zero"),
        (lambda: SoftLIF(amplitude=0), "SoftLIF: amplitude is 0; it must be above zero"),
        (lambda: Step(threshold=np.nan), "Step: threshold is nan"),
        (lambda: SumPool2d(kernel=2, padding=2), "SumPool2d: padding .*nothing but padding"),
        (lambda: Dropout(p=None), "Dropout: p is None"),
        (lambda: Reshape(shape=(-1, -1)), r"shape is \(-1, -1\); .*one may be -1"),
        (lambda: Reshape(shape=(0, 3)), r"shape is \(0, 3\)"),
        (lambda: Reshape(shape=(2.5,)), r"shape is \(2.5,\)"),
        (lambda: Reshape(shape=6), "shape is 6; give positive integers"),
        (lambda: Reshape(shape=()), r"shape is \(\); give positive integers"),
        (lambda: ZeroPad2d(padding="same"), "padding must be given as integers"),
        (lambda: ZeroPad2d(padding=(1, -1)), "padding is -1"),
        (lambda: Upsample(factor=0), "Upsample: factor is 0"),
        (lambda: Upsample(factor=1.5), "Upsample: factor is 1.5"),
        (lambda: ChannelPad(before=-1, after=0), r"before and after is \(-1, 0\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(GraphError, match=message):
        make()


@pytest.mark.parametrize(
    "given, kept",
    [
        (1, ((1, 1), (1, 1))),
        (np.int64(1), ((1, 1), (1, 1))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ("same", "same"),
        ("valid", ((0, 0), (0, 0))),
    ],
)
def test_every_way_to_write_padding(given, kept):
    assert Conv2d(weight=W4, padding=given).padding == kept


def test_one_integer_stands_for_both_sides():
    layer = Conv2d(weight=W4, stride=2, dilation=[3, np.int32(1)])
    assert (layer.stride, layer.dilation) == ((2, 2), (3, 1))
    assert AvgPool2d(kernel=(3, 2)).stride == (3, 2), "a pool's stride is its kernel"
    assert type(layer.dilation[1]) is int


def test_batch_norm_without_gamma_and_beta_scales_by_the_deviation(rng):
    mean, var = rng.normal(size=4), rng.random(4)
    layer = BatchNorm(mean=mean, var=var, eps=0.5)
    np.testing.assert_allclose(layer.scale, 1 / np.sqrt(var + 0.5), rtol=1e-15)
    np.testing.assert_allclose(layer.shift, -mean / np.sqrt(var + 0.5), rtol=1e-15)
    np.testing.assert_array_equal(layer.gamma, 1)
    np.testing.assert_array_equal(layer.beta, 0)


def test_layers_are_frozen_and_take_names_only():
    layer = Dense(weight=W2)
    with pytest.raises(FrozenInstanceError):
        layer.bias = None
    with pytest.raises(TypeError, match="positional"):
        Dense(W2, np.ones(3))
    assert all(field.kw_only for kind in LAYERS for field in fields(kind))


def test_layers_print_shapes_instead_of_numbers():
    text = repr(Conv2d(weight=W4, bias=V, stride=(2, 1)))
    assert "weight=array(4, 2, 3, 2)" in text and "stride=(2, 1)" in text and "1." not in text
    assert repr(Dense(weight=W2)) == "Dense(weight=array(3, 5), bias=None)"
    assert repr(ReLU()) == "ReLU()"
