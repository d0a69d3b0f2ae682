"""784-400-400-10 neurons that spike for five steps, trained through the times of their spikes, on Fashion-MNIST.

Run ``python models/tssl_fashion/train.py`` from the root of the repository. After a stop it goes on from its checkpoint. Of the
training images 5,000 are held out and choose the epoch; the test set is read once, at the end.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from training import cache_folder, tensors

import bioconv
from bioconv.learn import gradient
from bioconv.learn.gradient import tssl

RECIPE = tssl.recipe(epochs=40, seed=1, validation=1 / 12)


def trained(intra: bool) -> gradient.Unrolled:
    """From the checkpoint where there is one."""
    torch.manual_seed(RECIPE.seed)
    net = tssl.network(intra=intra)
    path = cache_folder() / f"tssl_fashion{'' if intra else '_inter'}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    fitted = gradient.fit(net, *tensors("fashion-mnist", "train"), RECIPE, checkpoint=path)
    print(
        f"epoch {fitted.best + 1}: {100 * fitted.validation[fitted.best]:.2f} % of those held out"
    )
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--inter", action="store_true", help="no gradients within neurons; nothing is stored"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = trained(intra=not options.inter)
    found = gradient.accuracy(net, *tensors("fashion-mnist", "test"))
    print(f"{100 * found:.2f} % of the test set")
    if not options.inter:
        path = Path(__file__).with_name("weights.h5")
        network = bioconv.read(net, input_shape=(1, 28, 28))
        bioconv.save_spiking_network(network, path, dtype="float32", overwrite=True)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{path}: {path.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
