"""Neurons of published training methods: Brian2 against the array form of each paper, spike for spike.

Every case gives layers, the array form as a function of (n_samples, n_steps, *shape) frames that returns the
spikes of every layer (n_steps, n_samples, *shape) and the output's last potential.
"""

from itertools import pairwise

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv.graph import Conv2d, Dense, Flatten, MaxPool2d, forward
from bioconv.neurons.published import (
    accumulator,
    plif,
    spikegrad,
    spikegrad_error,
    stbp,
    stdb,
    tssl,
)
from bioconv.read.assembly import NeuNorm, Part, assembled, spiking_network

SHAPE, STEPS, SEEDS = (2, 6, 5), 15, 20
CONV = (3, 4, 4)


def weights(rng):
    """Of a convolution to CONV, two dense layers."""
    return (
        Conv2d(weight=rng.normal(size=(3, 2, 3, 2)) * 0.5, bias=rng.normal(size=3) * 0.1),
        Dense(weight=rng.normal(size=(8, 48)) * 0.4),
        Dense(weight=rng.normal(size=(5, 8)) * 0.8),
    )


def steps(frames):
    return frames.swapaxes(0, 1)


def flat(x):
    return x.reshape(len(x), -1)


def stbp_case(rng):
    conv, fc, last = weights(rng)
    k, theta = 0.2 + 0.6 * rng.uniform(), 0.5

    def arrays(frames):
        u = [0, 0, 0]
        o = [0, 0, 0]
        found = [[], [], []]
        for x in steps(frames):
            for n, layer in enumerate((conv, fc, last)):
                arriving = forward(layer, x if n == 0 else flat(x))
                u[n] = k * u[n] * (1 - o[n]) + arriving
                o[n] = x = (u[n] > theta).astype(float)
                found[n].append(x)
        return [np.array(f) for f in found], None

    neuron = stbp(decay=k, V_th=theta)
    return [conv, neuron, Flatten(), fc, neuron, last, neuron], arrays


def plif_or_case(rng):
    conv, _, last = weights(rng)
    fc = Dense(weight=rng.normal(size=(8, 12)) * 0.8)
    pool = MaxPool2d(kernel=2)
    ks = rng.uniform(0.2, 0.9, 3)

    def arrays(frames):
        v = [0.0, 0.0, 0.0]
        found = [[], [], [], []]
        for x in steps(frames):
            for n, layer in enumerate((conv, fc, last)):
                arriving = forward(layer, x)
                h = v[n] + ks[n] * (-(v[n] - 0.0) + arriving)
                s = (h >= 0.5).astype(float)
                v[n] = h * (1 - s)
                if n == 0:
                    found[0].append(s)
                    s = forward(pool, s)
                    found[1].append(s)
                    s = flat(s)
                else:
                    found[n + 1].append(s)
                x = s
        return [np.array(f) for f in found], None

    first, second, third = (plif(k=k, V_th=0.5) for k in ks)
    return [conv, first, pool, Flatten(), fc, second, last, third], arrays


def stdb_case(rng, leak):
    conv, fc, last = weights(rng)
    theta = 0.7

    def arrays(frames):
        u = [np.zeros((len(frames), *shape)) for shape in (CONV, (8,))]
        out = np.zeros((len(frames), 5))
        found = [[], []]
        for x in steps(frames):
            for n, layer in enumerate((conv, fc)):
                arriving = forward(layer, x if n == 0 else flat(x))
                o = (u[n] > theta).astype(float)
                u[n] = leak * u[n] + arriving - theta * o
                found[n].append(o)
                x = o
            out = out + forward(last, x)
        return [np.array(f) for f in found], out

    neuron = stdb(leak=leak, V_th=theta)
    return [conv, neuron, Flatten(), fc, neuron, last, accumulator()], arrays


