"""SpikeGrad: spikes with a sign forward, spikes with a sign backward, trained as a network of integers.

A spike is +1 or takes one back, so what a neuron has sent in the end does not depend on the order of events::

    forward    n = max(0, floor((W n_below + begin)/threshold))
    outputs    z = trunc(alpha dL/dv / error_threshold)            v, their potentials; L, the loss of one sample
    backward   z = trunc(W^T z_above / error_threshold) [n > 0]
    weights    the gradient is z n_below, summed over the batch

These integers are what the events add up to, forward and backward; autograd computes them, and an optimizer of
torch makes the step. :func:`bioconv.to_brian` makes the network of the forward events.

References
----------
Thiele, Bichler & Dupret (2020), ICLR, arXiv 1906.00851; the rule for spikes that are taken back is one that does not
depend on the order of events.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from bioconv.errors import ParameterError
from bioconv.learn.gradient.fitting import Recipe
from bioconv.learn.gradient.losses import potential_cross_entropy
from bioconv.learn.gradient.neurons import Accumulator
from bioconv.learn.gradient.parameters import number, whole
from bioconv.learn.gradient.pooling import SumPool2d

Keep = Callable[[torch.Tensor], None]


class _Counts(torch.autograd.Function):
    """Counts of spikes forward, of errors backward."""

    @staticmethod
    def forward(
        ctx: Any, v: torch.Tensor, threshold: float, error_threshold: float, keep: Keep
    ) -> torch.Tensor:
        n = torch.floor(v / threshold).clamp(min=0)
        ctx.save_for_backward(n > 0)
        ctx.error_threshold, ctx.keep = error_threshold, keep
        return n

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        z = torch.trunc(gradients[0] / ctx.error_threshold) * ctx.saved_tensors[0]
        ctx.keep(z)
        return z, None, None, None


class _Errors(torch.autograd.Function):
    """Nothing forward; backward the error counts of the outputs, for a loss that is a mean over samples."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, factor: float, keep: Keep) -> torch.Tensor:
        ctx.factor, ctx.keep = factor, keep
        return v.view_as(v)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        z = torch.trunc(ctx.factor * len(gradients[0]) * gradients[0])
        ctx.keep(z)
        return z, None, None


class SpikeGrad(nn.Module):
    """Neurons of a :class:`Settled` network: counts for what arrives in all.

    Parameters
    ----------
    threshold : float
        Of the potential.
    error_threshold : float
        Of the errors.
    channels : int, optional
        Gives every channel a potential at the begin that is trained; a bias that counts once.

    Attributes
    ----------
    errors : (n, *shape) tensor or None
        Error counts of the last backward pass.
    """

    def __init__(
        self, threshold: float = 1.0, error_threshold: float = 1.0, channels: int | None = None
    ):
        super().__init__()
        self.threshold = number("SpikeGrad", "threshold", threshold)
        self.error_threshold = number("SpikeGrad", "error_threshold", error_threshold)
        self.begin = (
            None
            if channels is None
            else nn.Parameter(torch.zeros(whole("SpikeGrad", "channels", channels, 1)))
        )
        self.errors: torch.Tensor | None = None

    def forward(self, drive: torch.Tensor) -> torch.Tensor:
        if self.begin is not None:
            drive = drive + self.begin.reshape(-1, *[1] * (drive.ndim - 2))
        return _Counts.apply(drive, self.threshold, self.error_threshold, self._keep)

    def _keep(self, errors: torch.Tensor) -> None:
        self.errors = errors

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}, error_threshold={self.error_threshold:g}"


#: What may stand in a :class:`Settled` network.
LAYERS = (nn.Linear, nn.Conv2d, nn.AvgPool2d, SumPool2d, nn.Flatten, SpikeGrad)


