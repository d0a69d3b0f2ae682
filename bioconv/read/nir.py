"""NIR graphs of other tools, as spiking networks.

NIR (the Neuromorphic Intermediate Representation) describes neurons by differential equations in continuous time, without
a time step. Here they become the step-by-step neurons of :mod:`bioconv.neurons.nir_neurons`, whose tables say what a
step computes. Within a step, population after population in the order of the graph takes what has arrived in it, compares
with the threshold, sends and is reset. What closes a cycle arrives one step later, or after the delays on its way if
those are longer.

A NIR file leaves open what a simulation must know; what it does not say is asked for, or inferred and
noted in ``network.report.notes``:

============ ==========================================================================================
``dt``       from ``metadata``, or from neurons whose ``r`` is ``1/dt`` (I, IF) or ``tau/dt``
``reset``    from ``metadata``, else "zero", which NIR's equations say
``spikes``   from ``metadata``, else "dirac" for I and IF with ``r = 1``, whose input counts whole, and "step"
============ ==========================================================================================
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bioconv.errors import GraphError, ParameterError, ReadError
from bioconv.graph import (
    INPUT,
    AvgPool2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Reshape,
    Scale,
    SumPool2d,
    output_shape,
)
from bioconv.hdf5 import tree
from bioconv.neurons.nir_neurons import (
    INTEGRATORS,
    NEURON_FIELDS,
    RESETS,
    SPIKES,
    VALUED,
    nir_neuron,
    sends_values,
)
from bioconv.read.assembly import Delay, Part, assembled
from bioconv.read.nir_graph import Flat, Node, flat
from bioconv.spiking import SpikingNetwork

Shape = tuple[int, ...]
_OPTIONS = {"reset": RESETS, "spikes": SPIKES, "integrator": INTEGRATORS}
#: Neurons of a layer above which a graph is refused, inputs with their padding included.
NEURONS = 2**23
#: Steps above which a delay is refused.
LONGEST = 100_000
#: Relative difference below which two numbers of a file, often single precision, count as equal.
NEAR = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class _Choices:
    """What a simulation must know beyond the graph. ``spikes`` None: it depends on the neuron.

    What the caller did not give (``given``) may stand in the metadata of a neuron.
    """

    dt: float
    reset: str
    spikes: str | None
    integrator: str
    given: frozenset[str]
    notes: tuple[str, ...]

    def of(self, node: Node, name: str) -> str:
        """The reset, spikes or integrator of a neuron."""
        own = node.fields.get("metadata")
        if name not in self.given and isinstance(own, Mapping) and own.get(name) is not None:
            return _stored(own[name], name, node.name)
        if name == "spikes":
            return _spikes_of(node, self.spikes)
        return str(getattr(self, name))


def is_nir(source: Any) -> bool:
    """Whether it is the path of a NIR file, or a node of the ``nir`` package, which need not be installed."""
    if isinstance(source, (str, os.PathLike)):
        return Path(source).suffix == ".nir"
    return any(t.__module__.split(".")[0] == "nir" for t in type(source).__mro__)


def from_nir(
    source: Any,
    *,
    dt: Any = None,
    reset: str | None = None,
    spikes: str | None = None,
    integrator: str | None = None,
    output: str | None = None,
) -> SpikingNetwork:
    """The spiking network of a NIR graph.

    Parameters
    ----------
    source : path or nir.NIRGraph
        Files are read without the ``nir`` package.
    dt : second or float, optional
        Time step (a plain number counts seconds). The model runs with it.
    reset : {"zero", "subtract"}, optional
        After a spike the potential is ``v_reset``, or loses ``v_threshold - v_reset``.
    spikes : {"step", "dirac"}, optional
        Whether what arrives in a step is a current held for the step, or a pulse:
        :mod:`bioconv.neurons.nir_neurons`.
    integrator : {"euler", "exact"}, optional
        Euler unless given.
    output : str, optional
        Name of the output, or of another node that answers, where there are several.

    Returns
    -------
    SpikingNetwork
        Several inputs become one that is flat: their values one after another, as the notes say.

    Raises
    ------
    ReadError
        Naming node and field that are wrong, or what must be given.

    Examples
    --------
    >>> model = bioconv.to_brian(bioconv.from_nir("net.nir", dt=0.1*ms), encoder="events")
    """
    if isinstance(source, (str, os.PathLike)):
        graph = _of_file(source)
    elif is_nir(source):
        graph = source.to_dict()
    else:
        raise ReadError(
            f"cannot read NIR from {type(source).__name__}; give a path or nir.NIRGraph"
        )
    with np.errstate(all="ignore"):  # what overflows is not finite, and refused
        nodes = flat(graph)
        choices = _chosen(nodes, dt, reset, spikes, integrator)
        network = _Reader(nodes, choices).network(output)
    return replace(_closing(network), dt=choices.dt)


def _of_file(path: str | os.PathLike) -> Any:
    found = tree(path, ReadError)
    if "node" not in found:
        raise ReadError(f"{path}: there is no group node; is it a NIR file?")
    return found["node"]


# -- what the graph leaves open -----------------------------------------------------------------


def _chosen(nodes: Flat, dt: Any, reset: Any, spikes: Any, integrator: Any) -> _Choices:
    notes: list[str] = []
    options = {"reset": reset, "spikes": spikes, "integrator": integrator}
    given = frozenset(name for name, value in options.items() if value is not None)
    reset = _option(nodes, "reset", reset, notes)
    spikes = _option(nodes, "spikes", spikes, notes)
    integrator = _option(nodes, "integrator", integrator, notes) or "euler"
    if reset is None:
        reset = "zero"
        if any("v_threshold" in node.fields for node in nodes.nodes.values()):
            notes.append('the file does not say how neurons are reset: to v_reset (reset="zero")')
    step = _step(nodes, dt, spikes, notes)
    return _Choices(
        dt=step, reset=reset, spikes=spikes, integrator=integrator, given=given, notes=tuple(notes)
    )


def _option(nodes: Flat, name: str, given: Any, notes: list[str]) -> str | None:
    if given is not None:
        if given not in _OPTIONS[name]:
            raise ParameterError(f"{name} is {given!r}; choose one of {', '.join(_OPTIONS[name])}")
        return given
    if nodes.metadata.get(name) is None:
        return None
    text = _stored(nodes.metadata[name], name, "the graph")
    notes.append(f"{name} is {text}, as the file's metadata say")
    return text


def _stored(value: Any, name: str, where: str) -> str:
    text = value.decode("utf8", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str) or text not in _OPTIONS[name]:
        choices = ", ".join(_OPTIONS[name])
        raise ReadError(f"{where}: metadata: {name} is {text!r}; it must be one of {choices}")
    return text


def _step(nodes: Flat, given: Any, spikes: str | None, notes: list[str]) -> float:
    """Seconds of a step: given, of the metadata, or inferred."""
    if given is not None:
        return _positive("dt", given, ParameterError)
    if nodes.metadata.get("dt") is not None:
        dt = _positive("metadata: dt", nodes.metadata["dt"], ReadError)
        notes.append(f"dt is {dt:g} s, as the file's metadata say")
        return dt
    found = {name: dt for name, node in nodes.nodes.items() for dt in _told(node)}
    if found:
        name, dt = next(iter(found.items()))
        if all(abs(other / dt - 1) < NEAR for other in found.values()):
            dt = float(f"{dt:.4g}")
            notes.append(f"dt is {dt:g} s, since {_why(nodes.nodes[name])} in {', '.join(found)}")
            return dt
        told = ", ".join(f"{n}: {value:g} s" for n, value in found.items())
        raise ReadError(
            f"the file does not say dt, and its neurons tell different ones ({told}); give dt="
        )
    timed = [node.name for node in nodes.nodes.values() if _timed(node, spikes)]
    if timed:
        raise ReadError(
            f"the file does not say dt, and {timed[0]} depends on it; give dt=, such as dt=1*ms: "
            "bioconv.from_nir(source, dt=1*ms)"
        )
    notes.append("dt is 1 ms, on which nothing in the file depends")
    return 1e-3


def _positive(name: str, value: Any, error: type[Exception]) -> float:
    try:
        array = np.asarray(value, dtype=float)
        dims = getattr(value, "dim", None)
        number = float(array) if array.ndim == 0 else np.nan
        if dims is not None and [float(n) for n in dims._dims] != [0, 0, 1, 0, 0, 0, 0]:
            number = np.nan
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise error(f"{name} is {value!r}; give a positive time such as 1*ms, or seconds")
    return number


def _told(node: Node) -> Iterator[float]:
    """The time step that a neuron's resistance tells, if it does."""
    if node.kind not in NEURON_FIELDS or node.kind == "Threshold":
        return
    r = node.numbers("r")
    if (r <= 1).any():
        return
    tau = {"I": 1.0, "IF": 1.0}.get(node.kind)
    times = (
        np.asarray(tau) if tau else node.numbers("tau_mem" if "tau_mem" in node.fields else "tau")
    )
    try:
        steps = times / r
    except ValueError:
        return
    first = float(steps.flat[0])
    if first > 0 and (abs(steps / first - 1) < NEAR).all():
        yield first


