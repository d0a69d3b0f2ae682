"""Shared projections against explicit ``Synapses``: the same potentials, bit by bit."""

import brian2
import numpy as np
import pytest
from brian2 import ms, mV
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse

from bioconv.build import numbers
from bioconv.build.settings import PRECISIONS
from bioconv.errors import ParameterError
from bioconv.graph import AvgPool2d, Conv2d, ZeroPad2d, output_shape
from bioconv.projections import (
    AllButOwn,
    Convolution,
    Matrix,
    SharedProjection,
    Targets,
    by_distance,
    explicit,
    kind_of,
    order_of,
    path_matrix,
)
from bioconv.projections.kinds import stored
from bioconv.run import device

STEPS = 25
LEAKY = "dv/dt = -v/(20*ms) : 1 (unless refractory)"


def matrix_kind(weights):
    """(n_post, n_pre) weights as they are."""
    n_post, n_pre = weights.shape
    return Matrix(n_pre=n_pre, n_post=n_post, weights=weights.T.ravel())


def potentials(
    kind, matrix, *, replicas=1, refractory=False, delay=0, target="numpy", form="shared"
):
    """Potentials and spikes of a target population after :data:`STEPS` steps of random input."""
    rng = np.random.default_rng(3)
    n_post, n_pre = matrix.shape
    clock = brian2.Clock(1 * ms)
    fired = rng.random((STEPS, n_pre * replicas)) < 0.3
    times, neurons = np.nonzero(fired)
    source = brian2.SpikeGeneratorGroup(n_pre * replicas, neurons, times * ms, clock=clock)
    group = brian2.NeuronGroup(
        n_post * replicas,
        LEAKY if refractory else "v : 1",
        threshold="v > 1",
        reset="v = 0" if refractory else "v -= 1",
        refractory=2 * ms if refractory else False,
        method="exact",
        clock=clock,
    )
    if form == "shared":
        link = SharedProjection(source, group, kind, variable="v", delay=delay, clock=clock)
    else:
        link = explicit(
            source, group, sparse.csr_array(matrix), name="synapses_*", variable="v", unit=1,
            unit_text="1", replicas=replicas, when="synapses", delay=delay, clock=clock,
        )  # fmt: skip
    monitor = brian2.SpikeMonitor(group)
    network = brian2.Network(source, group, link, monitor)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    with device(target):
        network.run(STEPS * ms, namespace={})
    return np.array(group.v), np.array(monitor.i), np.array(monitor.t / ms)


def assert_same(kind, matrix, **options):
    expected = potentials(kind, matrix, form="explicit", **options)
    found = potentials(kind, matrix, **options)
    assert len(expected[1]) > 0 and np.ptp(expected[0]) > 0, "silence agrees with anything"
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def inner(layers, shape):
    """A path's kind, and its matrix as the groups count their neurons."""
    target = shape
    for layer in layers:
        target = output_shape(layer, target)
    matrix = path_matrix(layers, shape)
    kind = kind_of(tuple(layers), shape, 1.0, lambda: matrix)
    return kind, matrix.toarray()[order_of(target)][:, order_of(shape)]


@pytest.mark.parametrize("options", [
    {}, {"replicas": 3}, {"refractory": True, "replicas": 2}, {"delay": 1}, {"delay": 4, "replicas": 2},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", ["matrix", "targets", "convolution"])
def test_every_kind_is_its_synapses(rng, kind, options):
    if kind == "convolution":
        layers = [Conv2d(weight=rng.normal(0.1, 0.3, (5, 3, 3, 2)), stride=(2, 1), padding=1)]
        made, matrix = inner(layers, (3, 7, 5))
        assert isinstance(made, Convolution)
    else:
        matrix = rng.normal(0.1, 0.3, (19, 23))
        made = matrix_kind(matrix)
        if kind == "targets":
            matrix *= rng.random(matrix.shape) < 0.2
            made = stored(sparse.csr_array(matrix))
            assert isinstance(made, Targets)
    assert_same(made, matrix, **options)


@pytest.mark.parametrize(
    "options", [{}, {"replicas": 3, "refractory": True}, {"delay": 2}], ids=str
)
def test_all_but_own_is_its_synapses(options):
    assert_same(*all_but_own(11), **options)


def all_but_own(n):
    kind = AllButOwn(n_pre=n, n_post=n, weights=np.array([0.07]))
    assert kind.n_synapses == n * (n - 1)
    return kind, 0.07 * (1 - np.eye(n))


@pytest.mark.parametrize("options", [{}, {"replicas": 2, "refractory": True}], ids=str)
def test_neighbours_join_by_their_distance(options):
    """On a rectangle, against the formula for every pair of neurons."""
    rows, columns = np.divmod(np.arange(4 * 7), 7)
    across, along = (np.abs(np.subtract.outer(each, each)) for each in (rows, columns))
    near = (np.maximum(across, along) <= 2) & ~np.eye(28, dtype=bool)
    matrix = np.where(near, 0.1 - 0.03 * np.hypot(across, along), 0.0)
    assert_same(by_distance((4, 7), lambda d: 0.1 - 0.03 * d, 2), matrix, **options)


def test_a_distance_without_a_weight_is_refused():
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ParameterError, match=r"no finite number at a distance of 1\b"),
    ):
        by_distance((4, 7), lambda d: 1 / (d - 1), 2)
    with pytest.raises(ParameterError, match="reach of 0"):
        by_distance((4, 7), np.negative, 0)


