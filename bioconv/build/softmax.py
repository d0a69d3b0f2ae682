"""A softmax that spikes: every step its probabilities, and two ways to turn them into spikes.

``softmax`` holds ``exp(u_i) / sum_j exp(u_j)`` over the neurons of a replica, where ``u = (v - E_L)/(V_th - E_L)`` is
the potential in thresholds, in which a neuron accumulates what the trained layer's softmax is given.

======= ==============================================================
text    who spikes in a step
======= ==============================================================
CLOCKED the most probable neuron, at times given by a clock of the sample
DRAWN   every neuron by chance, with its own probability
======= ==============================================================

Nothing is reset: evidence goes on adding up, which is best for the most probable class. ``reset="v = E_L"`` lets a
neuron start anew after its spike, so that the next ones show too; with an event on the condition :data:`CLOCK`
and ``run_on_event(event, "v = E_L")`` all neurons of the sample start anew.

References
----------
Rueckauer, Lungu, Hu, Pfeiffer & Liu (2017), Front. Neurosci. 11:682 (spiking softmax).
"""

from dataclasses import dataclass, replace
from typing import Any

from brian2 import Hz, NeuronGroup

from bioconv.neurons import NeuronText
from bioconv.projections import TemplatedRunner

#: A neuron's potential as the softmax takes it: in thresholds.
POTENTIAL = "(v - E_L)/(V_th - E_L)"


#: When the clock of a sample strikes: at ``softmax_rate`` (hertz, at most ``1/dt``), by chance.
CLOCK = "uniform(seed, sample, -1, step) < softmax_rate*dt"


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftmaxText:
    """What a population needs beyond its membrane to be a softmax.

    ``neuron`` is a neuron's number in its replica, ``sample`` that of the sample it shows, ``seed`` the model's
    (:data:`bioconv.build.populations.SAMPLE`), ``step`` the step of the presentation. Random numbers are those of :func:`bioconv.build.chance.uniform` at the neurons
    ``-1 - neuron``, so that they are never those of the input's neurons.

    Attributes
    ----------
    equations, threshold : str
    """

    equations: str
    threshold: str


CLOCKED = SoftmaxText(equations="softmax : 1\nis_top : boolean", threshold=f"is_top and {CLOCK}")
DRAWN = SoftmaxText(
    equations="softmax : 1",
    threshold="uniform(seed, sample, -1 - neuron, step) < softmax",
)

#: Names under which a readout asks for them.
SOFTMAX = {"softmax": DRAWN, "softmax_clock": CLOCKED}
#: Rate of the clock, in Hz (Rueckauer et al. 2017, code of the authors).
RATE = 300.0


def softmax_text(text: NeuronText, readout: str) -> NeuronText:
    """The text of an integrator as that of a softmax readout."""
    chosen = SOFTMAX[readout]
    rate = {"softmax_rate": RATE * Hz} if readout == "softmax_clock" else {}
    return replace(
        text,
        equations=f"{text.equations}\n{chosen.equations}",
        threshold=f"{chosen.threshold} and in_window",
        reset="count += 1",
        constants={**text.constants, **rate},
    )


def built_softmax(
    group: NeuronGroup,
    replicas: int,
    *,
    when: str = "thresholds",
    order: int = -1,
    clock: Any = None,
    name: str | None = None,
) -> TemplatedRunner:
    """Fill ``softmax`` of a group every step, before its threshold is checked.

    It becomes a part of the group, as a ``run_regularly`` does. If the group has a variable ``is_top``, that is true
    for the neuron with the largest potential of every replica, the first of equal ones. Each replica's
    numbers depend on its own potentials alone.

    Parameters
    ----------
    group : NeuronGroup
        With ``v``, ``softmax`` and the constants ``E_L`` and ``V_th``; ``replicas`` blocks of neurons.
    when, order
        Place in the schedule: the slot of the group's threshold, and before it.
    """
    if len(group) % replicas:
        raise ValueError(f"{len(group)} neurons of {group.name} are no {replicas} equal blocks")
    top = group.variables.get("is_top")
    runner = TemplatedRunner(
        group,
        "softmax",
        code=f"softmax = {POTENTIAL}",
        clock=group.clock if clock is None else clock,
        when=when,
        order=order,
        name=f"{group.name}_softmax" if name is None else name,
        needed_variables=[] if top is None else ["is_top"],
        template_kwds={"top": top, "replicas": replicas},
    )
    group.contained_objects.append(runner)
    return runner
