"""The trained weights as they are."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method


@dataclass(frozen=True, kw_only=True)
class Unscaled(Method):
    """An activation of 1 is the top rate, in every layer; what is larger saturates.

    For networks that were trained for it (activations clipped at 1), and as the baseline that shows
    what normalisation is for.

    References
    ----------
    Cao, Chen & Khosla (2015), Int. J. Comput. Vis. 113:54.
    """

    looks = "weights"

    def scales(self, evidence):
        return {planned.name: 1.0 for planned in evidence.plan.populations}
