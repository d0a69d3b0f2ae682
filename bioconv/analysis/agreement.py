"""How often the spiking network answers as the trained one, and how sure a fraction is."""

from statistics import NormalDist

import numpy as np

from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result


def agreement(result: Result, reference_outputs: np.ndarray, by: str = "count") -> float:
    """Fraction of samples with the same prediction in both networks.

    Parameters
    ----------
    reference_outputs : (n_samples, n_out) array
        What :func:`bioconv.graph.reference` returns; its largest value is the prediction.
    by : "count", "first" or "potential"
        As in :meth:`bioconv.Result.predicted`.

    Raises
    ------
    ResultError
        If the outputs do not have the result's samples and classes, or hold NaN.
    """
    return float(np.mean(result.predicted(by) == _answers(result, np.asarray(reference_outputs))))


def confusion(result: Result, truth: np.ndarray, by: str = "count") -> np.ndarray:
    """(n_out, n_out) int array: samples of class ``row`` that were predicted as ``column``.

    Parameters
    ----------
    truth : (n_samples,) int array of labels, or (n_samples, n_out) array
        The latter are the outputs of the trained network: then the matrix compares networks.

    Raises
    ------
    ResultError
        If ``truth`` does not fit the result's samples and classes.
    """
    truth, n_out = np.asarray(truth), result.potentials.shape[1]
    rows = _labels(result, truth) if truth.ndim == 1 else _answers(result, truth)
    matrix = np.zeros((n_out, n_out), dtype=np.int64)
    np.add.at(matrix, (rows, result.predicted(by)), 1)
    return matrix


def wilson_interval(correct, total, confidence: float = 0.95) -> tuple:
    """Wilson's score interval (low, high) of the fraction ``correct / total``.

    With ``p = correct / total`` and ``z`` the normal quantile of ``(1 + confidence) / 2``::

        (p + z^2 / (2 total) -+ z sqrt(p (1 - p) / total + z^2 / (4 total^2))) / (1 + z^2 / total)

    ``correct`` may be an array: then both ends are arrays of its shape.

    Raises
    ------
    ParameterError
        For ``total < 1``, ``correct`` outside 0 … total, ``confidence`` outside (0, 1).

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22:209.
    """
    correct = np.asarray(correct, dtype=np.float64)
    if not total >= 1:
        raise ParameterError(f"total is {total}; an interval needs at least one sample")
    if not np.all((correct >= 0) & (correct <= total)):
        raise ParameterError(f"correct is {correct}; it must lie between 0 and total, {total}")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence}; give a fraction such as 0.95")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, share = correct / total, z**2 / total
    middle = p + share / 2
    half = z * np.sqrt(p * (1 - p) / total + share / (4 * total))
    low = np.where(correct == 0, 0.0, (middle - half) / (1 + share))
    high = np.where(correct == total, 1.0, (middle + half) / (1 + share))
    return (low, high) if correct.ndim else (float(low), float(high))


def _answers(result: Result, outputs: np.ndarray) -> np.ndarray:
    """(n_samples,) index of the largest output."""
    if outputs.shape != result.potentials.shape:
        raise ResultError(
            f"the reference outputs have shape {outputs.shape}; the result needs (n_samples, "
            f"n_out) = {result.potentials.shape}. Give bioconv.reference(network, images)"
        )
    if np.isnan(outputs).any():
        raise ResultError("the reference outputs hold NaN; the largest is not defined")
    return outputs.argmax(axis=1)


def _labels(result: Result, labels: np.ndarray) -> np.ndarray:
    n_out = result.potentials.shape[1]
    if labels.shape != (result.n_samples,):
        raise ResultError(
            f"labels have shape {labels.shape}; the result has {result.n_samples} samples and "
            f"needs ({result.n_samples},)"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= n_out:
        raise ResultError(
            f"labels run from {labels.min()} to {labels.max()} ({labels.dtype}); the result has "
            f"{n_out} outputs and needs integers from 0 to {n_out - 1}"
        )
    return labels
