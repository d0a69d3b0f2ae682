"""What every normalisation method says: the activation of each population that the top rate stands for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bioconv.convert.trace import Plan

Scale = float | np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a method may look at.

    Attributes
    ----------
    plan : Plan
    activations : mapping, population -> (n_samples, *shape) array
        What the population is to code, never negative unless its neurons send negative spikes; empty
        without calibration data.
    input_range : (low, high)
        Of the images.
    peak : function of {population: scale} and a population's name
        Largest input that the population gets in one step, in units of the trained network, when the
        populations before it have these scales and calibration images are shown. It simulates.
    """

    plan: Plan
    activations: Mapping[str, np.ndarray]
    input_range: tuple[float, float]
    peak: Callable[[Mapping[str, Scale], str, int], float]


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A rule for the scale of every population.

    Attributes
    ----------
    looks : {"weights", "activations", "spikes"}
        What it needs to know; all but the weights ask for calibration images, spikes for a simulation.
    reset : {"subtract", "zero"}
        The reset of its paper, used unless the caller chooses one.
    initial : float or None
        Potential at which a presentation begins, in thresholds; None leaves it to the layers.
    neuron, readout : str or None
        What it needs, unless the caller chooses.
    gain : float
        Factor on weights and biases beyond their scales.
    """

    looks: ClassVar[str] = "activations"
    reset: ClassVar[str] = "subtract"
    initial: ClassVar[float | None] = None
    neuron: ClassVar[str | None] = None
    readout: ClassVar[str | None] = None

    @property
    def gain(self) -> float:
        return 1.0

    @abstractmethod
    def scales(self, evidence: Evidence) -> dict[str, Scale]:
        """{population: scale}, a number or one for each channel."""
