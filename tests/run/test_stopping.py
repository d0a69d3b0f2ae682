"""Samples that end as soon as they are decided: the plain run's spikes until then, and no step more.

The oracle is a plain run, decided afterwards from its spikes: bit by bit the same, in whatever company a
sample was shown.
"""

import numpy as np
import pytest
from brian2 import SpikeMonitor, ms
from cases import NETWORKS, images

import bioconv
from bioconv.build import FirstSpike, Margin, TotalCount, stop_named
from bioconv.errors import DeviceError, ParameterError
from bioconv.neurons import LIF, Exponential

T = 40
RULES = {"margin:1": Margin(1), "margin:3": Margin(3), "total_count:4": TotalCount(4), "first_spike": FirstSpike()}  # fmt: skip
#: network, options of the model
MODELS = {
    "constant": ("residual", {}),
    "poisson": ("residual", {"encoder": "poisson"}),
    "regular": ("dense", {"encoder": "regular"}),
    "ttfs": ("dense", {"encoder": "ttfs"}),
    "rank_order": ("dense", {"encoder": "rank_order"}),
    "explicit": ("dense", {"projections": "explicit"}),
    "small": ("dropout", {}),
    "single": ("dense", {"precision": "single"}),
    "negative_spikes": ("leaky", {}),
    "softmax": ("dense", {"readout": "softmax"}),
    "softmax_clock": ("dense", {"readout": "softmax_clock"}),
    "random_begin": ("dense", {"initial": "random"}),
    "held": ("dense", {"clamp": 3, "initial": 0.5}),
    "leaky_filtered_hard": (
        "dense",
        {
            "encoder": "poisson",
            "neuron": LIF(tau_m=200 * ms, refractory=1 * ms),
            "synapse": Exponential(tau=2 * ms),
            "reset": "zero",
        },
    ),
}  # fmt: skip

#: Margins for models with few output spikes.
SOONER = {"held": 1, "leaky_filtered_hard": 2}


def model(network, **options):
    network = NETWORKS[network]
    return bioconv.to_brian(network, calibration=images(network, 20), seed=5, **options)


def everything(made):
    """Spikes of all layers, potentials of the output, what is left of the others."""
    record = {layer: ["spikes", "residual"] for layer in made.layers}
    if made.settings.encoder.spikes:
        record["input"] = "spikes"
    return record | {made.spiking.output: ["spikes", "v"]}


def decided(plain, rule):
    """(n_samples,) step count at which the output's spikes of a plain run satisfy a rule."""
    counts = np.zeros((plain.n_samples, plain.potentials.shape[1]), dtype=int)
    steps, spikes = np.full(plain.n_samples, plain.n_steps), plain.spikes[plain.output]
    for step in reversed(range(plain.n_steps)):
        counts[:] = 0
        early = spikes.step <= step
        np.add.at(counts, (spikes.sample[early], spikes.neuron[early]), 1)
        order = np.sort(counts, axis=1)
        found = {
            Margin: order[:, -1] - order[:, -2],
            TotalCount: counts.sum(axis=1),
            FirstSpike: counts.sum(axis=1),
        }[type(rule)]
        steps[found >= rule.spikes] = step + 1
    return steps


def check(plain, result, steps):
    """``result`` is ``plain`` cut off after ``steps``."""
    np.testing.assert_array_equal(result.steps, steps)
    for layer, spikes in plain.spikes.items():
        kept = spikes.step < steps[spikes.sample]
        for part in ("sample", "step", "neuron"):
            seen = getattr(result.spikes[layer], part)
            np.testing.assert_array_equal(seen, getattr(spikes, part)[kept], err_msg=layer)
        counts = np.zeros((plain.n_samples, plain.counts[layer][0].size), dtype=int)
        np.add.at(counts, (spikes.sample[kept], spikes.neuron[kept]), 1)
        if layer not in plain.negatives:
            flat = result.counts[layer].reshape(counts.shape)
            np.testing.assert_array_equal(flat, counts, err_msg=layer)
    rows = np.arange(plain.n_samples)
    whole, cut = plain.traces[plain.output], result.traces[plain.output]
    last = (whole.values[rows, steps - 1] - whole.rest) / (whole.threshold - whole.rest)
    np.testing.assert_allclose(result.potentials, last, rtol=1e-6, atol=1e-9)
    shown = np.arange(plain.n_steps) < steps[:, None]
    np.testing.assert_array_equal(cut.values[shown], whole.values[shown])
    assert np.isnan(cut.values[~shown]).all()
    counts = result.counts[plain.output].reshape(plain.n_samples, -1)
    best = np.where(counts == counts.max(axis=1, keepdims=True), last, -np.inf).argmax(axis=1)
    np.testing.assert_array_equal(result.predictions, best)