def _why(node: Node) -> str:
    return "r is 1/dt" if node.kind in ("I", "IF") else "r is tau/dt"


def _timed(node: Node, spikes: str | None) -> bool:
    """Whether what a node does depends on the time step."""
    if node.kind in ("I", "IF"):
        return _spikes_of(node, spikes) == "step"
    return node.kind == "Delay" or (node.kind in NEURON_FIELDS and node.kind != "Threshold")


def _spikes_of(node: Node, spikes: str | None) -> str:
    if spikes is not None:
        return spikes
    whole = node.kind in ("I", "IF") and bool((node.numbers("r") == 1).all())
    return "dirac" if whole else "step"


def _dialects(nodes: Flat, choices: _Choices) -> Iterator[str]:
    """What resistances mean for an input of one, where they follow one of the known customs."""
    found: dict[str, list[str]] = {}
    for node in nodes.nodes.values():
        if node.kind in NEURON_FIELDS and node.kind != "Threshold":
            spikes = choices.of(node, "spikes")
            custom = _custom(node, choices.dt)
            whole = choices.spikes is None and spikes == "dirac"
            text = f'r is {custom}, spikes="{spikes}"' if custom else f'spikes="{spikes}"'
            text += ": what arrives counts whole" * whole
            found.setdefault(text, []).append(node.name)
    for text, names in found.items():
        yield f"{', '.join(names)}: {text}"


