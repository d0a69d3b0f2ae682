"""Results: answers by hand, cutting and joining, files bit for bit, and what is refused."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

import bioconv
from bioconv.errors import ResultError
from bioconv.result import Result, Spikes, Traces, joined, load_result

PARTS = ("sample", "neuron", "step")
MAPPINGS = ("scales", "nodes", "signs", "onsets", "provenance")
FIELDS = ("output", "n_steps", "dt", "max_rate", "silent", *MAPPINGS)
ARRAYS = ("counts", "negatives", "residuals")


def spikes_of(*rows):
    """From (sample, step, neuron) rows."""
    sample, step, neuron = np.array(rows, dtype=int).reshape(-1, 3).T
    return Spikes(sample=sample, neuron=neuron, step=step)


#: Four steps, four samples, three classes, by (sample, step, neuron).
OUT = [
    (0, 0, 2), (0, 1, 0), (0, 2, 0), (0, 3, 0),
    (1, 1, 1), (1, 2, 0), (1, 3, 1), (1, 3, 2),
    (2, 2, 0), (2, 3, 1),
]  # fmt: skip
POTENTIALS = np.array([[0.1, 0.2, 0.9], [0.0, 0.5, 0.1], [0.2, 0.7, 0.9], [-0.3, -0.1, -0.2]])


def made(rng=None, **changes):
    rng = rng or np.random.default_rng(3)
    counts = np.zeros((4, 3), dtype=np.int32)
    for sample, _, neuron in OUT:
        counts[sample, neuron] += 1
    fields = {
        "counts": {"z_conv": rng.integers(9, size=(4, 2, 3, 5)), "fc": counts},
        "potentials": POTENTIALS,
        "output": "fc",
        "n_steps": 4,
        "dt": 0.5e-3,
        "max_rate": 2000.0,
        "spikes": {"fc": spikes_of(*OUT), "z_conv": spikes_of((3, 0, 29), (0, 1, 0))},
        "traces": {
            "z_conv": Traces(
                neurons=np.array([7, 2]), values=rng.normal(size=(4, 4, 2)), rest=-0.065,
                threshold=-0.05,
            )
        },
        "negatives": {"z_conv": rng.integers(5, size=(4, 2, 3, 5))},
        "residuals": {"fc": rng.normal(size=(4, 3)), "z_conv": rng.normal(size=(4, 2, 3, 5))},
        "scales": {"z_conv": 2.5, "fc": 0.1 + 0.2},
        "nodes": {"z_conv": "relu1", "fc": "fc"},
        "signs": {"z_conv": -1, "fc": 1},
        "onsets": {"z_conv": 0, "fc": 1},
        "provenance": {"seed": 7, "device": "numpy", "notes": ["µ"], "method": None},
    }  # fmt: skip
    return Result(**fields | changes)


def same(one, other):
    assert list(one.counts) == list(other.counts)
    for name in FIELDS:
        assert getattr(one, name) == getattr(other, name), name
    pairs = [(one.potentials, other.potentials)]
    for name in ARRAYS:
        first, second = getattr(one, name), getattr(other, name)
        assert first.keys() == second.keys(), name
        pairs += [(array, second[layer]) for layer, array in first.items()]
    assert set(one.spikes) == set(other.spikes) and set(one.traces) == set(other.traces)
    for layer, spikes in one.spikes.items():
        pairs += [(getattr(spikes, p), getattr(other.spikes[layer], p)) for p in PARTS]
    for layer, traces in one.traces.items():
        second = other.traces[layer]
        assert (traces.rest, traces.threshold) == (second.rest, second.threshold)
        pairs += [(traces.neurons, second.neurons), (traces.values, second.values)]
    for first, second in pairs:
        assert (first.dtype, first.shape) == (second.dtype, second.shape)
        assert first.tobytes() == second.tobytes()


def test_predictions_by_count_and_then_by_potential():
    """In sample 2 neurons 0 and 1 spike once: 1 has more potential (2 has most, but no spike)."""
    result = made()
    np.testing.assert_array_equal(result.predictions, [0, 1, 1, 1])
    np.testing.assert_array_equal(result.predicted("potential"), [2, 1, 2, 1])
    np.testing.assert_array_equal(result.predicted("first"), [0, 1, 0, 0])
    assert result.accuracy([0, 1, 2, 0]) == 0.5
    assert result.accuracy([0, 1, 2, 0], by="potential") == 0.5
    assert result.accuracy(np.array([2, 1, 2, 1]), by="potential") == 1.0


def test_answers_over_time():
    """Who leads; of equals the first there; -1 before any spike; the last step as predictions."""
    expected = [[2, -1, -1, -1], [2, 1, -1, -1], [0, 1, 0, -1], [0, 1, 1, 1]]
    np.testing.assert_array_equal(made().predictions_over_time(), expected)
    np.testing.assert_array_equal(made().accuracy_over_time([0, 1, 0, 1]), [0, 0.25, 0.75, 0.75])
    assert made().accuracy_over_time([0, 1, 0, 1])[-1] == made().accuracy([0, 1, 0, 1])


def test_rates_and_what_they_decode():
    """Four steps of 0.5 ms: one spike is 500 Hz, a quarter of the maximal rate."""
    result = made()
    assert result.duration == 0.002 and result.n_samples == 4
    np.testing.assert_allclose(result.rates("fc")[0], [1500, 0, 500])
    np.testing.assert_allclose(result.decoded("fc")[0], np.array([0.75, 0, 0.25]) * (0.1 + 0.2))
    counts = result.counts["z_conv"] - result.negatives["z_conv"]
    assert (counts < 0).any()
    np.testing.assert_allclose(result.decoded("z_conv"), -2.5 * counts / 4)
    assert result.decoded("z_conv").shape == (4, 2, 3, 5)
    assert result.spikes_per_sample("fc") == 2.5
    np.testing.assert_allclose(made(scales={}, signs={}).decoded("fc")[0], [0.75, 0, 0.25])


def test_channels_decode_by_scales_of_their_own():
    result = made(scales={"z_conv": [2.0, 3.0], "fc": [1.0, 2.0, 4.0]})
    counts = result.counts["z_conv"] - result.negatives["z_conv"]
    expected = -counts / 4 * np.array([2.0, 3.0])[:, None, None]
    np.testing.assert_allclose(result.decoded("z_conv"), expected)
    np.testing.assert_allclose(result.decoded("fc")[0], [0.75, 0, 1.0])


def test_a_silent_output_decodes_by_its_potential():
    """Steps sum up: a potential of 0.2 after 4 steps is a rate of 0.05 a step."""
    result = made(silent=("fc",), counts={"fc": np.zeros((4, 3), int)}, negatives={})
    np.testing.assert_allclose(result.decoded("fc"), POTENTIALS / 4 * (0.1 + 0.2))
    np.testing.assert_array_equal(result.predictions, POTENTIALS.argmax(axis=1))
    assert (result.rates("fc") == 0).all()


def test_spikes_are_sorted_by_sample_step_and_neuron(rng):
    shuffled = spikes_of(*rng.permutation(OUT))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(shuffled, part), getattr(spikes_of(*OUT), part))
    assert len(shuffled) == 10 and len(spikes_of()) == 0
    one = shuffled.of(1)
    assert one.step.tolist() == [1, 2, 3, 3] and one.neuron.tolist() == [1, 0, 1, 2]
    assert set(one.sample) == {1}


def test_arrays_and_mappings_are_read_only():
    result, potentials = made(), POTENTIALS.copy()
    arrays = [
        result.potentials, *result.counts.values(), result.spikes["fc"].step,
        result.spikes["fc"].of(1).sample, result.traces["z_conv"].values,
        result.negatives["z_conv"], result.residuals["fc"],
        result.traces["z_conv"].neurons, result.first(2).potentials, result.first(2).counts["fc"],
    ]  # fmt: skip
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    for name in (*ARRAYS, "spikes", "traces", *MAPPINGS):
        with pytest.raises(TypeError):
            getattr(result, name)["new"] = 1
    with pytest.raises(AttributeError):
        result.n_steps = 5
    made(potentials=potentials)
    assert potentials.flags.writeable, "the caller's array stays the caller's"


def test_the_first_samples():
    result = made()
    part = result.first(2)
    assert part.n_samples == 2 and len(part.spikes["fc"]) == 8 and len(part.spikes["z_conv"]) == 1
    assert part.traces["z_conv"].values.shape == (2, 4, 2)
    for name in ("negatives", "residuals"):
        for layer, array in getattr(part, name).items():
            np.testing.assert_array_equal(array, getattr(result, name)[layer][:2])
        assert getattr(part, name).keys() == getattr(result, name).keys()
    np.testing.assert_array_equal(part.predictions, result.predictions[:2])
    over_time = result.predictions_over_time()[:, :2]
    np.testing.assert_array_equal(part.predictions_over_time(), over_time)
    same(result.first(4), result)


def part_of(spikes, start, end):
    here = (spikes.sample >= start) & (spikes.sample < end)
    arrays = {part: getattr(spikes, part)[here] for part in PARTS}
    return Spikes(**arrays | {"sample": arrays["sample"] - start})


def test_steps_shown_are_cut_joined_kept_and_set_the_rates(tmp_path):
    """All of them, unless a run says otherwise, or a file is older than they are."""
    steps = np.array([4, 2, 1, 3])
    result = made(steps=steps)
    np.testing.assert_array_equal(made().steps, [4, 4, 4, 4])
    np.testing.assert_array_equal(result.first(3).steps, steps[:3])
    np.testing.assert_array_equal(joined([result.first(2), result]).steps, [4, 2, *steps])
    np.testing.assert_allclose(result.rates("fc")[:2], [[1500, 0, 500], [1000, 2000, 1000]])
    np.testing.assert_allclose(result.rates("z_conv")[2], made().rates("z_conv")[2] * 4)
    result.save(tmp_path / "result.h5")
    np.testing.assert_array_equal(load_result(tmp_path / "result.h5").steps, steps)
    with h5py.File(tmp_path / "result.h5", "a") as file:
        del file["steps"]
    np.testing.assert_array_equal(load_result(tmp_path / "result.h5").steps, [4, 4, 4, 4])


@pytest.mark.parametrize("sizes", [(4,), (1, 3), (2, 1, 1)])
def test_joined_parts_are_the_whole(sizes):
    result, parts, start = made(), [], 0
    for size in sizes:
        here = slice(start, start + size)
        parts.append(
            made(
                **{name: {n: a[here] for n, a in getattr(result, name).items()} for name in ARRAYS},
                potentials=result.potentials[here],
                spikes={n: part_of(s, start, start + size) for n, s in result.spikes.items()},
                traces={n: replace(t, values=t.values[here]) for n, t in result.traces.items()},
            )
        )
        start += size
    same(joined(parts), result)


LARGE = {
    "counts": {
        "fc": np.arange(12, dtype=np.int32).reshape(4, 3),
        "conv": np.arange(4000).reshape(4, 10, 10, 10),
    },
    "potentials": np.random.default_rng(1).normal(size=(4, 3)) * 1e-300,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        LARGE,
        {"spikes": {}, "traces": {}, "negatives": {}, "residuals": {}},
        {"silent": ("fc",), "scales": {"z_conv": [0.1, 0.2], "fc": 1.0}},
    ],
    ids=["all", "compressed", "bare", "silent"],
)
def test_files_keep_every_bit(tmp_path, changes):
    result = made(**changes)
    result.save(tmp_path / "result.h5")
    loaded = load_result(tmp_path / "result.h5")
    same(loaded, result)
    assert not loaded.counts["fc"].flags.writeable
    assert repr(loaded) == repr(result)
    assert [path.name for path in tmp_path.iterdir()] == ["result.h5"]


def test_a_run_survives_its_file(tmp_path):
    from brian2 import ms
    from cases import NETWORKS, images

    model = bioconv.to_brian(NETWORKS["branches"], encoder="poisson", propagation="delayed")
    x = images(NETWORKS["branches"], 3)
    result = model.run(x, 20 * ms, device="numpy", record={"left": ["spikes", "v"]})
    assert len(result.spikes["left"]) > 10
    result.save(str(tmp_path / "run.h5"))
    same(bioconv.load_result(str(tmp_path / "run.h5")), result)


def test_files_of_before_silent_layers_are_read(tmp_path):
    """Their description does not name what was silent, and they have no groups of later arrays."""
    made(negatives={}, residuals={}).save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        about = json.loads(file.attrs["about"])
        del about["silent"]
        file.attrs["about"] = json.dumps(about)
    same(load_result(tmp_path / "old.h5"), made(negatives={}, residuals={}))


def test_files_are_not_overwritten_by_accident(tmp_path):
    path = tmp_path / "result.h5"
    made().save(path)
    with pytest.raises(ResultError) as caught:
        made(n_steps=5).save(path)
    assert str(caught.value) == f"{path} exists; choose another name or pass overwrite=True"
    assert load_result(path).n_steps == 4
    made(n_steps=5).save(path, overwrite=True)
    assert load_result(path).n_steps == 5
    with pytest.raises(ResultError, match="cannot write .*result.h5: No such file or directory"):
        made().save(tmp_path / "none" / "result.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["result.h5"], "nothing is left over"


def changed(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


OTHER = "is an HDF5 file, not one of kind 'bioconv-result' (found {})"
DAMAGE = {
    "format": (lambda f: f.attrs.update(format="other"), OTHER.format("'other'")),
    "no_format": (lambda f: f.attrs.pop("format"), OTHER.format(None)),
    "version": (
        lambda f: f.attrs.update(version=2),
        "has version 2 of 'bioconv-result'; this bioconv reads up to 1. Update bioconv",
    ),
    "json": (lambda f: f.attrs.update(about="{"), "is damaged: its description is no JSON"),
    "no_about": (lambda f: f.attrs.pop("about"), "is damaged or is not an HDF5 file"),
    "field": (lambda f: f.attrs.update(about='{"dt": 1}'), "is damaged or is not an HDF5 file"),
    "counts": (lambda f: f.pop("counts/fc"), "is damaged or is not an HDF5 file"),
    "potentials": (lambda f: f.pop("potentials"), "is damaged or is not an HDF5 file"),
    "spikes": (lambda f: f.pop("spikes/fc/step"), "is damaged or is not an HDF5 file"),
    "traces": (lambda f: f["traces/z_conv"].attrs.pop("rest"), "is damaged or is not an HDF5 file"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files(tmp_path, name):
    change, text = DAMAGE[name]
    path = tmp_path / "result.h5"
    made().save(path)
    changed(path, change)
    with pytest.raises(ResultError) as caught:
        load_result(path)
    assert str(caught.value).startswith(f"{path} {text}")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_files(tmp_path, share):
    path, cut = tmp_path / "result.h5", tmp_path / "cut.h5"
    made(**LARGE).save(path)
    shutil.copy(path, cut)
    with cut.open("r+b") as file:
        file.truncate(int(share * path.stat().st_size))
    with pytest.raises(ResultError) as caught:
        load_result(cut)
    assert str(caught.value).startswith(f"{cut} is damaged or is not an HDF5 file: ")


def test_files_that_are_no_results(tmp_path):
    (tmp_path / "text.h5").write_text("weights")
    with pytest.raises(ResultError, match="text.h5 is damaged or is not an HDF5 file"):
        load_result(tmp_path / "text.h5")
    for path in (tmp_path / "nothing.h5", tmp_path):
        with pytest.raises(ResultError) as caught:
            load_result(path)
        assert str(caught.value) == f"{path}: no such file"


LABELS = "labels have shape {}; the result has 4 samples and needs (4,)"
MISUSE = {
    "rates": (lambda r: r.rates("conv9"), "no layer 'conv9'; the result has z_conv, fc"),
    "decoded": (lambda r: r.decoded("x"), "no layer 'x'; the result has z_conv, fc"),
    "way": (
        lambda r: r.predicted("rate"),
        'predictions by \'rate\'; the ways are "count", "first" and "potential"',
    ),
    "labels": (lambda r: r.accuracy([1, 2]), LABELS.format((2,))),
    "labels_over_time": (lambda r: r.accuracy_over_time(np.ones((4, 1))), LABELS.format((4, 1))),
    "one_label": (lambda r: r.accuracy(3), LABELS.format(())),
    "first_none": (lambda r: r.first(0), "the first 0 of 4 samples; give 1 to all"),
    "first_negative": (lambda r: r.first(-1), "the first -1 of 4 samples; give 1 to all"),
    "first_many": (lambda r: r.first(5), "the first 5 of 4 samples; give 1 to all"),
    "spikes": (
        lambda r: made(spikes={}).predictions_over_time(),
        'the spikes of \'fc\' were not recorded; run with record={"fc": "spikes"}',
    ),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name):
    call, text = MISUSE[name]
    with pytest.raises(ResultError) as caught:
        call(made())
    assert str(caught.value) == text


def test_repr():
    total = (made().counts["z_conv"].sum() + made().negatives["z_conv"].sum()) / 4
    assert repr(made()) == (
        "Result: 4 samples of 4 steps of 0.5 ms on numpy\n"
        f"  spikes per sample: z_conv {total:.1f}, fc 2.5"
    )
