"""Gradients through time against a numpy reference of the papers' equations."""

import inspect
from functools import partial

import numpy as np
import numpy_bptt as reference
import pytest

from bioconv.errors import ParameterError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import losses  # noqa: E402
from bioconv.learn.gradient.neurons import SpikingNeuron  # noqa: E402

STEPS, SAMPLES, SIZES = 11, 3, (5, 8, 4)
#: Other numbers than the defaults, by names in ``SURROGATES``. A new surrogate joins here.
SURROGATES = {
    "rectangle": {"width": 1.5}, "triangle": {"height": 0.3, "width": 2.0}, "fast_sigmoid": {"beta": 3.0},
    "arctan": {"alpha": 1.5}, "sigmoid": {"width": 0.4}, "since_spike": {"alpha": 0.4, "beta": 0.3},
}  # fmt: skip
#: How a neuron is set, by names of this list: its kind, and its numbers. A new neuron joins here.
NEURONS = {
    "STBP": ("IterativeLIF", {"decay": 0.6, "threshold": 0.5}),
    "STBP, no memory": ("IterativeLIF", {"decay": 0.0}),
    "PLIF": ("PLIF", {"tau": 1.7, "threshold": 0.4}),
    "PLIF, fixed": ("PLIF", {"tau": 1.2, "threshold": 0.4, "learnable": False}),
    "IF": ("IF", {"threshold": 0.7}),
    "IF, hard": ("IF", {"threshold": 0.7, "reset": "hard"}),
    "STDB": ("STDB", {"threshold": 0.7}),
    "STDB, leak": ("STDB", {"threshold": 1.3, "leak": 0.95}),
}
#: What the losses take beside the outputs. A new loss joins here.
LOSSES = {
    "rate_mse": {}, "step_mse": {}, "count_mse": {"wanted": 7.0, "unwanted": 1.5}, "van_rossum": {"tau": 3.0},
    "train_mse": {"tau": 2.5, "first": 2}, "potential_cross_entropy": {},
}  # fmt: skip


def surrogate(name):
    return gradient.SURROGATES[name](**SURROGATES[name])


def module(name, slope):
    kind, numbers = NEURONS[name]
    return getattr(gradient, kind)(**numbers, surrogate=surrogate(slope))


def oracle(made, slope):
    """The reference's neuron with the numbers of a module."""
    kind = reference.NEURONS[type(made).__name__]
    numbers = inspect.signature(kind).parameters.keys() - {"slope"}
    found = {name: getattr(made, name) for name in numbers}
    if "a" in found:
        found["a"] = found["a"].item()
    return kind(slope=partial(reference.SLOPES[slope], **SURROGATES[slope]), **found)


def network(*neurons, seed):
    """Two dense layers and neurons; STDB comes without biases."""
    torch.manual_seed(seed)
    bias = not isinstance(neurons[0], gradient.STDB)
    return gradient.Unrolled(
        nn.Linear(SIZES[0], SIZES[1], bias), neurons[0], nn.Linear(SIZES[1], SIZES[2], bias), neurons[1],
        steps=STEPS,
    ).double()  # fmt: skip


def arguments(loss, seed):
    """What a loss is given beside the outputs, for both."""
    labels = np.random.default_rng(seed).permutation(SIZES[2])[:SAMPLES]
    if loss == "van_rossum":
        wanted = np.random.default_rng(seed).random((STEPS, SAMPLES, SIZES[2])) < 0.4
        return wanted.astype(float)
    return labels


def same(found, expected, what):
    """Sums of some hundred products in another order: far below 1e-9 of the largest."""
    size = np.abs(expected).max()
    assert size > 1e-7, f"{what}: no gradient agrees with any"
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * size, err_msg=what)


