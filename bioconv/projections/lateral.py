"""Competition in a population: inhibition of all others alike, or of neighbours by their distance; k winners."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import NeuronGroup

from bioconv.errors import ParameterError
from bioconv.graph import Conv2d
from bioconv.projections.kinds import Convolution, Kind, convolution
from bioconv.projections.templated import TemplatedRunner


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


class KWinners(TemplatedRunner):
    r"""Lets at most k neurons of a population spike: in every step, or until the next sample.

    Before the threshold is checked it sets ``strength`` to ``by``, and ``may_spike`` of the strongest; the threshold
    asks for it. If the group has a variable ``winner``, those for whom it is true may go on spiking and count among
    the k: a reset that sets it keeps winners until something clears it. So the first k to spike win, and of those
    that pass the threshold in the same step the strongest. It becomes a part of the group, as a ``run_regularly`` does.

    Parameters
    ----------
    group : NeuronGroup
        With ``strength : 1``, ``may_spike : boolean``, and for winners that last ``winner : boolean``.
    k : int
    by : str
        Expression without a unit, by how much a neuron is beyond its threshold: ``"(v - v_th)/mV"``. Of equal neurons
        the first are stronger.
    replicas : int
        Equal blocks of neurons, each with k winners of its own.
    when, order
        Place in the schedule: the slot of the group's threshold, and before it.

    Raises
    ------
    ParameterError
        If a variable is missing, or k or replicas do not fit the group.

    Examples
    --------
    >>> group = NeuronGroup(
    ...     100, "dv/dt = -v/(20*ms) : 1\nstrength : 1\nmay_spike : boolean\nwinner : boolean",
    ...     threshold="v > 1 and may_spike", reset="v = 0; winner = True", method="exact")
    >>> KWinners(group, 3, by="v")
    >>> group.run_regularly("v = 0; winner = False", dt=350*ms)

    References
    ----------
    Maass (2000), Neural Comput. 12:2519 (k winners take all).
    """

    def __init__(
        self,
        group: NeuronGroup,
        k: int,
        *,
        by: str,
        replicas: int = 1,
        when: str = "thresholds",
        order: int = -1,
        clock: Any = None,
    ):
        missing = [name for name in ("strength", "may_spike") if name not in group.variables]
        if missing:
            raise ParameterError(
                f"{group.name} has no variable {missing[0]!r}; add strength : 1 and may_spike : boolean to its "
                'equations, and "and may_spike" to its threshold'
            )
        if replicas < 1 or len(group) % replicas or not 1 <= k <= len(group) // replicas:
            raise ParameterError(
                f"{k} winners of {len(group)} neurons in {replicas} equal blocks; give whole blocks, and k from 1 to "
                "their size"
            )
        winner = group.variables.get("winner")
        super().__init__(
            group, "k_winners", code=f"strength = {by}", clock=group.clock if clock is None else clock, when=when,
            order=order, name=f"{group.name}_k_winners",
            needed_variables=[] if winner is None else ["winner"],
            template_kwds={"won": winner, "replicas": int(replicas), "k": int(k)},
        )  # fmt: skip
        group.contained_objects.append(self)
