"""Networks in time: every layer sees what it should, whether it takes the steps one by one or all at once."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import unrolled  # noqa: E402

STEPS = 5


def network(code):
    torch.manual_seed(1)
    net = gradient.Unrolled(
        nn.Conv2d(2, 3, (3, 2)), gradient.IterativeLIF(), nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), gradient.PLIF(1.3, 0.2),
        nn.Dropout(0.4), nn.MaxPool2d((2, 1)), nn.Flatten(), nn.Linear(24, 6), gradient.IF(0.3), steps=STEPS, code=code,
    )  # fmt: skip
    return net.double()


def outcome(code):
    """What is sent, all gradients, and the moving averages of the normalisation."""
    net, images = network(code), torch.rand(7, 2, 7, 5, dtype=torch.float64)
    torch.manual_seed(2)
    sent = net(images)
    sent.mean(0).square().sum().backward()
    return [
        sent.detach(),
        *(p.grad for p in net.parameters()),
        *(b.double() for b in net.buffers()),
    ]


@pytest.mark.parametrize("code", unrolled.CODES)
def test_steps_one_by_one_or_all_at_once_are_the_same(code, monkeypatch):
    apart = outcome(code)
    monkeypatch.setattr(unrolled, "STEPWISE", ())
    together = outcome(code)
    assert apart[0].sum() > 10 and all(value.any() for value in apart)
    for one, other in zip(apart, together, strict=True):
        # sums of some thousand products in another order
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


def test_normalisation_is_over_all_steps_and_samples():
    net = gradient.Unrolled(
        gradient.Accumulator(), nn.BatchNorm1d(3), steps=STEPS, code="bernoulli"
    )
    sent = net(torch.rand(6, 3))
    torch.testing.assert_close(sent.mean((0, 1)), torch.zeros(3), rtol=0, atol=1e-6)
    assert sent.mean(1).abs().max() > 0.05, "a step alone is not normalised"
    assert net[1].num_batches_tracked == 1


def test_a_constant_image_goes_once_through_what_stands_before_the_first_neuron():
    net, seen = gradient.Unrolled(nn.Linear(4, 3), gradient.IF(0.1), steps=STEPS), []
    net[0].register_forward_hook(lambda layer, given, found: seen.append(given[0].shape))
    assert net(torch.rand(6, 4)).shape == (STEPS, 6, 3)
    assert seen == [(6, 4)]


def test_without_a_neuron_every_step_is_the_same():
    net = gradient.Unrolled(nn.Linear(4, 3), steps=STEPS)
    images = torch.rand(6, 4)
    torch.testing.assert_close(net(images), net[0](images).expand(STEPS, 6, 3))
