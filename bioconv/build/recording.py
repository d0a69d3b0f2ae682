"""What a run is asked to record beyond spike counts, and how much that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bioconv.errors import ParameterError

#: Bytes of recorded potentials above which a run is refused.
LIMIT = 4 * 2**30
_QUANTITIES = {"spikes", "v", "residual"}
_FORMS = (
    '"spikes", "v", "residual", a list of them, or {"v": [neurons]}; for example '
    'record={"conv1": "spikes", "fc1": {"v": [0, 7]}}'
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """Of one layer: all its spikes, the potential of some neurons, and what is left of it.

    Attributes
    ----------
    spikes : bool
    neurons : (n,) int array
        Whose potential is recorded at every step.
    residual : bool
        The potential of all neurons after the last step of a presentation.
    """

    spikes: bool
    neurons: np.ndarray
    residual: bool = False


def recordings(
    record: Any,
    sizes: Mapping[str, int],
    silent: Sequence[str],
    output: str,
    without: Sequence[str] = (),
) -> dict[str, Recording]:
    """What ``record`` asks for, layer by layer; the output's spikes are always recorded.

    Parameters
    ----------
    record
        None, ``"spikes"``, ``"v"`` or ``"residual"`` for all layers, or a mapping from layers to
        those.
    sizes : mapping, layer -> number of neurons
    silent : names of layers without spikes
    without : names of layers without potentials

    Raises
    ------
    ParameterError
        For an unknown layer, quantity or neuron.
    """
    if isinstance(record, str):
        every = [layer for layer in sizes if record == "spikes" or layer not in without]
        record = dict.fromkeys(every, record)
    if record is not None and not isinstance(record, Mapping):
        raise ParameterError(f"record is {record!r}; give {_FORMS}")
    found: dict[str, Recording] = {}
    for layer, what in (record or {}).items():
        if layer not in sizes:
            raise ParameterError(f"record: no layer {layer!r}; the model has {', '.join(sizes)}")
        found[layer] = _recording(layer, what, sizes[layer], layer in silent)
        if layer in without and (found[layer].residual or found[layer].neurons.size):
            raise ParameterError(f"record[{layer!r}]: the input has spikes and no potentials")
    base = found.get(output, Recording(spikes=True, neurons=np.array([], dtype=int)))
    found[output] = replace(base, spikes=output not in silent)
    return found


def _recording(layer: str, what: Any, size: int, silent: bool) -> Recording:
    parts = {what: True} if isinstance(what, str) else what
    if isinstance(parts, (list, tuple, set)):
        parts = dict.fromkeys(parts, True)
    if not isinstance(parts, Mapping) or not set(parts) <= _QUANTITIES:
        raise ParameterError(f"record[{layer!r}] is {what!r}; give {_FORMS}")
    wanted = parts.get("v", False)
    if isinstance(wanted, bool) or wanted is None:
        wanted = range(size) if wanted else ()
    neurons = np.atleast_1d(wanted)
    good = neurons.ndim == 1 and (neurons.size == 0 or neurons.dtype.kind in "iu")
    if not good or (neurons.size and not 0 <= neurons.min() <= neurons.max() < size):
        raise ParameterError(
            f"record[{layer!r}]: neurons are {wanted!r}; {layer!r} has neurons 0 to {size - 1}"
        )
    return Recording(
        spikes=bool(parts.get("spikes")) and not silent,
        neurons=neurons.astype(int),
        residual=bool(parts.get("residual")),
    )


def checked_size(record: Mapping[str, Recording], n_samples: int, n_steps: int) -> int:
    """Bytes of potentials that a run will keep.

    Raises
    ------
    ParameterError
        If they are more than :data:`LIMIT`.
    """
    size = {layer: 8 * n_samples * n_steps * len(r.neurons) for layer, r in record.items()}
    total = sum(size.values())
    if total > LIMIT:
        worst = max(size, key=size.__getitem__)
        raise ParameterError(
            f"the potentials asked for take {total / 2**30:.1f} GiB, most of them {worst!r} with "
            f"{len(record[worst].neurons)} neurons over {n_samples} samples of {n_steps} steps; the "
            f"limit is {LIMIT / 2**30:g} GiB. Record fewer neurons or samples"
        )
    return total
