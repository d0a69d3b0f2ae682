"""Events of many samples: what they accept, how they are cut into steps."""

from dataclasses import replace

import numpy as np
import pytest

from bioconv import Events
from bioconv.build.playback import NONE, coded, width_of
from bioconv.errors import DataError, MissingDataError, StimulusError
from bioconv.events import load_samples
from bioconv.projections import order_of

SHAPE = (2, 3, 4)


def some(rng, n=500, n_samples=3):
    return Events(
        shape=SHAPE,
        n_samples=n_samples,
        sample=rng.integers(0, n_samples, n),
        neuron=rng.integers(0, 24, n),
        time=rng.uniform(0, 0.02, n),
    )


def test_frames_count_events_and_come_back(rng):
    events = some(rng)
    frames = events.frames(0.001)
    assert frames.shape == (3, events.duration(0.001), *SHAPE)
    assert frames.sum() == 500 and frames.max() > 1
    again = Events.from_frames((frames > 0).astype(int), 0.001)
    np.testing.assert_array_equal(again.frames(0.001), frames > 0)


def test_a_time_that_rounding_keeps_below_its_step():
    """49 steps of 0.1 ms: 49 * 0.1 ms / 0.1 ms is below 49 in floating point."""
    events = Events(shape=(1,), n_samples=1, sample=[0], neuron=[0], time=[49 * 1e-4])
    assert 49 * 1e-4 / 1e-4 < 49
    assert events.steps(1e-4).tolist() == [49]


def test_samples_are_chosen_and_numbered_anew(rng):
    events = some(rng)
    chosen = events[[2, 0]]
    assert len(chosen) == 2
    whole, part = events.frames(0.001, 20), chosen.frames(0.001, 20)
    np.testing.assert_array_equal(part, whole[[2, 0]])


def test_addresses_by_axis_are_those_by_number(rng):
    address = np.stack([rng.integers(0, n, 6) for n in SHAPE], axis=1)
    time = rng.uniform(0, 0.01, 6)
    by_axis = Events.of([(time, address)], SHAPE)
    by_number = Events.of([(time, np.ravel_multi_index(tuple(address.T), SHAPE))], SHAPE)
    np.testing.assert_array_equal(by_axis.neuron, by_number.neuron)


def test_codes_are_the_steps_and_places_in_the_group(rng):
    events = some(rng)
    codes = coded(events, 0.001, 15, width_of(events))
    frames = np.zeros((3, 15, 24), dtype=bool)
    for sample, row in enumerate(codes):
        used = row[row != NONE]
        assert (np.diff(used) > 0).all() and (row[len(used) :] == NONE).all()
        step, place = np.divmod(used, 24)
        frames[sample, step, order_of(SHAPE)[place]] = True
    np.testing.assert_array_equal(frames, events.frames(0.001, 15).reshape(3, 15, 24) > 0)


GOOD = {"shape": SHAPE, "n_samples": 2, "sample": [0], "neuron": [5], "time": [0.0]}
BAD = {
    "no neuron": ({"shape": (2, 0, 3)}, "at least one neuron"),
    "no sample": ({"n_samples": 0}, "one sample"),
    "lengths": ({"time": [0.0, 1.0]}, "1 samples, 1 neurons and 2 times"),
    "sample": ({"sample": [2]}, "sample reaches from 2 to 2; it must be from 0 to 1"),
    "neuron": ({"neuron": [24]}, "neuron reaches"),
    "negative time": ({"time": [-1e-3]}, "finite and not negative"),
    "nan": ({"time": [np.nan]}, "finite and not negative"),
    "broken number": ({"neuron": [1.5]}, "whole ones"),
    "text": ({"time": ["soon"]}, "no array of numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals(name):
    change, text = BAD[name]
    Events(**GOOD)
    with pytest.raises(StimulusError, match=text):
        Events(**{**GOOD, **change})


def test_addresses_outside_and_frames_that_are_no_events(rng):
    with pytest.raises(StimulusError, match="sample 0.*leave the shape"):
        Events.of([([0.0], [[0, 3, 0]])], SHAPE)
    with pytest.raises(StimulusError, match="2 columns"):
        Events.of([([0.0], [[0, 1]])], SHAPE)
    with pytest.raises(StimulusError, match="zeros and ones"):
        Events.from_frames(rng.uniform(size=(1, 2, 3)), 0.001)


def test_too_many_places_for_a_step(rng):
    with pytest.raises(StimulusError, match="shorter duration"):
        coded(some(rng), 0.001, 2**27, 64)


@pytest.mark.parametrize("length", [None, 0.5])
def test_events_of_a_file_are_those_that_were_saved(tmp_path, rng, length):
    events = replace(some(rng), length=length)
    events.save(tmp_path / "events.npz")
    for again in (Events.load(tmp_path / "events.npz"), load_samples(str(tmp_path / "events.npz"))):
        for name in ("sample", "neuron", "time"):
            np.testing.assert_array_equal(getattr(again, name), getattr(events, name))
        assert (again.shape, again.n_samples, again.length) == (SHAPE, 3, length)


def test_files_that_hold_no_samples_are_refused(tmp_path, rng):
    some(rng).save(tmp_path / "events.npz")
    (tmp_path / "renamed.npy").write_bytes((tmp_path / "events.npz").read_bytes())
    np.savez(tmp_path / "part.npz", shape=[3], sample=[0], time=[0.1])
    np.savez(tmp_path / "wrong.npz", shape=[3], n_samples=1, sample=[0], neuron=[3], time=[0.1])
    np.savez(
        tmp_path / "lasting.npz",
        shape=[3],
        n_samples=1,
        sample=[0],
        neuron=[1],
        time=[0.1],
        length=np.nan,
    )
    np.save(tmp_path / "pickled.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "one.npy", np.array(3.0))
    np.save(tmp_path / "texts.npy", np.array([["a"]]))
    for name, error, text in (
        ("one.npy", DataError, r"of shape \(\) and type float64; samples are numbers"),
        ("texts.npy", DataError, "type <U1; samples are numbers"),
        ("renamed.npy", DataError, "does not hold what its ending says"),
        ("part.npz", DataError, "part.npz has no n_samples, neuron"),
        ("wrong.npz", StimulusError, "wrong.npz: events: neuron reaches from 3 to 3"),
        ("lasting.npz", StimulusError, "length is nan"),
        ("pickled.npy", DataError, "holds no plain arrays"),
        ("absent.npz", MissingDataError, "no such file"),
        ("events.csv", DataError, "give an .npy file"),
    ):
        with pytest.raises(error, match=text):
            load_samples(tmp_path / name)
    with pytest.raises(DataError, match="cannot write"):
        some(rng).save(tmp_path / "no" / "folder.npz")
    before = (tmp_path / "events.npz").read_bytes()
    with pytest.raises(DataError, match="events.npz exists; pass overwrite=True"):
        replace(some(rng), length=0.5).save(tmp_path / "events.npz")
    assert (tmp_path / "events.npz").read_bytes() == before
    replace(some(rng), length=0.5).save(tmp_path / "events.npz", overwrite=True)
    assert Events.load(tmp_path / "events.npz").length == 0.5
