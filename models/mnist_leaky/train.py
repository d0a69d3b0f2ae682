"""conv-BN-LeakyReLU-average pooling twice, 128 hidden units, with biases, on MNIST."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from leaky import build
from training import Recipe, main

RECIPE = Recipe(data="mnist", epochs=12, rate=4e-3, shift=2, rotation=8, zoom=0.08)

if __name__ == "__main__":
    main(build, RECIPE, Path(__file__).with_name("weights.h5"))
