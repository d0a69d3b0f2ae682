"""NIR graphs: spikes of a numpy interpreter of the stated semantics, files of other tools, inferences, refusals."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second
from hypothesis import given, settings
from hypothesis import strategies as st

import bioconv
from bioconv.errors import ParameterError, ReadError

nir = pytest.importorskip("nir")
from nir_reference import DT, VALUED, Graph, interpreted  # noqa: E402

FILES = Path(__file__).parent / "nir_files"
STEPS = 25


def trains(result, layer, shape):
    """(n_steps, n, *shape) spikes of a recorded population."""
    found = np.zeros((result.n_steps, result.n_samples, int(np.prod(shape))))
    spikes = result.spikes[layer]
    np.add.at(found, (spikes.step, spikes.sample, spikes.neuron), 1)
    return found.reshape(*found.shape[:2], *shape)


def spikes_agree(network, expected, frames, encoder, **run):
    """Spike trains of all populations, and the last potentials of an output without spikes; number of spikes."""
    model = bioconv.to_brian(network, encoder=encoder)
    result = model.run(frames, record="spikes", **{"device": "numpy", **run})
    seen = 0
    for population in network.populations:
        want = expected.get(population.node)
        if want is not None and "gain" not in population.neuron.equations and population.spiking:
            got = trains(result, population.name, population.shape)
            np.testing.assert_array_equal(got, want, err_msg=population.node)
            seen += want.sum()
    if not network[network.output].spiking:
        last = expected["output"][-1]
        np.testing.assert_allclose(result.potentials, last, rtol=1e-9, atol=1e-12)
    return seen


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_graphs_of_all_primitives(seed):
    rng = np.random.default_rng(seed)
    choices = {
        "reset": str(rng.choice(["zero", "subtract"])),
        "spikes": str(rng.choice(["step", "dirac"])),
        "integrator": str(rng.choice(["euler", "exact"])),
    }
    drawn = Graph(rng, choices["spikes"])
    encoder = str(rng.choice(["events", "frames"]))
    frames = (rng.uniform(size=(3, STEPS, *drawn.input_shape)) < 0.4).astype(float)
    if encoder == "frames":
        frames = frames * rng.uniform(0, 1, frames.shape)
    network = bioconv.from_nir(drawn.graph, dt=DT, **choices)
    expected = interpreted(drawn.stepwise, drawn.order, frames, **choices)
    spikes_agree(network, expected, frames, encoder)


def test_random_graphs_hold_every_primitive_and_spike():
    """What the test above walks: a silent graph agrees with anything."""
    kinds, seen = set(), 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        drawn = Graph(rng, "step")
        frames = (rng.uniform(size=(2, STEPS, *drawn.input_shape)) < 0.4).astype(float)
        kinds |= {type(node).__name__ for node in drawn.nodes.values()}
        choices = {"reset": "zero", "spikes": "step", "integrator": "euler"}
        values = interpreted(drawn.stepwise, drawn.order, frames, **choices)
        seen += sum(values[n].sum() for n in values if isinstance(drawn.nodes[n], nir.LIF))
    assert kinds == {
        "Input", "Output", "Affine", "Linear", "Conv1d", "Conv2d", "Scale", "Flatten", "SumPool2d",
        "AvgPool2d", "Delay", "Threshold", "I", "IF", "LI", "LIF", "CubaLI", "CubaLIF",
    }  # fmt: skip
    assert seen > 1000


LANES = [
    "numpy",
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=pytest.mark.compiled),
]


@pytest.mark.parametrize("device", LANES)
def test_the_graph_of_norse_spikes_as_in_norse(device):
    """Potentials of the CSV are single precision; those of spike steps were reset."""
    data = np.loadtxt(FILES / "lif_norse.csv", delimiter=",")
    model = bioconv.to_brian(FILES / "lif_norse.nir", dt=0.1 * ms, encoder="events")
    result = model.run(data[None, :, :1], record={"layer_1": {"v": [0]}}, device=device)
    assert result.spikes["layer_1"].step.tolist() == [460, 510, 710, 760]
    assert np.flatnonzero(data[:, 2]).tolist() == [460, 510, 710, 760]
    v = result.traces["layer_1"].values[0, :, 0] / float(bioconv.neurons.UNIT)
    off = data[:, 2] == 0
    theta = 0.1
    assert abs(v - data[:, 1])[off].max() < 1e-6 * theta
    assert data[:, 1].max() > 0.9 * theta


def braille(frames):
    """(n_steps, n, 38) and (n_steps, n, 7) spikes of the Braille graph: Euler, step input, reset to zero."""
    graph = nir.read(FILES / "braille_noDelay_bias_zero.nir", type_check=False)
    fc1, rec, fc2 = (graph.nodes[name] for name in ("fc1", "lif1.w_rec", "fc2"))
    n = len(frames)
    states = {
        name: [np.zeros((n, len(graph.nodes[name].r))) for _ in range(3)]
        for name in ("lif1.lif", "lif2")
    }
    found = {name: [] for name in states}

    def step(name, x):
        node, (v, current, _) = graph.nodes[name], states[name]
        current = current + (node.w_in * x - current) * 1e-4 / node.tau_syn
        v = v + (node.v_leak - v + node.r * current) * 1e-4 / node.tau_mem
        z = (v > node.v_threshold).astype(float)
        states[name] = [np.where(z > 0, 0.0, v), current, z]
        found[name].append(z)
        return z

    for frame in frames.swapaxes(0, 1):
        before = states["lif1.lif"][2]
        x = frame @ fc1.weight.astype(float).T + fc1.bias
        # what comes back is the spikes of the step before; the bias of the way back is always there
        x = x + before @ rec.weight.astype(float).T + rec.bias
        z = step("lif1.lif", x)
        step("lif2", z @ fc2.weight.astype(float).T + fc2.bias)
    return np.array(found["lif1.lif"]), np.array(found["lif2"])


def test_the_braille_graph_agrees_with_the_stated_semantics():
    rng = np.random.default_rng(3)
    frames = (rng.uniform(size=(200, 256, 12)) < 0.1).astype(float)
    network = bioconv.from_nir(FILES / "braille_noDelay_bias_zero.nir")
    assert network.dt == 1e-4
    hidden, out = braille(frames)
    assert hidden.sum() > 10_000 and out.sum() > 1000
    model = bioconv.to_brian(network, encoder="events")
    result = model.run(frames, record="spikes", device="numpy", batch_size=200)
    np.testing.assert_array_equal(trains(result, "lif1_lif", (38,)), hidden)
    np.testing.assert_array_equal(trains(result, "lif2", (7,)), out)


def test_the_malformed_braille_graph_names_its_edge():
    with pytest.raises(
        ReadError, match=r"lif1: an edge names the node 'lif', .*there are input, lif1, lin"
    ):
        bioconv.from_nir(FILES / "braille_noDelay_bias_zero_subgraph.nir")


def notes(source, **options):
    return " | ".join(bioconv.from_nir(source, **options).report.notes)


def chain(*nodes, shape=(2,), metadata=None):
    graph = nir.NIRGraph.from_list(
        nir.Input(input_type=np.array(shape)),
        *nodes,
        nir.Output(output_type=None),
        type_check=False,
    )
    graph.metadata = metadata or {}
    return graph


def full(value, n=2):
    return np.full(n, float(value))


def lif(r=1.0, tau=0.02, **more):
    fields = {"v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **more}
    return nir.LIF(
        tau=full(tau), r=full(r), **{name: full(value) for name, value in fields.items()}
    )


def iaf(r):
    return nir.IF(r=full(r), v_threshold=full(1), v_reset=full(0))


def cuba(r, w_in):
    return nir.CubaLIF(
        tau_mem=full(0.01), tau_syn=full(0.005), r=full(r), v_leak=full(0), v_threshold=full(1), v_reset=full(0),
        w_in=full(w_in),
    )  # fmt: skip


def test_the_time_step_is_given_stored_told_by_r_or_asked_for():
    with pytest.raises(ReadError, match=r"does not say dt, and lif depends on it; give dt="):
        bioconv.from_nir(chain(lif()))
    assert bioconv.from_nir(chain(lif()), dt=0.5 * ms).dt == 0.5e-3
    assert bioconv.from_nir(chain(lif()), dt=2e-3).dt == 2e-3
    stored = chain(lif(), metadata={"dt": 1e-4})
    assert bioconv.from_nir(stored).dt == 1e-4 and "metadata" in notes(stored)
    assert bioconv.from_nir(stored, dt=1 * ms).dt == 1e-3
    for node, why in (
        (iaf(2000), "1/dt"),
        (lif(r=40), "tau/dt"),
        (cuba(20, 10), "tau/dt, w_in too"),
    ):
        assert bioconv.from_nir(chain(node)).dt == 5e-4
        assert f"r is {why}, spikes" in notes(chain(node))
        assert "dt is 0.0005 s, since r is" in notes(chain(node))
    with pytest.raises(ReadError, match=r"tell different ones \(if: 0.001 s, lif: 0.0005 s\)"):
        bioconv.from_nir(chain(iaf(1000), lif(r=40)))
    # nothing depends on dt where inputs count whole
    assert "dt is 1 ms, on which nothing" in notes(chain(iaf(1)))
    with pytest.raises(ReadError, match="give dt="):
        bioconv.from_nir(chain(iaf(1)), spikes="step")
    for wrong in (0, -1e-3, np.nan, 1 * ms * ms, "x"):
        with pytest.raises(ParameterError, match="give a positive time"):
            bioconv.from_nir(chain(lif()), dt=wrong)


def test_customs_of_r_are_recognised_and_noted():
    assert 'r is 1, spikes="dirac": what arrives counts whole' in notes(chain(iaf(1)))
    assert 'r is 1, spikes="step"' in notes(chain(lif()), dt=1 * ms)
    assert "r is" not in notes(chain(lif(r=3.3)), dt=1 * ms)
    for spikes in ("dirac", "step"):
        assert f'spikes="{spikes}"' in notes(chain(lif()), dt=1 * ms, spikes=spikes)


def test_the_reset_is_assumed_aloud():
    assert 'to v_reset (reset="zero")' in notes(chain(iaf(1)))
    stored = chain(iaf(1), metadata={"reset": "subtract"})
    assert "reset is subtract, as the file's metadata say" in notes(stored)
    assert bioconv.from_nir(stored).populations[0].neuron.reset == "v -= V_th - V_reset"
    assert bioconv.from_nir(stored, reset="zero").populations[0].neuron.reset == "v = V_reset"
    with pytest.raises(ReadError, match="metadata: reset is 'soft'"):
        bioconv.from_nir(chain(iaf(1), metadata={"reset": "soft"}))
    for name in ("reset", "spikes", "integrator"):
        with pytest.raises(ParameterError, match=f"{name} is 'x'"):
            bioconv.from_nir(chain(iaf(1)), **{name: "x"})


def test_a_model_has_the_time_step_of_its_file():
    model = bioconv.to_brian(bioconv.from_nir(chain(lif()), dt=0.5 * ms))
    assert float(model.settings.dt / ms) == 0.5
    with pytest.raises(ParameterError, match="read for steps of 0.5 ms"):
        bioconv.to_brian(bioconv.from_nir(chain(lif()), dt=0.5 * ms), dt=1 * ms)
    assert float(bioconv.to_brian(chain(lif()), dt=0.25 * ms).settings.dt / second) == 0.25e-3


def test_reading_leaves_the_graph_of_the_caller_alone():
    graph = chain(nir.Affine(weight=np.ones((2, 2)), bias=np.ones(2)), iaf(1))
    edges, names, bias = list(graph.edges), list(graph.nodes), graph.nodes["affine"].bias
    bioconv.from_nir(graph)
    assert list(graph.edges) == edges and list(graph.nodes) == names and (bias == 1).all()


def run(graph, frames, **options):
    network = bioconv.from_nir(graph, **options)
    return bioconv.to_brian(network, encoder="frames").run(frames, record="spikes", device="numpy")


def nested(rng):
    """A recurrent layer as a graph of its own with two ports, and the same without nesting."""
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type=np.array([3])),
            "more": nir.Input(input_type=np.array([3])),
            "lif": nir.LIF(*(full(v, 3) for v in (0.02, 20, 0, 1, 0))),
            "again": nir.Linear(weight=rng.normal(size=(3, 3))),
            "output": nir.Output(output_type=np.array([3])),
        },
        edges=[("input", "lif"), ("more", "lif"), ("lif", "again"), ("again", "lif"), ("lif", "output")],
        type_check=False,
    )  # fmt: skip
    outer = {
        "in": nir.Input(input_type=np.array([4])),
        "a": nir.Linear(weight=rng.normal(size=(3, 4))),
        "b": nir.Affine(weight=rng.normal(size=(3, 4)), bias=rng.normal(size=3)),
        "out": nir.Output(output_type=np.array([3])),
    }
    edges = [("in", "a"), ("in", "b")]
    graph = nir.NIRGraph(
        nodes={**outer, "rnn": inner},
        edges=[*edges, ("a", "rnn.input"), ("b", "rnn.more"), ("rnn", "out")],
        type_check=False,
    )
    plain = nir.NIRGraph(
        nodes={**outer, "lif": inner.nodes["lif"], "again": inner.nodes["again"]},
        edges=[
            *edges,
            ("a", "lif"),
            ("b", "lif"),
            ("lif", "again"),
            ("again", "lif"),
            ("lif", "out"),
        ],
        type_check=False,
    )
    return graph, plain


def test_nested_graphs_and_their_ports(rng, tmp_path):
    graph, plain = nested(rng)
    frames = rng.normal(size=(2, 30, 4))
    nir.write(tmp_path / "nested.nir", graph)
    want = run(plain, frames, dt=1e-3)
    assert want.counts["lif"].sum() > 10
    for source in (graph, tmp_path / "nested.nir"):
        got = run(source, frames, dt=1e-3)
        np.testing.assert_array_equal(trains(got, "rnn_lif", (3,)), trains(want, "lif", (3,)))
    graph.edges = [edge if edge[1] != "rnn.more" else ("b", "rnn") for edge in graph.edges]
    with pytest.raises(
        ReadError, match=r"a graph with 2 nodes of kind Input \(input, more\); write rnn.PORT"
    ):
        bioconv.from_nir(graph, dt=1e-3)


def test_several_inputs_and_outputs(rng):
    nodes = {
        "left": nir.Input(input_type=np.array([2])),
        "right": nir.Input(input_type=np.array([1, 3])),
        "flat": nir.Flatten(input_type=np.array([1, 3]), start_dim=0, end_dim=-1),
        "a": nir.Linear(weight=rng.normal(size=(2, 2))),
        "b": nir.Linear(weight=rng.normal(size=(2, 3))),
        "x": iaf(1),
        "y": nir.I(r=full(1)),
        "spikes": nir.Output(output_type=np.array([2])),
        "sum": nir.Output(output_type=np.array([2])),
    }
    edges = [
        ("left", "a"), ("right", "flat"), ("flat", "b"), ("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"),
        ("x", "spikes"), ("y", "sum"),
    ]  # fmt: skip
    graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
    with pytest.raises(ReadError, match="outputs spikes, sum; name one as output="):
        bioconv.from_nir(graph)
    assert "the values of left (2,), right (1, 3), one after another" in notes(graph, output="sum")
    frames = rng.normal(size=(2, 7, 5))
    arrived = frames[:, :, :2] @ nodes["a"].weight.T + frames[:, :, 2:] @ nodes["b"].weight.T
    result = run(graph, frames, output="sum")
    np.testing.assert_allclose(result.potentials, arrived.sum(axis=1))
    assert run(graph, frames, output="spikes").output == "x"
    with pytest.raises(ReadError, match="output is 'z'; the nodes are left, right"):
        bioconv.from_nir(graph, output="z")


def test_graphs_without_inputs_or_outputs(rng):
    """As older writers leave them: the only beginning gets the input, the only end answers."""
    nodes = {"fc": nir.Linear(weight=rng.normal(size=(2, 3))), "if": iaf(1)}
    graph = nir.NIRGraph(nodes=nodes, edges=[("fc", "if")], type_check=False)
    network = bioconv.from_nir(graph)
    assert network.stimulus.shape == (3,) and network.output == "layer_if"
    assert "fc gets what the network is shown" in " ".join(network.report.notes)


def test_an_input_that_goes_straight_to_the_output_or_twice(rng):
    frames = rng.normal(size=(1, 3, 2))
    edges = [("input", "output"), ("input", "scale"), ("scale", "output")]
    nodes = {
        "input": nir.Input(input_type=np.array([2])),
        "scale": nir.Scale(scale=np.array([2.0, 3.0])),
        "output": nir.Output(output_type=np.array([2])),
    }
    result = run(nir.NIRGraph(nodes=nodes, edges=edges, type_check=False), frames)
    np.testing.assert_allclose(result.potentials, frames[:, -1] * [3, 4])
    twice = nir.NIRGraph(nodes=nodes, edges=[*edges, edges[0]], type_check=False)
    assert "from input to output is there twice; it counts once" in notes(twice)


def test_flatten_in_both_customs(rng):
    """Axes without that of the samples, as NIR says, or with it, as some writers do."""
    for first, noted in ((0, False), (1, True)):
        graph = chain(
            nir.Flatten(input_type=np.array([2, 3, 2]), start_dim=first, end_dim=-1),
            nir.Linear(weight=rng.normal(size=(2, 12))),
            iaf(1),
            shape=(2, 3, 2),
        )
        assert bioconv.from_nir(graph).populations[0].shape == (2,)
        assert ("counts the axis of the samples" in notes(graph)) == noted
    part = chain(
        nir.Flatten(input_type=np.array([2, 3, 2]), start_dim=1, end_dim=-1),
        nir.IF(*(np.full((2, 6), v) for v in (1.0, 1.0, 0.0))),
        shape=(2, 3, 2),
    )
    assert bioconv.from_nir(part).populations[0].shape == (2, 6)


def test_parameters_for_all_for_channels_and_for_neurons():
    def shapes(*parameter):
        node = nir.IF(r=np.ones(parameter), v_threshold=np.arange(1.0, 1 + np.prod(parameter)).reshape(parameter),
                      v_reset=np.zeros(parameter))  # fmt: skip
        return (
            bioconv.from_nir(chain(node, shape=(3, 2, 4)))
            .populations[0]
            .neuron.potentials["V_th"]
            .shape
        )

    assert shapes() == () and shapes(1) == ()
    assert shapes(3) == (3, 1, 1) and shapes(3, 1, 1) == (3, 1, 1)
    assert shapes(3, 2, 4) == (3, 2, 4) and shapes(1, 3, 2, 4) == (3, 2, 4)
    with pytest.raises(
        ReadError, match=r"if \(IF\): r has shape \(4,\), the neurons have \(3, 2, 4\)"
    ):
        bioconv.from_nir(chain(nir.IF(full(1, 4), full(1, 4), full(0, 4)), shape=(3, 2, 4)))


def test_stacks_of_matrices_and_same_padding(rng):
    weight, bias = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3))
    graph = chain(nir.Affine(weight=weight, bias=bias), shape=(2, 4))
    frames = rng.normal(size=(2, 3, 2, 4))
    want = np.einsum("soi,nsi->nso", weight, frames[:, -1]) + bias
    np.testing.assert_allclose(run(graph, frames).potentials.reshape(2, 2, 3), want)
    conv = nir.Conv2d(None, rng.normal(size=(3, 2, 3, 5)), 1, "same", 1, 1, np.zeros(3))
    assert bioconv.from_nir(chain(conv, shape=(2, 4, 7))).populations[0].shape == (3, 4, 7)
    conv = nir.Conv2d(None, rng.normal(size=(3, 2, 3, 5)), 2, "same", 1, 1, np.zeros(3))
    with pytest.raises(
        ReadError, match=r"conv2d \(Conv2d\): padding is \"same\", which has no agreed"
    ):
        bioconv.from_nir(chain(conv, shape=(2, 4, 7)))


def test_delays_of_frames_and_loops(rng):
    """A delay of the input holds back frames; on a way back of k steps it waits k, not k + 1."""
    frames = rng.normal(size=(2, 9, 2))
    graph = chain(nir.Delay(delay=np.array([2e-3, 0.0])), nir.Linear(weight=np.eye(2)))
    want = np.stack([frames[:, -3, 0], frames[:, -1, 1]], axis=1)
    np.testing.assert_allclose(run(graph, frames, dt=1e-3).potentials, want)
    with pytest.raises(ParameterError, match="use an encoder that spikes"):
        bioconv.to_brian(bioconv.from_nir(graph, dt=1e-3))
    for steps, wait in ((0, 1), (1, 1), (3, 3)):
        nodes = {
            "input": nir.Input(input_type=np.array([1])),
            "relay": nir.Threshold(threshold=np.array([0.5])),
            "late": nir.Delay(delay=np.array([steps * 1e-3])),
        }
        edges = [("input", "relay"), ("relay", "late"), ("late", "relay")]
        kick = np.zeros((1, 10, 1))
        kick[0, 1] = 1
        loop = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
        result = run(loop, kick, dt=1e-3, output="relay")
        assert result.spikes["relay"].step.tolist() == list(range(1, 10, wait))
    rounded = chain(nir.Delay(delay=np.array([2.4e-3, 0])), nir.Linear(weight=np.eye(2)))
    assert "rounded to steps of 0.001 s" in notes(rounded, dt=1e-3)


def broken(node="lif", graph=None, drop=None, **fields):
    """A sound graph as dicts, with fields of a node or of the graph replaced."""
    found = chain(nir.Affine(weight=np.ones((2, 2)), bias=np.ones(2)), lif()).to_dict()
    found["nodes"][node].update(fields)
    found.update(graph or {})
    if drop:
        del found["nodes"][node][drop]
    return found


WRONG = {
    "no nodes": (broken(graph={"nodes": {}}), "the graph: nodes is missing"),
    "nodes": (broken(graph={"nodes": 3}), "the graph: nodes is missing"),
    "edges": (broken(graph={"edges": 3}), "edges is 3; give pairs"),
    "edge": (broken(graph={"edges": [("lif",)]}), r"edges has the entry \('lif',\)"),
    "edge of numbers": (broken(graph={"edges": np.ones((2, 2))}), "edges has the entry"),
    "end": (broken(graph={"edges": [("input", "x")]}), "names the node 'x', which is not there"),
    "lost": (broken(graph={"edges": [("input", "affine")]}), "reaches lif, output"),
    "kind": (broken(type="ALIF"), "lif: type is 'ALIF'; known are Input, Output, Affine"),
    "no kind": (broken(drop="type"), "lif: type is missing"),
    "field": (broken(drop="tau"), r"lif \(LIF\): tau is missing"),
    "text": (broken(tau="slow"), r"lif \(LIF\): tau holds 'slow'; it must be numbers"),
    "complex": (broken(r=np.ones(2) * 1j), r"lif \(LIF\): r holds"),
    "nan": (broken(r=np.array([1, np.nan])), r"lif \(LIF\): r is empty, NaN or infinite"),
    "negative": (broken(tau=np.array([1, -1.0])), r"lif \(LIF\): tau is not positive everywhere"),
    "wide": (broken(r=np.ones(3)), r"lif \(LIF\): r has shape \(3,\), the neurons have \(2,\)"),
    "weight": (broken("affine", weight=np.ones((2, 3))), r"affine \(Affine\): Dense: input has 2"),
    "flat weight": (broken("affine", weight=np.ones(2)), r"affine \(Affine\): weight has shape \(2,\)"),
    "bias": (broken("affine", bias=np.ones(3)), r"affine \(Affine\): bias has shape \(3,\)"),
    "shape": (broken("input", shape=np.array([2, -1])), r"input \(Input\): shape is"),
    "large": (broken("input", shape=np.array([10**6, 10**6])), "is more than 8388608 neurons"),
    "metadata": (broken(graph={"metadata": {"dt": "fast"}}), "metadata: dt is 'fast'"),
    "delay": (
        chain(nir.Delay(delay=np.array([1e9, 0])), lif()).to_dict(),
        r"delay \(Delay\): delay reaches 1e\+12 steps",
    ),
    "potential through a delay": (
        chain(nir.LI(full(0.02), full(1), full(0)), nir.Delay(full(1e-3)), lif()).to_dict(),
        "li: its potential goes through a Delay",
    ),
    "stride": (
        chain(nir.SumPool2d(np.array([2, 2]), np.array([1, 2, 3]), np.array([0, 0])), shape=(1, 4, 4)).to_dict(),
        r"sumpool2d \(SumPool2d\): stride is array\(\[1, 2, 3\]\); give 2 integers",
    ),
    "wide padding": (
        chain(nir.Conv2d(None, np.ones((1, 1, 2, 2)), 10**6, 10**6, 1, 1, np.ones(1)), shape=(1, 4, 4)).to_dict(),
        r"conv2d \(Conv2d\): .* is more than 8388608 neurons",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_error_names_node_and_field(name):
    graph, text = WRONG[name]
    with pytest.raises(ReadError, match=text):
        from_dict(graph)


def from_dict(graph):
    """A graph of dicts that no check of the nir package has seen."""

    class Loose(nir.NIRGraph):
        def __init__(self):
            pass

        def to_dict(self):
            return graph

    options = {} if graph.get("metadata") else {"dt": 1e-3}
    return bioconv.from_nir(Loose(), **options)


def test_graphs_that_are_nothing_of_the_kind(tmp_path):
    with pytest.raises(ReadError, match="cannot read NIR from int"):
        bioconv.from_nir(3)
    with pytest.raises(ReadError, match="no such file"):
        bioconv.read(tmp_path / "none.nir")
    with pytest.raises(ReadError, match="no group node"):
        import h5py

        with h5py.File(tmp_path / "x.nir", "w") as file:
            file["a"] = 1
        bioconv.read(tmp_path / "x.nir")


def test_what_sends_its_potential_does_so_on_every_way(rng):
    """LI in the middle of a network: shared and explicit projections."""
    drawn = chain(
        nir.LI(full(0.01), full(10), full(0.1)), nir.Linear(weight=rng.normal(size=(3, 2))),
        nir.Threshold(threshold=full(0.2, 3)),
    )  # fmt: skip
    frames = rng.uniform(size=(2, 20, 2))
    network = bioconv.from_nir(drawn, dt=1e-3)
    counts = [
        bioconv.to_brian(network, encoder="frames", projections=way, units=units)
        .run(frames, device="numpy").counts["threshold"]
        for way, units in (("shared", "biophysical"), ("explicit", "dimensionless"))
    ]  # fmt: skip
    assert 0 < counts[0].sum() < 120
    np.testing.assert_array_equal(*counts)
    assert (nir.I, nir.LI, nir.CubaLI) == VALUED
