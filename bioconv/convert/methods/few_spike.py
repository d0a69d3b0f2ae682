"""Activations as binary numbers: a few spikes, each worth half the one before."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.convert.methods.percentile import checked_percentile, percentile_scales


@dataclass(frozen=True, kw_only=True)
class FewSpike(Method):
    """Neurons whose threshold, reset and weight halve from step to step.

    A layer waits until those before it have sent all their spikes, then sends its own in
    ``K`` steps, the digits of its activation after the binary point: ``K = 8`` steps code 256
    values. Fewest spikes and steps for the accuracy of the trained network; the answer comes after
    one presentation's length per layer. Rectifiers only; neurons are ``neuron="few_spike"``.

    Attributes
    ----------
    percentile : float
        Of the activations; what is larger saturates.

    References
    ----------
    Stoeckl & Maass (2021), Nat. Mach. Intell. 3:230.
    """

    percentile: float = 100.0
    neuron = "few_spike"
    readout = "potential"

    def __post_init__(self):
        checked_percentile(self, self.percentile)

    def scales(self, evidence):
        return percentile_scales(evidence, self.percentile)
