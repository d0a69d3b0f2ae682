"""The map of the package as a test: who may import whom, and where heavy packages may appear."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bioconv"

#: What each part may import of bioconv. A new part joins here.
MAP = {
    "version": set(),
    "errors": set(),
    "hdf5": {"errors"},
    "neo_export": set(),
    "result": {"errors", "hdf5", "neo_export"},
    "datasets": {"errors"},
    "codes": {"errors"},
    "events": {"errors"},
    "sensors": {"errors", "events"},
    "graph": {"errors"},
    "read": {"errors", "graph", "hdf5", "neurons", "spiking"},
    "write": {"errors", "graph", "hdf5", "neurons", "spiking", "version"},
    "learn": {
        "analysis", "build", "datasets", "errors", "graph", "hdf5", "neurons", "projections", "result", "run", "spiking", "version",
    },
    "neurons": {"errors"},
    "spiking": {"graph", "neurons"},
    "convert": {"errors", "graph", "neurons", "spiking"},
    "projections": {"errors", "graph", "neurons"},
    "build": {"errors", "events", "graph", "neurons", "spiking", "projections"},
    "run": {"errors", "graph", "build", "neurons", "projections", "spiking", "result", "version"},
    "export": {
        "errors", "events", "graph", "hdf5", "spiking", "neurons", "projections", "build", "run", "result",
    },
    "realism": {"analysis", "errors", "graph", "neurons", "spiking"},
    "model": {
        "errors", "events", "export", "graph", "neurons", "spiking", "projections", "build", "realism", "run",
        "result",
    },
    "pipeline": {
        "errors", "read", "convert", "build", "graph", "model", "neurons", "realism", "result", "run",
        "spiking",
    },
    "analysis": {"errors", "graph", "result"},
    "trials": {
        "errors", "analysis", "build", "convert", "graph", "model", "neurons", "result", "spiking",
    },
    "plots": {"errors", "result", "analysis"},
    "demo": {"datasets", "graph", "plots", "result"},
    "cli": {"errors", "datasets", "events", "analysis", "learn", "plots", "demo"},
    "__init__": {"version"},
}  # fmt: skip

#: Packages that may appear only in these parts.
ONLY_IN = {
    "brian2": {
        "neurons",
        "projections",
        "build",
        "run",
        "learn",
        "export",
        "model",
        "pipeline",
        "cli",
    },
    "matplotlib": {"plots", "demo", "cli"},
    "torch": {"read/pytorch.py", "read/pytorch_file.py", "learn/gradient"},
    "h5py": {"hdf5"},
    "onnx": {"read/onnx.py"},
    "keras": set(),
    "snntorch": set(),
    "norse": set(),
    "spikingjelly": set(),
    "sinabs": set(),
    "nir": {"write/nir.py"},
    "neo": {"neo_export", "analysis/trains.py"},
    "quantities": {"neo_export", "analysis/trains.py"},
    "elephant": {"analysis/trains.py"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert all(alias.name != "*" for alias in node.names), f"{path}: star import"
            if node.module == "bioconv":
                names |= {f"bioconv.{alias.name}" for alias in node.names}
            else:
                names.add(node.module)
    return names


def test_the_map_names_every_part():
    assert {part_of(path) for path in FILES} == set(MAP)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_map(path):
    part = part_of(path)
    used = {name.split(".")[1] for name in imported(path) if name.startswith("bioconv.")}
    assert used - {part} <= MAP[part]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_stay_where_they_belong(path):
    tops = {name.split(".")[0] for name in imported(path)}
    inside = path.relative_to(PACKAGE)
    here = {part_of(path), str(inside), str(inside.parent)}
    for package, parts in ONLY_IN.items():
        assert package not in tops or here & parts, f"{package} in {path}"


def test_looking_at_a_result_needs_no_brian2_and_no_torch():
    code = (
        "import sys, bioconv, bioconv.cli\n"
        "bioconv.load_result, bioconv.load_results, bioconv.plots, bioconv.analysis, bioconv.datasets, bioconv.reference\n"
        "bioconv.cli.parser()\n"
        "print([m for m in ('brian2', 'torch', 'neo', 'elephant') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import bioconv

    for name in bioconv.__all__:
        assert getattr(bioconv, name) is not None
    assert callable(bioconv.read) and callable(bioconv.convert)
