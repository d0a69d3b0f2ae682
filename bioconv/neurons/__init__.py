"""Neurons and synapses as equation text."""

from bioconv.neurons import trained
from bioconv.neurons.discrete import UNIT, Discrete, discrete_text
from bioconv.neurons.models import (
    IF,
    LIF,
    NEURONS,
    SIGNED,
    CorrectingIntegrateFire,
    FewSpike,
    IntegrateFire,
    LeakyIntegrateFire,
    Neuron,
    PeakInput,
    SignedIntegrateFire,
    neuron_named,
    soft_lif_neuron,
)
from bioconv.neurons.synapses import (
    SYNAPSES,
    Alpha,
    Delta,
    DoubleExponential,
    Exponential,
    Synapse,
    seconds,
    synapse_named,
)
from bioconv.neurons.text import ESTIMATES, NeuronText, in_thresholds, neuron_text, reset_named
from bioconv.neurons.units import BIOPHYSICAL, DIMENSIONLESS, Units, units_named

__all__ = [
    "BIOPHYSICAL",
    "DIMENSIONLESS",
    "ESTIMATES",
    "IF",
    "LIF",
    "NEURONS",
    "SIGNED",
    "SYNAPSES",
    "UNIT",
    "Alpha",
    "CorrectingIntegrateFire",
    "Delta",
    "Discrete",
    "DoubleExponential",
    "Exponential",
    "FewSpike",
    "IntegrateFire",
    "LeakyIntegrateFire",
    "Neuron",
    "NeuronText",
    "PeakInput",
    "SignedIntegrateFire",
    "Synapse",
    "Units",
    "discrete_text",
    "in_thresholds",
    "neuron_named",
    "neuron_text",
    "reset_named",
    "seconds",
    "soft_lif_neuron",
    "synapse_named",
    "trained",
    "units_named",
]  # fmt: skip
