"""Event cameras: files and datasets that are read, and the simulated one."""

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv import sensors
from bioconv.errors import DataError, MissingDataError, StimulusError
from bioconv.graph import Conv2d, Dense, Flatten, SumPool2d
from bioconv.neurons.published import plif
from bioconv.sensors import from_tonic, nmnist, read_bin, saccades


def written(path, events):
    """(column, row, polarity, microseconds) as five bytes each."""
    rows = [[x, y, p << 7 | (t >> 16 & 127), t >> 8 & 255, t & 255] for x, y, p, t in events]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.array(rows, dtype=np.uint8).tobytes())


def test_bytes_of_a_recording(tmp_path):
    written(tmp_path / "a.bin", [(3, 33, 1, 100), (33, 2, 0, 70000), (0, 240, 0, 0), (1, 2, 1, 5)])
    times, addresses = read_bin(tmp_path / "a.bin")
    assert addresses.tolist() == [[1, 33, 3], [0, 2, 33], [1, 2, 1]]
    np.testing.assert_allclose(times, [100e-6, 0.07, (2**13 + 5) * 1e-6])


def test_a_folder_of_recordings(tmp_path):
    for digit in (0, 4):
        for number in (1, 2, 3):
            written(
                tmp_path / f"Test/{digit}/0000{number}.bin", [(number, digit, 1, 1000 * number)]
            )
    found = nmnist(tmp_path, samples=5)
    assert found.labels.tolist() == [0, 4, 0, 4, 0]
    assert found.events.shape == (2, 34, 34) and len(found.events) == 5
    np.testing.assert_allclose(found.events.time, [1e-3, 1e-3, 2e-3, 2e-3, 3e-3])
    assert len(nmnist(tmp_path).labels) == 6


def test_damaged_and_missing_recordings(tmp_path):
    with pytest.raises(MissingDataError, match="no N-MNIST"):
        nmnist(tmp_path)
    with pytest.raises(DataError, match="cannot read"):
        read_bin(tmp_path / "none.bin")
    (tmp_path / "cut.bin").write_bytes(b"1234567")
    with pytest.raises(DataError, match="7 bytes.*cut off"):
        read_bin(tmp_path / "cut.bin")
    written(tmp_path / "Test/0/1.bin", [(40, 2, 1, 100)])
    with pytest.raises(DataError, match="lies outside"):
        nmnist(tmp_path)
    with pytest.raises(DataError, match="split"):
        nmnist(tmp_path, "validation")


KIND = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])


def test_samples_of_tonic():
    one = np.array([(5, 2, 1500, True), (0, 1, 2500, False)], dtype=KIND)
    found = from_tonic([(one, 7), (one[:1], 2)], (6, 3, 2))
    assert found.events.shape == (2, 3, 6) and found.labels.tolist() == [7, 2]
    frames = found.events.frames(1e-3, 3)
    assert frames[0, 1, 1, 2, 5] == frames[0, 2, 0, 1, 0] == frames[1, 1, 1, 2, 5] == 1
    assert frames.sum() == 3
    with pytest.raises(DataError, match="sample 0 has no fields"):
        from_tonic([(np.zeros((3, 4)), 1)], (6, 3, 2))


def test_a_real_dataset_class_of_tonic(tmp_path):
    tonic = pytest.importorskip("tonic")
    written(tmp_path / "Test/3/1.bin", [(3, 33, 1, 100)])
    one = tonic.io.read_mnist_file(str(tmp_path / "Test/3/1.bin"), dtype=tonic.io.events_struct)
    found, ours = from_tonic([(one, 3)], (34, 34, 2)), nmnist(tmp_path)
    np.testing.assert_array_equal(found.events.neuron, ours.events.neuron)
    np.testing.assert_allclose(found.events.time, ours.events.time)


def test_events_of_a_moving_edge_add_up_to_its_contrast(rng):
    """Events times contrast are the change of the logarithm, less than one event left."""
    images = rng.uniform(size=(3, 7, 9))
    contrast, darkest = 0.2, 0.1
    for part in (0.1, 0.3):
        events = saccades(images, duration=part, dt=1e-3, contrast=contrast, darkest=darkest)
        net = np.zeros((3, 2, 7 * 9))
        np.add.at(net, (events.sample, *np.divmod(events.neuron, 63)), 1)
        change = contrast * (net[:, 1] - net[:, 0])
        end = sensors._moved(images, 0.0, 0.0)
        true = (np.log(darkest + end) - np.log(darkest + images)).reshape(3, -1)
        assert np.abs(change - true).max() < contrast + 1e-9
        assert (net.sum(axis=(1, 2)) > 100).all()


def test_a_still_camera_and_a_dark_picture_send_nothing(rng):
    assert saccades(np.zeros((1, 5, 6))).time.size == 0
    assert saccades(np.full((1, 5, 6), 0.5), size=1e-9).time.size == 0


def test_movement_by_whole_pixels_is_a_shift(rng):
    images = rng.uniform(size=(1, 5, 6))
    moved = sensors._moved(images, 2.0, 1.0)
    np.testing.assert_allclose(moved[0, 2:, 1:], images[0, :-2, :-1])
    assert not moved[0, :2].any() and not moved[0, :, :1].any()
    between = sensors._moved(images, 0.5, 0.0)
    np.testing.assert_allclose(between[0, 1:], (images[0, 1:] + images[0, :-1]) / 2)


@pytest.mark.parametrize(
    ("images", "options", "text"),
    [
        (np.zeros((2, 3, 4, 5)), {}, "shape"),
        (np.full((1, 4, 5), 2.0), {}, "from 0 to 1"),
        (np.zeros((1, 4, 5)), {"contrast": 0}, "contrast is 0"),
        (np.zeros((1, 4, 5)), {"dt": np.inf}, "dt is inf"),
    ],
)
def test_refusals(images, options, text):
    with pytest.raises(StimulusError, match=text):
        saccades(images, **options)


def test_a_network_of_two_polarities_runs_end_to_end(rng):
    """Events of digits through convolution, pooling and a dense layer; frames give the same spikes."""
    digits = bioconv.datasets.load("digits", samples=6)
    events = saccades(digits.images, duration=0.06)
    network = bioconv.spiking_network(
        [
            Conv2d(weight=rng.normal(size=(4, 2, 3, 3)) * 0.8, padding=1),
            plif(k=0.4),
            SumPool2d(kernel=2),
            Flatten(),
            Dense(weight=rng.normal(size=(10, 64)) * 0.9),
            plif(k=0.4),
        ],
        (2, 8, 8),
    )
    result = bioconv.to_brian(network, encoder="events").run(
        events, record="spikes", device="numpy"
    )
    assert result.n_steps == 60
    assert result.counts["layer1"].sum() > 100 and result.counts["layer2"].sum() > 20
    frames = (events.frames(1e-3) > 0).astype(float)
    again = bioconv.to_brian(network, encoder="frames").run(frames, 60 * ms, device="numpy")
    for layer in ("layer1", "layer2"):
        np.testing.assert_array_equal(result.counts[layer], again.counts[layer])
