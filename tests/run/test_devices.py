"""Which device is chosen and why, what stands in its way, and Brian2's state afterwards."""

import brian2
import numpy as np
import pytest
from brian2 import get_device, ms, prefs
from cases import chain, dense

import bioconv
from bioconv.errors import DeviceError
from bioconv.run import devices
from bioconv.run.devices import DEVICES, PAYS, chosen_device, compiler_problem, device

NO_COMPILER = "no C++ compiler (g++ is not on the PATH)"


def tools(folder, monkeypatch, *names):
    """A PATH with these programs alone."""
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("names", "compiler", "problem"),
    [
        ((), None, NO_COMPILER),
        (("make",), None, NO_COMPILER),
        (("g++",), None, "no make"),
        (("g++", "make"), None, None),
        (("g++", "make"), "", None),
        (("g++", "make"), "clang++ -O2", "no C++ compiler (clang++ is not on the PATH)"),
        (("clang++", "make"), "clang++ -O2", None),
    ],
)
def test_what_compiling_lacks(tmp_path, monkeypatch, names, compiler, problem):
    monkeypatch.delenv("CXX", raising=False)
    if compiler is not None:
        monkeypatch.setenv("CXX", compiler)
    tools(tmp_path, monkeypatch, *names)
    assert compiler_problem() == problem


LONG, SHORT = 2 * PAYS, PAYS / 2
#: name, seconds, foreign objects, problem of the compiler -> device, why
CHOICES = {
    "numpy": (("numpy", LONG, ["mon"], "no make"), ("numpy", "asked for")),
    "cython": (("cython", SHORT, ["mon"], None), ("cython", "asked for")),
    "cpp": (("cpp_standalone", SHORT, [], None), ("cpp_standalone", "asked for")),
    "auto_without_compiler": (("auto", LONG, ["mon"], "no make"), ("numpy", "no make")),
    "auto_short": (
        ("auto", SHORT, [], None),
        ("numpy", "about 10 s with numpy, less than compiling would pay for"),
    ),
    "auto_extended": (
        ("auto", LONG, ["mon"], None),
        ("cython", "about 40 s with numpy, and the network was extended"),
    ),
    "auto_long": (("auto", LONG, [], None), ("cpp_standalone", "about 40 s with numpy")),
    "auto_at_the_limit": (("auto", PAYS, [], None), ("cpp_standalone", "about 20 s with numpy")),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choices(monkeypatch, name):
    (asked, seconds, foreign, problem), expected = CHOICES[name]
    monkeypatch.setattr(devices, "compiler_problem", lambda: problem)
    assert chosen_device(asked, seconds, foreign) == expected


UNCOMPILED = (
    'device {!r}: no make. Install one (Debian: apt install g++ make) or use device="numpy"'
)
REFUSED = {
    "unknown": (
        ("gpu", 0, [], None),
        "device is 'gpu'; choose one of auto, numpy, cython, cpp_standalone",
    ),
    "cython": (("cython", 0, [], "no make"), UNCOMPILED.format("cython")),
    "cpp": (("cpp_standalone", 0, ["mon"], "no make"), UNCOMPILED.format("cpp_standalone")),
    "foreign": (
        ("cpp_standalone", LONG, ["mon", "pulse"], None),
        "device 'cpp_standalone' builds the network anew and would lose what was added to it: mon, "
        'pulse. Add them by model.extend(function), or use device="cython"',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(monkeypatch, name):
    (asked, seconds, foreign, problem), text = REFUSED[name]
    monkeypatch.setattr(devices, "compiler_problem", lambda: problem)
    with pytest.raises(DeviceError) as caught:
        chosen_device(asked, seconds, foreign)
    assert str(caught.value) == text


def state():
    gcc = list(prefs.codegen.cpp.extra_compile_args_gcc)
    return type(get_device()).__name__, get_device(), prefs.codegen.target, gcc


@pytest.fixture
def other_target():
    """Another target than the default, so that putting back the default would show."""
    before = prefs.codegen.target
    prefs.codegen.target = "cython"
    yield
    prefs.codegen.target = before


@pytest.mark.usefixtures("other_target")
@pytest.mark.parametrize("fails", [False, True], ids=["", "exception"])
@pytest.mark.parametrize("name", DEVICES[1:])
def test_a_device_leaves_the_state_as_it_was(tmp_path, name, fails):
    before = state()
    assert "-ffast-math" in before[3], "Brian2's default, which lets rounding differ"
    try:
        with device(name, tmp_path):
            kind, _, target, gcc = state()
            expected = {"cpp_standalone": "CPPStandaloneDevice"}.get(name, "RuntimeDevice")
            assert kind == expected
            assert target == ("cython" if name == "cpp_standalone" else name)
            assert "-ffp-contract=off" in gcc and "-ffast-math" not in gcc
            assert set(gcc) - {"-ffp-contract=off"} == set(before[3]) - set(devices._LOOSE)
            if fails:
                brian2.NeuronGroup(1, "v : 1")
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert state() == before


def test_devices_can_follow_each_other(tmp_path):
    """A program that was never built does not come back in the next block."""
    before = state()
    for n, name in enumerate(["cpp_standalone", "numpy", "cpp_standalone"]):
        with device(name, tmp_path / str(n)):
            group = brian2.NeuronGroup(2, "v : 1", name="again")
            brian2.Network(group).run(1 * brian2.ms)
    assert state() == before
    with device("numpy"):
        brian2.Network(brian2.NeuronGroup(2, "v : 1", name="again")).run(1 * brian2.ms)


@pytest.mark.compiled
def test_code_that_cannot_be_compiled_is_an_error(tmp_path, monkeypatch):
    """Brian2 only logs Cython's failure and runs nothing in its place; the same for C++."""
    network = chain((3,), dense(2, 3))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    flags, cache = prefs.codegen.cpp.extra_compile_args_gcc, prefs.codegen.runtime.cython.cache_dir
    prefs.codegen.cpp.extra_compile_args_gcc = [*flags, "-Ddouble=nonsense"]
    prefs.codegen.runtime.cython.cache_dir = str(tmp_path / "cython")
    try:
        for device in ("cython", "cpp_standalone"):
            model = bioconv.to_brian(network, method="unscaled")
            with pytest.raises(DeviceError, match="could not (be )?compile"):
                model.run(np.ones((1, 3)), 7 * ms, device=device)
    finally:
        prefs.codegen.cpp.extra_compile_args_gcc = flags
        prefs.codegen.runtime.cython.cache_dir = cache
