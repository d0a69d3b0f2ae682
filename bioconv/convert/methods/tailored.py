"""Networks that were trained so that nothing has to be approximated."""

from dataclasses import dataclass

from bioconv.convert.methods.base import Method
from bioconv.graph import Activation, BatchNorm, MaxPool2d, Network, ReLU, Softmax, Weighted


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
        elif isinstance(layer, Activation) and not isinstance(layer, ReLU):
            found.append(f"{node.name}: {kind}; train with ReLU")
        elif isinstance(layer, Softmax) and node.name != network.output:
            found.append(f"{node.name}: Softmax inside a network; only the last layer may be one")
    return found
