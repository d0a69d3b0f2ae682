"""What is wrong with the weights of a spiking layer, told from what it computes.

Both networks are given the trained network's activations: the spiking layer's sum ``u`` and the trained
one's ``u_ref`` then differ only where this very layer does, whatever its sources do. What happened is
found by doing it to the trained network: without a bias, without a batch normalisation, with a kernel
turned round or a map flattened in another order its sum becomes ``u``. What no such change explains is
compared channel by channel as ``u = k u_ref + c``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from bioconv.analysis.parts import before_rectifier, coded, drive, drive_unit
from bioconv.graph import (
    INPUT,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    Layer,
    MaxPool2d,
    Network,
    Node,
    Reshape,
    Weighted,
    forward,
)

#: Relative differences of sums above which two layers are not the same: far above what weights in
#: single precision (1e-7) leave, below what one of 8 bits does.
SAME = 1e-4

#: Keeps a quotient finite where both sides are nought.
TINY = 1e-300

Change = Callable[..., np.ndarray]


@dataclass(frozen=True, kw_only=True)
class WeightFault:
    """How the weights of a layer differ from those of the trained network.

    Attributes
    ----------
    layer : str
        Of the spiking network.
    node : str
        Layer of the trained network that was changed or lost.
    kind : str
        One of :data:`KINDS`.
    text : str
        A sentence.
    difference : float
        ``rms(u - u_ref) / rms(u_ref)``
    """

    layer: str
    node: str
    kind: str
    text: str
    difference: float


#: Kinds of faults in the weights.
KINDS = (
    "bias missing", "normalisation missing", "input order", "kernel turned", "pooling replaced",
    "dead channels", "weights scaled", "channels scaled", "bias differs", "weights differ",
)  # fmt: skip


def weight_fault(
    spiking: Any, network: Network, activations: Mapping[str, np.ndarray], layer: str
) -> WeightFault | None:
    """The fault in the weights of a population; None where they do what the trained ones do.

    Parameters
    ----------
    spiking : bioconv.spiking.SpikingNetwork
    network : Network
        What was trained.
    activations : mapping, layer of the trained network -> (n_samples, *shape) array
        What :func:`bioconv.graph.activations` returns for some images, eight or more.

    Raises
    ------
    ResultError
        If the trained network lacks the layer that the population codes, or it has another shape.
    """
    population = spiking[layer]
    coded(activations, population)
    before, _ = before_rectifier(network, population)
    reference = np.asarray(activations[before])
    gain = 1.0 if spiking.report is None else spiking.report.gain
    sums = drive(spiking, activations, layer) / gain
    sums = sums * drive_unit(network, population, sums)
    difference = _distance(sums, reference)
    if difference <= SAME:
        return None
    nodes = _path(network, before, {p.node for p in spiking.populations} - {population.node})
    found = (
        _explained(activations, nodes, sums, before)
        or _scaled(activations, nodes, sums, before)
        or _dead(sums, reference)
    )
    kind, node, text = found or _compared(sums, reference, nodes)
    return WeightFault(
        layer=layer,
        node=node or _weighted(nodes, before),
        kind=kind,
        text=text,
        difference=difference,
    )


def _distance(sums: np.ndarray, reference: np.ndarray) -> float:
    size = float(np.sqrt(np.mean(reference**2)))
    apart = float(np.sqrt(np.mean((sums - reference) ** 2)))
    return apart / size if size > 0 else (0.0 if apart == 0 else float("inf"))


def _path(network: Network, before: str, coded_nodes: set[str]) -> list[Node]:
    """The layers between the sources of a population and its sum, in topological order."""
    names, waiting = set(), [before]
    while waiting:
        name = waiting.pop()
        if name != INPUT and name not in names and (name == before or name not in coded_nodes):
            names.add(name)
            waiting += network[name].inputs
    return [node for node in network.nodes if node.name in names]


def _weighted(nodes: list[Node], before: str) -> str:
    """The last layer with weights on the way."""
    return next((n.name for n in reversed(nodes) if isinstance(n.layer, Weighted)), before)


# -- changes of the trained network ---------------------------------------------------------------


def _explained(activations, nodes, sums, before) -> tuple[str, str, str] | None:
    """The one change of a layer on the way that turns the trained network's sum into ``sums``."""
    best, found = SAME, None
    for node in nodes:
        for kind, text, change in changes(node.layer):
            changed = _with(nodes, activations, node.name, change)[before]
            if changed.shape == sums.shape and _distance(sums, changed) < best:
                best, found = _distance(sums, changed), (kind, node.name, f"{node.name}: {text}")
    return found


