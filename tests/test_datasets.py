"""Data sets: the bundled digits, IDX files good and bad, downloads without a network."""

import gzip
import hashlib
import io
import struct
import tracemalloc
from urllib.error import URLError

import numpy as np
import pytest

from bioconv import datasets
from bioconv.errors import DataError, MissingDataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
STEMS = tuple(datasets.SOURCES["mnist"].sha256)


def idx(array, *, shape=None):
    """The bytes of an IDX file, written here from the format's definition."""
    shape = array.shape if shape is None else shape
    head = struct.pack(">BBBB", 0, 0, CODES[array.dtype.str[1:]], len(shape))
    lengths = b"".join(struct.pack(">I", n) for n in shape)
    return head + lengths + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content, name="file.idx"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def digit_images():
    """Three 28 x 28 images that no transposition or mirroring leaves as they are."""
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 2, 5], images[1, 2, 5], images[2, 27, 0] = 255, 51, 102
    return images


@pytest.fixture
def small_mnist(write, digit_images, tmp_path):
    """A folder whose mnist/ holds a test split of three images; returns the folder."""
    write(gzip.compress(idx(digit_images)), "mnist/t10k-images-idx3-ubyte.gz")
    write(gzip.compress(idx(np.array([7, 0, 9], np.uint8))), "mnist/t10k-labels-idx1-ubyte.gz")
    return tmp_path


# the bundled digits


def test_names():
    assert datasets.names() == ("digits", "mnist", "fashion-mnist")


@pytest.mark.parametrize(("split", "n"), [("train", 1347), ("test", 450)])
def test_digits(split, n):
    data = datasets.load("digits", split)
    assert (data.name, data.split, len(data)) == ("digits", split, n)
    assert data.images.shape == (n, 1, 8, 8) and data.images.dtype == np.float32
    assert data.labels.shape == (n,) and data.labels.dtype == np.int64
    assert data.images.min() == 0 and data.images.max() == 1
    levels = data.images * 16  # exact: 16 is a power of two
    assert set(np.unique(levels)) == set(range(17))
    share = np.bincount(data.labels, minlength=10) / n
    whole = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]) / 1797
    assert np.abs(share - whole).max() <= 1 / n  # stratified, so off by less than one image


def test_digits_splits_are_shuffled_and_labelled():
    train, test = datasets.load("digits", "train"), datasets.load("digits")
    assert set(test.labels[:50]) == set(range(10)), "the first samples must hold every class"
    # Nearest neighbour reaches 98 %; labels off by one image would give 10 %.
    a, b = test.images.reshape(450, 64), train.images.reshape(1347, 64)
    distance = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    nearest = distance.argmin(1)
    assert (train.labels[nearest] == test.labels).mean() > 0.95
    assert not (distance[np.arange(450), nearest] < 1e-3).any(), "an image is in both splits"


def test_digits_are_upright():
    """A zero is taller than it is wide, so its outer columns are empty, its outer rows not."""
    data = datasets.load("digits", "train")
    zero = data.images[data.labels == 0, 0].mean(0)
    assert zero[[0, -1]].mean() > 5 * zero[:, [0, -1]].mean()


def test_default_split_is_test():
    assert datasets.load("digits").split == "test"


def test_samples_are_the_first_ones():
    whole, part = datasets.load("digits"), datasets.load("digits", samples=7)
    assert len(part) == 7
    np.testing.assert_array_equal(part.images, whole.images[:7])
    np.testing.assert_array_equal(part.labels, whole.labels[:7])
    assert len(datasets.load("digits", samples=np.int64(450))) == 450


@pytest.mark.parametrize("samples", [0, -1, 451, 2.0, True, "3"])
def test_bad_samples(samples):
    with pytest.raises(DataError, match=r"digits \(test\): samples=.*450"):
        datasets.load("digits", samples=samples)


def test_unknown_name_lists_the_names():
    with pytest.raises(DataError, match="'cifar'; choose one of: digits, mnist, fashion-mnist"):
        datasets.load("cifar")


def test_unknown_split_lists_the_splits():
    with pytest.raises(DataError, match="'validation'; choose one of: train, test"):
        datasets.load("digits", "validation")


def test_arrays_are_read_only():
    data = datasets.load("digits", samples=2)
    for array in (data.images, data.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("images", "labels"), [((3, 4, 5), (3,)), ((3, 1, 4, 5), (2,)), ((3, 1, 4, 5), (3, 1))]
)
def test_dataset_needs_fitting_shapes(images, labels):
    with pytest.raises(DataError, match="mine"):
        datasets.Dataset(
            name="mine", split="test", images=np.zeros(images), labels=np.zeros(labels)
        )


