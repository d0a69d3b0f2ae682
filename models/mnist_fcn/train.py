"""784-1200-1200-10 without biases, the fully connected network of Diehl et al. (2015)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from diehl import fully_connected
from training import Recipe, main

RECIPE = Recipe(
    data="mnist", epochs=25, rate=1.5e-3, decay=1e-2, shift=2, rotation=8, zoom=0.08,
    dtype="float16",
)  # fmt: skip

if __name__ == "__main__":
    main(fully_connected, RECIPE, Path(__file__).with_name("weights.h5"))
