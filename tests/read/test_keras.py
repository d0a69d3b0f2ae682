"""Keras files written by hand, against loops over channels-last arrays; and Keras itself where it is installed."""

import json
import zipfile

import h5py
import keras_files as k
import numpy as np
import pytest
from keras_files import FORMATS, layer, write

import bioconv
from bioconv.errors import BioconvError, ReadError, UnsupportedLayerError


def single(rng, *shape, low=None):
    """float32 numbers as float64, as they come out of a file."""
    values = rng.normal(size=shape) * 0.5 if low is None else rng.uniform(low, 1.5, shape)
    return values.astype("float32").astype(float)


def agrees(path, x, expected, **options):
    found = bioconv.reference(bioconv.read(path, **options), x.transpose(0, 3, 1, 2))
    assert abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))


def chain(rng):
    """Layers of a Sequential model on (7, 5, 3), and its function."""
    c, cb = single(rng, 3, 2, 3, 4), single(rng, 4)
    n = [single(rng, 4) for _ in range(3)] + [single(rng, 4, low=0.3)]
    d, db = single(rng, 2, 2, 4, 2), single(rng, 8)
    s, p, sb = single(rng, 2, 1, 8, 1), single(rng, 1, 1, 8, 6), single(rng, 6)
    flat = [single(rng, 36), single(rng, 36), single(rng, 36, low=0.3)]
    w, b, v = single(rng, 36, 5), single(rng, 5), single(rng, 5, 3)
    layers = [
        layer("Conv2D", "conv", c, cb, padding="same", strides=[1, 1], activation="relu"),
        layer("BatchNormalization", "norm", *n, axis=[3], epsilon=0.001),
        layer("DepthwiseConv2D", "depth", d, db, padding="valid", activation="relu6"),
        layer("SeparableConv2D", "separable", s, p, sb, activation="linear"),
        layer("LeakyReLU", "leaky", alpha=0.25),
        layer("ZeroPadding2D", "pad", padding=[[1, 0], [0, 1]]),
        layer("MaxPooling2D", "pool", pool_size=[2, 3], strides=[2, 3], padding="same"),
        layer("Dropout", "drop", rate=0.3),
        layer("Flatten", "flat"),
        layer("BatchNormalization", "norm2", *flat, scale=False, epsilon=0.01),
        layer("Dense", "fc", w, b, activation="leaky_relu"),
        layer("Dense", "out", v, use_bias=False, activation="softmax"),
    ]

    def function(x):
        x = k.batch_norm(k.relu(k.conv(x, c, cb, padding="same")), *n)
        x = np.clip(k.depthwise(x, d, db), 0, 6)
        x = k.conv(k.depthwise(x, s), p, sb)
        x = np.where(x > 0, x, 0.25 * x)
        x = k.max_pool(np.pad(x, ((0, 0), (1, 0), (0, 1), (0, 0))), (2, 3), (2, 3), "same")
        x = k.batch_norm(x.reshape(len(x), -1), 1.0, *flat, eps=0.01) @ w + b
        return k.softmax(np.where(x > 0, x, 0.2 * x) @ v)

    return layers, function


@pytest.mark.parametrize("version", FORMATS)
def test_a_sequential_model(version, rng, tmp_path):
    layers, function = chain(rng)
    x = rng.normal(size=(4, 7, 5, 3))
    assert function(x).shape == (4, 3)
    agrees(write(tmp_path, version, layers, (7, 5, 3)), x, function(x))
    without = write(tmp_path, version, layers)
    with pytest.raises(ReadError, match="give input_shape"):
        bioconv.read(without)
    agrees(without, x, function(x), input_shape=(3, 7, 5))


