"""Activations that know what a neuron can do: their values are the graph's, their gradients derived."""

import math
import subprocess
import sys

import numpy as np
import pytest

from bioconv import graph
from bioconv.errors import ParameterError

torch = pytest.importorskip("torch")
gradient = pytest.importorskip("bioconv.learn.gradient")

#: module in training mode without noise -> the layer that is read from it
PAIRS = [
    (gradient.ClippedReLU(0.7), graph.ClippedReLU(maximum=0.7)),
    (gradient.QuantizedReLU(3, 0.75), graph.QuantizedReLU(levels=3, maximum=0.75)),
    (gradient.SoftLIF(), graph.SoftLIF()),
    (
        gradient.SoftLIF(0.05, 0.8, 0.05, 0.001, 0.3),
        graph.SoftLIF(amplitude=0.05, gain=0.8, tau_rc=0.05, tau_ref=0.001, gamma=0.3),
    ),
    (gradient.SoftLIF(gamma=0), graph.SoftLIF(gamma=0)),
    (gradient.Step(0.2), graph.Step(threshold=0.2)),
]


def points(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def slope(module, *values):
    x = points(*values)
    module(x).sum().backward()
    return x.grad.tolist()


@pytest.mark.parametrize("module, layer", PAIRS, ids=lambda m: type(m).__name__)
def test_values_are_those_of_the_layer_of_that_name(module, layer):
    x = np.concatenate([np.linspace(-40, 40, 4001), np.linspace(-1, 2, 4000)])
    expected = graph.forward(layer, x[None])[0]
    found = module.double()(torch.tensor(x)).detach().numpy()
    assert np.unique(expected).size >= 2
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("gamma", [0.3, 0.02])
def test_soft_lif_has_the_gradient_of_its_values(gamma):
    """Points on both sides of where the formula changes (-20 gamma) and around the threshold."""
    x = gamma * points(-25.0, -19.0, -3.0, -0.1, 0.0, 0.1, 3.0, 30.0, 60.0)
    module = gradient.SoftLIF(gamma=gamma)
    assert torch.autograd.gradcheck(module, x.detach().requires_grad_(), eps=1e-7 * gamma)


@pytest.mark.parametrize("gamma", [0.0, 0.02])
def test_soft_lif_stays_finite_in_single_precision(gamma):
    x = torch.tensor([-1e4, -1.0, -1e-3, 0.0, 1e-3, 1.0, 1e4], requires_grad=True)
    y = gradient.SoftLIF(gamma=gamma)(x)
    y.sum().backward()
    assert torch.isfinite(y).all() and torch.isfinite(x.grad).all() and x.grad[-2] > 0


def test_soft_lif_noise_is_that_of_spikes_in_training_alone():
    """Deviation amplitude * noise where the neuron fires; within five standard errors."""
    torch.manual_seed(0)
    module = gradient.SoftLIF(noise=10)
    x = torch.full((20000,), 3.0)
    error = module(x) - module.eval()(x)
    expected = 0.063 * 10
    assert abs(error.std() / expected - 1) < 5 / math.sqrt(2 * 20000)
    assert abs(error.mean()) < 5 * expected / math.sqrt(20000)
    assert torch.equal(module(x), module(x)), "no noise after training"
    below = torch.tensor([-1.0, -0.01, 0.0])
    assert torch.equal(module.train()(below), module.eval()(below))


def test_activation_noise_keeps_zeros_and_ends_with_training():
    torch.manual_seed(0)
    module = gradient.ActivationNoise(0.5)
    x = torch.cat([torch.zeros(10), torch.ones(20000)])
    y = module(x)
    assert not y[:10].any()
    assert abs(y[10:].std() / 0.5 - 1) < 5 / math.sqrt(2 * 20000)
    assert module.eval()(x) is x


def test_clipped_gradient_ends_at_both_ends():
    assert slope(gradient.ClippedReLU(2.0), -0.1, 0.1, 1.9, 2.1) == [0, 1, 1, 0]


def test_quantized_gradient_passes_between_zero_and_the_maximum():
    module = gradient.QuantizedReLU(4, 2.0).double()
    assert slope(module, -0.3, 0.1, 1.9, 2.3) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "x, expected", [(-0.3, 0.0), (2.3, 1.0), (0.7, (0.5 - 0.7) / 2), (0.8, (1.0 - 0.8) / 2)]
)
def test_quantized_maximum_learns_from_what_it_cuts_and_from_its_errors(x, expected):
    """1 above the maximum, the rounding error in maxima below it."""
    module = gradient.QuantizedReLU(4, 2.0).double()
    module(points(x)).sum().backward()
    assert module.maximum.grad.item() == pytest.approx(expected, abs=1e-12)


def test_a_quantized_maximum_that_is_not_to_learn_does_not():
    assert not gradient.QuantizedReLU(4, 2.0, learnable=False).maximum.requires_grad


def test_step_is_exactly_zero_or_one_with_the_gradient_of_a_ramp():
    module = gradient.Step(0.5, width=0.25)
    y = module(points(-3.0, 0.4999, 0.5, 0.7))
    assert y.tolist() == [0, 0, 1, 1]
    assert slope(module, 0.24, 0.26, 0.74, 0.76) == [0, 2, 2, 0]


def test_straight_through_is_one_function_forward_and_the_other_backward():
    x = points(0.3, 1.7)
    y = gradient.straight_through(torch.floor(x), x**2)
    y.sum().backward()
    assert y.tolist() == [0, 1] and x.grad.tolist() == pytest.approx([0.6, 3.4])


def test_sums_over_windows():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    y = gradient.SumPool2d((3, 2), stride=(1, 2))(x)
    assert y.tolist() == [[[[27.0, 39.0]]]]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: gradient.ClippedReLU(0), "ClippedReLU: maximum is 0; .*above 0"),
        (lambda: gradient.QuantizedReLU(0), "QuantizedReLU: levels is 0; .*from 1 on"),
        (lambda: gradient.QuantizedReLU(2.5), "QuantizedReLU: levels is 2.5"),
        (lambda: gradient.QuantizedReLU(4, -1), "QuantizedReLU: maximum is -1"),
        (lambda: gradient.SoftLIF(tau_rc=0), "SoftLIF: tau_rc is 0"),
        (lambda: gradient.SoftLIF(noise=-1), "SoftLIF: noise is -1; .*0 or more"),
        (lambda: gradient.SoftLIF(gamma="wide"), "SoftLIF: gamma is 'wide'"),
        (lambda: gradient.Step(np.nan), "Step: threshold is nan"),
        (lambda: gradient.Step(width=0), "Step: width is 0"),
        (lambda: gradient.ActivationNoise(-0.1), "ActivationNoise: deviation is -0.1"),
        (lambda: gradient.QuantizedWeight(1), "QuantizedWeight: bits is 1; .*from 2 on"),
        (lambda: gradient.QuantizedWeight(True), "QuantizedWeight: bits is True"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_without_torch_the_extra_is_named():
    code = "import sys; sys.modules['torch'] = None; import bioconv.learn.gradient"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        run.returncode
        and 'MissingDependencyError: training needs PyTorch: pip install "bio' in (run.stderr)
    )


def test_modules_tell_their_settings():
    assert repr(gradient.SoftLIF(noise=10)) == (
        "SoftLIF(amplitude=0.063, gain=1, tau_rc=0.022, tau_ref=0.002, gamma=0.02, noise=10)"
    )
    assert repr(gradient.QuantizedReLU(8, 4)) == "QuantizedReLU(levels=8, maximum=4)"
    assert repr(gradient.Step(0.5)) == "Step(threshold=0.5, width=1)"