def _scaled(activations, nodes, sums, before) -> tuple[str, str, str] | None:
    """The one layer on the way whose weights, with or without its bias, have another factor.

    What follows it up to the sum is linear: with the factor ``k`` the sum is ``none + k (all - none)``.
    """
    best, found = SAME, None
    for node in nodes:
        if not isinstance(node.layer, Weighted):
            continue
        bare = replace(node.layer, weight=np.zeros_like(node.layer.weight))
        for layer in (bare, replace(bare, bias=None)):
            none = _with(nodes, activations, node.name, _as(layer))[before]
            span = activations[before] - none
            factor = float(np.sum((sums - none) * span) / max(np.sum(span**2), TINY))
            if _distance(sums, none + factor * span) < best:
                best = _distance(sums, none + factor * span)
                text = f"{node.name}: its weights are {factor:.4g} times the trained ones"
                found = ("weights scaled", node.name, text)
    return found


def _with(nodes, activations, changed: str, change: Change) -> dict[str, np.ndarray]:
    """The sums along the way when one layer does something else."""
    values = dict(activations)
    dirty: set[str] = set()
    for node in nodes:
        if node.name == changed or dirty.intersection(node.inputs):
            inputs = [values[name] for name in node.inputs]
            values[node.name] = (
                change(*inputs) if node.name == changed else forward(node.layer, *inputs)
            )
            dirty.add(node.name)
    return values


@singledispatch
def changes(layer: Layer) -> Iterator[tuple[str, str, Change]]:
    """What may have happened to a layer on its way into another simulator: kind, sentence, new layer."""
    yield from ()


def _as(layer: Layer) -> Change:
    return lambda *inputs: forward(layer, *inputs)


@changes.register
def _(layer: BatchNorm) -> Iterator[tuple[str, str, Change]]:
    zeros, ones = np.zeros_like(layer.mean), np.ones_like(layer.mean)
    unshifted = replace(layer, mean=zeros, beta=zeros)
    unscaled = replace(layer, var=ones, gamma=ones, eps=0.0)
    kind, text = "normalisation missing", "the batch normalisation was not folded in"
    yield kind, text, lambda x: x
    yield kind, f"{text}: its mean and beta are missing", _as(unshifted)
    yield kind, f"{text}: its variance and gamma are missing", _as(unscaled)
    yield (
        kind,
        f"{text}: its gamma and beta are missing",
        _as(replace(layer, gamma=ones, beta=zeros)),
    )
    yield (
        kind,
        f"{text}: its mean and variance are missing",
        _as(replace(layer, mean=zeros, var=ones, eps=0.0)),
    )


@changes.register
def _(layer: Dense) -> Iterator[tuple[str, str, Change]]:
    yield from _without_bias(layer)
    if layer.weight.shape[0] == layer.weight.shape[1]:
        text = "the matrix is transposed, (in, out) taken for (out, in)"
        yield "kernel turned", text, _as(replace(layer, weight=layer.weight.T))


@changes.register
def _(layer: Conv2d) -> Iterator[tuple[str, str, Change]]:
    yield from _without_bias(layer)
    weight, text = layer.weight, "the kernels are"
    turns = {"rotated by half a turn (convolution, not correlation)": weight[:, :, ::-1, ::-1]}
    if weight.shape[2] == weight.shape[3]:
        turns["transposed, columns taken for rows"] = weight.transpose(0, 1, 3, 2)
    if weight.shape[0] == weight.shape[1]:
        turns["exchanged between input and output channels"] = weight.transpose(1, 0, 2, 3)
    for how, turned in turns.items():
        yield "kernel turned", f"{text} {how}", _as(replace(layer, weight=turned))


@changes.register
def _(layer: ConvTranspose2d) -> Iterator[tuple[str, str, Change]]:
    yield from _without_bias(layer)


def _without_bias(layer: Any) -> Iterator[tuple[str, str, Change]]:
    if layer.bias is not None and layer.bias.any():
        yield "bias missing", "the bias was left out", _as(replace(layer, bias=None))