def _custom(node: Node, dt: float) -> str:
    r = node.numbers("r")
    if (r == 1).all():
        return "1"
    if (abs(r * dt - 1) < NEAR).all():
        return "1/dt"
    tau = {"LI": "tau", "LIF": "tau", "CubaLI": "tau_mem", "CubaLIF": "tau_mem"}.get(node.kind)
    try:
        whole = tau is not None and (abs(r * dt / node.numbers(tau) - 1) < NEAR).all()
    except ValueError:
        whole = False
    if not whole:
        return ""
    w_in = node.numbers("w_in", 1.0) if node.kind.startswith("Cuba") else None
    if w_in is not None and w_in.shape == node.numbers("tau_syn").shape:
        same = (abs(w_in * dt / node.numbers("tau_syn") - 1) < NEAR).all()
        return "tau/dt, w_in too" if same else "tau/dt"
    return "tau/dt"


# -- from nodes to parts ------------------------------------------------------------------------


class _Reader:
    """Walks a graph from its input, and makes parts of nodes when the shape that reaches them is known."""

    def __init__(self, nodes: Flat, choices: _Choices):
        self.nodes, self.choices = nodes, choices
        self.notes = [*nodes.notes, *choices.notes, *_dialects(nodes, choices)]
        #: {node: what its parts do, one after another}
        self.chains: dict[str, list[Any]] = {}
        #: Nodes that get what the network is shown.
        self.begins: set[str] = set()
        self.followers: dict[str, list[Node]] = {name: [] for name in nodes.nodes}
        for name, sources in nodes.inputs.items():
            for source in sources:
                self.followers[source].append(nodes.nodes[name])

    def network(self, output: str | None) -> SpikingNetwork:
        input_shape, shapes = self._stimulus()
        waiting = list(shapes)
        while waiting:
            name = waiting.pop(0)
            for node in self.followers[name]:
                if node.name not in shapes:
                    shapes[node.name] = self._made(node, shapes[name])
                    waiting.append(node.name)
        lost = [name for name in self.nodes.nodes if name not in shapes]
        if lost:
            raise ReadError(f"nothing that begins at an input reaches {', '.join(lost[:20])}")
        parts = list(self._parts())
        answer, more = self._answer(output)
        return assembled([*parts, *more], input_shape, output=answer, notes=tuple(self.notes))

    def _stimulus(self) -> tuple[Shape, dict[str, Shape]]:
        """Shape of what the network is shown, and {node: output shape} of where it enters."""
        stimuli = [self.nodes.nodes[name] for name in self.nodes.stimuli]
        if not stimuli:
            return self._implied()
        shapes = {node.name: _checked(node, node.shape()) for node in stimuli}
        if len(stimuli) == 1:
            return shapes[stimuli[0].name], shapes
        sizes = [prod(shape) for shape in shapes.values()]
        total = sum(sizes)
        if total > 8192:
            raise ReadError(f"{len(stimuli)} inputs of together {total} values; at most 8192")
        places = np.split(np.eye(total), np.cumsum(sizes)[:-1])
        for (name, shape), rows in zip(shapes.items(), places, strict=True):
            self.chains[name] = [Dense(weight=rows), Reshape(shape=shape)]
            self.begins.add(name)
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        self.notes.append(f"the input is flat: the values of {said}, one after another")
        return (total,), shapes

    def _implied(self) -> tuple[Shape, dict[str, Shape]]:
        """A graph without inputs is shown what its only beginning takes."""
        starts = [name for name, sources in self.nodes.inputs.items() if not sources]
        shape = _wanted(self.nodes.nodes[starts[0]]) if len(starts) == 1 else None
        if shape is None:
            raise ReadError("the graph has no node of kind Input, and nothing else tells its shape")
        node = self.nodes.nodes[starts[0]]
        self.notes.append(f"the file has no Input: {node.name} gets what the network is shown")
        self.begins.add(node.name)
        return shape, {node.name: self._made(node, _checked(node, shape))}

    def _made(self, node: Node, shape: Shape) -> Shape:
        """The output shape of a node for an input shape; its parts are kept."""
        if node.kind in ("Input", "Output"):
            return shape
        try:
            if node.kind in NEURON_FIELDS:
                self.chains[node.name] = [self._neuron(node, shape)]
                return shape
            chain = self._linear(node, shape)
            self.chains[node.name] = chain
            for what in chain:
                shape = output_shape(what, shape) if isinstance(what, Layer) else shape
        except (GraphError, ParameterError) as error:
            raise ReadError(f"{node.name} ({node.kind}): {error}") from None
        return _checked(node, shape)

    def _linear(self, node: Node, shape: Shape) -> list[Any]:
        if node.kind in ("Affine", "Linear"):
            return _affine(node, shape)
        if node.kind == "Scale":
            return [Scale(factor=self._fit(node, "scale", shape))]
        if node.kind == "Conv1d":
            return _conv1d(node, shape)
        if node.kind == "Conv2d":
            return [_conv(node, shape, node.numbers("weight", ndim=4), 2)]
        if node.kind == "Flatten":
            return [Reshape(shape=self._flattened(node, shape))]
        if node.kind == "Delay":
            return [self._delay(node, shape)]
        return [_pool(node, shape)]

    def _neuron(self, node: Node, shape: Shape) -> Any:
        defaults = {"v_reset": 0.0, "w_in": 1.0}
        values = {
            name: self._fit(node, name, shape, defaults.get(name))
            for name in NEURON_FIELDS[node.kind]
        }
        for name, value in values.items():
            if name.startswith("tau") and (value <= 0).any():
                raise node.error(name, "is not positive everywhere; it counts seconds")
        return nir_neuron(
            node.kind,
            values,
            dt=self.choices.dt,
            reset=self.choices.of(node, "reset"),
            spikes=self.choices.of(node, "spikes"),
            integrator=self.choices.of(node, "integrator"),
            sends=node.kind in VALUED and self._sends(node),
        )

    def _sends(self, node: Node) -> bool:
        """Whether the node feeds others than an output at which the graph ends."""
        return any(f.kind != "Output" or self._sends(f) for f in self.followers[node.name])

    def _delay(self, node: Node, shape: Shape) -> Delay:
        waits = self._fit(node, "delay", shape) / self.choices.dt
        if (waits < 0).any() or (waits > LONGEST).any():
            raise node.error("delay", f"reaches {waits.max():g} steps; from 0 to {LONGEST} can be")
        steps = np.round(waits).astype(int)
        if (abs(steps - waits) > 1e-3).any():
            self.notes.append(f"{node.name}: delays were rounded to steps of {self.choices.dt:g} s")
        return Delay(steps=steps)

    def _flattened(self, node: Node, shape: Shape) -> Shape:
        """NIR counts axes without that of the samples; some writers count it."""
        first, last = node.whole("start_dim", 1, 1)[0], node.whole("end_dim", -1, 1)[0]
        n, total = len(shape), (prod(shape),)
        start, end = first + n * (first < 0), last + n * (last < 0)
        counted = start == n or total in [_wanted(f) for f in self.followers[node.name]]
        if counted and first == 1 and last in (-1, n):
            if len(shape) > 1:
                self.notes.append(f"{node.name}: start_dim counts the axis of the samples")
            return total
        if not 0 <= start <= end < n:
            raise node.error(
                "start_dim", f"and end_dim are {first} and {last}, the input is {shape}"
            )
        return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])

    def _fit(self, node: Node, name: str, shape: Shape, default: Any = None) -> np.ndarray:
        """A parameter that broadcasts against the node's shape: one value, one a channel, one a neuron."""
        values = node.numbers(name, default)
        if values.size == 1:
            return values.reshape(())
        if [n for n in values.shape if n > 1] == [n for n in shape if n > 1]:
            return values.reshape(shape)
        if values.shape == shape[:1]:
            self.notes.append(f"{node.name}: {name} has a value for every channel")
            return values.reshape(-1, *[1] * (len(shape) - 1))
        if values.ndim == len(shape) and all(
            a in (1, b) for a, b in zip(values.shape, shape, strict=True)
        ):
            return values
        raise node.error(name, f"has shape {values.shape}, the neurons have {shape}")

    # -- how parts follow each other ----------------------------------------------------------

    def _parts(self) -> Iterator[Part]:
        for node, chain in self.chains.items():
            inputs: tuple[str, ...] = (*[INPUT] * (node in self.begins), *self._sources(node))
            for n, what in enumerate(chain, start=1):
                name = _part(node) if n == len(chain) else f"{_part(node)}:{n}"
                yield Part(name=name, what=what, inputs=inputs)
                inputs = (name,)

    def _sources(self, name: str) -> list[str]:
        """Parts that feed a node, through inputs and outputs that pass on what they get."""
        found: list[str] = []
        stack, steps = list(self.nodes.inputs[name]), 0
        while stack:
            source, steps = stack.pop(0), steps + 1
            if steps > 1000:
                raise ReadError(
                    f"{name}: more than 1000 ways lead to it through inputs and outputs"
                )
            if source in self.chains:
                found.append(_part(source))
            elif source in self.nodes.stimuli:
                found.append(INPUT)
            else:
                stack = [*self.nodes.inputs[source], *stack]
        return found

    def _answer(self, output: str | None) -> tuple[str | None, list[Part]]:
        """The part that answers, and one more where several feed the output."""
        outputs = self.nodes.outputs
        if output is None and len(outputs) > 1:
            raise ReadError(f"the graph has the outputs {', '.join(outputs)}; name one as output=")
        name = output or (outputs[0] if outputs else None)
        if name is None:
            return None, []
        if name not in self.nodes.nodes:
            raise ReadError(f"output is {name!r}; the nodes are {', '.join(self.nodes.nodes)}")
        if name in self.chains:
            return _part(name), []
        found = [INPUT] if name in self.nodes.stimuli else self._sources(name)
        if len(found) == 1 and found[0] != INPUT:
            return found[0], []
        return _part(name), [Part(name=_part(name), what=Dropout(), inputs=tuple(found))]


