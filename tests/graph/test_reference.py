"""The numpy forward pass against loops over explicit indices, and against torch."""

import itertools
import math

import numpy as np
import pytest
from cases import NETWORKS, images
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bioconv
from bioconv.errors import GraphError
from bioconv.graph import (
    INPUT,
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
)

RNG = np.random.default_rng(3)
MAPS = (4, 7, 5)
#: Sums of at most 60 products of numbers near one, in float64 and in another order.
CLOSE = {"rtol": 0, "atol": 60 * 60 * np.finfo(float).eps}


def normal(*shape):
    return RNG.normal(size=shape)


# --- the oracle: one output number at a time, from the definition -------------------------------


def sides(layer, shape):
    """((top, bottom), (left, right)); "same" from its definition: ceil(size / stride) remain."""
    if layer.padding != "same":
        return layer.padding
    result = []
    for axis in (0, 1):
        size, step = shape[axis + 1], layer.stride[axis]
        window = layer.dilation[axis] * (layer.weight.shape[axis + 2] - 1) + 1
        zeros = 0
        while (size + zeros - window) // step + 1 < math.ceil(size / step):
            zeros += 1
        result.append((zeros // 2, zeros - zeros // 2))
    return result


def naive_conv(layer, x):
    weight = layer.weight
    (top, bottom), (left, right) = sides(layer, x.shape)
    reach = [d * (k - 1) for d, k in zip(layer.dilation, weight.shape[2:], strict=True)]
    rows = range(-top, x.shape[1] + bottom - reach[0], layer.stride[0])
    columns = range(-left, x.shape[2] + right - reach[1], layer.stride[1])
    y = np.zeros((len(weight), len(rows), len(columns)))
    per_block = len(weight) // layer.groups
    for o, (m, r), (n, c) in itertools.product(
        range(len(weight)), enumerate(rows), enumerate(columns)
    ):
        first = o // per_block * weight.shape[1]
        total = 0.0 if layer.bias is None else layer.bias[o]
        for i, a, b in np.ndindex(*weight.shape[1:]):
            row, column = r + a * layer.dilation[0], c + b * layer.dilation[1]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                total += weight[o, i, a, b] * x[first + i, row, column]
        y[o, m, n] = total
    return y


def naive_transpose(layer, x):
    """Every input pixel stamps the kernel onto an endless sheet, of which a window is kept."""
    per_block, kernel = layer.weight.shape[1], layer.weight.shape[2:]
    size = [
        (x.shape[a + 1] - 1) * layer.stride[a]
        - sum(layer.padding[a])
        + layer.dilation[a] * (kernel[a] - 1)
        + layer.output_padding[a]
        + 1
        for a in (0, 1)
    ]
    y = np.zeros((per_block * layer.groups, *size))
    if layer.bias is not None:
        y += layer.bias[:, None, None]
    for i, r, c in np.ndindex(*x.shape):
        block = i // (x.shape[0] // layer.groups)
        for o, a, b in np.ndindex(per_block, *kernel):
            row = r * layer.stride[0] + a * layer.dilation[0] - layer.padding[0][0]
            column = c * layer.stride[1] + b * layer.dilation[1] - layer.padding[1][0]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                y[block * per_block + o, row, column] += layer.weight[i, o, a, b] * x[i, r, c]
    return y


def naive_pool(layer, x):
    """Windows begin inside the map or before it; ceil_mode lets the last reach over the end."""
    starts = []
    for axis in (0, 1):
        size, k, s = x.shape[axis + 1], layer.kernel[axis], layer.stride[axis]
        before, after = layer.padding[axis]
        last = size + (-1 if layer.ceil_mode else after - k)
        found = [n for n in range(-before, size + after, s) if n <= last]
        if layer.ceil_mode:  # no window more than the first that covers the end
            while len(found) > 1 and found[-2] + k >= size + after:
                found.pop()
        starts.append(found)
    y = np.zeros((len(x), *map(len, starts)))
    for n, (p, r), (q, c) in itertools.product(range(len(x)), *map(enumerate, starts)):
        rows = [i for i in range(r, r + layer.kernel[0]) if i < x.shape[1] + layer.padding[0][1]]
        columns = [j for j in range(c, c + layer.kernel[1]) if j < x.shape[2] + layer.padding[1][1]]
        inside = [
            x[n, i, j] for i in rows for j in columns if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]
        ]
        if isinstance(layer, MaxPool2d):
            y[n, p, q] = max(inside)
        elif isinstance(layer, SumPool2d):
            y[n, p, q] = sum(inside)
        else:
            count = len(rows) * len(columns) if layer.count_include_pad else len(inside)
            y[n, p, q] = sum(inside) / count
    return y


def naive_dense(layer, x):
    y = [sum(w * v for w, v in zip(row, x, strict=True)) for row in layer.weight]
    return np.array(y) + (0 if layer.bias is None else layer.bias)


def naive_norm(layer, x):
    y = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        n = at[0]
        deviation = math.sqrt(layer.var[n] + layer.eps)
        y[at] = layer.gamma[n] * (x[at] - layer.mean[n]) / deviation + layer.beta[n]
    return y


def naive_softmax(layer, x):
    y = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        y[at] = 1 / sum(math.exp(x[(n, *at[1:])] - x[at]) for n in range(len(x)))
    return y


def naive_clipped(layer, x):
    return np.reshape([min(max(v, 0), layer.maximum) for v in x.flat], x.shape)


def naive_quantized(layer, x):
    """The nearest of the ``levels + 1`` values, the upper one of two as near."""
    values = [layer.maximum * n / layer.levels for n in range(layer.levels, -1, -1)]
    return np.reshape([min(values, key=lambda q: abs(q - v)) for v in x.flat], x.shape)


def naive_lif(layer, x):
    """Time from rest to the threshold at a constant current, and the refractory period."""
    y = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        above = layer.gain * x[at]
        if layer.gamma:
            above = layer.gamma * math.log(1 + math.exp(above / layer.gamma))
        if above > 0:
            current = 1 + above
            period = layer.tau_ref + layer.tau_rc * math.log(current / (current - 1))
            y[at] = layer.amplitude / period
    return y


def naive_step(layer, x):
    return np.reshape([1 if v >= layer.threshold else 0 for v in x.flat], x.shape)


def placed(shape, x, at):
    """Zeros of ``shape`` with every number of ``x`` at the index that ``at`` gives it."""
    y = np.zeros(shape)
    for index in np.ndindex(*x.shape):
        y[at(*index)] = x[index]
    return y


def naive_upsample(layer, x):
    y = np.empty((len(x), x.shape[1] * layer.factor[0], x.shape[2] * layer.factor[1]))
    for n, r, c in np.ndindex(*y.shape):
        y[n, r, c] = x[n, r // layer.factor[0], c // layer.factor[1]]
    return y


def conv(*shape, **options):
    return Conv2d(weight=normal(*shape), bias=normal(shape[0]), **options)


def transpose(*shape, **options):
    bias = normal(shape[1] * options.get("groups", 1))
    return ConvTranspose2d(weight=normal(*shape), bias=bias, **options)


def norm(n):
    return BatchNorm(mean=normal(n), var=RNG.random(n), gamma=normal(n), beta=normal(n), eps=1e-3)


DENSE, NO_BIAS = Dense(weight=normal(3, 6), bias=normal(3)), Dense(weight=normal(3, 6))


CASES = [
    (DENSE, naive_dense, [(6,)]),
    (NO_BIAS, naive_dense, [(6,)]),
    *[
        (layer, naive_conv, [MAPS])
        for layer in (
            conv(3, 4, 3, 2),
            Conv2d(weight=normal(3, 4, 1, 1)),
            conv(3, 4, 2, 3, stride=(3, 2), padding=((2, 0), (0, 1))),
            conv(3, 4, 2, 3, dilation=(3, 2), padding=(1, 2)),
            conv(6, 2, 3, 2, groups=2, stride=(1, 2)),
            conv(8, 1, 2, 2, groups=4),
            conv(3, 4, 3, 2, padding="same"),
            conv(3, 4, 4, 2, padding="same", stride=(2, 3)),
            conv(3, 4, 2, 2, padding="same", dilation=(3, 1)),
        )
    ],
    *[
        (layer, naive_transpose, [(4, 3, 2)])
        for layer in (
            transpose(4, 3, 3, 2),
            ConvTranspose2d(weight=normal(4, 3, 2, 3)),
            transpose(4, 3, 2, 3, stride=(3, 2), padding=((1, 0), (0, 2))),
            transpose(4, 3, 2, 3, stride=(2, 3), output_padding=(1, 2), dilation=(2, 1)),
            transpose(4, 3, 3, 2, groups=2, stride=2, padding=(1, 0)),
        )
    ],
    *[
        (kind(**options), naive_pool, [MAPS])
        for kind in (AvgPool2d, MaxPool2d, SumPool2d)
        for options in (
            {"kernel": (2, 3)},
            {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0)},
            {"kernel": (3, 2), "padding": ((2, 0), (0, 1))},
            {"kernel": 2, "ceil_mode": True},
            {"kernel": (3, 2), "stride": (3, 2), "padding": (1, 1), "ceil_mode": True},
            {"kernel": (2, 1), "stride": 3, "ceil_mode": True},
        )
    ],
    (AvgPool2d(kernel=3, padding=1, count_include_pad=False), naive_pool, [MAPS]),
    (
        AvgPool2d(kernel=(3, 2), padding=1, ceil_mode=True, count_include_pad=False),
        naive_pool,
        [MAPS],
    ),
    (GlobalAvgPool(), lambda _, x: [sum(m.flat) / m.size for m in x], [MAPS]),
    (norm(4), naive_norm, [MAPS]),
    (norm(4), naive_norm, [(4,)]),
    (ReLU(), lambda _, x: np.reshape([v if v > 0 else 0 for v in x.flat], x.shape), [MAPS]),
    (
        LeakyReLU(slope=-0.3),
        lambda _, x: np.reshape([v if v > 0 else -0.3 * v for v in x.flat], x.shape),
        [MAPS],
    ),
    (ClippedReLU(maximum=0.7), naive_clipped, [MAPS]),
    (QuantizedReLU(levels=3, maximum=0.8), naive_quantized, [MAPS]),
    (SoftLIF(gain=0.8, gamma=0.3), naive_lif, [MAPS]),
    (SoftLIF(amplitude=2, tau_rc=0.03, tau_ref=0, gamma=0), naive_lif, [(6,)]),
    (Step(threshold=0.2), naive_step, [MAPS]),
    (Softmax(), naive_softmax, [MAPS]),
    (Softmax(), naive_softmax, [(6,)]),
    (Flatten(), lambda _, x: placed(140, x, lambda n, r, c: n * 35 + r * 5 + c), [MAPS]),
    (
        Reshape(shape=(2, 14, -1)),
        lambda _, x: placed((2, 14, 5), x, lambda n, r, c: (n // 2, n % 2 * 7 + r, c)),
        [MAPS],
    ),
    (
        ZeroPad2d(padding=((1, 2), (3, 0))),
        lambda _, x: placed((4, 10, 8), x, lambda n, r, c: (n, r + 1, c + 3)),
        [MAPS],
    ),
    (
        ChannelPad(before=1, after=2),
        lambda _, x: placed((7, 7, 5), x, lambda n, r, c: (n + 1, r, c)),
        [MAPS],
    ),
    (ChannelPad(before=2, after=1), lambda _, x: placed(9, x, lambda n: n + 2), [(6,)]),
    (Upsample(factor=(2, 3)), naive_upsample, [MAPS]),
    (Dropout(p=0.9), lambda _, x: x, [MAPS]),
    (Add(), lambda _, *x: [math.fsum(v) for v in zip(*x, strict=True)], [(6,)] * 3),
    (
        Concatenate(),
        lambda _, a, b: (
            placed((6, 7, 5), a, lambda n, r, c: (n, r, c))
            + placed((6, 7, 5), b, lambda n, r, c: (n + 4, r, c))
        ),
        [MAPS, (2, 7, 5)],
    ),
]


@pytest.mark.parametrize(
    "layer, oracle, shapes",
    CASES,
    ids=lambda v: type(v).__name__ if isinstance(v, Layer) else "",
)
def test_forward_is_the_textbook_formula_for_every_sample(rng, layer, oracle, shapes):
    inputs = [rng.normal(size=(3, *shape)) for shape in shapes]
    before = [x.copy() for x in inputs]
    y = forward(layer, *inputs)
    for n in range(3):
        expected = np.asarray(oracle(layer, *(x[n] for x in inputs)))
        assert y[n].shape == expected.shape and abs(expected).max() > 0
        np.testing.assert_allclose(y[n], expected, **CLOSE)
    for x, kept in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, kept)


def test_the_list_holds_every_layer():
    assert {type(layer) for layer, *_ in CASES} == set(LAYERS)


def test_softmax_of_large_numbers_does_not_overflow():
    np.testing.assert_allclose(forward(Softmax(), np.array([[1e4, 1e4, 0.0]])), [[0.5, 0.5, 0]])


@pytest.mark.parametrize("gamma", [0.0, 0.02, 1.0])
def test_soft_lif_is_finite_rises_and_goes_over_into_the_neuron(gamma):
    """From far below the threshold, where ``j`` is no float any more, to far above."""
    x = np.linspace(-1e3, 1e3, 20001)
    with np.errstate(over="raise", invalid="raise"):
        y = forward(SoftLIF(gamma=gamma), x[None])[0]
    assert np.isfinite(y).all() and np.diff(y).min() >= 0 and y[-1] > 1 > y[0] >= 0
    far = x > 40 * gamma  # softplus(z) - z < exp(-40)
    np.testing.assert_allclose(y[far], forward(SoftLIF(gamma=0), x[None])[0, far], rtol=1e-12)


def test_soft_lif_has_no_jump_where_its_formula_changes():
    """At ``x = -20 gamma`` the two ways to write the logarithm differ by less than exp(-20)."""
    layer = SoftLIF(gamma=0.5)
    below, above = forward(layer, np.array([[np.nextafter(-10, -11), -10.0]]))[0]
    assert below > 0 and abs(above / below - 1) < 3e-9


def test_quantized_values_on_the_border_go_up():
    x = np.array([[0.125, 0.374, 0.375, 0.9, -0.2]])
    y = forward(QuantizedReLU(levels=2, maximum=0.5), x)
    np.testing.assert_array_equal(y, [[0.25, 0.25, 0.5, 0.5, 0.0]])


def test_steps_begin_at_their_threshold():
    np.testing.assert_array_equal(forward(Step(threshold=0.5), np.array([[0.4, 0.5]])), [[0, 1]])


# --- torch on random settings -------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
zeros = st.tuples(st.integers(0, 2), st.integers(0, 2))
sizes = st.tuples(st.integers(3, 8), st.integers(3, 8))
few = settings(max_examples=40, deadline=None, derandomize=True)


def against_torch(layer, shape, function, *args, **options):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, *shape))
    try:
        y = forward(layer, x)
    except GraphError:
        with pytest.raises(RuntimeError):
            getattr(torch.nn.functional, function)(torch.tensor(x), *args, **options)
        return
    expected = getattr(torch.nn.functional, function)(torch.tensor(x), *args, **options).numpy()
    np.testing.assert_allclose(y, expected, **CLOSE)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@few
