"""Every rule: what it has trained sends the same spikes and gives the same answers in Brian2 as in torch."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bioconv  # noqa: E402
from bioconv import datasets  # noqa: E402
from bioconv.graph import Conv2d, Dense  # noqa: E402
from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import hybrid, plif, spikegrad, stbp, tssl  # noqa: E402
from bioconv.read.assembly import OR  # noqa: E402

SHAPE, PART = (1, 28, 28), 100
#: Of the training; with so few images in it there are many steps for few images.
BATCH = 20
#: Steps in which signed spikes settle.
SETTLING = 120
MODELS = Path(bioconv.__file__).parents[1] / "models"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule and a small network of its layers.

    Attributes
    ----------
    build : function of images and labels that returns the module before training
    recipe : function of epochs and seed
    data : str
    shown : function of images and the name of the data set, of what the network is shown; optional
    images, epochs : int
        Of the training.
    """

    build: Callable[..., nn.Module]
    recipe: Callable[..., gradient.Recipe]
    data: str = "mnist"
    shown: Callable[..., Any] | None = None
    images: int = 500
    epochs: int = 3


def load(entry, split, samples=None):
    """Images as an entry of a table is shown them, and their labels."""
    found = datasets.load(entry.data, split, samples=samples)
    images = np.array(found.images)
    return images if entry.shown is None else entry.shown(images, entry.data), found.labels


def lively(module, factor):
    """The module with larger weights than torch draws, with which a small network spikes from the begin."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim:
                parameter.mul_(factor)
    return module


def timed(images, labels):
    """Convolution and the pooling that the paper calls linear."""
    return gradient.Unrolled(
        nn.Conv2d(1, 4, 5, bias=False), gradient.TSSL(), gradient.SumPool2d(3), gradient.Scaled(), nn.Flatten(),
        nn.Linear(256, 30, bias=False), gradient.TSSL(), nn.Linear(30, 10, bias=False), gradient.TSSL(),
        gradient.LowPass(), steps=5,
    )  # fmt: skip


def rectified(images, labels, leak):
    """Rectifiers first, as a network of a single step."""
    layers = [
        nn.Conv2d(1, 4, 5, bias=False), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.2),
        nn.Linear(576, 40, bias=False), nn.ReLU(), nn.Linear(40, 10, bias=False),
    ]  # fmt: skip
    recipe = hybrid.rectifiers(epochs=3)
    gradient.fit(gradient.Unrolled(*layers, steps=1), images, labels, recipe, progress=False)
    return hybrid.converted(
        nn.Sequential(*layers), images[:PART], steps=20, calibration_steps=30, leak=leak
    )


def signed(images, labels):
    return gradient.Settled(
        nn.Conv2d(1, 4, 5, bias=False), gradient.SpikeGrad(0.1, 0.1, channels=4), nn.AvgPool2d(3), nn.Flatten(),
        nn.Linear(256, 30, bias=False), gradient.SpikeGrad(0.25, 0.1, channels=30), nn.Linear(30, 10, bias=False),
    )  # fmt: skip


def binary(images, labels):
    """Signs for weights and activations, normalised."""
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), gradient.Step(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(576, 60, bias=False), nn.BatchNorm1d(60), gradient.Step(), nn.Linear(60, 10),
    )  # fmt: skip
    layers = gradient.constrained(layers, gradient.BinaryWeight(), skip=("0", "8"))
    return gradient.Unrolled(*layers, steps=1)


#: A new rule joins here.
RULES = {
    "stbp": Rule(
        build=lambda *_: lively(stbp.network(maps=4, hidden=30, steps=8), 3), recipe=stbp.recipe
    ),
    "stbp, NeuNorm and votes": Rule(
        build=lambda *_: lively(
            stbp.network(maps=4, hidden=30, votes=3, normalised=True, steps=8), 3
        ),
        recipe=stbp.recipe,
    ),
    "plif": Rule(
        build=lambda *_: lively(plif.network(maps=4, hidden=30, steps=6), 4), recipe=plif.recipe,
        data="fashion-mnist", shown=plif.standardised,
    ),
    "tssl": Rule(
        build=lambda *given: lively(timed(*given), 2), recipe=tssl.recipe, data="fashion-mnist"
    ),
    "hybrid": Rule(build=partial(rectified, leak=1.0), recipe=hybrid.recipe),
    "hybrid, leak": Rule(build=partial(rectified, leak=0.95), recipe=hybrid.recipe),
    "spikegrad": Rule(build=signed, recipe=spikegrad.recipe),
    "binary": Rule(build=binary, recipe=hybrid.rectifiers),
}  # fmt: skip


def trained(rule, seed):
    """The module after a short training, in double precision, and how its loss went."""
    images, labels = load(rule, "train", rule.images)
    torch.manual_seed(seed)
    module = rule.build(images.astype(np.float32), labels)
    recipe = replace(rule.recipe(epochs=rule.epochs, seed=seed), batch=BATCH)
    fitted = gradient.fit(module, images, labels, recipe, progress=False)
    return module.double().eval(), fitted


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a module makes of some images, and what Brian2 is shown for the same.

    Attributes
    ----------
    sent : (steps, n, classes) tensor
    trains : list of (steps, n, *shape) tensors
        Spikes of the layers; where they are signed, only their sum: (1, n, *shape).
    stimulus : array
    steps : int
    """

    sent: torch.Tensor
    trains: list[torch.Tensor]
    stimulus: np.ndarray
    steps: int


