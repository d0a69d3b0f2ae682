"""Networks in bioconv's own files: nothing is lost, nothing half-written, nothing misread."""

import json
from dataclasses import fields

import h5py
import numpy as np
import pytest
from cases import NETWORKS

import bioconv
from bioconv.errors import ReadError
from bioconv.graph import (
    LAYERS,
    AvgPool2d,
    BatchNorm,
    ClippedReLU,
    Dense,
    Dropout,
    MaxPool2d,
    Network,
    QuantizedReLU,
    ReLU,
    SoftLIF,
    Softmax,
    Step,
)
from bioconv.read import hdf5 as network_files

#: The layers that no spiking case holds.
MORE = {
    "max_pool_and_softmax": Network.sequential(
        [MaxPool2d(kernel=(3, 2), padding="same", ceil_mode=True), Softmax()], input_shape=(1, 5, 4)
    ),
    "settings_of_numpy": Network.sequential(
        [
            AvgPool2d(kernel=np.int64(2), ceil_mode=np.bool_(True)),
            BatchNorm(mean=[0.1], var=[2.0], eps=np.float32(1e-3)),
            Dropout(p=np.float32(0.3)),
        ],
        input_shape=(1, 5, 4),
    ),
    "activations": Network.sequential(
        [
            ClippedReLU(maximum=6),
            QuantizedReLU(levels=np.int64(8), maximum=0.3),
            SoftLIF(amplitude=0.06, gain=0.8, tau_rc=0.05, tau_ref=0.001, gamma=0.03),
            Step(threshold=-0.1),
        ],
        input_shape=(3,),
    ),
    "names": Network.sequential(
        dict.fromkeys(["enc/fc", "enc/fc.2", "50%", "%2F", "a b", "é", "..", "/"], ReLU()),
        input_shape=(3,),
    ),
}
ALL = NETWORKS | MORE


def same(a, b, equal=np.array_equal):
    assert (a.input_shape, a.output, dict(a.shapes)) == (b.input_shape, b.output, dict(b.shapes))
    for x, y in zip(a.nodes, b.nodes, strict=True):
        assert (x.name, x.inputs, type(x.layer)) == (y.name, y.inputs, type(y.layer))
        for field in fields(x.layer):
            one, other = getattr(x.layer, field.name), getattr(y.layer, field.name)
            assert type(one) is type(other) or isinstance(one, np.generic), (x.name, field.name)
            assert equal(one, other) if isinstance(one, np.ndarray) else one == other


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.h5"


@pytest.mark.parametrize("name", ALL)
def test_every_network_comes_back_bit_for_bit(name, path):
    bioconv.save_network(ALL[name], path)
    same(ALL[name], bioconv.read(path))


def test_the_list_holds_every_layer():
    assert {type(node.layer) for net in ALL.values() for node in net.nodes} == set(LAYERS)


@pytest.mark.parametrize("name", bioconv.bundled())
def test_bundled_networks_survive_another_round(name, path):
    network = bioconv.read(name)
    bioconv.save_network(network, path)
    same(network, bioconv.read(str(path)))


@pytest.mark.parametrize(
    "dtype, half_bit, tiny", [("float32", 2.0**-24, 2.0**-150), ("float16", 2.0**-11, 2.0**-25)]
)
@pytest.mark.parametrize("name", ["norm", "residual", "depthwise_separable"])
def test_shorter_numbers_are_rounded_to_the_nearest(name, dtype, half_bit, tiny, path):
    """Off by half of the last bit, relative; below the normal range by half the smallest number."""

    def near(one, other):
        error = abs(one - other)
        assert error.max() > 0, "nothing was rounded"
        return np.all(error <= np.maximum(half_bit * abs(one), tiny))

    bioconv.save_network(NETWORKS[name], path, dtype=dtype)
    same(NETWORKS[name], bioconv.read(path), near)
    with h5py.File(path) as file:
        sets = []
        file.visititems(lambda _, item: sets.append(item) if hasattr(item, "dtype") else None)
        assert sets and all(item.dtype == dtype for item in sets)


def test_numbers_beyond_the_precision_are_refused(path):
    network = Network.sequential([Dense(weight=[[1.0, -7e4]])], input_shape=(2,))
    with pytest.raises(ReadError, match=r"layers/fc1: weight reaches 70000, beyond float16"):
        bioconv.save_network(network, path, dtype="float16")
    assert list(path.parent.iterdir()) == []
    bioconv.save_network(network, path, dtype="float32")
    with pytest.raises(ReadError, match="dtype is 'int8'; choose one of float64, float32, float16"):
        bioconv.save_network(network, path, dtype="int8")


