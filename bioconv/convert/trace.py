"""Which populations a network needs, and along which linear paths they feed each other.

A layer's output is a *form*: a sum over sources (populations or the input) of a factor times linear
layers, and a constant. Linear layers lengthen the paths, additions and concatenations join forms,
an activation ends a form and becomes a population: the source of the next. Max-pooling is a population
too, which sends on the spikes of those it pools.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np

from bioconv.errors import UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Activation,
    Add,
    AvgPool2d,
    ChannelPad,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    Reshape,
    Softmax,
    SumPool2d,
    Upsample,
    Weighted,
    ZeroPad2d,
    forward,
    output_shape,
)

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """``factor * layers(source)``; ``shape`` is the source's."""

    source: str
    shape: Shape
    factor: float = 1.0
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """The sum of ``terms`` plus ``constant``, an array of the form's shape."""

    terms: tuple[Term, ...]
    constant: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Planned:
    """A population to be: ``activation(sign * form)``.

    Attributes
    ----------
    name : str
    node : str
        Layer whose activation it codes.
    before : str
        Layer whose output is the form.
    activation : Layer or None
        None for a linear readout and for neurons of a pooling.
    slope : float
        Activation of ``node`` for one unit of the form on the population's side of zero.
    softmax : str
        Which spiking softmax it is, or empty.
    pool : str
        How max-pooling chooses among spikes: a choice of ``SUBSTITUTES["MaxPool2d"]``, or empty.
    follows : str
        The population whose spikes max-pooling sends on, or empty.
    """

    name: str
    node: str
    before: str
    form: Form
    sign: int = 1
    activation: Layer | None = None
    slope: float = 1.0
    spiking: bool = True
    softmax: str = ""
    pool: str = ""
    follows: str = ""

    @property
    def shape(self) -> Shape:
        return self.form.constant.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """All populations in topological order, and the one that answers."""

    populations: tuple[Planned, ...]
    output: str


