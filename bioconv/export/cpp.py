"""A model as a C++ project of its own: sources, weights, Makefile, a command line; no Python is left in it.

=========== ====================================================================================
folder      what lies there
=========== ====================================================================================
network/    the network as Brian2's standalone device writes it
weights/    weights, tables of who joins whom, parameters: raw arrays that the network reads
program/    the command ``run``: stimuli, chunks of samples, results; the same for all networks,
            but for ``model.cpp``, which names the parts of this one
=========== ====================================================================================

A sample's spikes are those of ``model.run``: the same code runs in the same order, from a memory that is
set back before every sample. What is computed is written at once and forgotten; an unfinished sample is kept
with the network's whole memory, so that a run can go on from any step.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import get_device

from bioconv.build import Built, Recording, Settings, numbers, owned
from bioconv.build.describe import described
from bioconv.build.encoders import Constant, EventInput, Poisson, Regular
from bioconv.build.inputs import drives
from bioconv.build.monitors import spike_monitors
from bioconv.build.wiring import Wiring
from bioconv.errors import DeviceError, ParameterError, StimulusError
from bioconv.events import Events
from bioconv.export.code import Code, first_weights, model_code
from bioconv.export.results import KIND, VERSION
from bioconv.neurons import FewSpike
from bioconv.run import NO_SUBNORMALS, about, device
from bioconv.spiking import SpikingNetwork

#: Steps that a program has room for where nothing depends on their number: the period of a power of two
#: keeps all times exact.
ROOM = 2**30
_TEMPLATES = Path(__file__).parent / "templates" / "cpp"
_KERNELS = Path(__file__).parents[1] / "projections" / "templates" / "kernels"
#: Samples whose input is computed at once.
_BLOCK = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """What is to leave.

    Attributes
    ----------
    wiring : Wiring
    build : function of a number of steps that returns a Built for one presentation
    replicas : int
        Samples that are presented at once.
    n_steps : int
        Of a sample.
    record : mapping, population -> Recording
    """

    wiring: Wiring
    build: Callable[[int], Built]
    replicas: int
    n_steps: int
    record: Mapping[str, Recording]

    @property
    def any_steps(self) -> bool:
        return any_steps(self.wiring.spiking, self.wiring.settings)


def any_steps(network: SpikingNetwork, settings: Settings) -> bool:
    """Whether the code of a network is the same for every length of a presentation."""
    plain = isinstance(settings.encoder, (Constant, Poisson, Regular, EventInput))
    few = any(isinstance(p.neuron, FewSpike) for p in network.populations)
    return plain and not few and settings.propagation == "synchronous"


def check_export(wiring: Wiring, extended: bool, record: Mapping[str, Recording]) -> None:
    """Refuse what a program without Python could not do as the model does it.

    Raises
    ------
    ParameterError
        With the reason.
    """
    if extended:
        raise ParameterError(
            "a model that was extended (model.extend, or objects added to its network) cannot be "
            "exported: their state and results are not known here. Export it before it is extended"
        )
    if wiring.explicit:
        raise ParameterError(
            'export_cpp stores every weight once; make the model with projections="shared", which '
            "spikes the same"
        )
    traced = [name for name, recording in record.items() if recording.neurons.size]
    if traced:
        raise ParameterError(
            f"record[{traced[0]!r}]: an exported program records spikes and residuals; its memory would "
            'grow with potentials. Use model.run(..., record="v") for a few samples'
        )


def export(task: Export, folder: str | os.PathLike, overwrite: bool = False) -> Path:
    """Write the project into ``folder``, whole or not at all; returns its path.

    Raises
    ------
    ParameterError
        If the folder is there and not empty, without ``overwrite``.
    DeviceError
        If it cannot be written.
    """
    place = Path(folder).absolute()
    _check_place(place, overwrite)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            with numbers(task.wiring.settings.precision), device("cpp_standalone", fresh):
                _write(task, fresh)
            os.chmod(fresh, 0o755)
            shutil.rmtree(place, ignore_errors=True)
            os.replace(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise DeviceError(f"cannot write {place}: {error}. Is the disk full?") from error
    return place


def _check_place(place: Path, overwrite: bool) -> None:
    """Only a project that was written before is ever thrown away."""
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not overwrite:
        raise ParameterError(f"{place} is not empty; choose another folder or pass overwrite=True")
    try:
        ours = json.loads((place / "model.json").read_text())["format"] == KIND
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise ParameterError(f"{place} is no exported project; choose another folder")


def _write(task: Export, place: Path) -> None:
    made = task.build(ROOM if task.any_steps else task.n_steps)
    monitors = spike_monitors(made, task.record)
    made.network.add(*monitors.values())
    owned(made.network)
    made.network.run(made.length(1), namespace={})
    get_device().build(
        directory=str(place / "network"), compile=False, run=False, with_output=False
    )
    code = Code(
        built=made,
        monitors=monitors,
        wiring=task.wiring,
        record=task.record,
        steps=task.n_steps,
        any_steps=task.any_steps,
    )
    _arrange(place)
    for name, array in first_weights(code).items():
        array.tofile(place / "weights" / name)
    _describe(task, place)
    for file in sorted(_TEMPLATES.iterdir()):
        if file.suffix in (".h", ".cpp"):
            shutil.copyfile(file, place / "program" / file.name)
        elif file.suffix != ".in":
            shutil.copyfile(file, place / file.name)
    for file in sorted(_KERNELS.iterdir()):
        shutil.copyfile(file, place / "program" / file.name)
    files = [*(place / "weights").iterdir(), place / "model.json", place / "model.txt"]
    sizes = {str(file.relative_to(place)): file.stat().st_size for file in files}
    (place / "program" / "model.cpp").write_text(model_code(code, sizes))


def _arrange(place: Path) -> None:
    """Brian2's project as a part of ours: arrays in ``weights/``, ``main`` as a function."""
    network = place / "network"
    (place / "program").mkdir()
    (network / "static_arrays").rename(place / "weights")
    shutil.rmtree(network / "results", ignore_errors=True)
    (network / "makefile").unlink(missing_ok=True)
    objects, main = network / "objects.cpp", network / "main.cpp"
    objects.write_text(objects.read_text().replace('"static_arrays/', '"weights/'))
    text, calls = re.subn(r"\w+_network\w*\.run\([^;]*\);", "bioconv::work();", main.read_text())
    text, begins = re.subn(
        r"\bint main\(int argc, char ?\*\*argv\)",
        "int bioconv::build(int argc, char **argv)",
        text,
    )
    if (calls, begins) != (1, 1):
        raise DeviceError(
            f"Brian2 {brian2.__version__} writes its program in another form than is known here"
        )
    text = text.replace("args(argv + 1, argv + argc)", "args")
    (network / "setup.cpp").write_text(f'#include "model.h"\n{NO_SUBNORMALS}{text}')
    main.unlink()


