"""12c5-avg2-64c5-avg2-10 without biases, the convolutional network of Diehl et al. (2015)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from diehl import convolutional
from training import Recipe, main

RECIPE = Recipe(data="mnist", epochs=30, rate=4e-3, shift=2, rotation=8, zoom=0.08)

if __name__ == "__main__":
    main(convolutional, RECIPE, Path(__file__).with_name("weights.h5"))
