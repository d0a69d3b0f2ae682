"""A layer in Brian2: the same first spikes. Samples stand side by side as replicas; neurons are numbered sample, map, row, column.

Within a step: input arrives, and neurons above the threshold fire. With inhibition, maps at one position compare their potentials first,
only the highest fires, and its position is closed before the next step.
"""

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    ms,
)

from bioconv.learn.replay import replaying
from bioconv.learn.stdp_convolution.coding import STEPS

EQUATIONS = """
v : 1
closed : 1
higher : 1
"""
#: How many maps at the same position have a higher potential, or the same and a lower number.
COMPARE = "higher_post = int(v_pre > v_post or (v_pre == v_post and i < j)) : 1 (summed)"
SCHEDULE = ["start", "synapses", "groups", "thresholds", "resets", "end"]


def replayed(
    weights: np.ndarray,
    times: np.ndarray,
    patches: np.ndarray,
    threshold: float,
    inhibition: bool,
    device: str,
) -> np.ndarray:
    """(n, maps, n_rows, n_columns) uint8 steps; ``STEPS`` for none.

    Parameters
    ----------
    times : (n, n_channels, n_rows, n_columns) array of steps
    patches : (n, n_rows_out, n_columns_out, n_channels, kernel, kernel) int array
        Numbers of the inputs that each position sees, ``times.size`` or more for none.
    """
    shape = (patches.shape[0], len(weights), *patches.shape[1:3])
    with replaying("stdp_convolution", device) as run:
        clock = Clock(1 * ms)
        at = np.flatnonzero(times.ravel() < STEPS)
        steps = times.ravel()[at]
        inputs = SpikeGeneratorGroup(
            times.size, at, steps * ms, when="start", clock=clock, name="inputs"
        )
        neurons = NeuronGroup(
            int(np.prod(shape)),
            EQUATIONS,
            threshold="v > theta and higher == 0 and closed == 0",
            reset="closed = 1",
            namespace={"theta": threshold},
            clock=clock,
            name="maps",
        )
        arriving = _arriving(inputs, neurons, weights, patches, times.size, shape)
        monitor = SpikeMonitor(neurons, name="spikes")
        network = Network(inputs, neurons, arriving, monitor)
        if inhibition:
            network.add(_inhibition(neurons, shape, clock))
        network.schedule = SCHEDULE
        run(network, STEPS * ms)
        found = np.full(shape, STEPS, dtype=np.uint8)
        found.flat[np.array(monitor.i)] = np.round(np.array(monitor.t / ms))
    return found


def _arriving(inputs, neurons, weights, patches, n_inputs: int, shape) -> Synapses:
    """Each input to the neurons whose kernel covers it."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    per_map = [np.broadcast_to(w, patches.shape) for w in weights]
    pre = np.stack([patches] * len(weights), axis=1)
    post = np.broadcast_to(numbers[..., None, None, None], pre.shape)
    inside = pre < n_inputs
    synapses = Synapses(
        inputs, neurons, "w : 1", on_pre="v_post += w", clock=neurons.clock, name="arriving"
    )
    synapses.connect(i=pre[inside], j=post[inside])
    synapses.w = np.stack(per_map, axis=1)[inside]
    return synapses


def _inhibition(neurons: NeuronGroup, shape, clock: Clock) -> Synapses:
    same = _same_position(shape)
    compare = Synapses(
        neurons, neurons, COMPARE, on_pre="closed_post = 1", clock=clock, name="same_position"
    )
    compare.connect(i=same[0], j=same[1])
    return compare


def _same_position(shape) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of different maps, of one sample and position."""
    n, maps, rows, columns = shape
    numbers = np.arange(np.prod(shape)).reshape(n, maps, rows * columns)
    a, b = np.nonzero(~np.eye(maps, dtype=bool))
    return numbers[:, a].ravel(), numbers[:, b].ravel()
