"""What every normalisation method says: the activation of each population that the top rate stands for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bioconv.convert.trace import Plan


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A rule for the scale of every population."""

    @property
    @abstractmethod
    def needs_calibration(self) -> bool:
        """Whether the method looks at activations."""

    @abstractmethod
    def scales(
        self,
        plan: Plan,
        activations: Mapping[str, np.ndarray],
        input_range: tuple[float, float],
    ) -> dict[str, float]:
        """{population: scale}.

        Parameters
        ----------
        activations : mapping, population -> (n_samples, *shape) array
            What the population is to code, never negative; empty without calibration data.
        input_range : (low, high)
            Of the images.
        """
