"""The README's example runs as it stands, and what it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_the_example_runs(capsys):
    code = re.search(r"```python\n(.*?)```", TEXT, re.S).group(1)
    exec(compile(code, "README.md", "exec"), {})
    out = capsys.readouterr().out
    spiking, trained = (float(re.search(rf"{word} (0\.\d+)", out).group(1)) for word in
                        ("spiking", "trained"))  # fmt: skip
    assert trained > 0.9 and abs(spiking - trained) <= 0.01
    assert "dv/dt = I/C_m : volt" in out and "'fc3': 0.99" in out


def test_links_and_paths_exist():
    links = re.findall(r"\]\((?!http)([^)]+)\)", TEXT)
    paths = re.findall(r"`(bioconv/[\w/.]*)`", TEXT)
    assert len(links) > 3 and len(paths) > 5
    for path in links + paths:
        assert (ROOT / path).exists(), path