def test_a_file_is_overwritten_only_when_asked(path):
    bioconv.save_network(NETWORKS["dense"], path)
    with pytest.raises(ReadError, match=r"net\.h5 exists; .*overwrite=True"):
        bioconv.save_network(NETWORKS["leaky"], path)
    same(NETWORKS["dense"], bioconv.read(path))
    bioconv.save_network(NETWORKS["leaky"], path, overwrite=True)
    same(NETWORKS["leaky"], bioconv.read(path))


def test_a_failure_half_way_keeps_the_old_file_and_no_other(path, monkeypatch):
    bioconv.save_network(NETWORKS["dense"], path)
    calls = []

    def failing(*args):
        calls.append(args)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(network_files, "write_field", failing)
    with pytest.raises(ReadError, match=r"cannot write .*No space left"):
        bioconv.save_network(NETWORKS["leaky"], path, overwrite=True)
    monkeypatch.undo()
    assert [p.name for p in path.parent.iterdir()] == ["net.h5"]
    same(NETWORKS["dense"], bioconv.read(path))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"cannot write .*none/net\.h5: No such file"):
        bioconv.save_network(NETWORKS["dense"], tmp_path / "none" / "net.h5")


def test_h5py_alone_reads_the_file_as_its_description_says(path):
    bioconv.save_network(NETWORKS["strided"], path, dtype="float32")
    with h5py.File(path) as file:
        assert file.attrs["format"] == "bioconv-network" and file.attrs["version"] == 1
        assert file.attrs["input_shape"].tolist() == [2, 9, 9]
        conv = file["layers/conv1"]
        assert conv.attrs["kind"] == "Conv2d" and conv.attrs["position"] == 0
        assert json.loads(conv.attrs["inputs"]) == ["input"]
        assert json.loads(conv.attrs["stride"]) == [2, 3]
        assert set(conv) == {"weight", "bias"}
        layer = NETWORKS["strided"]["conv1"].layer
        np.testing.assert_array_equal(conv["weight"], layer.weight.astype("float32"))
        assert sorted(file["layers"]) == ["conv1", "fc1", "flatten1", "relu1"]


def attribute(name, value, group="layers/fc1"):
    return lambda file: file[group].attrs.__setitem__(name, value)


def without(name):
    return lambda file: file.pop(name) if name in file else file["layers/fc1"].attrs.pop(name)


def instead(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (attribute("format", "bioconv-result", "/"), "not one of kind 'bioconv-network'"),
        (attribute("version", 2, "/"), "has version 2 .*reads up to 1. Update bioconv"),
        (attribute("version", "x", "/"), "is damaged"),
        (attribute("input_shape", [-11], "/"), r"net\.h5: input_shape is \(-11,\)"),
        (attribute("input_shape", [12], "/"), r"net\.h5: layer 'fc1': Dense: input has 12 values"),
        (attribute("input_shape", 11, "/"), "is damaged"),
        (attribute("kind", "Spline"), "layer 'fc1' is of unknown kind 'Spline'; known: Dense, Con"),
        (attribute("position", "first"), "is damaged"),
        (attribute("inputs", "["), r"net\.h5: Expecting value"),
        (attribute("inputs", "3"), "is damaged"),
        (attribute("inputs", '["relu2"]'), r"net\.h5: the layers .* feed each other in a cycle"),
        (attribute("inputs", '["fc9"]'), r"net\.h5: fc1: fed by \['fc9'\]"),
        (without("kind"), "is damaged"),
        (without("layers"), "is damaged"),
        (without("layers/fc2"), r"net\.h5: relu2: fed by \['fc2'\]"),
        (without("layers/fc1/weight"), "layer 'fc1': .*missing .*'weight'"),
        (instead("layers", np.ones(3)), "is damaged"),
        (instead("layers/fc1", np.ones(3)), "is damaged"),
        (instead("layers/fc1/weight", "text"), "layer 'fc1': Dense: weight is not an array"),
        (instead("layers/fc1/weight", np.ones(3)), r"layer 'fc1': .*shape \(3,\); it needs 2"),
        (instead("layers/fc1/bias", [np.nan] * 9), "layer 'fc1': Dense: bias has 9 value.*NaN"),
    ],
)
def test_files_that_hold_something_else_are_refused(change, message, path):
    bioconv.save_network(NETWORKS["dense"], path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(ReadError, match=message):
        bioconv.read(path)


def test_files_that_are_cut_off_are_refused(path):
    bioconv.save_network(NETWORKS["dense"], path)
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 50):
        path.write_bytes(whole[:length])
        with pytest.raises(ReadError, match=r"net\.h5 is damaged or is not an HDF5 file"):
            bioconv.read(path)
