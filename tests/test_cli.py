"""Every command, on the bundled data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bioconv
from bioconv.cli import PICTURES, main, parser
from bioconv.convert import METHODS

NIR = Path(__file__).parent / "read" / "nir_files" / "lif_norse.nir"

COMMANDS = (
    "demo",
    "methods",
    "inspect",
    "convert",
    "run",
    "evaluate",
    "diagnose",
    "plot",
    "export",
    "data",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(command, capsys):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args([command, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 150


def test_top_help_shows_examples_that_parse(capsys):
    from bioconv.cli import EPILOG

    lines = [line.split("  ")[1] for line in EPILOG.splitlines() if line.startswith("  bioconv")]
    assert len(lines) == 11
    for line in lines:
        assert parser().parse_args(line.split()[1:]).run


def test_demo_writes_its_pictures(tmp_path, capsys):
    assert main(["demo", "--samples", "60", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "ANN accuracy" in out and "SNN accuracy" in out and "dv/dt" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"raster.png", "membrane.png", "accuracy.png", "rates.png", "result.h5"}
    assert all((tmp_path / "out" / name).stat().st_size > 5000 for name in names)


def test_evaluate_prints_numbers(capsys):
    arguments = [
        "evaluate",
        "digits_mlp",
        "--data",
        "digits",
        "--samples",
        "100",
        "--device",
        "numpy",
    ]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (
        found["ann_accuracy"] > 0.95 and abs(found["snn_accuracy"] - found["ann_accuracy"]) < 0.02
    )
    assert found["agreement"] > 0.95 and found["samples"] == 100 and found["steps"] == 100
    assert found["synaptic_events_per_sample"] > found["spikes_per_sample"] > 100
    assert set(found["seconds"]) == {"convert", "reference", "run"}
    assert (
        main([*arguments, "--encoder", "poisson", "--duration", "50", "--precision", "single"]) == 0
    )
    assert "snn accuracy" in capsys.readouterr().out


def test_diagnose_prints_a_verdict_and_draws(tmp_path, capsys):
    picture = tmp_path / "diagnosis.png"
    arguments = [
        "diagnose",
        "digits_mlp",
        "--data",
        "digits",
        "--samples",
        "12",
        "-o",
        str(picture),
    ]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "verdict     sound" in out and "E_spiking" in out and "fc3" in out
    assert picture.stat().st_size > 5000
    assert main(arguments) == 1
    assert "exists; choose another name" in capsys.readouterr().err
    more = ["--overwrite", "--duration", "4", "--compare", "model_based", "--encoder", "regular"]
    assert main([*arguments, *more]) == 0
    out = capsys.readouterr().out
    assert out.count("verdict ") == 2 and out.count("trial ") >= 1
    assert "confirmed on 12 samples" in out and "ModelBased()" in out


def test_diagnose_compares_with_the_network_that_was_meant(tmp_path, capsys):
    network = bioconv.read("digits_mlp")
    weight = 10 * network["fc2"].layer.weight
    nodes = tuple(
        replace(node, layer=replace(node.layer, weight=weight)) if node.name == "fc2" else node
        for node in network.nodes
    )
    broken = bioconv.Network(nodes=nodes, input_shape=network.input_shape)
    bioconv.save_network(broken, tmp_path / "broken.h5")
    arguments = [
        "diagnose",
        str(tmp_path / "broken.h5"),
        "--network",
        "digits_mlp",
        "--data",
        "digits",
    ]
    assert main([*arguments, "--samples", "12", "-o", str(tmp_path / "d.png")]) == 0
    out = capsys.readouterr().out
    assert "(weights scaled). fc2: its weights are 10 times the trained ones" in out


def test_evaluate_stops_where_a_sample_is_decided(capsys):
    arguments = ["evaluate", "digits_mlp", "--data", "digits", "--samples", "60"]
    arguments += ["--device", "numpy", "--stop", "margin:3", "--decision", "margin:3", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["snn_accuracy"] == found["decision_accuracy"] > 0.9
    assert 3 < found["steps"] == found["decision_ms"] < 50


def test_evaluate_reads_the_output_by_a_rule(capsys):
    arguments = [
        "evaluate",
        "digits_mlp",
        "--data",
        "digits",
        "--samples",
        "60",
        "--device",
        "numpy",
    ]
    found = {}
    for rule in ("max_count", "first_spike", "margin:5"):
        assert main([*arguments, "--decision", rule, "--json"]) == 0
        found[rule] = json.loads(capsys.readouterr().out)
    assert found["max_count"]["decision_accuracy"] == found["max_count"]["snn_accuracy"] > 0.9
    assert found["max_count"]["decision_ms"] == 100
    first, margin = found["first_spike"], found["margin:5"]
    assert 0 < first["decision_ms"] < margin["decision_ms"] < 100
    assert first["decision_accuracy"] < margin["decision_accuracy"]
    assert main([*arguments, "--decision", "margin"]) == 1
    assert "the rule is 'margin'; choose one of max_count" in capsys.readouterr().err


def test_methods_lists_every_method(capsys):
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    for name in (*METHODS, "auto"):
        assert f"\n{name}" in f"\n{out}"
    assert "Rueckauer et al. (2017)" in out


def test_run_inspect_and_plot(tmp_path, capsys):
    path = tmp_path / "r.h5"
    arguments = ["run", "digits_mlp", "--data", "digits", "--samples", "5", "-o", str(path),
                 "--record", "fc1=spikes", "--record", "fc1=v"]  # fmt: skip
    assert main(arguments) == 0
    assert main(arguments) == 1
    assert "exists; choose another name or add --overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    assert main(["inspect", str(path)]) == 0
    assert "5 samples of 100 steps of 1 ms on numpy" in capsys.readouterr().out
    for kind in PICTURES:
        more = ["--data", "digits"] if kind == "accuracy" else []
        picture = tmp_path / f"{kind}.png"
        assert main(["plot", str(path), kind, "-o", str(picture), *more]) == 0
        assert picture.stat().st_size > 5000
    assert main(["plot", str(path), "accuracy", "-o", str(tmp_path / "a.png")]) == 1
    assert "add --data NAME" in capsys.readouterr().err
    assert main(["plot", str(path), "raster", "-o", str(tmp_path / "a.xyz")]) == 1


def test_convert_prints_the_model(capsys):
    assert main(["convert", "digits_mlp", "--data", "digits", "--method", "data_based"]) == 0
    out = capsys.readouterr().out
    assert "DataBased(carry='scale')" in out and "threshold   fc1_to_fc2" in out and "dv/dt" in out
    assert main(["convert", "digits_mlp", "--latex", "--units", "dimensionless"]) == 0
    assert "align" in capsys.readouterr().out


def test_inspect_shows_the_equations_of_a_nir_graph(capsys):
    path = Path(__file__).parent / "read" / "nir_files" / "braille_noDelay_bias_zero.nir"
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "note: dt is 0.0001 s, since r is tau/dt" in text and "v > V_th" in text


def shown(tmp_path, file, *more):
    """The result of ``bioconv run`` with a NIR graph and a file of samples."""
    path = tmp_path / "r.h5"
    arguments = ["run", str(NIR), "--dt", "0.1", "--reset", "zero", "--input", str(file), *more]
    assert main([*arguments, "-o", str(path), "--overwrite", "--device", "numpy"]) == 0
    return bioconv.load_result(path)


def by_hand(samples, encoder):
    network = bioconv.from_nir(NIR, dt=1e-4, reset="zero")
    return bioconv.to_brian(network, encoder=encoder).run(samples, device="numpy")


def same_spikes(result, other):
    assert result.n_steps == other.n_steps and result.n_samples == other.n_samples
    for name, counts in other.counts.items():
        assert counts.sum() > 0, "silent networks agree with anything"
        np.testing.assert_array_equal(result.counts[name], counts)


def test_a_nir_graph_is_shown_the_frames_of_a_file(tmp_path, rng):
    frames = rng.uniform(0, 40, size=(3, 25, 1))
    np.save(tmp_path / "frames.npy", frames)
    result = shown(tmp_path, tmp_path / "frames.npy")
    assert result.n_steps == 25 and result.dt == 1e-4
    same_spikes(result, by_hand(frames, "frames"))
    assert (
        shown(tmp_path, tmp_path / "frames.npy", "--samples", "2", "--duration", "1").n_steps == 10
    )
    np.save(tmp_path / "images.npy", frames[:, 0])
    constant = shown(tmp_path, tmp_path / "images.npy", "--encoder", "constant", "--duration", "3")
    assert constant.n_steps == 30 and len(constant.counts["layer_1"]) == 3


def test_a_nir_graph_is_shown_the_events_of_a_file(tmp_path, rng):
    frames = rng.integers(0, 2, size=(2, 300, 1))
    events = bioconv.Events.from_frames(frames, 1e-4)
    events.save(tmp_path / "events.npz")
    result = shown(tmp_path, tmp_path / "events.npz")
    assert result.n_steps == 300
    same_spikes(result, by_hand(events, "events"))


def test_a_nir_graph_is_exported_with_the_events_of_a_file(tmp_path, rng):
    events = bioconv.Events.from_frames(rng.integers(0, 2, size=(3, 50, 1)), 1e-4)
    events.save(tmp_path / "events.npz")
    arguments = ["export", str(NIR), "--dt", "0.1", "--reset", "zero", "--duration", "5"]
    arguments += ["--input", str(tmp_path / "events.npz"), "--samples", "2"]
    forms = ["--stimulus", str(tmp_path / "x.bin"), "--cpp", str(tmp_path / "net")]
    assert main([*arguments, *forms, "--script", str(tmp_path / "network.py")]) == 0
    network = bioconv.from_nir(NIR, dt=1e-4, reset="zero")
    model = bioconv.to_brian(network, encoder="events")
    model.write_stimulus(tmp_path / "y.bin", events[:2])
    assert (tmp_path / "x.bin").read_bytes() == (tmp_path / "y.bin").read_bytes()
    assert "model.steps = 50;" in (tmp_path / "net" / "program" / "model.cpp").read_text()
    assert "STEPS = 50" in (tmp_path / "network.py").read_text()


def test_a_converted_network_is_shown_the_images_of_a_file(tmp_path, capsys):
    images = bioconv.datasets.load("digits", samples=4).images
    np.save(tmp_path / "images.npy", images)
    arguments = ["run", "digits_mlp", "--input", str(tmp_path / "images.npy"), "--device", "numpy"]
    assert main([*arguments, "-o", str(tmp_path / "r.h5")]) == 0
    other = bioconv.to_brian("digits_mlp").run(images, device="numpy")
    same_spikes(bioconv.load_result(tmp_path / "r.h5"), other)


def test_inspect_shows_layers(capsys):
    assert main(["inspect", "digits_cnn"]) == 0
    assert "conv1  Conv2d(weight=array(8, 1, 3, 3)" in capsys.readouterr().out


def test_data_lists_what_there_is(capsys):
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    assert "digits         450 test images" in out and "fashion-mnist" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["inspect", "nothing.h5"], "no such file"),
        (["inspect", "digits_xyz"], "one of the bundled networks"),
        (["evaluate", "digits_mlp", "--data", "cifar"], "cifar"),
        (["convert", "digits_mlp", "--method", "magic"], "method is 'magic'; choose one of"),
        (["convert", "digits_mlp", "--substitute", "MaxPool2d"], "give LAYER=OTHER"),
        (["evaluate", "digits_mlp", "--data", "digits", "--duration", "0"], "give a positive time"),
        (["evaluate", "digits_mlp", "--data", "digits", "--dt", "-1"], "give a positive time"),
        (["run", "digits_mlp", "--data", "digits", "-o", "no/folder/r.h5"], "there is no folder"),
        (["evaluate", "digits_mlp", "--data", "digits", "--device", "gpu"], "device is 'gpu'"),
        (["run", "digits_mlp", "-o", "r.h5"], "nothing to show: add --data NAME or --input FILE"),
        (["run", "digits_mlp", "--input", "x.npy", "-o", "r.h5"], "x.npy: no such file"),
        (
            ["run", "digits_mlp", "--input", "x.csv", "-o", "r.h5"],
            "give an .npy file of images or frames",
        ),
        (
            ["evaluate", str(NIR), "--dt", "0.1", "--data", "digits"],
            "spikes already, and there is nothing to compare",
        ),
        (["inspect", str(NIR)], "does not say dt"),
    ],
)
def test_errors_are_one_message_and_a_status(arguments, message, capsys):
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith("bioconv: error: ") and message in err and "Traceback" not in err


def test_an_interrupted_run_saves_what_was_finished(tmp_path, capsys, monkeypatch):
    from bioconv.run import presentation

    original, calls = presentation.run_here, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(presentation, "run_here", stop)
    monkeypatch.setattr(presentation, "STEPS", 100)
    path = tmp_path / "r.h5"
    arguments = ["run", "digits_mlp", "--data", "digits", "--samples", "6", "--batch-size", "2"]
    assert main([*arguments, "-o", str(path), "--device", "numpy"]) == 130
    assert "interrupted after 2 of 6 samples" in capsys.readouterr().err
    assert bioconv.load_result(path).n_samples == 2
    assert np.all(bioconv.load_result(path).counts["fc1"].sum(axis=1) > 0)


def test_export_writes_what_is_asked_for(tmp_path, capsys):
    arguments = ["export", "digits_mlp", "--data", "digits", "--calibration", "50"]
    assert main(arguments) == 1
    assert "nothing to write" in capsys.readouterr().err
    assert main(["export", "digits_mlp", "--stimulus", str(tmp_path / "x.npy")]) == 1
    assert "add --data" in capsys.readouterr().err
    forms = ["--cpp", str(tmp_path / "net"), "--script", str(tmp_path / "network.py")]
    forms += ["--stimulus", str(tmp_path / "x.npy"), "--samples", "7", "--record", "fc1"]
    assert main([*arguments, *forms, "--duration", "30", "--batch-size", "2"]) == 0
    assert capsys.readouterr().out.count("written to") == 3
    assert len(np.load(tmp_path / "x.npy")) == 7
    assert "STEPS = 30" in (tmp_path / "network.py").read_text()
    code = (tmp_path / "net" / "program" / "model.cpp").read_text()
    assert "model.replicas = 2;" in code and "model.steps = 30;" in code and "spikes.fc1" in code
    assert main([*arguments, *forms]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main([*arguments, *forms, "--overwrite"]) == 0
