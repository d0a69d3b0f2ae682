"""One run of Brian2, and what it leaves as plain arrays."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brian2 import get_device, second

from bioconv.errors import DeviceError
from bioconv.learn.superspike.network import Learners
from bioconv.run import chosen_device, device

#: Estimates for numpy: seconds a step, and a step and synapse.
STEP, SYNAPSE = 1e-3, 4e-8


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What a run leaves.

    Attributes
    ----------
    weights : mapping of (n_synapses,) float, volts
    losses : (n_output_neurons, n_trials + 1) float, seconds
        ``loss`` at the borders of trials, from the beginning to the end.
    spikes : mapping of (neuron (n_spikes,) int, step (n_spikes,) int)
    """

    weights: Mapping[str, np.ndarray]
    losses: np.ndarray
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]]


def run(
    make: Callable[[], Learners], seconds: float, dt: float, synapses: int, name: str
) -> Outcome:
    """What is left after so many simulated seconds on the device of that name.

    Parameters
    ----------
    make : function that makes the network on the current device
    synapses : int
        Their number, from which ``"auto"`` estimates whether compiling pays.
    """
    estimate = seconds / dt * (STEP + SYNAPSE * synapses)
    target, _ = chosen_device(name, estimate, [])
    with tempfile.TemporaryDirectory(prefix="bioconv-superspike-") as folder:
        return _run_on(target, folder, make, seconds, dt)


def _run_on(
    target: str, folder: str, make: Callable[[], Learners], seconds: float, dt: float
) -> Outcome:
    with device(target, Path(folder)):
        made = make()
        made.network.run(seconds * second, namespace={})
        if target == "cpp_standalone":
            _build(folder)
        return _outcome(made, dt)


def _build(folder: str) -> None:
    try:
        get_device().build(directory=folder, compile=True, run=True, with_output=False)
    except (RuntimeError, OSError) as error:
        raise DeviceError(
            f"SuperSpike: the C++ program could not be compiled or run: {error}. "
            'device="numpy" needs no compiler'
        ) from error


def _outcome(made: Learners, dt: float) -> Outcome:
    last = np.asarray(made.groups["output"].loss_[:])
    return Outcome(
        weights={layer: np.array(each.w_[:]) for layer, each in made.synapses.items()},
        losses=np.concatenate([made.losses.loss_, last[:, None]], axis=1),
        spikes={
            layer: (np.array(each.i_[:]), np.round(each.t_[:] / dt).astype(int))
            for layer, each in made.spikes.items()
        },
    )
