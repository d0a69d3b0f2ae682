"""A NIR graph as a flat list of checked nodes and edges, whoever wrote it.

Nested graphs are dissolved: node ``lif`` of graph ``rnn`` is called ``rnn/lif``. Inputs and outputs stay as nodes that
pass on what they get. What a file says of shapes is left aside, but for the shape of an input.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.errors import ReadError
from bioconv.neurons.nir_neurons import NEURON_FIELDS

#: {kind: fields that it must have}
FIELDS: dict[str, tuple[str, ...]] = {
    "Input": ("shape",),
    "Output": (),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Conv1d": ("weight",),
    "Conv2d": ("weight",),
    "Scale": ("scale",),
    "Flatten": (),
    "SumPool2d": ("kernel_size",),
    "AvgPool2d": ("kernel_size",),
    "Delay": ("delay",),
    **{
        kind: tuple(name for name in fields if name not in ("v_reset", "w_in"))
        for kind, fields in NEURON_FIELDS.items()
    },
}
GRAPH = "NIRGraph"
#: Graphs in graphs, and nodes, above which a graph is refused.
DEPTH, NODES = 16, 20_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A primitive: its name, what it is, and its fields as they stand in the file."""

    name: str
    kind: str
    fields: Mapping[str, Any]

    def error(self, field: str, text: str) -> ReadError:
        return ReadError(f"{self.name} ({self.kind}): {field} {text}")

    def numbers(self, field: str, default: Any = None, ndim: int | None = None) -> np.ndarray:
        """The field as a finite float64 array.

        Raises
        ------
        ReadError
            Naming node and field, if it is missing, no array of numbers, or of other dimensions.
        """
        value = self.fields.get(field, default)
        if value is None:
            raise self.error(field, "is missing")
        array = _real(value)
        if array is None:
            raise self.error(field, f"holds {_shown(value)}; it must be numbers")
        if ndim is not None and array.ndim != ndim:
            raise self.error(field, f"has shape {array.shape}; it needs {ndim} dimension(s)")
        if array.size == 0 or not np.isfinite(array).all():
            raise self.error(field, "is empty, NaN or infinite; load a finite checkpoint")
        return array

    def whole(self, field: str, default: Any, size: int) -> tuple[int, ...]:
        """The field as ``size`` whole numbers; one number stands for all."""
        array = self.numbers(field, default).ravel()
        if array.size == 1:
            array = np.repeat(array, size)
        if array.size != size or (array != np.round(array)).any() or (abs(array) > 2**31).any():
            raise self.error(field, f"is {_shown(self.fields.get(field))}; give {size} integers")
        return tuple(int(n) for n in array)

    def shape(self) -> tuple[int, ...]:
        """The shape that an input declares."""
        value = self.fields.get("shape")
        array = None if value is None else _real(value)
        if array is None or array.ndim != 1 or array.size == 0 or (array < 1).any():
            raise self.error("shape", f"is {_shown(value)}; give one or more positive integers")
        return self.whole("shape", None, array.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Flat:
    """Nodes and edges without nesting.

    Attributes
    ----------
    nodes : mapping, name -> Node
    inputs : mapping, name -> tuple of str
        Which nodes feed a node, each once.
    stimuli, outputs : tuple of str
        Inputs and outputs of the outermost graph.
    metadata : mapping
        Of the outermost graph.
    notes : tuple of str
    """

    nodes: Mapping[str, Node]
    inputs: Mapping[str, tuple[str, ...]]
    stimuli: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, Any]
    notes: tuple[str, ...]


def flat(graph: Any) -> Flat:
    """The flat form of a graph as nested dicts, as files and ``NIRGraph.to_dict`` hold it.

    Raises
    ------
    ReadError
        Naming the node and the field, or the edge, that is wrong.
    """
    if not isinstance(graph, Mapping):
        raise ReadError("the graph is no group of nodes and edges; is it a NIR file?")
    if _text(graph.get("type")) not in (None, GRAPH):
        graph = {"nodes": {"node": graph}, "edges": ()}
    found = _Found()
    found.add(graph, "", 0)
    inputs: dict[str, list[str]] = {name: [] for name in found.nodes}
    notes = []
    for source, target in found.edges:
        if source in inputs[target]:
            notes.append(f"the edge from {source} to {target} is there twice; it counts once")
        else:
            inputs[target].append(source)
    top = [node for name, node in found.nodes.items() if "/" not in name]
    return Flat(
        nodes=found.nodes,
        inputs={name: tuple(sources) for name, sources in inputs.items()},
        stimuli=tuple(n.name for n in top if n.kind == "Input" and not inputs[n.name]),
        outputs=tuple(n.name for n in top if n.kind == "Output"),
        metadata=graph["metadata"] if isinstance(graph.get("metadata"), Mapping) else {},
        notes=tuple(dict.fromkeys(notes)),
    )