side = st.integers(1, 3)


@st.composite
def paths(draw):
    """A convolution of any settings, perhaps behind zeros or an average, and a shape it fits."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel, stride, dilation = ((draw(side), draw(side)) for _ in range(3))
    channels, out = groups * draw(side), groups * draw(side)
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    layers = []
    front = draw(st.sampled_from(["nothing", "zeros", "average"]))
    if front == "zeros":
        layers.append(ZeroPad2d(padding=((1, 0), (0, 2))))
    if front == "average":
        kernel_and_stride = [(draw(side), draw(side)), (draw(side), draw(side))]
        if draw(st.booleans()):
            kernel_and_stride[1] = kernel_and_stride[0]
        layers.append(AvgPool2d(kernel=kernel_and_stride[0], stride=kernel_and_stride[1]))
        padding = draw(st.sampled_from([0, 1]))
        dilation = (1, 1)
    layers.append(
        Conv2d(
            weight=rng.normal(0.2, 0.4, (out, channels // groups, *kernel)), stride=stride,
            padding=padding, dilation=dilation, groups=groups,
        )
    )  # fmt: skip
    reach = [d * (k - 1) + 1 + 5 for k, d in zip(kernel, (3, 3), strict=True)]
    return layers, (channels, reach[0] + draw(side), reach[1] + draw(side))


@settings(max_examples=25, deadline=None)
@given(paths())
def test_convolutions_of_any_shape_are_their_matrices(path):
    """The tables and the order of stored weights, against the product of the layers' matrices."""
    kind, matrix = inner(*path)
    rebuilt = np.zeros_like(matrix)
    if isinstance(kind, Convolution):
        _scatter(kind, rebuilt)
        np.testing.assert_allclose(rebuilt, matrix, atol=1e-12)
        assert kind.n_synapses >= np.count_nonzero(matrix)
    assert kind.fan_out().shape == (matrix.shape[1],)


def _scatter(kind, matrix):
    """What the kernel does for one spike of each neuron, written from the tables' description."""
    c = kind.constants
    rows, runs = kind.rows, kind.runs
    weights = kind.weights.reshape(c["_channels"], c["_kernel_rows"], c["_kernel_columns"], -1)
    for neuron in range(kind.n_pre):
        pixel, channel = divmod(neuron, c["_channels"])
        y, x = divmod(pixel, c["_columns"])
        base = channel // c["_per_group"] * c["_out_per_group"]
        for r in range(rows[0][y], rows[0][y + 1]):
            for n in range(runs[0][x], runs[0][x + 1]):
                for k in range(runs[3][n]):
                    place = rows[2][r] * c["_out_columns"] + runs[2][n] + k
                    at = place * c["_out_channels"] + base
                    part = weights[channel, rows[1][r], runs[1][n] + k]
                    matrix[at : at + len(part), neuron] += part


@settings(max_examples=8, deadline=None)
@given(paths())
def test_convolutions_of_any_shape_are_their_synapses(path):
    kind, matrix = inner(*path)
    assume(np.any(matrix))  # a kernel may see nothing but padding
    expected = potentials(kind, matrix, form="explicit", replicas=2)
    found = potentials(kind, matrix, replicas=2)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_depthwise_convolutions_and_stored_numbers():
    weight = np.ones((32, 16, 3, 3))
    kind, _ = inner([Conv2d(weight=weight, padding=1)], (16, 28, 28))
    assert kind.weights.size == 4608 and kind.n_synapses == 3442688
    assert kind.runs[3].max() == 3, "neighbouring outputs are one run"
    depthwise, _ = inner([Conv2d(weight=np.ones((6, 1, 3, 3)), groups=6)], (6, 5, 7))
    assert isinstance(depthwise, Convolution) and depthwise.weights.size == 54


@pytest.mark.parametrize(
    "target",
    [
        "numpy",
        pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
        pytest.param("cpp_standalone", marks=pytest.mark.compiled),
    ],
)
def test_subgroups_recurrence_and_settable_weights(rng, target, tmp_path):
    """A group onto itself, part of it onto an overlapping part, in both forms at once."""
    weights = rng.normal(0.2, 0.3, (7, 20))
    with device(target, tmp_path):
        clock = brian2.Clock(1 * ms)
        groups, objects = [], []
        for form in ("shared", "explicit"):
            group = brian2.NeuronGroup(
                50, "v : volt", threshold="v > 1*mV", reset="v -= 1*mV", clock=clock, name=form
            )
            group.v = np.linspace(0, 3, 50) * mV
            part, onto = group[10:30], group[25:32]
            if form == "shared":
                link = SharedProjection(
                    part, onto, matrix_kind(0 * weights), variable="v", clock=clock
                )
            else:
                link = brian2.Synapses(
                    part, onto, "w : volt", on_pre="v_post += w", clock=clock, delay=0 * ms
                )
                link.connect()
            link.w = weights.T.ravel() * mV
            groups.append(group)
            objects += [group, link]
        network = brian2.Network(*objects)
        network.run(30 * ms, namespace={})
        if target == "cpp_standalone":
            brian2.get_device().build(directory=str(tmp_path), run=True, with_output=False)
        shared, explicit_ = (np.array(group.v_[:]) for group in groups)
    assert np.ptp(shared) > 0 and not np.array_equal(shared, np.linspace(0, 3e-3, 50))
    np.testing.assert_array_equal(shared, explicit_)


