"""Damaged NIR files: what one can do to bytes, and to the tree of groups and data sets.

Run as a program it reads mutants in a process that may crash: ``python nir_mutants.py FOLDER FIRST COUNT`` prints a line for every
mutant that did anything but raise a bioconv error or give a network, and ``done N`` at the end.
"""

import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np

#: Seconds of this process and bytes that a mutant may take.
SECONDS, MEMORY = 2.0, 2**30
FILES = Path(__file__).parent / "read" / "nir_files"


def sources(folder):
    """Sound files to damage: three of other tools, one with every primitive."""
    whole = folder / "whole.nir"
    with h5py.File(whole, "w", libver="latest") as file:
        _put(file, {"version": "1.0", "node": WHOLE})
    return [*sorted(FILES.glob("*.nir")), whole]


def _put(group, content):
    for name, value in content.items():
        if isinstance(value, dict):
            _put(group.create_group(name), value)
        elif isinstance(value, np.ndarray) and value.size > 4 and value.dtype.kind == "f":
            group.create_dataset(name, data=value, compression="gzip")
        else:
            group[name] = value


def _node(kind, **fields):
    return {
        "type": kind,
        **{k: np.asarray(v) if not isinstance(v, str) else v for k, v in fields.items()},
    }


_N = np.full(6, 0.5)
_MAPS = np.full((2, 3, 2), 0.5)
WHOLE = {
    "type": "NIRGraph",
    "metadata": {"dt": 1e-3, "reset": "zero"},
    "edges": np.array(
        [
            ("input", "conv"), ("conv", "if"), ("if", "pool"), ("pool", "avg"), ("avg", "scale"), ("scale", "flat"),
            ("flat", "affine"), ("affine", "rnn"), ("rnn", "delay"), ("delay", "linear"), ("linear", "li"),
            ("li", "linear2"), ("linear2", "threshold"), ("threshold", "cubali"), ("cubali", "output"),
        ],
        dtype=object,
    ),
    "nodes": {
        "input": _node("Input", shape=[2, 5, 4]),
        "conv": _node("Conv2d", input_shape=[5, 4], weight=np.ones((2, 2, 3, 3)), stride=[1, 1], padding=[1, 0],
                      dilation=[1, 1], groups=1, bias=[0.1, 0.2]),
        "if": _node("IF", r=np.ones((2, 5, 2)), v_threshold=np.ones((2, 5, 2)), v_reset=np.zeros((2, 5, 2))),
        "pool": _node("SumPool2d", kernel_size=[2, 1], stride=[2, 1], padding=[1, 0]),
        "avg": _node("AvgPool2d", kernel_size=[1, 1], stride=[1, 1], padding=[0, 0]),
        "scale": _node("Scale", scale=_MAPS),
        "flat": _node("Flatten", start_dim=0, end_dim=-1, input_type=[2, 3, 2]),
        "affine": _node("Affine", weight=np.ones((6, 12)), bias=_N),
        "rnn": {
            "type": "NIRGraph",
            "edges": np.array([("input", "cuba"), ("cuba", "again"), ("again", "cuba"), ("cuba", "output")],
                              dtype=object),
            "nodes": {
                "input": _node("Input", shape=[6]),
                "cuba": _node("CubaLIF", tau_mem=_N, tau_syn=_N, r=_N, v_leak=_N, v_threshold=_N, w_in=_N),
                "again": _node("Linear", weight=np.ones((6, 6))),
                "output": _node("Output", shape=[6]),
            },
        },
        "delay": _node("Delay", delay=np.arange(6) * 1e-3),
        "linear": _node("Linear", weight=np.ones((6, 6))),
        "li": _node("LI", tau=_N, r=_N, v_leak=_N),
        "linear2": _node("Linear", weight=np.ones((6, 6))),
        "threshold": _node("Threshold", threshold=_N),
        "cubali": _node("CubaLI", tau_mem=_N, tau_syn=_N, r=_N, v_leak=_N, w_in=_N),
        "output": _node("Output", shape=[6]),
    },
}  # fmt: skip


def mutant(number, originals, path):
    """Write mutant ``number`` of the original files to a path."""
    rng = np.random.default_rng(number)
    source = originals[int(rng.integers(len(originals)))]
    content = bytearray(source.read_bytes())
    if rng.integers(2):
        path.write_bytes(bytes(BYTES[int(rng.integers(len(BYTES)))](rng, content)))
        return
    path.write_bytes(bytes(content))
    with h5py.File(path, "a") as file:
        for _ in range(int(rng.integers(1, 4))):
            TREES[int(rng.integers(len(TREES)))](rng, file)


def flipped(rng, content):
    for _ in range(int(2 ** rng.integers(0, 8))):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    return content


def flipped_early(rng, content):
    """In the head and the first groups, where HDF5 keeps its structure."""
    for _ in range(int(rng.integers(1, 10))):
        content[int(rng.integers(min(4096, len(content))))] = int(rng.integers(256))
    return content


def truncated(rng, content):
    return content[: int(rng.integers(len(content)))]


def huge_numbers(rng, content):
    """Eight bytes that count something made very large."""
    at = int(rng.integers(len(content) - 8))
    content[at : at + 8] = int(2 ** rng.integers(16, 63)).to_bytes(8, "little")
    return content


def moved(rng, content):
    """A piece of the file at the place of another."""
    n = int(rng.integers(1, 512))
    a, b = (int(k) for k in rng.integers(0, len(content) - n, 2))
    content[a : a + n] = content[b : b + n]
    return content


def zeroed(rng, content):
    a = int(rng.integers(len(content)))
    content[a : a + int(rng.integers(1, 256))] = bytes(8)
    return content


