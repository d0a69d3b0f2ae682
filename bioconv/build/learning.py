"""Projections of a model that learn: which can, with which weights, and the Brian2 objects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bioconv.build.populations import Frame
from bioconv.build.schedule import Schedule
from bioconv.build.settings import PRECISIONS, Settings
from bioconv.build.wiring import Wiring
from bioconv.errors import ParameterError
from bioconv.graph import Dense, Flatten, Reshape, Weighted
from bioconv.neurons import NeuronText
from bioconv.projections import Forgetting, Normaliser, PlasticProjection, order_of, path_matrix
from bioconv.spiking import Projection, SpikingNetwork

#: Numbers in a matrix that learns: 1 GB in double precision.
LARGEST = 2**27


def check_learning(spiking: SpikingNetwork, projection: Projection, settings: Settings) -> None:
    """Refuse a rule where there are no spikes, or no weights, to learn from.

    Raises
    ------
    ParameterError
        With what to change.
    """
    name, target = projection.name, spiking[projection.target]
    if projection.source == spiking.stimulus.name and not settings.encoder.spikes:
        raise ParameterError(
            f'{name}: its input is a current, and rules need spikes; use encoder="poisson" or another that spikes'
        )
    if not target.spiking:
        raise ParameterError(
            f"{name}: {target.name} never spikes, and rules need spikes of both sides"
        )
    if projection.gates:
        raise ParameterError(
            f"{name} chooses among spikes (max-pooling); it has no weights to learn"
        )
    n = int(np.prod(projection.shape)) * target.size
    if n > LARGEST:
        raise ParameterError(
            f"{name}: a matrix of {n:,} numbers, {target.size:,} neurons by {n // target.size:,}; what learns is "
            f"stored whole, up to {LARGEST:,}"
        )
    rule = projection.rule
    assert rule is not None
    if not target.synapse.linear and rule.w_min < 0:
        raise ParameterError(
            f"{name}: w_min is {rule.w_min}, and a conductance cannot be negative; give w_min of at least 0"
        )


def first_weights(wiring: Wiring, name: str) -> np.ndarray:
    """(n_pre, n_post) weights in thresholds before anything is learnt, neurons as the groups count them."""
    return _as_groups(wiring, name, wiring.matrix(name))


def _as_groups(wiring: Wiring, name: str, matrix: Any) -> np.ndarray:
    path = wiring.projection(name)
    rows, columns = order_of(wiring.spiking[path.target].shape), order_of(path.shape)
    return matrix.tocsc()[rows][:, columns].toarray().T


def as_layers(wiring: Wiring, name: str, weights: np.ndarray) -> np.ndarray:
    """(n_post, n_pre) weights, neurons as channel, row, column, from those of the groups."""
    path = wiring.projection(name)
    found = np.zeros((wiring.spiking[path.target].size, int(np.prod(path.shape))))
    found[np.ix_(order_of(wiring.spiking[path.target].shape), order_of(path.shape))] = weights.T
    return found


def synapses(wiring: Wiring, name: str) -> np.ndarray | None:
    """(n_pre, n_post) bool: which synapses there are; None for all."""
    path = wiring.projection(name)
    ones = tuple(
        replace(layer, weight=np.ones_like(layer.weight)) if isinstance(layer, Weighted) else layer
        for layer in path.layers
    )
    there = _as_groups(wiring, name, path_matrix(ones, path.shape)) != 0
    return None if there.all() else there


def plastic(
    wiring: Wiring,
    projection: Projection,
    texts: Mapping[str, NeuronText],
    groups: Mapping[str, Any],
    frame: Frame,
) -> PlasticProjection:
    """The projection that learns, with what forgets and normalises at the begin of a presentation.

    Raises
    ------
    ParameterError
        If the spikes of its source do not count alike.
    """
    source, target, schedule = groups[projection.source], groups[projection.target], frame.schedule
    if "gain" in source.variables or len(source.events) > 1:
        raise ParameterError(
            f"{projection.name}: spikes of {projection.source} have signs or sizes; rules need plain ones"
        )
    assert projection.rule is not None
    text = texts[projection.target]
    made = PlasticProjection(
        source,
        target,
        first_weights(wiring, projection.name),
        projection.rule,
        variable=projection.variable or text.target,
        unit=float(text.unit),
        delays=schedule.delays[projection.name],
        when=schedule.slots[projection.source].synapses,
        when_post=schedule.slots[projection.target].synapses,
        post_first=_later(schedule, projection),
        synapses=synapses(wiring, projection.name),
        dtype=PRECISIONS[frame.settings.precision],
        clock=frame.steps,
        name=projection.name,
    )
    Forgetting(made, clock=frame.borders)
    if projection.total:
        Normaliser(made, projection.total, clock=frame.borders, order=1)
    return made


def _later(schedule: Schedule, projection: Projection) -> bool:
    """Whether the source's spikes of a step come after those of the target: they are sent back."""
    order = schedule.order
    source, target = (
        order.index(schedule.slots[name].synapses)
        for name in (projection.source, projection.target)
    )
    return source > target


def learnt(wiring: Wiring, weights: dict[str, np.ndarray]) -> SpikingNetwork:
    """The network with these weights, (n_pre, n_post) by projection, and without rules."""
    return replace(
        wiring.spiking,
        projections=tuple(
            _dense(wiring, p, as_layers(wiring, p.name, weights[p.name]))
            if p.name in weights
            else p
            for p in wiring.spiking.projections
        ),
    )


def _dense(wiring: Wiring, projection: Projection, matrix: np.ndarray) -> Projection:
    shape = wiring.spiking[projection.target].shape
    layers: tuple[Any, ...] = (Dense(weight=matrix),)
    if len(projection.shape) > 1:
        layers = (Flatten(), *layers)
    if len(shape) > 1:
        layers = (*layers, Reshape(shape=shape))
    return replace(projection, layers=layers, gain=1.0, rule=None, total=0.0)
