"""784-500-10 rate units, trained by equilibrium propagation on MNIST.

Run ``python models/eqprop_mnist/train.py`` from the root of the repository; it needs no torch. After a stop it goes on from its
checkpoint. The last 10,000 training images are held out; the test set is read once, at the end.
"""

import argparse
import hashlib
import os
from pathlib import Path

from bioconv import datasets
from bioconv.learn import eqprop

SIZES = (784, 500, 10)
#: As the paper says it, and with the nudge of the authors' code, whose cost has no 1/2 (their beta counts twice).
RECIPES = {
    "paper": eqprop.Recipe(epochs=25, validation=10_000),
    "code": eqprop.Recipe(epochs=25, validation=10_000, beta=1.0, rates=(0.2, 0.1)),
}


def checkpoint(name: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioconv" / "checkpoints" / f"eqprop_mnist_{name}.h5"


def trained(name: str) -> eqprop.Trained:
    """From the checkpoint where there is one."""
    path, data = checkpoint(name), datasets.load("mnist", "train")
    path.parent.mkdir(parents=True, exist_ok=True)
    return eqprop.train(
        eqprop.Network.random(SIZES, seed=1),
        data.images,
        data.labels,
        RECIPES[name],
        checkpoint=path,
        resume=path.exists(),
        report=print,
    )


def test_error(network: eqprop.Network, recipe: eqprop.Recipe) -> float:
    """Share of the 10,000 test images, after a free phase from zeros."""
    test = datasets.load("mnist")
    predictions = network.predict(test.images, recipe.free, recipe.epsilon)
    return float((predictions != test.labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=RECIPES, default="code")
    name = parser.parse_args().recipe
    path = Path(__file__).with_name("weights.h5")
    trained(name).network.save(path, dtype="float32", overwrite=True)
    stored = eqprop.Network.load(path)
    print(f"{path}: test error {100 * test_error(stored, RECIPES[name]):.2f} %")
    print(f"{path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
