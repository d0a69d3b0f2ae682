"""Files appear whole or not at all, and a wrong file is told from a damaged one."""

import os
import signal
import stat
import sys

import h5py
import numpy as np
import pytest

from bioconv import hdf5
from bioconv.errors import ReadError, ResultError

ERRORS = pytest.mark.parametrize("error", [ReadError, ResultError])


def write(path, overwrite=False, value=1.0):
    with hdf5.written(path, ReadError, overwrite) as file:
        file.attrs.update(format="thing", version=2)
        file["x"] = np.full(4, value)


def read(path, kind="thing", version=2):
    with hdf5.opened(path, ReadError, kind, version) as file:
        return file["x"][()]


def test_what_is_written_is_read(tmp_path):
    write(tmp_path / "a.h5")
    np.testing.assert_array_equal(read(tmp_path / "a.h5"), np.ones(4))
    np.testing.assert_array_equal(read(tmp_path / "a.h5", version=3), np.ones(4))
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_new_files_have_the_rights_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.h5")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.h5").stat().st_mode) == 0o640


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(tmp_path):
    path = tmp_path / "a.h5"
    write(path)
    with pytest.raises(ReadError, match=r"a\.h5 exists; .*overwrite=True"):
        write(path, value=2)
    assert read(path)[0] == 1
    write(path, overwrite=True, value=2)
    assert read(path)[0] == 2


@pytest.mark.parametrize("problem", [OSError(28, "No space left"), RuntimeError("HDF5 gave up")])
@ERRORS
def test_a_disk_that_fails_leaves_nothing_and_says_so(tmp_path, problem, error):
    with (
        pytest.raises(error, match=r"cannot write .*a\.h5: .*(No space|gave up).*disk full"),
        hdf5.written(tmp_path / "a.h5", error, False) as file,
    ):
        file["x"] = np.ones(4)
        assert not (tmp_path / "a.h5").exists(), "it takes its name when it is complete"
        raise problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError, ReadError])
def test_a_failure_of_the_caller_keeps_the_file_that_was_there(tmp_path, problem):
    path = tmp_path / "a.h5"
    write(path)
    with pytest.raises(problem), hdf5.written(path, ReadError, True) as file:
        file["x"] = np.zeros(4)
        raise problem
    assert read(path)[0] == 1
    assert list(tmp_path.iterdir()) == [path]


@ERRORS
def test_folders_that_cannot_be_written_are_named(tmp_path, error):
    (tmp_path / "file").write_text("")
    for folder, reason in (("none", "No such file or directory"), ("file", "Not a directory")):
        with (
            pytest.raises(error, match=rf"cannot write .*{folder}/a\.h5: {reason}"),
            hdf5.written(tmp_path / folder / "a.h5", error, False),
        ):
            pass


def test_a_folder_without_the_right_to_write(tmp_path, monkeypatch):
    """As mkstemp meets it; the superuser, as whom containers run, may write anywhere."""

    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hdf5.tempfile, "mkstemp", refused)
    with pytest.raises(ReadError, match=r"cannot write .*a\.h5: Permission denied"):
        write(tmp_path / "a.h5")


