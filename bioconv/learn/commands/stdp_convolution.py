"""`bioconv learn stdp-convolution`."""

import argparse
import sys
from pathlib import Path

from bioconv import datasets
from bioconv.learn.commands.common import About, accuracy, data_arguments, free

ABOUT = About(
    name="stdp-convolution", help="digits by convolution that learns by STDP",
    description="Two layers of convolution learn without labels from the first spikes (Kheradpisheh et al. 2018); a linear classifier, "
    "which needs scikit-learn, reads out which neurons fire.",
    data="mnist, fashion-mnist", reaches="98.6 % (mnist; paper: 98.4 %)", minutes="3 min",
)  # fmt: skip


def arguments(made: argparse.ArgumentParser) -> None:
    data_arguments(made)
    made.add_argument(
        "--images", type=int, nargs=2, default=(6000, 20_000), help="that each layer learns from"
    )
    made.add_argument(
        "--read-out-images", type=int, default=60_000, help="training images for the classifier"
    )
    made.add_argument("--seed", type=int, default=1, help="of the first weights")
    made.add_argument("--checkpoint", type=Path, help="kept every 1,000 images; goes on from there")
    made.add_argument("-o", "--output", type=Path, help="the trained layers, an .h5 file")


def run(options: argparse.Namespace) -> None:
    """Train, read out, test, and say how well."""
    from bioconv.learn import stdp_convolution as experiment

    free(options.output)
    experiment.scikit_learn()
    train = datasets.load(options.data, "train", folder=options.folder)
    test = datasets.load(options.data, folder=options.folder, samples=options.test_images)
    trained = experiment.train(
        train.images, n_images=options.images, seed=options.seed, checkpoint=options.checkpoint,
        resume=bool(options.checkpoint and options.checkpoint.exists()), progress=sys.stderr.isatty(),
    )  # fmt: skip
    indices = ", ".join(f"{experiment.convergence(weights):.4f}" for weights in trained.weights)
    print(f"mean of w (1 - w) in each layer: {indices}")
    if options.output is not None:
        trained.save(options.output)
        print(f"written to {options.output}")
    some = slice(options.read_out_images)
    read_out = experiment.read_out(trained.features(train.images[some]), train.labels[some])
    right = int((read_out.predict(trained.features(test.images)) == test.labels).sum())
    said = accuracy(right, len(test.labels))
    print(f"{said}, read out with {len(train.labels[some])} training images")