def _part(node: str) -> str:
    return "input_" if node == INPUT else node


def _checked(node: Node, shape: Shape) -> Shape:
    if prod(shape) > NEURONS:
        raise ReadError(f"{node.name} ({node.kind}): {shape} is more than {NEURONS} neurons")
    return shape


def _wanted(node: Node) -> Shape | None:
    """The input shape that a node's own arrays tell, if they do."""
    if node.kind in ("Affine", "Linear"):
        weight = node.numbers("weight")
        return (*weight.shape[:-2], weight.shape[-1]) if weight.ndim > 1 else None
    names = {"Scale": ("scale",), "Delay": ("delay",), **NEURON_FIELDS}.get(node.kind, ())
    shapes = [node.numbers(name).shape for name in names if node.fields.get(name) is not None]
    return max(shapes, key=prod) or None if shapes else None


def _affine(node: Node, shape: Shape) -> list[Any]:
    """A matrix; of a stack of matrices each acts on its own row of the input."""
    weight = node.numbers("weight")
    bias = node.numbers("bias") if node.kind == "Affine" else None
    if weight.ndim < 2:
        raise node.error("weight", f"has shape {weight.shape}; it needs (out, in)")
    *stack, n_out, n_in = weight.shape
    if bias is not None and bias.shape != (*stack, n_out):
        raise node.error(
            "bias", f"has shape {bias.shape}; weight {weight.shape} needs {(*stack, n_out)}"
        )
    if not stack:
        return [Dense(weight=weight, bias=bias)]
    n = prod(stack)
    if n * n * n_out * n_in > NEURONS:
        raise node.error("weight", f"has shape {weight.shape}; so large a stack cannot be read")
    full = np.zeros((n, n_out, n, n_in))
    full[np.arange(n), :, np.arange(n)] = weight.reshape(n, n_out, n_in)
    dense = Dense(
        weight=full.reshape(n * n_out, n * n_in), bias=None if bias is None else bias.ravel()
    )
    if shape != (*stack, n_in):
        raise node.error("weight", f"has shape {weight.shape}, the input {shape}")
    return [Flatten(), dense, Reshape(shape=(*stack, n_out))]