def traced(
    network: Network,
    *,
    pooling: str,
    positive_input: bool,
    readout: str,
    answer: str,
    ways: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """The plan of a simplified network.

    Parameters
    ----------
    pooling : {"folded", "population"}
    positive_input : bool
        Whether no input is negative, so that a rectifier does nothing to it.
    readout : {"spikes", "potential", "softmax", "softmax_clock"}
    answer : str
        Layer of the trained network that is read out; folding may have taken its name.
    ways : mapping
        How max-pooling and leaky rectifiers spike, as
        :func:`bioconv.convert.simplify.checked_substitutes` returns it.
    """
    shape = network.input_shape
    start = Form(terms=(Term(source=INPUT, shape=shape),), constant=np.zeros(shape))
    forms, planned = {INPUT: start}, []
    positive = {INPUT} if positive_input else set()
    names = {INPUT}

    def populate(form: Form, name: str, other: str, **settings) -> Term:
        name, other = _identifier(name), _identifier(other)
        numbered = (f"{other}_{n}" for n in range(2, 10**6))
        name = next(n for n in (name, other, *islice(numbered, len(names))) if n not in names)
        names.add(name)
        planned.append(Planned(name=name, form=form, **settings))
        if not isinstance(planned[-1].activation, LeakyReLU):
            positive.add(name)
        return Term(source=name, shape=form.constant.shape)

    for node in network.nodes:
        given = [forms[name] for name in node.inputs]
        idle = isinstance(node.layer, (ReLU, LeakyReLU)) and _is_positive(given[0], positive)
        pools = (
            isinstance(node.layer, (AvgPool2d, SumPool2d, GlobalAvgPool))
            and pooling == "population"
        )
        if isinstance(node.layer, Softmax) or idle:
            forms[node.name] = given[0]
        elif isinstance(node.layer, Activation):
            signed = ways.get("LeakyReLU") == "signed"
            forms[node.name] = _activated(node, given[0], populate, signed)
        elif isinstance(node.layer, MaxPool2d):
            _check_pooled(node, given[0], positive)
            pool = ways.get("MaxPool2d", "exp_max")
            forms[node.name] = _max_pooled(node, given[0], populate, pool)
        elif pools and _is_positive(given[0], positive):
            form = joined_form(node.layer, given[0])
            term = populate(form, node.name, node.name, node=node.name, before=node.name)
            forms[node.name] = Form(terms=(term,), constant=np.zeros(form.constant.shape))
        else:
            forms[node.name] = joined_form(node.layer, *given)
    output = _answer(network, forms, populate, readout, answer)
    return Plan(populations=tuple(planned), output=output)


def _identifier(name: str) -> str:
    """A layer's name as Brian2 takes it: letters, digits and underscores, no digit in front."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    return name if name[0].isalpha() else f"layer_{name}"


def _activated(node: Node, form: Form, populate, signed: bool) -> Form:
    before: str = node.inputs[0]
    layer: Any = node.layer
    up = before if before != INPUT else node.name
    pair = isinstance(layer, LeakyReLU) and not signed
    terms = [
        populate(
            form, up, node.name,
            node=node.name, before=before, activation=ReLU() if pair else layer,
        )
    ]  # fmt: skip
    if pair and layer.slope:
        down = populate(
            negated(form), f"{up}_negative", f"{node.name}_negative",
            node=node.name, before=before, sign=-1, slope=layer.slope, activation=ReLU(),
        )  # fmt: skip
        terms.append(replace(down, factor=-layer.slope))
    return Form(terms=tuple(terms), constant=np.zeros(form.constant.shape))


def _check_pooled(node: Node, form: Form, positive: set[str]) -> None:
    if not _is_positive(form, positive):
        raise UnsupportedLayerError(
            f"layer {node.name!r}: MaxPool2d of values that may be negative has no spiking form. Put an "
            'activation before or behind it, or accept another network: substitute={"MaxPool2d": '
            '"AvgPool2d"}'
        )


def _max_pooled(node: Node, form: Form, populate, pool: str) -> Form:
    """A population that sends on spikes of the one population it pools."""
    terms = form.terms
    if len(terms) > 1 or terms[0].layers or terms[0].factor != 1 or terms[0].source == INPUT:
        before = node.inputs[0]
        term = populate(
            form, f"{node.name}_in", f"{node.name}_in",
            node=before, before=before, activation=ReLU(),
        )  # fmt: skip
    else:
        term = terms[0]
    assert isinstance(node.layer, MaxPool2d)
    layer = _window_sum(node.layer) if pool == "or" else node.layer
    pooled = Form(
        terms=(replace(term, layers=(layer,)),),
        constant=np.zeros(output_shape(layer, term.shape)),
    )
    settings = {"node": node.name, "before": node.name, "pool": pool, "follows": term.source}
    term = populate(pooled, node.name, f"{node.name}_pool", **settings)
    return Form(terms=(term,), constant=np.zeros(pooled.constant.shape))


def _window_sum(layer: MaxPool2d) -> SumPool2d:
    """Which spikes a window sees: one or more of them are one spike of the pooled neuron."""
    return SumPool2d(
        kernel=layer.kernel, stride=layer.stride, padding=layer.padding, ceil_mode=layer.ceil_mode
    )


def _is_positive(form: Form, positive: set[str]) -> bool:
    """Whether no value of the form can be negative, so that a rectifier is idle."""
    return not form.constant.any() and all(
        term.factor > 0
        and term.source in positive
        and not any(isinstance(layer, Weighted) for layer in term.layers)
        for term in form.terms
    )


def _answer(network, forms, populate, readout, answer) -> str:
    end = network[network.output]
    if isinstance(end.layer, Softmax) and end.inputs[0] != INPUT:
        end = network[end.inputs[0]]
    form = forms[end.name]
    alone = len(form.terms) == 1 and form.terms[0].factor == 1 and not form.constant.any()
    reshaped = alone and all(isinstance(n, (Flatten, Reshape)) for n in form.terms[0].layers)
    if reshaped and form.terms[0].source != INPUT and readout == "spikes":
        return form.terms[0].source
    term = populate(
        form, end.name, f"{end.name}_out", node=answer, before=end.name,
        spiking=readout != "potential", softmax=readout if readout.startswith("softmax") else "",
    )  # fmt: skip
    return term.source


def negated(form: Form) -> Form:
    return Form(
        terms=tuple(replace(term, factor=-term.factor) for term in form.terms),
        constant=-form.constant,
    )


@singledispatch
def joined_form(layer: Layer, *forms: Form) -> Form:
    """The form behind a layer that does not rectify."""
    raise UnsupportedLayerError(
        f"{type(layer).__name__} has no spiking form; register one in bioconv/convert/trace.py"
    )


@joined_form.register
def _(
    layer: Dense | Conv2d | ConvTranspose2d | AvgPool2d | SumPool2d | GlobalAvgPool | Flatten
    | Reshape | ZeroPad2d | Upsample | ChannelPad,
    form: Form,
) -> Form:  # fmt: skip
    """Every path longer by ``layer``; its bias goes into the constant."""
    bare = replace(layer, bias=None) if isinstance(layer, Weighted) else layer
    return Form(
        terms=tuple(replace(term, layers=(*term.layers, bare)) for term in form.terms),
        constant=forward(layer, form.constant[None])[0],
    )


@joined_form.register
def _(layer: Add, *forms: Form) -> Form:
    return Form(
        terms=tuple(term for form in forms for term in form.terms),
        constant=sum((form.constant for form in forms[1:]), start=forms[0].constant),
    )


@joined_form.register
def _(layer: Concatenate, *forms: Form) -> Form:
    widths = [form.constant.shape[0] for form in forms]
    terms: list[Term] = []
    for n, form in enumerate(forms):
        place = ChannelPad(before=sum(widths[:n]), after=sum(widths[n + 1 :]))
        terms += [replace(term, layers=(*term.layers, place)) for term in form.terms]
    constant = np.concatenate([form.constant for form in forms])
    return Form(terms=tuple(terms), constant=constant)
