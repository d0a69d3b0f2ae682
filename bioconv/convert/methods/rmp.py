"""Spike-Norm's thresholds, lowered, with a reset that keeps what is left."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.convert.methods.spike_norm import checked_steps, sequential
from bioconv.errors import ConversionError


@dataclass(frozen=True, kw_only=True)
class RMP(Method):
    """Residual membrane potential neurons: reset by subtraction, thresholds ``alpha`` times the peak.

    What exceeds the threshold stays for the next step, so the rate is linear in the input up to one
    spike a step and thresholds may be lower than the largest input. Smaller ``alpha`` answers
    sooner and cuts off more. Choose it for deep networks without biases.

    Attributes
    ----------
    alpha : float
        Above 0 and at most 1.
    n_steps : int
        Of every calibration image.

    References
    ----------
    Han, Srinivasan & Roy (2020), CVPR, arXiv 2003.01811.
    """

    alpha: float = 0.8
    n_steps: int = 200
    looks = "spikes"

    def __post_init__(self):
        checked_steps(self, self.n_steps)
        if not 0 < self.alpha <= 1:
            raise ConversionError(f"RMP: alpha is {self.alpha!r}; give more than 0 and at most 1")

    def scales(self, evidence):
        return sequential(evidence, self.n_steps, self.alpha)
