"""C++ projects: built without Python, the spikes of the model, nothing lost when they are cut off."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from cases import NETWORKS, images
from trained import SHAPE, Arrays, network, sequences

import bioconv
from bioconv.errors import ParameterError, ResultError, StimulusError
from bioconv.neurons import LIF, Exponential
from bioconv.spiking import Stimulus

#: All that a build may call: no Python is among it.
TOOLS = ("make", "g++", "as", "ld", "sh")


def made(model, folder, *options, tools=None, **settings):
    """The compiled project of a model; ``tools`` are all the programs that there are."""
    model.export_cpp(folder, *options, **settings)
    env = {"PATH": str(tools)} if tools else None
    done = subprocess.run(
        ["make", "-j2", "CXXFLAGS=-O1"], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with a compiler and without Python."""
    folder = tmp_path_factory.mktemp("tools")
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def chance(seed):
    """A trained recurrent network that sees spikes by chance, with weights that were edited."""
    spiking = replace(network(Arrays()), stimulus=Stimulus(shape=SHAPE))
    model = bioconv.to_brian(spiking, encoder=bioconv.Poisson(rate=200 * Hz), seed=seed)
    model.projections["hidden_to_hidden"].w *= 1.5
    model["hidden"].I_bias[3] = 2 * mV
    return model


@pytest.fixture(scope="module")
def recurrent():
    return chance(5)


