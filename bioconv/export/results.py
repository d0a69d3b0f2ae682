"""What an exported C++ program wrote, as a result. Needs numpy, no Brian2.

A folder of results holds ``model.json`` (what the network is), ``run.json`` (what was shown) and a folder for
every chunk of samples, named by its first one, with ``counts.<layer>.npy``, ``potentials.npy``,
``spikes.<layer>.npy`` (rows of sample, neuron, step) and whatever else samples leave behind.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import ResultError
from bioconv.result import Result, Spikes, joined

KIND, VERSION = "bioconv-export", 1


def load_results(folder: str | os.PathLike) -> Result:
    """The result that an exported program wrote into ``folder``.

    Of a run that was cut off, the samples that are finished, up to the first gap;
    ``provenance["of_samples"]`` says how many were asked for.

    Raises
    ------
    ResultError
        If nothing is finished, or a file is missing or damaged.
    """
    place = Path(folder)
    model, run = _json(place / "model.json"), _json(place / "run.json")
    if model.get("format") != KIND:
        raise ResultError(f"{place} was not written by an exported program of bioconv")
    if model.get("version", 0) > VERSION:
        raise ResultError(f"{place} is of version {model['version']}; this bioconv reads {VERSION}")
    try:
        about = _about(model, run)
        parts = [_part(path, start, model, about) for start, path in _finished(place, run)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ResultError(f"{place} is damaged: {error}") from error
    if not parts:
        raise ResultError(
            f"{place}: no chunk of {run['chunk']} samples is finished; run the program with --resume"
        )
    return joined(parts)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResultError(
            f"{path} cannot be read: {error}. Is this a folder that an exported program wrote?"
        ) from error
    if not isinstance(found, dict):
        raise ResultError(f"{path} is damaged: it holds no table")
    return found


def _finished(place: Path, run: dict[str, Any]) -> list[tuple[int, Path]]:
    """First sample, counted from the run's, and folder of the chunks that are done, up to a gap."""
    found = []
    for start in range(0, run["samples"], run["chunk"]):
        path = place / f"{run['first_sample'] + start:010d}"
        if not path.is_dir():
            break
        found.append((start, path))
    return found


def _about(model: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Fields of a result that samples do not change."""
    about = dict(model["about"])
    told = {"seed": run["seed"], "first_sample": run["first_sample"], "of_samples": run["samples"]}
    about["provenance"] = {**about["provenance"], **told, "stimulus": run["stimulus"]}
    return {**about, "n_steps": run["steps"], "silent": tuple(about["silent"])}


def _part(path: Path, start: int, model: dict[str, Any], about: dict[str, Any]) -> Result:
    """The result of one chunk, its samples counted from 0."""
    files = {file.name.removesuffix(".npy"): file for file in path.glob("*.npy")}
    named: dict[str, dict[str, np.ndarray]] = {}
    for name, file in files.items():
        kind, _, layer = name.partition(".")
        named.setdefault(kind, {})[layer] = _array(file)
    potentials = named["potentials"][""]
    return Result(
        **about,
        counts={layer: named["counts"][layer] for layer in model["layers"]},
        potentials=potentials.reshape(len(potentials), -1),
        spikes={
            layer: Spikes(sample=rows[:, 0] - start, neuron=rows[:, 1], step=rows[:, 2])
            for layer, rows in named.get("spikes", {}).items()
        },
        negatives=named.get("negatives", {}),
        coded=named.get("coded", {}),
        residuals=named.get("residuals", {}),
    )


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ResultError(f"{path} is damaged: {error}") from error
