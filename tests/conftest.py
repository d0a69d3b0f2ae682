"""What all tests share: lanes that need a compiler or data, and Brian2's global state put back."""

import os
from pathlib import Path

# Before numpy and torch are loaded: two workers whose libraries have a thread for each core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")


def pytest_collection_modifyitems(items):
    """Skip lanes that this machine cannot run, unless BIOCONV_LANES asks for them: then they fail."""
    from bioconv.run import compiler_problem

    wanted = os.environ.get("BIOCONV_LANES", "").split(",")
    missing = {"compiled": compiler_problem(), "data": _data_problem()}
    for item in items:
        for lane, problem in missing.items():
            if problem and item.get_closest_marker(lane) and lane not in wanted:
                item.add_marker(pytest.mark.skip(reason=problem))


def _data_problem() -> str | None:
    folder = os.environ.get("BIOCONV_DATA")
    if folder and (Path(folder) / "mnist").is_dir():
        return None
    return "BIOCONV_DATA does not name a folder with MNIST"


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture(autouse=True)
def _same_global_state():
    """Every test must leave Brian2's device and target as it found them."""
    yield
    import brian2

    assert type(brian2.get_device()).__name__ == "RuntimeDevice"