@pytest.fixture(scope="module")
def project(recurrent, tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    made(recurrent, folder / "net", 40 * ms, tools=tools, batch_size=3, record="spikes")
    recurrent.write_stimulus(folder / "samples.npy", samples())
    return folder / "net"


def samples(n=8):
    return np.random.default_rng(4).uniform(size=(n, *SHAPE))


def command(project, out, *options, stimulus=None):
    given = project.parent / "samples.npy" if stimulus is None else stimulus
    return [str(project / "run"), str(given), "--out", str(out), *map(str, options)]


def ran(project, out, *options, stimulus=None, **settings):
    return subprocess.run(
        command(project, out, *options, stimulus=stimulus),
        env={"PATH": ""}, capture_output=True, text=True, check=False, **settings,
    )  # fmt: skip


def same(found, expected, potentials=0.0):
    assert sum(len(train) for train in expected.spikes.values()) > 150, "silence agrees with all"
    assert found.spikes.keys() == expected.spikes.keys()
    for layer, train in expected.spikes.items():
        for part in ("sample", "neuron", "step"):
            np.testing.assert_array_equal(getattr(found.spikes[layer], part), getattr(train, part))
    for kind in ("counts", "negatives", "coded", "residuals"):
        arrays = getattr(expected, kind)
        assert getattr(found, kind).keys() == arrays.keys()
        for layer, array in arrays.items():
            assert getattr(found, kind)[layer].dtype == array.dtype
            np.testing.assert_allclose(
                getattr(found, kind)[layer], array, rtol=0, atol=potentials, err_msg=layer
            )
    np.testing.assert_allclose(found.potentials, expected.potentials, rtol=0, atol=potentials)
    for name in ("n_steps", "dt", "max_rate", "scales", "nodes", "signs", "onsets", "silent"):
        assert getattr(found, name) == getattr(expected, name), name


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.compiled
def test_the_spikes_of_the_model_in_every_chunk_and_process(project, recurrent, tmp_path):
    expected = recurrent.run(samples(), 40 * ms, record="spikes", device="numpy")
    for place, options in enumerate(([], ["--chunk", 3], ["--processes", 3, "--chunk", 1])):
        done = ran(project, tmp_path / str(place), *options)
        assert done.returncode == 0, done.stderr
        assert "8 of 8 samples" in done.stderr
        found = bioconv.load_results(tmp_path / str(place))
        same(found, expected)
    assert found.provenance["seed"] == 5 and found.provenance["device"] == "exported C++"


@pytest.mark.compiled
def test_samples_seed_and_steps_are_arguments(project, tmp_path):
    expected = chance(77).run(
        samples()[3:7], 95 * ms, record="spikes", device="numpy", first_sample=3
    )
    options = ["--first-sample", 3, "--samples", 4, "--steps", 95, "--seed", 77]
    assert ran(project, tmp_path / "out", *options).returncode == 0
    same(bioconv.load_results(tmp_path / "out"), expected)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_images_as_they_are(project, recurrent, tmp_path, dtype):
    x = samples()
    x = np.round(255 * x).astype(np.uint8) if dtype == "uint8" else x.astype(dtype)
    np.save(tmp_path / "x.npy", x)
    done = ran(project, tmp_path / "out", stimulus=tmp_path / "x.npy")
    assert done.returncode == 0, done.stderr
    seen = x / 255 if dtype == "uint8" else x
    expected = recurrent.run(seen, 40 * ms, record="spikes", device="numpy")
    same(bioconv.load_results(tmp_path / "out"), expected)


def interrupted(project, out, number, *options):
    """Start a long run, or go on with one, and end it by a signal once it has kept a state."""
    begin = time.time()
    child = subprocess.Popen(
        command(project, out, "--steps", 400_000, "--samples", 2, "--checkpoint", 0, *options),
        stderr=subprocess.DEVNULL,
    )
    for _ in range(3000):
        kept = [path.stat().st_mtime for path in out.glob("*/state.bin")]
        if max(kept, default=0) > begin or child.poll() is not None:
            break
        time.sleep(0.01)
    assert child.poll() is None, "it was over before it could be interrupted"
    child.send_signal(number)
    return child.wait(timeout=60)


@pytest.mark.compiled
def test_cut_off_and_gone_on_with_is_as_if_nothing_had_been(project, tmp_path):
    """Ctrl-C and a kill, in the middle of a long sample: every file is the same to the last byte."""
    long = ["--steps", 400_000, "--samples", 2]
    assert ran(project, tmp_path / "whole", *long).returncode == 0
    out = tmp_path / "out"
    assert interrupted(project, out, signal.SIGINT) == 130
    assert interrupted(project, out, signal.SIGKILL, "--resume") == -signal.SIGKILL
    assert interrupted(project, out, signal.SIGTERM, "--resume", "--processes", 2) == 130
    with pytest.raises(ResultError, match="no chunk"):
        bioconv.load_results(out)
    done = ran(project, out, *long, "--resume")
    assert done.returncode == 0, done.stderr
    expected, found = files(tmp_path / "whole"), files(out)
    assert len(expected["0000000000/spikes.conv.npy"]) > 10_000_000
    assert expected.keys() == found.keys()
    for name, content in expected.items():
        assert found[name] == content, name
    again = ran(project, out, *long, "--resume")
    assert again.returncode == 0 and files(out).keys() == expected.keys()


@pytest.mark.compiled
def test_memory_does_not_grow_with_the_duration(project, tmp_path):
    """Early and late in ten minutes of the model's time; spikes go to the disk."""
    child = subprocess.Popen(
        command(project, tmp_path / "out", "--steps", 600_000, "--samples", 3, "--checkpoint", 1),
        stderr=subprocess.DEVNULL,
    )
    used = []
    while child.poll() is None:
        pages = Path(f"/proc/{child.pid}/statm").read_text().split()
        if len(pages) > 1:
            used.append(int(pages[1]) * resource.getpagesize() / 2**20)
        time.sleep(0.02)
    assert child.returncode == 0
    used = [size for size in used if size > 0]
    early, late = np.mean(used[len(used) // 4 : len(used) // 2]), max(used[len(used) // 2 :])
    assert (tmp_path / "out" / "0000000000" / "spikes.conv.npy").stat().st_size > 50 * 2**20
    assert late < early + 1, (early, late)


@pytest.mark.compiled
def test_errors_say_what_is_wrong_and_cost_nothing(project, recurrent, tmp_path):
    def failed(words, *options, stimulus=None, out="out", **settings):
        done = ran(project, tmp_path / out, *options, stimulus=stimulus, **settings)
        assert done.returncode == 1, done.stderr
        lines = done.stderr.strip().splitlines()
        assert lines[-1].startswith("run: error: ") and words in lines[-1], done.stderr

    failed("no.npy", stimulus=tmp_path / "no.npy")
    failed("whole number", "--steps", "12x")
    failed("whole number", "--samples", 0)
    failed("needs a value", "--seed")
    failed("unknown argument --fast", "--fast")
    failed("the stimulus has 8", "--first-sample", 8)
    failed("8 from the first", "--samples", 9)
    (tmp_path / "text.npy").write_text("no array, but long enough for a header")
    failed("no .npy file", stimulus=tmp_path / "text.npy")
    whole = (project.parent / "samples.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-1])
    failed("too few for 8 samples", stimulus=tmp_path / "cut.npy")
    np.save(tmp_path / "other.npy", samples()[:, :, :, :3])
    failed("has shape (8, 2, 5, 3, )", stimulus=tmp_path / "other.npy")
    np.save(tmp_path / "whole.npy", samples().astype(int))
    failed("'<i8'", stimulus=tmp_path / "whole.npy")
    np.save(tmp_path / "nan.npy", samples() + np.nan)
    failed("takes values from 0", stimulus=tmp_path / "nan.npy", out="nan")
    dense = bioconv.to_brian(NETWORKS["dense"], method="model_based")
    dense.write_stimulus(tmp_path / "dense.npy", images(NETWORKS["dense"], 2))
    failed("written for another network", stimulus=tmp_path / "dense.npy")
    failed("cannot make the folder", out="nowhere/out")
    assert ran(project, tmp_path / "good").returncode == 0
    failed("not empty", out="good")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    failed("no folder of results", "--resume", out="other")
    failed('"steps": 40 before, "steps": 41 now', "--resume", "--steps", 41, out="good")


@pytest.mark.compiled
def test_a_run_goes_on_only_with_its_own_samples_and_network(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "net")
    np.save(tmp_path / "x.npy", samples())
    options = {"stimulus": tmp_path / "x.npy"}
    assert ran(copy, tmp_path / "out", **options).returncode == 0
    assert ran(copy, tmp_path / "out", "--resume", **options).returncode == 0
    np.save(tmp_path / "x.npy", samples()[::-1])
    done = ran(copy, tmp_path / "out", "--resume", **options)
    assert done.returncode == 1 and '"stamp"' in done.stderr and "holds another run" in done.stderr
    np.save(tmp_path / "x.npy", samples())
    path = next((copy / "weights").glob("*hidden_to_out_w"))
    (2 * np.fromfile(path)).tofile(path)
    done = ran(copy, tmp_path / "out", "--resume", **options)
    assert done.returncode == 1 and '"network"' in done.stderr


@pytest.mark.compiled
def test_a_missing_or_cut_weight_is_named(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    shutil.copy(project.parent / "samples.npy", tmp_path)
    path = next((copy / "weights").glob("*hidden_to_out_w"))
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    done = ran(copy, tmp_path / "out")
    assert done.returncode == 1 and f"it must have {len(content)}" in done.stderr
    path.unlink()
    done = ran(copy, tmp_path / "out")
    assert done.returncode == 1 and f"{path.name} is missing" in done.stderr


@pytest.mark.compiled
def test_a_full_disk_loses_nothing(project, recurrent, tmp_path):
    """A file may not grow beyond 100 kB: the chunks before are kept, and the run goes on later."""

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    long = ["--steps", 1000, "--chunk", 3]
    done = ran(project, tmp_path / "out", *long, preexec_fn=limited)
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr and "--resume" in done.stderr
    done = ran(project, tmp_path / "out", *long, "--resume")
    assert done.returncode == 0, done.stderr
    expected = recurrent.run(samples(), second, record="spikes", device="numpy")
    same(bioconv.load_results(tmp_path / "out"), expected)


@pytest.mark.compiled
def test_events_of_any_number_and_trained_neurons(tmp_path):
    model = bioconv.to_brian(network(Arrays()), encoder="events")
    made(model, tmp_path / "net", 40 * ms, batch_size=2, record="spikes")
    for number, rate in enumerate((1.0, 0.3)):
        events = sequences("events", 5) * (sequences("frames", 5) < rate)
        model.write_stimulus(tmp_path / "events.npy", events, overwrite=True)
        done = ran(tmp_path / "net", tmp_path / f"{number}", stimulus=tmp_path / "events.npy")
        assert done.returncode == 0, done.stderr
        expected = model.run(events, 40 * ms, record="spikes", device="numpy")
        same(bioconv.load_results(tmp_path / f"{number}"), expected)
    np.save(tmp_path / "raw.npy", sequences("events", 5))
    done = ran(tmp_path / "net", tmp_path / "raw", stimulus=tmp_path / "raw.npy")
    assert done.returncode == 1 and "write_stimulus" in done.stderr


LEAKY = {"neuron": LIF(tau_m=50 * ms, refractory=2 * ms), "synapse": Exponential(tau=3 * ms)}
WAYS = {
    "constant, maps": ("residual", {}),
    "delayed, leaky": (
        "residual",
        {"encoder": "poisson", "propagation": "delayed", "reset": "zero", **LEAKY},
    ),
    "few spikes": ("dense", {"method": "few_spike"}),
    "signed, single": (
        "leaky",
        {"method": "channel_wise", "substitute": {"LeakyReLU": "signed"}, "precision": "single"},
    ),
    "rank order": ("average", {"encoder": "rank_order"}),
    "first potential by chance": ("dense", {"initial": "random", "units": "dimensionless"}),
}


@pytest.mark.full
@pytest.mark.compiled
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_spike(way, tmp_path):
    name, options = WAYS[way]
    graph = NETWORKS[name]
    model = bioconv.to_brian(graph, calibration=images(graph, 20), seed=5, **options)
    x = images(graph, 5)
    record = {layer: ["spikes", "residual"] for layer in model.layers if layer != "input"}
    # binary digits: of sixty the last would be those of rounding
    duration = 16 * ms if way == "few spikes" else 60 * ms
    made(model, tmp_path / "net", duration, batch_size=2, record=record)
    model.write_stimulus(tmp_path / "x.npy", x)
    np.save(tmp_path / "raw.npy", x)
    expected = model.run(x, duration, record=record, device="numpy")
    for place, stimulus in enumerate(("x.npy", "raw.npy")):
        done = ran(tmp_path / "net", tmp_path / f"{place}", stimulus=tmp_path / stimulus)
        if stimulus == "raw.npy" and way == "rank order":
            assert done.returncode == 1 and "write_stimulus" in done.stderr
            continue
        assert done.returncode == 0, done.stderr
        # the weighted image is summed in another order: off by rounding, in every step
        loose = 1e-3 if "single" in way else 1e-9
        same(bioconv.load_results(tmp_path / f"{place}"), expected, loose)


@pytest.mark.full
@pytest.mark.compiled
def test_frames_and_fixed_lengths(tmp_path):
    model = bioconv.to_brian(network(Arrays()), encoder="frames")
    made(model, tmp_path / "net", 40 * ms, batch_size=2, record="spikes")
    frames = sequences("frames", 5)
    model.write_stimulus(tmp_path / "x.npy", frames)
    np.save(tmp_path / "raw.npy", frames)
    expected = model.run(frames, 40 * ms, record="spikes", device="numpy")
    for place, stimulus in enumerate(("x.npy", "raw.npy")):
        done = ran(tmp_path / "net", tmp_path / f"{place}", stimulus=tmp_path / stimulus)
        assert done.returncode == 0, done.stderr
        same(bioconv.load_results(tmp_path / f"{place}"), expected, 1e-12)
    done = ran(tmp_path / "net", tmp_path / "long", "--steps", 50, stimulus=tmp_path / "x.npy")
    assert done.returncode == 1 and "exported for 40 steps" in done.stderr


@pytest.mark.full
@pytest.mark.compiled
@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake")
def test_cmake_builds_the_same_program(tmp_path):
    """Without options for this machine's processor: rounding is the same."""
    graph = NETWORKS["dense"]
    model = bioconv.to_brian(graph, calibration=images(graph, 20))
    folder = model.export_cpp(tmp_path / "net", 100 * ms, record="spikes")
    for step in (["cmake", "-B", "build"], ["cmake", "--build", "build", "-j2"]):
        subprocess.run(step, cwd=folder, check=True, capture_output=True)
    model.write_stimulus(tmp_path / "x.npy", images(graph, 40))
    assert ran(folder, tmp_path / "out", stimulus=tmp_path / "x.npy").returncode == 0
    expected = model.run(images(graph, 40), 100 * ms, record="spikes", device="numpy")
    same(bioconv.load_results(tmp_path / "out"), expected)


@pytest.mark.full
@pytest.mark.data
@pytest.mark.compiled
def test_ten_thousand_images_of_mnist(tools, tmp_path):
    weights = Path(__file__).parents[2] / "models" / "mnist_fcn" / "weights.h5"
    train = bioconv.datasets.load("mnist", "train", samples=500).images
    test = bioconv.datasets.load("mnist")
    model = bioconv.to_brian(str(weights), calibration=train)
    made(model, tmp_path / "net", 100 * ms, tools=tools)
    np.save(tmp_path / "raw.npy", test.images)
    done = ran(tmp_path / "net", tmp_path / "out", "--processes", 2, stimulus=tmp_path / "raw.npy")
    assert done.returncode == 0, done.stderr
    found = bioconv.load_results(tmp_path / "out")
    expected = model.run(test.images, 100 * ms, device="cpp_standalone")
    np.testing.assert_array_equal(found.predictions, expected.predictions)
    same(found, expected, 1e-9)


def test_a_project_is_made_of_sources_alone(tmp_path):
    model = bioconv.to_brian(NETWORKS["dense"], method="model_based")
    folder = model.export_cpp(tmp_path / "net")
    assert folder == tmp_path / "net"
    written = {p.suffix for p in folder.rglob("*") if p.is_file() and p.parent.name != "weights"}
    assert written <= {".cpp", ".h", ".txt", ".json", ".md", ""}
    text = "".join(p.read_text() for p in folder.rglob("*") if p.suffix in (".cpp", ".h"))
    text += (folder / "Makefile").read_text()
    assert str(Path(os.__file__).parent) not in text and "Python.h" not in text
    about = json.loads((folder / "model.json").read_text())
    assert about["layers"] == {"fc1": [9], "fc2": [7], "fc3": [5]}
    assert not list(tmp_path.glob(".net-*"))
    with pytest.raises(ParameterError, match="not empty"):
        model.export_cpp(tmp_path / "net")
    model.export_cpp(tmp_path / "net", overwrite=True)
    (folder / "model.json").write_text("{}")
    with pytest.raises(ParameterError, match="no exported project"):
        model.export_cpp(tmp_path / "net", overwrite=True)
    assert (folder / "weights").is_dir()


def test_what_a_program_cannot_do_is_refused(tmp_path):
    dense = NETWORKS["dense"]

    def refused(model, words, **options):
        with pytest.raises(ParameterError, match=words):
            model.export_cpp(tmp_path / "net", **options)
        assert not list(tmp_path.iterdir())

    refused(bioconv.to_brian(dense, method="model_based", projections="explicit"), "shared")
    model = bioconv.to_brian(dense, method="model_based")
    refused(model, "records spikes and residuals", record={"fc1": "v"})
    model.extend(lambda model: [])
    refused(model, "extended")


def test_stimuli_are_checked_and_read_by_numpy(tmp_path):
    dense = NETWORKS["dense"]
    model = bioconv.to_brian(dense, method="model_based")
    x = images(dense, 300)
    path = tmp_path / "x.npy"
    model.write_stimulus(path, x)
    rows = np.load(path)
    assert rows.shape == (300,) and rows.dtype.names == ("fc1",) and rows["fc1"].shape == (300, 9)
    with pytest.raises(StimulusError, match="exists"):
        model.write_stimulus(path, x)
    with pytest.raises(StimulusError, match="shape"):
        model.write_stimulus(path, x[:, :3], overwrite=True)
    with pytest.raises(StimulusError, match="cannot write"):
        model.write_stimulus(tmp_path / "nowhere" / "x.npy", x)
    assert [p.name for p in tmp_path.iterdir()] == ["x.npy"]


def test_folders_that_are_no_results(tmp_path):
    with pytest.raises(ResultError, match=r"model\.json cannot be read"):
        bioconv.load_results(tmp_path)
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(ResultError, match="no table"):
        bioconv.load_results(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "bioconv-export", "version": 9}')
    (tmp_path / "run.json").write_text('{"samples": 3}')
    with pytest.raises(ResultError, match="version 9"):
        bioconv.load_results(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "bioconv-export", "version": 1}')
    with pytest.raises(ResultError, match="damaged"):
        bioconv.load_results(tmp_path)
