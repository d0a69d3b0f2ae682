"""A projection that keeps each weight once: Brian2 objects with an event-driven kernel.

The weights of a matrix, of a convolution's kernel, or of a list of targets per neuron are stored once
and serve all replicas. In every step the kernel reads the source's spikes and adds their weights to a
variable of the target: no entry per synapse, no queue.

Where the speed comes from: neighbouring targets of a spike lie side by side in memory, so the inner loops are
contiguous additions that compilers vectorise; a block of the matrix stays in the cache while all replicas
use it; eight rows are added for one load and store of a target. Every target still adds its spikes in
their order, so the sums are those of ``Synapses``, bit by bit. Weights that learn are those of a
:class:`bioconv.projections.PlasticProjection`; use explicit synapses where delays differ.
"""

from typing import Any

import numpy as np
from brian2.core.names import Nameable
from brian2.core.variables import ArrayVariable, Variables
from brian2.groups.group import CodeRunner, Group

from bioconv.errors import ParameterError
from bioconv.projections.kinds import Kind
from bioconv.projections.templated import TemplatedRunner


class SharedProjection(Group, TemplatedRunner):
    """Adds the weights of spikes to a variable of the target, every weight stored once.

    Parameters
    ----------
    source, target : brian2 groups or subgroups
        Of ``replicas`` blocks of neurons, one after another.
    kind : Kind
        Who feeds whom: :mod:`bioconv.projections.kinds`.
    variable : str
        Of the target; a refractory target with ``(unless refractory)`` is respected.
    unit : quantity or 1
        What one threshold of weight is in ``variable``.
    delay : int
        Steps that spikes wait.
    period : int
        Steps from the begin of a presentation to that of the next, which no spike that waits outlives; 0 where there are none.
    event : str
        Of the source: what a spike is.
    gain : str, optional
        A variable of the source by which the weights of a neuron's spikes are multiplied as they arrive.
    order : int or None
        Within the slot ``when``; None means -1, and one after ``weights_of``.
    dtype : numpy dtype
        Of the stored weights.
    weights_of : SharedProjection or None
        Take the weights of this projection, of the same kind, away from the target instead of adding
        own ones. With an event of its own that is how negative spikes travel: their weights are stored
        once, and whoever sets ``w`` of the first sets them for both.

    Attributes
    ----------
    w : (n_weights,) array
        In the kind's own order, with the unit of the variable; may be set, also as a run argument of
        a compiled program.
    """

    add_to_magic_network = True
    invalidates_magic_network = True

    def __init__(
        self,
        source: Any,
        target: Any,
        kind: Kind,
        *,
        variable: str,
        unit: Any = 1,
        delay: int = 0,
        period: int = 0,
        event: str = "spike",
        gain: str | None = None,
        when: str = "synapses",
        order: int | None = None,
        dtype: Any = np.float64,
        weights_of: "SharedProjection | None" = None,
        clock: Any = None,
        name: str = "projection*",
    ):
        self.codeobj_class = None
        Nameable.__init__(self, name=name)
        self.source, self.target, self.kind = source, target, kind
        self.variable, self.delay, self.period, self.gain = variable, delay, period, gain
        if order is None:
            order = -1 if weights_of is None else weights_of.order + 1
        variables = _variables(self, variable, delay, event)
        space = source.variables[f"_{event}space"]
        CodeRunner.__init__(
            self,
            group=self,
            template=f"shared_{kind.template}",
            code="",
            name=None,
            clock=target.clock if clock is None else clock,
            when=when,
            order=order,
            check_units=False,
            needed_variables=[f"_{event}space", *(["_gain"] if gain else [])],
            template_kwds={
                "eventspace": space,
                "eventspace_size": int(space.size),
                "conditional_write": getattr(target.variables[variable], "conditional_write", None),
                "minus": weights_of is not None,
                "gain": source.variables[gain] if gain else None,
            },
        )
        variables.create_clock_variables(self._clock, prefix="_clock_")
        self.add_dependency(source)
        self.add_dependency(target)
        if weights_of is None:
            _store(variables, kind, unit, dtype)
        else:
            self.add_dependency(weights_of)
            _borrow(variables, kind, weights_of)
        self._enable_group_attributes()


def _variables(owner: SharedProjection, variable: str, delay: int, event: str) -> Variables:
    """The arrays and constants that the templates name, but for those of the weights."""
    source, target, kind = owner.source, owner.target, owner.kind
    replicas = len(source) // kind.n_pre
    if (replicas * kind.n_pre, replicas * kind.n_post) != (len(source), len(target)):
        raise ValueError(
            f"a projection of {kind.n_pre} to {kind.n_post} neurons does not fit groups of "
            f"{len(source)} and {len(target)}"
        )
    variables = owner.variables = Variables(owner)
    owner.start, owner.stop = 0, kind.weights.size  # the shape of `w` as a run argument
    variables.add_constant("N", value=kind.weights.size)
    constants = {
        "_source_first": getattr(source, "start", 0),
        "_post_first": getattr(target, "start", 0),
        "_neurons": len(source),
        "_delay": delay,
        "_period": owner.period,
        "_n_pre": kind.n_pre,
        "_n_post": kind.n_post,
        **kind.constants,
    }
    for name, value in constants.items():
        variables.add_constant(name, value=int(value))
    space = source.variables[f"_{event}space"]
    variables.add_reference(f"_{event}space", source, index="0")
    variables.add_reference("_target", target, variable, index="0")
    if owner.gain:
        variables.add_reference("_gain", source, owner.gain, index="0")
    for own, read in kind.reads.items():
        _check_stored(source, read)
        variables.add_reference(own, source, read, index="0")
    variables.add_array("_ring", size=max(1, delay * space.size), dtype=np.int32)
    variables.add_array("_ring_at", size=1, dtype=np.int32)
    return variables


def _check_stored(source: Any, name: str) -> None:
    if not isinstance(source.variables.get(name), ArrayVariable):
        raise ParameterError(
            f"population {source.name!r}: max-pooling compares its variable {name!r}, which is not a "
            "stored one. Add an equation such as 'estimate : 1' and 'estimate += 1' to the reset"
        )


def _store(variables: Variables, kind: Kind, unit: Any, dtype: Any) -> None:
    """Arrays for the weights and for the tables of who they join."""
    dimensions = variables["_target"].dim
    variables.add_array(
        "w", size=kind.weights.size, dimensions=dimensions, dtype=dtype, constant=True
    )
    variables["w"].set_value(np.asarray(kind.weights * unit, dtype=dtype))
    for name, values in kind.tables.items():
        variables.add_array(name, size=values.size, dtype=np.int32, constant=True)
        variables[name].set_value(values)


def _borrow(variables: Variables, kind: Kind, owner: SharedProjection) -> None:
    """The arrays of a projection of the same kind."""
    if owner.kind is not kind:
        raise ValueError(
            f"weights_of {owner.name}: its weights are not of the kind that was given; give both "
            "projections one record"
        )
    for name in ("w", *kind.tables):
        variables.add_reference(name, owner)
