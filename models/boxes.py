"""Where is the digit? Data and scores of ``mnist_boxes``: MNIST digits somewhere on a larger canvas.

A box is (centre x, centre y, width, height), each divided by the side of the canvas. It is the extent of
the pixels of at least ``INK``.
"""

import numpy as np

SIDE = 56
INK = 0.2
#: Seed of the positions in the test set.
SEED = 56


def extents(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last inked pixel along columns (x) and rows (y): two (n, 2) arrays."""
    inked = images[:, 0] >= INK
    columns, rows = inked.any(axis=1), inked.any(axis=2)
    first = [along.argmax(axis=1) for along in (columns, rows)]
    last = [along.shape[1] - 1 - along[:, ::-1].argmax(axis=1) for along in (columns, rows)]
    return np.stack(first, axis=1), np.stack(last, axis=1)


def placed(images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Every image at a random place of an empty canvas, and the box of its digit.

    Parameters
    ----------
    images : (n, 1, rows, columns) array

    Returns
    -------
    canvases : (n, 1, SIDE, SIDE) float32 array
    boxes : (n, 4) float32 array
    """
    n, _, rows, columns = images.shape
    corner = rng.integers(0, (SIDE - columns + 1, SIDE - rows + 1), (n, 2))
    at_rows = (corner[:, 1, None] + np.arange(rows))[:, :, None]
    at_columns = (corner[:, 0, None] + np.arange(columns))[:, None, :]
    canvases = np.zeros((n, 1, SIDE, SIDE), dtype=np.float32)
    canvases[np.arange(n)[:, None, None], 0, at_rows, at_columns] = images[:, 0]
    first, last = extents(images)
    size = last - first + 1
    boxes = np.concatenate([corner + first + size / 2, size], axis=1) / SIDE
    return canvases, boxes.astype(np.float32)


def test_set(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Canvases and boxes of (n, 1, rows, columns) images, the same every time."""
    return placed(images, np.random.default_rng(SEED))


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) shared area of two boxes, divided by the area of both together."""
    low = np.maximum(one[:, :2] - one[:, 2:] / 2, other[:, :2] - other[:, 2:] / 2)
    high = np.minimum(one[:, :2] + one[:, 2:] / 2, other[:, :2] + other[:, 2:] / 2)
    shared = np.maximum(high - low, 0).prod(axis=1)
    return shared / (one[:, 2:].prod(axis=1) + other[:, 2:].prod(axis=1) - shared)


def mean_absolute_error(answers: np.ndarray, boxes: np.ndarray) -> float:
    """Over samples and the four numbers, in sides of the canvas."""
    return float(abs(answers - boxes).mean())
