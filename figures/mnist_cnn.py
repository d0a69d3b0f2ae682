"""What the figures of ``mnist_cnn`` share: the model, and the compute-or-load-then-draw of a script."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brian2 import ms
from matplotlib.figure import Figure

import bioconv
from bioconv import Result, datasets

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "models" / "mnist_cnn" / "weights.h5"
DURATION = 100 * ms


def model() -> Any:
    """``mnist_cnn`` with 99.9 percentile normalisation on 500 training images, constant input."""
    images = datasets.load("mnist", "train", samples=500).images
    return bioconv.to_brian(WEIGHTS, calibration=images)


def main(name: str, compute: Callable[[], Result], draw: Callable[[Result], Figure]) -> None:
    """Compute where the data is missing, draw, save."""
    parser = argparse.ArgumentParser(description=f"Draw {name}.png.")
    parser.add_argument("--compute", action="store_true", help="run the network again")
    data = HERE / "data" / f"{name}.h5"
    if parser.parse_args().compute or not data.exists():
        data.parent.mkdir(exist_ok=True)
        compute().save(data, overwrite=True)
    draw(bioconv.load_result(data)).savefig(HERE / f"{name}.png", dpi=130)
