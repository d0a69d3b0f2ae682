"""A trained spiking network as plain arrays and as a SpikingNetwork: convolution, recurrent layer, readout."""

import numpy as np

from bioconv import Discrete
from bioconv.graph import Conv2d, Dense, Flatten
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus

SHAPE, MAPS, HIDDEN, OUT, STEPS = (2, 5, 4), (3, 4, 2), 17, 6, 40


class Arrays:
    """The network of this module as plain arrays: convolution, recurrent layer, readout."""

    def __init__(self, seed=3):
        rng = np.random.default_rng(seed)
        self.kernel = rng.normal(size=(3, 2, 2, 3))
        self.dense = rng.normal(size=(HIDDEN, 24)) * 0.5
        self.again = rng.normal(size=(HIDDEN, HIDDEN)) * 0.3
        self.last = rng.normal(size=(OUT, HIDDEN)) * 0.4
        self.bias = rng.uniform(0, 0.2, HIDDEN)
        self.beta = rng.uniform(0.8, 0.99, MAPS)
        self.theta = rng.uniform(0.6, 1.4, HIDDEN)

    def run(self, frames):
        """Spikes (n_steps, n, *) of both layers and the readout's last potentials."""
        n = len(frames)
        v, u, w = np.zeros((n, *MAPS)), np.zeros((n, HIDDEN)), np.zeros((n, OUT))
        back = np.zeros((n, HIDDEN))
        maps, hidden = [], []
        for frame in frames.swapaxes(0, 1):
            v = self.beta * v + self.convolved(frame)
            s = v >= 1
            v = np.where(s, 0.25, v)
            drive = s.reshape(n, -1) @ self.dense.T + back @ self.again.T + self.bias
            u = u + (drive - (u - 0.1)) / 1.5
            o = u > self.theta
            u = u - self.theta * o
            back = o.astype(float)
            w = 0.9 * w + o @ self.last.T
            maps.append(s)
            hidden.append(o)
        return np.array(maps), np.array(hidden), w

    def convolved(self, x):
        rows = [
            np.einsum("niyx,oiyx->no", x[:, :, r : r + 2, c : c + 3], self.kernel)
            for r in range(4)
            for c in range(2)
        ]
        return np.stack(rows, axis=2).reshape(len(x), *MAPS)


def network(arrays):
    first = Discrete(
        label="leaky, reset to a value",
        equations="v : {potential}",
        update="v = beta*v + drive",
        spike="v >= V_th",
        reset="v = V_reset",
        begin="v = 0*v",
        potentials={"V_th": 1, "V_reset": 0.25},
        numbers={"beta": arrays.beta},
    )
    second = Discrete(
        label="leak towards a value, soft reset",
        equations="v : {potential}",
        update="v = v + (drive - (v - v_leak))/tau",
        spike="v > V_th",
        reset="v -= V_th",
        begin="v = 0*v",
        potentials={"V_th": arrays.theta, "v_leak": 0.1},
        numbers={"tau": 1.5},
    )
    readout = Discrete(
        label="leaky readout",
        equations="v : {potential}",
        update="v = beta*v + drive",
        spike="",
        reset="",
        begin="v = 0*v",
        numbers={"beta": 0.9},
    )
    populations = [
        Population(name="conv", shape=MAPS, node="conv", neuron=first, bias=np.zeros(MAPS)),
        Population(name="hidden", shape=(HIDDEN,), node="hidden", neuron=second, bias=arrays.bias),
        Population(name="out", shape=(OUT,), node="out", neuron=readout, bias=np.zeros(OUT)),
    ]
    paths = [
        ("input", "conv", (Conv2d(weight=arrays.kernel),), SHAPE),
        ("conv", "hidden", (Flatten(), Dense(weight=arrays.dense)), MAPS),
        ("hidden", "hidden", (Dense(weight=arrays.again),), (HIDDEN,)),
        ("hidden", "out", (Dense(weight=arrays.last),), (HIDDEN,)),
    ]
    return SpikingNetwork(
        stimulus=Stimulus.any(SHAPE),
        populations=tuple(populations),
        projections=tuple(
            Projection(name=f"{a}_to_{b}", source=a, target=b, layers=layers, shape=shape)
            for a, b, layers, shape in paths
        ),
        output="out",
    )


def sequences(encoder, n=5):
    rng = np.random.default_rng(8)
    if encoder == "events":
        return (rng.uniform(size=(n, STEPS, *SHAPE)) < 0.3).astype(float)
    if encoder == "frames":
        return rng.normal(0.2, 0.5, size=(n, STEPS, *SHAPE))
    return np.repeat(rng.normal(0.2, 0.5, size=(n, 1, *SHAPE)), STEPS, axis=1)