def tssl_case(rng):
    layers = (
        Dense(weight=rng.normal(size=(9, 60)) * 0.5),
        Dense(weight=rng.normal(size=(7, 9))),
        Dense(weight=rng.normal(size=(5, 7))),
    )
    tau_m, tau_s = 5.0, 3.0

    def arrays(frames):
        a = [0, 0, 0]
        u = [0, 0, 0]
        s = [0, 0, 0]
        found = [[], [], []]
        for x in steps(frames):
            sent = flat(x)
            for n, layer in enumerate(layers):
                a[n] = (1 - 1 / tau_s) * a[n] + sent / tau_s
                u[n] = (1 - 1 / tau_m) * u[n] * (1 - s[n]) + forward(layer, a[n])
                s[n] = (u[n] > 1).astype(float)
                sent = s[n]
                found[n].append(sent)
        return [np.array(f) for f in found], None

    neuron = tssl(tau_m=tau_m, tau_s=tau_s)
    return [Flatten(), layers[0], neuron, layers[1], neuron, layers[2], neuron], arrays


def neunorm_case(rng):
    conv, _, _ = weights(rng)
    second = Conv2d(weight=rng.normal(size=(4, 3, 2, 3)))
    gain = rng.uniform(0, 2, CONV)
    k, k2, theta = 0.5, 0.9, 0.4
    fc = Dense(weight=rng.normal(size=(5, 24)) * 0.5)

    def arrays(frames):
        u = [0, 0, 0]
        o = [0, 0, 0]
        mean = np.zeros((len(frames), 1, *CONV[1:]))
        found = [[], [], []]
        for x in steps(frames):
            u[0] = k * u[0] * (1 - o[0]) + forward(conv, x)
            o[0] = (u[0] > theta).astype(float)
            mean = k2 * mean + (1 - k2) / CONV[0] ** 2 * o[0].sum(axis=1, keepdims=True)
            u[1] = k * u[1] * (1 - o[1]) + forward(second, o[0] - gain * mean)
            o[1] = (u[1] > theta).astype(float)
            u[2] = k * u[2] * (1 - o[2]) + forward(fc, flat(o[1]))
            o[2] = (u[2] > theta).astype(float)
            for n in range(3):
                found[n].append(o[n])
        return [np.array(f) for f in found], None

    neuron = stbp(decay=k, V_th=theta)
    norm = NeuNorm(decay=k2, gain=gain)
    return [conv, neuron, norm, second, neuron, Flatten(), fc, neuron], arrays


CASES = {
    "STBP": stbp_case,
    "PLIF and OR-pooling": plif_or_case,
    "STDB without leak": lambda rng: stdb_case(rng, 1.0),
    "STDB": lambda rng: stdb_case(rng, 0.95),
    "TSSL-BP": tssl_case,
    "NeuNorm": neunorm_case,
}


def trains(result, layer, n, shape):
    found = np.zeros((result.n_steps, n, int(np.prod(shape))), dtype=int)
    spikes = result.spikes[layer]
    np.add.at(found, (spikes.step, spikes.sample, spikes.neuron), 1)
    return found.reshape(result.n_steps, n, *shape)


def check(case, seed, run, **options):
    """The number of spikes, which are those of the arrays."""
    rng = np.random.default_rng(seed)
    layers, arrays = CASES[case](rng)
    frames = rng.uniform(size=(4, STEPS, *SHAPE))
    network = spiking_network(layers, SHAPE)
    model = bioconv.to_brian(network, encoder="frames", **options)
    result = model.run(frames, record="spikes", **run)
    expected, potential = arrays(frames)
    spiking = [p for p in network.populations if p.spiking]
    assert len(spiking) == len(expected)
    for population, spikes in zip(spiking, expected, strict=True):
        found = trains(result, population.name, 4, population.shape)
        np.testing.assert_array_equal(found, spikes, err_msg=population.name)
    if potential is not None:
        np.testing.assert_allclose(result.potentials, potential, rtol=1e-12, atol=1e-12)
    return [float(spikes.mean()) for spikes in expected]


