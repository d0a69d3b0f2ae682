"""`bioconv learn`: every experiment runs from the command line and says what it reached."""

import sys

import pytest

from bioconv.cli import main
from bioconv.learn.commands import EXPERIMENTS

#: Small settings of every experiment and what its last line says. A new one joins here.
SMALL = {
    "diehl-cook": (
        "--neurons 10 --images 2 --label-images 2 --test-images 2 --device numpy",
        "on 2 test images, labels from 2 training images",
    ),
    "eqprop": ("--hidden 20 --images 100 --epochs 1 --test-images 50", "on 50 test images"),
    "spikeprop": ("--epochs 150", "inputs 0 and 0 ms: wanted 16 ms, 15."),
    "stdp-convolution": (
        "--images 100 50 --read-out-images 60 --test-images 20",
        "on 20 test images, read out with 60 training images",
    ),
    "superspike": ("--seconds 0.5 --device numpy", "ms (output 0)"),
    "tempotron": ("--images 200 --epochs 1 --test-images 100", "on 100 test images"),
}


def test_every_experiment_is_listed_with_what_to_expect(capsys):
    with pytest.raises(SystemExit):
        main(["learn", "--help"])
    told = capsys.readouterr().out
    for module in EXPERIMENTS:
        about = module.ABOUT
        assert f"{about.name:16s} {about.data:22s} {about.reaches}; {about.minutes}\n" in told
    assert set(SMALL) == {module.ABOUT.name for module in EXPERIMENTS}


@pytest.mark.data
@pytest.mark.parametrize("name", SMALL)
def test_every_experiment_runs(name, capsys):
    options, end = SMALL[name]
    if name == "stdp-convolution":
        pytest.importorskip("sklearn")
    main(["learn", name, *options.split()])
    assert end in capsys.readouterr().out.splitlines()[-1]


def test_a_file_that_is_there_is_not_overwritten(tmp_path, capsys):
    taken = tmp_path / "taken.h5"
    taken.write_text("mine")
    for name in ("diehl-cook", "eqprop", "stdp-convolution"):
        assert main(["learn", name, "-o", str(taken)]) != 0
        assert "taken.h5 exists" in capsys.readouterr().err
    assert taken.read_text() == "mine"


def test_a_missing_scikit_learn_is_said_before_the_training(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    assert main(["learn", "stdp-convolution", "--folder", "nowhere"]) != 0
    error = capsys.readouterr().err
    assert "bioconv[sklearn]" in error and "nowhere" not in error
