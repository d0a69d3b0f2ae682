"""Tailoring: rectifiers, average pools, no biases; the caller's network stays as it is."""

import numpy as np
import pytest

import bioconv
from bioconv.errors import ConversionError
from bioconv.graph import AvgPool2d, LeakyReLU, ReLU

torch = pytest.importorskip("torch")
gradient = pytest.importorskip("bioconv.learn.gradient")
nn = torch.nn

INPUT = (2, 7, 5)


def lenet():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, (3, 2)), nn.Tanh(), nn.MaxPool2d((3, 2), 1, (1, 0), ceil_mode=True),
        nn.Sequential(nn.Conv2d(3, 4, 2), nn.Sigmoid(), nn.MaxPool2d(2)), nn.Flatten(),
        nn.Linear(8, 6), nn.LeakyReLU(0.1), nn.Dropout(0.5), nn.Linear(6, 4),
    ).double()  # fmt: skip


class Shared(nn.Module):
    """One activation under two names, and a layer that is not there."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.shortcut = nn.Linear(8, 8), nn.Linear(8, 3), None
        self.act1 = self.act2 = nn.Tanh()

    def forward(self, x):
        return self.fc2(self.act2(self.fc1(self.act1(x))))


def kinds(module):
    return [type(part).__name__ for part in module.modules() if not list(part.children())]


def test_layers_are_replaced_and_biases_go():
    module = lenet()
    before = kinds(module), {name: value.clone() for name, value in module.named_parameters()}
    tailored = gradient.tailored(module)
    assert kinds(tailored) == [
        "Conv2d", "ReLU", "AvgPool2d", "Conv2d", "ReLU", "AvgPool2d", "Flatten", "Linear", "ReLU",
        "Dropout", "Linear",
    ]  # fmt: skip
    names = dict(tailored.named_parameters())
    assert list(names) == ["0.weight", "3.0.weight", "5.weight", "8.weight"]
    for name, weight in names.items():
        assert torch.equal(weight, before[1][name]) and weight is not module.get_parameter(name)
    assert kinds(module) == before[0]
    assert dict(module.named_parameters()).keys() == before[1].keys()


def test_it_converts_without_any_substitute():
    network = bioconv.read(gradient.tailored(lenet()), input_shape=INPUT)
    bioconv.convert(network)
    assert all(getattr(node.layer, "bias", None) is None for node in network.nodes)
    zero = bioconv.reference(network, np.zeros((1, *INPUT)))
    np.testing.assert_array_equal(zero, 0)


def test_pools_keep_their_windows():
    network = bioconv.read(gradient.tailored(lenet()), input_shape=INPUT)
    pool = next(node.layer for node in network.nodes if isinstance(node.layer, AvgPool2d))
    assert (pool.kernel, pool.stride, pool.padding) == ((3, 2), (1, 1), ((1, 1), (0, 0)))
    assert pool.ceil_mode and not pool.count_include_pad
    row = gradient.tailored(nn.Sequential(nn.MaxPool1d(3, 2)))
    assert isinstance(row[0], nn.AvgPool1d) and row[0].stride == (2,)


def test_shared_parts_are_replaced_under_every_name():
    tailored = gradient.tailored(Shared())
    assert isinstance(tailored.act1, nn.ReLU) and isinstance(tailored.act2, nn.ReLU)
    assert tailored.fc1.bias is None and tailored.shortcut is None
    tailored(torch.ones(1, 8))


def test_an_activation_alone():
    assert isinstance(gradient.tailored(nn.Tanh()), nn.ReLU)


@pytest.mark.parametrize("module, shape", [(lenet(), INPUT), (Shared().double(), (8,))])
def test_absolute_values_come_first(module, shape):
    plain, absolute = gradient.tailored(module), gradient.tailored(module, absolute=True)
    x = torch.randn(4, *shape, dtype=torch.float64)
    plain.eval(), absolute.eval()
    assert torch.equal(absolute(x), plain(x.abs())) and not torch.equal(plain(x), absolute(x))
    network = bioconv.read(absolute, input_shape=shape)
    first = network.nodes[0]
    assert isinstance(first.layer, LeakyReLU) and first.name == "absolute"
    found = bioconv.reference(network, x.numpy())
    np.testing.assert_allclose(found, plain(x.abs()).detach().numpy(), atol=1e-13)
    assert any(isinstance(node.layer, ReLU) for node in network.nodes)


@pytest.mark.parametrize(
    "module, message",
    [
        (nn.Sequential(nn.Sequential(nn.BatchNorm2d(3))), r"0\.0 \(BatchNorm2d\) shifts as a bias"),
        (nn.BatchNorm1d(3), r"the module \(BatchNorm1d\)"),
        (nn.Sequential(nn.MaxPool2d(2, dilation=2)), r"0 \(MaxPool2d\) pools with dilation"),
    ],
)
def test_what_cannot_be_tailored_is_named(module, message):
    with pytest.raises(ConversionError, match=message):
        gradient.tailored(module)
