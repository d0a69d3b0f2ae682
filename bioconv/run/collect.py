"""From Brian2's monitors to arrays by sample."""

from typing import Any

import numpy as np
from brian2 import Quantity

from bioconv.build import Built, Watch
from bioconv.neurons.text import in_thresholds
from bioconv.result import Spikes, Traces


def collected(
    built: Built, watch: Watch, shapes: dict[str, tuple[int, ...]], begin: Quantity, n_samples: int
) -> dict[str, Any]:
    """Fields of a :class:`bioconv.Result` for the first ``n_samples`` of a run that began at ``begin``."""
    counts = {
        name: _ends(built, watch, name, "count").astype(np.int32)[:n_samples]
        for name in built.groups
    }
    text = built.texts[built.output]
    potentials = in_thresholds(text, _ends(built, watch, built.output, "v"))
    first = round(float(begin / built.dt))
    return {
        "counts": {name: array.reshape(n_samples, *shapes[name]) for name, array in counts.items()},
        "potentials": potentials[:n_samples],
        "spikes": {
            name: _spikes(built, monitor, name, first, n_samples)
            for name, monitor in watch.spikes.items()
        },
        "traces": {
            name: _traces(built, monitor, name, n_samples) for name, monitor in watch.traces.items()
        },
    }


def _ends(built: Built, watch: Watch, name: str, variable: str) -> np.ndarray:
    """(samples, neurons) values at the end of every presentation."""
    group, monitor = built.groups[name], watch.ends[name]
    if variable not in group.variables:
        return np.zeros((built.samples, len(group) // built.replicas))
    before = np.asarray(getattr(monitor, f"{variable}_"))[:, 1:]
    last = np.asarray(getattr(group, f"{variable}_")[:])[:, None]
    values = np.concatenate([before, last], axis=1)
    samples = values.reshape(built.replicas, -1, built.presentations).transpose(2, 0, 1)
    return samples.reshape(built.samples, -1)[:, np.argsort(built.orders[name])]


def _spikes(built: Built, monitor: Any, name: str, first: int, n_samples: int) -> Spikes:
    size = len(built.groups[name]) // built.replicas
    step = np.rint(np.asarray(monitor.t_[:]) / float(built.dt)).astype(np.int64) - first
    index = np.asarray(monitor.i[:], dtype=np.int64)
    sample = step // built.schedule.period * built.replicas + index // size
    here = sample < n_samples
    return Spikes(
        sample=sample[here],
        neuron=built.orders[name][index % size][here],
        step=(step % built.schedule.period - built.schedule.onsets[name])[here],
    )


def _traces(built: Built, monitor: Any, name: str, n_samples: int) -> Traces:
    onset, period = built.schedule.onsets[name], built.schedule.period
    # a copy: the monitor's memory goes with the monitor
    every = np.array(monitor.v_).reshape(built.replicas, -1, built.presentations, period)
    values = every.transpose(2, 0, 3, 1)[:, :, onset : onset + built.n_steps]
    constants = built.texts[name].constants
    size = len(built.groups[name]) // built.replicas
    neurons = built.orders[name][np.asarray(monitor.record)[: every.shape[1]] % size]
    return Traces(
        neurons=neurons,
        values=values.reshape(built.samples, built.n_steps, -1)[:n_samples],
        rest=float(constants["E_L"]),
        threshold=float(constants["V_th"]),
    )
