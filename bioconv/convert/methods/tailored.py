"""Networks that were trained so that nothing has to be approximated."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.graph import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    Network,
    ReLU,
    Reshape,
    SumPool2d,
    Weighted,
    ZeroPad2d,
)

_PLAIN = (
    AvgPool2d, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, GlobalAvgPool, ReLU, Reshape, SumPool2d,
    ZeroPad2d,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tailored(Method):
    """Weights as they are, hard reset: for networks trained without biases and with average pooling.

    The first conversion that was published. Nothing is scaled, so an activation above 1
    saturates; :func:`violations` lists what in a trained network the method cannot represent.
    A rate of a third of a spike a step for a full pixel is ``encoder=Poisson(rate=1/(3*dt))``, a
    floor of the potential ``neuron=IF(V_min=...)``.

    References
    ----------
    Cao, Chen & Khosla (2015), Int. J. Comput. Vis. 113:54.
    """

    looks = "weights"
    reset = "zero"

    def scales(self, evidence):
        return {planned.name: 1.0 for planned in evidence.plan.populations}


def violations(network: Network) -> list[str]:
    """What in a trained network breaks the constraints of tailoring, one sentence each."""
    found = []
    for node in network.nodes:
        layer, kind = node.layer, type(node.layer).__name__
        if isinstance(layer, Weighted) and layer.bias is not None and layer.bias.any():
            found.append(f"{node.name}: {kind} has biases; train it without")
        elif isinstance(layer, BatchNorm):
            found.append(f"{node.name}: BatchNorm adds biases; train without it")
        elif isinstance(layer, MaxPool2d):
            found.append(f"{node.name}: MaxPool2d; train with AvgPool2d")
        elif not isinstance(layer, _PLAIN) and not isinstance(layer, Weighted):
            found.append(f"{node.name}: {kind}; use ReLU after every weighted layer")
    return found
