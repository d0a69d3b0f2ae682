"""Thresholds from the spikes that the network itself sends."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.errors import ConversionError


def sequential(evidence, n_steps: int, alpha: float = 1.0) -> dict:
    """Scales layer by layer: what one step brings at most, with all layers before at their scales."""
    scales: dict[str, float] = {}
    for planned in evidence.plan.populations:
        if planned.follows:
            scales[planned.name] = scales[planned.follows]
        else:
            scales[planned.name] = alpha * evidence.peak(scales, planned.name, n_steps)
    return scales


def checked_steps(owner: Method, n_steps: int) -> None:
    if not isinstance(n_steps, int) or isinstance(n_steps, bool) or n_steps < 1:
        raise ConversionError(
            f"{type(owner).__name__}: n_steps is {n_steps!r}; give an integer of at least 1"
        )


@dataclass(frozen=True, kw_only=True)
class SpikeNorm(Method):
    """The threshold of a layer is the largest input that its spiking sources ever send in one step.

    Largest activations underestimate it: two inputs at rates 0.5 and 1 sum up to 1.5, but in some
    steps both spike. The layers are calibrated one after another, each with the spikes of those before
    it, in Brian2. No input is ever cut off; the price is thresholds that grow with ``n_steps`` and the
    number of images, so long presentations. Choose it for deep networks without biases.

    Attributes
    ----------
    n_steps : int
        Of every calibration image.

    References
    ----------
    Sengupta et al. (2019), Front. Neurosci. 13:95.
    """

    n_steps: int = 200
    looks = "spikes"
    reset = "zero"

    def __post_init__(self):
        checked_steps(self, self.n_steps)

    def scales(self, evidence):
        return sequential(evidence, self.n_steps)
