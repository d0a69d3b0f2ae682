"""A small result made by hand, and axes that belong to no window."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from bioconv.result import Result, Spikes, Traces


@pytest.fixture
def ax():
    return Figure(figsize=(6, 4)).subplots()


@pytest.fixture
def make():
    """Result of 3 samples of 8 steps of 0.5 ms: conv (2, 3, 5), fc (4,), out (2,)."""

    def build(**changes):
        rng = np.random.default_rng(11)
        shapes = {"conv": (2, 3, 5), "fc": (4,), "out": (2,)}
        counts, spikes = {}, {}
        for layer, shape in shapes.items():
            fired = rng.random((3, int(np.prod(shape)), 8)) < 0.4
            counts[layer] = fired.sum(axis=2).reshape(3, *shape)
            sample, neuron, step = np.nonzero(fired)
            spikes[layer] = Spikes(sample=sample, neuron=neuron, step=step)
        values = -0.07 + 0.02 * rng.random((3, 8, 2))
        traces = {"fc": Traces(neurons=[3, 1], values=values, rest=-0.07, threshold=-0.05)}
        given = {
            "counts": counts, "potentials": rng.random((3, 2)), "output": "out", "n_steps": 8, "dt": 0.5e-3,
            "max_rate": 2000.0, "spikes": spikes, "traces": traces, "scales": {"conv": 2.0, "fc": 0.5},
            "nodes": {"conv": "relu1", "fc": "relu2"},
        }  # fmt: skip
        return Result(**(given | changes))

    return build


@pytest.fixture
def result(make):
    return make()
