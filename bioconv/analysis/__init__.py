"""From a :class:`bioconv.Result` to numbers. Needs numpy alone: no Brian2, no matplotlib."""

from bioconv.analysis.agreement import agreement, confusion, wilson_interval
from bioconv.analysis.cost import (
    FLOAT_45NM,
    INTEGER_45NM,
    Energy,
    Operations,
    Technology,
    ann_operations,
    energy,
    operations,
    spikes_per_neuron,
    synaptic_events,
)
from bioconv.analysis.curves import Curves, area_under, curves, decision_steps
from bioconv.analysis.diagnosis import (
    Advice,
    Diagnosis,
    LayerDiagnosis,
    Trial,
    Verdict,
    diagnosed,
)
from bioconv.analysis.mapping import WeightFault, weight_fault
from bioconv.analysis.membrane import (
    Intervals,
    Residual,
    dead_units,
    excess_input,
    input_current,
    interval_statistics,
    residual_potential,
    residual_potentials,
    steps_to_accuracy,
    t_95,
)
from bioconv.analysis.parts import Parts, error_parts
from bioconv.analysis.rates import Errors, LayerError, rate_and_activation, rate_errors
from bioconv.analysis.trains import fano_factor, spike_times, van_rossum, victor_purpura

__all__ = [
    "FLOAT_45NM", "INTEGER_45NM", "Advice", "Curves", "Diagnosis", "Energy", "Errors",
    "Intervals", "LayerDiagnosis", "LayerError", "Operations", "Parts", "Residual", "Technology",
    "Trial", "Verdict", "WeightFault", "agreement", "ann_operations", "area_under", "confusion",
    "curves", "dead_units", "decision_steps", "diagnosed", "energy", "error_parts",
    "excess_input", "fano_factor", "input_current", "interval_statistics", "operations", "rate_and_activation",
    "rate_errors", "residual_potential", "residual_potentials", "spike_times",
    "spikes_per_neuron", "steps_to_accuracy", "synaptic_events", "t_95", "van_rossum",
    "victor_purpura", "weight_fault", "wilson_interval",
]  # fmt: skip
