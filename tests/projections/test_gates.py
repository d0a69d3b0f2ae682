"""Max-pooling of spikes against a simulation in plain loops, and against Brian2's own synapses."""

import brian2
import numpy as np
import pytest
from brian2 import ms
from hypothesis import given, settings
from hypothesis import strategies as st

from bioconv.errors import ParameterError
from bioconv.graph import MaxPool2d, forward, output_shape
from bioconv.projections import Gate, SharedProjection, Targets, gate_of, order_of
from bioconv.run import device

STEPS = 40
GAIN = 0.75
SCHEDULE = ["start", "groups", "thresholds", "resets", "synapses", "end"]
COMPILED = [
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=pytest.mark.compiled),
]
LEAKY = "dv/dt = -v/(20*ms) : 1 (unless refractory)"


def members(layer, shape):
    """{window as (channel, row, column): its pixels, in the order of their numbers}."""
    before = [sides[0] for sides in layer.padding]
    found = {}
    for c, y, x in np.ndindex(*output_shape(layer, shape)):
        rows, columns = (
            [at * s + k - b for k in range(size) if 0 <= at * s + k - b < n]
            for at, s, size, b, n in zip(
                (y, x), layer.stride, layer.kernel, before, shape[1:], strict=True
            )
        )
        found[c, y, x] = [(c, row, column) for row in rows for column in columns]
    return found


def simulated(layer, shape, events, decay, delay=0):
    """(*windows) sums after events (steps, *shape) of 1, 0 or -1: who leads gets through."""
    estimate = np.zeros(shape)
    v = np.zeros(output_shape(layer, shape))
    for step, now in enumerate(events):
        estimate = estimate * decay + now
        arrived = events[step - delay] if step >= delay else np.zeros(shape)
        for window, pixels in members(layer, shape).items():
            if pixels:
                leader = max(pixels, key=lambda pixel: estimate[pixel])  # of equal ones the first
                v[window] += GAIN * arrived[leader]
    return v


def drawn(shape, seed):
    """(STEPS, *shape) events: 1, -1 or 0, pixels with different rates."""
    rng = np.random.default_rng(seed)
    rate = rng.choice([0.1, 0.3, 0.5], size=shape)
    draw = rng.random((STEPS, *shape))
    return (draw < rate).astype(float) - (draw > 0.9)


def built(gate, events, decay, *, delay=0, name="gate", variable="estimate : 1"):
    """The target and the other objects for events (STEPS, replicas*n_pre)."""
    clock = brian2.Clock(1 * ms)
    table = brian2.TimedArray(events, dt=1 * ms, name=f"events_of_{name}")
    source = brian2.NeuronGroup(
        events.shape[1],
        f"x = table(t, i) : 1\n{variable}",
        threshold="x > 0.5",
        reset="estimate += 1",
        events={"negative": "x < -0.5"},
        namespace={"table": table},
        clock=clock,
        name=f"{name}_source",
    )
    source.run_on_event("negative", "estimate -= 1", when="resets")
    if decay != 1:
        source.run_regularly(f"estimate *= {decay}", when="groups", clock=clock)
    group = brian2.NeuronGroup(
        events.shape[1] // gate.n_pre * gate.n_post, "v : 1", clock=clock, name=f"{name}_target"
    )
    shared = {"variable": "v", "delay": delay, "clock": clock}
    first = SharedProjection(source, group, gate, name=name, **shared)
    second = SharedProjection(
        source, group, gate, name=f"{name}_negative", event="negative", weights_of=first, **shared
    )
    return group, source, first, second


def run(*objects, target="numpy"):
    network = brian2.Network(*objects)
    network.schedule = SCHEDULE
    with device(target):
        network.run(STEPS * ms, namespace={})


def in_group_order(events, shape):
    """(STEPS, replicas*n): events (replicas, STEPS, *shape), neurons as the group counts them."""
    flat = events.reshape(*events.shape[:2], -1)[:, :, order_of(shape)]
    return np.concatenate(list(flat), axis=1)


