"""A projection as Brian2 ``Synapses``, one entry for every synapse: open to plasticity and delays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2 import Synapses, prefs
from scipy import sparse


def explicit(
    source: Any,
    target: Any,
    matrix: sparse.csr_array,
    *,
    name: str,
    variable: str,
    unit: Any,
    unit_text: str,
    replicas: int,
    when: str,
    delay: int,
    clock: Any,
    period: int = 0,
    negative_event: str | None = None,
    gain: str | None = None,
) -> Synapses:
    """``Synapses`` that add ``matrix`` to a variable of the target.

    Parameters
    ----------
    source, target : brian2 groups of ``replicas`` blocks of neurons
    matrix : (n_post, n_pre) sparse array
        Of one replica, in thresholds, neurons as the groups count them.
    variable : str
        Of the target, what a spike adds to.
    unit : quantity or 1
        What one threshold of weight is in ``variable``; ``unit_text`` names its unit.
    when : str
        Slot of the schedule in which spikes arrive.
    delay, period : int
        Steps that spikes wait, and those from the begin of a presentation (of the first: ``since``) to that of the
        next, which no spike that waits outlives; 0 where there are none.
    negative_event : str or None
        Event of the source that takes the weights away, by a pathway ``negative``; in each step after
        the spikes that add them.
    gain : str, optional
        A variable of the source by which the weights of a neuron's spikes are multiplied as they arrive.

    Notes
    -----
    Synapses are ordered by replica, then source neuron, then target neuron.
    """
    weight = f"w*{gain}_pre" if gain else "w"
    equations = f"w : {unit_text} (constant)"
    if delay and period:
        weight += in_time(delay, period, "t - since")
        equations += "\nsince : second (shared, constant)"
    on_pre, events = {"pre": f"{variable}_post += {weight}"}, {"pre": "spike"}
    if negative_event is not None:
        on_pre["negative"], events["negative"] = f"{variable}_post -= {weight}", negative_event
    synapses = Synapses(
        source,
        target,
        model=equations,
        on_pre=on_pre,
        on_event=events,
        delay=dict.fromkeys(on_pre, delay * clock.dt),
        clock=clock,
        name=name,
    )
    columns = sparse.csc_array(matrix)
    columns.sort_indices()
    n_post, n_pre = columns.shape
    pre = np.repeat(np.arange(n_pre), np.diff(columns.indptr))
    blocks = np.arange(replicas)[:, None]
    with uncompiled():
        synapses.connect(
            i=(blocks * n_pre + pre).ravel(), j=(blocks * n_post + columns.indices).ravel()
        )
    synapses.w = np.tile(columns.data, replicas) * unit
    for order, pathway in enumerate(on_pre, start=-1):
        path = getattr(synapses, pathway)
        path.when, path.order = when, order
    return synapses


def in_time(delay: int, period: int, now: str = "t") -> str:
    """The factor of a weight that is 0 for spikes sent before this presentation, else 1."""
    return f"*int(timestep({now}, dt) % {period} >= {delay})"


@contextmanager
def uncompiled() -> Iterator[None]:
    """Brian2 would compile the code that makes synapses of arrays, which takes longer than running it."""
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    try:
        yield
    finally:
        prefs.codegen.target = before
