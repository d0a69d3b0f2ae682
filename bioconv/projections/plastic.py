"""A dense matrix that learns: Brian2 objects whose kernels update a row or a column of weights at a spike.

The traces that a rule needs belong to neurons, not to synapses: a presynaptic spike reads its own traces and those of
all targets and updates a row, a postsynaptic one updates a column. So a projection of ``n`` to ``m`` neurons keeps
``n m`` weights, and no further number per synapse unless delays differ.

With delays that differ, ``x`` as a synapse sees it is that of its neuron so many steps ago: the last traces are
kept in a ring, and the weights of a row are stored by delay, so that what arrives in a step lies side by side.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import second
from brian2.core.names import Nameable
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group
from brian2.parsing.rendering import CPPNodeRenderer, NumpyNodeRenderer

from bioconv.errors import ParameterError
from bioconv.neurons.plasticity import Rule, RuleText, Trace, reads
from bioconv.projections.templated import TemplatedRunner


class PlasticProjection(Group, TemplatedRunner):
    """Adds the weights of spikes to a variable of the target, and changes them by a rule.

    In a step, presynaptic spikes add their weights and then change them; postsynaptic spikes change weights in the
    slot ``when_post``, later than those in the same slot.

    Parameters
    ----------
    source, target : brian2 groups
    weights : (n_pre, n_post) array
        In thresholds; NaN is refused.
    rule : Rule
    variable : str
        Of the target; a refractory target with ``(unless refractory)`` is respected.
    unit : quantity or 1
        What a weight of one is in ``variable``.
    delays : int or (n_pre, n_post) int array
        Steps that spikes wait.
    when, when_post : str
        Slots in which spikes of the source arrive, and in which those of the target are heard of.
    post_first : bool
        Whether ``when_post`` comes before ``when``.
    synapses : (n_pre, n_post) bool array, optional
        Where there are some; the rule leaves other weights as they are. All unless given.
    dtype : numpy dtype
        Of weights and traces.

    Attributes
    ----------
    weights : (n_pre, n_post) array
        May be set.
    learning : float
        0 switches the rule off without a new build; 1 is on. Other values multiply what is learnt.
    reward : float
        What turns eligibility into changes of a :class:`~bioconv.neurons.plasticity.Rewarded` rule.
    """

    add_to_magic_network = True
    invalidates_magic_network = True

    def __init__(
        self,
        source: Any,
        target: Any,
        weights: np.ndarray,
        rule: Rule,
        *,
        variable: str,
        unit: Any = 1,
        delays: Any = 0,
        when: str = "synapses",
        when_post: str | None = None,
        post_first: bool = False,
        synapses: np.ndarray | None = None,
        dtype: Any = np.float64,
        clock: Any = None,
        name: str = "plastic*",
    ):
        self.codeobj_class = None
        Nameable.__init__(self, name=name)
        weights = _checked(weights, (len(source), len(target)))
        self.source, self.target, self.rule, self.variable = source, target, rule, variable
        self.delays = _checked_delays(delays, weights.shape)
        text = rule.text
        clock = target.clock if clock is None else clock
        _fill(self, weights, synapses, dtype)
        options = _options(self, text, float(clock.dt_), float(unit), post_first)
        options["mask"] = synapses is not None
        CodeRunner.__init__(
            self, group=self, template="plastic_pre", code="", name=None, clock=clock, when=when,
            order=-1, check_units=False, needed_variables=["_spikespace"], template_kwds=options,
        )  # fmt: skip
        self.variables.create_clock_variables(self._clock, prefix="_clock_")
        self.add_dependency(source)
        self.add_dependency(target)
        self.post = _PostUpdate(self, when if when_post is None else when_post, options)
        self.contained_objects.append(self.post)
        self._enable_group_attributes()

    @property
    def weights(self) -> np.ndarray:
        """(n_pre, n_post) weights."""
        return natural(np.asarray(self.w_[:]), self.delays, len(self.target))

    @weights.setter
    def weights(self, values: np.ndarray) -> None:
        shape = (len(self.source), len(self.target))
        self.w_[:] = stored(_checked(values, shape), self.delays)


def natural(stored: np.ndarray, delays: Any, n_post: int) -> np.ndarray:
    """(n_pre, n_post) values from the order in which a projection of these delays stores them."""
    rows = stored.reshape(-1, n_post)
    if isinstance(delays, int):
        return rows.copy()
    found = np.empty_like(rows)
    np.put_along_axis(found, _by_delay(delays), rows, axis=1)
    return found


def stored(values: np.ndarray, delays: Any) -> np.ndarray:
    """(n_pre, n_post) values in the order in which a projection of these delays stores them."""
    if isinstance(delays, int):
        return np.ravel(values)
    return np.take_along_axis(values, _by_delay(delays), axis=1).ravel()


class _PostUpdate(TemplatedRunner):
    """What the target's spikes change."""

    def __init__(self, owner: PlasticProjection, when: str, options: Mapping[str, Any]):
        self.codeobj_class = None
        super().__init__(
            group=owner, template="plastic_post", code="", name=f"{owner.name}_post",
            clock=owner._clock, when=when, order=1, check_units=False,
            needed_variables=["_postspace"], template_kwds=dict(options),
        )  # fmt: skip


