"""Running what was trained offline in Brian2, on one of its devices."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brian2 import Network, get_device

from bioconv.errors import ParameterError
from bioconv.run import chosen_device, device

DEVICES = ("numpy", "cython", "cpp_standalone")


@contextmanager
def replaying(where: str, name: str) -> Iterator[Callable[[Network, Any], None]]:
    """A function that runs a Brian2 network, made within the block, for some time on the device ``name``.

    Raises
    ------
    ParameterError, DeviceError
        If the device is unknown, or lacks its compiler.
    """
    if name not in DEVICES:
        raise ParameterError(f"{where}: device is {name!r}; choose one of {', '.join(DEVICES)}")
    chosen_device(name, 0.0, [])

    def run(network: Network, duration: Any) -> None:
        network.run(duration, namespace={})
        if name == "cpp_standalone":
            get_device().build(directory=folder, with_output=False)

    with (
        tempfile.TemporaryDirectory(prefix="bioconv-replay-") as folder,
        device(name, Path(folder)),
    ):
        yield run
