"""ONNX graphs against onnx's own reference evaluator, and modules that torch exports against torch."""

import io

import numpy as np
import pytest

import bioconv
from bioconv.errors import BioconvError, ReadError, UnsupportedLayerError
from bioconv.read.onnx_layers import CONSTANTS, OPERATORS

onnx = pytest.importorskip("onnx")
helper = onnx.helper

MAPS, FLAT = (4, 6, 5), (8,)
RNG = np.random.default_rng(7)


def n(*shape):
    return RNG.normal(size=shape) * 0.5


def op(kind, *names, out=None, **attributes):
    """A node that computes ``out``, or the next value of a chain."""
    return kind, names, out, attributes


def model(ops, shape, weights=(), opset=17, batch="n"):
    """A model on ``x``; an op without names takes the value before it, "w0" … are the weights."""
    nodes, before = [], "x"
    for number, (kind, names, out, attributes) in enumerate(ops):
        out = out or f"v{number}"
        names = [before if name == "." else name for name in names or (".",) * (kind != "Constant")]
        nodes.append(helper.make_node(kind, names, [out], **attributes))
        before = out
    tensors = [
        onnx.numpy_helper.from_array(np.asarray(w), name=f"w{number}")
        for number, w in enumerate(weights)
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, [batch, *shape])],
        [helper.make_tensor_value_info(before, onnx.TensorProto.DOUBLE, None)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def integers(*values):
    return np.array(values, dtype=np.int64)


#: name -> (ops, input shape, weights, opset)
CASES = {
    "Gemm": ([op("Gemm", ".", "w0", "w1", transB=1, alpha=0.5, beta=2.0)], FLAT, [n(3, 8), n(3)], 17),
    "Gemm plain": ([op("Gemm", ".", "w0")], FLAT, [n(8, 3)], 17),
    "MatMul": ([op("MatMul", ".", "w0"), op("Add", "w1", ".")], FLAT, [n(8, 3), n(3)], 17),
    "MatMul used twice": (
        [op("MatMul", ".", "w0", out="a"), op("Add", "a", "w1", out="b"), op("Add", "a", "b")],
        FLAT, [n(8, 3), n(1, 3)], 17,
    ),
    "Transpose": ([op("Transpose", "w0", out="t"), op("MatMul", "x", "t")], FLAT, [n(3, 8)], 17),
    "Conv": (
        [op("Conv", ".", "w0", "w1", strides=[1, 2], pads=[0, 1, 2, 1], dilations=[2, 1], group=2,
            kernel_shape=[3, 2])],
        MAPS, [n(6, 2, 3, 2), n(6)], 17,
    ),
    "Conv same": ([op("Conv", ".", "w0", auto_pad="SAME_UPPER", strides=[2, 2])], MAPS, [n(3, 4, 3, 2)], 17),
    "ConvTranspose": (
        [op("ConvTranspose", ".", "w0", "w1", strides=[2, 3], pads=[1, 0, 1, 0], output_padding=[1, 2])],
        MAPS, [n(4, 3, 3, 2), n(3)], 17,
    ),
    "BatchNormalization": (
        [op("BatchNormalization", ".", "w0", "w1", "w2", "w3", epsilon=0.01)],
        MAPS, [n(4), n(4), n(4), RNG.uniform(0.5, 2, 4)], 17,
    ),
    "Relu": ([op("Relu"), op("Identity")], MAPS, [], 17),
    "LeakyRelu": ([op("LeakyRelu", alpha=0.2)], MAPS, [], 17),
    "Clip": ([op("Clip", ".", "w0", "w1")], MAPS, [np.array(0.0), np.array(0.7)], 17),
    "Clip 6": ([op("Clip", min=0.0, max=0.7)], MAPS, [], 6),
    "MaxPool": ([op("MaxPool", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])], MAPS, [], 17),
    "AveragePool": (
        [op("AveragePool", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])], MAPS, [], 17,
    ),
    "AveragePool padded": (
        [op("AveragePool", kernel_shape=[2, 2], pads=[1, 0, 0, 1], count_include_pad=1)], MAPS, [], 17,
    ),
    "GlobalAveragePool": ([op("GlobalAveragePool"), op("Flatten")], MAPS, [], 17),
    "ReduceMean": ([op("ReduceMean", axes=[-2, -1], keepdims=0)], MAPS, [], 17),
    "Squeeze": ([op("GlobalAveragePool"), op("Squeeze", ".", "w0")], MAPS, [integers(2, 3)], 17),
    "Reshape": ([op("Reshape", ".", "w0"), op("Reshape", ".", "w1")], MAPS,
                [integers(0, -1), integers(-1, 2, 10, 6)], 17),
    "Shape": (
        [op("Shape", "x", out="s"), op("Gather", "s", "w0", out="g", axis=0),
         op("Unsqueeze", "g", "w1", out="u"), op("Concat", "u", "w2", out="c", axis=0),
         op("Reshape", "x", "c")],
        MAPS, [np.array(0), integers(0), integers(-1)], 17,
    ),
    "Add": ([op("Add", ".", "w0", out="a"), op("Relu", "a", out="r"), op("Add", "r", "a", out="s"),
             op("Sum", "a", "r", "s")], MAPS, [n(1, 4, 1, 1)], 17),
    "Concat": ([op("Relu", out="r"), op("Concat", "r", "x", axis=1)], MAPS, [], 17),
    "Pad": ([op("Pad", ".", "w0")], MAPS, [integers(0, 0, 1, 2, 0, 0, 0, 3)], 17),
    "Pad 2": ([op("Pad", pads=[0, 0, 1, 2, 0, 0, 0, 3])], MAPS, [], 2),
    "Softmax": ([op("Softmax", axis=1)], MAPS, [], 17),
    "Softmax 11": ([op("Softmax")], FLAT, [], 11),
    "Dropout": ([op("Dropout"), op("Relu")], MAPS, [], 17),
    "Cast": ([op("Cast", to=onnx.TensorProto.DOUBLE), op("Relu")], MAPS, [], 17),
    "Pad computed": (
        [op("ConstantOfShape", "w0", out="z", value=onnx.numpy_helper.from_array(integers(0))),
         op("Concat", "w1", "z", out="all", axis=0), op("Reshape", "all", "w2", out="pairs"),
         op("Slice", "pairs", "w3", "w4", "w5", "w6", out="back"), op("Transpose", "back", out="t"),
         op("Reshape", "t", "w7", out="pads"), op("Pad", "x", "pads")],
        MAPS, [integers(4), integers(1, 0, 2, 3), integers(-1, 2), integers(-1), integers(-10**9),
               integers(0), integers(-1), integers(-1)], 17,
    ),
    "Constant": (
        [op("Constant", out="k", value=onnx.numpy_helper.from_array(n(3, 8).T.copy())),
         op("Identity", "k", out="i"), op("Cast", "i", out="j", to=onnx.TensorProto.DOUBLE),
         op("MatMul", "x", "j")],
        FLAT, [], 17,
    ),
}  # fmt: skip