def test_repr_is_short():
    data = datasets.Dataset(
        name="mine", split="train", images=np.zeros((3, 2, 4, 5)), labels=np.zeros(3)
    )
    assert repr(data) == "Dataset: mine (train), 3 images of 2 x 4 x 5"


# IDX files


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 5), (2, 0, 3)], ids=str)
@pytest.mark.parametrize("kind", CODES)
def test_idx_round_trip(write, kind, shape, packed):
    dtype = np.dtype(kind)
    values = np.arange(np.prod(shape)) * 7 - 20
    if dtype.itemsize > 1:
        values = values * 300  # more than a byte, so a wrong byte order shows
    array = values.reshape(shape).astype(dtype)
    content = idx(array)
    found = datasets.read_idx(write(gzip.compress(content) if packed else content))
    assert found.dtype == dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array, strict=True)


def test_idx_of_known_bytes(write):
    """Not through the writer above: int16, shape (1, 2), values 1 and -2."""
    content = bytes.fromhex("00000b02 00000001 00000002 0001 fffe")
    np.testing.assert_array_equal(datasets.read_idx(write(content)), [[1, -2]])


def test_idx_packed_or_not_is_seen_from_the_content(write):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(datasets.read_idx(write(idx(array), "plain.gz")), array)
    found = datasets.read_idx(write(gzip.compress(idx(array)), "packed"))
    np.testing.assert_array_equal(found, array)


def test_idx_larger_than_one_piece(write):
    array = np.arange(3 * datasets.CHUNK // 4, dtype=np.int32).reshape(3, -1)  # three pieces
    path = write(gzip.compress(idx(array), 1))
    np.testing.assert_array_equal(datasets.read_idx(path), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"<!DOCTYPE html>",
        b"\0\x01\x08\x01\0\0\0\x01\x05",
        b"\0\0\x0a\x01\0\0\0\x01\x05",  # no such type
        b"\0\0\x08\0\x05",  # no axes
    ],
)
def test_idx_wrong_magic(write, content):
    with pytest.raises(DataError, match=r"file\.idx: begins with"):
        datasets.read_idx(write(content))
    with pytest.raises(DataError, match=r"file\.idx: begins with"):
        datasets.read_idx(write(gzip.compress(content)))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_idx_truncated_header(write, packed):
    content = idx(np.zeros((2, 3), np.uint8))[:10]
    with pytest.raises(DataError, match="ends within the lengths of its 2 axes; 6 of 8"):
        datasets.read_idx(write(gzip.compress(content) if packed else content))


@pytest.mark.parametrize("missing", [1, 24])
def test_idx_truncated_data(write, missing):
    content = idx(np.arange(6, dtype=np.int32).reshape(2, 3))[:-missing]
    with pytest.raises(DataError, match=r"shape \(2, 3\), 24 bytes"):
        datasets.read_idx(write(gzip.compress(content)))


def test_idx_truncated_plain_data(write):
    content = idx(np.zeros((20, 30), np.uint8))[:-1]
    with pytest.raises(DataError, match=r"shape \(20, 30\), 600 bytes; only 599 bytes follow"):
        datasets.read_idx(write(content))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_idx_trailing_bytes(write, packed):
    content = idx(np.zeros((2, 3), np.uint8)) + b"\0"
    with pytest.raises(DataError, match="6 bytes; more follow"):
        datasets.read_idx(write(gzip.compress(content) if packed else content))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(1 << 31,), (0xFFFFFFFF,) * 3, (0xFFFFFFFF,) * 255], ids=len)
def test_idx_hostile_header_takes_no_memory(write, shape, packed):
    content = idx(np.zeros(4, np.float64), shape=shape)
    path = write(gzip.compress(content) if packed else content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="cannot hold more than"):
            datasets.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize("shape", [(0, *(0xFFFFFFFF,) * 4), (1,) * 255], ids=["empty", "axes"])
def test_idx_shape_that_numpy_cannot_have(write, shape):
    content = idx(np.zeros(0 if 0 in shape else 1, np.uint8), shape=shape)
    with pytest.raises(DataError, match="no array can have shape"):
        datasets.read_idx(write(content))


