"""How the time of a compiled run grows with neurons, weights, steps and batch: fitted exponents.

Dense networks with random weights, constant input. A slope of 1 is proportional growth. Also full test
sets, and two processes against one.
"""

import argparse
import time

import numpy as np
from brian2 import ms
from common import MODELS, clock, report

import bioconv
from bioconv import analysis, datasets
from bioconv.graph import Dense, Network, ReLU


def network(width):
    rng = np.random.default_rng(0)
    layers = [Dense(weight=rng.normal(size=(width, 100)) * 0.1), ReLU(),
              Dense(weight=rng.normal(size=(width, width)) / np.sqrt(width)), ReLU(),
              Dense(weight=rng.normal(size=(10, width)) / np.sqrt(width))]  # fmt: skip
    return Network.sequential(layers, input_shape=(100,))


def run_time(width=400, steps=400, batch=16, samples=64):
    """Processor seconds of a run, compiled before; the best of three."""
    images = np.random.default_rng(1).random((samples, 100))
    model = bioconv.to_brian(network(width), calibration=images[:20])
    options = {"device": "cpp_standalone", "batch_size": batch, "progress": False}
    model.run(images[:1], steps * ms, **options)
    times = []
    for _ in range(3):
        with clock() as used:
            model.run(images, steps * ms, **options)
        times.append(used.cpu)
    return min(times)


def exponent(name, values, **fixed):
    times = [run_time(**{name: value}, **fixed) for value in values]
    slope = np.polyfit(np.log(values), np.log(times), 1)[0]
    rows = ", ".join(f"{v}: {t:.3f} s" for v, t in zip(values, times, strict=True))
    report(f"exponent of the time in {name}", slope, 1.0, "", "proportional", rows)


def full_test_set(name, bar, processes=2):
    """10,000 MNIST images at T = 100, constant input, after compilation."""
    trained = bioconv.read(MODELS / name / "weights.h5")
    test = datasets.load("mnist")
    model = bioconv.to_brian(
        trained, calibration=datasets.load("mnist", "train", samples=500).images
    )
    options = {"device": "cpp_standalone", "progress": False}
    model.run(test.images[:32], 100 * ms, **options)
    walls = {}
    for n in (1, processes):
        begin = time.perf_counter()
        result = model.run(test.images, 100 * ms, processes=n, **options)
        walls[n] = time.perf_counter() - begin
    right = int((result.predictions == test.labels).sum())
    low, high = analysis.wilson_interval(right, len(test.labels))
    events = analysis.synaptic_events(result, model.fan_out()).sum()
    note = (f"accuracy {right / 1e4:.4f} [{low:.4f}, {high:.4f}], "
            f"{events / 1e4:.3g} events an image, {events / walls[1] / 1e9:.3g} G events/s on one")  # fmt: skip
    report(
        f"{name}, 10,000 images, {processes} processes", walls[processes], bar, "s", "the bar", note
    )
    report(
        f"{name}, {processes} processes", walls[1] / walls[processes], 1.7, "x faster", "the bar"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-data", action="store_true", help="without the MNIST test sets")
    options = parser.parse_args()
    exponent("width", [200, 400, 800, 1600])
    exponent("steps", [100, 200, 400, 800])
    exponent("samples", [64, 128, 256, 512], batch=16)
    if not options.no_data:
        full_test_set("mnist_fcn", 12.0)
        full_test_set("mnist_cnn", 60.0)


if __name__ == "__main__":
    main()
