"""Inhibition among the neurons of a population: everyone but the neuron itself, with one weight."""

from dataclasses import dataclass

import numpy as np

from bioconv.projections.kinds import Kind


@dataclass(frozen=True, kw_only=True, eq=False)
class AllButOwn(Kind):
    """Every neuron joins all neurons but its own counterpart over ``weights[0]``: one number for n (n - 1) synapses."""

    template = "all_but_own"

    def __post_init__(self):
        if self.n_pre != self.n_post or len(self.weights) != 1:
            raise ValueError(
                f"all but own: {self.n_pre} to {self.n_post} neurons, {len(self.weights)} weights; "
                "give equal numbers of neurons and one weight"
            )

    @property
    def tables(self) -> dict[str, np.ndarray]:
        return {}

    @property
    def constants(self) -> dict[str, int]:
        return {}

    def fan_out(self) -> np.ndarray:
        return np.full(self.n_pre, self.n_post - 1)
