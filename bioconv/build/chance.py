"""Random numbers that are a function of (seed, sample, neuron, draw), the same on every target.

No state: a sample's numbers depend neither on the batch nor on what ran before. Each argument is mixed
into 64 bits by the finaliser of SplitMix64; the upper 53 bits make a double in [0, 1).

References
----------
Steele, Lea & Flood (2014), OOPSLA, doi 10.1145/2660193.2660195 (the mixing function).
Salmon et al. (2011), SC11, doi 10.1145/2063384.2063405 (why counters).
"""

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


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(_FIRST)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(_SECOND)
    return bits ^ (bits >> np.uint64(31))


_CPP = f"""
static inline unsigned long long _bioconv_mixed(unsigned long long bits)
{{
    bits = (bits ^ (bits >> 30)) * {_FIRST}ULL;
    bits = (bits ^ (bits >> 27)) * {_SECOND}ULL;
    return bits ^ (bits >> 31);
}}
static inline double _bioconv_uniform(long long seed, long long sample, long long neuron, long long draw)
{{
    const long long parts[4] = {{seed, sample, neuron, draw}};
    unsigned long long bits = 0;
    for (int n = 0; n < 4; n++)
        bits = _bioconv_mixed(bits + (unsigned long long)parts[n] + {_GOLDEN}ULL);
    return (double)(bits >> 11) * {2.0**-53!r};
}}
"""

_CYTHON = f"""
cdef inline unsigned long long _bioconv_mixed(unsigned long long bits) noexcept nogil:
    bits = (bits ^ (bits >> 30)) * {_FIRST}ULL
    bits = (bits ^ (bits >> 27)) * {_SECOND}ULL
    return bits ^ (bits >> 31)

cdef inline double _bioconv_uniform(long long seed, long long sample, long long neuron, long long draw) noexcept nogil:
    cdef unsigned long long bits = 0
    bits = _bioconv_mixed(bits + <unsigned long long>seed + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>sample + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>neuron + {_GOLDEN}ULL)
    bits = _bioconv_mixed(bits + <unsigned long long>draw + {_GOLDEN}ULL)
    return <double>(bits >> 11) * {2.0**-53!r}
"""

#: The same as a function that equation strings can call.
UNIFORM = Function(
    uniform,
    arg_units=[1, 1, 1, 1],
    arg_types=["integer"] * 4,
    return_unit=1,
    return_type="float",
)
UNIFORM.implementations.add_implementation("numpy", uniform)
UNIFORM.implementations.add_implementation("cpp", _CPP, name="_bioconv_uniform")
UNIFORM.implementations.add_implementation("cython", _CYTHON, name="_bioconv_uniform")
