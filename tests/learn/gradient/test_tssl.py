"""Gradients through the times of spikes: as the rule says, loop by loop, and from silence to answers."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bioconv  # noqa: E402
from bioconv.errors import ParameterError  # noqa: E402
from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import tssl  # noqa: E402

TAU_M, TAU_S, THETA = 5.0, 3.0, 1.0


def filtered(trains):
    """(steps, ...) trains, each sample of the kernel written out."""
    steps = len(trains)
    kernel = [(1 / TAU_S) * (1 - 1 / TAU_S) ** n for n in range(steps)]
    return np.array([sum(kernel[t - k] * trains[k] for k in range(t + 1)) for t in range(steps)])


def layer(weight, a):
    """Spikes, potentials before the reset and their moves, for filtered input; one neuron after another."""
    steps, n = len(a), len(weight)
    s, u, moved = (np.zeros((steps, n)) for _ in range(3))
    for i in range(n):
        v = 0.0
        for t in range(steps):
            arriving = sum(weight[i, j] * a[t, j] for j in range(weight.shape[1]))
            moved[t, i] = arriving - v / TAU_M
            u[t, i] = v + moved[t, i]
            s[t, i] = float(u[t, i] > THETA)
            v = u[t, i] * (1 - s[t, i])
    return s, u, moved


def potential_gradients(s, u, moved, a, g, intra):
    """The paper's backward pass: ``g`` is the gradient at the filtered spikes ``a``; that at ``u``, and what acted."""
    steps, n = s.shape
    kernel = [(1 / TAU_S) * (1 - 1 / TAU_S) ** m for m in range(steps)]
    found, acted = np.zeros((steps, n)), {"silent": 0, "clipped": 0, "carried": 0}
    for i in range(n):
        theta = 0.0
        for t in reversed(range(steps)):
            p = min(max(-1 / moved[t, i], -8), 0) if s[t, i] else 0.0
            now = sum(-kernel[k - t] / TAU_S * p * g[k, i] * TAU_S for k in range(t, steps))
            if intra and t < steps - 1:
                now += theta * -u[t, i] * (1 / TAU_M) * p
                now += theta * (1 - 1 / TAU_M) * (1 - s[t, i])
                acted["carried"] += theta != 0
            theta = now * s[t, i] + theta * (1 - s[t, i]) * (1 - 1 / TAU_M)
            acted["clipped"] += p == -8
            if a[t, i] < 1 / (4 * TAU_S):
                share = 1 / (1 + np.exp(-(u[t, i] - THETA) / 0.2))
                slope = share * (1 - share) / 0.2
                now = sum(kernel[k - t] * g[k, i] for k in range(t, steps)) * slope
                acted["silent"] += 1
            found[t, i] = now
    return found, acted


def reference(weights, x, label, intra):
    """Gradients at both matrices for one sample (steps, n), by hand."""
    first, second = weights
    a = [filtered(x)]
    states = []
    for weight in (first, second):
        states.append(layer(weight, a[-1]))
        a.append(filtered(states[-1][0]))
    wanted = np.zeros_like(a[2])
    wanted[1:, label] = 1
    g = a[2] - filtered(wanted)
    top, acted = potential_gradients(*states[1], a[2], g, intra)
    hidden, below = potential_gradients(*states[0], a[1], top @ second, intra)
    gradients = [hidden.T @ a[0], top.T @ a[1]]
    return gradients, {name: acted[name] + below[name] for name in acted}


def network(weights, intra=True, steps=15):
    first, second = (nn.Linear(w.shape[1], w.shape[0], bias=False) for w in weights)
    net = gradient.Unrolled(
        first, gradient.TSSL(intra=intra), second, gradient.TSSL(intra=intra), gradient.LowPass(),
        steps=steps,
    ).double()  # fmt: skip
    with torch.no_grad():
        for module, weight in zip((first, second), weights, strict=True):
            module.weight.copy_(torch.as_tensor(weight))
    return net


def drawn(rng):
    """Weights with which some neurons are silent, some spike early, and three creep up to the threshold on input 0."""
    first, second = rng.normal(0, 2, (11, 6)), rng.normal(0, 1.5, (4, 11))
    first[:3] = rng.uniform(0.2, 0.3, (3, 1)) * np.eye(6)[0]
    return [first, second]


loss = partial(gradient.train_mse, tau=TAU_S, filtered=True)


@pytest.mark.parametrize("intra", [True, False])
def test_gradients_are_those_of_the_rule(intra, rng):
    """Ten random networks, spikes as input; in all of them together the clip and the silence have acted."""
    total = {"silent": 0, "clipped": 0, "carried": 0}
    for _ in range(10):
        weights, x = drawn(rng), (rng.random((15, 6)) < 0.5).astype(float)
        x[:, 0] = 1
        net = network(weights, intra)
        sent = net[4](net[3](net[2](net[1](net[0](torch.as_tensor(x)[:, None])))))
        loss(sent, torch.tensor([2])).backward()
        expected, acted = reference(weights, x, 2, intra)
        scale = max(abs(gradients).max() for gradients in expected)
        for module, gradients in zip((net[0], net[2]), expected, strict=True):
            np.testing.assert_allclose(
                module.weight.grad.numpy(), gradients, rtol=1e-9, atol=1e-13 * scale
            )
        total = {name: total[name] + acted[name] for name in acted}
    assert total["silent"] > 100 and total["clipped"] > 10
    assert (total["carried"] > 100) == intra


