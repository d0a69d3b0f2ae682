"""Networks from bare arrays and ``.npz`` files, and the door that all sources come through."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import bioconv
from bioconv.errors import BioconvError, MissingDependencyError, ReadError
from bioconv.graph import Conv2d, Dense, Network
from bioconv.read.arrays import BIAS_ENDINGS, WEIGHT_ENDINGS
from bioconv.read.pytorch import read_torch

RNG = np.random.default_rng(4)
W1, B1 = RNG.normal(size=(5, 3)), RNG.normal(size=5)
W2, B2 = RNG.normal(size=(2, 5)), RNG.normal(size=2)
KERNEL, KERNEL_BIAS = RNG.normal(size=(4, 2, 3, 2)), RNG.normal(size=4)
TOP = RNG.normal(size=(3, 4 * 4 * 4))
X = RNG.normal(size=(6, 3))


def expected(b1=B1, b2=B2):
    return np.maximum(X @ W1.T + b1, 0) @ W2.T + b2


def kinds(network):
    return [type(node.layer).__name__ for node in network.nodes]


def names(network):
    return [node.name for node in network.nodes]


@pytest.mark.parametrize(
    "source, answer",
    [
        ([W1, W2], expected(0, 0)),
        ((W1, W2), expected(0, 0)),
        ([(W1, B1), (W2, B2)], expected()),
        ([(W1, B1), [W2, None]], expected(b2=0)),
        ([[W1], (W2, B2)], expected(b1=0)),
        ([W1.tolist(), (W2.tolist(), B2.tolist())], expected(b1=0)),
        ({"fc1": W1, "fc2": W2}, expected(0, 0)),
        ({"fc1": (W1, B1), "fc2": W2}, expected(b2=0)),
        ({0: (W1, B1), 1: (W2, B2)}, expected()),
        *[
            ({f"fc1{w}": W1, f"fc2{b}": B2, f"fc1{b}": B1, f"fc2{w}": W2}, expected())
            for w, b in zip(WEIGHT_ENDINGS, [*BIAS_ENDINGS[:3], *BIAS_ENDINGS], strict=False)
        ],
    ],
)
def test_every_way_to_give_dense_layers(source, answer):
    network = bioconv.read(source)
    assert kinds(network) == ["Dense", "ReLU", "Dense"]
    assert network.input_shape == (3,)
    np.testing.assert_allclose(bioconv.reference(network, X), answer, rtol=0, atol=1e-14)


def test_a_dict_gives_the_names_and_a_list_numbers():
    assert names(bioconv.read({"in.fc.weight": W1, "out": W2})) == ["in.fc", "relu1_", "out"]
    assert names(bioconv.read([W1, W2])) == ["fc1", "relu1", "fc2"]
    assert names(bioconv.read({0: W1, 1: W2})) == ["0", "relu1_", "1"]


def test_a_name_like_the_one_of_the_relu_does_not_replace_it():
    network = bioconv.read({"relu1_": W1, "fc2": W2})
    assert kinds(network) == ["Dense", "ReLU", "Dense"]
    assert names(network) == ["relu1_", "relu1__", "fc2"]


@pytest.mark.parametrize("style", [list, lambda pairs: dict(zip("ab", pairs, strict=True))])
def test_a_flatten_stands_between_maps_and_the_first_dense_layer(style):
    network = bioconv.read(style([(KERNEL, KERNEL_BIAS), (TOP, None)]), input_shape=(2, 6, 5))
    assert kinds(network) == ["Conv2d", "ReLU", "Flatten", "Dense"]
    assert network.output_shape == (3,)
    flat = bioconv.read(style([W1, W2]), input_shape=[1, 3, 1])
    assert kinds(flat) == ["Flatten", "Dense", "ReLU", "Dense"]


@pytest.mark.parametrize(
    "source, input_shape, message",
    [
        ([], None, "list of weights is empty"),
        ((), None, "list of weights is empty"),
        ({}, None, "dict of weights is empty"),
        (W1, None, r"a single array of shape \(5, 3\); .*list: \[W1, W2, …\]"),
        ([W1, B1], None, r"entry 1 .* is an array of shape \(5,\); give a 2-d dense weight \(out"),
        ([W1, "W2"], None, "entry 1 of the weights is of type str"),
        ([[[1, 2], [3]]], None, "entry 0 of the weights is of type list"),
        ([(W1, B1, B1)], None, "entry 0 of the weights is of type tuple"),
        ({"fc1": B1}, None, r"entry 'fc1' of the weights is an array of shape \(5,\)"),
        ([(W1, B2)], None, r"entry 0: Dense: bias has shape \(2,\), weight \(5, 3\) needs \(5,\)"),
        ([(W1.T, B1)], None, r"(?s)entry 0: .*\(n_in, n_out\)\? Then transpose it"),
        ({"fc.weight": W1, "fc.bias": B2}, None, r"fc: Dense: bias has shape \(2,\)"),
        ({"fc.weight": B1}, None, r"fc: Conv2d: weight has shape \(5,\)"),
        ({"a.weight": W1, "b.bias": B1}, None, "'b' has a bias and no weight; .*a.weight, b.bias"),
        ({"fc.weight": W1, "fc_weight": W1}, None, "'fc_weight' gives 'fc' a second time"),
        ({"fc": W1, "fc.weight": W1}, None, "'fc.weight' gives 'fc' a second time"),
        ({"fc.weight": W1, "fc": W1}, None, "'fc' gives 'fc' a second time"),
        ([W1, np.full((2, 5), np.nan)], None, r"entry 1: Dense: weight has 10 value"),
        ([W1, W1], None, r"layer 'fc2': Dense: input has 5 values, weight \(5, 3\) takes 3"),
        ([W2, W1], (5,), r"layer 'fc2': Dense: input has 2 values"),
        ([KERNEL], None, r"first layer is a convolution.*input_shape=\(channels, rows, columns\)"),
        ([KERNEL], (3, 6, 5), r"input \(3, 6, 5\) has 3 channels, weight \(4, 2, 3, 2\)"),
        ([W1], (4,), "input has 4 values"),
        ([W1], 3, "input_shape is 3"),
        ([W1], "abc", "input_shape is 'abc'"),
        ({"input": W1}, None, "must be unique and not 'input'"),
        (None, None, "cannot read weights from NoneType; .*list or dict of arrays, a path"),
        (b"digits_cnn", None, "cannot read weights from bytes"),
        (7, None, "cannot read weights from int"),
        (
            "net.txt",
            None,
            r"'net.txt': it is neither .*\.h5.* or \.ckpt .*bundled networks \(.*digits_",
        ),
        ("digits", None, "digits_cnn, digits_mlp"),
        ("none.npz", None, r"none\.npz: no such file"),
        ("none.h5", None, r"none\.h5: no such file"),
    ],
)
def test_sources_that_are_no_weights_are_refused(source, input_shape, message):
    with pytest.raises(ReadError, match=message):
        bioconv.read(source, input_shape=input_shape)


def test_a_network_is_its_own_source_and_bundled_ones_go_by_name():
    network = bioconv.read([W1])
    assert bioconv.read(network) is network
    assert set(bioconv.bundled()) >= {"digits_cnn", "digits_mlp"}
    for name in bioconv.bundled():
        bundled = bioconv.read(name)
        assert isinstance(bundled, Network) and bundled.input_shape[0] == 1
    assert isinstance(bioconv.read("digits_cnn").nodes[0].layer, Conv2d)


def test_reading_changes_no_array_and_no_list():
    source = {"fc1": [W1.copy(), B1.copy()], "fc2": W2.copy()}
    network = bioconv.read(source)
    source["fc1"][0][...] = 0
    np.testing.assert_array_equal(network["fc1"].layer.weight, W1)
    assert list(source) == ["fc1", "fc2"] and isinstance(source["fc1"], list)


# --- .npz ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("as_path", [str, Path])
def test_npz_files_hold_what_a_dict_holds(tmp_path, save, as_path):
    path = tmp_path / "net.npz"
    save(path, **{"fc1.weight": W1, "fc1.bias": B1, "fc2.weight": W2, "fc2.bias": B2})
    network = bioconv.read(as_path(path))
    assert names(network) == ["fc1", "relu1_", "fc2"]
    np.testing.assert_allclose(bioconv.reference(network, X), expected(), rtol=0, atol=1e-14)


def test_npz_files_may_hold_their_input_shape(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, conv=KERNEL, input_shape=np.array([2, 6, 5]))
    assert bioconv.read(path).input_shape == (2, 6, 5)
    assert bioconv.read(path, input_shape=(2, 9, 5)).input_shape == (2, 9, 5), "the call wins"
    np.savez(path, fc=W1, input_shape=3)
    assert isinstance(bioconv.read(path)["fc"].layer, Dense)
    np.savez(path, fc=W1, input_shape=4)
    with pytest.raises(ReadError, match=r"net\.npz: .*input has 4 values"):
        bioconv.read(path)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickled_objects_are_refused_and_never_loaded(tmp_path):
    path, sprung = tmp_path / "net.npz", tmp_path / "sprung"
    trap = np.array([[Trap(sprung)]], dtype=object)
    np.savez(path, **{"fc1.weight": W1, "fc2.weight": trap})
    pure = tmp_path / "pure.npz"
    pure.write_bytes(pickle.dumps(Trap(sprung)))
    for bad in (path, pure):
        with pytest.raises(ReadError, match="damaged or is not an .npz file of plain arrays"):
            bioconv.read(bad)
    assert not sprung.exists()
    with np.load(path, allow_pickle=True) as file:
        file["fc2.weight"].item().close()
    assert sprung.exists(), "a trap that does not work proves nothing"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_npz_files_are_read_or_refused_but_never_break(tmp_path, save):
    """Cut off or with bytes changed; some changes leave a file that can be read."""
    path = tmp_path / "net.npz"
    save(path, **{"fc1.weight": W1, "fc1.bias": B1})
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(ReadError, match=r"net\.npz"):
            bioconv.read(path)
    refused = 0
    for _ in range(300):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            bioconv.read(path)
        except ReadError:
            refused += 1
    assert refused > 100


def test_an_npy_file_under_another_name_is_told(tmp_path):
    with open(tmp_path / "net.npz", "wb") as file:
        np.save(file, W1)
    with pytest.raises(ReadError, match="not an .npz file of plain arrays"):
        bioconv.read(tmp_path / "net.npz")


def test_without_torch_arrays_are_read_and_modules_ask_for_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert names(bioconv.read([W1, W2])) == ["fc1", "relu1", "fc2"]
    with pytest.raises(MissingDependencyError, match=r'pip install "bioconv\[torch\]"'):
        read_torch(object(), input_shape=(3,))
    with pytest.raises(ReadError, match="cannot read weights from object"):
        bioconv.read(object())
    assert issubclass(MissingDependencyError, ImportError)
    assert issubclass(ReadError, BioconvError) and issubclass(ReadError, ValueError)