@pytest.mark.parametrize("seeds", [5, pytest.param(SEEDS, marks=pytest.mark.full)])
@pytest.mark.parametrize("case", CASES)
def test_random_networks(case, seeds):
    rates = np.array([check(case, seed, {"device": "numpy"}) for seed in range(seeds)])
    assert (rates.mean(axis=0) > 0.02).all() and (rates.mean(axis=0) < 0.9).all()


@pytest.mark.compiled
@pytest.mark.parametrize("case", [pytest.param("STDB", marks=pytest.mark.full), "NeuNorm"])
def test_compiled(case):
    check(case, 99, {"device": "cpp_standalone", "batch_size": 3})


def test_explicit_synapses():
    check("NeuNorm", 98, {"device": "numpy"}, projections="explicit")


@pytest.mark.parametrize("kind", ["stbp", "plif", "stdb", "tssl"])
def test_trained_weights(kind):
    """The weights of digits_mlp, which were trained, on its own images."""
    network, digits = bioconv.read("digits_mlp"), bioconv.datasets.load("digits", samples=60)
    dense = [node.layer for node in network.nodes if isinstance(node.layer, Dense)]
    neuron = {"stbp": stbp(decay=0.5), "plif": plif(k=0.5, V_th=0.5), "stdb": stdb(leak=0.95, V_th=0.5),
              "tssl": tssl(V_th=0.5)}[kind]  # fmt: skip
    layers = [Flatten(), dense[0], neuron, dense[1], neuron, dense[2], neuron]
    spiking = spiking_network(layers, digits.images.shape[1:])
    result = bioconv.to_brian(spiking).run(digits.images, 20 * ms, record="spikes", device="numpy")
    u = [np.zeros((60, layer.weight.shape[0])) for layer in dense]
    o, a = [np.zeros_like(x) for x in u], [np.zeros_like(x) for x in u]
    found = [[], [], []]
    for _ in range(20):
        x = flat(digits.images)
        for n, layer in enumerate(dense):
            if kind == "stdb":
                now = (u[n] > 0.5).astype(float)
                u[n] = 0.95 * u[n] + forward(layer, x) - 0.5 * now
                o[n] = now
            else:
                arriving = forward(layer, x)
                if kind == "stbp":
                    u[n] = 0.5 * u[n] * (1 - o[n]) + arriving
                elif kind == "plif":
                    u[n] = u[n] + 0.5 * (arriving - u[n])
                else:
                    a[n] = (1 - 1 / 3) * a[n] + arriving / 3
                    u[n] = (1 - 1 / 5) * u[n] * (1 - o[n]) + a[n]
                o[n] = ((u[n] >= 0.5) if kind == "plif" else (u[n] > 0.5)).astype(float)
                if kind == "plif":
                    u[n] = u[n] * (1 - o[n])
            x = o[n]
            found[n].append(x)
    for population, spikes in zip(spiking.populations, found, strict=True):
        assert np.mean(spikes) > 0.01
        np.testing.assert_array_equal(
            trains(result, population.name, 60, population.shape), np.array(spikes)
        )


# -- SpikeGrad: counts when all is settled ----------------------------------------------------------

SIZES = (12, 9, 7, 4)
SETTLED = 150


