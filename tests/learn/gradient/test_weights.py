"""Constrained weights and the penalty on activity: what multiplies, what learns, what is read."""

import numpy as np
import pytest

import bioconv
from bioconv.errors import ParameterError

torch = pytest.importorskip("torch")
gradient = pytest.importorskip("bioconv.learn.gradient")
nn, F = torch.nn, torch.nn.functional


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, (3, 2)), nn.ReLU(), nn.Flatten(), nn.Linear(60, 7), nn.ReLU(), nn.Linear(7, 4)
    ).double()  # fmt: skip


INPUT = (2, 7, 5)


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_quantized_weights_are_whole_steps_and_the_nearest(bits):
    weight = torch.randn(50, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value = gradient.QuantizedWeight(bits)(weight)
    step = weight.abs().max() / (2 ** (bits - 1) - 1)
    whole = value / step
    assert torch.allclose(whole, whole.round(), atol=1e-12)
    assert len(torch.unique(value)) <= 2**bits - 1
    assert (value - weight).abs().max() <= step / 2 * (1 + 1e-12)
    assert value.abs().max() == weight.abs().max()


def test_weights_of_zero_stay_zero():
    assert not gradient.QuantizedWeight(4)(torch.zeros(2, 3)).any()


def test_binary_weights_have_the_mean_size_of_their_output():
    weight = torch.tensor([[0.5, -1.5, 0.0], [-3.0, 3.0, -3.0]])
    assert torch.equal(
        gradient.BinaryWeight()(weight),
        torch.tensor([[2 / 3, -2 / 3, 2 / 3], [-3.0, 3.0, -3.0]]),
    )
    kernel = torch.randn(4, 2, 3, 2)
    size = gradient.BinaryWeight()(kernel).abs()
    assert torch.allclose(size, kernel.abs().mean((1, 2, 3), keepdim=True).expand(4, 2, 3, 2))


def test_non_negative_weights():
    weight = torch.tensor([[-1.0, 2.0]])
    assert gradient.NonNegativeWeight()(weight).tolist() == [[0.0, 2.0]]


@pytest.mark.parametrize(
    "constraint, expected",
    [
        (gradient.QuantizedWeight(3), [1, 1, 1]),
        (gradient.BinaryWeight(), [1, 1, 0]),
        (gradient.NonNegativeWeight(), [1, 1, 1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_float_weights_learn_behind_the_constraint(constraint, expected):
    weight = torch.tensor([[-0.4, 0.7, 1.3]], requires_grad=True)
    constraint(weight).sum().backward()
    assert weight.grad.tolist() == [expected]


@pytest.mark.parametrize(
    "constraint",
    [gradient.QuantizedWeight(3), gradient.BinaryWeight(), gradient.NonNegativeWeight()],
    ids=lambda value: type(value).__name__,
)
def test_a_constrained_network_is_read_as_it_computes(constraint):
    module = small()
    before = module[0].weight.clone()
    other = gradient.constrained(module, constraint, skip=("5",))
    assert torch.equal(module[0].weight, before) and type(module[0]) is nn.Conv2d
    network = bioconv.read(other, input_shape=INPUT)
    for layer, float_layer in (("conv1", module[0]), ("fc1", module[3])):
        value = constraint(float_layer.weight).detach().numpy()
        np.testing.assert_array_equal(network[layer].layer.weight, value)
        assert abs(value - float_layer.weight.detach().numpy()).max() > 0.01
    np.testing.assert_array_equal(network["fc2"].layer.weight, module[5].weight.detach().numpy())
    x = torch.rand(3, *INPUT, dtype=torch.float64)
    # sums of at most 60 products below one in another order
    np.testing.assert_allclose(
        bioconv.reference(network, x.numpy()), other(x).detach().numpy(), atol=1e-13
    )


def test_a_constrained_network_learns():
    module = gradient.constrained(small(), gradient.BinaryWeight(), skip=("5",))
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    target = torch.arange(32) % 2
    x = torch.rand(32, *INPUT, dtype=torch.float64) + target[:, None, None, None]
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(module(x), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("skip", [("4",), ("0", "3", "5")])
def test_names_that_are_no_weights_are_refused(skip):
    with pytest.raises(ParameterError, match=r"skip is .*; the layers with weights are 0, 3, 5"):
        gradient.constrained(small(), gradient.BinaryWeight(), skip=skip)


# --- activity -----------------------------------------------------------------------------------


def test_activity_is_the_sum_of_all_activations_of_the_last_pass():
    module = small()
    x = torch.rand(3, *INPUT, dtype=torch.float64)
    with gradient.activity(module) as active:
        module(torch.zeros_like(x))
        module(x)
        found = active.total()
    network = bioconv.read(module, input_shape=INPUT)
    values = bioconv.activations(network, x.numpy())
    expected = (values["relu1"].sum() + values["relu2"].sum()) / 3
    assert expected > 0 and found.item() == pytest.approx(expected, rel=1e-12)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_module_that_is_called_twice_counts_twice():
    module = nn.Sequential(nn.ReLU())
    module.append(module[0])
    with gradient.activity(module) as active:
        module(torch.ones(2, 5))
        assert active.total() == 10


def test_a_penalty_on_activity_makes_a_network_quiet():
    module = small()
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    x = torch.rand(32, *INPUT, dtype=torch.float64)
    with gradient.activity(module) as active:
        module(x)
        before = active.total().item()
        for _ in range(30):
            module(x)
            optimiser.zero_grad()
            active.total().backward()
            optimiser.step()
    assert 0 <= active.total() < 0.2 * before


def test_activity_of_nothing_is_refused():
    text = "holds no activation; .* ReLU, .*SoftLIF"
    with pytest.raises(ParameterError, match=text), gradient.activity(nn.Linear(2, 3)):
        pass
    text = "nothing has run yet"
    with pytest.raises(ParameterError, match=text), gradient.activity(small()) as active:
        active.total()
