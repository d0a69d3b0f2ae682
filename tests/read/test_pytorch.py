"""Every entry of the reader's two tables against torch's own output."""

import copy
import operator

import pytest
from torch_agreement import FLAT, MAPS, ROW, Calls, agrees, of

from bioconv.read.torch_layers import FUNCTIONS, MODULES

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
gradient = pytest.importorskip("bioconv.learn.gradient")

#: class name -> (module, input shape) pairs
OF_MODULES = {
    "Linear": [(nn.Linear(8, 3), FLAT), (nn.Linear(8, 3, bias=False), FLAT)],
    "Conv1d": [
        (nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), ROW),
        (nn.Conv1d(4, 2, 2, padding="same", bias=False), ROW),
    ],
    "Conv2d": [
        (nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(0, 1), dilation=(2, 1), groups=2), MAPS),
        (nn.Conv2d(4, 3, (2, 3), padding="same", bias=False), MAPS),
        (nn.Conv2d(4, 3, (2, 3), padding="valid"), MAPS),
    ],
    "ConvTranspose1d": [
        (nn.ConvTranspose1d(4, 6, 3, stride=3, padding=1, output_padding=2, groups=2), ROW)
    ],
    "ConvTranspose2d": [
        (
            nn.ConvTranspose2d(
                4,
                6,
                (3, 2),
                stride=(2, 3),
                padding=(1, 0),
                output_padding=(1, 2),
                dilation=(1, 2),
                groups=2,
            ),
            MAPS,
        )
    ],
    "AvgPool1d": [(nn.AvgPool1d(3, 2, 1), ROW), (nn.AvgPool1d(4, ceil_mode=True), ROW)],
    "AvgPool2d": [
        (nn.AvgPool2d((3, 2)), MAPS),
        (nn.AvgPool2d(3, (2, 1), (1, 0), ceil_mode=True, count_include_pad=False), MAPS),
        (nn.AvgPool2d(3, (2, 1), (1, 0), ceil_mode=True, divisor_override=1), MAPS),
    ],
    "LPPool1d": [(nn.Sequential(nn.ReLU(), nn.LPPool1d(1, 3, 2)), ROW)],
    "LPPool2d": [
        (nn.Sequential(nn.ReLU(), nn.LPPool2d(1, (3, 2))), MAPS),
        (nn.LPPool2d(1, 2, (2, 1)), MAPS),
    ],
    "SumPool2d": [
        (gradient.SumPool2d((3, 2)), MAPS),
        (gradient.SumPool2d(3, (2, 1), (1, 0), ceil_mode=True), MAPS),
    ],
    "MaxPool1d": [(nn.MaxPool1d(3, 2, 1), ROW), (nn.MaxPool1d(4, ceil_mode=True), ROW)],
    "MaxPool2d": [(nn.MaxPool2d((3, 2)), MAPS), (nn.MaxPool2d(3, (2, 1), (1, 0), 1), MAPS)],
    "AdaptiveAvgPool1d": [
        *[(nn.AdaptiveAvgPool1d(n), ROW) for n in (1, 3)],
        (nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Conv1d(4, 3, 1)), ROW),
    ],
    "AdaptiveAvgPool2d": [(nn.AdaptiveAvgPool2d(n), MAPS) for n in (1, (3, 1), (2, None))],
    "BatchNorm1d": [(nn.BatchNorm1d(8), FLAT), (nn.BatchNorm1d(4, affine=False), ROW)],
    "BatchNorm2d": [(nn.BatchNorm2d(4, eps=0.1), MAPS)],
    "ReLU": [(nn.ReLU(), MAPS), (nn.ReLU(inplace=True), FLAT)],
    "ReLU6": [(nn.Sequential(nn.LPPool2d(1, 3), nn.ReLU6()), MAPS)],
    "Hardtanh": [(nn.Hardtanh(0, 0.5), MAPS), (nn.Hardtanh(0, 2, inplace=True), FLAT)],
    "ClippedReLU": [(gradient.ClippedReLU(0.5), MAPS)],
    "QuantizedReLU": [
        (gradient.QuantizedReLU(4, 0.9), MAPS),
        (nn.Sequential(nn.Linear(8, 3), gradient.QuantizedReLU(3, 1.1, learnable=False)), FLAT),
    ],
    "SoftLIF": [
        (gradient.SoftLIF(noise=10), MAPS),
        (gradient.SoftLIF(0.05, 0.8, 0.05, 0.001, 0.3), FLAT),
        (gradient.SoftLIF(gamma=0), FLAT),
    ],
    "Step": [(gradient.Step(), MAPS), (gradient.Step(0.3, width=2), FLAT)],
    "ActivationNoise": [(nn.Sequential(nn.ReLU(), gradient.ActivationNoise(0.5)), FLAT)],
    "LeakyReLU": [(nn.LeakyReLU(0.3), MAPS)],
    "Dropout": [(nn.Dropout(0.9), MAPS)],
    "Dropout1d": [(nn.Dropout1d(0.9), ROW)],
    "Dropout2d": [(nn.Dropout2d(0.9), MAPS)],
    "Softmax": [(nn.Softmax(dim=1), MAPS), (nn.Softmax(dim=-1), FLAT)],
    "Flatten": [
        (nn.Flatten(), MAPS),
        (nn.Flatten(), ROW),
        (nn.Sequential(nn.Flatten(), nn.ReLU()), FLAT),
    ],
    "Unflatten": [
        (nn.Sequential(nn.Unflatten(1, (2, 1, 4)), nn.Conv2d(2, 3, (1, 2))), FLAT),
        (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 3, 4)), nn.Conv2d(2, 3, (2, 3))), ROW),
    ],
    "ZeroPad2d": [(nn.ZeroPad2d((1, 2, 3, 0)), MAPS)],
    "Upsample": [
        (nn.Upsample(scale_factor=(2, 3)), MAPS),
        (nn.Upsample(scale_factor=2.0), ROW),
    ],
    "UpsamplingNearest2d": [(nn.UpsamplingNearest2d(scale_factor=2), MAPS)],
    "Identity": [(nn.Sequential(nn.Identity(), nn.ReLU()), MAPS)],
}


