"""Torch modules for training with what the spiking network will do: the only part of learning that
imports torch.

A network that was trained with the limits of its neurons loses less when it is converted: activations
that saturate, that come in steps, or that are the rate of the neuron itself; few bits or signs for weights.
:func:`bioconv.read` takes every module of this package. Where a function has no useful gradient, a
stand-in's is used (:mod:`bioconv.learn.gradient.straight_through`).

>>> from torch import nn
>>> from bioconv.learn import gradient
>>> model = nn.Sequential(nn.Linear(784, 300), gradient.ClippedReLU(), nn.Linear(300, 10))
>>> model = gradient.constrained(model, gradient.QuantizedWeight(bits=4))
>>> gradient.tailored(trained_elsewhere)              # no biases, no max-pooling, no tanh

Networks that spike while they are trained are :class:`Unrolled` layers and neurons; :func:`fit` trains them,
and :func:`bioconv.to_brian` takes them as they are:

>>> net = gradient.Unrolled(
...     nn.Flatten(), nn.Linear(784, 400), gradient.IterativeLIF(), nn.Linear(400, 10), gradient.IterativeLIF(), steps=10)
>>> gradient.fit(net, images, labels, gradient.Recipe(loss=gradient.rate_mse, epochs=5), checkpoint="net.pt")
>>> model = bioconv.to_brian(net, input_shape=(1, 28, 28), encoder="constant")

:class:`Settled` networks of :class:`SpikeGrad` neurons are integers, forward and backward, trained the same way.
"""

from bioconv.errors import MissingDependencyError

try:
    import torch  # noqa: F401
except ImportError as problem:
    raise MissingDependencyError(
        'training needs PyTorch: pip install "bioconv[torch]"'
    ) from problem

from bioconv.learn.gradient.activity import Activity, activity
from bioconv.learn.gradient.clipped import ClippedReLU
from bioconv.learn.gradient.fitting import Fitted, Recipe, accuracy, fit, predictions
from bioconv.learn.gradient.losses import (
    count_mse,
    potential_cross_entropy,
    rate_mse,
    step_mse,
    train_mse,
    van_rossum,
)
from bioconv.learn.gradient.neurons import IF, PLIF, STDB, Accumulator, IterativeLIF, SpikingNeuron
from bioconv.learn.gradient.noise import ActivationNoise
from bioconv.learn.gradient.pooling import SumPool2d
from bioconv.learn.gradient.quantized import QuantizedReLU
from bioconv.learn.gradient.soft_lif import SoftLIF
from bioconv.learn.gradient.spikegrad import Settled, SpikeGrad
from bioconv.learn.gradient.step import Step
from bioconv.learn.gradient.straight_through import straight_through
from bioconv.learn.gradient.surrogates import SURROGATES, Surrogate
from bioconv.learn.gradient.tailoring import tailored
from bioconv.learn.gradient.tssl import TSSL, LowPass, Scaled
from bioconv.learn.gradient.unrolled import Unrolled, Voting, predicted
from bioconv.learn.gradient.weights import (
    BinaryWeight,
    NonNegativeWeight,
    QuantizedWeight,
    constrained,
)

__all__ = [
    "IF", "PLIF", "STDB", "SURROGATES", "TSSL", "Accumulator", "ActivationNoise", "Activity", "BinaryWeight",
    "ClippedReLU", "Fitted", "IterativeLIF", "LowPass", "NonNegativeWeight", "QuantizedReLU", "QuantizedWeight", "Recipe",
    "Scaled", "Settled", "SoftLIF", "SpikeGrad", "SpikingNeuron", "Step", "SumPool2d", "Surrogate", "Unrolled", "Voting",
    "accuracy", "activity", "constrained", "count_mse", "fit", "potential_cross_entropy", "predicted", "predictions",
    "rate_mse", "step_mse", "straight_through", "tailored", "train_mse", "van_rossum",
]  # fmt: skip
