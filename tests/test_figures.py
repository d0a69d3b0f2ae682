"""What the tables among the figures claim, read from the data that lies beside them."""

import importlib.util
import json
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "figures"


def script(name):
    spec = importlib.util.spec_from_file_location(name, FIGURES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_spike_is_fastest_and_the_whole_window_most_accurate():
    """For every code, among the rules that stop a run and the one that waits for its end."""
    table = script("pfeiffer2018_codes_decisions")
    data = json.loads(table.DATA.read_text())
    assert list(data["codes"]) == list(table.CODES)
    for code, row in data["codes"].items():
        cells = row["cells"]
        assert list(cells) == list(table.RULES), code
        first, most = cells["D3 first spike"], cells["D1 most spikes"]
        for name, cell in cells.items():
            assert first["ms"] <= cell["ms"] and first["spikes"] <= cell["spikes"], (code, name)
            if cell["ms"] < 100:
                assert most["accuracy"] >= cell["accuracy"], (code, name)
    assert data["codes"]["current"]["cells"]["D1 most spikes"]["accuracy"] > 0.98
    assert len(table.draw(data).axes) == 2
