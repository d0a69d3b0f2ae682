"""Rules of training by name: a network to begin with, and its recipe."""

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bioconv.errors import ParameterError
from bioconv.learn.gradient import hybrid, plif, spikegrad, stbp, tssl
from bioconv.learn.gradient.fitting import Recipe, fit
from bioconv.learn.gradient.nets import stacked
from bioconv.learn.gradient.neurons import PLIF, IterativeLIF
from bioconv.learn.gradient.spikegrad import Settled, SpikeGrad
from bioconv.learn.gradient.unrolled import Unrolled, Voting


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a training is asked for.

    Attributes
    ----------
    net : str or None
        Layers, as :mod:`bioconv.learn.gradient.nets` reads them; those of the rule unless given.
    steps, epochs, seed : int
    validation : float
    progress : bool
    """

    net: str | None
    steps: int
    epochs: int
    seed: int = 0
    validation: float = 0.0
    progress: bool = False


def _stbp(asked: Asked, images: Any, labels: Any) -> Unrolled:
    if asked.net is None:
        return stbp.network(steps=asked.steps)
    return Unrolled(*stacked(asked.net, IterativeLIF), steps=asked.steps, code="bernoulli")


def _neunorm(asked: Asked, images: Any, labels: Any) -> Unrolled:
    if asked.net is not None:
        raise ParameterError("stbp-neunorm has a network of its own; leave out --net")
    return stbp.network(steps=asked.steps, normalised=True)


def _plif(asked: Asked, images: Any, labels: Any) -> Unrolled:
    if asked.net is None:
        return plif.network(steps=asked.steps)
    return Unrolled(*stacked(asked.net, PLIF, outputs=100), Voting(10), steps=asked.steps)


def _tssl(asked: Asked, images: Any, labels: Any) -> Unrolled:
    net = "400-400" if asked.net is None else asked.net
    if not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", net):
        raise ParameterError(f"net {net!r}: tssl takes neurons alone here, as 400-400")
    hidden = tuple(int(n) for n in net.split("-"))
    return tssl.network((1, 28, 28), hidden=hidden, steps=asked.steps)


def _hybrid(asked: Asked, images: Any, labels: Any) -> Unrolled:
    """Rectifiers first, as a network of a single step."""
    net = "12c5-a2-64c5-a2" if asked.net is None else asked.net
    layers = stacked(net, nn.ReLU, bias=False, last=nn.Identity)[:-1]
    recipe = hybrid.rectifiers(epochs=asked.epochs, seed=asked.seed)
    fit(Unrolled(*layers, steps=1), images, labels, recipe, progress=asked.progress)
    return hybrid.converted(nn.Sequential(*layers), images[:512], steps=asked.steps)


def _spikegrad(asked: Asked, images: Any, labels: Any) -> Settled:
    if asked.net is None:
        return spikegrad.network()
    layers = stacked(asked.net, lambda: SpikeGrad(0.1, 0.1), bias=False, last=nn.Identity)
    return Settled(*layers[:-1])


#: {name: (function that makes the network, function that makes the recipe)}. A new rule joins here.
RULES: dict[str, tuple[Any, Any]] = {
    "stbp": (_stbp, stbp.recipe),
    "stbp-neunorm": (_neunorm, stbp.recipe),
    "plif": (_plif, plif.recipe),
    "tssl": (_tssl, tssl.recipe),
    "hybrid": (_hybrid, hybrid.recipe),
    "spikegrad": (_spikegrad, spikegrad.recipe),
}


def prepared(
    name: str, asked: Asked, images: Any, labels: Any
) -> tuple[Unrolled | Settled, Recipe]:
    """The network before training, drawn with the seed, and how it is trained.

    Parameters
    ----------
    name : str
        A key of :data:`RULES`.
    images : (n, 1, 28, 28) array
    labels : (n,) array
        Of the training set, for rules that begin with another training.
    """
    make, recipe = RULES[name]
    torch.manual_seed(asked.seed)
    module = make(asked, images, labels)
    return module, recipe(epochs=asked.epochs, seed=asked.seed, validation=asked.validation)
