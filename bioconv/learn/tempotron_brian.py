"""Tempotrons in Brian2; patterns stand side by side as replicas."""

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
from bioconv.learn.tempotron import Response, Tempotrons

NEURON = """
dA/dt = -A/tau : 1
dB/dt = -B/tau_s : 1
V = V0*(A - B) : 1
peak : 1
on : 1
waiting : boolean
"""
THRESHOLD = "V >= 1 and waiting"
#: Input that arrives in the step of the spike still counts; later input does not.
RESET = {True: "waiting = False; on = 0", False: "waiting = False"}
SYNAPSE = "w : 1 (constant)"
ON_PRE = "A_post += w*on_post; B_post += w*on_post"
PEAK = "peak = clip(V, peak, inf)"


def replayed(neurons: Tempotrons, steps: np.ndarray, shunt: bool, device: str) -> Response:
    """Spikes and peaks of every neuron for every pattern.

    Parameters
    ----------
    steps : (n, n_inputs) array
        Of input spikes; ``n_steps`` for none.
    """
    n = len(steps)
    with replaying("tempotron", device) as run:
        group, network = _network(neurons, steps, shunt)
        monitor = SpikeMonitor(group)
        network.add(monitor)
        run(network, neurons.n_steps * neurons.dt * ms)
        times = np.full(len(group), np.inf)
        times[np.array(monitor.i)] = np.round(np.array(monitor.t / ms) / neurons.dt) * neurons.dt
        peaks = np.array(group.peak)
    return Response(times=times.reshape(n, -1), peaks=peaks.reshape(n, -1))


def traced(neurons: Tempotrons, steps: np.ndarray, shunt: bool, device: str) -> np.ndarray:
    """(n, n_steps, n_neurons) potentials of every neuron for every pattern. See :func:`replayed`."""
    n, n_neurons = len(steps), len(neurons.weights)
    with replaying("tempotron", device) as run:
        group, network = _network(neurons, steps, shunt)
        monitor = StateMonitor(group, "V", record=True, when="after_groups")
        network.add(monitor)
        run(network, neurons.n_steps * neurons.dt * ms)
        found = np.array(monitor.V)
    return found.reshape(n, n_neurons, -1).transpose(0, 2, 1)


def _network(neurons: Tempotrons, steps: np.ndarray, shunt: bool) -> tuple[NeuronGroup, Network]:
    """Neurons, and the network with their inputs."""
    clock = Clock(dt=neurons.dt * ms)
    source = _source(neurons, steps, clock)
    group = _neurons(neurons, len(steps) * len(neurons.weights), shunt, clock)
    synapses = _synapses(neurons, len(steps), source, group, clock)
    return group, Network(source, group, synapses)


def _source(neurons: Tempotrons, steps: np.ndarray, clock: Clock) -> SpikeGeneratorGroup:
    sample, neuron = np.nonzero(steps < neurons.n_steps)
    times = steps[sample, neuron] * neurons.dt
    numbers = sample * steps.shape[1] + neuron
    return SpikeGeneratorGroup(steps.size, numbers, times * ms, clock=clock, name="patterns")


def _neurons(neurons: Tempotrons, size: int, shunt: bool, clock: Clock) -> NeuronGroup:
    group = NeuronGroup(
        size,
        NEURON,
        threshold=THRESHOLD,
        reset=RESET[shunt],
        method="exact",
        clock=clock,
        namespace={
            "tau": neurons.tau * ms,
            "tau_s": neurons.tau_s * ms,
            "V0": neurons.peak_factor,
        },
        name="tempotrons",
    )
    group.on = 1
    group.waiting = True
    group.run_regularly(PEAK, clock=clock, when="after_groups")
    return group


def _synapses(neurons: Tempotrons, replicas: int, source, group, clock: Clock) -> Synapses:
    """Every input to every neuron, within a replica."""
    n_neurons, n_inputs = neurons.weights.shape
    synapses = Synapses(source, group, SYNAPSE, on_pre=ON_PRE, clock=clock, name="weights")
    replica, j, i = np.indices((replicas, n_neurons, n_inputs)).reshape(3, -1)
    synapses.connect(i=replica * n_inputs + i, j=replica * n_neurons + j)
    synapses.w = np.tile(neurons.weights.ravel(), replicas)
    return synapses
