"""Damaged files for every reader: what `test_hostile_files.py` and a process of its own feed them.

A process of its own since a library in C may crash: ``python hostile.py READER COUNT SEED FOLDER`` prints how
many files were read, refused, and what was slowest; anything else than a bioconv error ends it with a trace.
"""

import io
import os
import resource
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from brian2 import second
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent / "read"))
from keras_files import layer
from keras_files import write as keras_model

import bioconv
from bioconv import datasets, sensors
from bioconv.errors import BioconvError
from bioconv.events import Events, load_samples
from bioconv.graph import Conv2d, Dense, Flatten, Network, ReLU
from bioconv.neurons.published import plif

#: Bytes of address space beyond what is in use before the first file.
ROOM = 2**30
#: Seconds of computing that one file may take.
PATIENCE = 2.0


def network():
    rng = np.random.default_rng(0)
    layers = [Conv2d(weight=rng.normal(size=(2, 1, 2, 3)), bias=rng.normal(size=2)), ReLU(), Flatten(),
              Dense(weight=rng.normal(size=(3, 18)))]  # fmt: skip
    return Network.sequential(layers, input_shape=(1, 4, 5))


def hdf5(path: Path) -> None:
    bioconv.save_network(network(), path)


def spiking(path: Path) -> None:
    rng = np.random.default_rng(0)
    layers = [
        Conv2d(weight=rng.normal(size=(2, 1, 2, 3))),
        plif(),
        Flatten(),
        Dense(weight=rng.normal(size=(3, 18))),
        plif(),
    ]
    bioconv.save_spiking_network(bioconv.spiking_network(layers, (1, 4, 5)), path)


def npz(path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(path, a_weight=rng.normal(size=(4, 3)), b_weight=rng.normal(size=(2, 4)))


def idx(path: Path) -> None:
    head = struct.pack(">HBB", 0, 0x08, 3) + struct.pack(">3I", 5, 4, 3)
    path.write_bytes(head + bytes(range(60)))


def camera(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).integers(0, 256, 200, dtype=np.uint8).tobytes())


def events(path: Path) -> None:
    rng = np.random.default_rng(0)
    times, neurons = rng.uniform(0, 0.02, 30), rng.integers(0, 12, 30)
    Events.of([(times, neurons), (times, neurons)], (12,)).save(path, overwrite=True)


def frames(path: Path) -> None:
    np.save(path, np.random.default_rng(0).uniform(size=(2, 4, 5)))


def nir(path: Path) -> None:
    path.write_bytes((Path(__file__).parent / "read/nir_files/lif_norse.nir").read_bytes())


def read_nir(path: Path) -> None:
    bioconv.from_nir(path, dt=1e-4 * second, reset="zero")


def keras(version: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        rng = np.random.default_rng(0)
        layers = [
            layer(
                "Conv2D",
                "conv",
                rng.normal(size=(2, 3, 1, 2)),
                rng.normal(size=2),
                activation="relu",
            ),
            layer("Flatten", "flat"),
            layer("Dense", "fc", rng.normal(size=(18, 3)), rng.normal(size=3)),
        ]
        with tempfile.TemporaryDirectory() as folder:
            keras_model(Path(folder), version, layers, (4, 5, 1)).replace(path)

    return write


def onnx(path: Path) -> None:
    rng = np.random.default_rng(0)
    weight = helper.make_tensor("w", TensorProto.FLOAT, (3, 4), rng.normal(size=12))
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, size))
        for n, size in (("x", 4), ("y", 3))
    ]
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def torch(path: Path) -> None:
    path.write_bytes(torch_bytes(new=True))


def old_torch(path: Path) -> None:
    path.write_bytes(torch_bytes(new=False))


def torch_bytes(new: bool) -> bytes:
    import torch

    rng = np.random.default_rng(0)
    shapes = {"a.weight": (4, 3), "a.bias": (4,), "b.weight": (2, 4)}
    state = {name: torch.tensor(rng.normal(size=shape)) for name, shape in shapes.items()}
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