def test_a_folder_in_the_place_of_the_file_is_kept(tmp_path):
    (tmp_path / "a.h5").mkdir()
    with pytest.raises(ReadError, match=r"cannot write .*a\.h5"):
        write(tmp_path / "a.h5", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda f: f.attrs.update(format="other"), r"not one of kind 'thing' \(found 'other'\)"),
        (lambda f: f.attrs.pop("format"), r"not one of kind 'thing' \(found None\)"),
        (lambda f: f.attrs.update(version=3), "version 3 of 'thing'; .* up to 2. Update bioconv"),
        (lambda f: f.attrs.update(version="new"), "is damaged .*'new'"),
        (lambda f: f.pop("x"), "is damaged"),
    ],
)
def test_other_files_are_told_apart(tmp_path, change, message):
    path = tmp_path / "a.h5"
    write(path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(ReadError, match=message):
        read(path)


@ERRORS
@pytest.mark.parametrize("problem", [KeyError, TypeError, AttributeError, ValueError, OSError])
def test_what_a_reader_stumbles_over_is_damage(tmp_path, error, problem):
    write(tmp_path / "a.h5")
    with (
        pytest.raises(error, match=r"a\.h5 is damaged or is not an HDF5 file"),
        hdf5.opened(tmp_path / "a.h5", error, "thing", 2),
    ):
        raise problem("deep inside")


def test_what_a_reader_says_itself_is_left_as_it_is(tmp_path):
    write(tmp_path / "a.h5")
    with (
        pytest.raises(ReadError, match="^layer 3 is odd$"),
        hdf5.opened(tmp_path / "a.h5", ReadError, "thing", 2),
    ):
        raise ReadError("layer 3 is odd")


def test_files_that_are_missing_cut_off_or_no_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    for missing in (path, tmp_path):
        with pytest.raises(ReadError, match="no such file"):
            read(missing)
    write(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(ReadError, match="is damaged or is not an HDF5 file"):
            read(path)


def foreign(path, **data):
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            file[f"a/{name}"] = values
        return file


def test_a_foreign_file_as_nested_dicts(tmp_path):
    foreign(tmp_path / "a.h5", x=np.arange(3), text="né", many=[b"a", b"b"], one=2.5)
    found = hdf5.tree(tmp_path / "a.h5", ReadError)["a"]
    assert found["text"] == "né" and found["one"] == 2.5
    assert found["x"].tolist() == [0, 1, 2] and len(found["many"]) == 2


def _loop(file):
    file["a/again"] = file["/"]


def _two_groups(file):
    file["b/a"] = file["a"]
    file["a/b"] = file["b"]


def _soft(file):
    file["a/s"] = h5py.SoftLink("/a/x")


def _other_file(file):
    file["a/s"] = h5py.ExternalLink("/etc/passwd", "/")


def _raw_file(file):
    file.create_dataset("a/raw", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def _virtual(file):
    layout = h5py.VirtualLayout((3,), int)
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("a/v", layout)


def _huge(file):
    file.create_dataset("a/huge", (2**40,), "f8", chunks=(1024,), compression="gzip")


def _many(file):
    for n in range(40):
        file.create_dataset(f"a/part{n}", (2**21,), "f8", chunks=(2**21,), compression="gzip")


def _empty(file):
    file["a/e"] = h5py.Empty("f8")


def _compound(file):
    file["a/c"] = np.zeros(2, [("x", "f8"), ("y", "i4")])


def _deep(file):
    file.create_group("a/" + "/".join("g" * 1 for _ in range(60)))


REFUSED = {
    "contains itself": (_loop, _two_groups, _deep),
    "is a link to another place": (_soft, _other_file),
    "stored elsewhere": (_raw_file, _virtual),
    "larger than the file can hold": (_huge, _many),
    "is empty": (_empty,),
    "holds": (_compound,),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_leaves_a_foreign_file_or_its_size_is_refused(tmp_path, text):
    for n, add in enumerate(REFUSED[text]):
        path = tmp_path / f"{n}.h5"
        foreign(path, x=np.arange(3))
        with h5py.File(path, "a") as file:
            add(file)
        with pytest.raises(ReadError, match=text):
            hdf5.tree(path, ReadError)


def test_damaged_heaps_of_texts_are_refused_before_hdf5_looks_at_them(tmp_path):
    """An object of no size is where the library would search for ever; a long text is what it would make room for."""
    foreign(tmp_path / "a.h5", many=[b"first", b"second"])
    whole = (tmp_path / "a.h5").read_bytes()
    heap = whole.index(b"GCOL")
    size = int.from_bytes(whole[heap + 8 : heap + 16], "little")
    for at, value, text in (
        (heap + 8, 2**40, "heap of texts is damaged"),
        (heap + 24, size, "heap of texts is damaged"),
        (
            whole.index(b"\x05\0\0\0" + heap.to_bytes(8, "little")),
            2**31 - 1,
            "larger than the file",
        ),
    ):
        broken = bytearray(whole)
        count = 4 if value == 2**31 - 1 else 8
        broken[at : at + count] = value.to_bytes(count, "little")
        (tmp_path / "b.h5").write_bytes(bytes(broken))
        with pytest.raises(ReadError, match=text):
            hdf5.tree(tmp_path / "b.h5", ReadError)


def test_a_foreign_file_that_is_missing_or_damaged(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        hdf5.tree(tmp_path / "a.h5", ReadError)
    (tmp_path / "a.h5").write_bytes(b"no")
    with pytest.raises(ReadError, match="damaged or is not an HDF5 file"):
        hdf5.tree(tmp_path / "a.h5", ReadError)


def endless(file):
    while True:
        pass


def crash(file):
    os.kill(os.getpid(), signal.SIGSEGV)
    yield file


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the child that reads first")
@pytest.mark.parametrize(
    ("items", "text"), [(endless, "does not come to an end"), (crash, "crashes the HDF5 library")]
)
def test_files_on_which_the_library_loops_or_crashes(tmp_path, monkeypatch, items, text):
    """The reading child alone meets it; a good file is read as before."""
    write(tmp_path / "a.h5")
    assert read(tmp_path / "a.h5").sum() == 4
    monkeypatch.setattr(hdf5, "_PATIENCE", 0.2)
    monkeypatch.setattr(hdf5, "_items", items)
    with pytest.raises(ReadError, match=rf"a\.h5 is damaged: reading it {text}"):
        read(tmp_path / "a.h5")
    with (
        open(tmp_path / "a.h5", "rb") as stream,
        pytest.raises(ReadError, match=text),
        hdf5.foreign(stream, ReadError, "inner.h5"),
    ):
        pass
