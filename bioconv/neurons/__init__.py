"""Neurons and synapses as equation text."""

from bioconv.neurons import trained
from bioconv.neurons.discrete import UNIT, Discrete, discrete_text
from bioconv.neurons.models import (
    IF,
    LIF,
    SIGNED,
    CorrectingIntegrateFire,
    FewSpike,
    IntegrateFire,
    LeakyIntegrateFire,
    Neuron,
    PeakInput,
    SignedIntegrateFire,
    soft_lif_neuron,
)
from bioconv.neurons.names import NEURONS, neuron_named
from bioconv.neurons.noise import Noise
from bioconv.neurons.rich import (
    AdaptiveLeakyIntegrateFire,
    ExponentialIntegrateFire,
    HodgkinHuxley,
    Izhikevich,
)
from bioconv.neurons.synapses import (
    SYNAPSES,
    Alpha,
    Delta,
    DoubleExponential,
    Exponential,
    ExponentialConductance,
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
    "AdaptiveLeakyIntegrateFire",
    "Alpha",
    "CorrectingIntegrateFire",
    "Delta",
    "Discrete",
    "DoubleExponential",
    "Exponential",
    "ExponentialConductance",
    "ExponentialIntegrateFire",
    "FewSpike",
    "HodgkinHuxley",
    "IntegrateFire",
    "Izhikevich",
    "LeakyIntegrateFire",
    "Neuron",
    "NeuronText",
    "Noise",
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
