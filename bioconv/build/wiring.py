"""Who is joined to whom in a model, and in which form: computed once, when it is asked for."""

from typing import Any

import numpy as np

from bioconv.build.settings import Settings
from bioconv.errors import ParameterError
from bioconv.graph import MaxPool2d
from bioconv.projections import Kind, gate_of, kind_of, order_of, path_matrix
from bioconv.spiking import Projection, SpikingNetwork

Shape = tuple[int, ...]


class Wiring:
    """Populations and projections of a spiking network under some settings."""

    def __init__(self, spiking: SpikingNetwork, settings: Settings):
        self.spiking, self.settings = spiking, settings
        self._matrices: dict[str, Any] = {}
        self._kinds: dict[str, Kind] = {}

    @property
    def layers(self) -> dict[str, Shape]:
        """{population: shape}, in topological order; with the input where it spikes."""
        first = {self.spiking.stimulus.name: self.spiking.stimulus.shape}
        rest = {p.name: p.shape for p in self.spiking.populations}
        return first | rest if self.settings.encoder.spikes else rest

    @property
    def sizes(self) -> dict[str, int]:
        return {name: int(np.prod(shape)) for name, shape in self.layers.items()}

    @property
    def silent(self) -> list[str]:
        """Populations that never spike."""
        return [p.name for p in self.spiking.populations if not p.spiking]

    @property
    def inputs(self) -> list[str]:
        """The input population, where there is one."""
        return [self.spiking.stimulus.name] if self.settings.encoder.spikes else []

    @property
    def projections(self) -> list[Projection]:
        """The projections that carry spikes."""
        return [p for p in self.spiking.projections if p.source in self.layers]

    @property
    def learning(self) -> list[str]:
        """The projections that learn."""
        return [p.name for p in self.projections if p.rule is not None]

    @property
    def explicit(self) -> bool:
        """Whether every synapse is an entry of its own."""
        return self.settings.projections == "explicit"

    @property
    def n_synapses(self) -> int:
        return sum(self.kind(p.name).n_synapses for p in self.projections)

    def projection(self, name: str) -> Projection:
        """The projection of this name.

        Raises
        ------
        ParameterError
            If there is none.
        """
        for projection in self.spiking.projections:
            if projection.name == name:
                return projection
        raise ParameterError(
            f"no projection {name!r}; the model has "
            f"{', '.join(p.name for p in self.spiking.projections)}"
        )

    def matrix(self, name: str) -> Any:
        """(n_post, n_pre) sparse matrix of a projection, in thresholds.

        Raises
        ------
        ParameterError
            If there is no such projection, or if it is a max-pooling, which no matrix describes.
        """
        if name not in self._matrices:
            path = self.projection(name)
            if path.gates:
                raise ParameterError(f"{name} chooses among spikes (max-pooling); it has no matrix")
            self._matrices[name] = path_matrix(path.layers, path.shape, path.gain)
        return self._matrices[name]

    def kind(self, name: str) -> Kind:
        """The form in which a projection's weights are stored once, in thresholds."""
        if name not in self._kinds:
            path = self.projection(name)
            if path.gates:
                layer = path.layers[0]
                assert isinstance(layer, MaxPool2d)
                self._kinds[name] = gate_of(layer, path.shape, path.gain)
            else:
                self._kinds[name] = kind_of(
                    path.layers, path.shape, path.gain, lambda: self.matrix(name)
                )
        return self._kinds[name]

    def fan_out(self) -> dict[str, np.ndarray]:
        """{population: (*shape) synapses that leave every neuron}."""
        total = {name: np.zeros(size, dtype=int) for name, size in self.sizes.items()}
        for projection in self.projections:
            places = order_of(projection.shape)
            total[projection.source][places] += self.kind(projection.name).fan_out()
        return {name: n.reshape(self.layers[name]) for name, n in total.items()}
