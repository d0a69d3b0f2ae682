"""A model as a C++ program of its own: compiled once, kept, and fed chunk after chunk of samples.

The program is Brian2's C++ standalone project. It lies in the user's cache under a hash of all that
enters its code; input, weights, bias currents, seed and the number of presentations are arguments of a
run. Runs need nothing but files, so several may go on at once, and one that was killed is run again.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import get_device, prefs

from bioconv.build import Built, Recording, owned, watch
from bioconv.errors import DeviceError
from bioconv.run.collect import Value
from bioconv.run.devices import device

#: Environment variable through which a program is told how many seconds to simulate.
DURATION = "BIOCONV_DURATION"
_PACKAGE = Path(__file__).parents[1]
#: Parts of the package whose text enters a program.
_SOURCES = ("build", "neurons", "projections", "run")


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A compiled model.

    Attributes
    ----------
    folder : Path
    built : Built
        The Brian2 objects that it was made from, as a description; their values are of no use.
    files : mapping, "object.variable" -> (file name, dtype)
        Where a run leaves its values.
    arguments : mapping, "object.variable" -> dtype
        What may be given to a run.
    """

    folder: Path
    built: Built
    files: Mapping[str, tuple[str, str]]
    arguments: Mapping[str, str]

    def written(self, values: Mapping[str, Any], folder: Path) -> list[str]:
        """Arguments of a run, arrays as files in ``folder``.

        Raises
        ------
        DeviceError
            If a file cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return [self._argument(name, value, folder) for name, value in values.items()]
        except OSError as error:
            raise DeviceError(f"cannot write to {folder}: {error}. Is the disk full?") from error

    def _argument(self, name: str, value: Any, folder: Path) -> str:
        array = np.asarray(value, dtype=self.arguments[name])
        if array.size == 1:
            return f"{name}={array.item()!r}"
        path = folder / f"{name}.dat"
        array.tofile(path)
        return f"{name}={path}"

    def run(self, arguments: list[str], presentations: int, results: Path) -> Value:
        """Run, and a reader of what the run left in the folder ``results``.

        Raises
        ------
        DeviceError
            If the program fails, is killed, or does not reach the end.
        """
        results.mkdir(parents=True, exist_ok=True)
        seconds = float(self.built.period * presentations)
        with open(results / "log.txt", "w") as log:
            code = subprocess.run(
                ["./main", "--results_dir", f"{results}/", *arguments],
                cwd=self.folder,
                env={**os.environ, DURATION: repr(seconds)},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        text = (results / "log.txt").read_text()
        info = results / "last_run_info.txt"
        done = info.exists() and float(info.read_text().split()[1]) >= 1
        if code or not done or "rror reading" in text or "Could not read" in text:
            raise DeviceError(f"the compiled program ended early, status {code}: {text[-500:]}")

        def value(owner: str, variable: str) -> np.ndarray:
            name, dtype = self.files[f"{owner}.{variable}"]
            return np.fromfile(results / name, dtype=dtype)

        return value


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
    with device("cpp_standalone", folder):
        place = folder / "program" if key is None else cache_folder() / _hash(key)
        made = make()
        seen = watch(made, record)
        made.network.add(*seen.objects)
        owned(made.network)
        files, arguments = _names(made, seen)
        if key is None or not (place / "main").exists():
            made.network.run(made.period * made.presentations, namespace={})
            _build(place)
    return Program(folder=place, built=made, files=files, arguments=arguments)


def cache_folder() -> Path:
    """Where compiled programs are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioconv" / "programs"


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
    about = [brian2.__version__, np.__version__, version.stdout.decode(), *flags, _processor()]
    digest.update(json.dumps(about).encode())
    return digest.hexdigest()[:32]


def _processor() -> str:
    """What ``-march=native`` compiles for."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _names(made: Built, seen: Any) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Files of results and names of arguments, as the device knows them."""
    current, files, arguments = get_device(), {}, {}
    for owner in [*made.groups.values(), *seen.objects, *made.projections.values()]:
        for name, variable in owner.variables.items():
            if variable in current.arrays or hasattr(variable, "resize"):
                key = f"{owner.name}.{name}"
                files[key] = (current.get_array_filename(variable), np.dtype(variable.dtype).str)
                arguments[key] = np.dtype(variable.dtype).str
    for array in made.drives.values():
        arguments[f"{array.name}.values"] = np.dtype(array.values.dtype).str
    return files, arguments


def _build(place: Path) -> None:
    """Write and compile the project beside its place, and move it there when it works."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
    try:
        get_device().build(directory=str(fresh), compile=False, run=False, with_output=False)
        _let_presentations_vary(fresh)
        compiler = brian2.codegen.cpp_prefs.get_compiler_and_args()[0]
        get_device().compile_source(str(fresh), compiler, False, False)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(fresh, place)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise DeviceError(
            f"the C++ program in {place} could not be compiled: {error}. Is there space on the disk, "
            'and does the compiler work? device="numpy" needs none'
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


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
    path.write_text(helper + changed)