def weight(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


W = nn.ParameterDict({
    "fc": weight(3, 8), "row": weight(6, 2, 3), "maps": weight(6, 2, 3, 2), "b": weight(6),
    "up_row": weight(4, 3, 3), "up": weight(4, 3, 3, 2), "mean": weight(4), "var": weight(4) ** 2,
})  # fmt: skip


def used(function):
    return Calls(lambda m, x: function(x, m.w), w=copy.deepcopy(W))


#: name of the call -> (module, input shape) pairs
OF_FUNCTIONS = {
    "linear": [(used(lambda x, w: F.linear(x, w["fc"])), FLAT)],
    "conv1d": [(used(lambda x, w: F.conv1d(x, w["row"], w["b"], 2, 1, 1, 2)), ROW)],
    "conv2d": [
        (used(lambda x, w: F.conv2d(x, w["maps"], stride=(2, 1), groups=2)), MAPS),
        (used(lambda x, w: torch.conv2d(x, w["maps"], w["b"], groups=2, padding=(1, 0))), MAPS),
    ],
    "conv_transpose1d": [(used(lambda x, w: F.conv_transpose1d(x, w["up_row"], stride=2)), ROW)],
    "conv_transpose2d": [
        (used(lambda x, w: F.conv_transpose2d(x, w["up"], None, (2, 3), (1, 0), (1, 2))), MAPS)
    ],
    "avg_pool1d": [(of(lambda x: F.avg_pool1d(x, 3, 2, 1)), ROW)],
    "avg_pool2d": [(of(lambda x: F.avg_pool2d(x, (3, 2), padding=(1, 0))), MAPS)],
    "lp_pool1d": [(of(lambda x: F.lp_pool1d(F.relu(x), 1, 3, 2)), ROW)],
    "lp_pool2d": [(of(lambda x: F.lp_pool2d(F.relu(x), 1, (3, 2))), MAPS)],
    "max_pool1d": [(of(lambda x: F.max_pool1d(x, 3, 2, ceil_mode=True)), ROW)],
    "max_pool2d": [
        (of(lambda x: F.max_pool2d(x, (3, 2), 2, (1, 0))), MAPS),
        (of(lambda x: torch.max_pool2d(x, (3, 2))), MAPS),
    ],
    "adaptive_avg_pool1d": [(of(lambda x: F.adaptive_avg_pool1d(x, 2)), ROW)],
    "adaptive_avg_pool2d": [(of(lambda x: F.adaptive_avg_pool2d(x, (1, 1))), MAPS)],
    "mean": [
        (of(lambda x: x.mean((2, 3))), MAPS),
        (of(lambda x: x.mean(dim=[-1, -2], keepdim=True)), MAPS),
        (of(lambda x: torch.mean(x, (-2, -1))), MAPS),
    ],
    "batch_norm": [
        (used(lambda x, w: F.batch_norm(x, w["mean"], w["var"], eps=0.1)), MAPS),
        (used(lambda x, w: F.batch_norm(x, w["mean"], w["var"], w["var"], w["mean"])), ROW),
    ],
    "relu": [(of(f), MAPS) for f in (F.relu, torch.relu, lambda x: x.relu())],
    "relu_": [(of(f), MAPS) for f in (F.relu_, torch.relu_, lambda x: x.relu_())],
    "leaky_relu": [(of(lambda x: F.leaky_relu(x, 0.3)), MAPS), (of(F.leaky_relu), MAPS)],
    "leaky_relu_": [(of(lambda x: F.leaky_relu_(x, 0.3)), MAPS)],
    "clamp": [
        (of(lambda x: x.clamp(min=0)), MAPS),
        (of(lambda x: torch.clamp(x, 0.0)), MAPS),
        (of(lambda x: x.clamp(0, 0.5)), FLAT),
    ],
    "clip": [(of(lambda x: torch.clip(x, 0.0, 0.5)), MAPS)],
    "relu6": [(of(lambda x: F.relu6(F.lp_pool2d(x, 1, 3))), MAPS)],
    "hardtanh": [(of(lambda x: F.hardtanh(x, 0.0, 0.5)), MAPS)],
    "hardtanh_": [(of(lambda x: F.hardtanh_(x, 0, 0.5)), MAPS)],
    "clamp_min": [(of(lambda x: torch.clamp_min(x, 0)), MAPS)],
    "dropout": [(Calls(lambda m, x: F.dropout(x, 0.9, m.training)), MAPS)],
    "dropout1d": [(Calls(lambda m, x: F.dropout1d(x, training=m.training)), ROW)],
    "dropout2d": [(Calls(lambda m, x: F.dropout2d(x, training=m.training)), MAPS)],
    "softmax": [(of(lambda x: F.softmax(x, dim=1)), MAPS), (of(lambda x: x.softmax(-1)), FLAT)],
    "flatten": [(of(lambda x: torch.flatten(x, 1)), MAPS), (of(lambda x: x.flatten(1)), ROW)],
    "view": [
        (of(lambda x: x.view(x.size(0), -1)), MAPS),
        (of(lambda x: x.view(-1, 120)), MAPS),
        (Calls(lambda m, x: m.c(x.view(-1, 2, 3, 4)), c=nn.Conv2d(2, 3, (2, 1), (1, 2))), ROW),
        (of(lambda x: x.view((x.shape[0], 5, -1, 6))), MAPS),
    ],
    "reshape": [
        (of(lambda x: x.reshape(x.shape[0], 24)), ROW),
        (of(lambda x: torch.reshape(x, (-1, 2, 1, 4))), FLAT),
    ],
    "squeeze": [(of(lambda x: F.relu(x).squeeze()), (4, 1, 1))],
    "add": [
        (of(lambda x: x + F.relu(x)), MAPS),
        (of(lambda x: torch.add(x, x)), MAPS),
        (of(lambda x: x.add(F.relu(x))), MAPS),
    ],
    "add_": [(of(lambda x: F.relu(x).add_(x)), MAPS)],
    "iadd": [(of(lambda x: operator.iadd(F.relu(x), x)), MAPS)],
    "cat": [
        (of(lambda x: torch.cat((x, F.relu(x)), 1)), MAPS),
        (of(lambda x: torch.cat([x, x], dim=-1)), FLAT),
    ],
    "concat": [(of(lambda x: torch.concat([x, x], dim=1)), ROW)],
    "concatenate": [(of(lambda x: torch.concatenate([x, F.relu(x)], axis=1)), MAPS)],
    "pad": [
        (of(lambda x: F.pad(x, (1, 2, 3, 0))), MAPS),
        (of(lambda x: F.pad(x, (1, 2), value=0.0)), MAPS),
        (of(lambda x: F.pad(x, (1, 2))), ROW),
    ],
    "interpolate": [(of(lambda x: F.interpolate(x, scale_factor=(2.0, 3.0))), MAPS)],
    "contiguous": [(of(lambda x: F.relu(x).contiguous()), MAPS)],
    "clone": [(of(lambda x: F.relu(x).clone()), MAPS)],
    "float": [(of(lambda x: F.relu(x.float())), MAPS)],
    "double": [(of(lambda x: F.relu(x.double())), MAPS)],
    "size": [(of(lambda x: x.reshape(x.size(0), x.size(3), -1, x.size()[2])), MAPS)],
    "getattr": [(of(lambda x: F.relu(x).reshape(x.shape[0], -1)), MAPS)],
    "getitem": [(of(lambda x: x.reshape(x.shape[0], x.shape[1:][2], -1, 4)), MAPS)],
}


def listed(table):
    return [
        pytest.param(*case, id=f"{name}-{n}")
        for name in table
        for n, case in enumerate(table[name])
    ]


@pytest.mark.parametrize("module, shape", listed(OF_MODULES))
def test_modules(module, shape):
    agrees(module, shape)


@pytest.mark.parametrize("module, shape", listed(OF_FUNCTIONS))
def test_functions(module, shape):
    agrees(module, shape)


def test_the_lists_walk_the_whole_tables():
    assert set(OF_MODULES) == set(MODULES) and set(OF_FUNCTIONS) == set(FUNCTIONS)
