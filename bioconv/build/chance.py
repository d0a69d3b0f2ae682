"""Random numbers that are a function of (seed, sample, neuron, draw), the same on every target.

No state: a sample's numbers depend neither on the batch nor on what ran before. Each argument is mixed
into 64 bits by the finaliser of SplitMix64; the upper 53 bits make a double in [0, 1).

References
----------
Steele, Lea & Flood (2014), OOPSLA, doi 10.1145/2660193.2660195 (the mixing function).
Salmon et al. (2011), SC11, doi 10.1145/2063384.2063405 (why counters).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Function

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def uniform(seed, sample, neuron, draw):
    """Uniform numbers in [0, 1) for integers or integer arrays that broadcast."""
    with np.errstate(over="ignore"):
        bits: Any = np.uint64(0)
        for part in (seed, sample, neuron, draw):
            bits = _mixed(bits + np.asarray(part).astype(np.uint64) + np.uint64(_GOLDEN))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed, sample, place, neuron, draw):
    """Numbers of mean 0 and variance 1 for integers or integer arrays that broadcast.

    The sum of twelve uniform ones minus six, of 16 bits each: sums of whole numbers, so that all targets get the same
    bits. None is beyond 6; the fourth moment is 2.9 instead of 3.
    """
    with np.errstate(over="ignore"):
        bits: Any = np.uint64(0)
        for part in (seed, sample, place, neuron, draw):
            bits = _mixed(bits + np.asarray(part).astype(np.uint64) + np.uint64(_GOLDEN))
        total: Any = np.int64(6 - 12 * 2**15)
        for _ in range(3):
            bits = _mixed(bits + np.uint64(_GOLDEN))
            for shift in (0, 16, 32, 48):
                piece = (bits >> np.uint64(shift)) & np.uint64(0xFFFF)
                total = total + piece.astype(np.int64)
    return total * 2.0**-16


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(_FIRST)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(_SECOND)
    return bits ^ (bits >> np.uint64(31))


_CPP_MIXED = f"""
static inline unsigned long long _bioconv_mixed(unsigned long long bits)
{{
    bits = (bits ^ (bits >> 30)) * {_FIRST}ULL;
    bits = (bits ^ (bits >> 27)) * {_SECOND}ULL;
    return bits ^ (bits >> 31);
}}
"""

_CPP_UNIFORM = f"""
static inline double _bioconv_uniform(long long seed, long long sample, long long neuron, long long draw)
{{
    const long long parts[4] = {{seed, sample, neuron, draw}};
    unsigned long long bits = 0;
    for (int n = 0; n < 4; n++)
        bits = _bioconv_mixed(bits + (unsigned long long)parts[n] + {_GOLDEN}ULL);
    return (double)(bits >> 11) * {2.0**-53!r};
}}
"""

_CPP_NORMAL = f"""
static inline double _bioconv_normal(long long seed, long long sample, long long place, long long neuron,
                                     long long draw)
{{
    const long long parts[5] = {{seed, sample, place, neuron, draw}};
    unsigned long long bits = 0;
    long long total = {6 - 12 * 2**15};
    for (int n = 0; n < 5; n++)
        bits = _bioconv_mixed(bits + (unsigned long long)parts[n] + {_GOLDEN}ULL);
    for (int n = 0; n < 3; n++) {{
        bits = _bioconv_mixed(bits + {_GOLDEN}ULL);
        for (int shift = 0; shift < 64; shift += 16)
            total += (long long)((bits >> shift) & 0xFFFFULL);
    }}
    return (double)total * {2.0**-16!r};
}}
"""

_CYTHON_MIXED = f"""
cdef inline unsigned long long _bioconv_mixed(unsigned long long bits) noexcept nogil:
    bits = (bits ^ (bits >> 30)) * {_FIRST}ULL
    bits = (bits ^ (bits >> 27)) * {_SECOND}ULL
    return bits ^ (bits >> 31)
"""

_CYTHON_UNIFORM = f"""
cdef inline double _bioconv_uniform(long long seed, long long sample, long long neuron, long long draw) noexcept nogil:
    cdef unsigned long long bits = 0
    bits = _bioconv_mixed(bits + <unsigned long long>seed + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>sample + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>neuron + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>draw + {_GOLDEN}ULL)
    return <double>(bits >> 11) * {2.0**-53!r}
"""

_CYTHON_NORMAL = f"""
cdef inline double _bioconv_normal(long long seed, long long sample, long long place, long long neuron, long long draw) noexcept nogil:
    cdef unsigned long long bits = 0
    cdef long long total = {6 - 12 * 2**15}
    cdef int n, shift
    bits = _bioconv_mixed(bits + <unsigned long long>seed + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>sample + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>place + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>neuron + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>draw + {_GOLDEN}ULL)
    for n in range(3):
        bits = _bioconv_mixed(bits + {_GOLDEN}ULL)
        for shift in range(4):
            total += <long long>((bits >> (16*shift)) & 0xFFFFULL)
    return <double>total * {2.0**-16!r}
"""


def _function(
    python: Callable[..., Any], arguments: int, cpp: str, cython: str, kind: str, **parts: Function
) -> Function:
    """A function that equation strings can call, with the functions of its code that it calls."""
    made = Function(
        python,
        arg_units=[1] * arguments,
        arg_types=["integer"] * arguments,
        return_unit=1,
        return_type=kind,
    )
    made.implementations.add_implementation("numpy", python)
    for target, code in (("cpp", cpp), ("cython", cython)):
        made.implementations.add_implementation(
            target, code, name=f"_bioconv_{python.__name__.strip('_')}", dependencies=parts
        )
    return made


_MIXED = _function(_mixed, 1, _CPP_MIXED, _CYTHON_MIXED, "integer")
#: The same as functions that equation strings can call.
UNIFORM = _function(uniform, 4, _CPP_UNIFORM, _CYTHON_UNIFORM, "float", _bioconv_mixed=_MIXED)
NORMAL = _function(normal, 5, _CPP_NORMAL, _CYTHON_NORMAL, "float", _bioconv_mixed=_MIXED)
