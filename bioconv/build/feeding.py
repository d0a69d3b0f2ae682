"""Which replica shows which sample, where samples end one by one: the object that hands them out.

Without ``stop`` all replicas begin and end together. With it, every replica that has decided its sample gets
the next one that nobody has shown, so that none is idle until all samples are out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import brian2
import numpy as np
from brian2 import get_device
from brian2.core.names import Nameable
from brian2.core.variables import Variables
from brian2.devices.device import RuntimeDevice
from brian2.groups.group import CodeRunner, Group

from bioconv.build.populations import BEGIN
from bioconv.build.stopping import FEEDER, Stop
from bioconv.projections import TemplatedRunner

_TABLES = (
    "steps", "begin", "replica", "spikes", "n_samples", "_now", "_next", "_done", "_shown", "_since",
)  # fmt: skip
#: A step that no run reaches.
NEVER = 2**30
#: What neurons are told about the sample they begin: from which of the feeder's arrays.
_GIVEN = {"turn": "_shown", "begin": "_since"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """Variables of one population: ``size`` neurons for every replica.

    Attributes
    ----------
    size : int
    space : ArrayVariable
        The neurons that begin a sample in this step, and how many.
    silenced : ArrayVariable
        ``silence`` here keeps a replica silent.
    silence : float or int
        A potential that passes no threshold (NaN), or a begin that never comes.
    given : tuple of (str, ArrayVariable)
        Variables that tell neurons about their sample, by name.
    """

    size: int
    space: Any
    silenced: Any
    silence: float
    given: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """A variable of which every sample's last values are kept: ``size`` for every replica."""

    size: int
    source: Any
    target: Any