def as_maps(v, shape, replicas):
    """(replicas, *shape) of a group's values."""
    maps = np.zeros((replicas, v.size // replicas))
    maps[:, order_of(shape)] = v.reshape(replicas, -1)
    return maps.reshape(replicas, *shape)


side = st.integers(1, 3)


@st.composite
def pools(draw):
    kernel = (draw(side), draw(side))
    padding = tuple(tuple(draw(st.integers(0, k - 1)) for _ in "ab") for k in kernel)
    layer = MaxPool2d(
        kernel=kernel,
        stride=(draw(side), draw(side)),
        padding=padding,
        ceil_mode=draw(st.booleans()),
    )
    return layer, (draw(side), kernel[0] + draw(st.integers(0, 4)), kernel[1] + draw(side))


@settings(max_examples=25, deadline=None)
@given(pools())
def test_tables_list_the_pixels_of_every_window(pool):
    layer, shape = pool
    out = output_shape(layer, shape)
    gate = gate_of(layer, shape, GAIN)
    place_of = np.argsort(order_of(shape)).reshape(shape)
    window_of = np.argsort(order_of(out)).reshape(out)
    assert (gate.n_pre, gate.n_post) == (np.prod(shape), np.prod(out))
    pairs = 0
    for window, pixels in members(layer, shape).items():
        begin, end = gate.window_first[window_of[window] :][:2]
        assert gate.window_pre[begin:end].tolist() == [place_of[pixel] for pixel in pixels]
        pairs += len(pixels)
    assert gate.n_synapses == gate.weights.size == gate.window_pre.size == pairs
    for neuron in range(gate.n_pre):
        for n in range(gate.first[neuron], gate.first[neuron + 1]):
            begin, end = gate.window_first[gate.post[n] :][:2]
            assert begin <= gate.place[n] < end and gate.window_pre[gate.place[n]] == neuron


@settings(max_examples=12, deadline=None)
@given(pools(), st.sampled_from([1, 0.8]), st.sampled_from([0, 2]))
def test_only_the_leader_of_a_window_gets_through(pool, decay, delay):
    layer, shape = pool
    events = np.stack([drawn(shape, seed) for seed in (1, 2)])
    group, *objects = built(
        gate_of(layer, shape, GAIN), in_group_order(events, shape), decay, delay=delay
    )
    run(group, *objects)
    out = output_shape(layer, shape)
    expected = np.stack([simulated(layer, shape, one, decay, delay) for one in events])
    assert np.count_nonzero(expected) > 0
    np.testing.assert_allclose(as_maps(np.array(group.v), out, 2), expected, atol=1e-12)


OVERLAP = MaxPool2d(kernel=(3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True)
APART = MaxPool2d(kernel=(2, 3))
SHAPE = (2, 6, 7)


@pytest.mark.parametrize("runs_on", COMPILED)
def test_compiled_targets_too(runs_on, tmp_path):
    """Overlapping windows with a delay; windows side by side with counts as integers; one replica alone."""
    cases = {
        "overlap": (OVERLAP, 0.8, {"delay": 1}, 2),
        "apart": (APART, 1, {"variable": "estimate : integer"}, 3),
    }
    with device(runs_on, tmp_path):
        groups, objects = {}, []
        for name, (layer, decay, options, replicas) in cases.items():
            events = np.stack([drawn(SHAPE, seed) for seed in range(replicas)])
            gate = gate_of(layer, SHAPE, GAIN)
            groups[name], *rest = built(
                gate, in_group_order(events, SHAPE), decay, name=name, **options
            )
            objects += [groups[name], *rest]
        network = brian2.Network(*objects)
        network.schedule = SCHEDULE
        network.run(STEPS * ms, namespace={})
        if runs_on == "cpp_standalone":
            brian2.get_device().build(directory=str(tmp_path), run=True, with_output=False)
        found = {name: np.array(group.v[:]) for name, group in groups.items()}
    for name, (layer, decay, options, replicas) in cases.items():
        expected = [
            simulated(layer, SHAPE, drawn(SHAPE, seed), decay, options.get("delay", 0))
            for seed in range(replicas)
        ]
        maps = as_maps(found[name], output_shape(layer, SHAPE), replicas)
        assert all(np.count_nonzero(part) > 10 for part in expected)
        np.testing.assert_allclose(maps, expected, atol=1e-12, err_msg=name)


def test_counts_find_the_largest_rate():
    """Of trains with constant rates, the pooled spikes become those of the fastest pixel."""
    rates = np.random.default_rng(0).permutation(np.linspace(0.02, 0.9, 2 * 6 * 7)).reshape(SHAPE)
    steps = np.arange(1, 1001)[:, None, None, None]
    events = np.floor(steps * rates) - np.floor((steps - 1) * rates)
    expected = forward(APART, rates[None])[0]
    sums = simulated(APART, SHAPE, events, 1)
    np.testing.assert_allclose(sums / GAIN / 1000, expected, atol=0.02)
    averages = simulated(APART, SHAPE, events, 0.99)
    np.testing.assert_allclose(averages / GAIN / 1000, expected, atol=0.05)


def test_synapses_that_count_the_better_ones_do_the_same():
    """Windows side by side, without templates: how many of a neuron's window are ahead of it."""
    events = np.maximum(drawn(SHAPE, 3), 0)
    gate = gate_of(APART, SHAPE, GAIN)
    clock = brian2.Clock(1 * ms)
    table = brian2.TimedArray(in_group_order(events[None], SHAPE), dt=1 * ms)
    source = brian2.NeuronGroup(
        gate.n_pre, "x = table(t, i) : 1\nc : 1\nnbetter : 1", threshold="x > 0.5", reset="c += 1",
        namespace={"table": table}, clock=clock,
    )  # fmt: skip
    group = brian2.NeuronGroup(gate.n_post, "v : 1", clock=clock)
    windows = np.split(gate.window_pre, gate.window_first[1:-1])
    pairs = [(i, j) for window in windows for i in window for j in window if i != j]
    ahead = brian2.Synapses(
        source, source,
        "nbetter_post = int(c_pre > c_post) + int(c_pre == c_post)*int(i < j) : 1 (summed)",
        clock=clock,
    )  # fmt: skip
    ahead.connect(i=[i for i, _ in pairs], j=[j for _, j in pairs])
    updater = ahead.summed_updaters["nbetter_post"]
    updater.when, updater.order = "resets", 1
    pool = brian2.Synapses(
        source,
        group,
        "w : 1",
        on_pre="v_post += w*int(nbetter_pre == 0)",
        delay=0 * ms,
        clock=clock,
    )
    pool.connect(i=gate.window_pre, j=np.repeat(np.arange(gate.n_post), np.diff(gate.window_first)))
    pool.w = GAIN
    run(source, group, ahead, pool)
    expected = simulated(APART, SHAPE, events, 1)
    assert np.count_nonzero(expected) > 10
    found = as_maps(np.array(group.v), output_shape(APART, SHAPE), 1)
    np.testing.assert_array_equal(found[0], expected)
    ours, *objects = built(gate, in_group_order(events[None], SHAPE), 1)
    run(ours, *objects)
    np.testing.assert_array_equal(ours.v, group.v)


@pytest.mark.parametrize("target", ["numpy", *COMPILED[:1]])
def test_refractory_targets_and_windows_of_one(target):
    """A window of one neuron lets everything through: the gate is a one-to-one projection."""
    gate = gate_of(MaxPool2d(kernel=1), SHAPE, GAIN)
    n = gate.n_pre
    plain = Targets(
        n_pre=n, n_post=n, weights=gate.weights, first=np.arange(n + 1), post=np.arange(n)
    )
    events = in_group_order(drawn(SHAPE, 5)[None], SHAPE)
    potentials = []
    for kind in (gate, plain):
        _, source, *_ = built(gate, events, 0.9)
        group = brian2.NeuronGroup(
            n, LEAKY, threshold="v > 1", reset="v = 0", refractory=3 * ms, method="exact",
            clock=source.clock,
        )  # fmt: skip
        monitor = brian2.SpikeMonitor(group)
        link = SharedProjection(source, group, kind, variable="v", clock=source.clock)
        run(source, group, link, monitor, target=target)
        assert monitor.num_spikes > 50
        potentials.append(np.array(group.v))
    np.testing.assert_array_equal(*potentials)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_of_equal_estimates_the_first_in_the_list_leads(first):
    """The list decides, not the order in the group; all of a window fire in every step."""
    order = np.roll([0, 1, 2], -first)
    gate = Gate(
        n_pre=3, n_post=1, weights=np.array([1.0, 10.0, 100.0]), first=np.arange(4),
        post=np.zeros(3, dtype=int), place=np.argsort(order), window_first=np.array([0, 3]),
        window_pre=order,
    )  # fmt: skip
    group, *objects = built(gate, np.ones((STEPS, 3)), 1)
    run(group, *objects)
    assert group.v[0] == STEPS * 10.0**first


def test_other_variables_and_those_that_are_missing():
    gate = gate_of(APART, SHAPE, estimate="rate")
    clock = brian2.Clock(1 * ms)
    target = brian2.NeuronGroup(gate.n_post, "v : 1", clock=clock)
    for equations in ("x : 1", "rate = 2*x : 1\nx : 1"):
        source = brian2.NeuronGroup(
            gate.n_pre, equations, threshold="x > 1", clock=clock, name="without_rates*"
        )
        with pytest.raises(ParameterError, match="'without_rates.*': .*variable 'rate', which is"):
            SharedProjection(source, target, gate, variable="v", clock=clock)
    source = brian2.NeuronGroup(gate.n_pre, "x : 1\nrate : 1", threshold="x > 1", clock=clock)
    link = SharedProjection(source, target, gate, variable="v", clock=clock)
    source.x = 2
    source.rate = np.arange(gate.n_pre)
    run(source, target, link)
    np.testing.assert_array_equal(target.v, STEPS)
