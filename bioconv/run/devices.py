"""Where a model runs: Brian2's targets, and putting its global state back afterwards."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brian2 import get_device, prefs, set_device

from bioconv.errors import DeviceError
from bioconv.run.clocks import meeting

DEVICES = ("auto", "numpy", "cython", "cpp_standalone")

#: Seconds of estimated numpy time from which compiling pays.
PAYS = 20.0
#: Compiler options that let rounding differ between targets.
_LOOSE = ("-ffast-math", "-fno-finite-math-only")
_STRICT = "-ffp-contract=off"


def compiler_problem() -> str | None:
    """Why C++ cannot be compiled here, or None."""
    compiler = (os.environ.get("CXX", "").split() or ["g++"])[0]
    if shutil.which(compiler) is None:
        return f"no C++ compiler ({compiler} is not on the PATH)"
    if shutil.which("make") is None:
        return "no make"
    return None


def chosen_device(
    name: str, numpy_seconds: float, foreign: list[str], many: bool = False
) -> tuple[str, str]:
    """The device for a run, and why.

    Parameters
    ----------
    name : one of :data:`DEVICES`
    numpy_seconds : float
        Estimated time of the run with numpy.
    foreign : list of str
        Objects that the user added; a standalone program is built anew and would lack them.
    many : bool
        Whether several programs are to run at once.

    Raises
    ------
    DeviceError
        If the device is unknown, lacks its compiler, or would lose the user's objects.
    """
    if name not in DEVICES:
        raise DeviceError(f"device is {name!r}; choose one of {', '.join(DEVICES)}")
    problem = compiler_problem()
    if many and name == "auto":
        name = "cpp_standalone"
    if many and name != "cpp_standalone":
        raise DeviceError(
            f"device {name!r} runs in this process alone; several processes or a scheduler need "
            'device="cpp_standalone"'
        )
    if name == "numpy":
        return name, "asked for"
    if name in ("cython", "cpp_standalone"):
        if problem:
            raise DeviceError(
                f"device {name!r}: {problem}. Install one (Debian: apt install g++ make) or use "
                'device="numpy"'
            )
        if name == "cpp_standalone" and foreign:
            raise DeviceError(
                f"device 'cpp_standalone' builds the network anew and would lose what was added to it: "
                f'{", ".join(foreign)}. Add them by model.extend(function), or use device="cython"'
            )
        return name, "asked for"
    if problem:
        return "numpy", problem
    if numpy_seconds < PAYS:
        return "numpy", f"about {numpy_seconds:.0f} s with numpy, less than compiling would pay for"
    if foreign:
        return "cython", f"about {numpy_seconds:.0f} s with numpy, and the network was extended"
    return "cpp_standalone", f"about {numpy_seconds:.0f} s with numpy"


@contextmanager
def device(name: str, directory: Path | None = None) -> Iterator[None]:
    """Run the block on one Brian2 device, then leave the global state as it was.

    Compiled code follows the order of operations that is written, so that every target computes
    the same numbers.
    """
    flags = list(prefs.codegen.cpp.extra_compile_args_gcc)
    target = prefs.codegen.target
    prefs.codegen.cpp.extra_compile_args_gcc = [f for f in flags if f not in _LOOSE] + [_STRICT]
    try:
        if name == "cpp_standalone":
            set_device("cpp_standalone", directory=str(directory), build_on_run=False)
            with meeting(get_device()):
                yield
        else:
            prefs.codegen.target = name
            yield
    finally:
        if name == "cpp_standalone":
            get_device().reinit()
            set_device("runtime")
        prefs.codegen.target = target
        prefs.codegen.cpp.extra_compile_args_gcc = flags