def _describe(task: Export, place: Path) -> None:
    """``model.txt`` for people, ``model.json`` for whoever reads results."""
    wiring = task.wiring
    (place / "model.txt").write_text(described(wiring.spiking, wiring.settings, wiring.kind) + "\n")
    fields = about(
        wiring.spiking,
        wiring.settings,
        n_steps=task.n_steps,
        replicas=task.replicas,
        first_sample=0,
        target=("exported C++", "exported"),
    )
    layers = {name: list(shape) for name, shape in wiring.layers.items()}
    found = {"format": KIND, "version": VERSION, "layers": layers, "about": fields}
    (place / "model.json").write_text(json.dumps(found, indent=1) + "\n")


def write_stimulus(
    path: str | os.PathLike, samples: Any, wiring: Wiring, n_steps: int, overwrite: bool = False
) -> None:
    """Write samples as an exported program takes them: an .npy file of records, one a sample.

    A record has a field for every population that is driven: the numbers that :func:`drives` gives, neurons
    as the network counts them.

    Raises
    ------
    StimulusError
        If the file is there (without ``overwrite``) or cannot be written.
    """
    place = Path(path)
    if place.exists() and not overwrite:
        raise StimulusError(f"{place} exists; choose another name or pass overwrite=True")
    width = 1
    if isinstance(samples, Events):
        width = int(max(1, np.bincount(samples.sample, minlength=1).max()))
    part = place.with_name(f"{place.name}.part")
    try:
        with open(part, "wb") as file:
            for start in range(0, len(samples), _BLOCK):
                chosen = samples[np.arange(start, min(start + _BLOCK, len(samples)))]
                found = drives(chosen, wiring.spiking, wiring.settings, n_steps, width)
                rows = _records({name: found[name] for name in wiring.layers if name in found})
                if start == 0:
                    descr = np.lib.format.dtype_to_descr(rows.dtype)
                    head = {"descr": descr, "fortran_order": False, "shape": (len(samples),)}
                    np.lib.format.write_array_header_1_0(file, head)
                rows.tofile(file)
        os.replace(part, place)
    except OSError as error:
        raise StimulusError(f"cannot write {place}: {error}. Is the disk full?") from error
    finally:
        part.unlink(missing_ok=True)


def _records(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) records of {population: (n, numbers)}."""
    kinds = {np.dtype(np.int32): "<i4"}
    fields = [(n, kinds.get(a.dtype, "<f8"), (a.shape[1],)) for n, a in found.items()]
    rows = np.empty(len(next(iter(found.values()))), dtype=fields)
    for name, array in found.items():
        rows[name] = array
    return rows
