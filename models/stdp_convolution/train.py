"""Two layers of convolution that learn MNIST by STDP, without labels.

Run ``python models/stdp_convolution/train.py`` from the root of the repository; it needs no torch, and the extra
``bioconv[sklearn]`` for the read-out. After a stop it goes on from its checkpoint. The test set is read once, at the end.
"""

import argparse
import hashlib
import os
from pathlib import Path

from bioconv import datasets
from bioconv.learn import stdp_convolution as sc

SEED = 1


def checkpoint(name: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioconv" / "checkpoints" / f"stdp_convolution_{name}.h5"


def trained(name: str) -> sc.Trained:
    """From the checkpoint where there is one."""
    path = checkpoint(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    images = datasets.load(name, "train").images
    return sc.train(
        images, seed=SEED, checkpoint=path, resume=path.exists(), progress=False, report=_say
    )


def _say(now: sc.Trained) -> None:
    layer, n_images, index = now.indices[-1]
    print(f"layer {layer + 1}, {n_images} images: mean of w (1 - w) {index:.5f}", flush=True)


def accuracy(network: sc.Trained, name: str) -> float:
    """On 10,000 test images, read out with all training images."""
    train, test = datasets.load(name, "train"), datasets.load(name)
    read_out = sc.read_out(network.features(train.images), train.labels)
    return float(read_out.score(network.features(test.images), test.labels))


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    path = Path(__file__).with_name("weights.h5")
    trained("mnist").save(path, overwrite=True)
    print(f"{path}: accuracy {100 * accuracy(sc.Trained.load(path), 'mnist'):.2f} %")
    print(f"{path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
