"""What the benchmarks share: a table of ours against theirs, clocks, and the machine."""

import json
import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brian2
import numpy as np

import bioconv

HERE = Path(__file__).parent
MODELS = HERE.parent / "models"
#: Where `make bench` collects what every script found.
COLLECTED = os.environ.get("BIOCONV_BENCH")


def report(what: str, ours: float, other: float, unit: str, against: str, note: str = "") -> None:
    """Print one comparison, ours over the other, and keep it for the table."""
    row = {
        "what": what, "ours": ours, "other": other, "unit": unit, "against": against,
        "ratio": ours / other if other else float("nan"), "note": note,
    }  # fmt: skip
    print(
        f"{what}: {ours:.4g} {unit}; {against}: {other:.4g} {unit}; ratio {row['ratio']:.3g}"
        + (f" ({note})" if note else ""),
        flush=True,
    )
    if COLLECTED:
        with open(COLLECTED, "a") as file:
            file.write(json.dumps(row) + "\n")


class Clock:
    """Wall and processor seconds, of this process and its children."""

    wall = cpu = 0.0


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def clock() -> Iterator[Clock]:
    found, wall, cpu = Clock(), time.perf_counter(), _cpu()
    yield found
    found.wall, found.cpu = time.perf_counter() - wall, _cpu() - cpu


def machine() -> str:
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(x for x in lines if x.startswith("model name")).split(": ")[1]
    except (OSError, StopIteration):
        pass
    return (
        f"{processor}, {os.cpu_count()} cores; Python {platform.python_version()}, Brian2 "
        f"{brian2.__version__}, NumPy {np.__version__}, bioconv {bioconv.__version__}"
    )
