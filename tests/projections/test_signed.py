"""Negative spikes: a second projection that takes away the weights of the first, stored once."""

import brian2
import numpy as np
import pytest
from brian2 import ms
from scipy import sparse

from bioconv.graph import Conv2d
from bioconv.projections import SharedProjection, explicit, kind_of, order_of, path_matrix
from bioconv.projections.kinds import Convolution, Matrix, Targets, stored
from bioconv.run import device

STEPS = 30
KINDS = {"matrix": Matrix, "targets": Targets, "convolution": Convolution}
COMPILED = [
    pytest.param("cython", marks=[pytest.mark.compiled, pytest.mark.full]),
    pytest.param("cpp_standalone", marks=pytest.mark.compiled),
]
LEAKY = "dv/dt = -v/(20*ms) : 1 (unless refractory)"
#: What a target does: equations, threshold, reset, refractory.
TARGETS = {
    "sums": ("v : 1", None, None, False),
    "refractory": (LEAKY, "v > 0.5", "v = 0", 2 * ms),
}


def kind_and_matrix(name, rng):
    """A kind, and its (n_post, n_pre) matrix as the groups count their neurons."""
    if name == "convolution":
        layers = (Conv2d(weight=rng.normal(0.1, 0.3, (5, 3, 3, 2)), stride=(2, 1), padding=1),)
        matrix = path_matrix(layers, (3, 7, 5))
        kind = kind_of(layers, (3, 7, 5), 1.0, lambda: matrix)
        matrix = matrix.toarray()[order_of((5, 4, 6))][:, order_of((3, 7, 5))]
    else:
        matrix = rng.normal(0.1, 0.3, (19, 23))
        if name == "targets":
            matrix *= rng.random(matrix.shape) < 0.2
        kind = stored(sparse.csr_array(matrix))
    assert isinstance(kind, KINDS[name])
    return kind, matrix


def drawn(n, seed):
    """(STEPS, n) events: 1, -1 or 0."""
    draw = np.random.default_rng(seed).random((STEPS, n))
    return (draw < 0.2).astype(float) - (draw > 0.8)


def signed_source(events, clock, name):
    """Neurons whose events are a table."""
    table = brian2.TimedArray(events, dt=1 * ms, name=f"events_of_{name}")
    return brian2.NeuronGroup(
        events.shape[1],
        "x = table(t, i) : 1",
        threshold="x > 0.5",
        events={"negative": "x < -0.5"},
        namespace={"table": table},
        clock=clock,
        name=name,
    )


def links(form, source, group, kind, matrix, *, replicas, delay, clock, name):
    """Both signs in one form: the objects, the first one's weights settable."""
    if form == "shared":
        given = {"variable": "v", "delay": delay, "clock": clock}
        first = SharedProjection(source, group, kind, name=name, **given)
        second = SharedProjection(
            source, group, kind, name=f"{name}_negative", event="negative", weights_of=first,
            **given,
        )  # fmt: skip
        return first, second
    synapses = explicit(
        source, group, sparse.csr_array(matrix), name=name, variable="v", unit=1, unit_text="1",
        replicas=replicas, when="synapses", delay=delay, clock=clock, negative_event="negative",
    )  # fmt: skip
    return (synapses,)


def case(form, kind, matrix, target, *, replicas=1, delay=0, name="link"):
    """The objects of one projection with its source and target; the target and the link first."""
    clock = brian2.Clock(1 * ms)
    equations, threshold, reset, refractory = TARGETS[target]
    n_post, n_pre = matrix.shape
    source = signed_source(drawn(n_pre * replicas, 0), clock, f"{name}_source")
    group = brian2.NeuronGroup(
        n_post * replicas, equations, threshold=threshold, reset=reset, refractory=refractory,
        method="exact", clock=clock, name=f"{name}_target",
    )  # fmt: skip
    both = links(
        form, source, group, kind, matrix, replicas=replicas, delay=delay, clock=clock, name=name
    )
    return group, *both, source


def potentials(*given, runs_on="numpy", **options):
    group, *objects = case(*given, **options)
    network = brian2.Network(group, *objects)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    with device(runs_on):
        network.run(STEPS * ms, namespace={})
    return np.array(group.v)