def compared(net, slope, loss, seed):
    """Run forward and back in both, compare all; returns the spikes of the layers."""
    rng = np.random.default_rng(seed)
    dense, neurons = [net[0], net[2]], [net[1], net[3]]
    with torch.no_grad():
        for layer in dense:
            layer.weight.copy_(torch.as_tensor(rng.normal(0.15, 0.6, layer.weight.shape)))
    frames = rng.random((STEPS, SAMPLES, SIZES[0])) * (rng.random((STEPS, SAMPLES, 1)) < 0.8)
    goal = arguments(loss, seed)
    sent, value, gradients = reference.backpropagated(
        frames, [layer.weight.detach().numpy() for layer in dense],
        [None if layer.bias is None else layer.bias.detach().numpy() for layer in dense],
        oracles := [oracle(neuron, slope) for neuron in neurons],
        lambda out: reference.LOSSES[loss](out, goal, **LOSSES[loss]),
    )  # fmt: skip
    x = torch.as_tensor(frames)
    trains = []
    for layer in net:
        x = layer(x)
        trains.append(x.detach().numpy())
    found = getattr(gradient, loss)(x, torch.as_tensor(goal), **LOSSES[loss])
    found.backward()
    for k in range(2):
        np.testing.assert_allclose(trains[2 * k + 1], sent[k], rtol=1e-12, atol=1e-12)
        same(dense[k].weight.grad.numpy(), gradients[k][0], f"weight {k}")
        if dense[k].bias is not None:
            same(dense[k].bias.grad.numpy(), gradients[k][1], f"bias {k}")
        for name, by_own in getattr(oracles[k], "own", {}).items():
            number = getattr(neurons[k], name)
            if number.requires_grad:
                same(number.grad.numpy(), by_own, f"{name} {k}")
    assert found.item() == pytest.approx(value, rel=1e-12)
    return sent


def active(spikes):
    assert set(np.unique(spikes)) == {0, 1}, "spikes that are all the same agree with anything"
    assert spikes.mean() > 0.03


def counts(name):
    return getattr(gradient, NEURONS[name][0]).COUNTS


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name, slope", [(n, s) for n in NEURONS for s in SURROGATES if s != "since_spike" or counts(n)]
)
def test_gradients_are_those_of_the_equations(name, slope, seed):
    net = network(module(name, slope), module(name, slope), seed=seed)
    hidden, out = compared(net, slope, "rate_mse", seed)
    active(hidden), active(out)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["STBP", "PLIF", "IF", "STDB"])
def test_losses_have_the_gradients_of_their_values(name, loss):
    slope = "triangle" if name == "STDB" else "arctan"
    net = network(module(name, slope), module(name, slope), seed=5)
    hidden, out = compared(net, slope, loss, 5)
    active(hidden), active(out)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["STBP", "STDB, leak"])
def test_a_readout_without_spikes_hands_gradients_on(name, loss):
    net = network(module(name, "triangle"), gradient.Accumulator(), seed=7)
    hidden, _ = compared(net, "triangle", loss, 7)
    active(hidden)


@pytest.mark.parametrize("name", [name for name in NEURONS if not counts(name)])
def test_a_neuron_that_counts_no_steps_refuses_a_surrogate_of_them(name):
    with pytest.raises(ParameterError, match="SinceSpike needs the steps since a spike"):
        module(name, "since_spike")


#: Neurons whose derivatives are their own, with references in tests of their own.
ELSEWHERE = {"TSSL", "SpikeGrad"}


def final(kind):
    """The neurons among the subclasses of a class, theirs included."""
    below = [found for child in kind.__subclasses__() for found in final(child)]
    return below if inspect.isabstract(kind) else [kind, *below]


def test_every_part_has_a_reference():
    surrogates = set(gradient.SURROGATES)
    assert surrogates == set(reference.SLOPES) == set(SURROGATES)
    neurons = {kind.__name__ for kind in final(SpikingNeuron)} - ELSEWHERE
    assert neurons == set(reference.NEURONS)
    assert neurons - {"Accumulator"} == {kind for kind, _ in NEURONS.values()}
    named = {
        name for name, function in vars(losses).items()
        if inspect.isfunction(function) and "sent" in inspect.signature(function).parameters
    }  # fmt: skip
    assert named == set(reference.LOSSES) == set(LOSSES)
