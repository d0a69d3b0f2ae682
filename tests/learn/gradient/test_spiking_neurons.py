"""Neurons that are trained: the same spikes in Brian2, in every layer."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bioconv  # noqa: E402
from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import stbp  # noqa: E402

STEPS, SHAPE = 13, (1, 9, 7)
#: Every neuron, as a function that makes one. A new one joins here.
NEURONS = {
    "STBP": gradient.IterativeLIF,
    "PLIF": lambda: gradient.PLIF(tau=1.5, threshold=0.2),
    "IF": lambda: gradient.IF(0.4),
    "IF, hard": lambda: gradient.IF(0.4, reset="hard"),
    "STDB": lambda: gradient.STDB(0.4),
    "STDB, leak": lambda: gradient.STDB(0.4, leak=0.9),
    "TSSL": lambda: gradient.TSSL(threshold=0.7),
}


def network(neuron, seed=0, **options):
    """Convolution, average pooling, two dense layers and ten votes for each of two classes."""
    torch.manual_seed(seed)
    net = gradient.Unrolled(
        nn.Conv2d(1, 4, 3), neuron(), nn.AvgPool2d((2, 1)), nn.Flatten(), nn.Linear(60, 12), neuron(),
        nn.Linear(12, 20), neuron(), gradient.Voting(2), **{"steps": STEPS, **options},
    ).double()  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3)
    return net


@pytest.mark.parametrize("name", NEURONS)
def test_a_trained_network_spikes_the_same_in_brian2(name):
    net = network(NEURONS[name])
    frames = torch.rand(STEPS, 5, *SHAPE, dtype=torch.float64)
    model = bioconv.to_brian(net, input_shape=SHAPE, encoder="frames")
    result = model.run(frames.transpose(0, 1).numpy(), device="numpy", record="spikes")
    wanted = net.trains(frames)
    layers = [layer for layer in model.layers if result.counts[layer].any()]
    assert len(wanted) == 3 and len(layers) == 3
    for layer, spikes in zip(layers, wanted.values(), strict=True):
        assert spikes.sum() > 30
        got = np.zeros(spikes.shape, dtype=bool).reshape(STEPS, 5, -1)
        found = result.spikes[layer]
        got[found.step, found.sample, found.neuron] = True
        np.testing.assert_array_equal(got, spikes.flatten(2).numpy() > 0)


def test_running_means_over_maps_are_the_same_in_brian2():
    torch.manual_seed(1)
    net = stbp.network(
        (1, 8, 12), classes=3, votes=2, maps=4, hidden=9, normalised=True, steps=9, code="direct"
    )
    net = net.double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(3)
    images = torch.rand(4, 1, 8, 12, dtype=torch.float64)
    model = bioconv.to_brian(net, input_shape=(1, 8, 12))
    result = model.run(images.numpy(), 9 * model.settings.dt, device="numpy")
    trains = net.trains(images.expand(9, *images.shape))
    for layer, spikes in zip(list(model.layers)[:4], trains.values(), strict=True):
        assert spikes.sum() > 20
        np.testing.assert_array_equal(result.counts[layer], spikes.sum(0).numpy())
    plain = gradient.Unrolled(
        *(part for part in net if not isinstance(part, stbp.NeuNorm)), steps=9
    )
    assert (plain(images) != net(images)).any(), "the means change something"


@pytest.mark.parametrize("name", NEURONS)
def test_a_constant_image_is_shown_in_every_step(name):
    net = network(NEURONS[name])
    images = torch.rand(4, *SHAPE, dtype=torch.float64)
    sent = net(images).detach()
    model = bioconv.to_brian(net, input_shape=SHAPE, encoder="constant")
    result = model.run(images.numpy(), STEPS * model.settings.dt, device="numpy")
    assert sent.sum() > 1
    np.testing.assert_allclose(result.potentials, 10 * sent.sum(0).numpy(), atol=1e-12)
    np.testing.assert_array_equal(result.predictions, gradient.predicted(sent).numpy())


def test_equal_votes_answer_the_same_in_brian2():
    """Three classes of ten votes in seven steps: often two lead, and tenths do not add up to tenths."""
    net = gradient.Unrolled(
        nn.Linear(30, 30, bias=False), gradient.IF(0.5, reset="hard"), gradient.Voting(3), steps=7
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(30))
    torch.manual_seed(3)
    frames = (torch.rand(7, 300, 30) < 0.3).double()
    votes = frames.sum(0).unflatten(1, (3, 10)).sum(2)
    assert ((votes == votes.amax(1, keepdim=True)).sum(1) > 1).sum() > 30
    model = bioconv.to_brian(net, input_shape=(30,), encoder="events")
    result = model.run(frames.transpose(0, 1).numpy(), device="numpy")
    np.testing.assert_array_equal(result.potentials, votes.numpy())
    np.testing.assert_array_equal(result.predictions, votes.argmax(1).numpy())
    for dtype in (torch.float32, torch.float64):
        sent = net[2](net[1](frames.to(dtype)))
        np.testing.assert_array_equal(gradient.predicted(sent).numpy(), votes.argmax(1).numpy())


def test_coin_flips_are_zeros_and_ones_as_often_as_the_pixels_say():
    net = gradient.Unrolled(gradient.Accumulator(), steps=4000, code="bernoulli")
    images = torch.tensor([[0.0, 0.2, 0.9, 1.0]])
    sent = net(images)
    assert set(sent.unique().tolist()) == {0.0, 1.0}
    # three standard deviations of a mean of 4000 coin flips: 3 sqrt(0.2 0.8/4000) = 0.019
    np.testing.assert_allclose(sent.mean(0)[0].numpy(), images[0].numpy(), atol=0.019)


def test_dropout_silences_the_same_neurons_in_all_steps():
    net = gradient.Unrolled(gradient.Accumulator(), nn.Dropout(0.5), steps=6)
    sent = net(torch.ones(3, 40))
    assert 0 < (sent == 0).sum() < sent.numel()
    np.testing.assert_array_equal(sent.numpy(), sent[:1].expand_as(sent).numpy())
