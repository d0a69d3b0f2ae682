"""Damaged NIR files give one of bioconv's errors or a network: no crash, 2 seconds, a gigabyte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nir")
SCRIPT = Path(__file__).parents[1] / "nir_mutants.py"


def complaints(folder, first, count, seconds):
    """What reading mutants in a process of its own had to say, but for its progress."""
    command = [sys.executable, str(SCRIPT), str(folder), str(first), str(count)]
    place = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=place, timeout=seconds, check=False
    )
    rows = done.stdout.splitlines()
    if done.returncode:
        return [f"died of {done.returncode}", *rows[-1:]]
    assert rows[-1].startswith(f"done {count} ")
    assert int(rows[-1].split()[2]) > 0, "no mutant at all could be read"
    return [row for row in rows[:-1] if not row.startswith("at ")]


def test_damaged_files_give_errors_of_bioconv(tmp_path):
    assert complaints(tmp_path, 0, 100, 300) == []


@pytest.mark.full
@pytest.mark.parametrize("first", range(0, 100_000, 5_000))
def test_a_hundred_thousand_damaged_files(first, tmp_path):
    assert complaints(tmp_path, first, 5_000, 3600) == []
