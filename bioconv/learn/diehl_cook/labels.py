"""From spike counts to classes: labels of neurons, predictions."""

import numpy as np

from bioconv.errors import DataError

CLASSES = 10


def labelled(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(neurons,) class to which every neuron responds most, on average over its images.

    Parameters
    ----------
    counts : (n_images, neurons) array
        Of *training* images.
    labels : (n_images,) int array

    Raises
    ------
    DataError
        If the numbers of images differ, or a class has none.
    """
    if len(counts) != len(labels):
        raise DataError(f"{len(counts)} rows of counts for {len(labels)} labels")
    found = np.bincount(labels, minlength=CLASSES)
    if len(found) > CLASSES or not found.all():
        raise DataError(
            f"labels need images of every class from 0 to {CLASSES - 1}; there are {found.tolist()} of them"
        )
    return np.stack([counts[labels == k].mean(axis=0) for k in range(CLASSES)]).argmax(axis=0)


def predicted(counts: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(n_images,) class whose neurons respond most, on average over the neurons.

    Parameters
    ----------
    counts : (n_images, neurons) array
    classes : (neurons,) int array
        Of :func:`labelled`.
    """
    means = [
        counts[:, classes == k].mean(axis=1) if (classes == k).any() else np.full(len(counts), -1.0)
        for k in range(CLASSES)
    ]
    return np.stack(means, axis=1).argmax(axis=1)
