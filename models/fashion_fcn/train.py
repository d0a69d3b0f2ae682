"""784-1200-1200-10 without biases, the network of ``mnist_fcn``, on Fashion-MNIST."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from diehl import fully_connected
from training import Recipe, main

RECIPE = Recipe(data="fashion-mnist", epochs=22, rate=1e-3, decay=1e-2, flip=True, dtype="float16")

if __name__ == "__main__":
    main(fully_connected, RECIPE, Path(__file__).with_name("weights.h5"))