def evaluated(proto, x):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(proto).run(None, {"x": x})[0]


@pytest.mark.parametrize("name", CASES)
def test_operators_give_what_onnx_gives(name):
    ops, shape, weights, opset = CASES[name]
    proto = model(ops, shape, weights, opset)
    x = np.random.default_rng(3).normal(size=(3, *shape))
    expected = evaluated(proto, x)
    found = bioconv.reference(bioconv.read(proto), x)
    assert found.shape == expected.shape and abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1, abs(expected).max()))


def test_every_operator_of_the_tables_is_tested():
    used = {kind for ops, *_ in CASES.values() for kind, *_ in ops}
    assert used >= set(OPERATORS) | set(CONSTANTS)


def test_matmul_and_its_bias_are_one_layer():
    ops, shape, weights, _ = CASES["MatMul"]
    network = bioconv.read(model(ops, shape, weights))
    assert len(network.nodes) == 1 and network.nodes[0].layer.bias is not None
    ops, shape, weights, _ = CASES["MatMul used twice"]
    assert len(bioconv.read(model(ops, shape, weights)).nodes) == 3


def test_files_and_open_sizes(tmp_path):
    proto = model([op("Conv", ".", "w0"), op("Relu")], ("c", "h", 5), [n(3, 4, 2, 2)])
    path = tmp_path / "net.onnx"
    onnx.save(proto, path)
    with pytest.raises(ReadError, match=r"'x' has shape \[0, 0, 0, 5\], 0 where it is open"):
        bioconv.read(path)
    assert bioconv.read(path, input_shape=(4, 6, 5)).output_shape == (3, 5, 4)
    with pytest.raises(ReadError, match=r"the graph takes \(0, 0, 5\)"):
        bioconv.read(path, input_shape=(4, 6, 4))
    with pytest.raises(ReadError, match="no such file"):
        bioconv.read(tmp_path / "missing.onnx")
    big = model([op("MatMul", ".", "w0")], FLAT, [n(8, 300)])
    onnx.save(big, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ReadError, match="w0 stands in another file"):
        bioconv.read(path)


