"""Parts of trained spiking networks: random graphs against an interpreter that walks the parts themselves."""

import numpy as np
import pytest
from brian2 import ms
from hypothesis import given, settings
from hypothesis import strategies as st

import bioconv
from bioconv import Discrete
from bioconv.errors import ReadError
from bioconv.graph import (
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    MaxPool2d,
    Scale,
    SumPool2d,
    forward,
)
from bioconv.read.assembly import Delay, Part, assembled

STEPS = 25


def neuron(decay=0.9, theta=1.0, soft=True):
    return Discrete(
        label="test",
        equations="v : {potential}",
        update="v = decay*v + drive",
        spike="v >= V_th",
        reset="v -= V_th" if soft else "v = 0*v",
        begin="v = 0*v",
        potentials={"V_th": theta},
        numbers={"decay": decay},
    )


def interpreted(parts, frames, order):
    """{name: (n_steps, n, *shape)} of all parts, by the meaning of each: ``order`` within a step."""
    by_name = {part.name: part for part in parts}
    last, v, past = {}, {}, {name: [] for name in by_name}
    for frame in frames.swapaxes(0, 1):
        now = {"input": frame}
        for name in order:
            what = by_name[name].what
            values = [now.get(i, last.get(i)) for i in by_name[name].inputs]
            arriving = sum(value for value in values if value is not None)
            if isinstance(what, Discrete):
                soft = "-=" in what.reset
                theta, decay = what.potentials["V_th"], what.numbers["decay"]
                u = decay * v.get(name, 0) + arriving
                spikes = u >= theta
                v[name] = np.where(spikes, u - theta if soft else 0, u)
                now[name] = spikes.astype(float)
            elif isinstance(what, Delay):
                past[name].append(arriving)
                steps = np.broadcast_to(what.steps, arriving.shape[1:])
                found = np.zeros_like(arriving)
                for place in np.ndindex(steps.shape):
                    k = len(past[name]) - 1 - steps[place]
                    if k >= 0:
                        found[:, *place] = past[name][k][:, *place]
                now[name] = found
                continue
            else:
                now[name] = forward(what, arriving)
        last = now
        for name in by_name:
            if not isinstance(by_name[name].what, Delay):
                past[name].append(now[name])
    return {
        name: np.array(past[name]) for name in by_name if not isinstance(by_name[name].what, Delay)
    }


def trains(result, layer, n, shape):
    found = np.zeros((STEPS, n, int(np.prod(shape))), dtype=int)
    spikes = result.spikes[layer]
    np.add.at(found, (spikes.step, spikes.sample, spikes.neuron), 1)
    return found.reshape(STEPS, n, *shape)


def agree(parts, shape, order, rng, rate=0.4):
    frames = (rng.uniform(size=(3, STEPS, *shape)) < rate).astype(float)
    spiking = assembled(parts, shape)
    result = bioconv.to_brian(spiking, encoder="events").run(
        frames, STEPS * ms, record="spikes", device="numpy"
    )
    expected = interpreted(parts, frames, order)
    seen = 0
    for population in spiking.populations:
        if population.spiking:
            want = expected[population.node]
            got = trains(result, population.name, 3, population.shape)
            np.testing.assert_array_equal(got, want, err_msg=population.node)
            seen += want.sum()
    return seen


