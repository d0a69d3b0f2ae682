"""Plans: which populations there are, what they are called, and along which paths they are fed."""

import numpy as np
import pytest
from cases import NETWORKS, chain, conv, dense, graph, images

from bioconv.convert.simplify import simplified
from bioconv.convert.trace import joined_form, traced
from bioconv.errors import UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    ClippedReLU,
    Concatenate,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    SoftLIF,
    Softmax,
    Step,
    activations,
    forward,
)


def plan_of(network, pooling="folded", positive=True, readout="spikes"):
    return traced(
        simplified(network, None),
        pooling=pooling,
        positive_input=positive,
        readout=readout,
        answer="answer",
    )


def value(form, sources):
    """What a form says for the values of its sources."""
    total = form.constant[None]
    for term in form.terms:
        part = sources[term.source]
        for layer in term.layers:
            part = forward(layer, part)
        total = total + term.factor * part
    return total


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("pooling", ["folded", "population"])
@pytest.mark.parametrize("name", NETWORKS)
def test_forms_are_the_layers_before_the_rectifiers(name, pooling, positive):
    """``before`` of every population equals its form, 1e-12 of rounding aside."""
    simple = simplified(NETWORKS[name], None)
    x = images(simple)
    values = activations(simple, x)
    plan = plan_of(NETWORKS[name], pooling, positive)
    sources = {INPUT: x}
    for planned in plan.populations:
        drive = value(planned.form, sources)
        np.testing.assert_allclose(drive, planned.sign * values[planned.before], atol=1e-12)
        sources[planned.name] = np.maximum(drive, 0)
    assert plan.output == plan.populations[-1].name


def two_rectifiers():
    return graph(
        (4,),
        fc=(dense(4, 4), INPUT),
        relu=(ReLU(), "fc"),
        leaky=(LeakyReLU(slope=0.5), "fc"),
        add=(Add(), "relu", "leaky"),
        last=(dense(2, 4), "add"),
    )


def shared():
    """A population that feeds the next one twice."""
    return graph(
        (4,),
        fc=(dense(4, 4), INPUT),
        relu=(ReLU(), "fc"),
        left=(dense(4, 4), "relu"),
        add=(Add(), "left", "relu"),
    )


