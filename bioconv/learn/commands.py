"""`bioconv learn`: the experiments by name, with what to expect of them."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioconv import datasets
from bioconv.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What a user should know before starting one.

    Attributes
    ----------
    name, data, reaches, minutes : str
    """

    name: str
    data: str
    reaches: str
    minutes: str


#: A new experiment joins here.
EXPERIMENTS = (
    Experiment(
        name="diehl-cook", data="mnist, fashion-mnist", reaches="paper: 82.9 % (100 neurons), 87.0 % (400)",
        minutes="4 (100 neurons) to 6 (400) for 60,000 images",
    ),
)  # fmt: skip


def add(commands: Any) -> None:
    """The command `learn` with a command for every experiment."""
    table = "\n".join(
        f"  {e.name:12s} {e.data:22s} {e.reaches}; {e.minutes} min" for e in EXPERIMENTS
    )
    made = commands.add_parser(
        "learn", help="learn inside Brian2", description="Networks that learn by spikes, inside Brian2.",
        epilog=f"experiments (data, accuracy to expect, minutes on one core)\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    _diehl_cook(made.add_subparsers(required=True, metavar="experiment"))


def _diehl_cook(experiments: Any) -> None:
    made = experiments.add_parser(
        "diehl-cook", help="digits by STDP and competition",
        description="Unsupervised learning by STDP and winner-take-all inhibition (Diehl & Cook 2015): train, label "
        "the neurons with training images, test.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    made.add_argument(
        "--neurons", type=int, default=400, help="excitatory ones, and as many inhibitory"
    )
    made.add_argument("--data", default="mnist", choices=("mnist", "fashion-mnist"))
    made.add_argument("--folder", metavar="DIR", help="of the data; BIOCONV_DATA or the cache")
    made.add_argument("--rule", default="triplet", help="triplet, power, exponential or symmetric")
    made.add_argument(
        "--images", type=int, default=60_000, help="shown in training, over and over again"
    )
    made.add_argument(
        "--label-images", type=int, default=10_000, help="training images for the labels"
    )
    made.add_argument("--test-images", type=int, default=10_000)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--checkpoint", type=Path, help="kept every 5,000 images; goes on from there")
    made.add_argument("--processes", type=int, default=1, help="for labels and test")
    made.add_argument("-o", "--output", type=Path, help="the trained network, an .h5 file")
    made.set_defaults(run=diehl_cook)


def diehl_cook(options: argparse.Namespace) -> None:
    """Train, label, test, and say how well."""
    from bioconv.analysis import wilson_interval
    from bioconv.learn import diehl_cook as experiment

    if options.rule not in experiment.RULES:
        raise ParameterError(
            f"rule is {options.rule!r}; choose one of {', '.join(experiment.RULES)}"
        )
    if options.output is not None and options.output.exists():
        raise ParameterError(f"{options.output} exists; choose another name")
    settings = experiment.Settings(
        neurons=options.neurons, rule=experiment.RULES[options.rule](), seed=options.seed
    )
    train = datasets.load(options.data, "train", folder=options.folder)
    test = datasets.load(options.data, folder=options.folder, samples=options.test_images)
    progress = sys.stderr.isatty()
    training = experiment.train(
        _grey(train.images), train.labels, settings, shown=options.images, checkpoint=options.checkpoint,
        progress=progress,
    )  # fmt: skip
    print(f"{training.images} images shown in {training.presentations} presentations")
    some = slice(options.label_images)
    asked = {"processes": options.processes, "progress": progress}
    trained = experiment.label(training, _grey(train.images[some]), train.labels[some], **asked)
    right = int((trained.predict(_grey(test.images), **asked) == test.labels).sum())
    low, high = wilson_interval(right, len(test.labels))
    print(
        f"accuracy {right / len(test.labels):.2%} ({low:.2%} to {high:.2%}) on {len(test.labels)} test images, "
        f"labels from {len(train.labels[some])} training images"
    )
    if options.output is not None:
        trained.save(options.output)
        print(f"written to {options.output}")


def _grey(images: np.ndarray) -> np.ndarray:
    """Grey values from 0 to 255."""
    return np.round(images.reshape(len(images), -1) * 255)
