"""A model as a C++ program of its own: compiled once, kept, and fed chunk after chunk of samples.

The program is Brian2's C++ standalone project. It lies in the user's cache under a hash of all that
enters its code; input, weights, bias currents, thresholds, seed and the number of presentations are
arguments of a run. Runs need nothing but files, so several may go on at once, and one that was killed is run again.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import Network, TimedArray, get_device, prefs

from bioconv.build import Built, Recording, Watch, owned, watch
from bioconv.errors import DeviceError
from bioconv.projections import PlasticProjection
from bioconv.run.devices import device

#: Environment variable through which a program is told how many seconds to simulate.
DURATION = "BIOCONV_DURATION"
#: What all files of a program include, compiled beforehand.
HEADER = "included_everywhere.h"
#: In the main file of a program: numbers below 1e-308, to which all that decays comes in the end, count as zero. They
#: change no sum, and processors need a hundred times as long for them.
NO_SUBNORMALS = """\
#ifdef __SSE__
#include <xmmintrin.h>
static const struct NoSubnormals { NoSubnormals() { _mm_setcsr(_mm_getcsr() | 0x8040); } } no_subnormals;
#endif
"""
#: Set while everything is to stop: programs that run are killed, and not started again.
STOP = threading.Event()
#: Times that a program is started for the same samples.
TRIES = 3
#: Variables that are read after a run, and that are given to one.
READ = ("count", "count_negative", "coded", "v", "i", "t")
GIVEN = (
    "w",
    "I_bias",
    "V_th",
    "V_begin",
    "seed",
    "first_sample",
    "n_samples",
    "spikes",
    "learning",
    "reward",
)
_PACKAGE = Path(__file__).parents[1]
#: Parts of the package whose text enters a program.
_SOURCES = ("build", "neurons", "projections", "run")


@dataclass(frozen=True, kw_only=True)
class Executable:
    """A compiled program: paths and names alone, so that it can be sent to another process.

    Attributes
    ----------
    folder : str
    outputs : mapping, "object.variable" -> (file name, dtype)
        Where a run leaves its values.
    arguments : mapping, "object.variable" -> dtype
        What may be given to a run.
    early : bool
        Whether a run may end before its time.
    """

    folder: str
    outputs: Mapping[str, tuple[str, str]]
    arguments: Mapping[str, str]
    early: bool

    def written(self, values: Mapping[str, Any], folder: str | Path) -> list[str]:
        """Arguments of a run, arrays as files in ``folder``.

        Raises
        ------
        DeviceError
            If a file cannot be written.
        """
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            return [self._argument(name, value, Path(folder)) for name, value in values.items()]
        except OSError as error:
            raise DeviceError(f"cannot write to {folder}: {error}. Is the disk full?") from error

    def _argument(self, name: str, value: Any, folder: Path) -> str:
        array = np.asarray(value, dtype=self.arguments[name])
        if array.size == 1:
            return f"{name}={array.item()!r}"
        path = folder / f"{name}.dat"
        array.tofile(path)
        return f"{name}={path}"

    def run(
        self, arguments: list[str], values: Mapping[str, Any], seconds: float
    ) -> dict[str, np.ndarray]:
        """Values that a run of so many simulated seconds leaves, by "object.variable".

        A program that was killed is started again, :data:`TRIES` times in all.

        Raises
        ------
        DeviceError
            If it fails every time.
        """
        if not Path(self.folder, "main").exists():
            raise DeviceError(
                f"there is no program in {self.folder}; workers on other machines need the same cache "
                "folder (XDG_CACHE_HOME on a shared disk)"
            )
        with tempfile.TemporaryDirectory(prefix="bioconv-run-") as scratch:
            given = [*arguments, *self.written(values, f"{scratch}/input")]
            for attempt in range(TRIES):
                try:
                    return self._run(given, seconds, Path(scratch, f"results-{attempt}"))
                except DeviceError:
                    if attempt == TRIES - 1 or STOP.is_set():
                        raise
        raise AssertionError("unreachable")

    def _run(self, arguments: list[str], seconds: float, results: Path) -> dict[str, np.ndarray]:
        results.mkdir()
        with open(results / "log.txt", "w") as log:
            child = subprocess.Popen(
                ["./main", "--results_dir", f"{results}/", *arguments],
                cwd=self.folder,
                env={**os.environ, DURATION: repr(seconds)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            while True:
                try:
                    code = child.wait(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if STOP.is_set():
                        child.kill()
        text = (results / "log.txt").read_text()
        info = results / "last_run_info.txt"
        done = info.exists() and (self.early or float(info.read_text().split()[1]) >= 1)
        if code or not done or "rror reading" in text or "Could not read" in text:
            raise DeviceError(f"the compiled program ended early, status {code}: {text[-500:]}")
        return {
            key: np.fromfile(results / name, dtype=dtype)
            for key, (name, dtype) in self.outputs.items()
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A compiled model: what runs, and the Brian2 objects that it was made from, as a description."""

    executable: Executable
    built: Built