def over_time(module, images, seed):
    """In every step; what is drawn is drawn once more, with the same seed."""
    torch.manual_seed(seed)
    sent = module(images)
    torch.manual_seed(seed)
    frames = gradient.Unrolled(nn.Identity(), steps=module.steps, code=module.code)(images)
    trains = [s for name, s in module.trains(frames).items() if "Accumulator" not in name]
    stimulus = images if module.code == "direct" else frames.transpose(0, 1)
    return Shown(sent=sent, trains=trains, stimulus=stimulus.numpy(), steps=module.steps)


def once(module, images, seed):
    """In a frame of the first step; then the spikes settle."""
    trains = [count[None] for count in module.counts(images).values()]
    frames = images[:, None].numpy()
    return Shown(sent=module(images), trains=trains, stimulus=frames, steps=SETTLING)


def one_step(module, images, seed):
    """Activations of zero and one are spikes of a single step."""
    trains, hooks = [], []
    for part in module:
        if isinstance(part, gradient.Step):
            hooks.append(part.register_forward_hook(lambda *called: trains.append(called[2][None])))
    sent = module(images)
    for hook in hooks:
        hook.remove()
    return Shown(sent=sent, trains=trains, stimulus=images.numpy(), steps=1)


def read(module):
    """The spiking network; that of binary activations is one of rectified steps first."""
    plain = any(isinstance(part, gradient.Step) for part in module)
    return bioconv.read(nn.Sequential(*module) if plain else module, input_shape=SHAPE)


def converted(module, network):
    """A module in Brian2, read or stored, and how both are shown images."""
    if isinstance(module, gradient.Settled):
        return bioconv.to_brian(network, encoder="frames"), once
    if any(isinstance(part, gradient.Step) for part in module):
        return bioconv.to_brian(network, method="unscaled", readout="potential"), one_step
    encoder = "events" if module.code == "bernoulli" else "constant"
    return bioconv.to_brian(network, encoder=encoder), over_time


@dataclass
class Agreement:
    """How two simulations of a network differ, image by image.

    Attributes
    ----------
    wrong, spikes : int
        Spikes that one of them has in a step alone, and those of torch.
    answers, images : int
        Answers that are others, and all of them.
    shares : list of list of float
        Of every part of the images and every layer: neurons that spike in a step, or at all where spikes are signed.
    """

    wrong: int = 0
    spikes: int = 0
    answers: int = 0
    images: int = 0
    shares: list = field(default_factory=list)

    def add(self, shown, result, layers):
        for layer, wanted in zip(layers, shown.trains, strict=True):
            found = spikes_of(result, layer, len(wanted))
            self.wrong += int(np.abs(found - wanted.flatten(2).numpy()).sum())
            self.spikes += int(wanted.sum())
        self.shares.append([float((wanted > 0).double().mean()) for wanted in shown.trains])
        self.answers += int(
            (result.predicted("first") != gradient.predicted(shown.sent).numpy()).sum()
        )
        self.images += result.n_samples


