"""Fields of a result that do not depend on what the network does: scales, times, where it comes from."""

import platform
from typing import Any

import brian2
import numpy as np

from bioconv.build import Settings, Stop, scheduled
from bioconv.graph import INPUT
from bioconv.spiking import SpikingNetwork
from bioconv.version import VERSION


def about(
    network: SpikingNetwork,
    settings: Settings,
    *,
    n_steps: int,
    replicas: int,
    first_sample: int,
    target: tuple[str, str],
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Fields of a :class:`bioconv.Result`; ``target`` is the device and why it was chosen."""
    stimulus, report = network.stimulus, network.report
    coded = {p.name: (p.scale, p.node, p.sign) for p in network.populations}
    if settings.encoder.spikes:
        coded = {stimulus.name: (stimulus.scale, INPUT, 1), **coded}
    schedule = scheduled(network, settings.propagation, n_steps, settings.encoder.spikes)
    return {
        "output": network.output,
        "n_steps": n_steps,
        "dt": float(settings.dt),
        "max_rate": float(settings.max_rate),
        "scales": {name: np.asarray(scale).tolist() for name, (scale, _, _) in coded.items()},
        "silent": tuple(p.name for p in network.populations if not p.spiking),
        "nodes": {name: node for name, (_, node, _) in coded.items()},
        "signs": {name: sign for name, (_, _, sign) in coded.items()},
        "onsets": {name: schedule.onsets[name] for name in coded},
        "provenance": {
            "bioconv": VERSION,
            "brian2": brian2.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "device": target[0],
            "device_reason": target[1],
            "batch_size": replicas,
            "first_sample": first_sample,
            "seed": settings.seed,
            "stop": None if stop is None else str(stop),
            "encoder": type(settings.encoder).__name__,
            "propagation": settings.propagation,
            "units": settings.units.name,
            "projections": settings.projections,
            "precision": settings.precision,
            "method": getattr(report, "method", None),
            "notes": list(getattr(report, "notes", ())),
        },
    }
