"""Which populations a network needs, and along which linear paths they feed each other.

A layer's output is a *form*: a sum over sources (populations or the input) of a factor times linear
layers, and a constant. Linear layers lengthen the paths, additions and concatenations join forms,
a rectifier ends a form and becomes a population: the source of the next.
"""

import re
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import islice

import numpy as np

from bioconv.errors import UnsupportedLayerError
from bioconv.graph import (
    INPUT,
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
    """A population to be: ``max(sign * form, 0)``.

    Attributes
    ----------
    name : str
    node : str
        Layer whose activation it codes.
    before : str
        Layer whose output is the form.
    slope : float
        Activation of ``node`` for one unit of the form on the population's side of zero.
    """

    name: str
    node: str
    before: str
    form: Form
    sign: int = 1
    slope: float = 1.0
    spiking: bool = True

    @property
    def shape(self) -> Shape:
        return self.form.constant.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """All populations in topological order, and the one that answers."""

    populations: tuple[Planned, ...]
    output: str


def traced(
    network: Network, *, pooling: str, positive_input: bool, readout: str, answer: str
) -> Plan:
    """The plan of a simplified network.

    Parameters
    ----------
    pooling : {"folded", "population"}
    positive_input : bool
        Whether no input is negative, so that a rectifier does nothing to it.
    readout : {"spikes", "potential"}
    answer : str
        Layer of the trained network that is read out; folding may have taken its name.
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
        positive.add(name)
        return Term(source=name, shape=form.constant.shape)

    for node in network.nodes:
        given = [forms[name] for name in node.inputs]
        rectifies = isinstance(node.layer, (ReLU, LeakyReLU))
        pools = (
            isinstance(node.layer, (AvgPool2d, SumPool2d, GlobalAvgPool))
            and pooling == "population"
        )
        if isinstance(node.layer, Softmax) or (rectifies and _is_positive(given[0], positive)):
            forms[node.name] = given[0]
        elif rectifies:
            forms[node.name] = _rectified(node, given[0], populate)
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


def _rectified(node: Node, form: Form, populate) -> Form:
    before = node.inputs[0]
    up = before if before != INPUT else node.name
    terms = [populate(form, up, node.name, node=node.name, before=before)]
    slope = getattr(node.layer, "slope", 0.0)
    if slope:
        down = populate(
            negated(form), f"{up}_negative", f"{node.name}_negative",
            node=node.name, before=before, sign=-1, slope=slope,
        )  # fmt: skip
        terms.append(replace(down, factor=-slope))
    return Form(terms=tuple(terms), constant=np.zeros(form.constant.shape))


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
        spiking=readout == "spikes",
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