def test_a_higher_potential_spikes_earlier():
    """A spike in the last step: its time where the potential rises in a straight line, by central differences.

    What follows from the time has no difference quotient, since the spike stays in its step.
    """
    neuron = gradient.TSSL().double()
    drive = torch.tensor([[1.2], [0.9], [1.5]], dtype=torch.float64, requires_grad=True)
    sent = neuron(drive)
    assert sent[:, 0].tolist() == [0, 0, 1]
    (found,) = torch.autograd.grad(sent[2, 0], drive)

    y = gradient.losses.low_pass(drive.detach(), TAU_S)[:, 0].tolist()
    before = 0.8 * y[0] + y[1]
    after = 0.8 * before + y[2]

    def time(shift):
        return (THETA - before - shift) / (after - before)

    earlier = -(time(1e-6) - time(-1e-6)) / 2e-6
    assert found[2, 0].item() == pytest.approx(earlier / TAU_S, rel=1e-6)


def test_the_filters_have_true_gradients(rng):
    """Central differences of the loss, over the spikes that are read and over what a neuron's synapses get."""
    readout, labels = gradient.LowPass().double(), torch.tensor([1, 0])
    sent = torch.as_tensor(rng.random((5, 2, 3))).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(readout(s), labels), (sent,))
    assert torch.autograd.gradcheck(lambda s: gradient.train_mse(s, labels, tau=TAU_S), (sent,))
    direct, read = gradient.train_mse(sent, labels, tau=TAU_S), loss(readout(sent), labels)
    assert direct.item() == pytest.approx(read.item(), rel=1e-12)


def test_learning_begins_where_all_hidden_neurons_are_silent():
    """Three patterns and noise; without gradients for the silent nothing would move."""
    torch.manual_seed(3)
    labels = torch.arange(90) % 3
    images = 0.3 * torch.rand(90, 12) + 0.7 * torch.eye(3).repeat_interleave(4, dim=1)[labels]
    net = gradient.Unrolled(
        nn.Linear(12, 20, bias=False), gradient.TSSL(), nn.Linear(20, 3, bias=False), gradient.TSSL(),
        gradient.LowPass(), steps=5,
    )  # fmt: skip
    with torch.no_grad():
        net[0].weight.mul_(0.3)
        assert net.trains(images.expand(5, 90, 12))["TSSL1"].sum() == 0
    fitted = gradient.fit(
        net, images, labels, gradient.Recipe(
            loss=loss, epochs=30, batch=30, clip=1.0, bound=4.0, optimizer=partial(torch.optim.AdamW, lr=5e-3)
        ),
        progress=False,
    )  # fmt: skip
    assert fitted.loss[-1] < 0.3 * fitted.loss[0]
    assert gradient.accuracy(net, images, labels) == 1


def test_filtered_outputs_decide_in_brian2_as_in_training(rng):
    """The potential is the sum of the filtered spikes; for some images their number would decide otherwise."""
    net = network([rng.normal(0.5, 1.5, (11, 6)), rng.normal(0.2, 0.7, (4, 11))], steps=6)
    images = torch.as_tensor(rng.random((100, 6)))
    sent = net(images).detach()
    counts = net.trains(images.expand(6, 100, 6))["TSSL2"].sum(0)
    assert (counts.argmax(-1) != gradient.predicted(sent)).any()
    model = bioconv.to_brian(net, input_shape=(6,), encoder="constant")
    result = model.run(images.numpy(), 6 * model.settings.dt, device="numpy")
    np.testing.assert_allclose(result.potentials, sent.sum(0).numpy(), atol=1e-12)
    np.testing.assert_array_equal(result.predictions, gradient.predicted(sent).numpy())


def test_linear_pooling_is_read_and_kept_in_a_file(tmp_path):
    """Sums of two by three spikes times 1.1 between neurons that spike the same in Brian2."""
    torch.manual_seed(0)
    net = gradient.Unrolled(
        nn.Conv2d(1, 3, 2, bias=False), gradient.TSSL(threshold=0.3), gradient.SumPool2d((2, 3)),
        gradient.Scaled(1.1), nn.Flatten(), nn.Linear(12, 5, bias=False), gradient.TSSL(threshold=0.3), steps=9,
    ).double()  # fmt: skip
    images = torch.rand(4, 1, 5, 7, dtype=torch.float64)
    sent = net(images).detach()
    assert 10 < sent.sum() < sent.numel() - 10
    path = tmp_path / "net.h5"
    bioconv.save_spiking_network(bioconv.read(net, input_shape=(1, 5, 7)), path)
    model = bioconv.to_brian(path, encoder="constant")
    result = model.run(images.numpy(), 9 * model.settings.dt, device="numpy")
    np.testing.assert_array_equal(result.counts[result.output], sent.sum(0).numpy())


def test_the_network_learns_by_its_recipe():
    """One of three rows is brighter."""
    torch.manual_seed(5)
    labels = torch.arange(120) % 3
    images = torch.rand(120, 1, 3, 4) + 0.7 * torch.eye(3)[labels][:, None, :, None]
    net = tssl.network((1, 3, 4), classes=3, hidden=(30,), intra=False)
    assert [module.intra for module in net if isinstance(module, gradient.TSSL)] == [False] * 2
    spread = net[1].weight.std().item()  # of 360 numbers: within 4 standard errors
    assert abs(spread / np.sqrt(2 / 12) - 1) < 4 / np.sqrt(2 * 360)
    fitted = gradient.fit(net, images, labels, tssl.recipe(epochs=120), progress=False)
    assert fitted.loss[-1] < 0.7 * fitted.loss[0]


@pytest.mark.parametrize(
    "wrong",
    [lambda: gradient.TSSL(tau_m=0.5), lambda: gradient.LowPass(0.9), lambda: gradient.Scaled(0)],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ParameterError, match="give a finite number"):
        wrong()
