"""Agreement, confusion and Wilson's interval against numbers worked out by hand."""

import numpy as np
import pytest

from bioconv.analysis import agreement, confusion, wilson_interval
from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result


@pytest.fixture
def result():
    """Predictions 0 2 2 1 1 by count, 2 2 2 1 0 by potential, of four classes."""
    counts = np.array([[5, 0, 1, 0], [0, 1, 4, 0], [0, 0, 2, 1], [0, 3, 0, 0], [1, 2, 0, 0]])
    potentials = np.eye(4)[[2, 2, 2, 1, 0]]
    return Result(
        counts={"out": counts}, potentials=potentials, output="out", n_steps=9, dt=1e-3,
        max_rate=1000.0,
    )  # fmt: skip


def outputs(*classes):
    return np.eye(4)[list(classes)] - 0.5


def test_agreement(result):
    assert agreement(result, outputs(0, 2, 1, 1, 3)) == pytest.approx(3 / 5)
    assert agreement(result, outputs(2, 2, 2, 1, 0), by="potential") == 1.0
    assert agreement(result, outputs(2, 2, 2, 1, 0)) == pytest.approx(3 / 5)


def test_confusion_has_the_truth_in_rows(result):
    expected = np.zeros((4, 4), int)
    expected[0, 0] = expected[2, 2] = expected[1, 2] = expected[1, 1] = expected[3, 1] = 1
    from_labels = confusion(result, np.array([0, 2, 1, 1, 3]))
    np.testing.assert_array_equal(from_labels, expected)
    np.testing.assert_array_equal(confusion(result, outputs(0, 2, 1, 1, 3)), expected)
    assert confusion(result, np.array([0, 2, 2, 1, 1]))[2, 2] == 2


def test_confusion_by_potential(result):
    assert confusion(result, np.array([0, 0, 0, 0, 0]), by="potential")[0].tolist() == [1, 1, 3, 0]


def test_wilson_solves_its_own_equation():
    """The ends are the fractions p with |correct/total - p| = z sqrt(p (1 - p) / total)."""
    for correct, total in [(3, 7), (45, 50), (9_912, 10_000)]:
        for end in wilson_interval(correct, total):
            z = abs(correct / total - end) / np.sqrt(end * (1 - end) / total)
            assert z == pytest.approx(1.959963984540054)


def test_wilson_at_the_borders():
    z = 1.959963984540054
    low, high = wilson_interval(0, 20)
    assert low == 0 and high == pytest.approx(z**2 / (20 + z**2))
    low, high = wilson_interval(20, 20)
    assert high == 1 and low == pytest.approx(20 / (20 + z**2))
    narrow, wide = wilson_interval(9, 20, confidence=0.5), wilson_interval(9, 20, confidence=0.99)
    assert wide[0] < narrow[0] < 9 / 20 < narrow[1] < wide[1]


def test_wilson_takes_arrays():
    low, high = wilson_interval(np.array([0, 3, 7]), 7)
    assert (low[1], high[1]) == pytest.approx(wilson_interval(3, 7))
    assert (low[0], high[2]) == (0, 1)


ERRORS = [
    (lambda r: agreement(r, outputs(0, 1)), ResultError, r"\(2, 4\)"),
    (lambda r: agreement(r, np.zeros(5)), ResultError, r"\(5,\)"),
    (lambda r: agreement(r, np.full((5, 4), np.nan)), ResultError, "NaN"),
    (lambda r: agreement(r, outputs(0, 2, 2, 1, 1), by="luck"), ResultError, "luck"),
    (lambda r: confusion(r, np.array([0, 1])), ResultError, "needs \\(5,\\)"),
    (lambda r: confusion(r, np.array([0, 1, 2, 3, 4])), ResultError, "from 0 to 3"),
    (lambda r: confusion(r, np.array([0, 1, 2, 3, -1])), ResultError, "from 0 to 3"),
    (lambda r: confusion(r, np.zeros(5)), ResultError, "integers"),
    (lambda r: wilson_interval(0, 0), ParameterError, "total is 0"),
    (lambda r: wilson_interval(8, 7), ParameterError, "between 0 and total"),
    (lambda r: wilson_interval(-1, 7), ParameterError, "between 0 and total"),
    (lambda r: wilson_interval(1, 7, confidence=95), ParameterError, "confidence is 95"),
]


@pytest.mark.parametrize("call, kind, message", ERRORS)
def test_errors(result, call, kind, message):
    with pytest.raises(kind, match=message):
        call(result)
