"""From a built model and images to a result: devices, chunks, and what comes back from Brian2."""

from bioconv.run.devices import DEVICES, chosen_device, compiler_problem, device
from bioconv.run.presentation import Task, present
from bioconv.run.program import NO_SUBNORMALS, Parts, Program, cache_folder, compiled, executable
from bioconv.run.provenance import about

__all__ = [
    "DEVICES", "NO_SUBNORMALS", "Parts", "Program", "Task", "about", "cache_folder", "chosen_device", "compiled",
    "compiler_problem", "device", "executable", "present",
]  # fmt: skip
