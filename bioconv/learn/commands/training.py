"""`bioconv train`: a spiking network trained by a published rule, and the same network in Brian2."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioconv import datasets
from bioconv.errors import ParameterError
from bioconv.learn.commands.common import About, accuracy, data_arguments, free


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of training, by its name in :mod:`bioconv.learn.gradient.rules`.

    Attributes
    ----------
    about : About
    steps, epochs : int
        Unless others are asked for.
    shown : function of images and the name of the data set, of what the network is shown; optional
    once : bool
        Whether an image is there in the first step alone, and its spikes settle in those after it.
    """

    about: About
    steps: int
    epochs: int
    shown: Callable[..., Any] | None = None
    once: bool = False


def _standardised(images: np.ndarray, data: str) -> np.ndarray:
    from bioconv.learn.gradient import plif

    return plif.standardised(images, data)


def _about(name: str, text: str, reaches: str, minutes: str) -> About:
    return About(
        name=name,
        help=text,
        description=text,
        data="mnist, fashion-mnist",
        reaches=reaches,
        minutes=minutes,
    )


#: A new rule joins here.
RULES = {
    rule.about.name: rule
    for rule in (
        Rule(
            about=_about(
                "stbp", "spatio-temporal backpropagation (Wu et al. 2019)",
                "paper: 99.4 % (mnist)", "15 min an epoch",
            ),
            steps=20, epochs=20,
        ),
        Rule(
            about=_about(
                "stbp-neunorm", "the same with running means over feature maps taken away",
                "compare with stbp", "20 min an epoch",
            ),
            steps=20, epochs=20,
        ),
        Rule(
            about=_about(
                "plif", "learnt time constants (Fang et al. 2021)",
                "paper: 93.9 % (fashion-mnist, 128 maps)", "5 min an epoch",
            ),
            steps=8, epochs=30, shown=_standardised,
        ),
        Rule(
            about=_about(
                "tssl", "through the times of spikes (Zhang & Li 2020)",
                "89.3 % (fashion-mnist); paper: 89.9 %", "10 s an epoch",
            ),
            steps=5, epochs=40,
        ),
        Rule(
            about=_about(
                "hybrid", "rectifiers, converted and trained on for few steps (Rathi et al. 2020)",
                "paper: within a point of the rectifiers", "6 min an epoch",
            ),
            steps=20, epochs=5,
        ),
        Rule(
            about=_about(
                "spikegrad", "spikes and errors with a sign, as integers (Thiele et al. 2020)",
                "99.2 % (mnist, with images moved at random)", "10 s an epoch",
            ),
            steps=150, epochs=12, once=True,
        ),
    )
}  # fmt: skip


def add(commands: Any) -> None:
    """The command `train`."""
    table = "\n".join(
        f"  {a.name:14s} {a.help}; {a.reaches}; {a.minutes}"
        for a in (r.about for r in RULES.values())
    )
    made = commands.add_parser(
        "train", help="train a spiking network on torch and run it in Brian2",
        description="Train a network that spikes, by a published rule, on PyTorch (extra bioconv[torch]); then show test "
        "images to the same network in Brian2.",
        epilog=f"rules (what to expect, minutes on one core)\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument(
        "rule", nargs="?", choices=tuple(RULES), metavar="RULE", help=", ".join(RULES)
    )
    made.add_argument(
        "--list", action="store_true", help="the rules, what to expect and how long they take"
    )
    data_arguments(made)
    made.add_argument("--images", type=int, help="of the training set; all unless given")
    made.add_argument(
        "--net", help='layers as "32c3-a2-64c3-a2-128": maps and kernel, pooling (a, m), neurons'
    )
    made.add_argument("--steps", type=int, help="time steps of a sample")
    made.add_argument("--epochs", type=int)
    made.add_argument(
        "--validation", type=float, default=0.0, help="part kept out, to choose the best epoch"
    )
    made.add_argument("--seed", type=int, default=0)
    made.add_argument(
        "--checkpoint", type=Path, help="written after every epoch; goes on from there"
    )
    made.add_argument(
        "--brian-images", type=int, default=100, help="test images that Brian2 is shown too"
    )
    made.add_argument("-o", "--output", type=Path, help="the trained network, an .h5 file")
    made.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, test, compare with Brian2, and say how well."""
    if options.list:
        for rule in RULES.values():
            print(
                f"{rule.about.name:14s} {rule.about.help}; {rule.about.reaches}; {rule.about.minutes}"
            )
        return
    if options.rule is None:
        raise ParameterError(f"no rule; choose one of {', '.join(RULES)}")
    free(options.output)
    rule = RULES[options.rule]
    options.steps = rule.steps if options.steps is None else options.steps
    options.epochs = rule.epochs if options.epochs is None else options.epochs
    train, test = (
        datasets.load(options.data, part, folder=options.folder, samples=n)
        for part, n in (("train", options.images), ("test", options.test_images))
    )
    _trained(options, rule, train, test)


def _trained(options: argparse.Namespace, rule: Rule, train: Any, test: Any) -> None:
    import bioconv
    from bioconv.learn import gradient
    from bioconv.learn.gradient.rules import Asked, prepared

    def shown(data: Any) -> np.ndarray:
        images = np.array(data.images, dtype=np.float32)
        return images if rule.shown is None else rule.shown(images, options.data)

    progress = sys.stderr.isatty()
    names = ("net", "steps", "epochs", "seed", "validation")
    asked = Asked(**{name: getattr(options, name) for name in names}, progress=progress)
    images, labels = shown(train), np.array(train.labels)
    module, recipe = prepared(options.rule, asked, images, labels)
    fitted = gradient.fit(
        module, images, labels, recipe, checkpoint=options.checkpoint, progress=progress
    )
    print(f"loss {fitted.loss[0]:.4f} to {fitted.loss[-1]:.4f} in {len(fitted.loss)} epochs")
    network = bioconv.read(module.double(), input_shape=images.shape[1:])
    if options.output is not None:
        bioconv.save_spiking_network(network, options.output)
        print(f"written to {options.output}")
    tested = shown(test)
    right = int((gradient.predictions(module, tested).numpy() == test.labels).sum())
    print(f"torch: {accuracy(right, len(test.labels))}")
    some = slice(options.brian_images)
    if rule.once:
        encoder, stimulus = "frames", tested[some][:, None]
    else:
        encoder = "bernoulli" if module.code == "bernoulli" else "constant"
        stimulus = tested[some]
    model = bioconv.to_brian(network, encoder=encoder)
    result = model.run(stimulus, options.steps * model.settings.dt)
    right = int((result.predicted("first") == test.labels[some]).sum())
    print(f"Brian2: {accuracy(right, len(test.labels[some]))}")
