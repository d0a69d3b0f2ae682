"""Keras models written by hand as Keras 2 and 3 write them, and what they compute, channels last."""

import io
import json
import zipfile

import h5py
import numpy as np

from bioconv.read.keras import _snake_case

FORMATS = ["keras3.keras", "keras3.h5", "keras2.h5"]


def layer(kind, name, *weights, fed=(), **config):
    """(class name, name, weights in Keras' order, names of inputs, settings)."""
    return {"kind": kind, "name": name, "weights": weights, "fed": fed, "config": config}


def write(folder, version, layers, shape=None):
    """A file of this version; functional where a layer says who feeds it, else Sequential."""
    path = folder / f"model{version[version.index('.') :]}"
    three, functional = version.startswith("keras3"), any(one["fed"] for one in layers)
    start = {
        "batch_shape" if three else "batch_input_shape": [None, *(shape or ())],
        "name": "start",
    }
    written = (
        []
        if shape is None
        else [_written({"kind": "InputLayer", "config": start, "fed": ()}, three)]
    )
    written += [_written(one, three) for one in layers]
    inside = {"name": "model", "layers": written}
    if functional:
        end = layers[-1]["name"]
        inside["input_layers"] = ["start", 0, 0] if three else [["start", 0, 0]]
        inside["output_layers"] = [end, 0, 0] if three else [[end, 0, 0]]
    model = {"class_name": "Functional" if functional else "Sequential", "config": inside}
    if version.endswith(".keras"):
        _write_zip(path, model, layers)
    else:
        _write_hdf5(path, model, layers, three)
    return path


def _written(one, three):
    config = {"name": one.get("name"), **one["config"]}
    found = {"class_name": one["kind"], "config": config, "name": config["name"]}
    if three:
        found |= {"module": "keras.layers", "registered_name": None}
        tensors = [
            {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
            for name in one["fed"]
        ]
        args = tensors if len(tensors) == 1 else [tensors]
        found["inbound_nodes"] = [{"args": args, "kwargs": {}}] if tensors else []
    else:
        calls = [[name, 0, 0, {}] for name in one["fed"]]
        found["inbound_nodes"] = [calls] if calls else []
    return found


def _write_zip(path, model, layers):
    content, count = io.BytesIO(), {}
    with h5py.File(content, "w") as file:
        for one in layers:
            kind = _snake_case(one["kind"])
            n = count[kind] = count.get(kind, -1) + 1
            group = file.create_group(f"layers/{kind}{f'_{n}' * (n > 0)}/vars")
            group.attrs["name"] = one["name"]
            for k, weight in enumerate(one["weights"]):
                group.create_dataset(str(k), data=np.asarray(weight, dtype="float32"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", content.getvalue())


def _write_hdf5(path, model, layers, three):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model) if three else json.dumps(model).encode()
        file.attrs["keras_version"] = "3.15.1" if three else "2.15.0"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [one["name"] for one in layers]
        for one in layers:
            group = root.create_group(one["name"])
            names = [f"{one['name']}/w{n}" + ":0" * (not three) for n in range(len(one["weights"]))]
            group.attrs["weight_names"] = names if three else [name.encode() for name in names]
            for name, weight in zip(names, one["weights"], strict=True):
                group.create_dataset(name, data=np.asarray(weight, dtype="float32"))


# What Keras computes, on (n, rows, columns, channels), in loops.


def padded(x, kernel, stride, padding, fill=0.0):
    if padding == "valid":
        return x
    around = [(0, 0)]
    for size, k, s in zip(x.shape[1:3], kernel, stride, strict=True):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        around.append((total // 2, total - total // 2))
    return np.pad(x, [*around, (0, 0)], constant_values=fill)


def windows(x, kernel, stride):
    """Yield (row, column, window) of every position."""
    rows = range(0, x.shape[1] - kernel[0] + 1, stride[0])
    columns = range(0, x.shape[2] - kernel[1] + 1, stride[1])
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            yield (i, j), x[:, r : r + kernel[0], c : c + kernel[1]]


def sliding(x, kernel, stride, function):
    found = {place: function(window) for place, window in windows(x, kernel, stride)}
    rows, columns = (1 + max(place[n] for place in found) for n in (0, 1))
    return np.stack(
        [np.stack([found[r, c] for c in range(columns)], axis=1) for r in range(rows)], axis=1
    )


def conv(x, kernel, bias, stride=(1, 1), padding="valid"):
    x = padded(x, kernel.shape[:2], stride, padding)
    y = sliding(x, kernel.shape[:2], stride, lambda w: np.einsum("nrci,rcio->no", w, kernel))
    return y + bias


def depthwise(x, kernel, bias=0.0):
    def one(w):
        return np.einsum("nrci,rcim->nim", w, kernel).reshape(len(w), -1)

    return sliding(x, kernel.shape[:2], (1, 1), one) + bias


def max_pool(x, kernel, stride, padding="valid"):
    x = padded(x, kernel, stride, padding, fill=-np.inf)
    return sliding(x, kernel, stride, lambda w: w.max((1, 2)))


def avg_pool(x, kernel, stride, padding="valid"):
    x = padded(x, kernel, stride, padding, fill=np.nan)
    return sliding(x, kernel, stride, lambda w: np.nanmean(w, (1, 2)))


def batch_norm(x, gamma, beta, mean, var, eps=1e-3):
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def relu(x):
    return np.maximum(x, 0)
