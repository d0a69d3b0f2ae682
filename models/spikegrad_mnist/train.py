"""12c5-avg2-64c5-avg2-10 of SpikeGrad neurons: integers forward and backward, on MNIST.

Run ``python models/spikegrad_mnist/train.py`` from the root of the repository, with the extra ``bioconv[torch]``. After a
stop it goes on from its checkpoint. Settings were chosen on 5,000 images held out (``--holdout``);
``--float`` trains rectifiers with real numbers instead, with the same settings, and stores nothing. The test set
is read once, at the end.
"""

import argparse
import hashlib
import sys
from collections import OrderedDict
from pathlib import Path

import h5py
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import training

from bioconv.errors import ResultError
from bioconv.hdf5 import written
from bioconv.learn.gradient import (
    Recipe,
    Settled,
    SpikeGrad,
    accuracy,
    fit,
    potential_cross_entropy,
)

WEIGHTS = Path(__file__).with_name("weights.h5")
#: Thresholds of the two layers; a smaller one lets a neuron count further. Errors of hidden layers are small.
THRESHOLDS, ERROR_THRESHOLD, ALPHA = (0.05, 0.25), 0.1, 100.0
EPOCHS, RATE, SEED = 12, 4e-3, 1
AUGMENT = training.Recipe(data="mnist", epochs=EPOCHS, shift=2, rotation=8, zoom=0.08)


class Rectified(nn.Sequential):
    """The same layers with rectifiers and real numbers."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).unsqueeze(0)


def build(alpha: float = ALPHA) -> Settled:
    return Settled(
        *_layers(*(SpikeGrad(threshold, ERROR_THRESHOLD) for threshold in THRESHOLDS)), alpha=alpha
    )


def rectified() -> Rectified:
    return Rectified(*_layers(nn.ReLU(), nn.ReLU()))


def _layers(first: nn.Module, second: nn.Module) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(1, 12, 5, bias=False), first, nn.AvgPool2d(2),
        nn.Conv2d(12, 64, 5, bias=False), second, nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(1024, 10, bias=False),
    )  # fmt: skip


def augmented(images: torch.Tensor) -> torch.Tensor:
    return training.augmented(images, AUGMENT, torch.default_generator)


def recipe(epochs: int = EPOCHS) -> Recipe:
    return Recipe(
        loss=potential_cross_entropy,
        epochs=epochs,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=RATE),
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
        augment=augmented,
        seed=SEED,
    )


def save(net: Settled, path: Path) -> None:
    """Weights by their torch names, (out, in, ...)."""
    with written(path, ResultError, overwrite=True) as file:
        for name, value in net.state_dict().items():
            file[name] = value.numpy()


def stored(path: Path = WEIGHTS) -> Settled:
    """The trained network, in double precision."""
    net = build().double()
    with h5py.File(path) as file:
        net.load_state_dict(OrderedDict((name, torch.tensor(file[name][:])) for name in file))
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--float", action="store_true", help="rectifiers instead; store nothing")
    parser.add_argument("--holdout", type=int, default=0, help="test on so many training images")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    net = (rectified if options.float else build)().to(memory_format=torch.channels_last)
    images, labels = training.tensors("mnist", "train")
    kept = len(images) - options.holdout
    name = f"spikegrad_mnist{'_float' * options.float}{f'_{kept}' * (options.holdout > 0)}.pt"
    checkpoint = training.cache_folder() / name
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    fit(net, images[:kept], labels[:kept], recipe(), checkpoint=checkpoint)
    if options.holdout:
        print(f"held out: {100 * accuracy(net, images[kept:], labels[kept:]):.2f} %")
        return
    if not options.float:
        save(net, WEIGHTS)
        net = stored().float()
        print(
            f"{WEIGHTS.stat().st_size} bytes, sha256 {hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()}"
        )
    print(f"test accuracy: {100 * accuracy(net, *training.tensors('mnist', 'test')):.2f} %")


if __name__ == "__main__":
    main()