def torch_pickle(path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(torch_bytes(new=True))) as archive:
        path.write_bytes(archive.read("archive/data.pkl"))


def read_torch_pickle(path: Path) -> None:
    """The tensors' pickle in an archive whose checksums are right: damage that only torch can find."""
    whole = path.with_suffix(".pt")
    with (
        zipfile.ZipFile(io.BytesIO(torch_bytes(new=True))) as old,
        zipfile.ZipFile(whole, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, path.read_bytes() if name.endswith("data.pkl") else old.read(name))
    bioconv.read(whole)


def result(path: Path) -> None:
    model = bioconv.to_brian(network(), method="unscaled")
    images = np.random.default_rng(1).uniform(size=(2, 1, 4, 5))
    model.run(images, device="numpy", progress=False).save(path)


#: {reader: (how a good file is written, its ending, how it is read)}. A new reader of files joins here.
READERS: dict[str, tuple[Callable, str, Callable]] = {
    "hdf5": (hdf5, ".h5", bioconv.read),
    "hdf5, spiking": (spiking, ".h5", bioconv.read),
    "npz": (npz, ".npz", bioconv.read),
    "idx": (idx, "-ubyte", datasets.read_idx),
    "camera": (camera, ".bin", sensors.read_bin),
    "events": (events, ".npz", load_samples),
    "frames": (frames, ".npy", load_samples),
    "nir": (nir, ".nir", read_nir),
    "keras3": (keras("keras3.keras"), ".keras", bioconv.read),
    "keras3 hdf5": (keras("keras3.h5"), ".h5", bioconv.read),
    "keras2": (keras("keras2.h5"), ".h5", bioconv.read),
    "onnx": (onnx, ".onnx", bioconv.read),
    "torch": (torch, ".pt", bioconv.read),
    "torch old": (old_torch, ".pt", bioconv.read),
    "torch pickle": (torch_pickle, ".pkl", read_torch_pickle),
    "result": (result, ".h5", bioconv.load_result),
}


def mutated(good: bytes, rng: np.random.Generator) -> bytes:
    """Cut off, bits turned, numbers made huge, blocks copied elsewhere or erased."""
    data = bytearray(good)
    for _ in range(int(rng.integers(1, 4))):
        kind, at = rng.integers(6), int(rng.integers(len(data)))
        width = int(rng.integers(1, 9))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            data[at : at + width] = b"\xff" * width
        elif kind == 3:
            data[at : at + width] = bytes(width)
        elif kind == 4:
            other = int(rng.integers(len(data)))
            data[at : at + 4 * width] = data[other : other + 4 * width]
        else:
            data[at:at] = rng.integers(0, 256, width, dtype=np.uint8).tobytes()
        if not data:
            break
    return bytes(data)


def computed() -> float:
    """Seconds that this process and its children have computed, however busy the machine is."""
    return sum(os.times()[:4])


def feed(name: str, count: int, seed: int, folder: Path) -> dict[str, float]:
    """Read so many damaged files.

    Returns
    -------
    dict
        Files that were read all the same and that were refused, and the seconds of the slowest.
    """
    write, ending, read = READERS[name]
    path = folder / f"good{ending}"
    write(path)
    read(path)  # the good one is good
    good, rng = path.read_bytes(), np.random.default_rng(seed)
    damaged = folder / f"damaged{ending}"
    found = {"read": 0, "refused": 0, "slowest": 0.0}
    for _ in range(count):
        damaged.unlink(missing_ok=True)
        damaged.write_bytes(mutated(good, rng))
        begin = computed()
        try:
            read(damaged)
            found["read"] += 1
        except BioconvError:
            found["refused"] += 1
        took = computed() - begin
        found["slowest"] = max(found["slowest"], took)
    return found


def main():
    name, count, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * ROOM, resource.RLIM_INFINITY))
    found = feed(name, count, seed, folder)
    print(found["read"], found["refused"], found["slowest"])


if __name__ == "__main__":
    main()