def test_idx_promise_that_gzip_could_keep_takes_no_memory(write):
    """256 MiB are within the bound for 300 kB of gzip, but only 300 kB come out of it."""
    noise = np.random.default_rng(5).integers(0, 256, 300_000).astype(np.uint8)
    path = write(gzip.compress(idx(noise, shape=(1 << 14, 1 << 14))))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="only 300000 bytes follow"):
            datasets.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_idx_bomb_is_not_unpacked(write):
    """64 MiB of zeros behind a header of six bytes: unpacked only up to one byte too many."""
    content = idx(np.zeros((2, 3), np.uint8)) + bytes(1 << 26)
    path = write(gzip.compress(content, 1))
    del content
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="6 bytes; more follow"):
            datasets.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def damaged(packed, place):
    return packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],  # cut short
        lambda packed: packed[:1] + b"\x8b" + packed[1:2] + b"rubbish",
        lambda packed: damaged(packed, -6),  # checksum
        lambda packed: damaged(packed, 10),  # the deflate stream itself
        lambda packed: packed + b"more",
    ],
    ids=["cut", "method", "checksum", "stream", "trailing"],
)
def test_bad_gzip(write, damage):
    packed = gzip.compress(idx(np.arange(200, dtype=np.uint8).reshape(4, 50)))
    with pytest.raises(DataError, match=r"file\.idx is damaged gzip"):
        datasets.read_idx(write(damage(packed)))


def test_idx_missing_or_a_folder(tmp_path):
    with pytest.raises(MissingDataError, match="nothing"):
        datasets.read_idx(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot read"):
        datasets.read_idx(tmp_path)


# folders of IDX files


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("name", ["fashion-mnist", "fashion_mnist", "mnist"])
def test_load_idx(write, tmp_path, digit_images, name, suffix):
    pack = gzip.compress if suffix else bytes
    here = name.replace("_", "-")
    write(pack(idx(digit_images)), f"{here}/train-images-idx3-ubyte{suffix}")
    write(pack(idx(np.array([7, 0, 9], np.uint8))), f"{here}/train-labels-idx1-ubyte{suffix}")
    data = datasets.load(name, "train", folder=tmp_path)
    assert (data.name, data.split) == (here, "train")
    assert data.images.shape == (3, 1, 28, 28) and data.images.dtype == np.float32
    assert data.labels.dtype == np.int64
    np.testing.assert_array_equal(data.labels, [7, 0, 9])
    assert {place: float(data.images[place]) for place in map(tuple, np.argwhere(data.images))} == {
        (0, 0, 2, 5): 1.0,
        (1, 0, 2, 5): pytest.approx(0.2),
        (2, 0, 27, 0): pytest.approx(0.4),
    }


def test_folder_from_the_environment(small_mnist, monkeypatch):
    monkeypatch.setenv("BIOCONV_DATA", str(small_mnist))
    np.testing.assert_array_equal(datasets.load("mnist", samples=2).labels, [7, 0])


def test_argument_goes_before_the_environment(small_mnist, monkeypatch, tmp_path):
    monkeypatch.setenv("BIOCONV_DATA", str(tmp_path / "elsewhere"))
    assert len(datasets.load("mnist", folder=small_mnist)) == 3
    with pytest.raises(MissingDataError, match="elsewhere"):
        datasets.load("mnist")


def test_folder_without_environment_is_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BIOCONV_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert datasets.data_folder() == tmp_path / "cache" / "bioconv" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert datasets.data_folder() == tmp_path / "home" / ".cache" / "bioconv" / "data"
    assert datasets.data_folder("~/mine") == tmp_path / "home" / "mine"


def test_missing_file_says_what_where_and_how(small_mnist, monkeypatch):
    monkeypatch.setattr(datasets, "urlopen", lambda *a, **k: pytest.fail("load must not download"))
    with pytest.raises(MissingDataError) as caught:
        datasets.load("mnist", "train", folder=small_mnist)
    message = str(caught.value)
    for part in (
        "train-images-idx3-ubyte.gz",
        str(small_mnist / "mnist"),
        "bioconv data mnist",
        "BIOCONV_DATA",
    ):
        assert part in message
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    ("images", "labels", "where"),
    [
        (np.zeros((3, 28, 27), np.uint8), np.zeros(3, np.uint8), "images"),
        (np.zeros((3, 28), np.uint8), np.zeros(3, np.uint8), "images"),
        (np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), "images"),
        (np.zeros((3, 28, 28), np.int16), np.zeros(3, np.uint8), "images"),
        (np.zeros((3, 28, 28), np.uint8), np.zeros(2, np.uint8), "labels"),
        (np.zeros((3, 28, 28), np.uint8), np.zeros((3, 1), np.uint8), "labels"),
        (np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.int32), "labels"),
        (np.zeros((3, 28, 28), np.uint8), np.full(3, 10, np.uint8), "labels"),
    ],
)
def test_files_of_something_else(write, tmp_path, images, labels, where):
    write(idx(images), "mnist/t10k-images-idx3-ubyte")
    write(idx(labels), "mnist/t10k-labels-idx1-ubyte")
    with pytest.raises(DataError, match=rf"t10k-{where}-idx"):
        datasets.load("mnist", folder=tmp_path)


