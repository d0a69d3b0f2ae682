"""Damaged files: every reader refuses them with an error of bioconv, soon, in little memory, without a crash."""

import subprocess
import sys
from pathlib import Path

import pytest
from hostile import PATIENCE, READERS

COUNTS = [pytest.param(15, id="some"), pytest.param(17_000, marks=pytest.mark.full, id="many")]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_refused(reader, count, tmp_path):
    if reader.startswith("torch"):
        pytest.importorskip("torch")
    script = Path(__file__).with_name("hostile.py")
    command = [sys.executable, str(script), reader, str(count), "7", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused, slowest = map(float, done.stdout.split())
    assert read + refused == count and refused > count / 10
    assert slowest < PATIENCE


def test_a_reader_that_lets_other_errors_out_is_found(tmp_path, monkeypatch):
    import hostile

    def careless(path):
        raise KeyError(path)

    write, ending, _ = READERS["camera"]
    monkeypatch.setitem(READERS, "camera", (write, ending, careless))
    with pytest.raises(KeyError):
        hostile.feed("camera", 3, 0, tmp_path)