BYTES = (flipped, flipped_early, truncated, huge_numbers, moved, zeroed)


def _items(file, kind):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, kind) else None)
    return found


def _drawn(rng, names):
    return names[int(rng.integers(len(names)))] if names else None


def removed(rng, file):
    name = _drawn(rng, _items(file, (h5py.Dataset, h5py.Group)))
    if name:
        del file[name]


def _values(rng):
    """Something that does not belong there."""
    shape = tuple(int(n) for n in rng.integers(0, 5, int(rng.integers(0, 5))))
    choices = [
        lambda: rng.normal(size=shape), lambda: np.full(shape, np.nan), lambda: np.full(shape, 1e300),
        lambda: rng.integers(-(2**62), 2**62, shape), lambda: rng.integers(-3, 9, shape), lambda: "text",
        lambda: np.ones(shape, complex), lambda: np.zeros(shape), lambda: h5py.Empty("f8"),
        lambda: np.array([b"a", b"bc"]), lambda: -1, lambda: 10**18, lambda: np.ones(3, [("x", "f4")]),
        lambda: np.full(shape, -1e-320), lambda: "Affine", lambda: "NIRGraph", lambda: "same", lambda: np.inf,
        lambda: np.array([2**31, 2**31]), lambda: np.array([4000, 2000]), lambda: np.bool_(True),
        lambda: np.full((1,) * 30, 1.0),
    ]  # fmt: skip
    return choices[int(rng.integers(len(choices)))]()


def replaced(rng, file):
    name = _drawn(rng, _items(file, h5py.Dataset))
    if name:
        del file[name]
        file[name] = _values(rng)


def huge(rng, file):
    """A data set that declares far more than it stores."""
    name = _drawn(rng, _items(file, h5py.Dataset))
    if name:
        shape = tuple(int(2 ** rng.integers(0, 20)) for _ in range(int(rng.integers(1, 4))))
        del file[name]
        file.create_dataset(name, shape, "f8", chunks=tuple(min(n, 64) for n in shape))


def cyclic(rng, file):
    groups = ["/", *_items(file, h5py.Group)]
    outer, inner = _drawn(rng, groups), _drawn(rng, groups)
    key = str(_drawn(rng, ["x", "nodes", "node", "metadata"]))
    if key not in file[outer]:
        file[outer][key] = file[inner]


def linked(rng, file):
    group = file[_drawn(rng, ["/", *_items(file, h5py.Group)])]
    if "link" not in group:
        links = [
            h5py.SoftLink("/node"),
            h5py.SoftLink("/nowhere"),
            h5py.ExternalLink("/etc/passwd", "/"),
        ]
        group["link"] = links[int(rng.integers(3))]


def rewired(rng, file):
    """Edges between any nodes, also of names that are not there."""
    groups = [
        name for name in _items(file, h5py.Group) if "edges" in file[name] and "nodes" in file[name]
    ]
    name = _drawn(rng, groups)
    if name and isinstance(file[name]["nodes"], h5py.Group):
        names = [*file[name]["nodes"], "none", "rnn.input", "a.b", ""]
        n = int(2 ** rng.integers(0, 8))
        pairs = [(_drawn(rng, names), _drawn(rng, names)) for _ in range(n)]
        del file[name]["edges"]
        file[name]["edges"] = np.array(pairs, dtype=object)


def retyped(rng, file):
    names = [name for name in _items(file, h5py.Dataset) if name.endswith("type")]
    name = _drawn(rng, names)
    if name:
        kinds = [
            "Affine",
            "LIF",
            "Conv1d",
            "Conv2d",
            "NIRGraph",
            "Input",
            "Output",
            "Delay",
            "Flatten",
            "I",
            "x",
        ]
        del file[name]
        file[name] = str(_drawn(rng, kinds))


def dialled(rng, file):
    """A number of the file replaced by a wild one, the shape kept."""
    name = _drawn(
        rng,
        [
            n
            for n in _items(file, h5py.Dataset)
            if file[n].dtype.kind in "if" and 0 < (file[n].size or 0) < 10_000
        ],
    )
    if name:
        values = np.array(file[name][()])
        values.flat[int(rng.integers(values.size))] = _drawn(
            rng, [0, -1, 7, 2**20, 2**31 - 1, 1000]
        )
        del file[name]
        file[name] = values


TREES = (removed, replaced, huge, cyclic, linked, rewired, retyped, dialled, replaced, dialled)


def own_peak() -> int:
    """Bytes of this program at most; ``getrusage`` would count the process that it was forked from."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(row for row in rows if row.startswith("VmHWM")).split()[1])


def read_all(folder, first, count):
    """Read mutants in this process; complaints on stdout."""
    import bioconv
    from bioconv.errors import BioconvError

    originals = sources(folder)
    bioconv.from_nir(originals[-1], dt=1e-4)  # imports are not the mutants' time
    path = folder / "mutant.nir"
    networks = 0
    for number in range(first, first + count):
        print("at", number, flush=True)
        mutant(number, originals, path)
        start = time.process_time()
        try:
            bioconv.from_nir(path, dt=1e-4)
            networks += 1
        except BioconvError:
            pass
        except BaseException as error:
            print("raised", number, type(error).__name__, error, flush=True)
        seconds = time.process_time() - start
        if seconds > SECONDS:
            print("slow", number, round(seconds, 2), flush=True)
    peak = own_peak()
    if peak > MEMORY:
        print("memory", first, peak, flush=True)
    print("done", count, networks, peak, flush=True)


if __name__ == "__main__":
    os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
    read_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