class Normaliser(TemplatedRunner):
    """Scales the weights into every target so that they add up to ``total``, at the ticks of a clock.

    Parameters
    ----------
    projection : PlasticProjection
    total : float
    clock : brian2.Clock
    when, order
        Place in the schedule.

    References
    ----------
    Diehl & Cook (2015), Front. Comput. Neurosci. 9:99 (normalisation before every image).
    """

    def __init__(
        self, projection: PlasticProjection, total: float, *, clock: Any, when: str = "start",
        order: int = 0,
    ):  # fmt: skip
        if not 0 < total < float("inf"):
            raise ParameterError(
                f"the weights into a neuron cannot add up to {total}; give a positive sum"
            )
        self.codeobj_class = None
        super().__init__(
            group=projection, template="normalise", code="", name=f"{projection.name}_normalise",
            clock=clock, when=when, order=order, check_units=False,
            template_kwds={
                "total": float(total),
                "delays": not isinstance(projection.delays, int),
                "real": _real(projection.variables["w"]),
            },
        )  # fmt: skip
        projection.contained_objects.append(self)


class Forgetting(TemplatedRunner):
    """Forgets traces and the spikes that wait, at the ticks of a clock; eligibility traces stay.

    Parameters
    ----------
    projection : PlasticProjection
    clock : brian2.Clock
    when, order
        Place in the schedule.
    """

    def __init__(
        self, projection: PlasticProjection, *, clock: Any, when: str = "start", order: int = 0
    ):
        self.codeobj_class = None
        variables = projection.variables
        sizes = {
            "n_x": "_x", "n_before": "_x_before", "n_y": "_y", "n_ring": "_ring",
        }  # fmt: skip
        super().__init__(
            group=projection, template="forget", code="", name=f"{projection.name}_forget",
            clock=clock, when=when, order=order, check_units=False,
            template_kwds={
                **{key: int(variables[name].size) for key, name in sizes.items()},
                "real": _real(variables["w"]),
            },
        )  # fmt: skip
        projection.contained_objects.append(self)


def _checked(weights: Any, shape: tuple[int, int]) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.shape != shape:
        raise ParameterError(
            f"the weights have the shape {weights.shape}; these groups need {shape}"
        )
    if not np.isfinite(weights).all():
        raise ParameterError("a weight is not a finite number")
    return weights


def _checked_delays(delays: Any, shape: tuple[int, int]) -> Any:
    """An int, where all delays are the same, or an (n_pre, n_post) array."""
    steps = np.asarray(delays)
    if steps.dtype.kind not in "iu" or steps.min(initial=0) < 0 or steps.shape not in ((), shape):
        raise ParameterError(
            f"delays are {delays!r}; give steps, a whole number of at least 0 or {shape} of them"
        )
    return int(steps) if steps.ndim == 0 else steps.astype(np.int32)


def _by_delay(delays: np.ndarray) -> np.ndarray:
    """(n_pre, n_post): the targets of every row, by delay and then by number."""
    return np.argsort(delays, axis=1, kind="stable")


