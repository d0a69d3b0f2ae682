"""Whole torch modules: shortcuts, in-place calls, names; what is left alone and what is refused."""

import copy
import threading

import numpy as np
import pytest
from torch_agreement import FLAT, MAPS, ROW, Calls, agrees, of

import bioconv
from bioconv.errors import ReadError, UnsupportedLayerError
from bioconv.read.pytorch import read_torch

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
gradient = pytest.importorskip("bioconv.learn.gradient")


def conv(n_in=4, n_out=4, **options):
    return nn.Conv2d(n_in, n_out, (3, 1), padding=(1, 0), **options)


def names(network):
    return [node.name for node in network.nodes]


class Block(nn.Module):
    def __init__(self, shortcut=None, inplace=True):
        super().__init__()
        self.conv1, self.bn1, self.conv2 = conv(), nn.BatchNorm2d(4), conv()
        self.relu = nn.ReLU(inplace=inplace)
        self.shortcut = shortcut

    def forward(self, x, scale=None):
        identity = x if self.shortcut is None else self.shortcut(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        out += identity
        return self.relu(out)


def small():
    return nn.Sequential(conv(), nn.ReLU(), nn.Flatten(), nn.Linear(120, 3))


# --- agreement ----------------------------------------------------------------------------------


def in_place_seen_by_earlier_names(m, x):
    x = m.conv(x)
    F.relu_(x)
    return x


def in_place_sum(m, x):
    y = m.conv(x)
    z = F.relu(y)
    y += z
    return m.top(y) + z


def sum_seen_by_another_name(m, x):
    kept = x = m.conv(x)
    x += m.top(x)
    return kept + F.relu(x)


def written_twice(m, x):
    x = m.conv(x)
    y = m.act(x)
    x += y
    return torch.cat([x, y, m.top(x)], 1)


@pytest.mark.parametrize(
    "module",
    [
        Block(),
        Block(shortcut=conv(bias=False), inplace=False),
        nn.Sequential(conv(), Block(), nn.AvgPool2d(2), Block(nn.Identity())),
        nn.Sequential(nn.Sequential(conv(), nn.Sequential(nn.ReLU())), nn.Sequential()),
        Calls(in_place_seen_by_earlier_names, conv=conv()),
        Calls(in_place_sum, conv=conv(), top=conv()),
        Calls(sum_seen_by_another_name, conv=conv(), top=conv()),
        Calls(written_twice, conv=conv(), top=conv(), act=nn.LeakyReLU(0.2, inplace=True)),
        Calls(lambda m, x: m.conv(F.relu(m.conv(x))), conv=conv()),
        Calls(lambda m, x: F.relu(m.conv(x), inplace=True) + x, conv=conv()),
        Calls(lambda m, x: (m.conv(x), m.unused(x))[0], conv=conv(), unused=nn.ReLU()),
        Calls(lambda m, x: m.act(m.c(x)) + x, c=conv(), act=gradient.SoftLIF(noise=10)),
        gradient.constrained(Block(), gradient.QuantizedWeight(3)),
        nn.DataParallel(small()),
        torch.compile(small()),
        small().bfloat16(),
        small().requires_grad_(False),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_compute_what_is_read(module):
    agrees(module, MAPS)


def test_a_plain_tensor_of_the_module_is_a_weight():
    module = Calls(lambda m, x: F.linear(x, m.w), w=torch.randn(3, 8).double())
    agrees(module, FLAT)


def test_bfloat16_weights_are_read_exactly():
    module = nn.Linear(8, 3).to(torch.bfloat16)
    layer = bioconv.read(module, input_shape=FLAT).nodes[0].layer
    np.testing.assert_array_equal(layer.weight, module.weight.detach().float().numpy())


class Conv2d(nn.Conv2d):
    """Somebody's own, under torch's name: twice as much."""

    def forward(self, x):
        return 2 * F.conv2d(x, self.weight, self.bias)


class Flatten(nn.Module):
    def forward(self, x):
        return x.view(x.size(0), -1)


class Step(nn.Module):
    def forward(self, x):
        return F.relu(x)


def test_modules_of_another_meaning_under_a_known_name_are_looked_into():
    agrees(nn.Sequential(nn.ReLU(), Flatten(), Step(), nn.Linear(120, 3)), MAPS)
    with pytest.raises(UnsupportedLayerError, match=r"the call of mul\(\)"):
        bioconv.read(Conv2d(4, 3, 1), input_shape=MAPS)


# --- names --------------------------------------------------------------------------------------


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.input, self.relu1 = conv(), nn.ReLU()
        self.enc = nn.ModuleDict({"a": nn.Sequential(conv(), nn.BatchNorm2d(4))})

    def forward(self, x):
        x = F.relu(self.input(x))
        return self.relu1(self.relu1(self.enc["a"](x))).flatten(1)


def test_nodes_are_named_by_their_path_or_by_kind():
    assert names(bioconv.read(Named(), input_shape=MAPS)) == [
        "input_2", "relu1", "enc_a_0", "enc_a_1", "relu1_2", "relu1_3", "flatten1",
    ]  # fmt: skip
    assert names(bioconv.read(small(), input_shape=MAPS)) == ["conv1", "relu1", "flatten1", "fc1"]
    nested = nn.Sequential(nn.Sequential(conv(), nn.ReLU()), nn.Sequential(conv(), nn.MaxPool2d(1)))
    assert names(bioconv.read(nested, input_shape=MAPS)) == ["conv1", "relu1", "conv2", "pool1"]


def test_a_shared_module_is_one_node_a_call():
    relu = nn.ReLU()
    network = bioconv.read(
        Calls(lambda m, x: m.act(m.c(m.act(x))), act=relu, c=conv()), input_shape=MAPS
    )
    assert names(network) == ["act", "c", "act_2"]


def test_what_does_not_lead_to_the_output_is_left_out():
    module = Calls(lambda m, x: (m.c(x), m.aux(x))[0], c=conv(), aux=conv())
    assert names(bioconv.read(module, input_shape=MAPS)) == ["c"]


# --- the module stays as it is ------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_unchanged(training):
    module = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.Dropout(0.5), Block()).train(training)
    module[0].eval()
    module[0].note = ["the user's own"]

    def state():
        return {
            path: (part.training, sorted(vars(part)), [id(p) for p in part.parameters()])
            for path, part in module.named_modules()
        }

    before, values = state(), copy.deepcopy(module.state_dict())
    network = bioconv.read(module, input_shape=MAPS)
    assert state() == before
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, values[name]), name
    with torch.no_grad():
        module[0].weight.zero_()
    assert abs(network["conv1"].layer.weight).min() > 0, "the network has arrays of its own"


def test_gradients_are_recorded_as_before():
    bioconv.read(small(), input_shape=MAPS)
    assert torch.is_grad_enabled()


# --- refusals -----------------------------------------------------------------------------------


class TwoInputs(nn.Module):
    def forward(self, x, y):
        return x + y


class NoInput(nn.Module):
    def forward(self, *xs):
        return xs[0]


def hooked(register):
    module = small()
    getattr(module[1], register)(lambda *_: None)
    return module


def aliased(alias):
    def forward(m, x):
        x = m.conv(x)
        kept = alias(m, x)
        F.relu_(x)
        return kept

    return Calls(forward, conv=conv(), same=nn.Identity(), drop=nn.Dropout())


def kept_below_a_view(m, x):
    x = m.conv(x)
    x.flatten(1).relu_()
    return x


def locked():
    module = small()
    module.lock = threading.Lock()
    return module


norm = nn.BatchNorm2d(4)

UNSUPPORTED = [
    (
        nn.Sequential(conv(), nn.GELU()),
        MAPS,
        r"1 \(GELU\) cannot be read. What can: Linear, Conv1d",
    ),
    (nn.Sequential(nn.LSTM(6, 4)), ROW, r"0 \(LSTM\) cannot be read"),
    (nn.ModuleDict({"act": nn.Tanh()})["act"], FLAT, r"tanh\(\) cannot be read"),
    (of(torch.sigmoid), FLAT, r"the call of sigmoid\(\) cannot be read. What can: linear"),
    (of(lambda x: x.transpose(1, 2)), MAPS, r"transpose\(\) cannot be read"),
    (of(lambda x: x * 2), FLAT, r"mul\(\) cannot be read"),
    (of(lambda x: x - x), FLAT, r"sub\(\) cannot be read"),
    (of(lambda x: x + 1), FLAT, r"add\(\): adding a constant .*bias of the layer before"),
    (of(lambda x: 1 + x), FLAT, "adding a constant"),
    (of(lambda x: torch.add(x, x, alpha=2)), FLAT, "add"),
    (of(lambda x: x[:, :2]), FLAT, r"getitem\(\): indexing a tensor with .*whole tensors can"),
    (of(lambda x: F.relu(x).to(x.dtype)), FLAT, "attribute 'dtype' of a tensor .*its shape can"),
    (of(lambda x: x.clamp(-1, 6)), FLAT, r"clamp\(min=-1, max=6\) .*from 0 to something above, or"),
    (of(lambda x: x.clamp(0, 0)), FLAT, r"clamp\(min=0, max=0\)"),
    (nn.Hardtanh(), FLAT, r"Hardtanh\): clamp\(min=-1.0, max=1.0\)"),
    (of(lambda x: x.clamp(min=-1)), FLAT, r"clamp\(min=-1, max=None\)"),
    (of(lambda x: F.dropout(x)), FLAT, r"drops in eval mode .*training=self\.training"),
    (
        nn.Sequential(nn.AvgPool2d(2, divisor_override=3)),
        MAPS,
        "AvgPool2d with divisor_override=3 .*and 1, a sum",
    ),
    (nn.LPPool2d(2, 3), MAPS, "LPPool with norm_type=2, .*norm_type=1 without ceil_mode"),
    (nn.LPPool2d(1, 3, ceil_mode=True), MAPS, "ceil_mode=True"),
    (nn.Sequential(nn.MaxPool2d(2, dilation=2)), MAPS, r"0 \(MaxPool2d\): .*with dilation or"),
    (nn.Sequential(nn.MaxPool2d(2, return_indices=True)), MAPS, "return_indices"),
    (nn.Sequential(nn.AdaptiveAvgPool2d(4)), MAPS, r"from \(6, 5\) to \(4, 4\).*differ in size"),
    (of(lambda x: x.mean(1)), MAPS, r"mean over 1 .*rows and columns, \(2, 3\), can"),
    (of(lambda x: x.mean((2,))), ROW, "mean over"),
    (nn.BatchNorm2d(4, track_running_stats=False), MAPS, "without running .*track_running_stats"),
    (
        of(lambda x: F.batch_norm(x, norm.running_mean, norm.running_var, training=True)),
        MAPS,
        "without",
    ),
    (conv(padding_mode="circular"), MAPS, "Conv2d with padding_mode 'circular' .*zeros can"),
    (nn.Softmax(dim=2), MAPS, "Softmax over axis 2 .*dim=1, it can"),
    (nn.Softmax(), ROW, "Softmax over axis None"),
    (nn.Flatten(0), MAPS, r"flatten\(0, -1\) .*flatten\(1\) keeps the batch"),
    (nn.Flatten(2), MAPS, r"flatten\(2, -1\)"),
    (of(lambda x: x.view(4, -1)), MAPS, r"first entry must be x\.size\(0\) or -1"),
    (of(lambda x: x.view(-1, 8, 15)), MAPS, r"samples are \(n,\) or \(channels, rows, columns\)"),
    (of(lambda x: x.squeeze(1)), MAPS, "it can drop rows and columns of size one"),
    (of(lambda x: torch.cat([x, x], 2)), MAPS, "cat over axis 2 .*dim=1, it can"),
    (of(lambda x: F.pad(x, (1, 1), value=1.0)), MAPS, "zeros around rows and columns can"),
    (of(lambda x: F.pad(x, (1, 1), mode="reflect")), MAPS, "mode 'reflect'"),
    (of(lambda x: F.pad(x, (1, 1, 1, 1))), ROW, "padding"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), MAPS, "Upsample in mode 'bilinear'"),
    (nn.Upsample(size=(9, 9)), MAPS, "whole scale_factor can"),
    (nn.Upsample(scale_factor=1.5), MAPS, "whole scale_factor can"),
    (nn.Linear(5, 2), MAPS, "Linear over the last axis of .*flatten the samples before it"),
    (nn.AvgPool2d(2), ROW, r"AvgPool2d\): a 2d layer on \(channels, length\).* use its 1d form"),
    (of(lambda x: F.max_pool2d(x, 2)), ROW, r"max_pool2d\(\): a 2d layer on \(channels, length\)"),
    (
        Calls(lambda m, x: m.c(input=x), c=conv()),
        MAPS,
        r"c \(Conv2d\): called in a way that cannot",
    ),
]