def _conv1d(node: Node, shape: Shape) -> list[Any]:
    """A convolution of maps with a single row."""
    if len(shape) != 2:
        raise node.error("weight", f"needs an input (channels, n); it gets {shape}")
    weight = node.numbers("weight", ndim=3)
    layer = _conv(node, (shape[0], 1, shape[1]), weight[:, :, None], 1)
    return [Reshape(shape=(shape[0], 1, shape[1])), layer, Reshape(shape=(weight.shape[0], -1))]


def _conv(node: Node, shape: Shape, weight: np.ndarray, sides: int) -> Conv2d:
    row = 2 - sides  # a map of one row has nothing to stride over
    around: Shape = (0,) * row
    settings: dict[str, Any] = {
        name: (*[1] * row, *node.whole(name, 1, sides)) for name in ("stride", "dilation")
    }
    padding = node.fields.get("padding", 0)
    padding = padding.decode("utf8", "replace") if isinstance(padding, bytes) else padding
    if isinstance(padding, str):
        if padding == "same" and set(settings["stride"]) != {1}:
            raise node.error("padding", 'is "same", which has no agreed meaning with a stride')
        settings["padding"] = padding
    else:
        settings["padding"] = (*around, *node.whole("padding", 0, sides))
        _check_padded(node, shape, settings["padding"])
    bias = None if node.fields.get("bias") is None else node.numbers("bias", ndim=1)
    return Conv2d(weight=weight, bias=bias, groups=node.whole("groups", 1, 1)[0], **settings)