REFUSED = {
    "unknown": ([op("Erf")], FLAT, [], r"v0|erf_0 \(Erf\): cannot be read. What can: Gemm"),
    "domain": ([op("Relu", domain="com.acme")], FLAT, [], r"\(com.acme::Relu\): cannot be read"),
    "loop": ([op("If", "w0")], FLAT, [np.array(True)], r"\(If\): cannot be read with constants alone"),
    "clip": ([op("Clip", ".", "w0")], FLAT, [np.array(-1.0)], "Clip from -1.0 to None"),
    "same lower": (
        [op("Conv", ".", "w0", auto_pad="SAME_LOWER")], MAPS, [n(3, 4, 2, 2)], "auto_pad 'SAME_LOWER'",
    ),
    "batch": ([op("Reshape", ".", "w0")], MAPS, [integers(2, -1)], "the first axis must stay the batch"),
    "constant": ([op("Add", ".", "w0")], MAPS, [n(6, 5)], r"a constant of shape \(6, 5\)"),
    "pad": ([op("Pad", ".", "w0", mode="reflect")], MAPS, [integers(0, 0, 1, 1, 0, 0, 1, 1)], "'reflect'"),
    "channels": ([op("Conv", ".", "w0")], MAPS, [n(3, 5, 2, 2)], "has 4 channels, weight"),
    "order": ([op("Relu", "later"), op("Relu", "x", out="later")], FLAT, [], "nothing computes later"),
    "nothing": ([op("Identity")], FLAT, [], "is not computed from the input by any layer"),
    "product": ([op("MatMul", "x", "x")], FLAT, [], "a weight that depends on the input"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_operator(name):
    ops, shape, weights, text = REFUSED[name]
    with pytest.raises((ReadError, UnsupportedLayerError), match=text):
        bioconv.read(model(ops, shape, weights))


def test_damaged_files_give_one_error(tmp_path):
    rng = np.random.default_rng(5)
    ops, shape, weights, _ = CASES["Conv"]
    path = tmp_path / "net.onnx"
    onnx.save(model([*ops, op("Relu"), op("Flatten")], shape, weights), path)
    content, read = path.read_bytes(), 0
    for number in range(300):
        damaged = bytearray(content)
        if number % 3 == 0:
            damaged = damaged[: int(rng.integers(len(content)))]
        for place in rng.integers(max(1, len(damaged)), size=6 * bool(damaged)):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            bioconv.read(path)
            read += 1
        except BioconvError:
            pass
    assert read < 300


def modules():
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
            self.c, self.out = (
                nn.ConvTranspose2d(8, 4, (2, 3), stride=2, groups=2),
                nn.Linear(72, 4),
            )

        def forward(self, x):
            y = torch.relu(self.b(self.a(x)) + x)
            y = torch.cat((y, nn.functional.max_pool2d(x, 3, 1, 1)), 1)
            y = nn.functional.avg_pool2d(nn.functional.relu6(self.c(y)), (2, 3))
            return torch.softmax(self.out(y.view(x.size(0), -1)), 1)

    chain = nn.Sequential(
        nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(4, 6, (3, 2), groups=2, bias=False), nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(6, 3, bias=False),
    )  # fmt: skip
    return {"residual": Residual(), "chain": chain}


@pytest.mark.parametrize("name", ["residual", "chain"])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_exports(name, dynamic):
    torch = pytest.importorskip("torch")
    torch.manual_seed(2)
    module = modules()[name].eval().double()
    for key, buffer in module.named_buffers():
        if "running" in key:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    x = torch.randn(1, *MAPS, dtype=torch.float64)
    written = io.BytesIO()
    axes = {"x": {0: "n"}} if dynamic else None
    torch.onnx.export(
        module, (x,), written, input_names=["x"], dynamic_axes=axes, dynamo=False, opset_version=17
    )
    network = bioconv.read(onnx.load_from_string(written.getvalue()))
    images = torch.randn(3, *MAPS, dtype=torch.float64)
    with torch.no_grad():
        expected = module(images).numpy()
    np.testing.assert_allclose(bioconv.reference(network, images.numpy()), expected, atol=1e-12)
