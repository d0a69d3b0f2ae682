"""Relaxation on numpy arrays, and the update that two fixed points give.

Units of layer ``k`` above the clamped input follow::

    tau du/dt = -u + b + W_below rho(below) + W_above^T rho(above) + beta (target - u)    [target: output alone]

in Euler steps of ``epsilon * tau``, all layers at once; after each step ``u`` is clipped to [0, 1], where ``rho(u) = u``.
"""

from collections.abc import Sequence

import numpy as np

Arrays = tuple[np.ndarray, ...]


def relaxed(
    weights: Sequence[np.ndarray],
    drives: Sequence[np.ndarray],
    states: Sequence[np.ndarray],
    steps: int,
    epsilon: float,
    beta: float = 0.0,
    targets: np.ndarray | None = None,
) -> Arrays:
    """States after ``steps`` steps.

    Parameters
    ----------
    weights : (n_above, n_below) arrays
        Between the layers above the input, so one less than there are states.
    drives : (n, size) or (size,) arrays
        Biases; that of the first layer with the current from the clamped input.
    states : (n, size) arrays in [0, 1]
    targets : (n, n_outputs) array
    """
    found = tuple(states)
    for _ in range(steps):
        found = _step(weights, drives, found, epsilon, beta, targets)
    return found


def _step(weights, drives, states, epsilon, beta, targets) -> Arrays:
    after = []
    for k, (u, drive) in enumerate(zip(states, drives, strict=True)):
        slope = drive - u
        if k > 0:
            slope += states[k - 1] @ weights[k - 1].T
        if k < len(weights):
            slope += states[k + 1] @ weights[k]
        elif beta:
            slope += beta * (targets - u)
        slope *= epsilon
        slope += u
        after.append(np.clip(slope, 0.0, 1.0, out=slope))
    return tuple(after)


def contrast(
    images: np.ndarray, free: Sequence[np.ndarray], nudged: Sequence[np.ndarray], beta: float
) -> tuple[Arrays, Arrays]:
    """What to add to the weights and biases for less cost: ``-dC/dW``, ``-dC/db`` as beta goes to zero.

    ``(rho_i rho_j at beta - rho_i rho_j at zero) / beta``, and the same of ``rho_i``; means over the samples. The input is the
    same in both phases.

    Returns
    -------
    weights : (n_above, n_below) arrays, from the input on
    biases : (size,) arrays
    """
    scale = 1.0 / (beta * len(images))
    weights = [scale * ((nudged[0] - free[0]).T @ images)]
    for k in range(1, len(free)):
        weights.append(scale * (nudged[k].T @ nudged[k - 1] - free[k].T @ free[k - 1]))
    biases = [
        scale * (after - before).sum(axis=0) for before, after in zip(free, nudged, strict=True)
    ]
    return tuple(weights), tuple(biases)
