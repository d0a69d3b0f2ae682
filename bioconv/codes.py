"""Codes of images that a network is trained on, as plain arrays."""

from typing import Any

import numpy as np

from bioconv.errors import ParameterError, StimulusError


def receptive_fields(
    images: np.ndarray, neurons: int, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """Responses of ``neurons`` Gaussian receptive fields to every value of ``images``.

    With ``K`` neurons the centres and the width are, for ``k = 1 … K``::

        centre_k = low + (2 k - 3)/2 * (high - low)/(K - 2)
        width    = (high - low)/(1.5 (K - 2))
        response = exp(-(value - centre_k)^2 / (2 width^2))

    A network that is trained on the responses (as channels) is shown responses; an encoder sends them
    as rates, or as times of first spikes.

    Parameters
    ----------
    images : (n_samples, channels, rows, columns) or (n_samples, n) array
    neurons : int
        ``K``, at least 3.
    low, high : float
        The range that the fields cover.

    Returns
    -------
    (n_samples, channels * K, rows, columns) or (n_samples, n * K) array in [0, 1]
        The ``K`` responses to one value follow each other.

    Raises
    ------
    ParameterError
        For fewer than 3 neurons or an empty range.
    StimulusError
        For images of another number of axes.

    References
    ----------
    Bohte, Kok & La Poutré (2002), Neurocomputing 48:17-37 (population coding by receptive fields).
    """
    _check(neurons, low, high)
    images = np.asarray(images, dtype=np.float64)
    if images.ndim not in (2, 4):
        raise StimulusError(
            f"images have shape {images.shape}; give (n_samples, channels, rows, columns) or "
            "(n_samples, n)"
        )
    spacing = (high - low) / (neurons - 2)
    centres = low + (2 * np.arange(1, neurons + 1) - 3) / 2 * spacing
    width = spacing / 1.5
    centres = centres.reshape(-1, *[1] * (images.ndim - 2))
    distances = (images[:, :, None] - centres) / width
    responses = np.exp(-(distances**2) / 2)
    return responses.reshape(len(images), -1, *images.shape[2:])


def _check(neurons: Any, low: float, high: float) -> None:
    if not isinstance(neurons, (int, np.integer)) or isinstance(neurons, bool) or neurons < 3:
        raise ParameterError(f"receptive_fields: neurons is {neurons!r}; give an integer from 3")
    if not low < high:
        raise ParameterError(f"receptive_fields: low is {low}, high is {high}; give low < high")
