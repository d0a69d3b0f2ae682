"""When and how an output is read: a class for every sample, and the step at which it was known.

Rules look at a result after the run, so that one run answers for all of them.

===================== ============================================= ======================
rule                  the class                                     known
===================== ============================================= ======================
``MaxCount``          most spikes                                   at the end
``TotalCount``        most spikes                                   after so many in all
``FirstSpike``        the first to spike                            with that spike
``Margin``            most spikes                                   when it leads by so many
``Potential``         highest potential                             at the end
``SmoothedRate``      highest rate in an exponential window         at the end
``PopulationVote``    most spikes in the mean of a class's neurons  at the end
===================== ============================================= ======================

Between equals the higher potential decides, then the lower number. Before the end potentials are known
where they were recorded for the whole output, ``record={output: "v"}`` (in the delayed propagation they hold
the next step's input too); without them the lower number decides. A rule that is still waiting at the end answers as ``MaxCount``, and an
output without a spike by its potential.

References
----------
Pfeiffer & Pfeil (2018), Front. Neurosci. 12:774 (ways to read an output, latency and accuracy).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bioconv.errors import ParameterError, ResultError
from bioconv.result import Result, Spikes


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """Answers of a rule.

    Attributes
    ----------
    classes : (n_samples,) int array
    steps : (n_samples,) int array
        Steps that had passed when the class was known, from 1 to all of the presentation.
    waited : (n_samples,) bool array
        Whether the end came before what the rule waits for.
    """

    classes: np.ndarray
    steps: np.ndarray
    waited: np.ndarray

    @property
    def mean_steps(self) -> float:
        return float(self.steps.mean())

    def accuracy(self, labels: np.ndarray) -> float:
        """Fraction of samples whose class equals the label.

        Raises
        ------
        ResultError
            If there is not one label for every sample.
        """
        labels = np.asarray(labels)
        if labels.shape != self.classes.shape:
            raise ResultError(
                f"labels have shape {labels.shape}; the decision needs {self.classes.shape}"
            )
        return float(np.mean(self.classes == labels))


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule(ABC):
    """Base of the rules."""

    @abstractmethod
    def decision(self, result: Result) -> Decision:
        """The answers to a result's samples."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxCount(Rule):
    """The neuron with most spikes in the window: :attr:`bioconv.Result.predictions`."""

    def decision(self, result: Result) -> Decision:
        return _at_the_end(result, result.predictions)


@dataclass(frozen=True, kw_only=True, eq=False)
class TotalCount(Rule):
    """The neuron with most spikes as soon as all together have sent ``spikes``."""

    spikes: int

    def __post_init__(self):
        _check_whole("TotalCount", "spikes", self.spikes)

    def decision(self, result: Result) -> Decision:
        return _as_soon_as(result, lambda counts: counts.sum(axis=1) >= self.spikes)


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstSpike(Rule):
    """The neuron that spikes first."""

    def decision(self, result: Result) -> Decision:
        return TotalCount(spikes=1).decision(result)


@dataclass(frozen=True, kw_only=True, eq=False)
class Margin(Rule):
    """The neuron with most spikes as soon as it has ``spikes`` more than any other."""

    spikes: int

    def __post_init__(self):
        _check_whole("Margin", "spikes", self.spikes)

    def decision(self, result: Result) -> Decision:
        return _as_soon_as(result, self._leads)

    def _leads(self, counts: np.ndarray) -> np.ndarray:
        if counts.shape[1] == 1:
            return counts[:, 0] >= self.spikes
        second, first = np.partition(counts, -2, axis=1)[:, -2:].T
        return first - second >= self.spikes


