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


@pytest.mark.parametrize(("asked", "message"), [
    ([], "no rule"),
    (["stbp", "--net", "32x3"], "has no meaning there"),
    (["stbp", "--net", "20-4c3"], "has no meaning there"),
    (["stbp", "--net", "4c2"], "has no middle"),
    (["stbp", "--net", "a7-a7-4"], "nothing is left"),
    (["stbp-neunorm", "--net", "20"], "leave out --net"),
    (["tssl", "--net", "4c3-20"], "neurons alone"),
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
