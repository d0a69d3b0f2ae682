"""Neurons and synapses as equation text."""

from bioconv.neurons.models import (
    IF,
    LIF,
    NEURONS,
    IntegrateFire,
    LeakyIntegrateFire,
    Neuron,
    neuron_named,
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
from bioconv.neurons.text import NeuronText, in_thresholds, neuron_text, reset_named
from bioconv.neurons.units import BIOPHYSICAL, DIMENSIONLESS, Units, units_named

__all__ = [
    "BIOPHYSICAL", "DIMENSIONLESS", "IF", "LIF", "NEURONS", "SYNAPSES", "Alpha", "Delta",
    "DoubleExponential", "Exponential", "IntegrateFire", "LeakyIntegrateFire", "Neuron",
    "NeuronText", "Synapse", "Units", "in_thresholds", "neuron_named", "neuron_text",
    "reset_named", "seconds", "synapse_named", "units_named",
]  # fmt: skip