@pytest.fixture(scope="module")
def plain():
    """{model: (Model, its images, its plain run)}, made when first asked for."""
    made: dict = {}

    def found(name):
        if name not in made:
            network, options = MODELS[name]
            one, x = model(network, **options), images(NETWORKS[network], 11)
            run = one.run(x, T * ms, device="numpy", batch_size=11, record=everything(one))
            made[name] = one, x, run
        return made[name]

    return found


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.full] * (n in ("explicit", "random_begin")))
        for n in MODELS
    ],
)
def test_the_plain_run_until_the_decision(plain, name):
    """Three places for eleven samples: every place shows several, and some are empty at the end."""
    made, x, whole = plain(name)
    rule = Margin(SOONER.get(name, 3))
    steps = decided(whole, rule)
    assert len(set(steps)) > 2 and (steps < T).any(), "all alike, or never, tells nothing"
    result = made.run(x, T * ms, device="numpy", batch_size=3, record=everything(made), stop=rule)
    check(whole, result, steps)
    assert result.provenance["stop"] == str(rule)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_by_name_and_as_a_record(plain, rule):
    made, x, whole = plain("constant")
    steps = decided(whole, RULES[rule])
    for stop in (rule, RULES[rule]):
        result = made.run(
            x, T * ms, device="numpy", batch_size=4, record=everything(made), stop=stop
        )
        check(whole, result, steps)
    read = bioconv.analysis.decide(whole, rule)
    np.testing.assert_array_equal(read.steps, result.steps)
    np.testing.assert_array_equal(read.classes, result.predictions)


@pytest.mark.parametrize("batch_size", [1, 11])
def test_batches_and_chunks_change_nothing(plain, batch_size, monkeypatch):
    from bioconv.run import presentation

    monkeypatch.setattr(presentation, "STEPS", 4 * T)
    made, x, whole = plain("poisson")
    result = made.run(
        x, T * ms, device="numpy", batch_size=batch_size, record=everything(made), stop="margin:3"
    )
    check(whole, result, decided(whole, Margin(3)))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "bioconv"


@pytest.mark.full
@pytest.mark.compiled
def test_cython_gives_the_same(plain):
    made, x, whole = plain("small")
    result = made.run(
        x, T * ms, device="cython", batch_size=3, record=everything(made), stop="margin:3"
    )
    check(whole, result, decided(whole, Margin(3)))


@pytest.mark.compiled
def test_compiled_programs_chunks_processes_and_what_was_cut_off(plain, own_cache, monkeypatch):
    """One program for all numbers of a rule; kept chunks belong to one number alone."""
    from bioconv import model as handle
    from bioconv.run import program

    made, x, whole = plain("leaky_filtered_hard")
    monkeypatch.setattr(handle, "NUMBERS", 2 * 2 * (11 + 9 + 7 + 5))
    builds, original = [], program._build
    monkeypatch.setattr(program, "_build", lambda place: (builds.append(place), original(place)))
    options = {"device": "cpp_standalone", "batch_size": 2, "record": everything(made)}

    def run(stop, processes=1):
        result = made.run(x, T * ms, stop=stop, processes=processes, **options)
        check(whole, result, decided(whole, stop))

    run(Margin(2))
    run(Margin(1), processes=2)
    assert len(builds) == 1
    start, started = program.Executable._run, []

    def failing(self, *arguments):
        started.append(1)
        if len(started) > 1:
            raise program.DeviceError("killed")
        return start(self, *arguments)

    monkeypatch.setattr(program.Executable, "_run", failing)
    with pytest.raises(DeviceError, match="killed"):
        run(Margin(2))
    monkeypatch.setattr(
        program.Executable, "_run", lambda *given: (started.append(1), start(*given))[1]
    )
    started.clear()
    run(Margin(1))
    assert len(started) == 3, "the chunk that was kept is margin:2's"
    started.clear()
    run(Margin(2))
    assert len(started) == 2, "one of three chunks was kept"
    assert len(builds) == 1
    run(TotalCount(4))
    assert len(builds) == 2


