"""The same relaxation in Brian2, as differential equations. Samples stand side by side as replicas.

The input is clamped, so its current into the first layer is one constant of each unit, part of ``drive``.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brian2 import Clock, Network, NeuronGroup, Synapses, get_device, ms
from tqdm import tqdm

from bioconv.learn.eqprop.dynamics import Arrays
from bioconv.run import chosen_device, device

TAU = 1 * ms
HIDDEN = """
du/dt = (-u + drive + below + above) / tau : 1
rho = clip(u, 0, 1) : 1
drive : 1 (constant)
below : 1
above : 1
"""
OUTPUT = """
du/dt = (-u + drive + below + beta*(target - u)) / tau : 1
rho = clip(u, 0, 1) : 1
drive : 1 (constant)
below : 1
beta : 1 (shared, constant)
target : 1 (constant)
"""
#: One weight, used in both directions.
BETWEEN = """
w : 1 (constant)
below_post = w*rho_pre : 1 (summed)
above_pre = w*rho_post : 1 (summed)
"""
CLIP = "u = clip(u, 0, 1)"
#: Synapses of one Brian2 network, at most, unless a single sample has more.
SYNAPSES = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """Brian2 objects: a group a layer, unit ``i`` of replica ``r`` is neuron ``r * size + i``."""

    network: Network
    layers: tuple[NeuronGroup, ...]
    projections: tuple[Synapses, ...]
    clock: Clock


def built(
    weights: Sequence[np.ndarray], sizes: Sequence[int], replicas: int, epsilon: float
) -> Built:
    """A network of ``replicas`` samples.

    Parameters
    ----------
    weights : (n_above, n_below) arrays
        Between the layers above the input.
    sizes : units of each layer above the input
    """
    clock = Clock(dt=epsilon * TAU)
    layers = tuple(_layer(k, len(sizes), size * replicas, clock) for k, size in enumerate(sizes))
    projections = tuple(
        _projection(weight, layers[k], layers[k + 1], replicas, clock, f"between_{k}")
        for k, weight in enumerate(weights)
    )
    network = Network(
        *layers, *projections, *(part for layer in layers for part in layer.contained_objects)
    )
    return Built(network=network, layers=layers, projections=projections, clock=clock)


def _layer(k: int, n: int, size: int, clock: Clock) -> NeuronGroup:
    equations = OUTPUT if k == n - 1 else HIDDEN
    layer = NeuronGroup(
        size, equations, method="euler", clock=clock, namespace={"tau": TAU}, name=f"layer_{k}"
    )
    layer.run_regularly(CLIP, when="end", clock=clock, name=f"clip_{k}")
    return layer


def _projection(weight, below, above, replicas: int, clock: Clock, name: str) -> Synapses:
    """Each unit to each unit of the layer above, within a replica."""
    synapses = Synapses(below, above, BETWEEN, clock=clock, name=name)
    n_above, n_below = weight.shape
    replica, post, pre = np.indices((replicas, n_above, n_below)).reshape(3, -1)
    synapses.connect(i=replica * n_below + pre, j=replica * n_above + post)
    synapses.w = np.tile(weight.ravel(), replicas)
    return synapses


def simulated(
    weights: Sequence[np.ndarray],
    drives: Sequence[np.ndarray],
    states: Sequence[np.ndarray],
    steps: int,
    epsilon: float,
    beta: float,
    targets: np.ndarray | None,
    name: str,
    progress: bool = False,
) -> Arrays:
    """What :func:`bioconv.learn.eqprop.dynamics.relaxed` gives, from Brian2's device ``name``.

    Raises
    ------
    DeviceError
        If the device lacks its compiler.
    """
    chosen_device(name, 0.0, [])
    n, sizes = len(states[0]), [state.shape[1] for state in states]
    per_sample = sum(weight.size for weight in weights)
    replicas = min(n, max(1, SYNAPSES // max(1, per_sample)))
    values = _values(drives, states, beta, targets)
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="bioconv-eqprop-") as folder,
        device(name, Path(folder)),
    ):
        model = built(weights, sizes, replicas, epsilon)
        run = _run_compiled if name == "cpp_standalone" else _run_here
        chunks = range(0, n, replicas)
        for start in tqdm(chunks, desc=f"relax on {name}", disable=not progress):
            rows = slice(start, start + replicas)
            here = {key: _padded(array[rows], replicas) for key, array in values.items()}
            after = run(model, here, steps, beta, first=start == 0)
            kept = min(replicas, n - start)
            found.append([u.reshape(replicas, -1)[:kept] for u in after])
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _values(drives, states, beta: float, targets) -> dict[tuple[int, str], np.ndarray]:
    """{(layer, variable): (n, size) array}."""
    values = {}
    for k, (drive, state) in enumerate(zip(drives, states, strict=True)):
        values[k, "drive"] = np.broadcast_to(drive, state.shape)
        values[k, "u"] = state
    if beta:
        values[len(states) - 1, "target"] = targets
    return values


def _padded(array: np.ndarray, replicas: int) -> np.ndarray:
    """Flat, with zeros for the replicas that the last chunk lacks."""
    missing = np.zeros((replicas - len(array), array.shape[1]))
    return np.concatenate([array, missing]).ravel()


def _run_here(model: Built, values, steps: int, beta: float, first: bool) -> list[np.ndarray]:
    for (k, variable), array in values.items():
        setattr(model.layers[k], variable, array)
    model.layers[-1].beta = beta
    model.network.run(steps * model.clock.dt, namespace={})
    return [np.array(layer.u[:]) for layer in model.layers]


def _run_compiled(model: Built, values, steps: int, beta: float, first: bool) -> list[np.ndarray]:
    program = get_device()
    if first:
        model.network.run(steps * model.clock.dt, namespace={})
        program.build(directory=program.project_dir or None, run=False, with_output=False)
    given = {getattr(model.layers[k], variable): array for (k, variable), array in values.items()}
    given[model.layers[-1].beta] = beta
    program.run(run_args=given, with_output=False)
    return [np.array(layer.u[:]) for layer in model.layers]