def test_maps_with_everything_on_the_way(rng):
    shape = (2, 7, 5)
    parts = [
        Part(name="conv", what=Conv2d(weight=rng.normal(size=(3, 2, 3, 2)) * 0.4,
             bias=rng.normal(size=3) * 0.1, padding=1), inputs=("input",)),
        Part(name="bn", what=BatchNorm(mean=rng.normal(size=3) * 0.1, var=rng.uniform(0.5, 2, 3),
             gamma=rng.uniform(0.8, 1.2, 3), beta=rng.normal(size=3) * 0.1), inputs=("conv",)),
        Part(name="a.0", what=neuron(decay=rng.uniform(0.7, 1, (3, 1, 1))), inputs=("bn",)),
        Part(name="drop", what=Dropout(), inputs=("a.0",)),
        Part(name="pool", what=SumPool2d(kernel=(2, 3)), inputs=("drop",)),
        Part(name="flat", what=Flatten(), inputs=("pool",)),
        Part(name="fc", what=Dense(weight=rng.normal(size=(6, 18)) * 0.4,
             bias=rng.normal(size=6) * 0.1), inputs=("flat",)),
        Part(name="scale", what=Scale(factor=rng.uniform(0.5, 1.5, 6)), inputs=("fc",)),
        Part(name="b", what=neuron(theta=rng.uniform(0.5, 1.5, 6), soft=False),
             inputs=("scale", "again")),
        Part(name="again", what=Dense(weight=rng.normal(size=(6, 6)) * 0.4), inputs=("b",)),
        Part(name="last", what=neuron(), inputs=("b",)),
    ]  # fmt: skip
    order = ["conv", "bn", "a.0", "drop", "pool", "flat", "fc", "scale", "b", "again", "last"]
    # what comes back is the spikes of the step before
    assert agree(parts, shape, order, rng) > 100


def test_max_pooling_is_the_or_of_spikes(rng):
    shape = (2, 5, 6)
    pool = MaxPool2d(kernel=(2, 3), stride=(1, 3))
    parts = [
        Part(name="a", what=neuron(theta=0.9), inputs=("input",)),
        Part(name="pool", what=pool, inputs=("a",)),
        Part(name="b", what=neuron(theta=1.9), inputs=("pool",)),
    ]
    assert agree(parts, shape, ["a", "pool", "b"], rng, rate=0.2) > 50


def test_delays_that_differ_and_add_up(rng):
    parts = [
        Part(name="in", what=Delay(steps=np.array([0, 2, 5, 2])), inputs=("input",)),
        Part(name="fc", what=Dense(weight=rng.normal(size=(3, 4))), inputs=("in",)),
        Part(name="after", what=Delay(steps=np.array([1, 0, 3])), inputs=("fc",)),
        Part(name="a", what=neuron(), inputs=("after",)),
    ]
    assert agree(parts, (4,), ["in", "fc", "after", "a"], rng) > 10
    spiking = assembled(parts, (4,))
    assert {p.delay for p in spiking.projections} == {0, 1, 2, 3, 5, 6, 8}


def test_a_network_that_ends_in_a_linear_part_shows_its_value(rng):
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=3)
    parts = [
        Part(name="a", what=neuron(theta=0.5, decay=0.0), inputs=("input",)),
        Part(name="fc", what=Dense(weight=weight, bias=bias), inputs=("a",)),
    ]
    frames = (rng.uniform(size=(2, 6, 4)) < 0.5).astype(float)
    result = bioconv.to_brian(assembled(parts, (4,)), encoder="events").run(frames, device="numpy")
    np.testing.assert_allclose(result.potentials, frames[:, -1] @ weight.T + bias, atol=1e-12)