@changes.register
def _(layer: Flatten | Reshape) -> Iterator[tuple[str, str, Change]]:
    orders = {
        "row, column, channel": (0, 2, 3, 1),
        "channel, column, row": (0, 1, 3, 2),
        "column, row, channel": (0, 3, 2, 1),
    }
    for order, axes in orders.items():
        text = f"the weights behind it are for maps flattened as {order}"
        yield "input order", text, _flattened(layer, axes, turned=True)
        text = f"maps are flattened as {order}, for which the weights are not"
        yield "input order", text, _flattened(layer, axes, turned=False)


def _flattened(layer: Layer, axes: tuple[int, ...], *, turned: bool) -> Change:
    """Flattening in another order of axes, or undoing one that was never done."""

    def change(x):
        if x.ndim == 4 and turned:
            shape = [x.shape[axis] for axis in axes]
            x = x.reshape(shape).transpose(np.argsort(axes))
        elif x.ndim == 4:
            x = x.transpose(axes).reshape(x.shape)
        return forward(layer, x)

    return change


@changes.register
def _(layer: MaxPool2d) -> Iterator[tuple[str, str, Change]]:
    settings = {"kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding}
    for counted in (False, True):
        pool = AvgPool2d(**settings, ceil_mode=layer.ceil_mode, count_include_pad=counted)
        yield "pooling replaced", "the maximum was replaced by the average", _as(pool)


# -- comparisons of sums ----------------------------------------------------------------------------


def _by_channel(values: np.ndarray) -> np.ndarray:
    """(channels, samples times positions)"""
    return np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)


def _dead(sums: np.ndarray, reference: np.ndarray) -> tuple[str, str, str] | None:
    """Some channels that are silent or constant though the trained ones are not; the others are right."""
    u, ref = _by_channel(sums), _by_channel(reference)
    size = SAME * np.sqrt((ref**2).mean())
    wrong = np.sqrt(((u - ref) ** 2).mean(axis=1)) > size
    silent = (u.max(axis=1) <= size) & (ref.max(axis=1) > size)
    stuck = (u.std(axis=1) <= size) & (ref.std(axis=1) > size)
    dead = wrong & (silent | stuck)
    if not dead.any() or dead.all() or (wrong & ~dead).any():
        return None
    return "dead channels", "", f"{_listed(dead)}: silent or stuck, whatever the input"


def _compared(sums: np.ndarray, reference: np.ndarray, nodes: list[Node]) -> tuple[str, str, str]:
    """``u = k u_ref + c`` by channel: one factor, a factor each, an offset, or nothing of the kind."""
    u, ref = _by_channel(sums), _by_channel(reference)
    spread = ref - ref.mean(axis=1, keepdims=True)
    varies = (spread**2).mean(axis=1) > (SAME * np.sqrt((ref**2).mean())) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = ((u - u.mean(axis=1, keepdims=True)) * spread).sum(axis=1) / (spread**2).sum(1)
    factors = np.where(varies, factors, 1.0)
    offsets = u.mean(axis=1) - factors * ref.mean(axis=1)
    rest = u - factors[:, None] * ref - offsets[:, None]
    if not varies.any() or np.sqrt((rest**2).mean()) > SAME * np.sqrt((u**2).mean()):
        close = float(np.corrcoef(sums.ravel(), reference.ravel())[0, 1]) if np.ptp(sums) else 0.0
        return (
            "weights differ",
            "",
            (f"what it computes has a correlation of {close:.3f} with what it should"),
        )
    here = factors[varies]
    if np.ptp(here) > 10 * SAME * np.abs(here).max():
        norms = [node.name for node in nodes if isinstance(node.layer, BatchNorm)]
        kind = "normalisation missing" if norms else "channels scaled"
        about = f"; is {norms[-1]} folded in as it was trained?" if norms else ""
        return (
            kind,
            norms[-1] if norms else "",
            (f"every channel has a factor of its own, {here.min():.3g} to {here.max():.3g}{about}"),
        )
    if abs(here.mean() - 1) <= 10 * SAME:
        return "bias differs", "", "its weights are right, its biases are not"
    return (
        "weights scaled",
        "",
        f"its weights are {here.mean():.4g} times those of the trained layer",
    )


def _listed(which: np.ndarray) -> str:
    numbers = np.flatnonzero(which)
    shown = ", ".join(map(str, numbers[:10])) + (" …" if len(numbers) > 10 else "")
    return f"channel{'s' if len(numbers) > 1 else ''} {shown}"