def _fill(
    owner: PlasticProjection, weights: np.ndarray, synapses: np.ndarray | None, dtype: Any
) -> None:
    """Make the arrays that the templates name."""
    n_pre, n_post = weights.shape
    text, differ = owner.rule.text, not isinstance(owner.delays, int)
    kept = 1 + int(owner.delays.max()) if differ else 1
    space = owner.source.variables["_spikespace"]
    variables = owner.variables = Variables(owner)
    owner.start, owner.stop = 0, weights.size  # the shape of `w` as a run argument
    for name, value in {
        "N": weights.size,
        "_source_first": getattr(owner.source, "start", 0),
        "_post_first": getattr(owner.target, "start", 0),
        "_delay": 0 if differ else owner.delays,
        "_period": 0,
        "_kept": kept,
        "_n_pre": n_pre,
        "_n_post": n_post,
    }.items():
        variables.add_constant(name, value=int(value))
    variables.add_reference("_spikespace", owner.source, index="0")
    variables.add_reference("_postspace", owner.target, "_spikespace", index="0")
    variables.add_reference("_target", owner.target, owner.variable, index="0")
    sizes = {
        "w": weights.size,
        "_x": max(1, len(text.pre)) * kept * n_pre,
        "_x_before": max(1, len(text.pre)) * kept * n_pre if differ else 1,
        "_y": max(1, len(text.post)) * n_post,
        "_c": weights.size if text.eligibility is not None else 1,
    }
    for name, size in sizes.items():
        variables.add_array(name, size=size, dtype=dtype)
    variables.add_array("learning", size=1, dtype=dtype, scalar=True)
    variables["learning"].set_value(1.0)
    variables.add_array("reward", size=1, dtype=dtype, scalar=True)
    waiting = kept if differ else owner.delays
    variables.add_array("_ring", size=max(1, waiting * space.size), dtype=np.int32)
    variables.add_array("_ring_at", size=1, dtype=np.int32)
    variables.add_array("_at", size=1, dtype=np.int32)
    tables = _tables(owner.delays, kept) if differ else {}
    for name in ("_order", "_place", "_first", "_waits"):
        values = tables.get(name, np.zeros(1, dtype=np.int32))
        variables.add_array(name, size=values.size, dtype=np.int32, constant=True)
        variables[name].set_value(values)
    there = np.zeros(1, dtype=bool) if synapses is None else stored(synapses, owner.delays)
    variables.add_array("_there", size=there.size, dtype=np.bool_, constant=True)
    variables["_there"].set_value(there)
    variables["w"].set_value(stored(weights, owner.delays).astype(dtype))


def _tables(delays: np.ndarray, kept: int) -> dict[str, np.ndarray]:
    """Who is where in a row that is stored by delay.

    ``_order[i, k]`` is the target of the k-th weight of row ``i``, ``_place`` its inverse; weights of delay
    ``d`` are those from ``_first[i, d]`` to ``_first[i, d + 1]``; ``_waits`` are the delays by target.
    """
    order = _by_delay(delays)
    first = np.stack([(delays < d).sum(axis=1) for d in range(kept + 1)], axis=1)
    tables = {
        "_order": order,
        "_place": np.argsort(order, axis=1),
        "_first": first,
        "_waits": delays,
    }
    return {name: values.astype(np.int32).ravel() for name, values in tables.items()}


def _options(
    owner: PlasticProjection, text: RuleText, dt: float, unit: float, post_first: bool
) -> dict[str, Any]:
    """What the templates are told."""
    space, target = owner.source.variables["_spikespace"], owner.target.variables[owner.variable]
    return {
        "eventspace": space,
        "eventspace_size": int(space.size),
        "postspace": owner.target.variables["_spikespace"],
        "postspace_size": int(owner.target.variables["_spikespace"].size),
        "conditional_write": getattr(target, "conditional_write", None),
        "gain": None,
        "unit": repr(unit),
        "real": _real(owner.variables["w"]),
        "target_real": _real(target),
        "pre": [_jump(trace, dt) for trace in text.pre],
        "post": [_jump(trace, dt) for trace in text.post],
        "on_pre": _rendered(text.on_pre),
        "on_post": _rendered(text.on_post),
        "constants": {name: repr(value) for name, value in text.constants.items()},
        "own_traces": any(reads(text.on_pre, trace.name) for trace in text.pre),
        "delays": not isinstance(owner.delays, int),
        "post_first": post_first,
        "fade": None if text.eligibility is None else repr(_decay(text.eligibility, dt)),
        "dt": repr(dt),
    }


def _real(variable: Any) -> str:
    """The C++ type of a variable."""
    return {"float64": "double", "float32": "float"}[np.dtype(variable.dtype).name]


def _jump(trace: Trace, dt: float) -> dict[str, Any]:
    return {"name": trace.name, "decay": repr(_decay(trace.tau, dt)), "adds": trace.adds}


def _decay(tau: Any, dt: float) -> float:
    """What is left of a trace after a step."""
    return float(np.exp(-dt / float(tau / second)))


class _PlainCPP(CPPNodeRenderer):
    """C++ without the functions that Brian2 declares for its own code."""

    def render_BinOp(self, node: Any) -> str:
        kind = type(node.op).__name__
        if kind == "Pow":
            return f"std::pow({self.render_node(node.left)}, {self.render_node(node.right)})"
        if kind == "Div":
            left, right = (self.render_element_parentheses(n) for n in (node.left, node.right))
            return f"{left}/{right}"
        return super().render_BinOp(node)


def _rendered(change: str) -> dict[str, str] | None:
    """An expression for numpy and for C++; None for nothing."""
    if not change:
        return None
    return {
        "numpy": NumpyNodeRenderer().render_expr(change),
        "cpp": _PlainCPP().render_expr(change),
    }


__all__ = ["Forgetting", "Normaliser", "PlasticProjection"]