class Settled(nn.Sequential):
    """Linear layers and :class:`SpikeGrad` neurons, seen when no event is left; the outputs answer by potential.

    An image arrives once. Its loss must be a mean over samples, as those of :mod:`bioconv.learn.gradient.losses`.

    Parameters
    ----------
    *layers : torch.nn.Module
        Of ``LAYERS``, without biases: those of neurons are SpikeGrad's ``channels``. The last one is linear.
    alpha : float
        Factor of the loss gradient. With one that is too small all errors are rounded to zero.
    error_threshold : float
        Of the errors of the outputs.

    Attributes
    ----------
    output_errors : (n, classes) tensor or None
        Error counts of the last backward pass.

    Raises
    ------
    ParameterError
        If a layer cannot be settled: it is not linear, or has a bias.
    """

    def __init__(self, *layers: nn.Module, alpha: float = 100.0, error_threshold: float = 1.0):
        for place, layer in enumerate(layers):
            _check(place, layer)
        if not layers or not isinstance(layers[-1], nn.Linear):
            raise ParameterError("Settled: the last layer must be Linear, whose potentials answer")
        super().__init__(*layers)
        self.alpha = number("Settled", "alpha", alpha)
        self.error_threshold = number("Settled", "error_threshold", error_threshold)
        self.output_errors: torch.Tensor | None = None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(1, n, classes) potentials in the end, for (n, *shape) images."""
        x = super().forward(images)
        return _Errors.apply(x, self.alpha / self.error_threshold, self._keep).unsqueeze(0)

    def _keep(self, errors: torch.Tensor) -> None:
        self.output_errors = errors

    @torch.no_grad()
    def counts(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """{neurons: (n, *shape) counts} for (n, *shape) images."""
        found: dict[str, torch.Tensor] = {}
        x = images
        for layer in self:
            x = layer(x)
            if isinstance(layer, SpikeGrad):
                found[f"SpikeGrad{len(found) + 1}"] = x
        return found

    def errors(self) -> dict[str, torch.Tensor]:
        """{neurons: (n, *shape) error counts} of the last backward pass, from below; ``"output"`` is the last.

        Raises
        ------
        ParameterError
            If no backward pass has been made.
        """
        neurons = [layer for layer in self if isinstance(layer, SpikeGrad)]
        kept = [*(neuron.errors for neuron in neurons), self.output_errors]
        names = [*(f"SpikeGrad{n + 1}" for n in range(len(neurons))), "output"]
        found = {name: z for name, z in zip(names, kept, strict=True) if z is not None}
        if len(found) < len(names):
            raise ParameterError(
                "Settled: there are no errors yet; call backward() of a loss of its outputs"
            )
        return found

    def spiking(self) -> tuple[nn.Module, ...]:
        """The modules that events go through, one after another."""
        return (*self, Accumulator())

    def extra_repr(self) -> str:
        return f"alpha={self.alpha:g}, error_threshold={self.error_threshold:g}"


def _check(place: int, layer: nn.Module) -> None:
    kind = type(layer).__name__
    if not isinstance(layer, LAYERS):
        raise ParameterError(
            f"Settled: layer {place} is {kind}; it can be {', '.join(k.__name__ for k in LAYERS)}"
        )
    if getattr(layer, "bias", None) is not None:
        raise ParameterError(
            f"Settled: layer {place} ({kind}) has a bias, which would arrive in every step. Use bias=False and "
            "give the neurons behind it theirs: SpikeGrad(channels=...)"
        )


def network(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    classes: int = 10,
    maps: tuple[int, int] = (12, 64),
    thresholds: Sequence[float] = (0.05, 0.25),
    error_threshold: float = 0.1,
    alpha: float = 100.0,
) -> Settled:
    """Twice conv-5 and averages of 2, and a dense layer; no biases.

    Parameters
    ----------
    thresholds : (first, second)
        A smaller one lets a neuron count further.
    error_threshold : float
        Of both layers of neurons, whose errors are small.
    """
    channels, rows, columns = shape
    left = [((size - 4) // 2 - 4) // 2 for size in (rows, columns)]
    if min(left) < 1:
        raise ParameterError(f"network: nothing is left of {rows} x {columns} pixels")
    first, second = (SpikeGrad(threshold, error_threshold) for threshold in thresholds)
    return Settled(
        nn.Conv2d(channels, maps[0], 5, bias=False), first, nn.AvgPool2d(2),
        nn.Conv2d(maps[0], maps[1], 5, bias=False), second, nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(maps[1] * left[0] * left[1], classes, bias=False), alpha=alpha,
    )  # fmt: skip


def recipe(*, epochs: int = 12, seed: int = 0, validation: float = 0.0) -> Recipe:
    """Adam at 4e-3 with a cosine; cross-entropy of the potentials."""
    return Recipe(
        loss=potential_cross_entropy, epochs=epochs, seed=seed, validation=validation,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=4e-3),
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
    )  # fmt: skip
