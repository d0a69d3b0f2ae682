"""Bytes of a projection and of a whole program, against an entry for every synapse.

The convolution 16-32, 3x3 on 28x28, and VGG-16 on 3x32x32 in single precision with random weights, batch
1. Explicit synapses take at least 16 bytes each in Brian2 (two indices and a weight).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from brian2 import ms
from common import report

import bioconv
from bioconv.graph import AvgPool2d, Conv2d, Dense, Flatten, Network, ReLU
from bioconv.run.program import DURATION

SYNAPSE = 16


def vgg16(rng):
    """VGG-16 for 32x32 images with average pooling."""
    layers: list = []
    channels = 3
    for block in ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3):
        for n in block:
            weight = rng.normal(size=(n, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
            layers += [Conv2d(weight=weight, padding=1), ReLU()]
            channels = n
        layers.append(AvgPool2d(kernel=2))
    layers.append(Flatten())
    for n in (512, 512):
        layers += [Dense(weight=rng.normal(size=(n, 512)) * np.sqrt(2 / 512)), ReLU()]
    layers.append(Dense(weight=rng.normal(size=(10, 512)) * 0.05))
    return Network.sequential(layers, input_shape=(3, 32, 32))


def peak(folder: Path, seconds: float) -> float:
    """Peak MB of a compiled program that runs for so long, in a process of its own."""
    code = (
        "import os, resource, subprocess, sys\n"
        "subprocess.run(['./main', '--results_dir', sys.argv[1] + '/'], cwd=sys.argv[2], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    with tempfile.TemporaryDirectory() as results:
        out = subprocess.run(
            [sys.executable, "-c", code, results, str(folder)], capture_output=True, text=True,
            check=True, env={**os.environ, DURATION: repr(seconds)},
        )  # fmt: skip
    return float(out.stdout.split()[-1])


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    rng = np.random.default_rng(0)
    small = Network.sequential(
        [Conv2d(weight=rng.normal(size=(16, 1, 1, 1))), ReLU(),
         Conv2d(weight=rng.normal(size=(32, 16, 3, 3)), padding=1)], input_shape=(1, 28, 28),
    )  # fmt: skip
    kind = bioconv.to_brian(small, method="unscaled").kind("conv1_to_conv2")
    stored = kind.weights.nbytes + sum(table.nbytes for table in kind.tables.values())
    report("conv 16-32 3x3 on 28x28, stored", stored / 1e6, kind.n_synapses * SYNAPSE / 1e6, "MB",
           "explicit synapses", f"{kind.weights.size} numbers, {kind.n_synapses} synapses")  # fmt: skip
    images = rng.random((2, 3, 32, 32))
    scale = bioconv.methods.Percentile(percentile=99.99)
    cache = tempfile.TemporaryDirectory()  # else the program of an earlier run is found
    os.environ["XDG_CACHE_HOME"] = cache.name
    model = bioconv.to_brian(vgg16(rng), calibration=images, method=scale, precision="single")
    begin = time.perf_counter()
    result = model.run(images[:1], 100 * ms, device="cpp_standalone", batch_size=1)
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    model.run(images[1:], 100 * ms, device="cpp_standalone", batch_size=1)
    again = time.perf_counter() - begin
    kinds = [model.kind(p.name) for p in model.spiking.projections if p.source in model.layers]
    synapses = sum(kind.n_synapses for kind in kinds)
    neurons = sum(int(np.prod(shape)) for shape in model.layers.values())
    activity = sum(n.sum() for n in result.counts.values()) / neurons / result.n_steps
    program = next(iter(model._programs.values()))
    memory = peak(Path(program.executable.folder), 0.1)
    report("VGG-16, 100 steps, peak of the program", memory, synapses * SYNAPSE / 1e6, "MB",
           "explicit synapses",
           f"{sum(k.weights.size for k in kinds)} numbers, {synapses} synapses, {neurons} neurons, "
           f"activity {activity:.3f}")  # fmt: skip
    report("VGG-16, first run with compilation", first, 90.0, "s", "the bar", "100 steps")
    report("VGG-16, second run", again, first, "s", "the first", "100 steps")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak of all children, compilers included: {children:.0f} MB")


if __name__ == "__main__":
    main()