class _Found:
    """Nodes and edges of a graph and of those in it."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        #: {graph: {"Input": names of its inputs, "Output": …}}
        self.ports: dict[str, dict[str, list[str]]] = {}

    def add(self, graph: Mapping[str, Any], name: str, depth: int) -> None:
        where = name or "the graph"
        nodes = graph.get("nodes")
        if not isinstance(nodes, Mapping) or not nodes:
            raise ReadError(f"{where}: nodes is missing or empty; is it a NIR graph?")
        if depth > DEPTH or len(self.nodes) + len(nodes) > NODES:
            raise ReadError(f"{where}: graphs are nested {DEPTH} deep or have {NODES} nodes")
        ports: dict[str, list[str]] = {"Input": [], "Output": []}
        for key, item in nodes.items():
            inner = f"{name}/{key}" if name else str(key)
            kind = _text(item.get("type")) if isinstance(item, Mapping) else None
            if kind == GRAPH:
                self.add(item, inner, depth + 1)
                continue
            if kind is None or kind not in FIELDS:
                shown = "missing" if kind is None else repr(kind)
                raise ReadError(f"{inner}: type is {shown}; known are {', '.join(FIELDS)}, {GRAPH}")
            node = Node(name=inner, kind=kind, fields=item)
            missing = [field for field in FIELDS[kind] if item.get(field) is None]
            if missing:
                raise node.error(missing[0], "is missing")
            self.nodes[inner] = node
            if kind in ports:
                ports[kind].append(inner)
        self.ports[name] = ports
        for source, target in _edges(graph.get("edges"), where):
            names = self._end(name, source, "Output"), self._end(name, target, "Input")
            self.edges.append(names)

    def _end(self, graph: str, name: str, port: str) -> str:
        """The node at the end of an edge: itself, or a port of a graph."""
        full = f"{graph}/{name}" if graph else name
        if full in self.nodes:
            return full
        if full in self.ports:
            found = self.ports[full][port]
            if len(found) == 1:
                return found[0]
            said = ", ".join(n.removeprefix(f"{full}/") for n in found) or "none"
            raise ReadError(
                f"{graph or 'the graph'}: an edge names {name}, a graph with {len(found)} nodes of kind "
                f"{port} ({said}); write {name}.PORT"
            )
        for n, sign in enumerate(name):
            inner = f"{graph}/{name[:n]}" if graph else name[:n]
            if sign != ".":
                continue
            if f"{inner}/{name[n + 1 :]}" in self.ports.get(inner, {}).get(port, []):
                return f"{inner}/{name[n + 1 :]}"
            if inner in self.nodes and name[n + 1 :] == port.lower():
                return inner
        inside = f"{graph}/" if graph else ""
        known = [n.removeprefix(inside) for n in self.nodes if n.startswith(inside)]
        known = sorted({n.split("/")[0] for n in known})
        raise ReadError(
            f"{graph or 'the graph'}: an edge names the node {name!r}, which is not there; there are "
            f"{', '.join(known[:20])}{' …' * (len(known) > 20)}"
        )


def _edges(edges: Any, where: str) -> Iterator[tuple[str, str]]:
    if edges is None:
        raise ReadError(f"{where}: edges is missing")
    try:
        pairs = list(edges)
    except TypeError:
        raise ReadError(f"{where}: edges is {_shown(edges)}; give pairs of names") from None
    for pair in pairs:
        names = () if isinstance(pair, (str, bytes)) or not np.iterable(pair) else tuple(pair)
        texts = [_text(name) for name in names]
        if len(texts) != 2 or texts[0] is None or texts[1] is None:
            raise ReadError(f"{where}: edges has the entry {_shown(pair)}; give pairs of names")
        yield texts[0], texts[1]


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf8", "replace")
    return str(value) if isinstance(value, str) else None


def _real(value: Any) -> np.ndarray | None:
    """``value`` as a float64 array, None if it is no array of real numbers."""
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except Exception:  # what a foreign array type makes of it
        return None


def _shown(value: Any) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}…"