@given(sizes, pairs, pairs, zeros, pairs, st.sampled_from([1, 2]), st.booleans())
def test_conv_on_random_settings(size, kernel, stride, padding, dilation, groups, same):
    torch = pytest.importorskip("torch")
    stride, padding = ((1, 1), "same") if same else (stride, padding)
    weight, bias = normal(4, 4 // groups, *kernel), normal(4)
    given_ = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    layer = Conv2d(weight=weight, bias=bias, **given_)
    tensors = torch.tensor(weight), torch.tensor(bias)
    against_torch(layer, (4, *size), "conv2d", *tensors, **given_)


@few
@given(sizes, pairs, pairs, zeros, pairs, st.sampled_from([1, 2]))
def test_transposed_conv_on_random_settings(size, kernel, stride, padding, dilation, groups):
    torch = pytest.importorskip("torch")
    weight, bias = normal(4, 3, *kernel), normal(3 * groups)
    given_ = {
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
        "output_padding": tuple(s - 1 for s in stride),
    }  # fmt: skip
    layer = ConvTranspose2d(weight=weight, bias=bias, **given_)
    tensors = torch.tensor(weight), torch.tensor(bias)
    against_torch(layer, (4, *size), "conv_transpose2d", *tensors, **given_)


@few
@given(sizes, pairs, pairs, zeros, st.booleans(), st.sampled_from([True, False, None, "sum"]))
def test_pools_on_random_settings(size, kernel, stride, padding, ceil_mode, counted):
    assume(all(p <= k // 2 for p, k in zip(padding, kernel, strict=True)))
    given_ = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    if counted is None:
        layer = MaxPool2d(kernel=kernel, **given_)
        against_torch(layer, (2, *size), "max_pool2d", kernel, **given_)
    elif counted == "sum":
        layer = SumPool2d(kernel=kernel, **given_)
        against_torch(layer, (2, *size), "avg_pool2d", kernel, **given_, divisor_override=1)
    else:
        given_["count_include_pad"] = counted
        layer = AvgPool2d(kernel=kernel, **given_)
        against_torch(layer, (2, *size), "avg_pool2d", kernel, **given_)


# --- networks ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_reference_is_the_last_activation_and_every_layer_follows_its_inputs(name):
    network = NETWORKS[name]
    values = bioconv.activations(network, images(network))
    assert list(values) == [INPUT, *(node.name for node in network.nodes)]
    for node in network.nodes:
        expected = forward(node.layer, *(values[source] for source in node.inputs))
        np.testing.assert_array_equal(values[node.name], expected)
    output = bioconv.reference(network, images(network))
    np.testing.assert_array_equal(output, values[network.output])
