"""The zoo's classifiers as two figures show them: which there are, of which kind, and how each is shown images.

Conversions are those of ``models/evaluate.py``, but for its searches; a network that was trained as it spikes is a row of ``TRAINED``.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from common import CALIBRATION, HERE, rounded, weights

sys.path.insert(0, str(HERE.parent / "models"))
from evaluate import CASES, Case

import bioconv
from bioconv import Result, datasets
from bioconv.graph import Network, Scale

#: Networks that were trained as they spike; a new one joins with a row.
TRAINED = (
    Case(model="mnist_binary", steps=1, options={"method": "unscaled", "readout": "potential"}),
    Case(model="spikegrad_mnist", steps=150,
         options={"input_shape": (1, 28, 28), "encoder": "frames"}),
    Case(model="tssl_fashion", steps=5, data="fashion-mnist", options={"encoder": "constant"}),
)  # fmt: skip
#: Networks that were trained for a conversion: their activations are clipped, quantised, or rates of neurons.
PREPARED = ("mnist_clipped", "mnist_qcfs", "mnist_softlif")
_SPIKING = tuple(case.model for case in TRAINED)
CONVERTED = tuple(
    case
    for case in CASES
    if case.model not in _SPIKING and case.options.get("method") != "auto"
)  # fmt: skip
#: Images at once; more would need more memory, not less time.
BATCH = 100
KINDS = ("converted", "trained to be converted", "trained as spikes")


def kind(model: str) -> str:
    """One of ``KINDS``."""
    if model in _SPIKING:
        return KINDS[2]
    return KINDS[1] if model in PREPARED else KINDS[0]


def source(model: str) -> Any:
    """A network, one that spikes already, or a torch module where only its training script can read it."""
    if model != "spikegrad_mnist":
        return bioconv.read(weights(model))
    path = weights(model).with_name("train.py")
    spec = importlib.util.spec_from_file_location(model, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.stored()


def brian(case: Case, **options: Any) -> Any:
    """A case in Brian2; conversions are calibrated, in single precision."""
    found = source(case.model)
    if isinstance(found, Network):
        images = datasets.load(case.data, "train", samples=CALIBRATION).images
        options = {"calibration": images, "precision": "single", **options}
    return bioconv.to_brian(found, **case.options, **options)


def test_images(dataset: str, every: int) -> datasets.Dataset:
    """One test image in ``every``, from the whole set: MNIST's first half is easier than its second."""
    data = datasets.load(dataset)
    return replace(data, images=data.images[::every], labels=data.labels[::every])


def run(model: Any, images: np.ndarray, steps: int, record: Any = None) -> Result:
    """Images all the time, or, of frames, in the first step; few of them, for which nothing is compiled."""
    if model.settings.encoder.stepwise and not model.settings.encoder.spikes:
        frames = np.zeros((len(images), steps, *images.shape[1:]))
        frames[:, 0] = images
        images = frames
    return model.run(
        images, steps * ms, device="numpy", batch_size=BATCH, record=record, progress=False
    )


def rectifiers(model: Any) -> Network:
    """The layers of a network that spikes, one after another, for a count of their products."""
    spiking = model.spiking
    layers = [layer for p in spiking.projections for layer in p.layers]
    plain = [layer for layer in layers if not isinstance(layer, Scale)]
    return Network.sequential(plain, input_shape=spiking.stimulus.shape)


def kept(file: Path, rows: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """All rows; those of a run that was stopped lie in ``file``, one a line, and are not run again."""
    found = dict(map(json.loads, file.read_text().splitlines())) if file.exists() else {}
    for key, made in rows.items():
        if key not in found:
            found[key] = rounded(made())
            with file.open("a") as opened:
                opened.write(json.dumps([key, found[key]]) + "\n")
    return {key: found[key] for key in rows}
