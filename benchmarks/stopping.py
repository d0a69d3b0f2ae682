"""Processor seconds of ``mnist_fcn`` on the MNIST test set where samples end as soon as they are decided.

Against the whole duration of 100 steps, on the same program's terms: compiled, one process, after compilation.
"""

import argparse

from brian2 import ms
from common import MODELS, clock, report

import bioconv
from bioconv import datasets
from bioconv.build import FirstSpike, Margin

STEPS = 100
#: What the project promises of a margin of that kind.
SAVED, LOST = 2.0, 0.1


def timed(model, images, stop):
    """The result and its processor seconds, the program being there."""
    options = {"device": "cpp_standalone", "progress": False, "stop": stop}
    model.run(images[:32], STEPS * ms, **options)
    with clock() as used:
        result = model.run(images, STEPS * ms, **options)
    return result, used.cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--margins", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    data = datasets.load("mnist", samples=options.samples)
    calibration = datasets.load("mnist", "train", samples=500).images
    network = bioconv.read(MODELS / "mnist_fcn" / "weights.h5")
    model = bioconv.to_brian(network, calibration=calibration)
    for stop in (FirstSpike(), *map(Margin, options.margins)):
        whole, other = timed(model, data.images, None)
        result, used = timed(model, data.images, stop)
        lost = 100 * (whole.accuracy(data.labels) - result.accuracy(data.labels))
        note = (
            f"accuracy {result.accuracy(data.labels):.4f}, {lost:.2f} points below "
            f"{whole.accuracy(data.labels):.4f}; {result.steps.mean():.1f} steps a sample"
        )
        what = f"mnist_fcn, {options.samples} images, stop at {stop}"
        report(what, other / used, SAVED, "x less CPU", f"the bar at {LOST} points lost", note)
        print(f"    {used:.2f} CPU s; whole duration: {other:.2f} CPU s")


if __name__ == "__main__":
    main()
