"""Images as first spikes: differences of Gaussians, normalised locally; the larger, the earlier.

References
----------
Kheradpisheh et al. (2018), Neural Networks 99:56–67; values of the MNIST network of SpykeTorch,
Mozafari et al. (2019), Frontiers in Neuroscience 13:625.
"""

import numpy as np
from scipy.ndimage import correlate, uniform_filter

from bioconv.errors import StimulusError

#: Time steps of a stimulus; a time of ``STEPS`` is no spike.
STEPS = 15
SIZE = 7
SIGMAS = ((1.0, 2.0), (2.0, 1.0))
THRESHOLD = 50 / 255
RADIUS = 8


def difference_of_gaussians(narrow: float, wide: float, size: int = SIZE) -> np.ndarray:
    """(size, size) ``g(narrow) - g(wide)``, moved to mean 0, then scaled to a maximum of 1."""
    row, column = np.indices((size, size)) - size // 2
    squares = row**2 + column**2
    kernel = _gaussian(squares, narrow) - _gaussian(squares, wide)
    kernel -= kernel.mean()
    return kernel / kernel.max()


def _gaussian(squares: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-squares / (2 * sigma**2)) / (2 * np.pi * sigma**2)


def latencies(images: np.ndarray) -> np.ndarray:
    """(n, 2, n_rows, n_columns) uint8 steps of the only spike; ``STEPS`` for none.

    The values of an image above zero are sorted and cut into ``STEPS`` parts of equal number, the
    largest first; what is left over spikes in the last step (SpykeTorch drops it).

    Parameters
    ----------
    images : (n, 1, n_rows, n_columns) array in [0, 1]

    Raises
    ------
    StimulusError
        If the images have another shape, or other values.
    """
    found = np.asarray(images, dtype=float)
    if found.ndim != 4 or found.shape[1] != 1:
        raise StimulusError(
            f"latencies: images have shape {found.shape}; need (n, 1, n_rows, n_columns)"
        )
    if not ((found >= 0) & (found <= 1)).all():
        raise StimulusError("latencies: images hold values outside [0, 1], or NaN; scale them")
    times = [_steps(_contrast(image[0])) for image in found]
    return np.array(times, dtype=np.uint8).reshape(len(found), 2, *found.shape[2:])


def _contrast(image: np.ndarray) -> np.ndarray:
    """(2, n_rows, n_columns) on and off maps over the mean of their surroundings."""
    kernels = [difference_of_gaussians(*sigmas) for sigmas in SIGMAS]
    maps = np.array([correlate(image, kernel, mode="constant") for kernel in kernels])
    maps[maps < THRESHOLD] = 0
    size = 2 * RADIUS + 1
    means = uniform_filter(maps, size=(1, size, size), mode="constant")
    return np.where(maps > 0, maps / (means + 1e-12), 0.0)


def _steps(values: np.ndarray) -> np.ndarray:
    """The step in which each value spikes. Equal values spike in their order."""
    flat = values.ravel()
    n = int(np.count_nonzero(flat))
    order, size = np.argsort(-flat, kind="stable")[:n], max(1, n // STEPS)
    steps = np.full(flat.size, STEPS)
    steps[order] = np.minimum(np.arange(n) // size, STEPS - 1)
    return steps.reshape(values.shape)
