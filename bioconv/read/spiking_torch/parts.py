"""From the calls of a traced module with neurons to a spiking network."""

from collections.abc import Iterator, Mapping, Sequence

from bioconv.errors import ReadError, UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Reshape,
    Scale,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    output_shape,
)
from bioconv.neurons import Discrete
from bioconv.read.assembly import NeuNorm, Part, assembled
from bioconv.read.torch_layers import Called
from bioconv.spiking import SpikingNetwork

Shape = tuple[int, ...]

#: What spikes may pass on their way to the next neurons; all linear.
LINEAR = (
    Dense, Conv2d, ConvTranspose2d, AvgPool2d, SumPool2d, GlobalAvgPool, BatchNorm, Flatten, Reshape,
    ZeroPad2d, Upsample, Dropout, Scale, Add, Concatenate,
)  # fmt: skip
#: What leaves zeros and ones zeros and ones.
_BINARY = (MaxPool2d, Flatten, Reshape, ZeroPad2d, Upsample, Dropout)


def spiking_network(calls: Sequence[Called], input_shape: Shape) -> SpikingNetwork:
    """The network of neurons and linear layers in the order of their calls; the last one answers.

    Raises
    ------
    UnsupportedLayerError
        If a layer between neurons is not linear, or max-pooling sees something else than spikes.
    ReadError
        If neurons that send no spikes feed others, or what comes back does not fit.
    """
    by_name = {call.name: call for call in calls}
    shapes: dict[str, Shape] = {INPUT: input_shape}
    parts: list[Part] = []
    for call in calls:
        _check(call, by_name)
        fed = [shapes[name] for name in call.inputs]
        shapes[call.name] = (
            fed[0] if isinstance(call.what, (Discrete, NeuNorm)) else output_shape(call.what, *fed)
        )
        parts += _parts(call, fed)
    labels = dict.fromkeys(
        call.what.label.split()[0] for call in calls if isinstance(call.what, Discrete)
    )
    return assembled(
        parts,
        input_shape,
        output=calls[-1].name,
        notes=(f"neurons of {' and '.join(labels)}; a sample begins in their reset state",),
    )


def _parts(call: Called, shapes: Sequence[Shape]) -> Iterator[Part]:
    what, inputs = call.what, call.inputs
    if isinstance(what, Add):
        what = Dropout(p=0)  # what has several inputs gets their sum
    elif isinstance(what, Concatenate):
        yield from _side_by_side(call, shapes)
        return
    before = call.name
    for n, layer in enumerate(call.back):
        yield Part(name=f"{call.name}.back{n + 1}", what=layer, inputs=(before,))
        before = f"{call.name}.back{n + 1}"
    yield Part(name=call.name, what=what, inputs=(*inputs, before) if call.back else inputs)


def _side_by_side(call: Called, shapes: Sequence[Shape]) -> Iterator[Part]:
    """Every input in its place among zeros, and the sum of them."""
    channels = [shape[0] for shape in shapes]
    places = []
    for n, name in enumerate(call.inputs):
        pad = ChannelPad(before=sum(channels[:n]), after=sum(channels[n + 1 :]))
        places.append(f"{call.name}.{n + 1}")
        yield Part(name=places[-1], what=pad, inputs=(name,))
    yield Part(name=call.name, what=Dropout(p=0), inputs=tuple(places))


def _check(call: Called, by_name: Mapping[str, Called]) -> None:
    for name in call.inputs:
        fed = by_name[name].what if name in by_name else None
        if isinstance(fed, Discrete) and not fed.spiking:
            raise ReadError(
                f"{name} ({fed.label}) sends its potential, not spikes, to {call.name}; potentials are "
                "read at the end of a network only. Give the module up to it"
            )
    kind = type(call.what).__name__
    if isinstance(call.what, MaxPool2d):
        if not all(_binary(name, by_name) for name in call.inputs):
            raise UnsupportedLayerError(
                f"{call.name} ({kind}): takes the largest of currents. Between spiking neurons it can "
                "be read where it sees spikes: put it behind the neurons, or pool by the mean"
            )
    elif not isinstance(call.what, (Discrete, NeuNorm, *LINEAR)):
        raise UnsupportedLayerError(
            f"{call.name} ({kind}) is not linear and stands between spiking neurons. What can: "
            f"{', '.join(layer.__name__ for layer in LINEAR)} and MaxPool2d of spikes"
        )
    for layer in call.back:
        _check_back(call.name, layer)


def _check_back(name: str, layer: Layer) -> None:
    if not isinstance(layer, LINEAR):
        raise UnsupportedLayerError(
            f"{name}: {type(layer).__name__} on the way back to its neurons is not linear"
        )


def _binary(name: str, by_name: Mapping[str, Called]) -> bool:
    """Whether what a call gives is zeros and ones."""
    if name == INPUT:
        return False
    call = by_name[name]
    if isinstance(call.what, Discrete):
        return call.what.spiking
    return isinstance(call.what, _BINARY) and all(_binary(i, by_name) for i in call.inputs)
