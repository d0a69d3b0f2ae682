"""Neurons that learn MNIST by STDP and competition (Diehl & Cook 2015), without labels.

Run ``python models/diehl_cook/train.py --neurons 400`` from the root of the repository; it needs no torch. After a stop it goes on
from its checkpoint. Neurons are labelled with training images; the test set is read once, at the end.
"""

import argparse
import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import mV

from bioconv import datasets
from bioconv.learn import diehl_cook
from bioconv.learn.diehl_cook import Settings, Trained, Training

#: What an experiment can do without, and the settings that say so.
WITHOUT: dict[str, dict[str, Any]] = {
    "adaptation": {"theta_plus": 0 * mV},
    "normalisation": {"total": 0.0},
    "inhibition": {"inhibition": 0.0},
}
#: Training images that label the neurons: a neuron of 1600 spikes for few of them.
LABELLING = {100: 10_000, 400: 10_000, 1600: 20_000}
#: Images after which more than 400 neurons go on with the rates of 400: first quickly, then finely.
QUICK = 60_000
#: Points of a course of accuracy.
POINTS = 60


@dataclass(frozen=True, kw_only=True)
class Case:
    """A training by its name in the cache.

    Attributes
    ----------
    neurons, seed : int
    images : int
        Shown, over and over again.
    rule : str
        A key of :data:`bioconv.learn.diehl_cook.RULES`.
    without : str, optional
        A key of :data:`WITHOUT`.
    """

    neurons: int = 400
    seed: int = 0
    images: int = 60_000
    rule: str = "triplet"
    without: str | None = None

    @property
    def settings(self) -> Settings:
        left_out = WITHOUT[self.without] if self.without else {}
        return Settings(neurons=self.neurons, seed=self.seed, rule=self.rule, **left_out)

    @property
    def fine(self) -> Settings:
        """With the rates of 400 neurons; thresholds sink back as much slower as they rise, and stay where they are."""
        slower = self.neurons / 400
        usual = diehl_cook.RULES[self.rule]()
        quick = self.settings
        return replace(
            quick,
            rule=usual,
            theta_plus=quick.theta_plus / slower,
            tau_theta=quick.tau_theta * slower,
        )

    @property
    def checkpoint(self) -> Path:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        name = f"{self.neurons}_{self.seed}_{self.images}_{self.rule}_{self.without or 'whole'}.h5"
        return Path(base) / "bioconv" / "checkpoints" / "diehl_cook" / name


def training(case: Case) -> Training:
    """From the checkpoint where there is one."""
    case.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    data = datasets.load("mnist", "train")
    settings, begin = case.settings, None
    if case.neurons > 400 and case.images > QUICK:
        settings, begin = case.fine, training(replace(case, images=QUICK))
    return diehl_cook.train(
        diehl_cook.grey(data.images),
        data.labels,
        settings,
        shown=case.images,
        begin=begin,
        checkpoint=case.checkpoint,
    )


def labelled(trained: Training) -> Trained:
    data = datasets.load("mnist", "train", samples=LABELLING[trained.settings.neurons])
    return diehl_cook.label(trained, diehl_cook.grey(data.images), data.labels)


def found(case: Case) -> dict[str, Any]:
    """What a training came to; kept beside its checkpoint."""
    path = case.checkpoint.with_suffix(".json")
    if path.exists():
        return json.loads(path.read_text())
    done = training(case)
    result = {**vars(case), **tested(labelled(done)), "presentations": done.presentations}
    result["running"] = running(done.accuracy)
    path.write_text(json.dumps(result))
    return result


def running(accuracy: np.ndarray) -> list[list[float]]:
    """Means over equal parts of the training: images, accuracy."""
    whole = accuracy[np.diff(accuracy[:, 0], prepend=0) >= 100]
    return [part.mean(axis=0).tolist() for part in np.array_split(whole, POINTS) if len(part)]


def tested(trained: Trained) -> dict[str, float]:
    """Accuracy on the test set, and how many neurons spike for an image."""
    data = datasets.load("mnist")
    counts = trained.respond(diehl_cook.grey(data.images))
    right = diehl_cook.predicted(counts, trained.classes) == data.labels
    return {
        "accuracy": float(right.mean()),
        "active": float(np.median((counts > 0).sum(axis=1))),
        "spikes": float(counts.sum(axis=1).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=400, choices=LABELLING)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=60_000)
    case = Case(**vars(parser.parse_args()))
    path = Path(__file__).with_name(f"weights_{case.neurons}.h5")
    labelled(training(case)).save(path, overwrite=True)
    reached = tested(diehl_cook.load_trained(path, case.settings))
    print(
        f"{path}: {100 * reached['accuracy']:.2f} % of the test images, {reached['active']:g} neurons active"
    )
    print(f"{path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
