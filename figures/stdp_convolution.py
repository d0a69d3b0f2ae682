"""Filters, convergence and accuracy of convolution that learns by STDP.

Kheradpisheh et al. (2018), Neural Networks 99:56–67: layers of convolution that learn without labels, and a linear read-out, 98.4 % on
MNIST. Here the layers of SpykeTorch's network; the second learns from 20,000 images at rates that double, instead of 1,200,000. Random
filters are those before learning, compared with 5,000 images for the read-out; half of their neurons fire, many together, for which
the read-out needs a smaller c: the best of three counts. Training goes on from the
checkpoints of ``models/stdp_convolution/train.py`` where there are some.
"""

import importlib.util
from typing import Any

import numpy as np
from common import HERE, main
from matplotlib.figure import Figure

from bioconv import datasets
from bioconv.learn import stdp_convolution as sc

NAME = "stdp_convolution"
FEW, STRENGTHS = 5000, (2.4, 0.01, 0.0005)
#: Images for the read-out.
READ_OUT = {"mnist": 60_000, "fashion_mnist": 20_000}


def compute() -> dict[str, Any]:
    model = _script()
    networks = {name: model.trained(name.replace("_", "-")) for name in READ_OUT}
    random = sc.Trained.random(sc.MNIST, seed=model.SEED)
    train, test = (datasets.load("mnist", part) for part in ("train", "test"))
    times, test_times = sc.latencies(train.images[:FEW]), sc.latencies(test.images)
    few = train.labels[:FEW]
    return {
        "sets": {name: _measured(name, network) for name, network in networks.items()},
        "filters": np.round(networks["mnist"].weights[0], 2),
        "few": {
            kind: scores(network, times, few, test_times, test.labels, STRENGTHS, 60)
            for kind, network in (("trained", networks["mnist"]), ("random", random))
        },
    }


def _script() -> Any:
    """The training script of the model."""
    path = HERE.parent / "models" / "stdp_convolution" / "train.py"
    spec = importlib.util.spec_from_file_location("stdp_convolution_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _measured(name: str, network: sc.Trained) -> dict[str, Any]:
    train, test = (datasets.load(name.replace("_", "-"), part) for part in ("train", "test"))
    n_read_out = READ_OUT[name]
    times, test_times = sc.latencies(train.images[:n_read_out]), sc.latencies(test.images)
    labels, c = train.labels[:n_read_out], STRENGTHS[0]
    accuracy = scores(network, times, labels, test_times, test.labels, [c], 30)[c]
    return {"indices": network.indices, "n_read_out": n_read_out, "accuracy": accuracy}


def scores(network: sc.Trained, times, labels, test_times, test_labels, strengths, passes) -> dict:
    """{c: accuracy on the test images}."""
    features = network.features(times, encoded=True)
    tested = network.features(test_times, encoded=True)
    return {
        c: float(sc.read_out(features, labels, c=c, passes=passes).score(tested, test_labels))
        for c in strengths
    }


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    left.imshow(_sheet(np.array(data["filters"])), cmap="coolwarm", vmin=-1, vmax=1)
    left.set_axis_off()
    few = {kind: 100 * max(of.values()) for kind, of in data["few"].items()}
    left.set_title(
        "MNIST, first layer: on (red) minus off (blue)\n"
        f"read out with {FEW:,} images {few['trained']:.2f} %, with random filters {few['random']:.2f} %",
        fontsize="medium",
    )
    for k, (name, one) in enumerate(data["sets"].items()):
        for layer, style in enumerate(("-", "--")):
            points = np.array([row[1:] for row in one["indices"] if row[0] == layer])
            label = f"{name}: {100 * one['accuracy']:.2f} %, read out with {one['n_read_out']:,}"
            right.plot(*points.T, style, color=f"C{k}", label=None if layer else label)
    right.axhline(0.01, color="black", linewidth=0.8, linestyle=":")
    right.set_yscale("log")
    right.set_ylim(top=2)
    right.set_xlabel("images (solid: first layer, dashed: second)")
    right.set_ylabel("mean of w (1 - w)")
    right.set_title("Convergence, and test accuracy", fontsize="medium")
    right.legend(fontsize="small", loc="upper right")
    return figure


def _sheet(filters: np.ndarray, columns: int = 8) -> np.ndarray:
    """Filters side by side, NaN between them."""
    shown = np.pad(filters[:, 0] - filters[:, 1], ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    n, rows, width = shown.shape
    blocks = shown.reshape(n // columns, columns, rows, width)
    return blocks.transpose(0, 2, 1, 3).reshape(n // columns * rows, -1)


if __name__ == "__main__":
    main(NAME, compute, draw)
