"""From rectifiers to neurons that spike: thresholds by hand, refusals, and training that helps."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bioconv  # noqa: E402
from bioconv.errors import ParameterError, UnsupportedLayerError  # noqa: E402
from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import hybrid  # noqa: E402


def dense(*sizes, seed=0):
    torch.manual_seed(seed)
    layers = [
        layer for n, m in pairwise(sizes) for layer in (nn.Linear(n, m, bias=False), nn.ReLU())
    ]
    return nn.Sequential(*layers[:-1])


def test_the_threshold_is_the_largest_input_of_a_step():
    """Inputs of 0.5 and 1 may spike at once: 2, not 1.5 (Sengupta et al. 2019)."""
    module = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        module[0].weight.fill_(1.0)
    net = hybrid.converted(module, np.array([[0.5, 1.0]]), steps=5, factor=1.0)
    assert net[1].threshold == 2.0
    assert hybrid.converted(module, np.array([[0.5, 1.0]]), steps=5)[1].threshold == pytest.approx(
        1.4
    )


def test_thresholds_are_found_layer_after_layer():
    """By running the layers before with the thresholds that were found."""
    module = dense(6, 9, 8, 3).double()
    images = np.random.default_rng(0).random((20, 6))
    net = hybrid.converted(module, images, steps=40, calibration_steps=50, factor=0.5)
    torch.manual_seed(0)
    x = gradient.Unrolled(nn.Identity(), steps=50, code="bernoulli")(torch.tensor(images))
    with torch.no_grad():
        for place in (0, 2):
            drive = x @ module[place].weight.T
            assert net[place + 1].threshold == pytest.approx(0.5 * drive.max().item(), rel=1e-12)
            x = net[place + 1](drive)
    assert x.sum() > 10


def test_a_hybrid_network_spikes_the_same_in_brian2():
    net = hybrid.converted(dense(6, 9, 8, 3).double(), np.full((4, 6), 0.7), steps=30, leak=0.95)
    frames = (torch.rand(30, 5, 6) < 0.6).double()
    model = bioconv.to_brian(net, input_shape=(6,), encoder="frames")
    result = model.run(frames.transpose(0, 1).numpy(), device="numpy")
    wanted = list(net.trains(frames).values())
    for spikes, layer in zip(wanted[:2], list(model.layers)[:2], strict=True):
        assert spikes.sum() > 20
        np.testing.assert_array_equal(result.counts[layer], spikes.sum(0).numpy())


def test_training_mends_what_few_steps_break():
    """Three layers deep, too few of the spikes of eight steps arrive; the rectifiers tell all patterns apart."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 300)
    images = np.where(rng.random((4, 16)) < 0.5, 0.1, 0.9)[labels].astype(np.float32)
    module = dense(16, 40, 40, 40, 4)
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    x, y = torch.tensor(images), torch.tensor(labels)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    assert (module(x).argmax(1) == y).all()
    net = hybrid.converted(module, images, steps=8)
    torch.manual_seed(0)
    before = gradient.accuracy(net, images, labels)
    recipe = replace(
        hybrid.recipe(epochs=8), optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-3)
    )
    gradient.fit(net, images, labels, recipe, progress=False)
    torch.manual_seed(0)
    after = gradient.accuracy(net, images, labels)
    assert before < 0.8 and 1 - after < (1 - before) / 2


@pytest.mark.parametrize(("layers", "error", "message"), [
    ([nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)], UnsupportedLayerError, "has a bias"),
    ([nn.Linear(4, 3, bias=False), nn.Tanh(), nn.Linear(3, 2, bias=False)], UnsupportedLayerError, "Tanh"),
    ([nn.Linear(4, 3, bias=False), nn.ReLU()], ParameterError, "last layer"),
])  # fmt: skip
def test_what_has_no_form_with_spikes_is_told(layers, error, message):
    with pytest.raises(error, match=message):
        hybrid.converted(nn.Sequential(*layers), np.ones((2, 4)), steps=3)


def test_a_silent_layer_is_told():
    module = dense(4, 3, 2)
    with pytest.raises(ParameterError, match="layer 1 gets positive input"):
        hybrid.converted(module, np.zeros((2, 4)), steps=3)
