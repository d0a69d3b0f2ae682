"""The same spikes on every target, in every batch, in every chunk."""

import os
import signal
import threading

import numpy as np
import pytest
from brian2 import ms, mV
from cases import NETWORKS, images

import bioconv
from bioconv.errors import DeviceError
from bioconv.neurons import LIF, Exponential


def trains(result):
    """All spikes of a result as one list of (layer, sample, step, neuron)."""
    return {layer: np.stack([s.sample, s.step, s.neuron]) for layer, s in result.spikes.items()}


def same(one, other):
    first, second = trains(one), trains(other)
    assert first.keys() == second.keys()
    assert sum(train.shape[1] for train in first.values()) > 1000, "silence agrees with anything"
    for layer, train in first.items():
        np.testing.assert_array_equal(train, second[layer], err_msg=layer)
        np.testing.assert_array_equal(one.counts[layer], other.counts[layer])


#: encoder, propagation, further options
MODELS = {
    "poisson": {"encoder": "poisson"},
    "delayed_leaky": {
        "encoder": "poisson",
        "propagation": "delayed",
        "neuron": LIF(tau_m=50 * ms, refractory=2 * ms),
        "synapse": Exponential(tau=3 * ms),
        "reset": "zero",
    },
    "constant": {"encoder": "constant"},
    "regular_delayed": {"encoder": "regular", "propagation": "delayed"},
    "first_spikes": {"encoder": "ttfs", "propagation": "delayed"},
    "rank_order": {"encoder": "rank_order"},
}


def model(options, name="residual"):
    network = NETWORKS[name]
    return bioconv.to_brian(network, calibration=images(network, 20), seed=5, **options)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("options", "device"),
    [
        pytest.param("poisson", "cython", marks=pytest.mark.full),
        ("poisson", "cpp_standalone"),
        pytest.param("delayed_leaky", "cython", marks=pytest.mark.full),
        ("delayed_leaky", "cpp_standalone"),
        ("first_spikes", "cpp_standalone"),
        pytest.param("rank_order", "cython", marks=pytest.mark.full),
    ],
)
def test_every_target_gives_the_same_spikes(options, device):
    """Bit by bit: compiled code keeps the order of operations, so rounding is the same."""
    x = images(NETWORKS["residual"], 5)
    made = model(MODELS[options])
    expected = made.run(x, 80 * ms, device="numpy", record="spikes", batch_size=2)
    result = made.run(x, 80 * ms, device=device, record="spikes", batch_size=2)
    assert result.provenance["device"] == device
    same(expected, result)
    np.testing.assert_allclose(result.potentials, expected.potentials, atol=1e-9)


@pytest.mark.parametrize("options", MODELS)
def test_batches_change_no_spike(options):
    x = images(NETWORKS["residual"], 40)
    made = model(MODELS[options])
    results = [
        made.run(x, 30 * ms, device="numpy", record="spikes", batch_size=n) for n in (1, 7, 32)
    ]
    same(results[0], results[1])
    same(results[0], results[2])


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of compiled programs that belongs to the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "bioconv"


@pytest.mark.compiled
def test_chunks_processes_and_killed_workers_change_nothing(own_cache, monkeypatch):
    """One run, chunk after chunk, two and three at once, and one that is killed twice."""
    from bioconv import model as handle
    from bioconv.run import program

    x = images(NETWORKS["dense"], 23)
    made = model(MODELS["poisson"], "dense")
    expected = made.run(x, 60 * ms, device="numpy", record="spikes", batch_size=2)
    neurons = 2 * (11 + 9 + 7 + 5)
    monkeypatch.setattr(handle, "NUMBERS", 3 * neurons)
    options = {"device": "cpp_standalone", "record": "spikes", "batch_size": 2}
    for processes in (1, 2, 3):
        same(expected, made.run(x, 60 * ms, processes=processes, **options))
    original, calls = program.Executable._run, []

    def killed(self, *arguments):
        calls.append(1)
        if len(calls) in (2, 3):
            raise program.DeviceError("killed")
        return original(self, *arguments)

    monkeypatch.setattr(program.Executable, "_run", killed)
    same(expected, made.run(x, 60 * ms, **options))
    assert len(calls) == 4 + 2
    assert not list((own_cache / "runs").iterdir()), "finished runs leave nothing behind"


@pytest.mark.compiled
def test_a_run_that_was_cut_off_goes_on_where_it_was(own_cache, monkeypatch):
    from bioconv import model as handle
    from bioconv.run import program

    x = images(NETWORKS["dense"], 23)
    made = model(MODELS["poisson"], "dense")
    expected = made.run(x, 60 * ms, device="numpy", record="spikes", batch_size=2)
    monkeypatch.setattr(handle, "NUMBERS", 3 * 2 * (11 + 9 + 7 + 5))
    options = {"device": "cpp_standalone", "record": "spikes", "batch_size": 2}
    original, calls = program.Executable._run, []

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) > 2:
            raise program.DeviceError("the compiled program ended early")
        return original(self, *arguments)

    monkeypatch.setattr(program.Executable, "_run", failing)
    with pytest.raises(program.DeviceError, match="ended early"):
        made.run(x, 60 * ms, **options)
    started = []
    monkeypatch.setattr(
        program.Executable, "_run", lambda *given: (started.append(1), original(*given))[1]
    )
    same(expected, made.run(x, 60 * ms, **options))
    assert len(started) == 2, "two of the four chunks were kept"


