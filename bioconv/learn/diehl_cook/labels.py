"""From spike counts to classes: labels of neurons, predictions."""

import numpy as np

from bioconv.errors import DataError


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
        If there are no images, or not as many labels.
    """
    if len(counts) != len(labels) or not len(labels):
        raise DataError(f"{len(counts)} rows of counts for {len(labels)} labels")
    known = np.unique(labels)
    return known[np.stack([counts[labels == k].mean(axis=0) for k in known]).argmax(axis=0)]


def predicted(counts: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(n_images,) class whose neurons respond most, on average over the neurons.

    Parameters
    ----------
    counts : (n_images, neurons) array
    classes : (neurons,) int array
        Of :func:`labelled`.
    """
    known = np.unique(classes)
    means = np.stack([counts[:, classes == k].mean(axis=1) for k in known], axis=1)
    return known[means.argmax(axis=1)]
