"""12c5-avg2-64c5-avg2-10 without biases, the network of ``mnist_cnn``, on Fashion-MNIST."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from diehl import convolutional
from training import Recipe, main

RECIPE = Recipe(data="fashion-mnist", epochs=16, rate=4e-3, shift=1, flip=True)

if __name__ == "__main__":
    main(convolutional, RECIPE, Path(__file__).with_name("weights.h5"))