# downloads


class Response(io.BytesIO):
    """What ``urlopen`` returns, as far as it is used."""

    def __init__(self, content, announced=True):
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content))} if announced else {}


class Server:
    """A stand-in for ``urlopen`` that serves ``files`` and remembers what was asked for."""

    def __init__(self, files, announced=True):
        self.files, self.announced, self.asked = files, announced, []

    def __call__(self, url, timeout):
        self.asked.append(url)
        assert timeout > 0
        return Response(self.files[url.rsplit("/", 1)[1]], self.announced)


@pytest.fixture
def contents(monkeypatch):
    """Small stand-ins for the four files of mnist, unpacked; their digests are expected."""
    contents = {stem: idx(np.arange(n, dtype=np.uint8)) for n, stem in enumerate(STEMS, 5)}
    digests = {stem: hashlib.sha256(raw).hexdigest() for stem, raw in contents.items()}
    source = datasets.Source(url="https://example.org/mnist/", sha256=digests)
    monkeypatch.setitem(datasets.SOURCES, "mnist", source)
    return contents


@pytest.fixture
def serve(monkeypatch):
    def serve(files, **options):
        server = Server(files, **options)
        monkeypatch.setattr(datasets, "urlopen", server)
        return server

    return serve


def packed(contents):
    return {f"{stem}.gz": gzip.compress(raw) for stem, raw in contents.items()}


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("announced", [True, False])
def test_download(contents, serve, tmp_path, capsys, announced):
    server = serve(packed(contents), announced=announced)
    folder = datasets.download("mnist", tmp_path / "new", progress=False)
    assert folder == tmp_path / "new" / "mnist"
    assert files_in(tmp_path) == sorted(f"{stem}.gz" for stem in STEMS)
    for n, stem in enumerate(STEMS, 5):
        np.testing.assert_array_equal(datasets.read_idx(folder / f"{stem}.gz"), np.arange(n))
    assert server.asked == [f"https://example.org/mnist/{stem}.gz" for stem in STEMS]
    assert capsys.readouterr().err == ""


def test_download_shows_progress(contents, serve, tmp_path, capsys):
    serve(packed(contents))
    datasets.download("mnist", tmp_path)
    assert "t10k-labels-idx1-ubyte.gz" in capsys.readouterr().err


def test_download_goes_to_the_folder_of_the_environment(contents, serve, tmp_path, monkeypatch):
    serve(packed(contents))
    monkeypatch.setenv("BIOCONV_DATA", str(tmp_path / "here"))
    assert datasets.download("mnist", progress=False) == tmp_path / "here" / "mnist"


def test_download_fetches_only_what_is_missing_or_damaged(contents, serve, write, tmp_path):
    write(contents[STEMS[0]], f"mnist/{STEMS[0]}")  # right, and not packed
    write(gzip.compress(contents[STEMS[1]], 1), f"mnist/{STEMS[1]}.gz")  # right, packed otherwise
    write(gzip.compress(contents[STEMS[0]]), f"mnist/{STEMS[2]}.gz")  # another file's content
    write(packed(contents)[f"{STEMS[3]}.gz"][:-9], f"mnist/{STEMS[3]}.gz")  # cut short
    server = serve(packed(contents))
    folder = datasets.download("mnist", tmp_path, progress=False)
    assert [url.rsplit("/", 1)[1] for url in server.asked] == [f"{s}.gz" for s in STEMS[2:]]
    for stem in STEMS[1:]:
        assert gzip.decompress((folder / f"{stem}.gz").read_bytes()) == contents[stem]
    datasets.download("mnist", tmp_path, progress=False)
    assert len(server.asked) == 2, "a second call finds everything there"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (gzip.compress(b"something else"), "SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"),
        (b"<html>no such page</html>", "SHA-256"),
        (b"", "the 0 bytes received"),
        (gzip.compress(b"something else")[:-9], "damaged gzip"),
    ],
    ids=["other", "page", "nothing", "cut"],
)
def test_download_of_wrong_content_leaves_no_file(contents, serve, tmp_path, body, why):
    serve(dict.fromkeys(packed(contents), body))
    with pytest.raises(DataError, match=why) as caught:
        datasets.download("mnist", tmp_path, progress=False)
    assert f"https://example.org/mnist/{STEMS[0]}.gz" in str(caught.value)
    assert files_in(tmp_path) == []


