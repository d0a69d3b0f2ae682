"""Tempotrons on random patterns and on MNIST, and what Brian2 makes of the trained ones.

Gütig & Sompolinsky (2006), Nature Neuroscience 9:420: a neuron learns to fire for one class of spike patterns and to be silent for the
other. Random patterns: ten of each class, one spike for each of 500 inputs. MNIST: ten neurons, the brighter a pixel the earlier its
spike, the highest potential answers; once as ``bioconv learn tempotron`` does it, and once with more images and smaller steps, whose
size was chosen on 10,000 training images that neither has seen. Brian2 replays all test images with seed 0 of the latter.
"""

from typing import Any

import numpy as np
from common import main
from matplotlib.figure import Figure

from bioconv import datasets
from bioconv.learn import tempotron
from bioconv.learn.tempotron import Response, Tempotrons, Trained

NAME = "tempotron"
INPUTS, OF_A_CLASS, RANDOM_SEEDS, EPOCHS = 500, 10, 10, 300
SEEDS, LONGEST, DT = 5, 20.0, 2.0
SETTINGS = {
    "few": {"images": 20_000, "epochs": 2, "rate": 0.01},
    "many": {"images": 50_000, "epochs": 10, "rate": 0.001},
}
#: Images that are worked on at once, and those whose potentials are drawn.
CHUNK, DRAWN = 200, 50


def compute() -> dict[str, Any]:
    trained = [_random(seed) for seed in range(RANDOM_SEEDS)]
    return {
        "random": {
            "inputs": INPUTS,
            "patterns": 2 * OF_A_CLASS,
            "seeds": [_random_row(seed, one) for seed, one in enumerate(trained)],
            "traces": _traces(trained[0].neurons),
        },
        "mnist": _mnist(),
    }


def _patterns(seed: int) -> tuple[np.ndarray, np.ndarray]:
    times = np.random.default_rng(seed).uniform(0, 500, (2 * OF_A_CLASS, INPUTS))
    return times, (np.arange(len(times)) < OF_A_CLASS)[:, None]


def _random(seed: int) -> Trained:
    start = Tempotrons.random(INPUTS, 1, seed=seed)
    return tempotron.train(start, *_patterns(seed), epochs=EPOCHS, seed=seed, progress=False)


def _random_row(seed: int, one: Trained) -> dict[str, Any]:
    """Patterns that were wrong in each epoch, and in the end in Brian2."""
    times, wanted = _patterns(seed)
    fires = np.isfinite(one.neurons.replay(times).times)
    wrong = np.round(len(times) * one.errors).astype(int)
    return {"wrong": wrong, "wrong_in_brian2": int((fires != wanted).sum())}


def _traces(neurons: Tempotrons) -> dict[str, Any]:
    """Of the first pattern of each class with seed 0: potentials by the sum, and from Brian2."""
    times = _patterns(0)[0][[0, OF_A_CLASS]]
    return {
        "sum": neurons.potentials(times)[..., 0],
        "brian2": neurons.trace(times)[..., 0],
        "spikes": int(np.isfinite(neurons.replay(times).times).sum()),
    }


def _mnist() -> dict[str, Any]:
    train, test = datasets.load("mnist", "train"), datasets.load("mnist")
    inputs = tempotron.latencies(train.images, LONGEST)
    tested = tempotron.latencies(test.images, LONGEST)
    rows, kept = {}, {}
    for name, setting in SETTINGS.items():
        learnt = [_digits(inputs, train.labels, setting, seed) for seed in range(SEEDS)]
        kept[name] = learnt[0].neurons
        rows[name] = {
            **setting,
            "seeds": [
                {
                    "errors": one.errors,
                    "accuracy": _accuracy(_responses(one.neurons, tested), test.labels),
                }
                for one in learnt
            ],
        }
    return {
        "settings": rows,
        "size": len(test.labels),
        "brian2": _compared(kept["many"], tested, test.labels),
    }


def _digits(inputs: np.ndarray, labels: np.ndarray, setting: dict[str, Any], seed: int) -> Trained:
    some = slice(setting["images"])
    start = Tempotrons.random(784, 10, seed=seed, size=0.001, window=2 * LONGEST, dt=DT)
    return tempotron.train(
        start, inputs[some], np.eye(10)[labels[some]] > 0, epochs=setting["epochs"], rate=setting["rate"],
        momentum=0.9, batch=20, seed=seed, progress=False,
    )  # fmt: skip


