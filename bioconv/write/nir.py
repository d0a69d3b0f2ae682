"""Spiking networks as NIR graphs, for all tools that read them.

Converted networks are written in units of the threshold, for the time step and the input of their model:

=========================== ============================================================================
in bioconv                  in NIR
=========================== ============================================================================
IF, delta synapses          IF with ``r = 1``: what arrives counts whole
LIF, delta synapses         LIF with ``r = tau``, exact steps
LIF, exponential synapses   CubaLIF with ``r = tau_mem`` and ``w_in = 1``, exact steps
neurons of a step function  Threshold
readout by potential        I, LI, CubaLI
first potential of IF       potentials that count from it
constant current, bias      what they add in a step, as a bias and in the first weights
average pooling             SumPool2d, its divisor in the weights: more tools read it
=========================== ============================================================================

``bioconv`` spikes where the potential reaches the threshold but for rounding, NIR where it is above: thresholds are written
smaller by that part (1e-9), and ``v_reset`` too where the reset subtracts, so that it subtracts exactly one. The metadata say
what NIR does not: ``dt``, ``reset``, ``spikes`` and ``integrator``, as :func:`bioconv.from_nir` takes them, of
the graph and of neurons that differ.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, prod
from pathlib import Path
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import ConversionError, MissingDependencyError, UnsupportedLayerError
from bioconv.graph import (
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Reshape,
    Scale,
    SumPool2d,
    Weighted,
    ZeroPad2d,
    output_shape,
)
from bioconv.neurons import (
    Delta,
    Discrete,
    Exponential,
    IntegrateFire,
    LeakyIntegrateFire,
    Neuron,
)
from bioconv.neurons.nir_neurons import recognised
from bioconv.neurons.text import ROUNDING
from bioconv.spiking import Population, Projection, SpikingNetwork
from bioconv.version import VERSION

Shape = tuple[int, ...]
Record = dict[str, Any]
#: Version of the format that is written.
FORMAT = "1.0"
ACCEPTED = ("reset",)


def to_nir(
    source: Any,
    file: str | os.PathLike | None = None,
    *,
    accept: Iterable[str] = (),
    dt: Any = None,
    overwrite: bool = False,
) -> Any:
    """A model or a spiking network as a NIR graph.

    Parameters
    ----------
    source : Model or SpikingNetwork
        A spiking network is written as ``bioconv.to_brian`` builds it unless told otherwise: for constant currents.
    file : path, optional
        Where to write it; no other package is needed for that.
    accept : collection of {"reset"}
        What may be lost to other tools. NIR knows no reset by subtraction: it is written into the metadata, which they do not read.
    dt : second, optional
        Of a spiking network without a time step of its own; 1 ms unless given.
    overwrite : bool

    Returns
    -------
    nir.NIRGraph, or the path of the file

    Raises
    ------
    UnsupportedLayerError
        If NIR cannot say what a population or projection does; the message names it.
    ConversionError
        If an option is unknown or the network does not keep to the order of its trainer.
    MissingDependencyError
        If no file is given and the package ``nir`` is not installed.

    Examples
    --------
    >>> bioconv.to_nir(bioconv.to_brian("digits_mlp"), "digits.nir", accept=["reset"])
    """
    accepted = {accept} if isinstance(accept, str) else set(accept)
    if accepted - set(ACCEPTED):
        raise ConversionError(f"accept is {sorted(accepted)}; known are {', '.join(ACCEPTED)}")
    graph = _Writer(_setting(source, dt), accepted).graph()
    if file is None:
        return _nir_object(graph)
    with hdf5.written(file, ConversionError, overwrite) as opened:
        hdf5.fill(opened, {"version": FORMAT, "node": graph})
    return Path(file)


def _nir_object(graph: Record) -> Any:
    try:
        from nir import dict2NIRNode
    except ImportError:
        raise MissingDependencyError(
            "a NIR graph in memory needs the nir package: pip install bioconv[nir]; or give a file"
        ) from None
    return dict2NIRNode({**graph, "type_check": False})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Setting:
    """What is written, and for which steps and input.

    Attributes
    ----------
    dt : float
        Seconds.
    rate : float
        Spikes a step at the maximal rate.
    spiking_input : bool
    rounding : float
        Part of a threshold by which rounding may keep a potential below it.
    """

    network: SpikingNetwork
    dt: float
    rate: float = 1.0
    spiking_input: bool = False
    rounding: float = ROUNDING["double"]


def _setting(source: Any, dt: Any) -> _Setting:
    if isinstance(source, SpikingNetwork):
        own = 1e-3 if source.dt is None else source.dt
        return _Setting(network=source, dt=own if dt is None else float(dt))
    settings = getattr(source, "settings", None)
    if not isinstance(getattr(source, "spiking", None), SpikingNetwork) or settings is None:
        raise ConversionError(
            f"cannot write {type(source).__name__} as NIR; give a Model or a SpikingNetwork: "
            "bioconv.to_nir(bioconv.to_brian(network), file)"
        )
    if dt is not None:
        raise ConversionError("dt is that of the model; leave it out")
    if source.edited:
        raise ConversionError(
            f"{', '.join(source.edited)} was edited in the Brian2 objects, which NIR is not written from; "
            "change the trained weights and convert again"
        )
    if settings.propagation != "synchronous":
        raise ConversionError(
            f"propagation is {settings.propagation!r}: NIR has no windows of layers. Use a model with "
            'propagation="synchronous"'
        )
    return _Setting(
        network=source.spiking,
        dt=float(settings.dt),
        rate=float(settings.max_rate * settings.dt),
        spiking_input=settings.encoder.spikes,
        rounding=ROUNDING[settings.precision],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Written:
    """A population's node, and what its input is multiplied by.

    Attributes
    ----------
    node : record or None
        None for a readout of what arrives: the output itself.
    spikes, current : float
        Of weights on ways that bring spikes, and of currents and biases.
    options : mapping
        ``reset``, ``spikes`` and ``integrator``, where they mean something.
    """

    node: Record | None
    spikes: float = 1.0
    current: float = 1.0
    options: Mapping[str, str]


class _Writer:
    """Nodes and edges of a graph, one after another."""

    def __init__(self, setting: _Setting, accepted: set[str]):
        self.setting, self.network, self.accepted = setting, setting.network, accepted
        self.nodes: dict[str, Record] = {}
        self.edges: list[tuple[str, str]] = []
        names = {p.name for p in self.network.populations}
        self.end = "output" if "output" not in names else "output_node"

    def graph(self) -> Record:
        network = self.network
        stimulus = network.stimulus.name
        self.nodes[stimulus] = {"type": "Input", "shape": np.array(network.stimulus.shape)}
        written = {p.name: self._population(p) for p in network.populations}
        for population in network.populations:
            self._joined(population, written[population.name])
        if self.end not in self.nodes:
            self.nodes[self.end] = self._output()
        if written[network.output].node is not None:
            self.edges.append((network.output, self.end))
        return {
            "type": "NIRGraph",
            "nodes": self.nodes,
            "edges": self.edges,
            "metadata": self._metadata([w.options for w in written.values()]),
        }

    def _output(self) -> Record:
        return {"type": "Output", "shape": np.array(self.network[self.network.output].shape)}

    def _metadata(self, options: list[Mapping[str, str]]) -> Record:
        """What most neurons have in common; what the others have stands with them."""
        common = {
            name: max(values, key=values.count)
            for name in ("reset", "spikes", "integrator")
            if (values := [o[name] for o in options if name in o])
        }
        for node in self.nodes.values():
            own = node.pop("metadata", {})
            other = {name: value for name, value in own.items() if common[name] != value}
            if other:
                node["metadata"] = other
        return {"writer": f"bioconv {VERSION}", "dt": self.setting.dt, **common}

    def _population(self, population: Population) -> _Written:
        neuron = population.neuron
        written = (
            _trained(population, neuron, self.setting.dt)
            if isinstance(neuron, Discrete)
            else _converted(population, neuron, self.setting)
        )
        if written.options.get("reset") == "subtract" and "reset" not in self.accepted:
            raise UnsupportedLayerError(
                f'{population.name}: NIR knows no reset by subtraction. Convert with reset="zero", or '
                'write it into the metadata, which other tools ignore: accept=["reset"]'
            )
        if written.node is not None:
            node = {**written.node, "metadata": dict(written.options)}
            self.nodes[population.name] = node
        return written

    def _joined(self, population: Population, written: _Written) -> None:
        """The ways to a population; its bias goes into the first that can take it."""
        name = population.name if written.node is not None else self.end
        if written.node is None:
            self.nodes[name] = self._output()
        bias = population.bias
        if bias.any():
            bias = bias * written.current
        for projection in self.network.incoming(population.name):
            way = self._way(projection, written)
            taken = way.biased(bias, population.name) if bias.any() else way
            bias = np.zeros_like(bias)
            self._add(projection, taken, name)

    def _way(self, projection: Projection, written: _Written) -> "_Way":
        stimulus = self.network.stimulus
        brought = projection.source == stimulus.name and not self.setting.spiking_input
        trained = isinstance(self.network[projection.target].neuron, Discrete)
        factor = written.current / stimulus.scale if brought and not trained else written.spikes
        return _way(projection, factor)

    def _add(self, projection: Projection, way: "_Way", target: str) -> None:
        at = projection.source
        steps = self._steps(projection)
        if steps:
            shape = projection.shape
            node = {"type": "Delay", "delay": np.full(shape, steps * self.setting.dt)}
            at = self._after(at, f"{projection.name}_delay", node)
        for kind, node in way.nodes:
            at = self._after(at, f"{projection.name}_{kind}", node)
        if (at, target) in self.edges:  # the same way again: an edge counts once
            shape = projection.target_shape
            at = self._after(
                at, f"{projection.name}_same", {"type": "Scale", "scale": np.ones(shape)}
            )
        self.edges.append((at, target))

    def _after(self, at: str, name: str, node: Record) -> str:
        number, unique = 2, name
        while unique in self.nodes:
            number, unique = number + 1, f"{name}_{number}"
        self.nodes[unique] = node
        self.edges.append((at, unique))
        return unique

    def _steps(self, projection: Projection) -> int:
        """Steps of a delay; on a way back they contain the one that every way back takes."""
        order = [p.name for p in self.network.populations]
        if projection.source not in order or not projection.delay:
            return projection.delay
        back = order.index(projection.source) >= order.index(projection.target)
        return projection.delay + back


# -- populations --------------------------------------------------------------------------------


def _refused(population: Population, what: str, instead: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"{population.name}: NIR has no {what}. {instead}")


def _trained(population: Population, neuron: Discrete, dt: float) -> _Written:
    if neuron.label == "linear readout":
        return _Written(node=None, options={})
    found = recognised(neuron, dt)
    if found is None:
        raise _refused(
            population,
            f'neuron that computes what "{neuron.label}" does',
            "Known are those of bioconv.from_nir",
        )
    kind, values, options = found
    fields = {name: np.array(np.broadcast_to(v, population.shape)) for name, v in values.items()}
    return _Written(node={"type": kind, **fields}, options=options)


def _converted(population: Population, neuron: Neuron, setting: _Setting) -> _Written:
    """In thresholds; a current of one moves the membrane by ``rate`` thresholds a step."""
    _check_population(population, neuron)
    if population.memoryless:
        threshold = np.full(population.shape, 1 - setting.rounding)
        node = {"type": "Threshold", "threshold": threshold}
        return _Written(node=node, current=setting.rate, options={})
    fields: dict[str, float] = {"r": 1.0}
    kind, held = "I", setting.rate
    if isinstance(neuron, LeakyIntegrateFire):
        tau = float(neuron.tau_m)
        kind, fields = "LI", {"tau": tau, "r": tau, "v_leak": 0.0}
        held = setting.rate * tau / setting.dt * (1 - exp(-setting.dt / tau))
    if isinstance(population.synapse, Exponential):
        tau, syn = float(neuron.tau_m), float(population.synapse.tau)  # type: ignore[attr-defined]
        kind = "CubaLI"
        fields = {"tau_mem": tau, "tau_syn": syn, "r": tau, "v_leak": 0.0, "w_in": 1.0}
        held = np.nan  # a current passes no filter
    options = {"spikes": "dirac", "integrator": "exact"}
    if population.spiking:
        kind += "F"
        fields["v_threshold"] = 1 - setting.rounding
        distance = neuron.V_th - neuron.E_L
        back = float((neuron.V_reset - neuron.E_L) / distance)
        # what begins above zero is written from there; subtracted is v_threshold - v_reset: one
        begin = float(population.initial)
        fields["v_threshold"] -= begin
        soft = population.reset == "subtract"
        fields["v_reset"] = fields["v_threshold"] - 1 if soft else back - begin
        options["reset"] = population.reset
    arrays = {name: np.full(population.shape, value) for name, value in fields.items()}
    return _Written(node={"type": kind, **arrays}, current=held, options=options)


def _check_population(population: Population, neuron: Neuron) -> None:
    """What NIR has no words for, by name."""
    kind = type(neuron).__name__
    if type(neuron) not in (IntegrateFire, LeakyIntegrateFire):
        raise _refused(population, f"{kind} neurons", 'Convert with neuron="if" or "lif"')
    if population.spiking and float(neuron.refractory) > 0:
        raise _refused(population, "refractory period", "Convert with neurons without one")
    if neuron.V_min is not None:
        raise _refused(population, "floor of the potential (V_min)", "Convert with V_min=None")
    if population.softmax:
        raise _refused(population, "spiking softmax", 'Convert with readout="potential"')
    leaky = isinstance(neuron, LeakyIntegrateFire)
    if population.initial and (leaky or not population.spiking or population.initial == "random"):
        what = f"potential at which a sample of such neurons begins ({population.initial})"
        raise _refused(population, what, "Convert with initial=0")
    if population.hold:
        raise _refused(population, "time for which a layer is held (clamp)", "Convert with clamp=0")
    synapse = population.synapse
    if not isinstance(synapse, (Delta, Exponential)):
        raise _refused(
            population, f"synapses of kind {type(synapse).__name__}", 'Use synapse="exponential"'
        )
    if isinstance(synapse, Exponential) and not leaky:
        raise _refused(
            population, "integrate-and-fire neurons with filtered currents", 'Use neuron="lif"'
        )
    if population.memoryless and (leaky or not isinstance(synapse, Delta)):
        raise _refused(population, "leaky neurons that forget every step", 'Use neuron="if"')


# -- ways ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Way:
    """Nodes between two populations: (name, node)."""

    nodes: tuple[tuple[str, Record], ...]

    def biased(self, bias: np.ndarray, name: str) -> "_Way":
        """The way with a bias at its end: in its last node, or in one of its own."""
        if not np.isfinite(bias).all():
            raise UnsupportedLayerError(
                f'{name}: NIR has no constant current that passes by the synapses. Use synapse="delta", or '
                "a network without biases and an input that spikes"
            )
        flat = bias.ndim == 1
        channels = bias if flat else bias.reshape(len(bias), -1)[:, 0]
        if not flat and not (bias == channels.reshape(-1, *[1] * (bias.ndim - 1))).all():
            raise UnsupportedLayerError(
                f"{name}: NIR has no bias that differs within a channel, as padding before a folded layer makes it"
            )
        last = self.nodes[-1][1] if self.nodes else {"type": ""}
        if last["type"] in ("Affine", "Linear"):
            node = {**last, "type": "Affine", "bias": last.get("bias", 0) + channels}
            return replace(self, nodes=(*self.nodes[:-1], (self.nodes[-1][0], node)))
        if last["type"] in ("Conv1d", "Conv2d"):
            node = {**last, "bias": last["bias"] + channels}
            return replace(self, nodes=(*self.nodes[:-1], (self.nodes[-1][0], node)))
        one = np.eye(len(channels))
        if flat:
            more = {"type": "Affine", "weight": one, "bias": channels}
        else:
            layer = Conv2d(weight=one[:, :, None, None], bias=channels)
            more = (_conv if bias.ndim == 3 else _conv1d)(layer, bias.shape, name)
        return replace(self, nodes=(*self.nodes, ("bias", more)))


def _way(projection: Projection, factor: float) -> _Way:
    """The linear layers of a projection, times a factor, as nodes."""
    if not np.isfinite(factor):
        raise UnsupportedLayerError(
            f"{projection.name}: NIR has no current of the image that passes by the synapses. Use an encoder "
            'that spikes, such as "poisson", or synapse="delta"'
        )
    layers, shape = _merged(projection.layers), projection.shape
    factor *= projection.gain
    for layer in layers:
        if isinstance(layer, MaxPool2d):
            raise UnsupportedLayerError(
                f"{projection.name}: NIR has no max-pooling. Train with average pooling, or convert with "
                'substitute={"MaxPool2d": "AvgPool2d"}'
            )
        factor /= _divisor(layer, shape, projection.name)
        shape = output_shape(layer, shape)
    weighted = [n for n, layer in enumerate(layers) if isinstance(layer, Weighted)]
    if weighted:
        last = layers[weighted[-1]]
        assert isinstance(last, Weighted)
        layers[weighted[-1]] = replace(last, weight=last.weight * factor)
    elif factor != 1:
        layers.append(Scale(factor=np.full(shape, factor)))
    nodes: list[tuple[str, Record]] = []
    shape = projection.shape
    while layers:
        if _is_row(layers, shape):
            nodes.append(("conv", _conv1d(layers[1], shape, projection.name)))
            count = 3
        else:
            nodes += _nodes(layers[0], shape, projection.name)
            count = 1
        for layer in layers[:count]:
            shape = output_shape(layer, shape)
        del layers[:count]
    return _Way(nodes=tuple(nodes))


def _is_row(layers: list[Layer], shape: Shape) -> bool:
    """Whether layers begin with a convolution over (channels, n), as maps of a single row."""
    if len(layers) < 3 or len(shape) != 2 or not isinstance(layers[1], Conv2d):
        return False
    there, back = layers[0], layers[2]
    if not (isinstance(there, Reshape) and isinstance(back, Reshape)):
        return False
    one = output_shape(there, shape)
    out = output_shape(layers[1], one)
    ends = one == (shape[0], 1, shape[1]) and output_shape(back, out) == (out[0], out[-1])
    return ends and layers[1].weight.shape[2] == 1


def _conv1d(layer: Any, shape: Shape, name: str) -> Record:
    conv = _conv(layer, (shape[0], 1, shape[1]), name)
    settings = {
        key: value if isinstance(value, str) else int(value[1])
        for key, value in conv.items()
        if key in ("stride", "padding", "dilation")
    }
    weight = layer.weight[:, :, 0]
    return {**conv, **settings, "type": "Conv1d", "weight": weight, "input_shape": shape[1]}


def _merged(layers: tuple[Layer, ...]) -> list[Layer]:
    """The layers with zeros around maps as the padding of the convolution that follows, and one change of shape
    in place of several.
    """
    found: list[Layer] = []
    for layer in layers:
        before = found[-1] if found else None
        if isinstance(before, ZeroPad2d) and isinstance(layer, Conv2d) and layer.padding != "same":
            sides = [
                tuple(a + b for a, b in zip(one, other, strict=True))
                for one, other in zip(before.padding, layer.padding, strict=True)
            ]
            found[-1] = replace(layer, padding=tuple(sides))
        elif isinstance(before, Reshape) and isinstance(layer, (Flatten, Reshape)):
            found[-1] = layer
        else:
            found.append(layer)
    return found


def _divisor(layer: Layer, shape: Shape, name: str) -> float:
    """What an average divides its sums by."""
    if isinstance(layer, GlobalAvgPool):
        return prod(shape[1:])
    if not isinstance(layer, AvgPool2d):
        return 1
    if not layer.count_include_pad and np.any(layer.padding):
        raise UnsupportedLayerError(
            f"{name}: NIR's AvgPool2d counts the zeros of the padding; train with count_include_pad"
        )
    return prod(layer.kernel)


def _nodes(layer: Layer, shape: Shape, name: str) -> list[tuple[str, Record]]:
    """A layer as nodes, for an input of this shape."""
    if isinstance(layer, Dense):
        return [("linear", {"type": "Linear", "weight": layer.weight})]
    if isinstance(layer, Conv2d):
        return [("conv", _conv(layer, shape, name))]
    if isinstance(layer, (AvgPool2d, SumPool2d)):
        return [("pool", _pool(layer, shape, name))]
    if isinstance(layer, GlobalAvgPool):
        sides = shape[1:]
        window = SumPool2d(kernel=sides)
        return [("pool", _pool(window, shape, name)), *_flat((shape[0], 1, 1))]
    if isinstance(layer, Scale):
        factor = np.array(np.broadcast_to(layer.factor, shape))
        return [("scale", {"type": "Scale", "scale": factor})]
    target = output_shape(layer, shape)
    if isinstance(layer, (Flatten, Reshape)) and target == (prod(shape),):
        return _flat(shape)
    if isinstance(layer, Reshape) and target == shape:
        return []
    raise UnsupportedLayerError(f"{name}: NIR has no {type(layer).__name__}")


def _flat(shape: Shape) -> list[tuple[str, Record]]:
    if len(shape) == 1:
        return []
    node = {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array(shape)}
    return [("flatten", node)]


def _conv(layer: Conv2d, shape: Shape, name: str) -> Record:
    return {
        "type": "Conv2d",
        "input_shape": np.array(shape[1:]),
        "weight": layer.weight,
        "stride": np.array(layer.stride),
        "padding": "same" if layer.padding == "same" else _around(layer.padding, name),
        "dilation": np.array(layer.dilation),
        "groups": layer.groups,
        "bias": np.zeros(len(layer.weight)) if layer.bias is None else layer.bias,
    }


def _pool(layer: AvgPool2d | SumPool2d, shape: Shape, name: str) -> Record:
    floor = replace(layer, ceil_mode=False)
    if output_shape(floor, shape) != output_shape(layer, shape):
        raise UnsupportedLayerError(f"{name}: NIR has no pooling that reaches over the border")
    return {
        "type": "SumPool2d",
        "kernel_size": np.array(layer.kernel),
        "stride": np.array(layer.stride),
        "padding": _around(layer.padding, name),
    }


def _around(padding: Any, name: str) -> np.ndarray:
    if padding == "same" or any(before != after for before, after in padding):
        raise UnsupportedLayerError(f"{name}: NIR pads both sides alike; this layer {padding}")
    return np.array([before for before, _ in padding])