@pytest.mark.parametrize("version", FORMATS)
def test_a_functional_model(version, rng, tmp_path):
    """A shortcut, two ways side by side, and flattened maps of two sizes in one dense layer."""
    a, ab, b, bb = single(rng, 3, 3, 2, 4), single(rng, 4), single(rng, 1, 1, 2, 4), single(rng, 4)
    w, wb = single(rng, 12 * 4 + 8 + 2 * 2 * 8, 3), single(rng, 3)
    layers = [
        layer("Conv2D", "left", a, ab, strides=2, padding="same", fed=("start",)),
        layer("Conv2D", "right", b, bb, strides=[2, 2], padding="same", fed=("start",)),
        layer("Add", "sum", fed=("left", "right")),
        layer("ReLU", "cut", max_value=1.5, negative_slope=0.0, threshold=0.0, fed=("sum",)),
        layer("Activation", "act", activation="relu", fed=("left",)),
        layer("Concatenate", "both", axis=-1, fed=("cut", "act")),
        layer("AveragePooling2D", "mean", pool_size=[2, 2], padding="same", fed=("both",)),
        layer("GlobalAveragePooling2D", "global", fed=("both",)),
        layer("Flatten", "flat", fed=("cut",)),
        layer("Flatten", "flat2", fed=("mean",)),
        layer("Concatenate", "all", axis=1, fed=("flat", "global", "flat2")),
        layer("Dense", "out", w, wb, fed=("all",)),
        layer("Softmax", "answer", axis=-1, fed=("out",)),
    ]  # fmt: skip

    def function(x):
        left = k.conv(x, a, ab, (2, 2), "same")
        cut = np.clip(left + k.conv(x, b, bb, (2, 2), "same"), 0, 1.5)
        both = np.concatenate((cut, k.relu(left)), -1)
        mean = k.avg_pool(both, (2, 2), (2, 2), "same")
        flat = [cut.reshape(len(x), -1), both.mean((1, 2)), mean.reshape(len(x), -1)]
        return k.softmax(np.concatenate(flat, -1) @ w + wb)

    x = rng.normal(size=(3, 5, 8, 2))
    agrees(write(tmp_path, version, layers, (5, 8, 2)), x, function(x))


def test_numbered_groups_are_found_by_kind_and_checked_by_name(rng, tmp_path):
    layers, _ = chain(rng)
    path = write(tmp_path, "keras3.keras", layers, (7, 5, 3))
    with zipfile.ZipFile(path) as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    swapped = weights.replace(b"norm2", b"other")
    assert swapped != weights
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", swapped)
    with pytest.raises(ReadError, match="holds the weights of 'other', not of 'norm2'"):
        bioconv.read(path)


def dense(name="fc", **config):
    return layer("Dense", name, np.ones((4, 3)), np.ones(3), **config)