def _check_padded(node: Node, shape: Shape, padding: Shape) -> None:
    if len(shape) == 3:
        rows, columns = (n + 2 * max(p, 0) for n, p in zip(shape[1:], padding, strict=True))
        _checked(node, (shape[0], rows, columns))


def _pool(node: Node, shape: Shape) -> AvgPool2d | SumPool2d:
    kernel = node.whole("kernel_size", None, 2)
    padding = node.whole("padding", 0, 2)
    _check_padded(node, shape, padding)
    stride = kernel if node.fields.get("stride") is None else node.whole("stride", None, 2)
    kind = AvgPool2d if node.kind == "AvgPool2d" else SumPool2d
    return kind(kernel=kernel, stride=stride, padding=padding)


def _closing(network: SpikingNetwork) -> SpikingNetwork:
    """What closes a cycle waits one step without being told: delays on its way contain that step."""
    place = {population.name: n for n, population in enumerate(network.populations)}
    projections = tuple(
        replace(p, delay=max(p.delay - 1, 0))
        if p.source in place and place[p.source] >= place[p.target]
        else p
        for p in network.projections
    )
    for p in projections:
        sends = p.source in place and sends_values(network[p.source].neuron)
        if p.delay and sends:
            raise ReadError(
                f"{network[p.source].node}: its potential goes through a Delay; bioconv delays spikes. Put "
                "the Delay before it, or behind a neuron that spikes"
            )
    return replace(network, projections=projections)
