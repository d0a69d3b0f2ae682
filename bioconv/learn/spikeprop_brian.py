"""Networks of neurons that fire once in Brian2; samples stand side by side as replicas."""

from collections.abc import Sequence

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
)  # fmt: skip

from bioconv.learn.replay import replaying

#: A postsynaptic potential of weight ``w`` has its peak ``w`` at ``tau``.
NEURON = """
dh/dt = -h/tau : 1
du/dt = (h - u)/tau : 1
"""
THRESHOLD = "u >= 1"
SYNAPSE = "w : 1 (constant)"
ON_PRE = "h_post += w*exp(1.0)"


def replayed(
    weights: Sequence[np.ndarray],
    delays: np.ndarray,
    tau: float,
    window: float,
    inputs: np.ndarray,
    dt: float,
    device: str,
) -> tuple[np.ndarray, ...]:
    """Spike times of every layer above the input, ms on the grid of ``dt``; infinity for those that do not fire.

    Parameters
    ----------
    weights : (n_post, n_pre, n_delays) arrays
    delays, tau, window, dt : ms
    inputs : (n, n_inputs) array, ms
    """
    with replaying("spikeprop", device) as run:
        layers, network = _network(weights, delays, tau, window, inputs, dt)
        monitors = [SpikeMonitor(layer) for layer in layers]
        network.add(*monitors)
        run(network, (round(window / dt) + 1) * dt * ms)
        return tuple(_times(monitor, len(inputs), dt) for monitor in monitors)


def traced(
    weights: Sequence[np.ndarray],
    delays: np.ndarray,
    tau: float,
    window: float,
    inputs: np.ndarray,
    dt: float,
    device: str,
) -> tuple[np.ndarray, ...]:
    """(n, n_steps, size) potentials of every layer above the input, in thresholds. See :func:`replayed`."""
    n = len(inputs)
    with replaying("spikeprop", device) as run:
        layers, network = _network(weights, delays, tau, window, inputs, dt)
        monitors = [StateMonitor(layer, "u", record=True, when="after_groups") for layer in layers]
        network.add(*monitors)
        run(network, (round(window / dt) + 1) * dt * ms)
        found = [np.array(monitor.u) for monitor in monitors]
    return tuple(u.reshape(n, -1, u.shape[1]).transpose(0, 2, 1) for u in found)


def _network(
    weights: Sequence[np.ndarray],
    delays: np.ndarray,
    tau: float,
    window: float,
    inputs: np.ndarray,
    dt: float,
) -> tuple[list[NeuronGroup], Network]:
    """Layers above the input, and the network with their inputs."""
    clock = Clock(dt=dt * ms)
    layers = [_source(inputs, clock)]
    parts = []
    for k, weight in enumerate(weights):
        layers.append(_layer(k, len(inputs) * len(weight), tau, window, clock))
        parts.append(_synapses(k, weight, delays, len(inputs), layers[-2], layers[-1], clock))
    return layers[1:], Network(*layers, *parts)


def _source(inputs: np.ndarray, clock: Clock) -> SpikeGeneratorGroup:
    sample, neuron = np.nonzero(np.isfinite(inputs))
    times = inputs[sample, neuron]
    numbers = sample * inputs.shape[1] + neuron
    return SpikeGeneratorGroup(inputs.size, numbers, times * ms, clock=clock, name="input_layer")


def _layer(k: int, size: int, tau: float, window: float, clock: Clock) -> NeuronGroup:
    """Neurons that fire once: they are refractory until the end."""
    return NeuronGroup(
        size,
        NEURON,
        threshold=THRESHOLD,
        refractory=2 * window * ms,
        method="exact",
        clock=clock,
        namespace={"tau": tau * ms},
        name=f"layer_{k}",
    )


def _synapses(k: int, weight, delays, replicas: int, pre, post, clock: Clock) -> Synapses:
    """One synapse for every delay of every pair, within a replica."""
    n_post, n_pre, _ = weight.shape
    synapses = Synapses(pre, post, SYNAPSE, on_pre=ON_PRE, clock=clock, name=f"synapses_{k}")
    replica, j, i, _ = np.indices((replicas, *weight.shape)).reshape(4, -1)
    synapses.connect(i=replica * n_pre + i, j=replica * n_post + j)
    synapses.w = np.tile(weight.ravel(), replicas)
    synapses.delay = np.tile(delays, replicas * n_post * n_pre) * ms
    return synapses


def _times(monitor: SpikeMonitor, n: int, dt: float) -> np.ndarray:
    found = np.full(len(monitor.source), np.inf)
    found[np.array(monitor.i)] = np.round(np.array(monitor.t / ms) / dt) * dt
    return found.reshape(n, -1)
