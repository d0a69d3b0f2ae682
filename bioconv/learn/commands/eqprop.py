"""`bioconv learn eqprop`."""

import argparse
import sys
from pathlib import Path

from bioconv import datasets
from bioconv.learn.commands.common import About, accuracy, data_arguments, free

ABOUT = About(
    name="eqprop", help="digits by two fixed points of a rate network",
    description="Equilibrium propagation (Scellier & Bengio 2017): rate units relax freely and nudged towards the "
    "answer; weights learn from the difference.",
    data="mnist, fashion-mnist", reaches="97.3 % in 25 epochs (paper: 97 to 98 %)", minutes="12 min for 25 epochs",
)  # fmt: skip


def arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("--hidden", type=int, default=500, help="units of the hidden layer")
    data_arguments(made)
    made.add_argument("--images", type=int, default=50_000, help="of the training set")
    made.add_argument("--epochs", type=int, default=25)
    made.add_argument("--beta", type=float, default=1.0, help="strength of the nudge")
    made.add_argument(
        "--rates", type=float, nargs=2, default=(0.2, 0.1), help="of the weights, input side first"
    )
    made.add_argument("--seed", type=int, default=0, help="of first weights and order")
    made.add_argument("--checkpoint", type=Path, help="kept every epoch; goes on from there")
    made.add_argument("-o", "--output", type=Path, help="the trained network, an .h5 file")


def run(options: argparse.Namespace) -> None:
    """Train, test, and say how well."""
    from bioconv.learn import eqprop

    free(options.output)
    train = datasets.load(options.data, "train", folder=options.folder, samples=options.images)
    test = datasets.load(options.data, folder=options.folder, samples=options.test_images)
    recipe = eqprop.Recipe(
        epochs=options.epochs, beta=options.beta, rates=tuple(options.rates), seed=options.seed
    )
    trained = eqprop.train(
        eqprop.Network.random((784, options.hidden, 10), seed=options.seed), train.images, train.labels, recipe,
        checkpoint=options.checkpoint, resume=bool(options.checkpoint and options.checkpoint.exists()),
        report=print, progress=sys.stderr.isatty(),
    )  # fmt: skip
    predictions = trained.network.predict(test.images, recipe.free, recipe.epsilon)
    print(accuracy(int((predictions == test.labels).sum()), len(test.labels)))
    if options.output is not None:
        trained.network.save(options.output)
        print(f"written to {options.output}")
