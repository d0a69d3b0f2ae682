"""Hybrid training: a network of rectifiers becomes one of spikes, which a few epochs fit to few steps.

References
----------
Rathi, Srinivasan, Panda & Roy (2020), ICLR, arXiv 2005.01807; thresholds as in Sengupta, Ye, Wang, Liu & Roy (2019), Front.
Neurosci. 13:95.
"""

import copy
from typing import Any

import torch
from torch import nn

from bioconv.errors import ParameterError, UnsupportedLayerError
from bioconv.learn.gradient.fitting import Recipe, tensor
from bioconv.learn.gradient.losses import potential_cross_entropy
from bioconv.learn.gradient.neurons import STDB, Accumulator
from bioconv.learn.gradient.parameters import number, whole
from bioconv.learn.gradient.surrogates import SinceSpike, Surrogate
from bioconv.learn.gradient.unrolled import Unrolled

#: What may stand between the neurons.
_LINEAR = (nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.Flatten, nn.Dropout)


def converted(
    module: nn.Sequential,
    images: Any,
    *,
    steps: int,
    calibration_steps: int = 100,
    factor: float = 0.7,
    leak: float = 1.0,
    surrogate: Surrogate | None = None,
    seed: int = 0,
) -> Unrolled:
    """A copy of a trained network with spiking neurons for its rectifiers, and an output that adds up.

    Layer by layer, with the neurons before it running, the threshold is the largest input of a step,
    times ``factor``.

    Parameters
    ----------
    module : torch.nn.Sequential
        Linear layers and convolutions without biases, average pooling, dropout and ``nn.ReLU``; its last layer is linear.
    images : (n, *shape) array
        For the thresholds; 0 to 1, sent as coin flips.
    steps : int
        Of the network that results.
    calibration_steps : int
        Of the runs that find the thresholds.
    factor : float
        Below 1 neurons spike sooner and more often, which few steps need.
    leak : float
        Of the neurons, once the thresholds are found without.

    Raises
    ------
    UnsupportedLayerError
        If a layer has a bias or no form with spikes.
    ParameterError
        If the last layer is not linear, or a neuron would never get any input.
    """
    number("converted", "factor", factor)
    whole("converted", "calibration_steps", calibration_steps, 1)
    layers = list(copy.deepcopy(module).eval())
    for place, layer in enumerate(layers):
        _check(place, layer)
    if not layers or not isinstance(layers[-1], (nn.Linear, nn.Conv2d)):
        raise ParameterError("converted: the last layer must be a linear one, whose sums answer")
    chosen = SinceSpike() if surrogate is None else surrogate
    first = next(p for p in module.parameters())
    shown = tensor(images, first.dtype)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        x = Unrolled(nn.Identity(), steps=calibration_steps, code="bernoulli")(shown)
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.ReLU):
                layers[place] = STDB(_threshold(place, x) * factor, surrogate=chosen)
                x = layers[place](x)
            else:
                x = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    for layer in layers:
        if isinstance(layer, STDB):
            layer.leak = number("converted", "leak", leak, equal=True)
    return Unrolled(*layers, Accumulator(), steps=steps, code="bernoulli").train(module.training)


def _check(place: int, layer: nn.Module) -> None:
    if not isinstance(layer, (*_LINEAR, nn.ReLU)):
        known = ", ".join(kind.__name__ for kind in (*_LINEAR, nn.ReLU))
        raise UnsupportedLayerError(
            f"converted: layer {place}, {type(layer).__name__}, has no form with spikes here; those that have are {known}"
        )
    if getattr(layer, "bias", None) is not None:
        raise UnsupportedLayerError(
            f"converted: layer {place}, {type(layer).__name__}, has a bias; train with bias=False, or see gradient.tailored"
        )


def _threshold(place: int, drive: torch.Tensor) -> float:
    largest = float(drive.max())
    if not largest > 0:
        raise ParameterError(
            f"converted: no neuron of layer {place} gets positive input from these images; give others, or more steps"
        )
    return largest


def rectifiers(*, epochs: int = 10, seed: int = 0) -> Recipe:
    """For the network before: Adam at 2e-3 with a cosine, cross-entropy."""
    return Recipe(
        loss=potential_cross_entropy, epochs=epochs, seed=seed,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=2e-3),
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
    )  # fmt: skip


def recipe(*, epochs: int = 5, seed: int = 0, validation: float = 0.0) -> Recipe:
    """Adam at 1e-4 with weight decay 5e-4, a tenth at 60, 80 and 90 % of the epochs; cross-entropy of the potentials."""
    marks = sorted({max(1, round(part * epochs)) for part in (0.6, 0.8, 0.9)})
    return Recipe(
        loss=potential_cross_entropy, epochs=epochs, batch=64, seed=seed, validation=validation,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-4, weight_decay=5e-4, amsgrad=True),
        schedule=lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, marks),
    )  # fmt: skip
