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
from bioconv.learn.gradient import Settled, SpikeGrad, spikegrad  # noqa: E402
from bioconv.learn.gradient.spikegrad_events import Events, stages  # noqa: E402
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


#: Names of the neurons, and of the layers whose weights lead to them and to the outputs.
NEURONS, WEIGHTED = ("1", "5"), ("0", "4", "6")


def matrices(net):
    """(n_post, n_pre) of what lies between two layers of neurons."""
    return [stage.detach().numpy().T for stage in stages(net, SHAPE)]


def run(events, image, label, seed):
    """Both passes of an image; the derivative of the cross-entropy is its own here."""
    events.forward(image, seed)
    share = np.exp(events.outputs - events.outputs.max())
    share /= share.sum()
    share[label] -= 1
    events.backward(share)


def test_events_in_any_order_end_at_the_integers():
    """100 digits, five orders each: counts, error counts and changes of weights, all alike in 500 of 500."""
    net, (images, labels) = network(), digits(100)
    weights = [net.get_submodule(name).weight for name in WEIGHTED]
    events = Events(net, SHAPE)
    same, active, taken_back = 0, 0, 0
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        counts, errors, gradients = backward(net, image[None], label[None])
        n = [c.flatten().numpy() for c in counts.values()]
        z = [e.flatten().numpy() for e in errors.values()]
        below = [image.flatten().numpy(), *n]
        changes = [np.outer(e, c) for e, c in zip(z, below, strict=True)]
        stated = torch.autograd.grad(
            stages(net, SHAPE), weights, [torch.tensor(c.T) for c in changes]
        )
        for name, change in zip(WEIGHTED, stated, strict=True):
            np.testing.assert_array_equal(gradients[f"{name}.weight"].numpy(), change.numpy())
        active += sum(c.sum() for c in n) > 50 and min(np.abs(e).sum() for e in z) > 0
        for order in range(ORDERS):
            run(events, image.numpy(), int(label), ORDERS * k + order)
            found = [*events.n, *events.z, *events.changes]
            same += all(
                np.array_equal(a, b) for a, b in zip(found, [*n, *z, *changes], strict=True)
            )
            np.testing.assert_allclose(events.outputs, net(image[None])[0, 0].detach(), atol=1e-12)
            taken_back += events.taken_back
    assert same == 100 * ORDERS
    assert active > 90 and taken_back > 1000


def test_the_ternary_rule_depends_on_the_order():
    """Why spikes are taken back below zero, not below minus the threshold."""
    net, (images, _) = network(), digits(40)
    events, wrong = Events(net, SHAPE, ternary=True), 0
    for k, image in enumerate(images):
        n = [c.flatten().numpy() for c in net.counts(image[None]).values()]
        events.forward(image.numpy(), seed=k)
        wrong += not all(np.array_equal(a, b) for a, b in zip(events.n, n, strict=True))
    assert wrong > 10


def test_integers_are_those_of_the_equations():
    net, (images, labels) = network(1), digits(20)
    counts, errors, gradients = backward(net, images, labels)
    first, second, last = matrices(net)
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


def test_the_network_of_the_paper_begins_by_its_recipe():
    """Sizes on a rectangle; a class to each row that is bright is learnt in a few epochs."""
    torch.manual_seed(1)
    net = spikegrad.network((2, 16, 20), classes=3, maps=(4, 5), thresholds=(0.1, 0.2))
    assert [tuple(p.shape) for p in net.parameters()] == [(4, 2, 5, 5), (5, 4, 5, 5), (3, 10)]
    assert [part.threshold for part in net if isinstance(part, SpikeGrad)] == [0.1, 0.2]
    labels = torch.arange(60) % 3
    images = 0.3 * torch.rand(60, 2, 16, 20)
    images[torch.arange(60), :, 5 * labels] += 0.7
    fitted = gradient.fit(net, images, labels, spikegrad.recipe(epochs=10), progress=False)
    assert fitted.loss[-1] < 0.7 * fitted.loss[0]
    with pytest.raises(ParameterError, match="nothing is left of 16 x 15 pixels"):
        spikegrad.network((1, 16, 15))


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
    weights = matrices(net)
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
