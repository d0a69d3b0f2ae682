"""The Brian2 network of several independent learners, side by side.

Every learner is a block of neurons with its own input, targets and weights: neuron ``n`` of block ``b`` of a layer
of ``size`` neurons has the number ``b size + n``. So one program trains all seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    second,
    volt,
)

from bioconv.learn.superspike import equations as text
from bioconv.learn.superspike.rule import Rule
from bioconv.learn.superspike.tasks import Raster, Task


@dataclass(frozen=True, kw_only=True)
class Learners:
    """Brian2's objects.

    Attributes
    ----------
    groups : mapping
        ``"input"``, ``"hidden"`` if there is one, ``"output"``.
    synapses : mapping
        By the layer at which they end.
    spikes : mapping
        By layer, of all but the input.
    losses : StateMonitor
        ``loss`` at the beginning of every trial.
    """

    network: Network
    groups: Mapping[str, NeuronGroup]
    synapses: Mapping[str, Synapses]
    spikes: Mapping[str, SpikeMonitor]
    losses: StateMonitor


def learners(
    tasks: Sequence[Task],
    weights: Mapping[str, np.ndarray],
    feedback: np.ndarray | None,
    rule: Rule,
) -> Learners:
    """The network, ready to run.

    Parameters
    ----------
    tasks : (n_blocks,) of equal sizes and duration
    weights : mapping of (n_blocks, n_post, n_pre) float, volts
        First weights by the layer at which they end.
    feedback : (n_blocks, n_outputs, n_hidden) float or None
        Fixed feedback; None for the forward weights.
    """
    namespace = {**rule.names(), **_tables(tasks, rule.dt)}
    groups = _groups(len(tasks), weights, namespace, rule)
    sources = dict(zip(weights, ["input", *weights], strict=False))
    synapses = {
        layer: _synapses(
            layer, groups[sources[layer]], groups[layer], weights, feedback, namespace, rule
        )
        for layer in weights
    }
    spikes = {layer: SpikeMonitor(groups[layer], name=f"{layer}_spikes") for layer in weights}
    losses = StateMonitor(
        groups["output"], "loss", record=True, dt=tasks[0].duration * second, when="start",
        name="losses",
    )  # fmt: skip
    network = Network(*groups.values(), *synapses.values(), *spikes.values(), losses)
    return Learners(network=network, groups=groups, synapses=synapses, spikes=spikes, losses=losses)


def _tables(tasks: Sequence[Task], dt: float) -> dict[str, Any]:
    """Input and targets of one trial, step by step."""
    steps = round(tasks[0].duration / dt)
    return {
        "pattern": _table("pattern", [task.inputs for task in tasks], steps, dt),
        "wanted": _table("wanted", [task.targets for task in tasks], steps, dt),
        "period": steps,
    }


def _table(name: str, rasters: Sequence[Raster], steps: int, dt: float) -> TimedArray:
    values = np.concatenate([raster.steps(steps, dt) for raster in rasters], axis=1)
    return TimedArray(values.astype(float), dt=dt * second, name=name)


def _groups(
    blocks: int, weights: Mapping[str, np.ndarray], namespace: Mapping[str, Any], rule: Rule
) -> dict[str, NeuronGroup]:
    """Groups of all layers: ``threshold``, ``reset`` and events are those of the layer's kind."""
    dt = rule.dt * second

    def group(layer: str, size: int, equations: str, **options: Any) -> NeuronGroup:
        return NeuronGroup(
            blocks * size, equations, method="euler", dt=dt, namespace=dict(namespace),
            name=f"{layer}_neurons", **options,
        )  # fmt: skip

    first = next(iter(weights.values()))
    cell = {"threshold": text.THRESHOLD, "refractory": rule.refractory * second}
    groups = {
        "input": group(
            "input", first.shape[2], text.INPUT,
            threshold=text.INPUT_THRESHOLD, reset=text.INPUT_RESET,
        )
    }  # fmt: skip
    if "hidden" in weights:
        groups["hidden"] = group(
            "hidden", first.shape[1], text.HIDDEN, reset=text.HIDDEN_RESET, **cell
        )
    output = group(
        "output", weights["output"].shape[1], text.OUTPUT,
        reset=text.OUTPUT_RESET, events={"target": text.TARGET}, **cell,
    )  # fmt: skip
    output.run_on_event("target", text.TARGET_RESET, when="resets")
    groups["output"] = output
    for layer in weights:
        groups[layer].U = rule.U_rest * volt
    return groups


def _synapses(
    layer: str,
    source: NeuronGroup,
    target: NeuronGroup,
    weights: Mapping[str, np.ndarray],
    feedback: np.ndarray | None,
    namespace: Mapping[str, Any],
    rule: Rule,
) -> Synapses:
    """All-to-all within a block. Their order of 1 lets neurons take their step first."""
    values = weights[layer]
    model = equations_of(layer, "hidden" in weights, feedback is not None, rule)
    synapses = Synapses(
        source, target, model, on_pre=text.DELIVER, method="euler", dt=rule.dt * second,
        namespace=dict(namespace), order=1, name=f"{layer}_synapses",
    )  # fmt: skip
    block, post, pre = np.indices(values.shape).reshape(3, -1)
    synapses.connect(i=block * values.shape[2] + pre, j=block * values.shape[1] + post)
    synapses.w = values.ravel() * volt
    if feedback is not None and layer == "output":
        synapses.b = feedback.ravel()
    synapses.run_regularly(
        text.UPDATE, dt=rule.update * second, when="start", name=f"{layer}_update"
    )
    return synapses


def equations_of(layer: str, hidden: bool, fixed: bool, rule: Rule) -> str:
    """Equations of the synapses that end at ``layer``."""
    if layer == "hidden":
        return text.SYNAPSE.format(drive=text.REGULATED_DRIVE if rule.rho else text.DRIVE)
    model = text.SYNAPSE.format(drive=text.DRIVE)
    if not hidden:
        return model
    return model + (text.FIXED_FEEDBACK if fixed else text.SYMMETRIC_FEEDBACK)
