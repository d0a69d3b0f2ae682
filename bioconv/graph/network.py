"""A trained network: named layers in a checked, directed graph without cycles."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bioconv.errors import GraphError
from bioconv.graph.layers import Add, Concatenate, Layer
from bioconv.graph.shapes import Shape, output_shape

#: Name under which nodes refer to the network's input.
INPUT = "input"

#: How layers without a name of their own are called, with a number behind; others by their kind.
SHORT_NAMES = {
    "Conv2d": "conv", "Dense": "fc", "AvgPool2d": "pool", "MaxPool2d": "pool", "SumPool2d": "pool",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Node:
    """One layer, its name and the names of the nodes (or ``"input"``) that feed it."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """What was trained: layers in topological order, each fed by earlier ones.

    Attributes
    ----------
    nodes : tuple of Node
        May be given in any order; kept in topological order.
    input_shape : tuple of int
        Shape of one sample, ``(channels, rows, columns)`` or ``(n,)``.
    shapes : mapping
        Output shape of every node, ``"input"`` included. Computed.
    output : str
        Name of the one node that feeds no other. Computed.

    Raises
    ------
    GraphError
        For duplicate or unknown names, cycles, several ends, layers that do not fit.
    """

    nodes: tuple[Node, ...]
    input_shape: Shape

    def __post_init__(self):
        object.__setattr__(self, "input_shape", _checked_shape(self.input_shape))
        object.__setattr__(self, "nodes", _sorted(tuple(self.nodes)))
        object.__setattr__(self, "shapes", MappingProxyType(_shapes(self)))
        object.__setattr__(self, "output", _end(self.nodes))

    shapes: Mapping[str, Shape] = None  # type: ignore[assignment]
    output: str = None  # type: ignore[assignment]

    @staticmethod
    def sequential(
        layers: Iterable[Layer] | Mapping[str, Layer], *, input_shape: Sequence[int]
    ) -> "Network":
        """A chain of layers; a mapping gives their names, a list numbers them by kind."""
        named = layers.items() if isinstance(layers, Mapping) else _numbered(list(layers))
        nodes, before = [], INPUT
        for name, layer in named:
            nodes.append(Node(name=name, layer=layer, inputs=(before,)))
            before = name
        return Network(nodes=tuple(nodes), input_shape=input_shape)  # type: ignore[arg-type]

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(
            f"no layer {name!r}; the network has {', '.join(n.name for n in self.nodes)}"
        )

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that ``name`` feeds."""
        return tuple(node for node in self.nodes if name in node.inputs)

    @property
    def output_shape(self) -> Shape:
        return self.shapes[self.output]

    def __str__(self) -> str:
        rows = [f"input  {self.input_shape}"]
        for node in self.nodes:
            fed = "" if len(self.nodes) == 1 else f"  <- {', '.join(node.inputs)}"
            rows.append(f"{node.name}  {node.layer!r}  {self.shapes[node.name]}{fed}")
        return "\n".join(rows)


def _numbered(layers: list[Layer]) -> list[tuple[str, Layer]]:
    """Names such as conv1, relu1, conv2: the kind in short and its number."""
    count: dict[str, int] = {}
    named = []
    for layer in layers:
        kind = SHORT_NAMES.get(type(layer).__name__, type(layer).__name__.lower())
        count[kind] = count.get(kind, 0) + 1
        named.append((f"{kind}{count[kind]}", layer))
    return named


def _checked_shape(shape: Sequence[int]) -> Shape:
    try:
        good = tuple(operator.index(n) for n in shape)
    except TypeError:
        good = ()
    if len(good) not in (1, 3) or min(good) < 1:
        raise GraphError(
            f"input_shape is {shape!r}; give (n,) or (channels, rows, columns), all positive"
        )
    return good


def _sorted(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Nodes in topological order, the given order where it is free."""
    if not nodes:
        raise GraphError("the network has no layers; give at least one")
    names = [node.name for node in nodes]
    _check_names(nodes, names)
    done, order, left = {INPUT}, [], list(nodes)
    while left:
        ready = [node for node in left if done.issuperset(node.inputs)]
        if not ready:
            raise GraphError(
                f"the layers {', '.join(node.name for node in left)} feed each other in a cycle"
            )
        order.append(ready[0])
        done.add(ready[0].name)
        left.remove(ready[0])
    return tuple(order)


def _check_names(nodes: tuple[Node, ...], names: list[str]) -> None:
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles or INPUT in names:
        raise GraphError(f"layer names must be unique and not {INPUT!r}; see {doubles or INPUT}")
    for node in nodes:
        if not isinstance(node.name, str) or not node.name:
            raise GraphError(f"layer names must be texts that are not empty; see {node.name!r}")
        if not isinstance(node.layer, Layer):
            raise GraphError(
                f"{node.name}: {type(node.layer).__name__} is not a layer of bioconv.graph"
            )
        unknown = [name for name in node.inputs if name not in names and name != INPUT]
        if unknown:
            raise GraphError(f"{node.name}: fed by {unknown}, which the network does not have")
        many = isinstance(node.layer, (Add, Concatenate))
        if (len(node.inputs) < 2) if many else (len(node.inputs) != 1):
            needs = "two or more inputs" if many else "one input"
            raise GraphError(
                f"{node.name}: {type(node.layer).__name__} takes {needs}, it has {node.inputs}"
            )


def _shapes(network: Network) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {INPUT: network.input_shape}
    for node in network.nodes:
        try:
            shapes[node.name] = output_shape(node.layer, *(shapes[name] for name in node.inputs))
        except GraphError as error:
            raise GraphError(f"layer {node.name!r}: {error}") from None
    return shapes


def _end(nodes: tuple[Node, ...]) -> str:
    used = {name for node in nodes for name in node.inputs}
    ends = [node.name for node in nodes if node.name not in used]
    if len(ends) != 1:
        raise GraphError(f"the network must have one output; these layers feed nothing: {ends}")
    return ends[0]
