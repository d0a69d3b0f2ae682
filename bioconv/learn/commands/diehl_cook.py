"""`bioconv learn diehl-cook`."""

import argparse
import sys
from pathlib import Path

from bioconv import datasets
from bioconv.learn.commands.common import About, accuracy, data_arguments, free

ABOUT = About(
    name="diehl-cook", help="digits by STDP and competition",
    description="Unsupervised learning by STDP and winner-take-all inhibition (Diehl & Cook 2015): train, label "
    "the neurons with training images, test.",
    data="mnist, fashion-mnist", reaches="86 % (100 neurons), 90 % (400); paper: 82.9, 87.0 %",
    minutes="4 min (100 neurons), 6 min (400) for 60,000 images",
)  # fmt: skip


def arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--neurons", type=int, default=400, help="excitatory ones, and as many inhibitory"
    )
    data_arguments(made)
    made.add_argument("--rule", default="triplet", help="triplet, power, exponential or symmetric")
    made.add_argument(
        "--images", type=int, default=60_000, help="shown in training, over and over again"
    )
    made.add_argument(
        "--label-images", type=int, default=10_000, help="training images for the labels"
    )
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--checkpoint", type=Path, help="kept every 5,000 images; goes on from there")
    made.add_argument("--processes", type=int, default=1, help="for labels and test")
    made.add_argument("--device", default="cpp_standalone", help="cpp_standalone, cython or numpy")
    made.add_argument("-o", "--output", type=Path, help="the trained network, an .h5 file")


def run(options: argparse.Namespace) -> None:
    """Train, label, test, and say how well."""
    from bioconv.learn import diehl_cook as experiment

    settings = experiment.Settings(neurons=options.neurons, rule=options.rule, seed=options.seed)
    free(options.output)
    train = datasets.load(options.data, "train", folder=options.folder)
    test = datasets.load(options.data, folder=options.folder, samples=options.test_images)
    progress = sys.stderr.isatty()
    training = experiment.train(
        experiment.grey(train.images), train.labels, settings, shown=options.images, checkpoint=options.checkpoint,
        device=options.device, progress=progress,
    )  # fmt: skip
    print(f"{training.images} images shown in {training.presentations} presentations")
    some = slice(options.label_images)
    asked = {"processes": options.processes, "device": options.device, "progress": progress}
    trained = experiment.label(
        training, experiment.grey(train.images[some]), train.labels[some], **asked
    )
    right = int((trained.predict(experiment.grey(test.images), **asked) == test.labels).sum())
    said = accuracy(right, len(test.labels))
    print(f"{said}, labels from {len(train.labels[some])} training images")
    if options.output is not None:
        trained.save(options.output)
        print(f"written to {options.output}")
