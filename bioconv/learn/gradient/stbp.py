"""Spatio-temporal backpropagation: iterative LIF neurons, and a normalisation by neurons across feature maps.

References
----------
Wu, Deng, Li, Zhu & Shi (2018), Front. Neurosci. 12:331; Wu, Deng, Li, Zhu, Xie & Shi (2019), AAAI, arXiv 1809.05793. Values of the
network for MNIST are those of the authors' code.
"""

import torch
from torch import nn

from bioconv.learn.gradient.fitting import Recipe
from bioconv.learn.gradient.losses import rate_mse
from bioconv.learn.gradient.neurons import IterativeLIF, OverTime
from bioconv.learn.gradient.parameters import number, whole
from bioconv.learn.gradient.unrolled import Unrolled, Voting


class NeuNorm(OverTime):
    """Takes a running mean over all maps at a position away from every map's spikes.

    ``x = decay x + (1 - decay)/maps^2 sum of the maps' spikes``; ``o - gain x`` is sent on, with a gain for every map
    and position that is learnt.

    Parameters
    ----------
    shape : (maps, rows, columns)
    decay : float
    """

    def __init__(self, shape: tuple[int, int, int], decay: float = 0.9):
        super().__init__()
        self.decay = number("NeuNorm", "decay", decay, equal=True)
        self.gain = nn.Parameter(torch.full(tuple(shape), 1.0 / shape[0]))

    def begin(self, like):
        return torch.zeros_like(like[:, :1])

    def step(self, drive, state):
        mean = (1 - self.decay) / drive.shape[1] ** 2 * drive.sum(1, keepdim=True)
        state = self.decay * state + mean
        return drive - self.gain * state, state

    def extra_repr(self) -> str:
        return f"shape={tuple(self.gain.shape)}, decay={self.decay:g}"


def network(
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    classes: int = 10,
    votes: int = 1,
    maps: int = 32,
    hidden: int = 128,
    normalised: bool = False,
    steps: int = 20,
    code: str = "bernoulli",
) -> Unrolled:
    """conv-3, averages of 2, conv-3, averages of 2, ``hidden``, ``classes*votes``.

    Parameters
    ----------
    votes : int
        Neurons of a class, which vote.
    normalised : bool
        Whether the maps go through :class:`NeuNorm`.
    """
    whole("network", "votes", votes, 1)
    channels, rows, columns = shape
    half, quarter = (rows // 2, columns // 2), (rows // 4, columns // 4)
    norms = [NeuNorm((maps, *size)) for size in ((rows, columns), half)] if normalised else []
    layers = [
        nn.Conv2d(channels, maps, 3, padding=1), IterativeLIF(), *norms[:1], nn.AvgPool2d(2),
        nn.Conv2d(maps, maps, 3, padding=1), IterativeLIF(), *norms[1:], nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(maps * quarter[0] * quarter[1], hidden), IterativeLIF(),
        nn.Linear(hidden, classes * votes), IterativeLIF(),
    ]  # fmt: skip
    if votes > 1:
        layers.append(Voting(classes))
    return Unrolled(*layers, steps=steps, code=code)


def recipe(*, epochs: int = 20, seed: int = 0, validation: float = 0.0) -> Recipe:
    """Adam at 1e-3, a tenth of it in the last third; mean square error of the rates."""
    return Recipe(
        loss=rate_mse, epochs=epochs, batch=100, seed=seed, validation=validation,
        schedule=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, max(1, 2 * epochs // 3)),
    )  # fmt: skip