def test_download_of_wrong_content_keeps_the_file_there(contents, serve, write, tmp_path):
    old = write(b"old", f"mnist/{STEMS[0]}.gz")
    serve(dict.fromkeys(packed(contents), b"wrong"))
    with pytest.raises(DataError):
        datasets.download("mnist", tmp_path, progress=False)
    assert files_in(tmp_path) == [old.name] and old.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("pack", "why"), [(bytes, "more than 1000 bytes, "), (gzip.compress, "1000 bytes unpacked")]
)
def test_download_stops_at_the_largest_size(contents, serve, tmp_path, monkeypatch, pack, why):
    monkeypatch.setattr(datasets, "LARGEST_FILE", 1000)
    serve(dict.fromkeys(packed(contents), pack(bytes(1001))))
    with pytest.raises(DataError, match=why):
        datasets.download("mnist", tmp_path, progress=False)
    assert files_in(tmp_path) == []


class BrokenResponse(Response):
    def read(self, size=-1):
        if self.tell():
            raise ConnectionResetError("reset by peer")
        return super().read(4)


def refuse(url, timeout):
    raise URLError("no route to host")


@pytest.mark.parametrize(
    ("opener", "why"),
    [(refuse, "no route"), (lambda url, timeout: BrokenResponse(b"12345678"), "reset by peer")],
    ids=["offline", "midway"],
)
def test_download_offline(contents, tmp_path, monkeypatch, opener, why):
    monkeypatch.setattr(datasets, "urlopen", opener)
    with pytest.raises(MissingDataError) as caught:
        datasets.download("mnist", tmp_path, progress=False)
    message = str(caught.value)
    for part in (
        f"{STEMS[0]}.gz",
        str(tmp_path / "mnist"),
        f"https://example.org/mnist/{STEMS[0]}.gz",
        "BIOCONV_DATA",
        why,
    ):
        assert part in message
    assert files_in(tmp_path) == []


def test_interrupted_download_leaves_no_file(contents, tmp_path, monkeypatch):
    def interrupt(url, timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "urlopen", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.download("mnist", tmp_path, progress=False)
    assert files_in(tmp_path) == []


def test_download_into_a_file(contents, serve, write):
    serve(packed(contents))
    with pytest.raises(DataError, match=r"cannot write .*BIOCONV_DATA"):
        datasets.download("mnist", write(b"no folder"), progress=False)


def test_download_of_the_digits_or_of_nothing_known():
    with pytest.raises(DataError, match="digits comes with bioconv"):
        datasets.download("digits")
    with pytest.raises(DataError, match="'cifar'; choose one of: mnist, fashion-mnist"):
        datasets.download("cifar")


# the real files


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_files(name, monkeypatch):
    folder = datasets.data_folder() / name
    if not any(datasets.data_folder().glob(f"{name}/t10k-images-idx3-ubyte*")):
        pytest.skip(f"no {name} in {folder}; run 'bioconv data {name}' or set BIOCONV_DATA")
    monkeypatch.setattr(datasets, "urlopen", lambda *a, **k: pytest.fail("a file is not intact"))
    assert datasets.download(name, progress=False) == folder
    for split, n in (("train", 60000), ("test", 10000)):
        data = datasets.load(name, split)
        assert data.images.shape == (n, 1, 28, 28)
        assert data.images.min() == 0 and data.images.max() == 1
    first_labels = {"mnist": [7, 2, 1, 0, 4, 1, 4, 9], "fashion-mnist": [9, 2, 1, 1, 6, 1, 4, 6]}
    np.testing.assert_array_equal(data.labels[:8], first_labels[name])
    np.testing.assert_array_equal(
        np.bincount(data.labels)[:2], {"mnist": [980, 1135], "fashion-mnist": [1000, 1000]}[name]
    )
