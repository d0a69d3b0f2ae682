"""Inhibition among the neurons of a population: of all others alike, or of neighbours by their distance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bioconv.errors import ParameterError
from bioconv.graph import Conv2d
from bioconv.projections.kinds import Convolution, Kind, convolution


@dataclass(frozen=True, kw_only=True, eq=False)
class AllButOwn(Kind):
    """Every neuron joins all neurons but its own counterpart over ``weights[0]``: one number for n (n - 1) synapses."""

    template = "all_but_own"

    def __post_init__(self):
        if self.n_pre != self.n_post or len(self.weights) != 1:
            raise ValueError(
                f"all but own: {self.n_pre} to {self.n_post} neurons, {len(self.weights)} weights; "
                "give equal numbers of neurons and one weight"
            )

    @property
    def tables(self) -> dict[str, np.ndarray]:
        return {}

    @property
    def constants(self) -> dict[str, int]:
        return {}

    def fan_out(self) -> np.ndarray:
        return np.full(self.n_pre, self.n_post - 1)


def by_distance(
    shape: tuple[int, int], weight: Callable[[np.ndarray], np.ndarray], reach: int
) -> Convolution:
    """Every neuron of a sheet joins its neighbours, its own counterpart excepted: one kernel for all of them.

    Neighbours beyond the border of the sheet are missing, not on the other side. The counterpart is a weight of 0 in the
    kernel, and counts as a synapse.

    Parameters
    ----------
    shape : (rows, columns)
        Of the sheet; neurons count row, column.
    weight : callable
        Of an array of distances, in neurons, to one of weights, in thresholds:
        ``lambda d: -0.2 * np.exp(-(d / 3) ** 2)``.
    reach : int
        The farthest row and column of a neighbour.

    Raises
    ------
    ParameterError
        If the sheet or the reach is empty, or a weight is not a finite number.
    """
    if min(*shape, reach) < 1:
        raise ParameterError(
            f"a sheet of {shape} with a reach of {reach}; give numbers of at least 1"
        )
    away = np.arange(-reach, reach + 1)
    distances = np.hypot(*np.meshgrid(away, away, indexing="ij"))
    kernel = np.array(np.broadcast_to(weight(distances), distances.shape), dtype=float)
    kernel[reach, reach] = 0.0
    if not np.isfinite(kernel).all():
        raise ParameterError(
            f"weight(distance) is no finite number at a distance of {distances[~np.isfinite(kernel)][0]:g}"
        )
    return convolution(Conv2d(weight=kernel[None, None], padding=reach), (1, *shape))
