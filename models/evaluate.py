"""What the zoo's spiking networks reach beside the trained ones, on the whole test set.

``python models/evaluate.py`` prints a line for every model, first those that tell classes apart, then the
one that finds boxes; with names it takes those alone. Programs are compiled once and kept; all of
them take about two hours on two cores.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boxes
import numpy as np
from brian2 import ms

import bioconv
from bioconv import Result, datasets, methods
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
    #: The first so many test images; all unless given.
    samples: int | None = None
    #: Between which steps the potential of the output is read; from the begin to the end unless given.
    window: tuple[int, int] | None = None


CASES = (
    Case(model="mnist_fcn", steps=200),
    Case(model="mnist_fcn", steps=8, options={"method": "few_spike"}),
    Case(model="mnist_cnn", steps=200),
    Case(model="mnist_cnn", steps=16, options={"method": methods.ChannelWise(), "initial": 0.5,
                                                "readout": "potential"}),
    Case(model="mnist_cnn", steps=16, options={"method": "auto"}),
    Case(model="mnist_lenet", steps=200),
    Case(model="mnist_qcfs", steps=8, options={"method": "qcfs", "readout": "potential"}),
    Case(model="mnist_qcfs", steps=8, options={"method": "auto"}),
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
    Case(model="mnist_leaky", steps=256,
         options={"method": "channel_wise", "substitute": {"LeakyReLU": "signed"}}),
    Case(model="fashion_resnet", steps=350, data="fashion-mnist"),
    Case(model="fashion_fcn", steps=256, data="fashion-mnist"),
    Case(model="fashion_cnn", steps=256, data="fashion-mnist"),
)  # fmt: skip


#: mnist_boxes. The largest activation is the scale, since what saturates shifts a box. Neurons begin at random
#: potentials: on an empty canvas all neurons of a map are driven alike and would fire at once. Negative parts have
#: neurons of their own: a signed neuron sends its first negative spike after ten thresholds. Reading begins when the
#: first spikes, sent before the neurons knew what they would be told, are over; neurons that take spikes back need no
#: such wait. After the whole test set the others take its first thousand images.
BOXES = tuple(
    Case(model="mnist_boxes", steps=1000, window=(200, 1000), samples=samples,
         options={"method": method, "neuron": neuron, "readout": "potential", "initial": initial,
                  "substitute": {"LeakyReLU": leaky}})
    for method, leaky, neuron, initial, samples in (
        (methods.Percentile(percentile=100), "pair", "if", "random", None),
        (methods.Percentile(percentile=100), "pair", "correcting", "random", 1000),
        (methods.Percentile(percentile=100), "pair", "if", 0.5, 1000),
        (methods.Percentile(percentile=99.9), "pair", "if", "random", 1000),
        (methods.ChannelWise(percentile=100), "pair", "if", "random", 1000),
        (methods.ChannelWise(percentile=100), "signed", "if", "random", 1000),
        (methods.ChannelWise(percentile=100), "ReLU", "if", "random", 1000),
    )
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """What both networks make of images.

    Attributes
    ----------
    method : str
    answers : (n, n_outputs) array
        Of the trained network.
    result : Result
    spikes : float
        Of an image, all layers.
    seconds : float
        That the run took.
    """

    method: str
    answers: np.ndarray
    result: Result
    spikes: float
    seconds: float


def shown(case: Case, images: np.ndarray, calibration: np.ndarray, processes: int) -> Shown:
    """Both networks of a case with the images."""
    network = bioconv.read(HERE / case.model / "weights.h5")
    parts = np.array_split(images, max(1, len(images) // 250))
    answers = np.concatenate([bioconv.reference(network, part) for part in parts])
    model = bioconv.to_brian(network, calibration=calibration, precision="single", **case.options)
    begin = time.perf_counter()
    result = model.run(
        images,
        case.steps * ms,
        device="cpp_standalone",
        processes=processes,
        record={model.spiking.output: "v"} if case.window else None,
        progress=True,
    )
    return Shown(
        method=model.report.method,
        answers=answers,
        result=result,
        spikes=sum(result.spikes_per_sample(layer) for layer in result.counts),
        seconds=time.perf_counter() - begin,
    )


def predictions(result: Result, window: tuple[int, int] | None) -> np.ndarray:
    """(n,) classes; by what a potential gains in a window where one is given."""
    if window is None:
        return result.predictions
    values = result.traces[result.output].values
    first, last = (step - 1 for step in window)
    return (values[:, last] - values[:, first]).argmax(1)


def evaluated(case: Case, samples: int | None, processes: int) -> str:
    """The line of a case: accuracies."""
    test = datasets.load(case.data, samples=samples)
    calibration = datasets.load(case.data, "train", samples=500).images
    both = shown(case, test.images, calibration, processes)
    found, answers = predictions(both.result, case.window), both.answers.argmax(1)
    right = int((found == test.labels).sum())
    low, high = wilson_interval(right, len(test.labels))
    searched = "auto: " if case.options.get("method") == "auto" else ""
    return (
        f"| {case.model} | {searched}{both.method} | {case.steps} "
        f"| {100 * np.mean(answers == test.labels):.2f} | {100 * right / len(test.labels):.2f} "
        f"({100 * low:.2f} to {100 * high:.2f}) | {100 * np.mean(answers == found):.2f} "
        f"| {both.spikes:.0f} | {both.seconds:.0f} |"
    )


def located(case: Case, samples: int | None, processes: int) -> str:
    """The line of a case of ``mnist_boxes``: mean absolute errors, as parts of the trained network's too."""
    n = min(filter(None, (samples, case.samples)), default=None)
    canvases, expected = boxes.test_set(datasets.load("mnist", samples=n).images)
    train = datasets.load("mnist", "train", samples=500).images
    calibration, _ = boxes.placed(train, np.random.default_rng(1))
    both = shown(case, canvases, calibration, processes)
    whole, late = decoded(both.result, (0, case.steps)), decoded(both.result, case.window)
    trained, *spiking = (
        boxes.mean_absolute_error(answers, expected) for answers in (both.answers, whole, late)
    )
    cells = " | ".join(f"{error:.5f} ({error / trained:.3f})" for error in spiking)
    options = case.options
    return (
        f"| {both.method} | {options['substitute']['LeakyReLU']}, {options['neuron']}, from "
        f"{options['initial']} | {len(canvases)} | {trained:.5f} | {cells} "
        f"| {boxes.overlap(both.answers, expected).mean():.3f} "
        f"| {boxes.overlap(late, expected).mean():.3f} | {both.spikes:.0f} | {both.seconds:.0f} |"
    )


def decoded(result: Result, window: tuple[int, int]) -> np.ndarray:
    """(n, n_outputs) what a potential gains a step in a window, in units of the trained network."""
    traces, (first, last) = result.traces[result.output], window
    begin = traces.values[:, first - 1] if first else traces.rest
    gained = (traces.values[:, last - 1] - begin) / (traces.threshold - traces.rest)
    return gained / (last - first) * np.asarray(result.scales[result.output])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="all unless given")
    parser.add_argument("--samples", type=int, help="the first so many images")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    tables = (
        (CASES, evaluated, "| model | method | steps | ANN % | SNN % (95 %) | agree % | spikes | s |"),
        (BOXES, located, "| method | neurons | images | ANN error | SNN error, 1000 steps | from step 200 on "
                         "| ANN overlap | SNN overlap | spikes | s |"),
    )  # fmt: skip
    for cases, line, head in tables:
        chosen = [case for case in cases if not options.models or case.model in options.models]
        if chosen:
            print(f"{head}\n{'|---' * (head.count('|') - 1)}|", flush=True)
        for case in chosen:
            print(line(case, options.samples, options.processes), flush=True)


if __name__ == "__main__":
    main()