@dataclass(frozen=True, kw_only=True, eq=False)
class Potential(Rule):
    """The neuron with the highest potential after the last step.

    Attributes
    ----------
    with_spikes : bool
        Add one threshold for every spike that was sent: what a neuron that only integrates would
        hold, where the reset subtracts. Without it a spiking output shows what is left between two
        spikes.
    """

    with_spikes: bool = False

    def decision(self, result: Result) -> Decision:
        counts = _counts(result) if self.with_spikes else 0
        return _at_the_end(result, (result.potentials + counts).argmax(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class SmoothedRate(Rule):
    """The neuron with the highest rate where a spike of age ``t`` counts ``exp(-t/tau)``.

    Attributes
    ----------
    tau : seconds
        A float or a quantity such as ``20*ms``.
    """

    tau: Any

    def __post_init__(self):
        try:
            tau = float(self.tau)
        except (TypeError, ValueError):
            tau = -1.0
        if not 0 < tau < float("inf"):
            raise ParameterError(f"SmoothedRate: tau is {self.tau!r}; give positive seconds")

    def decision(self, result: Result) -> Decision:
        spikes = _spikes(result, result.output)
        age = (result.n_steps - 1 - spikes.step) * result.dt
        rates = np.zeros(result.potentials.shape)
        np.add.at(rates, (spikes.sample, spikes.neuron), np.exp(-age / float(self.tau)))
        return _at_the_end(result, _best(rates, result.potentials))


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationVote(Rule):
    """The class whose neurons spike most in the mean.

    Attributes
    ----------
    neurons_per_class : int
        Neurons of a class follow each other: the first so many are those of class 0.
    """

    neurons_per_class: int

    def __post_init__(self):
        _check_whole("PopulationVote", "neurons_per_class", self.neurons_per_class)

    def decision(self, result: Result) -> Decision:
        n_outputs, size = result.potentials.shape[1], self.neurons_per_class
        if n_outputs % size:
            raise ResultError(
                f"PopulationVote: {n_outputs} output neurons are no whole number of classes of {size}"
            )
        counts, potentials = (
            values.reshape(len(values), -1, size).mean(axis=2)
            for values in (_counts(result), result.potentials)
        )
        return _at_the_end(result, _best(counts, potentials))


#: Names under which rules may be asked for; a number stands behind a colon.
RULES: dict[str, type[Rule]] = {
    "max_count": MaxCount,
    "total_count": TotalCount,
    "first_spike": FirstSpike,
    "margin": Margin,
    "potential": Potential,
    "smoothed_rate": SmoothedRate,
    "population_vote": PopulationVote,
}


def decide(result: Result, rule: str | Rule = "max_count") -> Decision:
    """What a rule says of every sample, and when.

    Parameters
    ----------
    rule : record or str
        ``Margin(spikes=3)``; or its name, with its number: ``"margin:3"``, ``"first_spike"``,
        ``"smoothed_rate:0.02"`` (seconds).

    Raises
    ------
    ParameterError
        For an unknown rule.
    ResultError
        If the rule needs output spikes that the result lacks.
    """
    return rule_named(rule).decision(result)


def rule_named(rule: str | Rule) -> Rule:
    """A rule from its name, or itself."""
    if isinstance(rule, Rule):
        return rule
    name, colon, number = rule.partition(":") if isinstance(rule, str) else ("", "", "")
    kind = RULES.get(name)
    takes = [] if kind in (None, Potential) else [field.name for field in fields(kind)]
    if kind is None or bool(takes) != bool(colon):
        raise ParameterError(
            f"the rule is {rule!r}; choose one of max_count, total_count:N, first_spike, margin:N, "
            "potential, smoothed_rate:SECONDS, population_vote:N, or a record such as "
            "Margin(spikes=3)"
        )
    return kind(**{takes[0]: _number(number)}) if takes else kind()


def first_spikes(result: Result, layer: str) -> np.ndarray:
    """(n_samples, *shape) step of every neuron's first spike; ``n_steps`` for one that has none.

    What a layer says in times: ``1 - first_spikes/n_steps`` is the value that
    :class:`bioconv.TimeToFirstSpike` sent.

    Raises
    ------
    ResultError
        If the layer is unknown or its spikes were not recorded.
    """
    spikes, shape = _spikes(result, layer), result.counts[layer].shape
    found = np.full((shape[0], int(np.prod(shape[1:]))), result.n_steps)
    np.minimum.at(found, (spikes.sample, spikes.neuron), spikes.step)
    return found.reshape(shape)


def spikes_until(result: Result, decision: Decision) -> np.ndarray:
    """(n_samples,) int array: spikes of all layers until the decision, each in its own window.

    Raises
    ------
    ResultError
        If the spikes of a layer that fired were not recorded (``record="spikes"``).
    """
    total = np.zeros(result.n_samples, dtype=np.int64)
    for layer, counts in result.counts.items():
        if counts.any():
            spikes = _spikes(result, layer)
            before = spikes.step < decision.steps[spikes.sample]
            total += np.bincount(spikes.sample[before], minlength=result.n_samples)
    return total


def _at_the_end(result: Result, classes: np.ndarray) -> Decision:
    return Decision(
        classes=classes,
        steps=result.steps,
        waited=np.zeros(result.n_samples, dtype=bool),
    )


def _as_soon_as(result: Result, holds: Callable[[np.ndarray], np.ndarray]) -> Decision:
    """Most spikes at the first step at which ``holds(counts so far)``, (n_samples,) bool."""
    spikes, potentials = _spikes(result, result.output), _potentials(result)
    shape = result.potentials.shape
    begins = np.searchsorted(np.sort(spikes.step), np.arange(result.n_steps + 1))
    order = np.argsort(spikes.step, kind="stable")
    counts = np.zeros(shape, dtype=np.int64)
    classes, steps = result.predictions.copy(), result.steps.copy()
    waiting = np.ones(shape[0], dtype=bool)
    for step in range(result.n_steps):
        now = order[begins[step] : begins[step + 1]]
        np.add.at(counts, (spikes.sample[now], spikes.neuron[now]), 1)
        here = waiting & holds(counts)
        classes[here] = _best(counts[here], potentials(step)[here])
        steps[here] = step + 1
        waiting &= ~here
    return Decision(classes=classes, steps=steps, waited=waiting)


def _potentials(result: Result) -> Callable[[int], np.ndarray]:
    """Function of a step that gives the output's potentials, (n_samples, n_outputs); zeros if unknown."""
    traces, shape = result.traces.get(result.output), result.potentials.shape
    if traces is None or len(np.unique(traces.neurons)) < shape[1]:
        nothing = np.zeros(shape)
        return lambda step: nothing
    order = np.argsort(traces.neurons)
    return lambda step: (
        (traces.values[:, step, order] - traces.rest) / (traces.threshold - traces.rest)
    )


def _best(score: np.ndarray, potentials: np.ndarray) -> np.ndarray:
    """(n_samples,) place of the highest score, of equal ones that of the highest potential."""
    best = score == score.max(axis=1, keepdims=True)
    return np.where(best, potentials, -np.inf).argmax(axis=1)


def _counts(result: Result) -> np.ndarray:
    return result.counts[result.output].reshape(result.n_samples, -1)


def _spikes(result: Result, layer: str) -> Spikes:
    if layer not in result.counts:
        raise ResultError(f"no layer {layer!r}; the result has {', '.join(result.counts)}")
    if layer not in result.spikes:
        raise ResultError(
            f"the spikes of {layer!r} were not recorded; run with "
            f'record={{"{layer}": "spikes"}}, or choose max_count or potential for an output '
            "that never spikes"
        )
    return result.spikes[layer]


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _check_whole(owner: str, name: str, number: Any) -> None:
    good = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not good or number < 1:
        raise ParameterError(f"{owner}: {name} is {number!r}; give an integer of at least 1")
