"""What the figures of papers share: networks and images, measures of a run, and a script's two halves."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

import bioconv
from bioconv import Result, analysis, datasets
from bioconv.graph import Network

HERE = Path(__file__).parent
CALIBRATION = 500


def weights(name: str) -> Path:
    return HERE.parent / "models" / name / "weights.h5"


def read(source: str | Network) -> Network:
    """A network of the zoo by its name; another as it is."""
    return bioconv.read(weights(source) if isinstance(source, str) else source)


def model(
    source: str | Network, dataset: str = "mnist", *, samples: int = CALIBRATION, **options: Any
) -> Any:
    """A network in Brian2, calibrated with the first images of the training set."""
    images = datasets.load(dataset, "train", samples=samples).images
    return bioconv.to_brian(read(source), calibration=images, **options)


def shown(network: Any, images: np.ndarray, steps: int, record: Any = None) -> Result:
    """Constant, Poisson or other input for so many steps of 1 ms, compiled."""
    return network.run(images, steps * ms, device="cpp_standalone", record=record, progress=False)


def set_thresholds(network: Any, factor: float) -> None:
    """Put the thresholds of all layers so many times as far from rest as they were converted to."""
    for population in network.spiking.populations:
        rest, threshold = population.neuron.E_L, population.neuron.V_th
        network[population.name].V_th = rest + factor * (threshold - rest)


def trained(source: str | Network, images: np.ndarray) -> dict[str, np.ndarray]:
    """{layer: activations} of the trained network."""
    return bioconv.activations(read(source), images)


def trained_accuracy(source: str | Network, data: datasets.Dataset) -> float:
    answers = bioconv.reference(read(source), data.images).argmax(axis=1)
    return float((answers == data.labels).mean())


def errors(result: Result, activations: dict[str, np.ndarray], *measures: str) -> dict[str, Any]:
    """{measure: {layer that spikes: value}} of :func:`bioconv.analysis.rate_errors`."""
    layers = [layer for layer in result.nodes if layer not in result.silent]
    found = analysis.rate_errors(result, activations, layers)
    return {
        measure: {layer: getattr(error, measure) for layer, error in found.items()}
        for measure in measures
    }


def spikes(result: Result) -> float:
    """Of all layers together, of one sample."""
    return sum(result.spikes_per_sample(layer) for layer in result.counts)


def steps_to(curve: Any, accuracy: float) -> int:
    """Steps after which a curve of accuracies first is at ``accuracy`` or above; 0 for never."""
    reached = np.asarray(curve) >= accuracy
    return int(reached.argmax()) + 1 if reached.any() else 0


def met(wanted: Any, found: Any, within: float = 2e-3, dt: float = 1e-4) -> int:
    """How many of the wanted spikes have a found one near, in seconds that are multiples of ``dt``."""
    away = np.abs(np.subtract.outer(np.asarray(wanted), np.asarray(found)))
    return int((away <= within + dt / 2).any(axis=1).sum())


def rounded(value: Any) -> Any:
    """The same with five significant digits, ready for JSON."""
    if isinstance(value, dict):
        return {str(key): rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.5g}")
    return value.item() if isinstance(value, np.generic) else value


def data_file(name: str) -> Path:
    return HERE / "data" / f"{name}.json"


def main(
    name: str, compute: Callable[[], dict[str, Any]], draw: Callable[[dict[str, Any]], Figure]
) -> None:
    """Compute where the data is missing, draw, save."""
    parser = argparse.ArgumentParser(description=f"Draw {name}.png.")
    parser.add_argument("--compute", action="store_true", help="run the networks again")
    file = data_file(name)
    if parser.parse_args().compute or not file.exists():
        file.write_text(json.dumps(rounded(compute()), indent=1) + "\n")
    draw(json.loads(file.read_text())).savefig(HERE / f"{name}.png", dpi=130)