REFUSED = {
    "lambda": ([layer("Lambda", "code", function=["4wEAAA"])], r"code \(Lambda\).*not executed"),
    "unknown": ([layer("LSTM", "memory")], r"memory \(LSTM\) cannot be read. What can: Dense"),
    "activation": ([dense(activation="gelu")], r"fc \(Dense\): activation 'gelu' cannot be read"),
    "own activation": ([dense(activation={"config": "f"})], "activation {'config': 'f'}"),
    "no weights": ([layer("Dense", "fc")], r"fc \(Dense\): the file has 0 weight"),
    "channels first": (
        [layer("MaxPooling2D", "p", data_format="channels_first")], "data_format='channels_first'",
    ),
    "axis": ([layer("Softmax", "s", axis=0)], "axis=0 cannot be read"),
    "size": ([layer("Dense", "fc", np.ones((5, 3)), np.ones(3))], r"fc \(Dense\): Dense: input has 4"),
    "end in maps": (
        [layer("Dense", "fc", np.ones((4, 3)), np.ones(3)), layer("Flatten", "f"), layer("LSTM", "x")],
        r"x \(LSTM\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_layer(version, name, tmp_path):
    layers, text = REFUSED[name]
    with pytest.raises((ReadError, UnsupportedLayerError), match=text):
        bioconv.read(write(tmp_path, version, layers, (4,)))


def test_maps_at_the_end_are_not_in_the_order_of_keras(tmp_path):
    path = write(tmp_path, "keras3.keras", [layer("Flatten", "flat")], (2, 2, 3))
    with pytest.raises(ReadError, match="end with a dense layer"):
        bioconv.read(path)


def test_classes_of_somebody_else_are_refused(tmp_path):
    path = write(tmp_path, "keras3.keras", [dense()], (4,))
    _edit(path, lambda model: model["config"]["layers"][1].update(registered_name="mine>Dense"))
    with pytest.raises(UnsupportedLayerError, match="is a class of its own, whose code"):
        bioconv.read(path)
    _edit(path, lambda model: model.update(class_name="MyModel"))
    with pytest.raises(UnsupportedLayerError, match="the model is a MyModel"):
        bioconv.read(path)


def _edit(path, change):
    with zipfile.ZipFile(path) as archive:
        model, weights = json.loads(archive.read("config.json")), archive.read("model.weights.h5")
    change(model)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", weights)


def test_files_that_reach_out_or_blow_up(tmp_path):
    path = write(tmp_path, "keras2.h5", [dense()], (4,))
    with h5py.File(path, "a") as file:
        del file["model_weights/fc/fc/w0:0"]
        file["model_weights/fc/fc/w0:0"] = h5py.ExternalLink("elsewhere.h5", "/w")
    with pytest.raises(ReadError, match="is a link to elsewhere"):
        bioconv.read(path)
    with h5py.File(path, "a") as file:
        del file["model_weights/fc/fc/w0:0"]
        file.create_dataset("model_weights/fc/fc/w0:0", shape=(2**20, 2**14), chunks=(1024, 1024))
    with pytest.raises(ReadError, match=r"declares 68719476736 bytes and stores 0"):
        bioconv.read(path)
    bomb = tmp_path / "bomb.keras"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (2**26 + 1))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ReadError, match="config.json unpacks to more than"):
        bioconv.read(bomb)
    with pytest.raises(ReadError, match="no such file"):
        bioconv.read(tmp_path / "missing.keras")


def test_weights_alone_say_what_is_missing(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["fc"]
    with pytest.raises(ReadError, match="weights alone, not their layers"):
        bioconv.read(path)


@pytest.mark.parametrize("version", FORMATS)
def test_damaged_files_give_one_error(version, rng, tmp_path):
    layers, _ = chain(rng)
    path = write(tmp_path, version, layers, (7, 5, 3))
    content, read = path.read_bytes(), 0
    for n in range(30):
        damaged = bytearray(content)
        if n % 3 == 0:
            damaged = damaged[: int(rng.integers(len(content)))]
        for place in rng.integers(max(1, len(damaged)), size=20 * bool(damaged)):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            bioconv.read(path)
            read += 1
        except BioconvError:
            pass
    assert read < 30


def test_bioconvs_own_files_are_still_its_own(tmp_path):
    network = bioconv.read([np.ones((3, 4))])
    bioconv.save_network(network, tmp_path / "own.h5")
    assert bioconv.read(tmp_path / "own.h5").nodes[0].layer.weight.shape == (3, 4)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_keras_itself(ending, rng, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    kl = keras.layers
    start = keras.Input((9, 7, 3))
    x = kl.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu")(start)
    x = kl.Add()([kl.BatchNormalization()(x), kl.Conv2D(4, 1)(x)])
    x = kl.Flatten()(kl.MaxPooling2D((2, 1))(x))
    model = keras.Model(start, kl.Dense(3, activation="softmax")(x))
    model.save(tmp_path / f"model.{ending}")
    images = rng.normal(size=(5, 9, 7, 3)).astype("float32")
    found = bioconv.reference(
        bioconv.read(tmp_path / f"model.{ending}"), images.transpose(0, 3, 1, 2)
    )
    np.testing.assert_allclose(found, model.predict(images, verbose=0), atol=1e-6)