class Feeder(Group, TemplatedRunner):
    """At the start of every step: ends the samples that are decided, and begins others in their place.

    A decided sample's values are copied before anything is cleared. A replica that begins a sample
    is listed in its neurons' event ``begin``; one that finds no sample left is silenced. After the
    last sample all replicas are cleared and the run ends.

    Parameters
    ----------
    groups : mapping, population -> NeuronGroup
        Of ``replicas`` blocks of neurons.
    output : str
        Population whose counts the rule looks at.
    kept : mapping, population -> names of variables
        Of which the last values of every sample are kept.
    stop : Stop
    samples : int
        At most.
    limit : int
        Steps of a sample, at most.

    Attributes
    ----------
    spikes, n_samples : (1,) int arrays
        The rule's number, and the samples to be shown; may be given to a compiled program.
    steps, begin, replica : (samples,) int arrays
        How long every sample was shown, from which step on, and where.
    results : tuple of str
        Names of the arrays that a run leaves: those, and ``<population>_<variable>``.
    """

    add_to_magic_network = True
    invalidates_magic_network = True

    def __init__(
        self,
        groups: Mapping[str, Any],
        output: str,
        kept: Mapping[str, list[str]],
        *,
        stop: Stop,
        samples: int,
        replicas: int,
        limit: int,
        clock: Any,
    ):
        self.codeobj_class = None
        Nameable.__init__(self, name=FEEDER)
        self.rule, self.replicas, self.limit = stop, replicas, limit
        variables = self.variables = _tables(self, stop, samples, replicas)
        sizes = {name: len(group) // replicas for name, group in groups.items()}
        constants = {"_replicas": replicas, "_outputs": sizes[output], "_limit": limit}
        for name, value in constants.items():
            variables.add_constant(name, value=int(value))
        self.stages = [
            _stage(variables, name, group, sizes[name]) for name, group in groups.items()
        ]
        self.kept = [
            _kept(variables, f"{name}_{variable}", groups[name], variable, samples, sizes[name])
            for name, names in kept.items()
            for variable in names
        ]
        self.results = ("steps", "begin", "replica", *(one.target.name for one in self.kept))
        self.counts = groups[output].variables["count"]
        CodeRunner.__init__(
            self,
            group=self,
            template="feeder",
            code="",
            name=None,
            clock=clock,
            when="start",
            order=-2,
            check_units=False,
            needed_variables=[name for name in variables if name.startswith("_of_")]
            + [one.target.name for one in self.kept],
            template_kwds={
                "kind": stop.kind, "output": self.counts, "stages": self.stages, "kept": self.kept,
                "arrays": {name: variables[array] for name, array in _GIVEN.items()},
            },
        )  # fmt: skip
        variables.create_clock_variables(self._clock, prefix="_clock_")
        for group in groups.values():
            self.add_dependency(group)
        self._enable_group_attributes()

    def create_code_objects(self, run_namespace: Any) -> None:
        """Code for compiled programs alone: elsewhere :meth:`run` is called in every step."""
        if not isinstance(get_device(), RuntimeDevice):
            super().create_code_objects(run_namespace)

    def run(self) -> None:
        """What ``feeder.cpp`` says, in numpy."""
        values = {name: self.variables[name].get_value() for name in _TABLES}
        self._end(values)
        fresh = self._begin(values)
        idle = np.flatnonzero(values["_shown"] < 0)
        values["_now"] += 1
        if values["_done"][0] == values["n_samples"][0]:
            fresh = np.arange(self.replicas)
            brian2.stop()
        self._tell(values, fresh, idle)

    def _end(self, values: dict[str, np.ndarray]) -> None:
        """Keep the last values of what is decided, and free its replicas."""
        shown, passed = values["_shown"], values["_now"] - values["_since"]
        counts = self.counts.get_value().reshape(self.replicas, -1)
        decided = self.rule.evidence(counts) >= values["spikes"]
        over = np.flatnonzero((shown >= 0) & ((passed == self.limit) | decided))
        for one in self.kept:
            source, target = (
                part.get_value().reshape(-1, one.size) for part in (one.source, one.target)
            )
            target[shown[over]] = source[over]
        values["steps"][shown[over]] = passed[over]
        shown[over] = -1
        values["_done"] += len(over)

    def _begin(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Give the next samples to free replicas, as far as they last; the replicas that got one."""
        shown, following = values["_shown"], values["_next"][0]
        fresh = np.flatnonzero(shown < 0)[: values["n_samples"][0] - following]
        new = following + np.arange(len(fresh))
        shown[fresh], values["_since"][fresh] = new, values["_now"]
        values["begin"][new], values["replica"][new] = values["_now"], fresh
        values["_next"] += len(fresh)
        return fresh

    def _tell(self, values: dict[str, np.ndarray], fresh: np.ndarray, idle: np.ndarray) -> None:
        """List the neurons of ``fresh`` replicas in their event, and silence the ``idle`` ones."""
        given = {"_shown": np.maximum(values["_shown"], 0), "_since": values["_since"]}
        for stage in self.stages:
            neurons = (fresh[:, None] * stage.size + np.arange(stage.size)).ravel()
            space = stage.space.get_value()
            space[: len(neurons)], space[-1] = neurons, len(neurons)
            for name, variable in stage.given:
                variable.get_value()[neurons] = np.repeat(given[_GIVEN[name]][fresh], stage.size)
            stage.silenced.get_value().reshape(-1, stage.size)[idle] = stage.silence


def _tables(owner: Feeder, stop: Stop, samples: int, replicas: int) -> Variables:
    """The feeder's arrays: of every sample, of every replica, and single numbers."""
    variables = Variables(owner)
    variables.add_constant("N", value=samples)
    sizes = {"steps": samples, "begin": samples, "replica": samples, "_shown": replicas, "_since": replicas}  # fmt: skip
    for name in _TABLES:
        variables.add_array(name, size=sizes.get(name, 1), dtype=np.int32)
    for name, value in {"spikes": stop.spikes, "n_samples": samples, "_shown": -1}.items():
        variables[name].set_value(value)
    return variables


def _stage(variables: Variables, name: str, group: Any, size: int) -> Stage:
    """References to what the feeder sets in a population."""
    silenced, silence = ("v", np.nan) if "v" in group.variables else ("begin", NEVER)
    given = [variable for variable in _GIVEN if variable in group.variables]
    for variable in dict.fromkeys((f"_{BEGIN}space", silenced, *given)):
        variables.add_reference(f"_of_{name}_{variable}", group, variable, index="0")
    return Stage(
        size=size,
        space=group.variables[f"_{BEGIN}space"],
        silenced=group.variables[silenced],
        silence=silence,
        given=tuple((variable, group.variables[variable]) for variable in given),
    )


def _kept(
    variables: Variables, name: str, group: Any, variable: str, samples: int, size: int
) -> Kept:
    """An array for the last values of every sample, and a reference to where they come from."""
    source = group.variables[variable]
    variables.add_array(name, size=samples * size, dtype=source.dtype, dimensions=source.dim)
    if f"_of_{group.name}_{variable}" not in variables:
        variables.add_reference(f"_of_{group.name}_{variable}", group, variable, index="0")
    return Kept(size=size, source=source, target=variables[name])