UNREADABLE = [
    (of(lambda x: x if x.sum() > 0 else -x), FLAT, r"torch\.fx at .*test_pytorch_modules\.py:\d+"),
    (of(lambda x: sum(row for row in x)), FLAT, "may not branch or loop on values or shapes"),
    (TwoInputs(), FLAT, r"TwoInputs: forward takes \['x', 'y'\]; .*takes one tensor"),
    (NoInput(), FLAT, r"forward takes \['xs'\]"),
    (of(lambda x: (x, F.relu(x))), FLAT, "returns tuple, not one tensor. Wrap it"),
    (of(lambda x: {"y": F.relu(x)}), FLAT, "returns .*dict, not one tensor"),
    (of(lambda x: x), FLAT, "returns its input: there is no layer to convert"),
    (of(lambda x: x.view(-1, 7)), FLAT, r"view\(-1, 7\) does not keep the 8 values of a sample"),
    (hooked("register_forward_hook"), MAPS, r"1 \(ReLU\): has forward hooks.*handle.remove\(\)"),
    (hooked("register_forward_pre_hook"), MAPS, r"1 \(ReLU\): has forward hooks"),
    (nn.Sequential(nn.LazyLinear(3)), FLAT, r"0 \(LazyLinear\): has no weights yet"),
    (locked(), MAPS, "Sequential cannot be copied.*Keep what .*locks, files"),
    (conv(n_in=3), MAPS, r"0 \(Conv2d\): Conv2d: input \(4, 6, 5\) has 4 channels, .*takes 3"),
    (of(lambda x: x + x.mean((2, 3), keepdim=True)), MAPS, r"add\(\): Add: .*they must agree"),
    (aliased(lambda m, x: x.flatten(1)), MAPS, "relu_ writes in place into conv.*inplace=False"),
    (aliased(lambda m, x: m.same(x)), MAPS, "writes in place"),
    (aliased(lambda m, x: m.drop(x)), MAPS, "writes in place"),
    (aliased(lambda m, x: x.view(-1, 120)), MAPS, "writes in place"),
    (Calls(kept_below_a_view, conv=conv()), MAPS, "writes in place into flatten"),
]


