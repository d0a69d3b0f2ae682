"""Files of ``torch.save``: state dictionaries are read, and no code of a file is run."""

import os
import sys
import zipfile

import numpy as np
import pytest

import bioconv
from bioconv.cli import main
from bioconv.errors import MissingDependencyError, ReadError
from bioconv.neurons import trained

torch = pytest.importorskip("torch")
nn = torch.nn


def dense():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).double()


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, (2, 3))
        self.fc = nn.Linear(3 * 3 * 2, 4, bias=False)


def agrees(network, module, shape):
    x = torch.rand(6, *shape, dtype=torch.float64)
    expected = module(x).detach().numpy()
    assert abs(expected).max() > 0
    # Sums of at most some ten products of numbers near one, in another order.
    np.testing.assert_allclose(bioconv.reference(network, x.numpy()), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".ckpt"])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "before torch 1.6"])
def test_a_state_dictionary_is_the_chain_of_its_weights(tmp_path, ending, new):
    path = tmp_path / f"net{ending}"
    torch.save(dense().state_dict(), path, _use_new_zipfile_serialization=new)
    agrees(bioconv.read(path), dense(), (5,))


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_checkpoint_is_opened(tmp_path, key):
    module = dense()
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.rand(2, 5, dtype=torch.float64)).sum().backward()
    optimizer.step()
    saved = {"epoch": 3, key: module.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(saved, tmp_path / "net.ckpt")
    agrees(bioconv.read(str(tmp_path / "net.ckpt")), module, (5,))


@pytest.mark.parametrize("wrapped", [nn.DataParallel, torch.compile])
def test_the_names_are_those_without_a_wrapper(tmp_path, wrapped):
    torch.save(wrapped(dense()).state_dict(), tmp_path / "net.pt")
    network = bioconv.read(tmp_path / "net.pt")
    assert [node.name for node in network.nodes if node.name.isdigit()] == ["0", "2"]


def test_convolutions_in_half_precision_need_the_size_of_a_sample(tmp_path):
    module = Named().half()
    torch.save(module.state_dict(), tmp_path / "net.pt")
    with pytest.raises(ReadError, match=r"net.pt: .*give input_shape=\(channels, rows, columns\)"):
        bioconv.read(tmp_path / "net.pt")
    network = bioconv.read(tmp_path / "net.pt", input_shape=(2, 4, 4))
    module = module.double()
    chain = nn.Sequential(module.conv, nn.ReLU(), nn.Flatten(), module.fc)
    agrees(network, chain, (2, 4, 4))


def test_one_layer_alone_has_names_without_a_prefix(tmp_path):
    layer = nn.Linear(3, 2).double()
    torch.save(layer.state_dict(), tmp_path / "net.pt")
    agrees(bioconv.read(tmp_path / "net.pt"), layer, (3,))


def test_neurons_behind_the_weights_may_be_stated(tmp_path):
    state = {**dense().state_dict(), "1.beta": torch.tensor(0.9)}
    torch.save(state, tmp_path / "net.pt")
    neuron = trained.snntorch_leaky(beta=0.9, threshold=1.0)
    network = bioconv.read(tmp_path / "net.pt", neuron=neuron)
    in_memory = bioconv.read(state, neuron=neuron)
    assert repr(network.populations) == repr(in_memory.populations)
    assert "left out: 1.beta" in str(network.report.notes)
    with pytest.raises(
        ReadError, match=r"1.beta \(\): neither weights nor biases .* neuron= states"
    ):
        bioconv.read(tmp_path / "net.pt")


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "before torch 1.6"])
def test_no_code_of_a_file_is_run(tmp_path, new):
    mark, path = tmp_path / "mark", tmp_path / "net.pt"
    torch.save({"a.weight": Payload(mark)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(
        ReadError,
        match=r"net.pt holds more than tensors \((posix|nt).mkdir\).*state_dict\(\), path",
    ):
        bioconv.read(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "the payload would have worked"


def test_a_module_in_a_file_is_refused_with_what_to_save(tmp_path):
    torch.save(dense(), tmp_path / "net.pt")
    text = r"Sequential\), and nothing is unpickled.*torch.save\(model.state_dict\(\), path\)"
    with pytest.raises(ReadError, match=text):
        bioconv.read(tmp_path / "net.pt")


def expanded(path):
    torch.save({"a.weight": torch.ones(1, 1).expand(50_000, 50_000)}, path)


def compressed(path):
    torch.save(dense().state_dict(), path)
    with zipfile.ZipFile(path) as old:
        records = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in records.items():
            new.writestr(name, content)


def flipped(path):
    torch.save({"a.weight": torch.full((3, 4), 7.0)}, path)
    seven = np.float32(7).tobytes()
    path.write_bytes(path.read_bytes().replace(seven, np.float32(8).tobytes(), 1))


def scripted(path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


@pytest.mark.parametrize(
    "saved, text",
    [
        ([torch.ones(2, 2)], "holds of type list, no state dictionary"),
        ({}, "a dict with nothing, no state dictionary"),
        ({"epoch": 3, "a.weight": torch.ones(2, 2)}, "'epoch' is of type int"),
        ({"a.weight": torch.ones(2, 2).to_sparse()}, "'a.weight' is a tensor of torch.float32, torch.sparse_coo"),
        ({"a.weight": torch.ones(2, 2, device="meta")}, "on meta"),
        ({"a.weight": torch.ones(2, 2, dtype=torch.complex64)}, "torch.complex64"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).state_dict(),
         r"1.weight \(2,\), 1.running_mean \(2,\).*build the module, call load_state_dict"),
        (nn.Conv1d(1, 2, 3).state_dict(), r"layer.weight \(2, 1, 3\): neither weights nor biases"),
        (nn.Sequential(nn.Linear(3, 2), nn.Linear(5, 2)).state_dict(), "build the module, call load_state_dict"),
        (expanded, "its tensors take 10000000000 bytes"),
        (compressed, "is compressed"),
        (flipped, "is damaged: the checksum of .*data/0' is wrong"),
        (scripted, "as TorchScript files are"),
        (lambda path: path.write_bytes(b"hello"), "is damaged, or no file"),
        (lambda path: None, "no such file"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_other_files_are_refused(tmp_path, saved, text):
    path = tmp_path / "net.pt"
    saved(path) if callable(saved) else torch.save(saved, path)
    with pytest.raises(ReadError, match=text) as refused:
        bioconv.read(path)
    assert "weights_only" not in str(refused.value)


def test_torch_is_asked_for_where_it_is_missing_or_unsafe(tmp_path, monkeypatch):
    torch.save(dense().state_dict(), tmp_path / "net.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(MissingDependencyError, match="PyTorch 2.5.1.* may run code"):
        bioconv.read(tmp_path / "net.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"pip install \"bioconv\[torch\]\""):
        bioconv.read(tmp_path / "net.pt")


def test_the_command_line_takes_the_file_and_the_size_of_a_sample(tmp_path, capsys):
    path = str(tmp_path / "net.pt")
    torch.save(Named().state_dict(), path)
    assert main(["inspect", path, "--input-shape", "2,4,4"]) == 0
    assert "conv  Conv2d" in capsys.readouterr().out
    assert main(["convert", path, "--input-shape", "2,4,4"]) == 0
    assert "threshold   conv_to_fc" in capsys.readouterr().out
    assert main(["inspect", path]) == 1
    assert "give input_shape=(channels, rows, columns)" in capsys.readouterr().err