def compiled(
    make: Callable[[], Built], record: Mapping[str, Recording], key: str | None, folder: Path
) -> Program:
    """The program of a model: from the cache, or built now.

    Parameters
    ----------
    make : function that returns the model's Brian2 objects on the current device
    key : str or None
        Description of all that enters the code; None for a model whose code cannot be described (it
        was extended), which is built in ``folder``.
    """
    found: list[Built] = []

    def parts() -> Parts:
        made = make()
        found.append(made)
        seen = watch(made, record)
        made.network.add(*seen.objects)
        outputs, arguments = _names(made, seen)
        return Parts(
            network=made.network,
            length=made.length(made.presentations),
            outputs=outputs,
            arguments=arguments,
            early=made.stop is not None,
        )

    return Program(executable=executable(parts, key, folder), built=found[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A network that is to become a program.

    Attributes
    ----------
    network : brian2.Network
    length : second
        Of the longest run.
    outputs, arguments : list of (Brian2 object, name of a variable)
        What is read after a run, and what may be given to one.
    early : bool
        Whether a run may end before its time.
    """

    network: Network
    length: Any
    outputs: list[tuple[Any, str]]
    arguments: list[tuple[Any, str]]
    early: bool = False


def executable(make: Callable[[], Parts], key: str | None, folder: Path) -> Executable:
    """The program of any network: from the cache under ``key``, or built now (in ``folder`` without a key).

    ``make`` makes the Brian2 objects on the current device.

    Raises
    ------
    DeviceError
        If it cannot be compiled.
    """
    with device("cpp_standalone", folder):
        place = folder / "program" if key is None else cache_folder() / "programs" / _hash(key)
        parts = make()
        owned(parts.network)
        outputs = {
            f"{owner.name}.{name}": (
                get_device().get_array_filename(owner.variables[name]), _dtype(owner, name),
            )
            for owner, name in parts.outputs
        }  # fmt: skip
        arguments = {f"{owner.name}.{name}": _dtype(owner, name) for owner, name in parts.arguments}
        if key is None:
            shutil.rmtree(place, ignore_errors=True)
        if not (place / "main").exists():
            parts.network.run(parts.length, namespace={})
            _build(place)
    return Executable(folder=str(place), outputs=outputs, arguments=arguments, early=parts.early)


def _dtype(owner: Any, name: str) -> str:
    variable = owner.values if isinstance(owner, TimedArray) else owner.variables[name]
    return np.dtype(variable.dtype).str


def cache_folder() -> Path:
    """Where compiled programs, and what is done of long runs, are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioconv"


def _hash(key: str) -> str:
    """Of the description, the package's code, Brian2, the compiler and its options, the machine."""
    digest = hashlib.sha256(key.encode())
    for part in _SOURCES:
        for path in sorted((_PACKAGE / part).rglob("*")):
            if path.suffix in (".py", ".py_", ".pyx", ".cpp", ".h"):
                digest.update(path.name.encode() + path.read_bytes())
    compiler = os.environ.get("CXX") or "g++"
    version = subprocess.run([*compiler.split(), "--version"], capture_output=True, check=False)
    options = prefs.codegen.cpp
    flags = [*options.extra_compile_args_gcc, *(options.extra_compile_args or [])]
    threads = str(prefs.devices.cpp_standalone.openmp_threads)
    about = [brian2.__version__, np.__version__, version.stdout.decode(), *flags, threads]
    about.append(_processor())
    digest.update(json.dumps(about).encode())
    return digest.hexdigest()[:32]


def _processor() -> str:
    """What ``-march=native`` compiles for."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _names(made: Built, seen: Watch) -> tuple[list[tuple[Any, str]], list[tuple[Any, str]]]:
    """Variables that a model's run leaves, and those that it is given."""
    outputs = [
        (owner, name)
        for owner in [*made.groups.values(), *seen.objects]
        for name in getattr(owner, "results", READ)
        if name in owner.variables and (name != "i" or owner in seen.objects)
    ]
    outputs += [(p, "w") for p in made.projections.values() if isinstance(p, PlasticProjection)]
    arguments: list[tuple[Any, str]] = [
        (owner, name)
        for owner in [*made.groups.values(), *made.projections.values(), *seen.objects]
        for name in (*GIVEN, *_arrays(made, owner.name))
        if name in owner.variables
    ]
    arguments += [(array, "values") for array in made.drives.values()]
    return outputs, arguments


def _arrays(made: Built, population: str) -> list[str]:
    """Variables that differ from neuron to neuron."""
    return list(made.texts[population].arrays) if population in made.texts else []


def _build(place: Path) -> None:
    """Write and compile the project beside its place, and move it there when it works."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
    try:
        get_device().build(directory=str(fresh), compile=False, run=False, with_output=False)
        _let_presentations_vary(fresh)
        _precompile_headers(fresh)
        compiler = brian2.codegen.cpp_prefs.get_compiler_and_args()[0]
        get_device().compile_source(str(fresh), compiler, False, False)
        (fresh / f"{HEADER}.gch").unlink(missing_ok=True)
        if not (place / "main").exists():  # else another process was faster
            shutil.rmtree(place, ignore_errors=True)
            os.replace(fresh, place)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise DeviceError(
            f"the C++ program in {place} could not be compiled: {error}. Is there space on the disk, "
            'and does the compiler work? device="numpy" needs none'
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _precompile_headers(project: Path) -> None:
    """Have the makefile compile what all files include only once: two thirds of the time.

    A compiler that does not know GCC's form of precompiled headers reads the header as text.
    """
    makefile = project / "makefile"
    if not makefile.exists():
        return
    system = ("cmath", "ctime", "climits", "cstdint", "fstream", "iostream", "vector")
    own = ("objects.h", "brianlib/common_math.h", "brianlib/stdint_compat.h")
    lines = [*(f'#include "{name}"' for name in own), *(f"#include <{name}>" for name in system)]
    (project / HEADER).write_text("\n".join(lines) + "\n")
    makefile.write_text(
        makefile.read_text()
        + f"\n\nPLAIN_FLAGS := $(CXXFLAGS)\nCXXFLAGS += -include {HEADER}\n"
        + f"$(OBJS): {HEADER}.gch\n{HEADER}.gch: {HEADER} objects.h makefile\n"
        + f"\t$(CXX) $(PLAIN_FLAGS) -x c++-header {HEADER} -o $@\n"
    )


def _let_presentations_vary(project: Path) -> None:
    """The length of the run becomes an argument."""
    path = project / "main.cpp"
    text = path.read_text()
    call = re.compile(r"(\w+_network\w*\.run\()([\d.e+-]+)(,)")
    if len(call.findall(text)) != 1:
        raise DeviceError(
            f"{path} does not run its network once, as expected of Brian2 {brian2.__version__}"
        )
    changed = call.sub(r"\1bioconv_duration(\2)\3", text)
    helper = (
        "#include <cstdlib>\n"
        "static double bioconv_duration(double whole)\n{\n"
        f'    const char* told = std::getenv("{DURATION}");\n'
        "    return told ? std::atof(told) : whole;\n}\n"
    )
    path.write_text(NO_SUBNORMALS + helper + changed)
