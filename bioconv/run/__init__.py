"""From a built model and images to a result: devices, chunks, and what comes back from Brian2."""

from bioconv.run.devices import DEVICES, chosen_device, compiler_problem, device
from bioconv.run.presentation import Task, present

__all__ = ["DEVICES", "Task", "chosen_device", "compiler_problem", "device", "present"]
