"""From the parts of a trained spiking network to populations and projections.

Frameworks and files describe a spiking network as neurons with linear parts between them. Here every way
from one population to the next becomes a projection, and what the linear parts add to silence
becomes the population's bias. A part with several inputs gets their sum.
"""

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from bioconv.errors import GraphError, ReadError
from bioconv.graph import (
    INPUT,
    BatchNorm,
    Conv2d,
    Dropout,
    Layer,
    MaxPool2d,
    Scale,
    SumPool2d,
    Weighted,
    forward,
    output_shape,
)
from bioconv.neurons import Discrete
from bioconv.spiking import Population, Projection, SpikingNetwork, Stimulus

Shape = tuple[int, ...]
#: What may stand between two neurons.
Linear = Any
#: Ways between two populations above which a graph is refused.
WAYS = 1000

#: A neuron without memory that sends a spike where one arrives: the OR of a max-pooling window.
OR = Discrete(
    label="OR of a window",
    update="v = drive",
    spike="v > V_th",
    potentials={"V_th": 0.5},
)
#: What stands at the end of a network whose last part is linear: ``v`` is its value in every step.
VALUE = Discrete(
    label="linear readout",
    update="v = drive",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Delay:
    """Spikes wait so many steps.

    Attributes
    ----------
    steps : int, or int array that broadcasts against the input
    """

    steps: Any

    def __post_init__(self):
        steps = np.asarray(self.steps)
        if steps.dtype.kind not in "iu" or (steps < 0).any():
            raise GraphError(f"Delay: steps are {self.steps!r}; give whole numbers from 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuNorm:
    """Takes a running mean over all maps at a position away from every map's spikes.

    ``x = decay x + (1 - decay)/F^2 sum of the F maps' spikes``, and ``o - gain x`` is sent on. The mean is a
    linear filter of spikes, so it stands at the neurons that receive it, as another input that decays.

    Attributes
    ----------
    decay : float
    gain : array that broadcasts against (maps, rows, columns)

    References
    ----------
    Wu, Deng, Li, Zhu, Xie & Shi (2019), AAAI, arXiv 1809.05793.
    """

    gain: Any
    decay: float = 0.9

    def __post_init__(self):
        if not 0 <= self.decay < 1:
            raise GraphError(f"NeuNorm: decay is {self.decay!r}; give a number from 0 to below 1")

    def mean(self, shape: Shape) -> tuple[Layer, ...]:
        """What a step's spikes add to ``gain x``."""
        if len(shape) != 3:
            raise GraphError(f"NeuNorm: input has shape {shape}; it needs (maps, rows, columns)")
        maps = shape[0]
        weight = np.full((maps, maps, 1, 1), (1 - self.decay) / maps**2)
        return Conv2d(weight=weight), Scale(factor=np.asarray(self.gain, dtype=float))


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A neuron or linear part of a trained network, and the names of the parts that feed it."""

    name: str
    what: Layer | Discrete | Delay | NeuNorm
    inputs: tuple[str, ...]


def assembled(
    parts: Sequence[Part],
    input_shape: Shape,
    *,
    output: str | None = None,
    notes: Sequence[str] = (),
) -> SpikingNetwork:
    """The spiking network of parts that feed each other, in any order, from ``"input"`` on.

    A cycle must lead through a neuron; what it sends back arrives one step later. Max-pooling becomes
    neurons that spike where any of a window does.

    Parameters
    ----------
    output : str, optional
        Name of the part that answers; the only one that feeds no other unless given.
    notes : sequence of str
        What the reader assumed, for the model's text.

    Raises
    ------
    ReadError
        If parts are missing, do not fit each other, or if a cycle has no neuron.
    """
    graph = _Graph(parts, input_shape, output)
    names = _identifiers(graph.neurons)
    populations = tuple(
        Population(
            name=names[name],
            shape=graph.shapes[name],
            node=name,
            neuron=replace(graph.neuron(name), filtered=graph.means(name)),
            bias=graph.silence(name),
        )
        for name in graph.neurons
    )
    return SpikingNetwork(
        stimulus=Stimulus.any(input_shape),
        populations=populations,
        projections=tuple(_projections(graph, names)),
        output=names[graph.output],
        report=Trained(notes=tuple(notes)),
    )


def spiking_network(
    layers: Sequence[Any] | Mapping[str, Any], input_shape: Shape
) -> SpikingNetwork:
    """The spiking network of neurons and linear layers one after another.

    Parameters
    ----------
    layers : sequence, or mapping from names
        Layers of :mod:`bioconv.graph`, :class:`bioconv.Discrete` neurons (those of training methods are in
        :mod:`bioconv.neurons.published`), :class:`Delay`, :class:`NeuNorm`.
    input_shape : tuple of int

    Raises
    ------
    ReadError
        If they do not fit each other.

    Examples
    --------
    >>> from bioconv.graph import Dense
    >>> from bioconv.neurons.published import plif
    >>> network = bioconv.spiking_network([Dense(weight=W1), plif(), Dense(weight=W2), plif()], (784,))
    >>> model = bioconv.to_brian(network, encoder="frames")
    """
    named = layers.items() if isinstance(layers, Mapping) else _numbered(layers)
    parts, before = [], INPUT
    for name, what in named:
        parts.append(Part(name=name, what=what, inputs=(before,)))
        before = name
    return assembled(parts, tuple(input_shape))


def _numbered(layers: Sequence[Any]) -> list[tuple[str, Any]]:
    """Neurons as layer1, layer2; what stands between them by its kind and place."""
    named, neurons = [], 0
    for place, what in enumerate(layers):
        neurons += isinstance(what, Discrete)
        own = f"layer{neurons}" if isinstance(what, Discrete) else f"{type(what).__name__}{place}"
        named.append((own, what))
    return named


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """How a trained spiking network was read."""

    notes: tuple[str, ...]


class _Graph:
    """Checked parts in an order in which only what closes a cycle points back."""

    def __init__(self, parts: Sequence[Part], input_shape: Shape, output: str | None):
        self.input_shape = tuple(input_shape)
        _check_names(parts)
        self.parts = {part.name: part for part in _expanded(parts)}
        self.order = self._ordered()
        self.output = self._output(output)
        self.shapes = self._shaped()
        self.neurons = [name for name in self.order if self.is_neuron(name)]
        self._values: dict[str, np.ndarray] = {}

    def neuron(self, name: str) -> Discrete:
        what = self.parts[name].what
        assert isinstance(what, Discrete)
        return what

    def means(self, name: str) -> dict[str, float]:
        """{input of a neuron that remembers: its decay}: one for every kind of NeuNorm on its ways."""
        found = dict(self.neuron(name).filtered)
        for _, parts in self.ways(name):
            found |= {_mean_of(part): part.decay for part in parts if isinstance(part, NeuNorm)}
        return found

    def is_neuron(self, name: str) -> bool:
        return name != INPUT and isinstance(self.parts[name].what, Discrete)

    def _output(self, output: str | None) -> str:
        ends = self._ends()
        if output is None:
            if len(ends) != 1:
                raise ReadError(f"the network has no single end; name one of {ends} as output=")
            output = ends[0]
        if output not in self.parts:
            raise ReadError(f"output is {output!r}; the parts are {', '.join(self.parts)}")
        if not self.is_neuron(output):
            name = f"{output}.value"
            self.parts[name] = Part(name=name, what=VALUE, inputs=(output,))
            self.order.append(name)
            output = name
        return output

    def _ends(self) -> list[str]:
        """Parts that feed no other, and neurons that feed only earlier ones or themselves."""
        used = {name for part in self.parts.values() for name in part.inputs}
        ends = {name for name in self.parts if name not in used}
        place = {name: n for n, name in enumerate(self.order)}
        later = {
            source
            for target in self.order
            if self.is_neuron(target) or target in ends
            for source, _ in self.ways(target)
            if source != INPUT and place[source] < place[target]
        }
        ends |= {name for name in self.order if self.is_neuron(name) and name not in later}
        return [name for name in self.parts if name in ends]

    def _ordered(self) -> list[str]:
        """Reverse postorder of a depth-first walk from the input."""
        follows: dict[str, list[str]] = {name: [] for name in (INPUT, *self.parts)}
        for part in self.parts.values():
            for name in part.inputs:
                follows[name].append(part.name)
        seen, done = {INPUT}, []
        stack = [(INPUT, iter(follows[INPUT]))]
        while stack:
            name, rest = stack[-1]
            fresh = next((after for after in rest if after not in seen), None)
            if fresh is None:
                done.append(name)
                stack.pop()
            else:
                seen.add(fresh)
                stack.append((fresh, iter(follows[fresh])))
        lost = [name for name in self.parts if name not in seen]
        if lost:
            raise ReadError(f"nothing that begins at the input reaches {', '.join(lost)}")
        self._check_cycles()
        return [name for name in reversed(done) if name != INPUT]

    def _check_cycles(self) -> None:
        """Linear parts that feed each other without a neuron between them have no meaning."""
        left = {
            name: {i for i in part.inputs if i != INPUT and not self.is_neuron(i)}
            for name, part in self.parts.items()
            if not self.is_neuron(name)
        }
        while left:
            ready = [name for name, needs in left.items() if not needs & left.keys()]
            if not ready:
                raise ReadError(f"{', '.join(left)} feed each other in a cycle without a neuron")
            for name in ready:
                del left[name]

    def _shaped(self) -> dict[str, Shape]:
        """Output shapes, of what does not come back first."""
        shapes: dict[str, Shape] = {INPUT: self.input_shape}
        for name in self.order:
            known = {shapes[i] for i in self.parts[name].inputs if i in shapes}
            if len(known) != 1:
                raise ReadError(f"{name}: its inputs have shapes {sorted(known)}; they must agree")
            shapes[name] = self._shape(name, known.pop())
        for name, part in self.parts.items():
            found = {shapes[i] for i in part.inputs}
            if len(found) != 1 or (self.is_neuron(name) and found != {shapes[name]}):
                raise ReadError(
                    f"{name}: its inputs have shapes {sorted(found)}, what comes back to it included; they "
                    "must agree"
                )
        return shapes

    def _shape(self, name: str, shape: Shape) -> Shape:
        what = self.parts[name].what
        if isinstance(what, Discrete):
            for parameter, (values, _) in what.parameters.items():
                _check_broadcast(name, parameter, values, shape)
            return shape
        if isinstance(what, Delay):
            _check_broadcast(name, "steps", np.asarray(what.steps), shape)
            return shape
        try:
            if isinstance(what, NeuNorm):
                return output_shape(what.mean(shape)[1], shape)
            return output_shape(what, shape)
        except GraphError as error:
            raise ReadError(f"{name}: {error}") from None

    def silence(self, name: str) -> np.ndarray:
        """(*shape) what arrives at a neuron in every step when nothing spikes."""
        total = np.zeros(self.shapes[name])
        for feeding in self.parts[name].inputs:
            total = total + self._value(feeding)
        return total

    def _value(self, name: str) -> np.ndarray:
        if name == INPUT or self.is_neuron(name):
            return np.zeros(self.shapes[name])
        if name not in self._values:
            total = np.zeros(self.shapes[self.parts[name].inputs[0]])
            for feeding in self.parts[name].inputs:
                total = total + self._value(feeding)
            what = self.parts[name].what
            if isinstance(what, (Delay, NeuNorm)):
                if total.any():
                    kind = type(what).__name__
                    raise ReadError(
                        f"{name}: a {kind} behind a bias; put the bias behind the {kind}, or drop it"
                    )
                value = total
            elif isinstance(what, Weighted) and not total.any():
                bias = np.zeros(1) if what.bias is None else what.bias
                shape = self.shapes[name]
                value = np.broadcast_to(bias.reshape(-1, *[1] * (len(shape) - 1)), shape)
            else:
                assert isinstance(what, Layer)
                value = forward(what, total[None])[0]
            self._values[name] = value
        return self._values[name]

    def ways(self, name: str) -> Iterator[tuple[str, tuple[Linear, ...]]]:
        """(source, linear parts in their order) of every way to a neuron."""
        count = 0
        stack: list[tuple[str, tuple[Any, ...]]] = [(i, ()) for i in self.parts[name].inputs]
        while stack:
            at, behind = stack.pop(0)
            if at == INPUT or self.is_neuron(at):
                count += 1
                if count > WAYS:
                    raise ReadError(f"{name}: more than {WAYS} ways lead to it; sum them up before")
                yield at, behind
                continue
            part = self.parts[at]
            stack[0:0] = [(i, (part.what, *behind)) for i in part.inputs]


def _check_names(parts: Sequence[Part]) -> None:
    names = [part.name for part in parts]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles or INPUT in names or not names:
        raise ReadError(
            f"parts must have names of their own, not {INPUT!r}; see {doubles or names}"
        )
    for part in parts:
        unknown = [name for name in part.inputs if name not in names and name != INPUT]
        if unknown:
            raise ReadError(f"{part.name}: fed by {unknown}, which the network does not have")
        if not part.inputs:
            raise ReadError(f"{part.name}: nothing feeds it")


def _expanded(parts: Sequence[Part]) -> Iterator[Part]:
    """Max-pooling as the sum over a window, and neurons that spike where it is above zero."""
    for part in parts:
        if isinstance(part.what, MaxPool2d):
            settings = {field.name: getattr(part.what, field.name) for field in fields(part.what)}
            together = f"{part.name}.sum"
            yield Part(name=together, what=SumPool2d(**settings), inputs=part.inputs)
            yield Part(name=part.name, what=OR, inputs=(together,))
        else:
            yield part


def _check_broadcast(name: str, parameter: str, values: np.ndarray, shape: Shape) -> None:
    try:
        fits = np.broadcast_shapes(values.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ReadError(f"{name}: {parameter} has shape {values.shape}, the neurons have {shape}")


def _projections(graph: _Graph, names: dict[str, str]) -> Iterator[Projection]:
    used: dict[str, int] = {}
    for target in graph.neurons:
        for source, parts in graph.ways(target):
            for way in _split(parts, graph.shapes[source]):
                sender = INPUT if source == INPUT else names[source]
                name = f"{sender}_to_{names[target]}"
                used[name] = used.get(name, 0) + 1
                yield Projection(
                    name=name if used[name] == 1 else f"{name}_{used[name]}",
                    source=sender,
                    target=names[target],
                    layers=way.layers,
                    shape=graph.shapes[source],
                    gain=-1.0 if way.variable else 1.0,
                    delay=way.delay,
                    variable=way.variable,
                )


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Layers from one population to another, steps of delay, and the input that they lead to."""

    layers: tuple[Layer, ...] = ()
    delay: int = 0
    variable: str = ""


def _split(parts: tuple[Linear, ...], shape: Shape) -> list[_Way]:
    """A way, once for every delay that neurons on it have and for what is taken away as a mean."""
    ways = [_Way()]
    for part in parts:
        if isinstance(part, Delay):
            steps = np.broadcast_to(np.asarray(part.steps), shape)
            ways = [
                replace(
                    way, layers=(*way.layers, *_only(steps, value)), delay=way.delay + int(value)
                )
                for way in ways
                for value in np.unique(steps)
            ]
        elif isinstance(part, NeuNorm):
            mean = part.mean(shape)
            ways += [replace(w, layers=(*w.layers, *mean), variable=_mean_of(part)) for w in ways]
        else:
            linear = _without_bias(part, shape)
            shape = output_shape(part, shape)
            ways = [replace(way, layers=(*way.layers, *linear)) for way in ways]
    return ways


def _mean_of(part: NeuNorm) -> str:
    """Name of the input that remembers with this decay."""
    return "mean_" + re.sub(r"\W", "_", repr(float(part.decay)))


def _only(steps: np.ndarray, value: int) -> tuple[Layer, ...]:
    """What lets through the neurons of one delay."""
    return () if (steps == value).all() else (Scale(factor=(steps == value).astype(float)),)


def _without_bias(layer: Layer, shape: Shape) -> tuple[Layer, ...]:
    if isinstance(layer, Weighted):
        return (replace(layer, bias=None),)
    if isinstance(layer, BatchNorm):
        return (Scale(factor=layer.scale.reshape(-1, *[1] * (len(shape) - 1))),)
    return () if isinstance(layer, Dropout) else (layer,)


def _identifiers(names: Sequence[str]) -> dict[str, str]:
    """{name: name that Brian2 takes, different for different ones}."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "population"
        if plain[0].isdigit() or keyword.iskeyword(plain) or plain == INPUT:
            plain = f"layer_{plain}"
        unique, n = plain, 1
        while unique in found.values():
            n += 1
            unique = f"{plain}_{n}"
        found[name] = unique
    return found
