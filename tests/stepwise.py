"""The plainest simulation of a spiking network, in numpy: what Brian2 must do spike for spike.

Delta synapses, constant currents, the synchronous order. A population of step ``k`` gets the spikes that
its sources send in the same step.
"""

import numpy as np

from bioconv.neurons import CorrectingIntegrateFire

#: As in the package: what rounding may keep a membrane below its threshold.
ROUNDING = 1e-9


def simulated(spiking, images, n_steps):
    """{population: (n_steps, n_samples, *shape) spikes, -1 for a negative one} and last potentials.

    In thresholds: a reset subtracts 1 or leads to 0.
    """
    sent = {population.name: [] for population in spiking.populations}
    v = {p.name: np.full((len(images), *p.shape), float(p.initial)) for p in spiking.populations}
    for step in range(n_steps):
        now = {spiking.stimulus.name: images / spiking.stimulus.scale}
        for population in spiking.populations:
            name = population.name
            arriving = [p.of(now[p.source]) for p in spiking.incoming(name)]
            v[name] = v[name] + population.bias + sum(arriving)
            net = sum(sent[name], start=np.zeros_like(v[name]))
            v[name], now[name] = _fired(population, v[name], step, net)
            v[name] = _ended(population, v[name], step)
            sent[name].append(now[name])
    return {name: np.array(spikes) for name, spikes in sent.items()}, v


def _fired(population, v, step, net):
    """Potentials after resets, and the spikes; ``net`` are those sent before, less those taken back."""
    if not population.spiking or step < population.hold:
        return v, np.zeros_like(v)
    before, up = v, v >= 1 - ROUNDING
    v = np.where(up, v - 1 if population.reset == "subtract" else 0.0, v)
    if isinstance(population.neuron, CorrectingIntegrateFire):
        back = (before < -ROUNDING) & (net > 0)
        return np.where(back, v + 1, v), up.astype(float) - back
    slope = getattr(population.neuron, "slope", None)
    if slope is None:
        return v, up.astype(float)
    down = v <= -1 / slope + ROUNDING
    return np.where(down, v + 1 / slope, v), up.astype(float) - down


def _ended(population, v, step):
    """Floor, hold and forgetting at the end of a step."""
    neuron = population.neuron
    if neuron.V_min is not None:
        v = np.maximum(v, float((neuron.V_min - neuron.E_L) / (neuron.V_th - neuron.E_L)))
    if step < population.hold:
        v = np.full_like(v, population.initial)
    return np.zeros_like(v) if population.memoryless else v
