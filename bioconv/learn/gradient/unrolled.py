"""A network in time: layers one after another, all steps of a layer before the next."""

import torch
from torch import nn

from bioconv.errors import ParameterError
from bioconv.learn.gradient.neurons import OverTime, SpikingNeuron
from bioconv.learn.gradient.parameters import whole
from bioconv.learn.gradient.pooling import SumPool2d

CODES = ("direct", "bernoulli")
#: Layers that take the steps one by one on a processor, which has to fetch new memory for every tensor of more than 32 MB.
STEPWISE = (
    nn.modules.conv._ConvNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._MaxPoolNd, SumPool2d, nn.Flatten,
)  # fmt: skip


class Unrolled(nn.Sequential):
    """Layers of torch and neurons, shown a sample for a number of steps.

    Neurons, convolutions and pooling go through the steps; other layers, batch normalisation with them, see all steps
    as one large batch. What stands before the first neuron sees a constant image once. A dropout layer silences the same neurons in all steps of a sample.

    Parameters
    ----------
    *layers : torch.nn.Module
    steps : int
    code : {"direct", "bernoulli"}
        The image itself in every step, or zeros and ones with the pixels, 0 to 1, as their probabilities.
    """

    def __init__(self, *layers: nn.Module, steps: int, code: str = "direct"):
        super().__init__(*layers)
        self.steps = whole("Unrolled", "steps", steps, 1)
        if code not in CODES:
            raise ParameterError(f"Unrolled: code is {code!r}; choose one of {', '.join(CODES)}")
        self.code = code

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(steps, n, *shape) what the last layer sends on in every step, for (n, *shape) images."""
        frames = self._drawn(images) if self.code == "bernoulli" else [images]
        for layer in self:
            frames = self._sent(layer, frames)
        return torch.stack(frames).expand(self.steps, *frames[0].shape)

    def _sent(self, layer: nn.Module, frames: list[torch.Tensor]) -> list[torch.Tensor]:
        """What a layer makes of every step; of a single frame where all steps are the same."""
        if isinstance(layer, OverTime):
            return layer.unrolled(frames if len(frames) == self.steps else frames * self.steps)
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            kept = layer(torch.ones_like(frames[0]))
            return [frame * kept for frame in frames]
        if len(frames) == 1 or (isinstance(layer, STEPWISE) and frames[0].device.type == "cpu"):
            return [layer(frame) for frame in frames]
        return list(layer(torch.cat(frames)).chunk(len(frames)))

    def _drawn(self, images: torch.Tensor) -> list[torch.Tensor]:
        shape = (self.steps, *images.shape)
        drawn = torch.rand(shape, dtype=images.dtype, device=images.device)
        return list((drawn < images).to(images.dtype))

    @torch.no_grad()
    def trains(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """{neurons: (steps, n, *shape) spikes} for frames (steps, n, *shape), as an encoder sent them."""
        found, x, number = {}, frames, 0
        for layer in self:
            if isinstance(layer, SpikingNeuron):
                x, number = layer(x), number + 1
                found[f"{type(layer).__name__}{number}"] = x
            elif isinstance(layer, OverTime):
                x = layer(x)
            elif not isinstance(layer, nn.modules.dropout._DropoutNd):
                x = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return found

    def extra_repr(self) -> str:
        return f"steps={self.steps}, code={self.code!r}"


class Voting(nn.Module):
    """The mean over the neurons of every class, which lie side by side: ``(n, classes*votes)`` to ``(n, classes)``.

    :func:`bioconv.to_brian` counts the votes instead: its potentials are ``votes`` times what was sent.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int):
        super().__init__()
        self.classes = whole("Voting", "classes", classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.classes, -1)).mean(-1)

    def extra_repr(self) -> str:
        return f"classes={self.classes}"


def predicted(sent: torch.Tensor) -> torch.Tensor:
    """(n,) classes: the output that sent most over all steps; ``sent`` is (steps, n, classes).

    The first of those that differ by no more than a sum of so many terms may be off: means of votes are no whole
    numbers, and of two equal sums of them one comes out larger.
    """
    total = sent.sum(0)
    off = len(sent) * torch.finfo(sent.dtype).eps * sent.abs().sum(0).amax(-1, keepdim=True)
    return (total >= total.amax(-1, keepdim=True) - off).int().argmax(-1)
