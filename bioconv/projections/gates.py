"""Max-pooling of spikes: of every window only the neuron with the largest rate so far gets through."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bioconv.graph import AvgPool2d, MaxPool2d, output_shape
from bioconv.projections.indices import links
from bioconv.projections.kinds import Kind, order_of

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Gate(Kind):
    """Max-pooling: a spike adds its weight to a window that its neuron leads at that moment.

    A neuron leads a window if no other neuron of it has a larger estimate of its rate; of equal ones
    the first in the window's list leads. ``weights[n]`` joins ``pre`` to the window ``post[n]`` for
    ``first[pre] <= n < first[pre + 1]``. A window is a neuron of the target; its own sources are
    ``window_pre[k]`` for ``window_first[window] <= k < window_first[window + 1]``, and
    ``window_pre[place[n]]`` is ``pre``. A spike costs its windows times their sizes.

    Attributes
    ----------
    estimate : str
        Variable of the source that tells the rates: what it holds when the spikes arrive counts, so
        a reset may add the step's own spikes before.

    References
    ----------
    Rueckauer et al. (2017), Front. Neurosci. 11:682 (spiking max-pooling).
    """

    first: np.ndarray
    post: np.ndarray
    place: np.ndarray
    window_first: np.ndarray
    window_pre: np.ndarray
    estimate: str = "estimate"
    template = "gate"

    @property
    def tables(self) -> dict[str, np.ndarray]:
        return {
            "first": self.first,
            "post": self.post,
            "place": self.place,
            "window_first": self.window_first,
            "window_pre": self.window_pre,
        }

    @property
    def constants(self) -> dict[str, int]:
        return {}

    @property
    def reads(self) -> dict[str, str]:
        return {"_estimate": self.estimate}

    def fan_out(self) -> np.ndarray:
        return np.diff(self.first)


def gate_of(layer: MaxPool2d, shape: Shape, gain: float = 1.0, estimate: str = "estimate") -> Gate:
    """The gate of a max-pooling layer over maps of ``shape``; padding never wins.

    Of neurons with equal estimates the one with the lowest number as channel, row, column leads.

    Parameters
    ----------
    gain : float
        Weight of every spike that gets through, in thresholds.
    estimate : str
        Variable of the source that tells the rates.
    """
    windows = AvgPool2d(
        kernel=layer.kernel, stride=layer.stride, padding=layer.padding, ceil_mode=layer.ceil_mode
    )
    found = links(windows, shape)
    group = [np.argsort(order_of(s)) for s in (shape, output_shape(layer, shape))]
    by_number = np.lexsort((found.pre, group[1][found.post]))
    pre, post = group[0][found.pre[by_number]], group[1][found.post[by_number]]
    # links are now window after window, each in the order that decides ties
    entries = sparse.csc_array(
        (np.arange(1, pre.size + 1), (post, pre)), shape=(found.n_post, found.n_pre)
    )
    entries.sort_indices()
    window_first = np.concatenate([[0], np.cumsum(np.bincount(post, minlength=found.n_post))])
    return Gate(
        n_pre=found.n_pre,
        n_post=found.n_post,
        weights=np.full(pre.size, gain),
        first=entries.indptr.astype(np.int32),
        post=entries.indices.astype(np.int32),
        place=(entries.data - 1).astype(np.int32),
        window_first=window_first.astype(np.int32),
        window_pre=pre.astype(np.int32),
        estimate=estimate,
    )
