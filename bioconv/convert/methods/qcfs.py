"""Networks trained with quantised activations, and half a threshold to begin with."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.convert.methods.percentile import checked_percentile, percentile_scales


@dataclass(frozen=True, kw_only=True)
class QCFS(Method):
    """Start at half the threshold, so that spike counts are rounded instead of rounded down.

    A layer trained with ``QuantizedReLU(levels, maximum)`` computes what ``levels`` steps of such neurons
    count, and its maximum becomes the threshold; other layers take a percentile. Neurons take back
    spikes that early input caused and late input does not warrant (``neuron="correcting"``): without
    that, few steps are too few for deeper layers. Fastest of all for networks trained for it; for
    others it saves the steps that the first spikes take.

    Attributes
    ----------
    percentile : float
        Of layers that were not trained with a maximum of their own.

    References
    ----------
    Bu et al. (2022), ICLR: optimal ANN-SNN conversion, quantisation clip-floor-shift activation.
    Bu et al. (2022), AAAI: optimized potential initialization.
    Wang et al. (2022), IJCAI: signed neuron with memory.
    """

    percentile: float = 99.9
    initial = 0.5
    neuron = "correcting"

    def __post_init__(self):
        checked_percentile(self, self.percentile)

    def scales(self, evidence):
        return percentile_scales(evidence, self.percentile)
