"""What the tests of the torch reader share: modules from a function, and the comparison."""

import copy

import numpy as np
import pytest

import bioconv

torch = pytest.importorskip("torch")
nn = torch.nn

MAPS, ROW, FLAT = (4, 6, 5), (4, 6), (8,)


class Calls(nn.Module):
    """A module whose forward is a function of itself and the input."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def of(function):
    return Calls(lambda m, x: function(x))


def agrees(module, shape):
    """Read the module, compare with its own output on random input; returns the network."""
    torch.manual_seed(0)
    module = module.double()
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    network = bioconv.read(module, input_shape=shape)
    x = torch.randn(3, *shape, dtype=torch.float64)
    with torch.no_grad():
        expected = copy.deepcopy(module).eval()(x.clone()).numpy()
    given = x.numpy()[:, :, None] if len(shape) == 2 else x.numpy()
    y = bioconv.reference(network, given)
    if y.ndim == 4 and expected.ndim == 3:
        assert y.shape[2] == 1, "a signal is maps of one row"
        y = y[:, :, 0]
    assert y.shape == expected.shape
    single = 2**29 if expected.dtype == np.float32 else 1  # eps of float32 is so much larger
    assert abs(expected).max() > 0
    # Sums of at most some hundred products of numbers near one, in another order.
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e4 * np.finfo(float).eps * single)
    return network