FC, RELU = dense(5, 6), ReLU()
POOL = AvgPool2d(kernel=2)
#: network, options, {population: sources with their factors}; names of what answers come last.
PLANS = {
    "chain": (chain((6,), FC, RELU, dense(3, 5)), {}, {"fc1": [(INPUT, 1)], "fc2": [("fc1", 1)]}),
    "one_layer": (chain((6,), FC), {}, {"fc1": [(INPUT, 1)]}),
    "ends_with_relu": (chain((6,), FC, RELU), {}, {"fc1": [(INPUT, 1)]}),
    "softmax": (chain((6,), FC, Softmax()), {}, {"fc1": [(INPUT, 1)]}),
    "relu_and_softmax": (chain((6,), FC, RELU, Softmax()), {}, {"fc1": [(INPUT, 1)]}),
    "idle_relu": (chain((6,), RELU, FC), {}, {"fc1": [(INPUT, 1)]}),
    "relu_of_signed_input": (
        chain((6,), RELU, FC),
        {"positive": False},
        {"relu1": [(INPUT, 1)], "fc1": [("relu1", 1)]},
    ),
    "relu_twice": (
        chain((6,), FC, RELU, ReLU(), dense(3, 5)),
        {},
        {"fc1": [(INPUT, 1)], "fc2": [("fc1", 1)]},
    ),
    "leaky": (
        chain((6,), FC, LeakyReLU(slope=0.25), dense(3, 5)),
        {},
        {
            "fc1": [(INPUT, 1)],
            "fc1_negative": [(INPUT, -1)],
            "fc2": [("fc1", 1), ("fc1_negative", -0.25)],
        },
    ),
    "leaky_at_the_end": (
        chain((6,), FC, LeakyReLU(slope=0.25)),
        {},
        {
            "fc1": [(INPUT, 1)],
            "fc1_negative": [(INPUT, -1)],
            "leakyrelu1": [("fc1", 1), ("fc1_negative", -0.25)],
        },
    ),
    "leaky_of_slope_0": (chain((6,), FC, LeakyReLU(slope=0)), {}, {"fc1": [(INPUT, 1)]}),
    "two_rectifiers": (
        two_rectifiers(),
        {},
        {
            "fc": [(INPUT, 1)],
            "leaky": [(INPUT, 1)],
            "fc_negative": [(INPUT, -1)],
            "last": [("fc", 1), ("leaky", 1), ("fc_negative", -0.5)],
        },
    ),
    "shared": (shared(), {}, {"fc": [(INPUT, 1)], "add": [("fc", 1), ("fc", 1)]}),
    "folded_pool": (
        chain((2, 5, 4), conv(3, 2, 2, 1), RELU, POOL, Flatten()),
        {},
        {"conv1": [(INPUT, 1)], "flatten1": [("conv1", 1)]},
    ),
    "pool_population": (
        chain((2, 5, 4), conv(3, 2, 2, 1), RELU, POOL, Flatten()),
        {"pooling": "population"},
        {"conv1": [(INPUT, 1)], "pool1": [("conv1", 1)]},
    ),
    "pool_of_signed_values": (
        chain((2, 5, 4), conv(3, 2, 2, 1), POOL, ReLU()),
        {"pooling": "population"},
        {"pool1": [(INPUT, 1)]},
    ),
    "global_pool_population": (
        chain((2, 5, 4), conv(3, 2, 2, 1), RELU, GlobalAvgPool()),
        {"pooling": "population"},
        {"conv1": [(INPUT, 1)], "globalavgpool1": [("conv1", 1)]},
    ),
    "potential": (chain((6,), FC), {"readout": "potential"}, {"fc1": [(INPUT, 1)]}),
    "potential_of_a_relu": (
        chain((6,), FC, RELU),
        {"readout": "potential"},
        {"fc1": [(INPUT, 1)], "relu1": [("fc1", 1)]},
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_populations_and_their_sources(name):
    network, options, expected = PLANS[name]
    plan = plan_of(network, **options)
    found = {p.name: [(t.source, t.factor) for t in p.form.terms] for p in plan.populations}
    assert found == expected and list(found) == list(expected)
    assert plan.output == list(expected)[-1]


def test_the_readout_alone_may_be_silent():
    network = chain((6,), FC, RELU, dense(3, 5))
    for readout, spiking in {"spikes": [True, True], "potential": [True, False]}.items():
        plan = plan_of(network, readout=readout)
        assert [p.spiking for p in plan.populations] == spiking
        assert [p.node for p in plan.populations] == ["relu1", "answer"]


def test_concatenation_gives_every_source_its_place():
    network = graph(
        (4,), left=(dense(2, 4), INPUT), right=(dense(3, 4), INPUT),
        both=(Concatenate(), "left", "right"),
    )  # fmt: skip
    first, second = plan_of(network).populations[0].form.terms
    assert [(t.layers[-1].before, t.layers[-1].after) for t in (first, second)] == [(0, 3), (2, 0)]


def test_paths_carry_no_bias():
    for name in NETWORKS:
        for planned in plan_of(NETWORKS[name]).populations:
            for term in planned.form.terms:
                assert all(getattr(layer, "bias", None) is None for layer in term.layers)


def test_a_layer_without_a_form_is_refused_with_the_place_to_add_it():
    text = "has no spiking form; register one in bioconv/convert/trace.py"
    for layer in (MaxPool2d(kernel=2), ClippedReLU(), SoftLIF(), Step()):
        with pytest.raises(UnsupportedLayerError, match=f"{type(layer).__name__} {text}"):
            joined_form(layer)
