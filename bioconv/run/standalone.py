"""Runs in a program of their own: Brian2's C++ standalone, compiled once and fed chunk after chunk."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import get_device

from bioconv.build import Built, Recording, Watch, watch
from bioconv.errors import DeviceError


class Program:
    """A compiled model. Lives inside ``device("cpp_standalone", directory)``."""

    def __init__(
        self,
        make: Callable[[], Built],
        record: Mapping[str, Recording],
        directory: Path,
    ):
        self.built = make()
        self.watch: Watch = watch(self.built, record)
        self.built.network.add(*self.watch.objects)
        self.built.network.run(self.built.period * self.built.presentations, namespace={})
        try:
            get_device().build(directory=str(directory), compile=True, run=False)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            raise DeviceError(
                f"the C++ program in {directory} could not be compiled: {error}. Is there space on the "
                'disk, and does the compiler work? device="numpy" needs none'
            ) from error

    def show(self, drives: Mapping[str, np.ndarray], first_sample: int) -> None:
        """Run the program on other input; the monitors hold the outcome."""
        values: dict[Any, Any] = {self.built.drives[n]: array for n, array in drives.items()}
        for group in self.built.groups.values():
            if "first_sample" in group.variables:
                values[group.first_sample] = first_sample
        try:
            get_device().run(run_args=values, with_output=False)
        except (RuntimeError, OSError) as error:
            raise DeviceError(f"the compiled program failed: {error}") from error