def _three_kinds(rng):
    """A kind of every class for 105 source neurons, and its matrix."""
    full = rng.normal(0.1, 0.3, (19, 105))
    few = full * (rng.random(full.shape) < 0.2)
    layers = [Conv2d(weight=rng.normal(0.1, 0.3, (5, 3, 3, 2)), stride=(2, 1), padding=1)]
    return {
        "matrix": (matrix_kind(full), full),
        "targets": (stored(sparse.csr_array(few)), few),
        "convolution": inner(layers, (3, 7, 5)),
    }


@pytest.mark.parametrize(
    ("target", "precision"),
    [
        ("numpy", "double"),
        ("numpy", "single"),
        pytest.param("cython", "double", marks=[pytest.mark.compiled, pytest.mark.full]),
        pytest.param("cpp_standalone", "single", marks=pytest.mark.compiled),
    ],
)
def test_a_gain_multiplies_the_weights_of_a_spike(rng, target, precision, tmp_path):
    """Every kind, from part of a group of two replicas, delayed and onto refractory targets as well."""
    replicas = 2
    with device(target, tmp_path), numbers(precision):
        clock = brian2.Clock(1 * ms)
        drawn = brian2.TimedArray(rng.random((STEPS, 4 + 105 * replicas)), dt=1 * ms)
        whole = brian2.NeuronGroup(
            4 + 105 * replicas, "gain : 1", threshold="drawn(t, i) < 0.3", clock=clock,
            namespace={"drawn": drawn}, name="senders",
        )  # fmt: skip
        whole.gain = rng.normal(0.5, 1.0, len(whole))
        source, objects, pairs = whole[4:], [whole], []
        for number, (kind, matrix) in enumerate(_three_kinds(rng).values()):
            assert kind.n_pre == 105
            delay = 2 * (number == 1)
            pair = []
            for form in ("shared", "explicit"):
                group = brian2.NeuronGroup(
                    kind.n_post * replicas, LEAKY if number else "v : 1", threshold="v > 1",
                    reset="v -= 1", refractory=2 * ms if number else False, method="exact",
                    clock=clock, name=f"{form}_{number}",
                )  # fmt: skip
                if form == "shared":
                    link = SharedProjection(
                        source, group, kind, variable="v", delay=delay, clock=clock, gain="gain",
                        dtype=PRECISIONS[precision],
                    )  # fmt: skip
                else:
                    link = explicit(
                        source, group, sparse.csr_array(matrix), name=f"synapses_{number}",
                        variable="v", unit=1, unit_text="1", replicas=replicas, when="synapses",
                        delay=delay, clock=clock, gain="gain",
                    )  # fmt: skip
                pair.append(group)
                objects += [group, link]
            pairs.append(pair)
        network = brian2.Network(*objects)
        network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
        network.run(STEPS * ms, namespace={})
        if target == "cpp_standalone":
            brian2.get_device().build(directory=str(tmp_path), run=True, with_output=False)
        found = [[np.array(group.v_[:]) for group in pair] for pair in pairs]
    for shared, explicit_ in found:
        assert np.ptp(shared) > 0.5 and shared.dtype == PRECISIONS[precision]
        np.testing.assert_array_equal(shared, explicit_)


def test_sizes_that_do_not_fit_are_refused(rng):
    group = brian2.NeuronGroup(6, "v : 1", threshold="v > 1", reset="v = 0")
    with pytest.raises(ValueError, match="3 to 4 neurons does not fit groups of 6 and 6"):
        SharedProjection(group, group, matrix_kind(np.ones((4, 3))), variable="v")


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["matrix", "targets", "convolution"])
def test_cython_kernels_are_the_synapses_too(rng, kind):
    matrix = rng.normal(0.1, 0.3, (19, 23))
    made = matrix_kind(matrix)
    if kind == "targets":
        matrix *= rng.random(matrix.shape) < 0.2
        made = stored(sparse.csr_array(matrix))
    if kind == "convolution":
        layers = [Conv2d(weight=rng.normal(0.1, 0.3, (5, 3, 3, 2)), stride=(2, 1), padding=1)]
        made, matrix = inner(layers, (3, 7, 5))
    options = {"refractory": True, "delay": 2, "replicas": 2}
    expected = potentials(made, matrix, form="explicit", **options)
    found = potentials(made, matrix, target="cython", **options)
    assert len(expected[1]) > 0
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
