"""Random numbers as a function: golden values, an oracle in plain integers, statistics."""

import numpy as np
import pytest

from bioconv.build.chance import normal, uniform

#: They must never change: saved results are reproduced from seeds.
GOLDEN = {
    (0, 0, 0, 0): 0.1296456182997474,
    (1, 0, 0, 0): 0.8847898165349132,
    (0, 1, 0, 0): 0.8164140271575341,
    (0, 0, 1, 0): 0.38532908268627775,
    (0, 0, 0, 1): 0.41232273959211374,
    (5, 123, 783, 99): 0.9413374576313799,
    (2**31 - 1, 2**31 - 1, 10**6, 10**9): 0.4260360340453977,
}
N = 200_000
PARTS = ("seed", "sample", "neuron", "draw")


def series(part, start=0):
    """Numbers along one argument, the others fixed at 3, 1, 4, 15."""
    arguments = dict(zip(PARTS, (3, 1, 4, 15), strict=True))
    return uniform(**arguments | {part: np.arange(start, start + N)})


def split_mix(*parts):
    """SplitMix64's finaliser, once for every part, in unbounded integers."""
    mask, bits = 2**64 - 1, 0
    for part in parts:
        bits = (bits + part + 0x9E3779B97F4A7C15) & mask
        bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & mask
        bits ^= bits >> 31
    return (bits >> 11) / 2**53


@pytest.mark.parametrize("arguments", GOLDEN, ids=str)
def test_golden_values(arguments):
    assert float(uniform(*arguments)) == GOLDEN[arguments] == split_mix(*arguments)


def test_arrays_broadcast_and_equal_single_numbers(rng):
    sample, neuron = rng.integers(2**31, size=(2, 6)).astype(np.int32)
    found = uniform(7, sample[:, None], neuron, 5)
    assert found.shape == (6, 6) and found.dtype == np.float64
    expected = [[split_mix(7, int(s), int(n), 5) for n in neuron] for s in sample]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("part", PARTS)
def test_numbers_are_uniform_and_independent_along_every_argument(part):
    """Five standard errors: of the mean 1/sqrt(12 N), of the variance 1/sqrt(180 N), of a serial
    correlation 1/sqrt(N), of a share p sqrt(p (1 - p)/N).
    """
    x = series(part)
    assert x.min() >= 0 and x.max() < 1
    assert abs(x.mean() - 1 / 2) < 5 / np.sqrt(12 * N)
    assert abs(x.var() - 1 / 12) < 5 / np.sqrt(180 * N)
    for lag in (1, 2, 7, 64, 784):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 5 / np.sqrt(N - lag), lag
    shares = np.histogram(x, bins=64, range=(0, 1))[0] / N
    assert abs(shares - 1 / 64).max() < 5 * np.sqrt(1 / 64 * 63 / 64 / N)
    assert np.unique(x).size == N, "53 bits do not repeat within so few numbers"


@pytest.mark.parametrize("part", PARTS)
def test_the_lowest_bits_are_as_random_as_the_highest(part):
    bits = (series(part) * 2.0**53).astype(np.int64)
    for bit in (0, 1, 20, 52):
        assert abs((bits >> bit & 1).mean() - 1 / 2) < 5 / (2 * np.sqrt(N)), bit


@pytest.mark.parametrize("part", PARTS)
def test_series_of_neighbours_are_uncorrelated(part):
    """The same draws of another seed, sample or neuron; and draws against any other argument."""
    base = uniform(3, 1, 4, np.arange(N))
    for change in (1, 2, 1000):
        arguments = {"seed": 3, "sample": 1, "neuron": 4, "draw": np.arange(N)}
        arguments[part] = arguments[part] + change
        other = uniform(**arguments)
        assert (base != other).all()
        assert abs(np.corrcoef(base, other)[0, 1]) < 5 / np.sqrt(N)


def test_arguments_do_not_stand_for_each_other():
    numbers = {float(uniform(*np.roll((1, 2, 3, 4), n))) for n in range(4)}
    assert len(numbers) == 4
    assert uniform(1, 0, 0, 0) != uniform(0, 1, 0, 0)


def normal_by_hand(*parts):
    """Twelve pieces of 16 bits of three numbers that follow the five parts, in unbounded integers."""
    mask, bits, total = 2**64 - 1, 0, 6 - 12 * 2**15

    def mixed(bits):
        bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & mask
        return bits ^ bits >> 31

    for part in parts:
        bits = mixed((bits + part + 0x9E3779B97F4A7C15) & mask)
    for _ in range(3):
        bits = mixed((bits + 0x9E3779B97F4A7C15) & mask)
        total += sum(bits >> shift & 0xFFFF for shift in (0, 16, 32, 48))
    return total / 2**16


#: They must never change, either.
NORMAL = {
    (0, 0, 0, 0, 0): 0.6358489990234375,
    (5, 123, 2, 783, 99): 0.9019927978515625,
    (2**31 - 1, 2**31 - 1, -3, 10**6, -1): 0.508209228515625,
}


@pytest.mark.parametrize("arguments", NORMAL, ids=str)
def test_golden_normal_values(arguments):
    assert float(normal(*arguments)) == NORMAL[arguments] == normal_by_hand(*arguments)
