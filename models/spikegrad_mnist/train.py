"""12c5-avg2-64c5-avg2-10 of SpikeGrad neurons: integers forward and backward, on MNIST.

Run ``python models/spikegrad_mnist/train.py`` from the root of the repository, with the extra ``bioconv[torch]``. After a
stop it goes on from its checkpoint. Settings were chosen on 5,000 images held out (``--holdout``);
``--float`` trains rectifiers with real numbers instead, with the same settings, and stores nothing. The test set
is read once, at the end.
"""

import argparse
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import training

import bioconv
from bioconv.graph import Conv2d, Dense
from bioconv.learn.gradient import Recipe, Settled, accuracy, fit, spikegrad

WEIGHTS = Path(__file__).with_name("weights.h5")
ALPHA = 100.0
EPOCHS, SEED = 12, 1
AUGMENT = training.Recipe(data="mnist", epochs=EPOCHS, shift=2, rotation=8, zoom=0.08)


class Rectified(nn.Sequential):
    """The same layers with rectifiers and real numbers."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).unsqueeze(0)


def build(alpha: float = ALPHA) -> Settled:
    return spikegrad.network(alpha=alpha)


def rectified() -> Rectified:
    return Rectified(
        nn.Conv2d(1, 12, 5, bias=False), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(12, 64, 5, bias=False), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(1024, 10, bias=False),
    )  # fmt: skip


def augmented(images: torch.Tensor) -> torch.Tensor:
    return training.augmented(images, AUGMENT, torch.default_generator)


def recipe(epochs: int = EPOCHS) -> Recipe:
    return replace(spikegrad.recipe(epochs=epochs, seed=SEED), augment=augmented)


def stored(path: Path = WEIGHTS) -> Settled:
    """The trained network, in double precision."""
    net = build().double()
    paths = bioconv.read(path).projections
    layers = [
        layer for path in paths for layer in path.layers if isinstance(layer, (Conv2d, Dense))
    ]
    with torch.no_grad():
        for weight, layer in zip(net.parameters(), layers, strict=True):
            weight.copy_(torch.tensor(layer.weight))
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
        network = bioconv.read(net, input_shape=(1, 28, 28))
        bioconv.save_spiking_network(network, WEIGHTS, dtype="float32", overwrite=True)
        net = stored().float()
        print(
            f"{WEIGHTS.stat().st_size} bytes, sha256 {hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()}"
        )
    print(f"test accuracy: {100 * accuracy(net, *training.tensors('mnist', 'test')):.2f} %")


if __name__ == "__main__":
    main()
