"""What a reader knows of a framework of spiking networks, and what all of them need. Nothing here imports torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bioconv.errors import UnsupportedLayerError
from bioconv.read.torch_layers import Applied, Signal, State, array


@dataclass(frozen=True, kw_only=True)
class Framework:
    """The modules of a framework, by the names of their classes.

    Attributes
    ----------
    name : str
        As users write it.
    modules : tuple of str
        Begins of the Python modules that define them.
    neurons : mapping, name -> function of module, signal and states that returns :class:`Applied`
    layers : frozenset of str
        Those that compute in every step what torch's module of the same name computes.
    wrappers : mapping, name -> function of module that returns the modules it calls one after another
        Those that repeat modules over time.
    traced : frozenset of str
        Those whose forward is followed like a user's.
    """

    name: str
    modules: tuple[str, ...]
    neurons: Mapping[str, Callable[..., Applied]]
    layers: frozenset[str] = frozenset()
    wrappers: Mapping[str, Callable[[Any], Sequence[Any]]] = field(default_factory=dict)
    traced: frozenset[str] = frozenset()


def refused(what: str, hint: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"{what} cannot be read; {hint}")


def values(x: Signal, parameter: Any) -> np.ndarray:
    """A parameter that broadcasts against (batch, ...) in torch, for neurons of ``x.shape``; float64."""
    found = array(parameter) if hasattr(parameter, "detach") else np.asarray(parameter, dtype=float)
    ndim = len(x.torch_shape) - 1
    while found.ndim > ndim and found.shape[0] == 1:
        found = found[0]
    return found[..., None, :] if x.row and found.ndim == 2 else found


def check_fresh(states: Sequence[Any]) -> None:
    """Neurons begin in their reset state: what is handed over says nothing else.

    Raises
    ------
    UnsupportedLayerError
        If a state is a tensor that is not zero.
    """
    for state in states:
        if isinstance(state, (State, Signal)) or state is None:
            continue
        if not hasattr(state, "detach") or array(state).any():
            raise refused(
                "a state that the module hands over",
                "neurons begin in their reset state: pass None",
            )