def _responses(neurons: Tempotrons, inputs: np.ndarray, **replay: Any) -> Response:
    """Of all patterns, some at a time; from Brian2 with options of ``replay``."""
    found = [
        neurons.replay(part, **replay) if replay else neurons.respond(part)
        for part in np.split(inputs, range(CHUNK, len(inputs), CHUNK))
    ]
    return Response(
        times=np.concatenate([one.times for one in found]),
        peaks=np.concatenate([one.peaks for one in found]),
    )


def _accuracy(response: Response, labels: np.ndarray) -> float:
    return float((response.predictions == labels).mean())


def _compared(neurons: Tempotrons, inputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Spikes with the shunt, and the highest potentials without it and with it, against the sum."""
    here = _responses(neurons, inputs)
    shunted = _responses(neurons, inputs, shunt=True)
    whole = _responses(neurons, inputs, shunt=False)
    fires = np.isfinite(here.times)
    return {
        "images": len(inputs),
        "decisions": fires.size,
        "fire": int(fires.sum()),
        "right_decisions": int((fires == (np.eye(10)[labels] > 0)).sum()),
        "other_decisions": int((np.isfinite(shunted.times) != fires).sum()),
        "other_times": int((shunted.times != here.times).sum()),
        "other_predictions": int((whole.predictions != here.predictions).sum()),
        "off": float(abs(whole.peaks - here.peaks).max()),
        "nearest": float(abs(here.peaks - 1).min()),
        "shunted_predictions": int((shunted.predictions != here.predictions).sum()),
        "shunted_accuracy": _accuracy(shunted, labels),
        "peaks": [part.peaks[:DRAWN].ravel() for part in (here, whole, shunted)],
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(12, 7.6), layout="constrained")
    (patterns, membrane), (digits, brian2) = figure.subplots(2, 2)
    _draw_patterns(patterns, data["random"])
    _draw_membranes(membrane, data["random"]["traces"])
    _draw_digits(digits, data["mnist"])
    _draw_peaks(brian2, data["mnist"]["brian2"])
    return figure


def _draw_patterns(ax: Any, data: dict[str, Any]) -> None:
    rows = data["seeds"]
    for row in rows:
        ax.plot(np.arange(1, len(row["wrong"]) + 1), row["wrong"], "o-", color="C0", alpha=0.5)
    solved = sum(row["wrong"][-1] == row["wrong_in_brian2"] == 0 for row in rows)
    ax.set_xlabel("epoch")
    ax.set_ylabel("wrong patterns")
    ax.set_title(
        f"{data['patterns']} random patterns, {data['inputs']} inputs:\n"
        f"no error in {solved} of {len(rows)} seeds, none in Brian2"
    )


def _draw_membranes(ax: Any, data: dict[str, Any]) -> None:
    for k, kind in enumerate(("to fire", "to be silent")):
        ax.plot(data["brian2"][k], color=f"C{k}", label=f"{kind}, Brian2")
        ax.plot(data["sum"][k], ":", color=f"C{k}", label=f"{kind}, sum without the shunt")
    ax.axhline(1, color="black", linewidth=0.8, linestyle=":")
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("potential (thresholds)")
    ax.set_title("seed 0, a pattern of each class")
    ax.legend(fontsize="small")


def _draw_digits(ax: Any, data: dict[str, Any]) -> None:
    for k, row in enumerate(data["settings"].values()):
        accuracy = 100 * np.array([one["accuracy"] for one in row["seeds"]])
        label = (
            f"{row['images']:,} images, rate {row['rate']:g}: test accuracy "
            f"{accuracy.min():.1f} to {accuracy.max():.1f} %"
        )
        for one in row["seeds"]:
            ax.plot(
                np.arange(1, len(one["errors"]) + 1), 100 * np.array(one["errors"]), "o-", ms=3, color=f"C{k}", label=label
            )  # fmt: skip
            label = None
    ax.set_xlabel("epoch")
    ax.set_ylabel("wrong decisions of a neuron (%)")
    ax.set_title(f"MNIST, ten neurons, {SEEDS} seeds")
    ax.legend(fontsize="small")


def _draw_peaks(ax: Any, data: dict[str, Any]) -> None:
    here, whole, shunted = data["peaks"]
    ax.plot(here, whole, ".", ms=5, label="without shunt")
    ax.plot(here, shunted, ".", ms=3, label="with shunt")
    ax.axvline(1, color="black", linewidth=0.8, linestyle=":")
    ax.set_xlabel("highest potential by the sum (thresholds)")
    ax.set_ylabel("in Brian2")
    ax.set_title(
        f"{data['images']:,} test images in Brian2: {data['other_decisions']} of {data['decisions']:,}\n"
        f"decisions and {data['other_predictions']} of {data['images']:,} answers differ"
    )
    ax.legend(fontsize="small")


if __name__ == "__main__":
    main(NAME, compute, draw)
