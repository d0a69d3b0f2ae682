"""SpikeGrad: the integers of the trained network against events in any order, and against Brian2."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bioconv  # noqa: E402
from bioconv import datasets  # noqa: E402
from bioconv.errors import ParameterError  # noqa: E402
from bioconv.graph import Dense  # noqa: E402
from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import Settled, SpikeGrad  # noqa: E402
from bioconv.neurons.published import spikegrad_error  # noqa: E402
from bioconv.read.assembly import Part, assembled  # noqa: E402
from bioconv.spiking import Projection, SpikingNetwork  # noqa: E402

SHAPE, ORDERS = (1, 8, 8), 5


def network(seed=0):
    """Convolution with begins, average pooling, two dense layers; rectangles inside."""
    torch.manual_seed(seed)
    net = Settled(
        nn.Conv2d(1, 3, (3, 2), stride=(1, 2), padding=(1, 0), bias=False),
        SpikeGrad(threshold=0.1, error_threshold=0.4, channels=3), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(24, 12, bias=False), SpikeGrad(0.3, 0.5, channels=12), nn.Linear(12, 10, bias=False),
        alpha=30.0, error_threshold=0.7,
    ).double()  # fmt: skip
    with torch.no_grad():
        for neuron in (net[1], net[5]):
            neuron.begin.uniform_(-0.5, 0.5)
        net[4].weight.mul_(2)
    return net


def digits(n):
    """Pixels as 0 to 4 spikes, labels."""
    data = datasets.load("digits", "train", samples=n)
    return torch.tensor(np.round(4 * data.images)).double(), torch.tensor(data.labels).long()


def backward(net, images, labels):
    """Counts and error counts of every layer, and the gradient of every parameter."""
    net.zero_grad()
    loss = gradient.potential_cross_entropy(net(images), labels)
    loss.backward()
    return net.counts(images), net.errors(), {name: p.grad for name, p in net.named_parameters()}


#: The linear layers before each layer of neurons, and the neurons that send to them.
STAGES = (("0",), ("2", "3", "4"), ("6",))
NEURONS = ("1", "5")


def matrices(net):
    """(n_post, n_pre) of what lies between two layers of neurons, hanging on the parameters."""
    found = []
    for names, shape in zip(STAGES, (SHAPE, (3, 8, 4), (12,)), strict=True):
        x = torch.eye(int(np.prod(shape)), dtype=torch.float64).reshape(-1, *shape)
        for name in names:
            x = net.get_submodule(name)(x)
        found.append(x.flatten(1).T)
    return found


class Events:
    """One event after another, in random order, on one image: potentials, counts, errors, changes of weights.

    Two rules take spikes back: the one that is independent of the order, and the paper's ternary one.
    """

    def __init__(self, net, rule="independent", seed=0):
        self.weights = [w.detach().numpy() for w in matrices(net)]
        self.neurons = [net.get_submodule(name) for name in NEURONS]
        self.alpha, self.output_threshold = net.alpha, net.error_threshold
        self.rng, self.rule = np.random.default_rng(seed), rule

    def forward(self, image):
        """Spikes of the image, and of every neuron that may send one, in random order until none is left."""
        sizes = [len(w) for w in self.weights]
        begins = [n.begin.detach().numpy() for n in self.neurons]
        spread = (np.repeat(b, size // len(b)) for b, size in zip(begins, sizes, strict=False))
        self.v = [*spread, np.zeros(sizes[-1])]
        self.n = [np.zeros(size, dtype=int) for size in sizes[:-1]]
        self.image, self.taken_back = image.ravel().astype(int), 0
        waiting = self.image.copy()
        able = [np.flatnonzero(waiting), *(self._able(k) for k in range(len(self.n)))]
        while event := self._chosen(able):
            k, i = event
            if k == 0:
                sign = 1
                waiting[i] -= 1
                able[0] = np.flatnonzero(waiting)
            else:
                sign = 1 if self.v[k - 1][i] >= self.neurons[k - 1].threshold else -1
                self.n[k - 1][i] += sign
                self.taken_back += sign < 0
                self.v[k - 1][i] -= sign * self.neurons[k - 1].threshold
                able[k] = self._able(k - 1)
            self.v[k] += sign * self.weights[k][:, i]
            if k < len(self.n):
                able[k + 1] = self._able(k)

    def _able(self, k):
        v, theta = self.v[k], self.neurons[k].threshold
        back = v < 0 if self.rule == "independent" else v <= -theta
        return np.flatnonzero((v >= theta) | (back & (self.n[k] > 0)))

    def backward(self, label):
        """Errors of the outputs are injected when the forward events are over; then events in random order."""
        share = np.exp(self.v[-1] - self.v[-1].max())
        share /= share.sum()
        share[label] -= 1
        self.u = [*(np.zeros(len(n)) for n in self.n), self.alpha * share]
        self.z = [np.zeros(len(u), dtype=int) for u in self.u]
        self.changes = [np.zeros_like(w) for w in self.weights]
        self.thresholds = [*(n.error_threshold for n in self.neurons), self.output_threshold]
        below, last = [self.image, *self.n], len(self.n)
        able = [self._wrong(k) for k in range(len(self.z))]
        while event := self._chosen(able):
            k, i = event
            sign = 1 if self.u[k][i] > 0 else -1
            self.z[k][i] += sign
            self.u[k][i] -= sign * self.thresholds[k]
            able[k] = self._wrong(k)
            if k == last or self.n[k][i] > 0:
                self.changes[k][i] += sign * below[k]
                if k:
                    self.u[k - 1] += sign * self.weights[k][i]
                    able[k - 1] = self._wrong(k - 1)

    def passed(self):
        """The error counts that were sent on: none of a neuron that is silent."""
        return [*(z * (n > 0) for z, n in zip(self.z, self.n, strict=False)), self.z[-1]]

    def _wrong(self, k):
        u, z, theta = self.u[k], self.z[k], self.thresholds[k]
        return np.flatnonzero((np.abs(u) >= theta) | (z * u < 0))

    def _chosen(self, able):
        """Layer and neuron of the next event; None when all is settled."""
        n = sum(map(len, able))
        place = int(self.rng.random() * n)
        for k, neurons in enumerate(able):
            if place < len(neurons):
                return k, neurons[place]
            place -= len(neurons)
        return None


def run(net, image, label, **options):
    events = Events(net, **options)
    events.forward(image)
    events.backward(label)
    return events


def test_events_in_any_order_end_at_the_integers():
    """100 digits, five orders each: counts, error counts and changes of weights, all alike in 500 of 500."""
    net, (images, labels) = network(), digits(100)
    weights = [net.get_submodule(names[-1]).weight for names in STAGES]
    same, active, taken_back = 0, 0, 0
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        counts, errors, gradients = backward(net, image[None], label[None])
        n = [c.flatten().numpy() for c in counts.values()]
        z = [e.flatten().numpy() for e in errors.values()]
        below = [image.flatten().numpy(), *n]
        changes = [np.outer(e, c) for e, c in zip(z, below, strict=True)]
        stated = torch.autograd.grad(matrices(net), weights, [torch.tensor(c) for c in changes])
        for names, change in zip(STAGES, stated, strict=True):
            np.testing.assert_array_equal(gradients[f"{names[-1]}.weight"].numpy(), change.numpy())
        active += sum(c.sum() for c in n) > 50 and min(np.abs(e).sum() for e in z) > 0
        for order in range(ORDERS):
            events = run(net, image.numpy(), int(label), seed=ORDERS * k + order)
            found = [*events.n, *events.passed(), *events.changes]
            same += all(
                np.array_equal(a, b) for a, b in zip(found, [*n, *z, *changes], strict=True)
            )
            np.testing.assert_allclose(events.v[-1], net(image[None])[0, 0].detach(), atol=1e-12)
            taken_back += events.taken_back
    assert same == 100 * ORDERS
    assert active > 90 and taken_back > 1000


def test_the_ternary_rule_depends_on_the_order():
    """Why spikes are taken back below zero, not below minus the threshold."""
    net, (images, labels) = network(), digits(40)
    wrong = 0
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        n = [c.flatten().numpy() for c in net.counts(image[None]).values()]
        events = run(net, image.numpy(), int(label), rule="ternary", seed=k)
        wrong += not all(np.array_equal(a, b) for a, b in zip(events.n, n, strict=True))
    assert wrong > 10


def test_integers_are_those_of_the_equations():
    net, (images, labels) = network(1), digits(20)
    counts, errors, gradients = backward(net, images, labels)
    first, second, last = (w.detach().numpy() for w in matrices(net))
    b1, b2 = (net.get_submodule(name).begin.detach().numpy() for name in NEURONS)
    x = images.flatten(1).numpy()
    n1 = np.maximum(0, np.floor((x @ first.T + np.repeat(b1, 32)) / 0.1))
    n2 = np.maximum(0, np.floor((n1 @ second.T + b2) / 0.3))
    potentials = n2 @ last.T
    share = np.exp(potentials) / np.exp(potentials).sum(1, keepdims=True)
    z3 = np.trunc(30 * (share - np.eye(10)[labels]) / 0.7)
    z2 = np.trunc(z3 @ last / 0.5) * (n2 > 0)
    z1 = np.trunc(z2 @ second / 0.4) * (n1 > 0)
    for found, wanted in zip(counts.values(), (n1, n2), strict=True):
        np.testing.assert_array_equal(found.flatten(1).numpy(), wanted)
    for found, wanted in zip(errors.values(), (z1, z2, z3), strict=True):
        assert np.abs(wanted).sum() > 20
        np.testing.assert_array_equal(found.flatten(1).numpy(), wanted)
    np.testing.assert_array_equal(gradients["6.weight"].numpy(), z3.T @ n2)
    np.testing.assert_array_equal(gradients["4.weight"].numpy(), z2.T @ _pooled(n1))
    np.testing.assert_array_equal(gradients["1.begin"].numpy(), z1.reshape(20, 3, 32).sum((0, 2)))


def _pooled(n):
    return n.reshape(len(n), 3, 4, 2, 2, 2).mean((3, 5)).reshape(len(n), -1)


def test_errors_of_an_image_do_not_depend_on_its_batch():
    net, (images, labels) = network(), digits(7)
    _, together, summed = backward(net, images, labels)
    one_by_one = [backward(net, x[None], y[None]) for x, y in zip(images, labels, strict=True)]
    for name, errors in together.items():
        alone = np.concatenate([found[name].numpy() for _, found, _ in one_by_one])
        np.testing.assert_array_equal(errors.numpy(), alone)
    for name, gradients in summed.items():
        np.testing.assert_array_equal(gradients, sum(found[name] for _, _, found in one_by_one))


def test_a_small_alpha_leaves_no_errors():
    net, (images, labels) = network(), digits(10)
    net.alpha = 0.69  # a gradient is smaller than one, the threshold of errors 0.7
    _, errors, _ = backward(net, images, labels)
    assert not any(z.any() for z in errors.values())


def test_fit_trains_and_goes_on_from_its_checkpoint(tmp_path):
    images, labels = digits(600)
    recipe = gradient.Recipe(
        loss=gradient.potential_cross_entropy, epochs=6, batch=20,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-2),
    )  # fmt: skip
    whole = network().float()
    done = gradient.fit(whole, images.float(), labels, recipe, progress=False)
    assert done.train[-1] > 0.75 > done.train[0]
    short = gradient.Recipe(**(vars(recipe) | {"epochs": 3}))
    net, path = network().float(), tmp_path / "net.pt"
    gradient.fit(net, images.float(), labels, short, checkpoint=path, progress=False)
    net = network().float()
    gradient.fit(net, images.float(), labels, recipe, checkpoint=path, progress=False)
    for a, b in zip(net.parameters(), whole.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


# -- Brian2 -----------------------------------------------------------------------------------------

STEPS = 60


def once(images, steps):
    """Frames in which the image is in the first step."""
    frames = np.zeros((len(images), steps, *images.shape[1:]))
    frames[:, 0] = images
    return frames


def settled(result, layer):
    return result.counts[layer] - result.negatives[layer]


def test_a_trained_network_counts_the_same_in_brian2():
    net, (images, _) = network(), digits(10)
    model = bioconv.to_brian(net, input_shape=SHAPE, encoder="frames")
    frames = once(images.numpy(), STEPS)
    result = model.run(frames, device="numpy", record="spikes")
    counts = net.counts(images)
    spiking = [layer for layer in model.layers if layer in result.negatives]
    assert len(spiking) == len(counts) == 2
    assert sum(result.negatives[layer].sum() for layer in spiking) > 5
    for layer, wanted in zip(spiking, counts.values(), strict=True):
        assert wanted.sum() > 50 and result.spikes[layer].step.max() < STEPS - 2
        np.testing.assert_array_equal(settled(result, layer), wanted.numpy())
    sent = net(images)[0].detach().numpy()
    np.testing.assert_allclose(result.potentials, sent, atol=1e-12)
    np.testing.assert_array_equal(result.predictions, sent.argmax(1))


def test_errors_are_the_same_in_brian2():
    """The forward network and a network of error neurons with the same weights, backward."""
    net, (images, labels) = network(), digits(6)
    counts, errors, _ = backward(net, images, labels)
    outputs = errors.pop("output").numpy()
    frames = np.zeros((6, 2 * STEPS, 64 + 10))
    frames[:, 0, :64] = images.flatten(1).numpy()
    frames[:, STEPS, 64:] = outputs
    model = bioconv.to_brian(_with_errors(net), encoder="frames")
    result = model.run(frames, device="numpy", record="spikes")
    for n, (forward, back) in enumerate(zip(counts.values(), errors.values(), strict=True)):
        forward, back = forward.flatten(1).numpy(), back.flatten(1).numpy()
        np.testing.assert_array_equal(settled(result, f"f{n}"), forward)
        assert np.abs(back).sum() > 20
        np.testing.assert_array_equal(settled(result, f"e{n}") * (forward > 0), back)


def _with_errors(net):
    """Image and output errors side by side; neurons f0, f1 and error neurons e1, e0."""
    weights = [w.detach().numpy() for w in matrices(net)]
    forward = [
        p.neuron for p in bioconv.to_brian(net, input_shape=SHAPE, encoder="frames").spiking.populations
    ][:2]  # fmt: skip
    sizes = [len(w) for w in weights[:2]]
    parts = [
        Part(name="image", what=Dense(weight=np.eye(64, 74)), inputs=("input",)),
        Part(name="outputs", what=Dense(weight=np.eye(10, 74, k=64)), inputs=("input",)),
    ]
    before = ["image", "f0"]
    for n, (size, neuron) in enumerate(zip(sizes, forward, strict=True)):
        begin = np.ravel(neuron.potentials["V_begin"])
        neuron = bioconv.neurons.published.spikegrad(
            V_th=neuron.potentials["V_th"], first=np.repeat(begin, size // len(begin))
        )
        parts += [
            Part(name=f"w{n}", what=Dense(weight=weights[n]), inputs=(before[n],)),
            Part(name=f"f{n}", what=neuron, inputs=(f"w{n}",)),
        ]
    for n, above in ((1, "outputs"), (0, "e1")):
        error = spikegrad_error(V_th=net.get_submodule(NEURONS[n]).error_threshold)
        parts += [
            Part(name=f"b{n}", what=Dense(weight=weights[n + 1].T), inputs=(above,)),
            Part(name=f"e{n}", what=error, inputs=(f"b{n}",)),
        ]
    made = assembled(parts, (74,), output="e0")
    gates = tuple(
        Projection(
            name=f"active{n}", source=f"f{n}", target=f"e{n}", layers=(), shape=(size,), variable="active"
        )
        for n, size in enumerate(sizes)
    )  # fmt: skip
    return SpikingNetwork(
        stimulus=made.stimulus, populations=made.populations,
        projections=made.projections + gates, output=made.output,
    )  # fmt: skip


# -- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ((nn.Linear(4, 3),), "layer 0 .Linear. has a bias.*channels"),
        ((nn.Linear(4, 3, bias=False), nn.ReLU()), "layer 1 is ReLU; it can be Linear"),
        ((nn.Linear(4, 3, bias=False), SpikeGrad()), "last layer must be Linear"),
        ((), "last layer must be Linear"),
    ],
)
def test_what_does_not_settle_is_refused(layers, told):
    with pytest.raises(ParameterError, match=told):
        Settled(*layers)


@pytest.mark.parametrize(
    "options", [{"threshold": 0}, {"error_threshold": -1}, {"channels": 0}, {"channels": 1.5}]
)
def test_numbers_of_neurons_are_checked(options):
    with pytest.raises(ParameterError, match=f"SpikeGrad: {next(iter(options))} is"):
        SpikeGrad(**options)


def test_errors_need_a_backward_pass():
    with pytest.raises(ParameterError, match="no errors yet"):
        network().errors()
