"""Accuracies of the zoo's spiking networks beside those of the trained ones, on the whole test set.

``python models/evaluate.py`` prints a line for every model; with names it takes those alone. Programs are
compiled once and kept; all of them take about an hour on two cores.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

import bioconv
from bioconv import datasets, methods
from bioconv.analysis import wilson_interval
from bioconv.neurons import Alpha

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, how it is converted, and for how many steps it is shown an image."""

    model: str
    steps: int
    data: str = "mnist"
    options: dict[str, Any] = field(default_factory=dict)
    #: Between which steps the potential of the output is read; from the begin to the end unless given.
    window: tuple[int, int] | None = None


CASES = (
    Case(model="mnist_fcn", steps=200),
    Case(model="mnist_fcn", steps=8, options={"method": "few_spike"}),
    Case(model="mnist_cnn", steps=200),
    Case(model="mnist_cnn", steps=16, options={"method": methods.ChannelWise(), "initial": 0.5,
                                                "readout": "potential"}),
    Case(model="mnist_lenet", steps=200),
    Case(model="mnist_qcfs", steps=8, options={"method": "qcfs", "readout": "potential"}),
    Case(model="mnist_clipped", steps=32, options={"method": "unscaled"}),
    Case(model="mnist_binary", steps=1, options={"method": "unscaled", "readout": "potential"}),
    Case(model="mnist_resnet", steps=350),
    Case(model="mnist_vgg", steps=256, options={"method": methods.RMP(alpha=0.8)}),
    Case(model="mnist_deep", steps=200),
    Case(model="mnist_softlif", steps=200, window=(120, 200),
         options={"method": "unscaled", "synapse": Alpha(tau=5 * ms), "readout": "potential"}),
    Case(model="fashion_lenet", steps=256, data="fashion-mnist"),
    Case(model="fashion_leaky", steps=256, data="fashion-mnist",
         options={"method": "channel_wise", "substitute": {"LeakyReLU": "signed"}}),
    Case(model="fashion_fcn", steps=256, data="fashion-mnist"),
    Case(model="fashion_cnn", steps=256, data="fashion-mnist"),
)  # fmt: skip


def evaluated(case: Case, samples: int | None, processes: int) -> str:
    """The line of a case."""
    test = datasets.load(case.data, samples=samples)
    network = bioconv.read(HERE / case.model / "weights.h5")
    calibration = datasets.load(case.data, "train", samples=500).images
    parts = np.array_split(test.images, max(1, len(test.labels) // 250))
    answers = np.concatenate([bioconv.reference(network, part).argmax(1) for part in parts])
    model = bioconv.to_brian(network, calibration=calibration, precision="single", **case.options)
    output = model.spiking.output
    begin = time.perf_counter()
    result = model.run(
        test.images,
        case.steps * ms,
        device="cpp_standalone",
        processes=processes,
        record={output: "v"} if case.window else None,
        progress=True,
    )
    predictions = result.predictions
    if case.window:
        values = result.traces[output].values
        first, last = (step - 1 for step in case.window)
        predictions = (values[:, last] - values[:, first]).argmax(1)
    right = int((predictions == test.labels).sum())
    low, high = wilson_interval(right, len(test.labels))
    spikes = sum(result.spikes_per_sample(layer) for layer in result.counts)
    return (
        f"| {case.model} | {model.report.method} | {case.steps} "
        f"| {100 * np.mean(answers == test.labels):.2f} | {100 * right / len(test.labels):.2f} "
        f"({100 * low:.2f} to {100 * high:.2f}) | {100 * np.mean(answers == predictions):.2f} "
        f"| {spikes:.0f} | {time.perf_counter() - begin:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="all unless given")
    parser.add_argument("--samples", type=int, help="the first so many images")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print("| model | method | steps | ANN % | SNN % (95 %) | agree % | spikes | s |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        if not options.models or case.model in options.models:
            print(evaluated(case, options.samples, options.processes), flush=True)


if __name__ == "__main__":
    main()