@pytest.mark.parametrize("module, shape, message", UNSUPPORTED)
def test_what_has_no_layer_here_is_named(module, shape, message):
    with pytest.raises(UnsupportedLayerError, match=message):
        bioconv.read(module, input_shape=shape)


@pytest.mark.parametrize("module, shape, message", UNREADABLE)
def test_what_cannot_be_read_is_explained(module, shape, message):
    with pytest.raises(ReadError, match=message):
        bioconv.read(module, input_shape=shape)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_refused():
    with pytest.raises(ReadError, match="is TorchScript; give the nn.Module"):
        bioconv.read(torch.jit.trace(small(), torch.ones(1, *MAPS)), input_shape=MAPS)


@pytest.mark.parametrize("shape", [(), (0,), (1, 4, 6, 5), 8, "abc", (2.5,)])
def test_input_shapes_that_are_none_are_refused(shape):
    with pytest.raises(ReadError, match=r"input_shape is .*, all positive, without the batch"):
        bioconv.read(small(), input_shape=shape)


def test_a_missing_input_shape_is_asked_for():
    with pytest.raises(ReadError, match=r"does not know the size .*input_shape=\(channels, rows"):
        bioconv.read(small())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_without_their_module_are_sent_back():
    with pytest.raises(ReadError, match="not OrderedDict. .*call load_state_dict, and give the"):
        read_torch(small().state_dict(), input_shape=MAPS)
    with pytest.raises(ReadError, match="Can't call numpy|requires grad"):
        bioconv.read({f"fc.{n}": p for n, p in nn.Linear(3, 2).named_parameters()})