def test_a_run_takes_no_longer_than_its_samples(plain):
    """One place shows one sample after another; one further step finds the last one decided."""
    made, x, whole = plain("constant")
    made.run(x, T * ms, device="numpy", batch_size=1, stop="margin:1")
    assert round(made.network.t / (1 * ms)) == decided(whole, Margin(1)).sum() + 1


def test_empty_places_are_silent_and_everything_is_cleared_afterwards():
    """Biases alone would make them spike."""
    made = model("dense")
    seen = []

    def count(made):
        seen.append(SpikeMonitor(made["fc1"], name="seen"))
        return seen[-1]

    made.extend(count)
    result = made.run(
        images(NETWORKS["dense"], 4), T * ms, device="numpy", batch_size=4, stop="margin:2"
    )
    step = np.rint(seen[-1].t / (1 * ms)).astype(int)
    ended = result.steps[np.asarray(seen[-1].i) // 9]
    last = result.steps.max()
    late = (step >= ended) & (step < last)
    assert len(set(result.steps)) > 1 and len(step) > 50
    assert not late.any()
    assert np.isfinite(made["fc1"].v_[:]).all()


def test_plain_runs_before_and_after_are_alike(plain):
    """The objects are made anew, and what was edited stays."""
    made, x, whole = plain("regular")
    made["fc2"].I_bias = made["fc2"].I_bias[:] * 0.5
    before = made.run(x, T * ms, device="numpy", record="spikes", batch_size=3)
    made.run(x, T * ms, device="numpy", stop="margin:1", batch_size=3)
    after = made.run(x, T * ms, device="numpy", record="spikes", batch_size=3)
    assert (before.counts["fc2"] != whole.counts["fc2"]).any()
    for layer, counts in before.counts.items():
        np.testing.assert_array_equal(after.counts[layer], counts)
    np.testing.assert_array_equal(before.steps, np.full(11, T))


def test_rates_count_the_time_that_a_sample_was_shown(plain):
    made, x, _ = plain("constant")
    result = made.run(x, T * ms, device="numpy", batch_size=3, stop="margin:3")
    layer = result.output
    expected = result.counts[layer] / (result.steps[:, None] * 1e-3)
    np.testing.assert_allclose(result.rates(layer), expected)


REFUSED = {
    "unknown": ("sooner", "stop is 'sooner'; choose margin:N, total_count:N, first_spike"),
    "no_number": ("margin", "stop is 'margin'; choose"),
    "a_number": ("first_spike:2", "stop is 'first_spike:2'; choose"),
    "zero": ("margin:0", "Margin: spikes is 0; give an integer of at least 1"),
    "text": ("total_count:few", "TotalCount: spikes is 'few'; give an integer"),
    "type": (3, "stop is 3; choose"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rules_that_are_refused(name):
    stop, text = REFUSED[name]
    with pytest.raises(ParameterError) as caught:
        stop_named(stop)
    assert str(caught.value).startswith(text)


#: network, options, what is said
UNFIT = {
    "delayed": ("dense", {"propagation": "delayed"}, 'stop needs propagation="synchronous"'),
    "few_spike": ("dense", {"neuron": "few_spike"}, "stop: few-spike neurons (fc1, fc2, fc3)"),
    "silent": ("dense", {"readout": "potential"}, "stop counts output spikes, and 'fc3' only"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_models_that_cannot_end_early(name):
    network, options, text = UNFIT[name]
    with pytest.raises(ParameterError) as caught:
        model(network, **options).run(images(NETWORKS[network], 1), stop="margin:1")
    assert str(caught.value).startswith(text)


def test_samples_whose_spikes_are_late_cannot_end_early():
    made = model("dense", encoder="regular")
    late = bioconv.Model(bioconv.realism.delayed(made.spiking, 2), made.settings)
    with pytest.raises(ParameterError, match="has a delay, so spikes of a decided sample"):
        late.run(images(NETWORKS["dense"], 1), stop="margin:1")


def test_objects_that_were_added_are_not_lost():
    made, x = model("dense").build(duration=T * ms, batch_size=1), images(NETWORKS["dense"], 1)
    made.network.add(SpikeMonitor(made["fc1"], name="mine"))
    with pytest.raises(DeviceError, match=r"mine were added .* sample\(s\) that stop one by one"):
        made.run(x, T * ms, device="numpy", stop="margin:1")
