"""Neurons and synapses as equation text."""

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
    "BIOPHYSICAL", "DIMENSIONLESS", "ESTIMATES", "IF", "LIF", "NEURONS", "SIGNED", "SYNAPSES", "Alpha",
    "CorrectingIntegrateFire", "Delta",
    "DoubleExponential", "Exponential", "FewSpike", "IntegrateFire", "LeakyIntegrateFire", "Neuron",
    "NeuronText", "PeakInput", "SignedIntegrateFire", "Synapse", "Units", "in_thresholds", "neuron_named",
    "neuron_text", "reset_named", "seconds", "soft_lif_neuron", "synapse_named", "units_named",
]  # fmt: skip