def test_two_ways_and_a_bias_that_counts_once(rng):
    """A linear part with two inputs gets their sum; its bias is added once."""
    parts = [
        Part(name="a", what=neuron(), inputs=("input",)),
        Part(name="b", what=neuron(theta=0.7), inputs=("input",)),
        Part(name="fc", what=Dense(weight=rng.normal(size=(3, 4)), bias=np.full(3, 0.3)),
             inputs=("a", "b")),
        Part(name="c", what=neuron(), inputs=("fc",)),
    ]  # fmt: skip
    np.testing.assert_allclose(assembled(parts, (4,))["c"].bias, 0.3)
    assert agree(parts, (4,), ["a", "b", "fc", "c"], rng) > 10


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_graphs(seed):
    """Layers of neurons joined forward at random, each perhaps to itself or back to an earlier one."""
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(2, 6, 5)]
    parts, order = [], []
    for layer in range(1, 5):
        inputs = []
        for before in range(layer):
            if before == layer - 1 or rng.uniform() < 0.4:
                name = f"w{before}{layer}"
                bias = rng.normal(size=sizes[layer]) * 0.2 if rng.uniform() < 0.5 else None
                weight = rng.normal(size=(sizes[layer], sizes[before]))
                source = "input" if before == 0 else f"n{before}"
                parts.append(
                    Part(name=name, what=Dense(weight=weight, bias=bias), inputs=(source,))
                )
                order.append(name)
                inputs.append(name)
        parts.append(
            Part(
                name=f"n{layer}",
                what=neuron(decay=float(rng.choice([1.0, 0.8])), soft=bool(rng.integers(2))),
                inputs=tuple(inputs),
            )
        )
        order.append(f"n{layer}")
    for layer in range(1, 5):
        if rng.uniform() < 0.5:
            back = int(rng.integers(1, layer + 1))
            name = f"back{layer}{back}"
            weight = rng.normal(size=(sizes[back], sizes[layer])) * 0.5
            parts.append(Part(name=name, what=Dense(weight=weight), inputs=(f"n{layer}",)))
            place = next(n for n, part in enumerate(parts) if part.name == f"n{back}")
            old = parts[place]
            parts[place] = Part(name=old.name, what=old.what, inputs=(*old.inputs, name))
            order.append(name)
    agree(parts, (sizes[0],), order, rng)


A = Part(name="a", what=neuron(), inputs=("input",))
FC = Dense(weight=np.ones((3, 4)))
WRONG = {
    "nothing": ([], "names of their own"),
    "double": ([A, A], r"names of their own.*\['a'\]"),
    "unknown": ([Part(name="a", what=neuron(), inputs=("b",))], r"a: fed by \['b'\]"),
    "no input": ([Part(name="a", what=neuron(), inputs=())], "a: nothing feeds it"),
    "two ends": ([A, Part(name="b", what=neuron(), inputs=("input",))], r"\['a', 'b'\]"),
    "cycle": (
        [
            Part(name="x", what=Dropout(), inputs=("input", "y")),
            Part(name="y", what=Dropout(), inputs=("x",)),
            Part(name="a", what=neuron(), inputs=("y",)),
        ],
        "x, y feed each other in a cycle without a neuron",
    ),
    "lost": (
        [A, Part(name="b", what=neuron(), inputs=("c",)), Part(name="c", what=neuron(), inputs=("b",))],
        "reaches b, c",
    ),
    "shape": ([Part(name="f", what=Dense(weight=np.ones((3, 5))), inputs=("input",))], "f: Dense"),
    "parameter": (
        [Part(name="a", what=neuron(theta=np.arange(1.0, 4.0)), inputs=("input",))],
        r"a: V_th has shape \(3,\), the neurons have \(4,\)",
    ),
    "what comes back": (
        [
            Part(name="a", what=neuron(), inputs=("input", "back")),
            Part(name="back", what=FC, inputs=("a",)),
        ],
        "a: its inputs have shapes.*what comes back to it included",
    ),
    "delayed bias": (
        [
            Part(name="f", what=Dense(weight=np.ones((4, 4)), bias=np.ones(4)), inputs=("input",)),
            Part(name="d", what=Delay(steps=2), inputs=("f",)),
            Part(name="a", what=neuron(), inputs=("d",)),
        ],
        "d: a Delay behind a bias",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name):
    parts, text = WRONG[name]
    with pytest.raises(ReadError, match=text):
        assembled(parts, (4,))


def test_names_become_those_that_brian2_takes():
    names = ["layers.0", "layers_0", "1", "input.", "é"]
    parts, before = [], "input"
    for name in names:
        parts.append(Part(name=name, what=neuron(), inputs=(before,)))
        before = name
    spiking = assembled(parts, (4,))
    assert [p.node for p in spiking.populations] == names
    found = [p.name for p in spiking.populations]
    assert found == ["layers_0", "layers_0_2", "layer_1", "layer_input", "population"]
    bioconv.to_brian(spiking).build()