class Learning:
    """A forward network of three layers, its backward network, and both as integers."""

    def __init__(self, rng):
        self.weights = [rng.normal(size=(n, m)) for m, n in pairwise(SIZES)]
        self.biases = [rng.normal(size=n) * 0.3 for n in SIZES[1:]]
        self.theta, self.theta_b = 1.0, 0.9

    def network(self):
        """Input: image and output errors side by side; forward layers f1 to f3, error layers e3 to e1."""
        n_in, n_out = SIZES[0], SIZES[-1]
        parts = [
            Part(name="image", what=Dense(weight=np.eye(n_in, n_in + n_out)), inputs=("input",)),
            Part(name="error", what=Dense(weight=np.eye(n_out, n_in + n_out, k=n_in)),
                 inputs=("input",)),
        ]  # fmt: skip
        before = "image"
        for n, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            parts.append(Part(name=f"w{n}", what=Dense(weight=weight), inputs=(before,)))
            neuron = spikegrad(V_th=self.theta, first=bias)
            parts.append(Part(name=f"f{n}", what=neuron, inputs=(f"w{n}",)))
            before = f"f{n}"
        before = "error"
        for n in (3, 2, 1):
            parts.append(
                Part(name=f"e{n}", what=spikegrad_error(V_th=self.theta_b), inputs=(before,))
            )
            if n > 1:
                parts.append(
                    Part(name=f"b{n}", what=Dense(weight=self.weights[n - 1].T), inputs=(f"e{n}",))
                )
                before = f"b{n}"
        made = assembled(parts, (n_in + n_out,), output="e1")
        active = tuple(
            bioconv.spiking.Projection(
                name=f"active{n}", source=f"f{n}", target=f"e{n}", layers=(), shape=(SIZES[n],),
                variable="active",
            )
            for n in (1, 2, 3)
        )  # fmt: skip
        return bioconv.spiking.SpikingNetwork(
            stimulus=made.stimulus,
            populations=made.populations,
            projections=made.projections + active,
            output=made.output,
        )

    def integers(self, x, error):
        """Counts of every layer and errors, by the equations of the equivalent network."""
        counts, n = [], x
        for weight, bias in zip(self.weights, self.biases, strict=True):
            n = np.maximum(0, np.floor((n @ weight.T + bias) / self.theta))
            counts.append(n)
        z = np.trunc(error / self.theta_b)
        errors = [z]
        for layer in (2, 1):
            z = np.trunc((z * (counts[layer] > 0)) @ self.weights[layer] / self.theta_b)
            errors.insert(0, z)
        return counts, errors


@pytest.mark.parametrize("seed", range(SEEDS))
def test_spikegrad_settles_at_the_integers(seed):
    rng = np.random.default_rng(seed)
    both = Learning(rng)
    x = rng.integers(0, 3, (5, SIZES[0])).astype(float)
    error = rng.normal(size=(5, SIZES[-1])) * 6
    frames = np.zeros((5, 2 * SETTLED, SIZES[0] + SIZES[-1]))
    frames[:, 0, : SIZES[0]] = x
    frames[:, SETTLED, SIZES[0] :] = error
    model = bioconv.to_brian(both.network(), encoder="frames")
    result = model.run(frames, device="numpy", record="spikes")
    counts, errors = both.integers(x, error)
    assert sum(n.sum() for n in counts) > 20 and sum(np.abs(n).sum() for n in errors) > 20
    for n in (1, 2, 3):
        f, e = f"f{n}", f"e{n}"
        np.testing.assert_array_equal(result.counts[f] - result.negatives[f], counts[n - 1])
        np.testing.assert_array_equal(result.counts[e] - result.negatives[e], errors[n - 1])


def test_spikegrad_takes_spikes_back_in_whatever_order_input_arrives():
    """The same input in one step, or spread over many: other spikes, the same counts."""
    rng = np.random.default_rng(5)
    network = spiking_network(
        [Dense(weight=rng.normal(size=(9, 6))), spikegrad(), Dense(weight=rng.normal(size=(4, 9))), spikegrad()],
        (6,),
    )  # fmt: skip
    x = rng.integers(0, 4, (20, 6)).astype(float)
    at_once, spread = np.zeros((2, 20, 80, 6))
    at_once[:, 0] = x
    for step in range(4):
        spread[:, 5 * step] = x > step
    model = bioconv.to_brian(network, encoder="frames")
    first, second = (model.run(f, device="numpy", record="spikes") for f in (at_once, spread))
    assert (first.negatives["layer2"] != second.negatives["layer2"]).any()
    for layer in ("layer1", "layer2"):
        net = [r.counts[layer] - r.negatives[layer] for r in (first, second)]
        np.testing.assert_array_equal(*net)
        assert net[0].sum() > 20