@pytest.mark.compiled
def test_a_dask_cluster_gives_the_same_and_survives_a_killed_worker(own_cache, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from bioconv import model as handle

    x = images(NETWORKS["dense"], 40)
    made = model(MODELS["poisson"], "dense")
    expected = made.run(x, 60 * ms, device="numpy", record="spikes", batch_size=2)
    monkeypatch.setattr(handle, "NUMBERS", 2 * (11 + 9 + 7 + 5))
    options = {"record": "spikes", "batch_size": 2}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        same(expected, made.run(x, 60 * ms, scheduler=client, **options))
        victim = client.submit(os.getpid, pure=False).result()
        timer = threading.Timer(0.3, os.kill, (victim, signal.SIGKILL))
        timer.start()
        same(expected, made.run(x, 60 * ms, scheduler=cluster.scheduler_address, **options))
        timer.join()
    with pytest.raises(DeviceError, match="no Dask scheduler answers at tcp://127.0.0.1:1"):
        made.run(x, 60 * ms, scheduler="tcp://127.0.0.1:1", **options)


@pytest.mark.compiled
def test_a_program_is_compiled_once(own_cache, monkeypatch):
    """Other images, weights, currents, thresholds, seeds, samples and new models compile nothing."""
    from bioconv.run import program

    builds, original = [], program._build
    monkeypatch.setattr(program, "_build", lambda place: (builds.append(place), original(place)))
    x = images(NETWORKS["dense"], 9)

    def show(made, x, **options):
        numpy = made.run(x, 40 * ms, device="numpy", record="spikes", batch_size=2, **options)
        result = made.run(
            x, 40 * ms, device="cpp_standalone", batch_size=2, record="spikes", **options
        )
        same(numpy, result)

    first = model(MODELS["poisson"], "dense")
    show(first, x)
    show(first, x[:5], first_sample=3)
    first.projections["fc1_to_fc2"].w = first.projections["fc1_to_fc2"].w[:] * 0.5
    first["fc2"].I_bias = first["fc2"].I_bias[:] * 1.5
    show(first, x)
    before = first.run(x, 40 * ms, device="numpy").counts["fc1"].sum()
    first["fc1"].V_th = -58 * mV  # half way from rest
    show(first, x)
    assert first.run(x, 40 * ms, device="numpy").counts["fc1"].sum() > 1.3 * before > 0
    network = NETWORKS["dense"]
    show(bioconv.to_brian(network, calibration=x, seed=77, encoder="poisson"), x)
    assert len(builds) == 1
    show(bioconv.to_brian(network, calibration=x, seed=77, encoder="poisson", reset="zero"), x)
    assert len(builds) == 2


def test_first_sample_continues_the_random_numbers():
    x = images(NETWORKS["dense"], 6)
    made = model(MODELS["poisson"], "dense")
    whole = made.run(x, 100 * ms, device="numpy", record="spikes")
    half = made.run(x[3:], 100 * ms, device="numpy", record="spikes", first_sample=3)
    for layer, spikes in half.spikes.items():
        late = whole.spikes[layer].sample >= 3
        np.testing.assert_array_equal(spikes.step, whole.spikes[layer].step[late])
        np.testing.assert_array_equal(spikes.neuron, whole.spikes[layer].neuron[late])


def test_seeds_change_the_input_and_runs_repeat_it():
    x = images(NETWORKS["dense"], 3)
    first = model(MODELS["poisson"], "dense")
    other = bioconv.to_brian(
        NETWORKS["dense"], calibration=images(NETWORKS["dense"], 20), seed=6, encoder="poisson"
    )
    runs = [m.run(x, 100 * ms, device="numpy", record="spikes") for m in (first, first, other)]
    same(runs[0], runs[1])
    assert (runs[0].counts["input"] != runs[2].counts["input"]).any()


def test_single_precision_spikes_alike_where_rounding_does_not_decide():
    """Weights of seven digits: a few spikes may move by a step, hardly any may be gained or lost."""
    network = NETWORKS["residual"]
    x = images(network, 4)
    counts = {}
    for precision in ("double", "single"):
        made = bioconv.to_brian(
            network, calibration=images(network, 20), encoder="poisson", precision=precision
        )
        result = made.run(x, 100 * ms, device="numpy")
        assert result.provenance["precision"] == precision
        assert made["conv1"].v.dtype == np.dtype({"double": "f8", "single": "f4"}[precision])
        counts[precision] = result.counts
    for layer, double in counts["double"].items():
        assert double.sum() > 100
        assert abs(double - counts["single"][layer]).max() <= 1
    np.testing.assert_array_equal(counts["double"]["input"], counts["single"]["input"])


@pytest.mark.compiled
def test_threads_change_nothing(own_cache):
    """OpenMP is off unless Brian2's preference asks for it; then the spikes are the same."""
    import brian2

    x = images(NETWORKS["residual"], 5)
    made = model(MODELS["delayed_leaky"])
    expected = made.run(x, 60 * ms, device="numpy", record="spikes", batch_size=2)
    brian2.prefs.devices.cpp_standalone.openmp_threads = 2
    try:
        result = made.run(x, 60 * ms, device="cpp_standalone", record="spikes", batch_size=2)
    finally:
        brian2.prefs.devices.cpp_standalone.openmp_threads = 0
    same(expected, result)
