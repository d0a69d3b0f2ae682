"""SpikeGrad on MNIST: events against integers, how many errors are sent, and the factor of the loss gradient.

Thiele, Bichler & Dupret (2020), ICLR, arXiv 1906.00851: spikes with a sign forward and backward add up to a network of integers.
Of ``models/spikegrad_mnist`` 100 images go through event by event, in a random order each and with wrong labels, and through Brian2.
Errors are counted there and, as the loss of a trained network leaves few, after a short training; the sweep of alpha is of such
short trainings: 10,000 images, three epochs, no shifted images, tested on 5,000 training images that are left out.
"""

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from common import HERE, main, shown
from matplotlib.figure import Figure

import bioconv
from bioconv import datasets
from bioconv.learn import gradient
from bioconv.learn.gradient.spikegrad_events import Events

NAME = "thiele2020_spikegrad"
SHAPE, IMAGES, STEPS = (1, 28, 28), 100, 150
TRAINING, HELD_OUT, EPOCHS, COUNTED = 10_000, 5_000, 3, 1_000
ALPHAS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
#: With which the errors of events are injected.
EVENT_ALPHA = 5.0
#: The largest error count that has a bar of its own.
MOST = 10


def compute() -> dict[str, Any]:
    torch.set_num_threads(1)
    script = _script()
    trained = script.stored()
    data = datasets.load("mnist", "train")
    images, labels = torch.tensor(data.images).double(), torch.tensor(data.labels)
    sweep, short = {}, None
    for alpha in ALPHAS:
        net, sweep[f"{alpha:g}"] = _short(script, alpha, images.float(), labels)
        short = net if alpha == script.ALPHA else short
    some = slice(0, COUNTED)
    return {
        "events": _events(script.stored()),
        "brian2": _brian2(trained),
        "layers": {
            "after three epochs": _activity(short.double(), images[some], labels[some]),
            "trained": _activity(trained, images[some], labels[some]),
        },
        "sweep": sweep,
        "settings": {"training": TRAINING, "held_out": HELD_OUT, "epochs": EPOCHS, "counted": COUNTED},
    }  # fmt: skip


