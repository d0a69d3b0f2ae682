"""Clocks of a C++ program that meet at every time at which they should.

Brian2 (2.9 to 2.11) advances clocks of its C++ programs together if their times are at most 1e-14 s apart. Times are
multiples of a float, ``128200*0.0005`` and ``1282*0.05``, and beyond 64 s two of them may differ by more although they
mean the same: then what runs at the border of a presentation runs a step before or after its step. Brian2's
own loop in Python compares them to a small part of a step, and so do programs here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TOLERANCE = "#define Clock_epsilon 1e-14"
_PART_OF_A_STEP = (
    "#define Clock_epsilon (1e-4*(clock->dt[0] < minclock->dt[0] ? clock->dt[0] : minclock->dt[0]))"
)


@contextmanager
def meeting(device: Any) -> Iterator[None]:
    """Programs that ``device``, Brian2's C++ standalone one, writes inside the block."""
    write = type(device).generate_network_source

    def written(writer: Any, compiler: str) -> None:
        write(device, writer, compiler)
        source = Path(writer.project_dir) / "network.cpp"
        source.write_text(source.read_text().replace(_TOLERANCE, _PART_OF_A_STEP))

    device.generate_network_source = written
    try:
        yield
    finally:
        del device.generate_network_source
