"""`bioconv learn tempotron`."""

import argparse
import sys

import numpy as np

from bioconv import datasets
from bioconv.learn.commands.common import About, accuracy, data_arguments

ABOUT = About(
    name="tempotron", help="digits by neurons that fire or stay silent",
    description="Tempotrons (Gütig & Sompolinsky 2006), one for each class, on images whose brighter pixels spike "
    "earlier; the highest potential answers.",
    data="mnist, fashion-mnist", reaches="87 to 89 % (mnist)", minutes="1 min for 20,000 images",
)  # fmt: skip
#: Images whose potentials are in memory at once.
_CHUNK = 1000


def arguments(made: argparse.ArgumentParser) -> None:
    data_arguments(made)
    made.add_argument("--images", type=int, default=20_000, help="of the training set")
    made.add_argument("--epochs", type=int, default=2)
    made.add_argument("--rate", type=float, default=0.01)
    made.add_argument("--momentum", type=float, default=0.9)
    made.add_argument("--longest", type=float, default=20.0, help="latency of the darkest, ms")
    made.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Train, test, and say how well."""
    from bioconv.learn import tempotron

    train = datasets.load(options.data, "train", folder=options.folder, samples=options.images)
    test = datasets.load(options.data, folder=options.folder, samples=options.test_images)
    start = tempotron.Tempotrons.random(
        784, 10, seed=options.seed, size=0.001, window=2 * options.longest, dt=2.0
    )
    trained = tempotron.train(
        start, tempotron.latencies(train.images, options.longest), np.eye(10)[train.labels] > 0,
        epochs=options.epochs, rate=options.rate, momentum=options.momentum, batch=20, seed=options.seed,
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    right = 0
    for first in range(0, len(test.labels), _CHUNK):
        some = slice(first, first + _CHUNK)
        shown = tempotron.latencies(test.images[some], options.longest)
        predictions = trained.neurons.respond(shown).predictions
        right += int((predictions == test.labels[some]).sum())
    print(f"wrong decisions of a neuron in training: {trained.errors[-1]:.2%} in the last epoch")
    print(accuracy(right, len(test.labels)))
