"""How much a network will spike, as a loss: the sum of its activations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from bioconv.errors import ParameterError
from bioconv.learn.gradient.clipped import ClippedReLU
from bioconv.learn.gradient.quantized import QuantizedReLU
from bioconv.learn.gradient.soft_lif import SoftLIF
from bioconv.learn.gradient.step import Step

#: Modules whose output neurons will code with spikes.
SPIKING = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardtanh, ClippedReLU, QuantizedReLU, SoftLIF, Step,
)  # fmt: skip


class Activity:
    """What the activations of the last forward pass add up to.

    Attributes
    ----------
    outputs : list of tensor
        Of every activation, in the order of their calls.
    """

    def __init__(self) -> None:
        self.outputs: list[torch.Tensor] = []

    def total(self) -> torch.Tensor:
        """Sum over layers and neurons of the size of the activations, the mean over samples."""
        if not self.outputs:
            raise ParameterError("activity: nothing has run yet; pass a batch through the module")
        return torch.stack([y.abs().sum() / len(y) for y in self.outputs]).sum()


@contextmanager
def activity(module: nn.Module) -> Iterator[Activity]:
    """Collect the activations of ``module`` inside the block, for a penalty on spikes.

    Activations written as functions (``F.relu``) are not seen.

    >>> with activity(model) as active:
    ...     for images, labels in batches:
    ...         loss = cross_entropy(model(images), labels) + 1e-4 * active.total()

    Raises
    ------
    ParameterError
        If the module has no activation of a kind in ``SPIKING``.
    """
    found = [part for part in module.modules() if isinstance(part, SPIKING)]
    if not found:
        raise ParameterError(
            "activity: the module holds no activation; those that count are "
            + ", ".join(kind.__name__ for kind in SPIKING)
        )
    collected = Activity()
    hooks = [module.register_forward_pre_hook(lambda part, given: collected.outputs.clear())]
    hooks += [
        part.register_forward_hook(lambda part, given, output: collected.outputs.append(output))
        for part in found
    ]
    try:
        yield collected
    finally:
        for hook in hooks:
            hook.remove()
