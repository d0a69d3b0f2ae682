"""Networks with the same answers and fewer kinds of layers: what comes before a conversion.

``substituted`` changes what the network computes, and only where the caller asked for it by name.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bioconv.errors import ConversionError, UnsupportedLayerError
from bioconv.graph import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Layer,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    Softmax,
    Weighted,
)

#: How a layer may spike, the first unless a caller chooses; or the layer that stands in its place.
SUBSTITUTES: dict[str, tuple[str, ...]] = {
    "MaxPool2d": ("exp_max", "fir_max", "avg_max", "or", "AvgPool2d"),
    "LeakyReLU": ("pair", "signed", "ReLU"),
}


def simplified(network: Network, substitute: Mapping[str, str] | None) -> Network:
    """Without dropout and batch normalisation, and with the layers that were asked for.

    Raises
    ------
    ConversionError
        If a substitute is unknown.
    UnsupportedLayerError
        If a layer cannot spike.
    """
    simple = folded(without_dropout(substituted(network, checked_substitutes(substitute))))
    return pooled_last(simple)


def substituted(network: Network, substitute: Mapping[str, str]) -> Network:
    """Every layer that is to be another one.

    A softmax at the end keeps its place: how it is read out is the caller's choice, not a layer.
    """
    nodes = []
    for node in network.nodes:
        layer, chosen = node.layer, substitute.get(type(node.layer).__name__)
        if isinstance(layer, MaxPool2d) and chosen == "AvgPool2d":
            layer = _average(layer)
        elif chosen == "ReLU":
            layer = ReLU()
        elif isinstance(layer, Softmax) and node.name != network.output:
            raise UnsupportedLayerError(
                f"layer {node.name!r}: a Softmax inside a network has no spiking form; only the last "
                "layer may be one"
            )
        nodes.append(replace(node, layer=layer))
    return Network(nodes=tuple(nodes), input_shape=network.input_shape)


def checked_substitutes(substitute: Any) -> dict[str, str]:
    """How every layer of :data:`SUBSTITUTES` is to spike: ``substitute``, and what it leaves open."""
    if not isinstance(substitute or {}, Mapping):
        raise ConversionError(
            f'substitute is {substitute!r}; give a mapping such as {{"MaxPool2d": "AvgPool2d"}}'
        )
    substitute = dict(substitute or {})
    for name, chosen in substitute.items():
        if chosen not in SUBSTITUTES.get(name, ()):
            known = "; ".join(f"{k}: {', '.join(v)}" for k, v in SUBSTITUTES.items())
            raise ConversionError(f"substitute {name!r}: {chosen!r} is not known. Known: {known}")
    return {name: choices[0] for name, choices in SUBSTITUTES.items()} | substitute


def _average(layer: MaxPool2d) -> Layer:
    return AvgPool2d(
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        ceil_mode=layer.ceil_mode,
        count_include_pad=False,
    )


def without_dropout(network: Network) -> Network:
    """Dropout does nothing after training."""
    return _without(network, [node for node in network.nodes if isinstance(node.layer, Dropout)])


def _without(network: Network, gone: list[Node]) -> Network:
    """The network with nodes of one input taken out, their readers fed by what fed them."""
    instead: dict[str, str] = {}
    for node in gone:
        instead[node.name] = instead.get(node.inputs[0], node.inputs[0])
    nodes = tuple(
        replace(node, inputs=tuple(instead.get(name, name) for name in node.inputs))
        for node in network.nodes
        if node.name not in instead
    )
    if not nodes:
        raise ConversionError("the network holds nothing but dropout; there is nothing to convert")
    return Network(nodes=nodes, input_shape=network.input_shape)


def folded(network: Network) -> Network:
    """Batch normalisation folded into the layer before; alone it becomes a diagonal layer.

    With ``s = gamma / sqrt(var + eps)``::

        s (W x + b - mean) + beta  =  (s W) x + (s (b - mean) + beta)

    The layer keeps its name and takes the place of both.
    """
    layers = {node.name: node.layer for node in network.nodes}
    gone = []
    for node in network.nodes:
        norm = node.layer
        if not isinstance(norm, BatchNorm):
            continue
        before = node.inputs[0]
        weighted = layers.get(before)
        if isinstance(weighted, Weighted) and len(network.consumers(before)) == 1:
            layers[before] = scaled(weighted, norm.scale, norm.shift)
            gone.append(node)
        else:
            layers[node.name] = diagonal(norm, len(network.shapes[node.name]))
    nodes = tuple(replace(node, layer=layers[node.name]) for node in network.nodes)
    return _without(Network(nodes=nodes, input_shape=network.input_shape), gone)


def pooled_last(network: Network) -> Network:
    """Max-pooling behind the activation that follows it: the same, since activations never fall.

    A gate needs spikes to choose from. The pooling takes the activation's name, whose values it now
    has; the activation before it is called ``<name>_unpooled``.
    """
    nodes = {node.name: node for node in network.nodes}
    for node in network.nodes:
        readers = network.consumers(node.name)
        if not isinstance(node.layer, MaxPool2d) or len(readers) != 1:
            continue
        after = readers[0]
        if isinstance(after.layer, Activation):
            first = f"{after.name}_unpooled"
            del nodes[node.name]
            nodes[first] = replace(after, name=first, inputs=node.inputs)
            nodes[after.name] = replace(node, name=after.name, inputs=(first,))
    return Network(nodes=tuple(nodes.values()), input_shape=network.input_shape)


def scaled(layer: Weighted, factor: np.ndarray, shift: np.ndarray) -> Weighted:
    """``factor * layer(x) + shift``, both per output channel, as one layer."""
    weight = layer.weight
    if isinstance(layer, ConvTranspose2d):
        blocks = factor.reshape(layer.groups, weight.shape[1])
        weight = weight * np.repeat(blocks, weight.shape[0] // layer.groups, 0)[:, :, None, None]
    else:
        weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    bias = shift if layer.bias is None else factor * layer.bias + shift
    return replace(layer, weight=weight, bias=bias)


def diagonal(norm: BatchNorm, dimensions: int) -> Layer:
    """Batch normalisation as a layer of its own: one weight a channel."""
    if dimensions == 1:
        return Dense(weight=np.diag(norm.scale), bias=norm.shift)
    return Conv2d(weight=norm.scale.reshape(-1, 1, 1, 1), bias=norm.shift, groups=norm.scale.size)
