"""From a :class:`bioconv.Result` to numbers. Needs numpy alone: no Brian2, no matplotlib."""

from bioconv.analysis.agreement import agreement, confusion, wilson_interval
from bioconv.analysis.cost import spikes_per_neuron, synaptic_events
from bioconv.analysis.membrane import (
    Intervals,
    Residual,
    interval_statistics,
    residual_potential,
    steps_to_accuracy,
    t_95,
)
from bioconv.analysis.rates import LayerError, rate_and_activation, rate_errors

__all__ = [
    "Intervals", "LayerError", "Residual", "agreement", "confusion", "interval_statistics",
    "rate_and_activation", "rate_errors", "residual_potential", "spikes_per_neuron",
    "steps_to_accuracy", "synaptic_events", "t_95", "wilson_interval",
]  # fmt: skip