OPTIONS = [{}, {"replicas": 3}, {"delay": 1}, {"delay": 4, "replicas": 2}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", KINDS)
def test_negative_spikes_are_their_synapses(rng, name, target, options):
    """Bit by bit, so positive spikes come first and then negative ones, each in their order."""
    kind, matrix = kind_and_matrix(name, rng)
    expected = potentials("explicit", kind, matrix, target, **options)
    found = potentials("shared", kind, matrix, target, **options)
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", ["shared", "explicit"])
@pytest.mark.parametrize("name", KINDS)
def test_sums_are_the_matrix_times_the_signed_counts(rng, name, form):
    kind, matrix = kind_and_matrix(name, rng)
    events = drawn(matrix.shape[1], 0)
    assert (events > 0).sum() > 50 and (events < 0).sum() > 50
    found = potentials(form, kind, matrix, "sums")
    np.testing.assert_allclose(found, matrix @ events.sum(axis=0), atol=1e-12)


#: kind -> target and options
COMPILED_CASES = {
    "matrix": ("refractory", {"delay": 2}),
    "targets": ("sums", {"replicas": 2}),
    "convolution": ("refractory", {"replicas": 2, "delay": 1}),
}


@pytest.mark.parametrize("runs_on", COMPILED)
def test_compiled_targets_too_with_weights_of_a_run(rng, runs_on, tmp_path):
    """All kinds in one network, as they are and with half the weights, without compiling again."""
    made = {name: kind_and_matrix(name, rng) for name in COMPILED_CASES}
    with device(runs_on, tmp_path):
        objects = {
            name: case("shared", *made[name], target, name=name, **options)
            for name, (target, options) in COMPILED_CASES.items()
        }
        network = brian2.Network(*(thing for things in objects.values() for thing in things))
        network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
        if runs_on == "cpp_standalone":
            network.run(STEPS * ms, namespace={})
            brian2.get_device().build(directory=str(tmp_path), run=False, with_output=False)
        else:
            network.store()
        found = {}
        for factor in (1.0, 0.5):
            weights = {
                link: made[name][0].weights * factor for name, (_, link, *_) in objects.items()
            }
            if runs_on == "cpp_standalone":
                given = {link.w: values for link, values in weights.items()}
                brian2.get_device().run(directory=str(tmp_path), with_output=False, run_args=given)
            else:
                network.restore()
                for link, values in weights.items():
                    link.w = values
                network.run(STEPS * ms, namespace={})
            found |= {(name, factor): group.v[:].copy() for name, (group, *_) in objects.items()}
    for (name, factor), v in found.items():
        target, options = COMPILED_CASES[name]
        kind, matrix = made[name]
        expected = potentials("explicit", kind, matrix * factor, target, **options)
        assert np.ptp(expected) > 0
        np.testing.assert_array_equal(v, expected, err_msg=name)


def test_events_of_subgroups(rng):
    """A part of the neurons onto a part; the second projection follows weights that are set later."""
    events, weights = drawn(40, 5), rng.normal(size=(6, 15))
    clock = brian2.Clock(1 * ms)
    source = signed_source(events, clock, "whole_source")
    group = brian2.NeuronGroup(20, "v : 1", clock=clock)
    kind = Matrix(n_pre=15, n_post=6, weights=0 * weights.T.ravel())
    part, onto = source[10:25], group[4:10]
    first, second = links(
        "shared", part, onto, kind, weights, replicas=1, delay=0, clock=clock, name="parts"
    )
    first.w = weights.T.ravel()
    np.testing.assert_array_equal(second.w, first.w)
    with device("numpy"):
        brian2.Network(source, group, first, second).run(STEPS * ms, namespace={})
    expected = np.zeros(20)
    expected[4:10] = weights @ events[:, 10:25].sum(axis=0)
    np.testing.assert_allclose(group.v, expected, atol=1e-12)
    assert np.count_nonzero(group.v) == 6


@pytest.mark.parametrize("form", ["shared", "explicit"])
def test_a_signed_neuron_codes_the_leaky_relu(form):
    """Thresholds of 1 and -1/alpha: an input z becomes z or alpha z signed spikes a step."""
    alpha, n = 0.1, 400
    z = np.linspace(-1, 1, 21)
    clock = brian2.Clock(1 * ms)
    source = brian2.NeuronGroup(
        21, "z : 1 (constant)\nv : 1", threshold="v >= 1 - 1e-9", reset="v -= 1",
        events={"negative": "v <= -1/alpha + 1e-9"}, namespace={"alpha": alpha}, clock=clock,
    )  # fmt: skip
    source.run_on_event("negative", "v += 1/alpha", when="resets")
    source.run_regularly("v += z", when="groups", clock=clock)
    source.z = z
    group = brian2.NeuronGroup(21, "v : 1", clock=clock)
    kind = Targets(
        n_pre=21, n_post=21, weights=np.ones(21), first=np.arange(22), post=np.arange(21)
    )
    both = links(
        form, source, group, kind, np.eye(21), replicas=1, delay=0, clock=clock, name="one_to_one"
    )
    network = brian2.Network(source, group, *both)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    with device("numpy"):
        network.run(n * ms, namespace={})
    # what is not sent yet is still in the membrane: less than one spike
    assert abs(group.v / n - np.where(z > 0, z, alpha * z)).max() <= 1 / n


def test_weights_of_another_kind_are_refused(rng):
    clock = brian2.Clock(1 * ms)
    source = signed_source(drawn(23, 0), clock, "refused_source")
    group = brian2.NeuronGroup(19, "v : 1", clock=clock)
    kinds = [kind_and_matrix(name, rng)[0] for name in ("matrix", "targets")]
    first = SharedProjection(source, group, kinds[0], variable="v", name="its_owner")
    with pytest.raises(ValueError, match="weights_of its_owner: .* give both projections one"):
        SharedProjection(source, group, kinds[1], variable="v", event="negative", weights_of=first)