def spikes_of(result, layer, steps):
    """(steps, n, neurons) spikes of a layer; with ``steps`` 1 how many more were sent than taken back."""
    if layer in result.negatives:
        counts = result.counts[layer] - result.negatives[layer]
        return counts.reshape(1, result.n_samples, -1)
    spikes = result.spikes[layer]
    found = np.zeros((steps, result.n_samples, result.counts[layer][0].size))
    found[spikes.step, spikes.sample, spikes.neuron] = 1
    return found


@torch.no_grad()
def compared(module, images, seed):
    """How a trained module and Brian2 agree, :data:`PART` images at a time."""
    model, show = converted(module, read(module))
    layers = [
        p.name
        for p in model.spiking.populations
        if p.spiking and getattr(p.neuron, "label", None) != OR.label
    ]
    found = Agreement()
    for part in torch.as_tensor(images).double().split(PART):
        shown = show(module, part, seed)
        duration = shown.steps * model.settings.dt
        result = model.run(
            shown.stimulus, duration, device="numpy", record="spikes", progress=False
        )
        found.add(shown, result, layers)
    return found


def check(name, seed, samples, least):
    """Trained, active, and the same in Brian2."""
    module, fitted = trained(RULES[name], seed)
    assert fitted.loss[-1] < fitted.loss[0]
    found = compared(module, load(RULES[name], "test", samples)[0], seed)
    shares = np.array(found.shares)
    assert found.spikes > least and (shares > 0.001).all() and (shares < 0.95).all(), shares
    assert found.images == samples and found.wrong == 0 and found.answers == 0
    return found


@pytest.mark.data
@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_has_trained_spikes_the_same_in_brian2(name):
    check(name, seed=0, samples=10, least=300)


@pytest.mark.full
@pytest.mark.data
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", RULES)
def test_every_spike_of_five_hundred_images(name, seed):
    found = check(name, seed, samples=500, least=20_000)
    print(name, seed, found.spikes, "spikes, shares", np.mean(found.shares, 0).round(3))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A network of models/ that was trained to spike.

    Attributes
    ----------
    build : function of the network in the file that returns the module
    data : str
    shown : function of images and the name of the data set, of what the network is shown; optional
    device : str
    """

    build: Callable[..., nn.Module]
    data: str
    shown: Callable[..., Any] | None = None
    device: str = "numpy"


@torch.no_grad()
def filled(module, network):
    """The module with the weights of a file."""
    layers = [layer for path in network.projections for layer in path.layers]
    weighted = [layer for layer in layers if isinstance(layer, (Conv2d, Dense))]
    parts = [part for part in module if isinstance(part, (nn.Conv2d, nn.Linear))]
    for part, layer in zip(parts, weighted, strict=True):
        part.weight.copy_(torch.tensor(layer.weight))
        if part.bias is not None:
            part.bias.copy_(torch.tensor(layer.bias))
    return module


#: A new model joins here.
STORED = {
    "tssl_fashion": Stored(
        build=lambda network: filled(tssl.network().double(), network), data="fashion-mnist"
    ),
    "spikegrad_mnist": Stored(
        build=lambda network: filled(spikegrad.network().double(), network), data="mnist",
        device="cpp_standalone",
    ),
}  # fmt: skip


@pytest.mark.full
@pytest.mark.data
@pytest.mark.compiled
@pytest.mark.parametrize("name", STORED)
def test_every_answer_of_a_stored_model_is_the_same_in_brian2(name):
    entry, network = STORED[name], bioconv.read(MODELS / name / "weights.h5")
    module = entry.build(network).eval()
    model, show = converted(module, network)
    images, labels = load(entry, "test")
    right = {"torch": 0, "Brian2": 0}
    for n, part in enumerate(np.array_split(np.arange(len(images)), len(images) // PART)):
        with torch.no_grad():
            shown = show(module, torch.as_tensor(images[part]).double(), n)
        duration = shown.steps * model.settings.dt
        result = model.run(shown.stimulus, duration, device=entry.device, progress=False)
        wanted, found = gradient.predicted(shown.sent).numpy(), result.predicted("first")
        assert sum(result.counts[layer].sum() for layer in result.counts) > 100 * len(part)
        np.testing.assert_array_equal(found, wanted)
        right["torch"] += int((wanted == labels[part]).sum())
        right["Brian2"] += int((found == labels[part]).sum())
    assert len(images) == 10_000 and right["torch"] == right["Brian2"]
    print(name, right)
