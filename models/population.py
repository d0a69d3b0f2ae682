"""Codes of ``mnist_population``: Gaussian receptive fields for every pixel, ten neurons for every class.

An image is averaged over 2x2 pixels; every value excites ``FIELDS`` receptive fields. At the other end
``NEURONS`` neurons stand for a class, the first so many for class 0, and their mean speaks for it.
"""

import numpy as np

import bioconv

FIELDS, NEURONS = 4, 10


def fields(images: np.ndarray) -> np.ndarray:
    """(n, FIELDS, rows / 2, columns / 2) responses to (n, 1, rows, columns) images in [0, 1]."""
    n, _, rows, columns = images.shape
    means = images.reshape(n, 1, rows // 2, 2, columns // 2, 2).mean(axis=(3, 5))
    return bioconv.receptive_fields(means, FIELDS).astype(np.float32)


def votes(outputs: np.ndarray) -> np.ndarray:
    """(n, classes) mean of every class's neurons in (n, classes * NEURONS) outputs."""
    return outputs.reshape(len(outputs), -1, NEURONS).mean(axis=2)
