"""The same learning as Brian2 ``Synapses``: an entry and traces for every synapse, open to any change."""

from typing import Any

import numpy as np
from brian2 import Quantity, Synapses

from bioconv.neurons.plasticity import Rule, RuleText, Trace
from bioconv.projections.explicit import uncompiled


def plastic_synapses(
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
    synapses: np.ndarray | None = None,
    clock: Any = None,
    name: str = "plastic_synapses*",
) -> Synapses:
    """``Synapses`` that learn as :class:`bioconv.projections.PlasticProjection`, with its parameters.

    ``w``, the traces, and the shared ``learning`` (and ``reward``) are its variables; entries are ordered by source, then
    target; where ``synapses`` is false there is none.
    """
    text = rule.text
    weights = np.asarray(weights, dtype=float)
    clock = target.clock if clock is None else clock
    gained = {
        side: _gained(change, text)
        for side, change in (("pre", text.on_pre), ("post", text.on_post))
    }
    deliver = (
        f"{variable}_post += w"
        if isinstance(unit, (int, float)) and unit == 1
        else f"{variable}_post += w*unit_of_w"
    )
    on_pre = [deliver, gained["pre"], *map(_jump, text.pre)]
    on_post = [gained["post"], *map(_jump, text.post)]
    there = np.ones(weights.shape, dtype=bool) if synapses is None else synapses
    made = Synapses(
        source,
        target,
        model=_model(text),
        on_pre="\n".join(filter(None, on_pre)),
        on_post="\n".join(filter(None, on_post)) or None,
        method="exact",
        clock=clock,
        namespace={**text.constants, **_taus(text), "unit_of_w": unit},
        name=name,
    )
    pre, post = np.nonzero(there)
    with uncompiled():
        made.connect(i=pre, j=post)
    made.w = weights[there]
    made.learning = 1
    steps = np.broadcast_to(np.asarray(delays), weights.shape)[there]
    made.pre.delay = Quantity(steps * clock.dt)
    made.pre.when = when
    if text.on_post or text.post:
        made.post.when = when if when_post is None else when_post
    if text.eligibility is not None:
        made.run_regularly(
            "w = clip(w + learning*reward*c*dt/second, w_min, w_max)\nc = c*exp(-dt/tau_c)", when="groups", order=0,
        )  # fmt: skip
    return made


def _model(text: RuleText) -> str:
    rows = ["w : 1", "learning : 1 (shared)"]
    rows += [
        f"d{t.name}/dt = -{t.name}/tau_{t.name} : 1 (event-driven)" for t in (*text.pre, *text.post)
    ]
    if text.eligibility is not None:
        rows += ["c : 1", "reward : 1 (shared)"]
    return "\n".join(rows)


def _taus(text: RuleText) -> dict[str, Any]:
    taus = {f"tau_{trace.name}": trace.tau for trace in (*text.pre, *text.post)}
    return taus if text.eligibility is None else taus | {"tau_c": text.eligibility}


def _gained(change: str, text: RuleText) -> str:
    if not change:
        return ""
    if text.eligibility is not None:
        return f"c += learning*({change})"
    return f"w = clip(w + learning*({change}), w_min, w_max)"


def _jump(trace: Trace) -> str:
    return f"{trace.name} {'+=' if trace.adds else '='} 1"
