"""`bioconv train`: every rule trains, is saved, and answers in Brian2."""

import pytest

pytest.importorskip("torch")

import bioconv
from bioconv.cli import main
from bioconv.learn.commands.training import RULES

#: A small network for each rule; none for one that has its own. A new rule joins here.
NETS = {
    "stbp": "4c3-a4-20",
    "stbp-neunorm": None,
    "plif": "4c3-m4-20",
    "tssl": "20",
    "hybrid": "4c5-a4",
    "spikegrad": "4c5-a4-20",
}


def test_every_rule_is_listed(capsys):
    main(["train", "--list"])
    told = capsys.readouterr().out
    assert set(NETS) == set(RULES)
    for rule in RULES.values():
        assert f"{rule.about.name:14s} {rule.about.help}; {rule.about.reaches}" in told


@pytest.mark.data
@pytest.mark.parametrize("name", NETS)
def test_every_rule_trains(name, tmp_path, capsys):
    out = tmp_path / "net.h5"
    net = [] if NETS[name] is None else ["--net", NETS[name]]
    asked = [
        "--images",
        "120",
        "--epochs",
        "1",
        "--steps",
        "4",
        "--test-images",
        "20",
        "--brian-images",
        "5",
    ]
    assert main(["train", name, *net, *asked, "-o", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("torch: accuracy") and lines[-2].endswith("on 20 test images")
    assert lines[-1].startswith("Brian2: accuracy") and lines[-1].endswith("on 5 test images")
    assert bioconv.read(out).stimulus.shape == (1, 28, 28)


@pytest.mark.data
def test_an_image_is_shown_once_where_its_spikes_settle(capsys):
    """Then Brian2 is right as often as the integers."""
    asked = ["--net", "4c5-a4-20", "--images", "300", "--epochs", "10", "--steps", "60"]
    assert main(["train", "spikegrad", *asked, "--test-images", "40", "--brian-images", "40"]) == 0
    torch, brian2 = capsys.readouterr().out.splitlines()[-2:]
    assert torch.removeprefix("torch") == brian2.removeprefix("Brian2")
    assert 0.3 < float(torch.split()[2].rstrip("%")) / 100 < 1


@pytest.mark.parametrize(("asked", "message"), [
    ([], "no rule"),
    (["stbp", "--net", "32x3"], "has no meaning there"),
    (["stbp", "--net", "20-4c3"], "has no meaning there"),
    (["stbp", "--net", "4c2"], "has no middle"),
    (["stbp", "--net", "a7-a7-4"], "nothing is left"),
    (["stbp-neunorm", "--net", "20"], "leave out --net"),
    (["tssl", "--net", "4c3-20"], "neurons alone"),
    (["spikegrad", "--net", "4c3-m2"], "layer 2 is MaxPool2d"),
])  # fmt: skip
@pytest.mark.data
def test_what_cannot_be_trained_is_told(asked, message, capsys):
    assert main(["train", *asked, "--images", "20", "--test-images", "5"]) != 0
    assert message in capsys.readouterr().err


def test_a_file_that_is_there_is_not_overwritten(tmp_path, capsys):
    taken = tmp_path / "taken.h5"
    taken.write_text("mine")
    assert main(["train", "plif", "-o", str(taken)]) != 0
    assert "taken.h5 exists" in capsys.readouterr().err and taken.read_text() == "mine"