def _script() -> Any:
    """The training script of the model."""
    path = HERE.parent / "models" / "spikegrad_mnist" / "train.py"
    spec = importlib.util.spec_from_file_location("spikegrad_mnist", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _backward(net: gradient.Settled, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Both passes; the derivatives of every sample's loss by the potentials."""
    net.zero_grad()
    sent = net(images)
    sent.retain_grad()
    gradient.potential_cross_entropy(sent, labels).backward()
    return sent.grad[0] * len(images)


def _events(net: gradient.Settled) -> dict[str, Any]:
    """Of 100 test images: in how many all counts, error counts and changes of weights are the integers'.

    The label is the next class: a trained network has no errors for the right one. With alpha 100 an image
    would send 73,000 of them.
    """
    net.alpha = EVENT_ALPHA
    test = datasets.load("mnist", samples=IMAGES)
    events, found = Events(net, SHAPE), []
    for seed, (image, label) in enumerate(zip(test.images, test.labels, strict=True)):
        batch, wanted = torch.tensor(image)[None].double(), torch.tensor([(label + 1) % 10])
        derivatives = _backward(net, batch, wanted)[0].numpy()
        n = [count.numpy().ravel() for count in net.counts(batch).values()]
        z = [count.numpy().ravel() for count in net.errors().values()]
        events.forward(image.astype(float), seed)
        events.backward(derivatives)
        changes = (
            np.outer(error, below) for error, below in zip(z, [image.ravel(), *n], strict=True)
        )
        found.append({
            "counts": _same(events.n, n),
            "errors": _same(events.z, z),
            "changes": all(map(np.allclose, events.changes, changes)),
            "sent": events.sent,
            "taken_back": events.taken_back,
            "sent_backward": events.errors,
        })  # fmt: skip
    sums = {name: int(sum(one[name] for one in found)) for name in found[0]}
    return {"images": IMAGES, **sums}


def _same(found: Any, wanted: Any) -> bool:
    return all(map(np.array_equal, found, wanted))


def _brian2(net: gradient.Settled) -> dict[str, Any]:
    """Of 100 test images, shown in the first step: in how many the counts of all layers are the integers'."""
    images = datasets.load("mnist", samples=IMAGES).images
    frames = np.zeros((IMAGES, STEPS, *SHAPE))
    frames[:, 0] = images
    model = bioconv.to_brian(net, input_shape=SHAPE, encoder="frames")
    result = shown(model, frames, STEPS, record="spikes")
    wanted = net.counts(torch.tensor(images).double()).values()
    layers = [layer for layer in model.layers if layer in result.negatives]
    same = np.ones(IMAGES, dtype=bool)
    for layer, count in zip(layers, wanted, strict=True):
        settled = result.counts[layer] - result.negatives[layer]
        same &= (settled == count.numpy()).reshape(IMAGES, -1).all(axis=1)
    last = max(int(result.spikes[layer].step.max()) for layer in layers)
    return {"images": IMAGES, "same": int(same.sum()), "steps": STEPS, "last_spike": last}


def _short(
    script: Any, alpha: float, images: torch.Tensor, labels: torch.Tensor
) -> tuple[gradient.Settled, dict[str, Any]]:
    torch.manual_seed(script.SEED)
    net = script.build(alpha)
    recipe = replace(script.recipe(EPOCHS), augment=None)
    gradient.fit(net, images[:TRAINING], labels[:TRAINING], recipe, progress=False)
    held = slice(len(images) - HELD_OUT, None)
    accuracy = gradient.accuracy(net, images[held], labels[held])
    _backward(net, images[:COUNTED], labels[:COUNTED])
    share = {name: float((z != 0).double().mean()) for name, z in net.errors().items()}
    return net, {"accuracy": accuracy, "share": share}


def _activity(net: gradient.Settled, images: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
    """Shares of neurons that send something, forward and backward, and how often an error count has which size."""
    _backward(net, images, labels)
    counts, found = net.counts(images), {}
    for name, z in net.errors().items():
        sizes = np.minimum(np.abs(z.numpy().ravel()).astype(int), MOST)
        found[name] = {
            "sizes": np.bincount(sizes, minlength=MOST + 1),
            "share": float((z != 0).double().mean()),
            "forward_share": float((counts[name] > 0).double().mean()) if name in counts else None,
        }
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 3.9), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    _draw_events(first, data["events"], data["brian2"])
    _draw_sizes(second, data["layers"], data["settings"])
    _draw_sweep(third, data["sweep"], data["settings"])
    return figure


LABELS = {"SpikeGrad1": "first layer", "SpikeGrad2": "second layer", "output": "outputs"}


def _draw_events(ax: Any, events: dict[str, Any], brian2: dict[str, Any]) -> None:
    names = {
        "counts\nn": events["counts"],
        "errors\nz": events["errors"],
        "weight\nchanges": events["changes"],
        "counts in\nBrian2": brian2["same"],
    }
    bars = ax.bar(list(names), list(names.values()), color=["C0", "C0", "C0", "C2"])
    ax.bar_label(bars, [f"{n} of {events['images']}" for n in names.values()], fontsize="small")
    ax.set_ylim(0, 1.15 * events["images"])
    ax.set_ylabel("images with the integers of the ANN")
    per = {
        name: events[name] / events["images"] for name in ("sent", "taken_back", "sent_backward")
    }
    ax.set_title(
        f"random order of events; an image: {per['sent']:,.0f} forward\n"
        f"({per['taken_back']:,.0f} taken back), {per['sent_backward']:,.0f} backward",
        fontsize="medium",
    )


def _draw_sizes(ax: Any, layers: dict[str, Any], settings: dict[str, Any]) -> None:
    for style, (when, found) in zip(("--", "-"), layers.items(), strict=True):
        for colour, (name, one) in zip(("C0", "C1", "C3"), found.items(), strict=True):
            sizes = np.array(one["sizes"]) / sum(one["sizes"])
            shown_sizes = np.where(sizes > 0, sizes, np.nan)
            label = f"{LABELS[name]}, {when}"
            ax.plot(range(len(sizes)), shown_sizes, style, marker=".", color=colour, label=label)
    ax.set_yscale("log")
    ax.set_xlabel(f"size of the error count ({MOST}: or more)")
    ax.set_ylabel("share of neurons and images")
    ax.set_title(f"error counts, {settings['counted']:,} training images", fontsize="medium")
    ax.legend(fontsize="x-small")


def _draw_sweep(ax: Any, sweep: dict[str, Any], settings: dict[str, Any]) -> None:
    alphas, sent = [float(alpha) for alpha in sweep], ax.twinx()
    ax.plot(alphas, [100 * one["accuracy"] for one in sweep.values()], "ko-", label="accuracy")
    for colour, name in zip(("C0", "C1", "C3"), LABELS, strict=True):
        share = np.array([100 * one["share"][name] for one in sweep.values()])
        label = f"errors sent, {LABELS[name]}"
        sent.plot(alphas, np.where(share > 0, share, np.nan), ".--", color=colour, label=label)
    ax.set_xscale("log")
    sent.set_yscale("log")
    ax.set_xlabel("alpha")
    ax.set_ylabel("accuracy (%)")
    sent.set_ylabel("neurons and images with an error (%)")
    ax.set_title(
        f"{settings['training']:,} images, {settings['epochs']} epochs; {settings['held_out']:,} held out",
        fontsize="medium",
    )
    lines = [*ax.get_lines(), *sent.get_lines()]
    ax.legend(lines, [line.get_label() for line in lines], fontsize="x-small", loc="lower right")


if __name__ == "__main__":
    main(NAME, compute, draw)
