"""What will spike: populations, the projections between them, and what drives them.

Everything here is in units of the threshold. An activation of ``scale`` is coded by ``max_rate``
spikes a second; one spike over a weight ``w`` moves the membrane by ``w`` thresholds; a bias ``b``
moves it by ``b max_rate`` thresholds a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import numpy as np

from bioconv.graph import Layer, MaxPool2d, Weighted, forward, output_shape
from bioconv.neurons import Delta, Discrete, Neuron, Synapse
from bioconv.neurons.plasticity import Rule

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stimulus:
    """What the network is shown.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Of one sample.
    low, high : float
        Range of the values; images outside are refused. Infinite ones stand for a network that takes values
        as they are.
    """

    shape: Shape
    low: float = 0.0
    high: float = 1.0
    name: str = "input"

    @property
    def scale(self) -> float:
        """The value that is coded by the maximal rate."""
        largest = max(abs(self.low), abs(self.high))
        return largest if isfinite(largest) else 1.0

    @classmethod
    def any(cls, shape: Shape) -> "Stimulus":
        """Values of any size, as they are."""
        return cls(shape=shape, low=-inf, high=inf)


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Neurons that share a model.

    Attributes
    ----------
    name : str
    shape : tuple of int
    node : str
        Layer of the trained network whose activation the rates code.
    neuron, synapse : records of :mod:`bioconv.neurons`
        A :class:`~bioconv.neurons.Discrete` neuron brings its own synapse and reset.
    reset : {"subtract", "zero"}
    bias : (*shape) array
        Constant drive: thresholds per spike interval at the maximal rate; of a discrete neuron, per step.
    scale : float or (channels,) array
        Activation that the maximal rate stands for.
    sign : {1, -1}
        -1 where the rates code the negative part of the layer's activation.
    spiking : bool
        False for a readout that only integrates; a discrete neuron says it itself.
    initial : float or "random"
        Potential at the begin of a presentation: distance from rest, in thresholds; by chance anywhere
        between rest and threshold, as in neurons that have been firing before.
    hold : int
        So many steps of a presentation are ignored: the potential is held where it began.
    memoryless : bool
        Whether every step begins at rest, as in a binary network.
    softmax : str
        Which spiking softmax reads out: a key of :data:`bioconv.build.softmax.SOFTMAX`, or empty.
    estimate : str
        How spikes are summed up for a max-pooling that chooses among these neurons: a key of
        :data:`bioconv.neurons.text.ESTIMATES`, or empty.
    spread : mapping, name -> (*shape) array
        Factors by which neurons differ from the parameters that they share: ``"V_th"`` for the distance of
        the threshold from rest, ``"tau_m"``.
    """

    name: str
    shape: Shape
    node: str
    neuron: Neuron | Discrete
    bias: np.ndarray
    synapse: Synapse = field(default_factory=Delta)
    reset: str = "zero"
    scale: float | np.ndarray = 1.0
    sign: int = 1
    spiking: bool = True
    initial: float | str = 0.0
    hold: int = 0
    memoryless: bool = False
    softmax: str = ""
    estimate: str = ""
    spread: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if isinstance(self.neuron, Discrete):
            object.__setattr__(self, "spiking", self.neuron.spiking)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def draws(self) -> bool:
        """Whether its neurons need random numbers."""
        noisy = isinstance(self.neuron, Neuron) and self.neuron.noise is not None
        return bool(self.softmax) or self.initial == "random" or noisy


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Who feeds whom with which weights: linear layers one after another, times ``gain``.

    Attributes
    ----------
    name : str
    source, target : str
        Names of populations; the source may be the stimulus.
    layers : tuple of Layer
        Linear, without biases; none stands for one-to-one. A single max-pooling stands for a gate: of
        the neurons of a window the one with the largest estimate sends on its spikes.
    shape : tuple of int
        Of the source.
    gain : float
    delay : int
        Steps that a spike waits. What a population sends to itself or to an earlier one arrives one step
        later than that.
    variable : str
        Of the target, what a spike adds to; empty for the one of its neuron.
    rule : Rule, optional
        By which its weights learn while samples are shown.
    total : float
        What the weights into a neuron are made to add up to before every sample; 0: they are not normalised.
    """

    name: str
    source: str
    target: str
    layers: tuple[Layer, ...]
    shape: Shape
    gain: float = 1.0
    delay: int = 0
    variable: str = ""
    rule: Rule | None = None
    total: float = 0.0

    @property
    def gates(self) -> bool:
        """Whether it is a max-pooling that chooses among spikes."""
        return any(isinstance(layer, MaxPool2d) for layer in self.layers)

    @property
    def target_shape(self) -> Shape:
        shape = self.shape
        for layer in self.layers:
            shape = output_shape(layer, shape)
        return shape

    def of(self, values: np.ndarray) -> np.ndarray:
        """(n_samples, *target_shape) sums for source values (n_samples, *shape)."""
        for layer in self.layers:
            values = forward(layer, values)
        return values * self.gain


@dataclass(frozen=True, kw_only=True, eq=False)
class SpikingNetwork:
    """Populations in topological order, and the projections between them, also back to earlier ones.

    Attributes
    ----------
    stimulus : Stimulus
    populations : tuple of Population
    projections : tuple of Projection
    output : str
        Name of the population that answers.
    report : Any
        How it came about: a :class:`bioconv.convert.Conversion`, or None.
    dt : float or None
        Seconds of the step that its neurons were made for, if they were; a model has no other.
    """

    stimulus: Stimulus
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    output: str
    report: Any = None
    dt: float | None = None
    depths: Mapping[str, int] = field(init=False)

    def __post_init__(self):
        depths = {self.stimulus.name: 0}
        for population in self.populations:
            sources = [p.source for p in self.incoming(population.name)]
            known = [depths[name] for name in sources if name in depths]
            depths[population.name] = 1 + max(known, default=0)
        object.__setattr__(self, "depths", depths)

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(
            f"no population {name!r}; the network has {', '.join(p.name for p in self.populations)}"
        )

    def incoming(self, name: str) -> tuple[Projection, ...]:
        """The projections that feed ``name``."""
        return tuple(p for p in self.projections if p.target == name)


def last_weight(layers: tuple[Layer, ...]) -> np.ndarray | None:
    """The weights of the last layer that has some."""
    weights = [layer.weight for layer in layers if isinstance(layer, Weighted)]
    return weights[-1] if weights else None
