"""What the experiments' commands share."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from bioconv.analysis import wilson_interval
from bioconv.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class About:
    """What a user should know before starting an experiment.

    Attributes
    ----------
    name, help, description : str
    data, reaches, minutes : str
    """

    name: str
    help: str
    description: str
    data: str
    reaches: str
    minutes: str


def data_arguments(made: argparse.ArgumentParser) -> None:
    """Which digits, and where they lie."""
    made.add_argument("--data", default="mnist", choices=("mnist", "fashion-mnist"))
    made.add_argument("--folder", metavar="DIR", help="of the data; BIOCONV_DATA or the cache")
    made.add_argument("--test-images", type=int, default=10_000)


def free(output: Path | None) -> None:
    """Complain now, not after the training, of a file that is there."""
    if output is not None and output.exists():
        raise ParameterError(f"{output} exists; choose another name")


def accuracy(right: int, total: int) -> str:
    """With its 95 % interval."""
    low, high = wilson_interval(right, total)
    return f"accuracy {right / total:.2%} ({low:.2%} to {high:.2%}) on {total} test images"
