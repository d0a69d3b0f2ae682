"""Weights alone, and the neurons that were trained behind them stated by the user."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bioconv.errors import ReadError
from bioconv.graph import INPUT, Network, ReLU, Weighted
from bioconv.neurons import Discrete
from bioconv.read.arrays import BIAS_ENDINGS, WEIGHT_ENDINGS, read_dict, read_list
from bioconv.read.assembly import Part, assembled
from bioconv.read.torch_layers import array
from bioconv.spiking import SpikingNetwork

Neurons = Discrete | Mapping[str, Discrete]


def read_stated(
    weights: Any, neuron: Neurons, input_shape: Sequence[int] | None = None
) -> SpikingNetwork:
    """The chain of :func:`~bioconv.read.arrays.read_dict` with spiking neurons behind its weights.

    Parameters
    ----------
    weights : mapping or sequence
        Dense weights and kernels in the order of the layers, arrays or torch tensors. Entries of a mapping that are
        neither a weight nor a bias are left out, which the network's report tells.
    neuron : Discrete or mapping, layer -> Discrete
        Of all layers, or of every layer by its name; the last one may have none, its value then answers.

    Raises
    ------
    ReadError
        If there is no weight, a layer between has no neurons, or a name is of no layer.
    """
    if not isinstance(weights, (Mapping, list, tuple)):
        raise ReadError(
            f"neuron= states the neurons of a dict or list of weights; the source is {type(weights).__name__}"
        )
    if not isinstance(weights, Mapping):
        return _behind(read_list([_plain(w) for w in weights], input_shape), neuron, ())
    kept = {str(k): _plain(v) for k, v in weights.items() if str(k).endswith(_ENDINGS)}
    left = [str(k) for k in weights if str(k) not in kept]
    return _behind(read_dict(kept, input_shape), neuron, left)


_ENDINGS = (*WEIGHT_ENDINGS, *BIAS_ENDINGS)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)
    return array(value) if hasattr(value, "detach") else value


def _behind(network: Network, neuron: Neurons, left: Sequence[str]) -> SpikingNetwork:
    named = [node.name for node in network.nodes if isinstance(node.layer, Weighted)]
    neurons = dict.fromkeys(named, neuron) if isinstance(neuron, Discrete) else dict(neuron)
    unknown = [name for name in neurons if name not in named]
    missing = [name for name in named[:-1] if name not in neurons]
    if unknown or missing:
        raise ReadError(
            f"neuron= names {list(neurons)}; the layers are {named}, and all but the last need neurons"
        )
    notes = [f"left out: {', '.join(left)}; neurons are those that were stated"] if left else []
    parts = list(_parts(network, neurons))
    return assembled(parts, network.input_shape, output=parts[-1].name, notes=notes)


def _parts(network: Network, neurons: Mapping[str, Discrete]) -> Iterator[Part]:
    before = INPUT
    for node in network.nodes:
        if isinstance(node.layer, ReLU):  # in its place stand the neurons behind the weights
            continue
        yield Part(name=node.name, what=node.layer, inputs=(before,))
        before = node.name
        if node.name in neurons:
            before = f"{node.name}.neurons"
            yield Part(name=before, what=neurons[node.name], inputs=(node.name,))
