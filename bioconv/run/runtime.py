"""Runs in this process: numpy and Cython."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2.core.base import BrianObjectException

from bioconv.build import Built, Recording, replaced_drives, watch
from bioconv.errors import DeviceError
from bioconv.run.collect import collected, values_of
from bioconv.run.devices import device

_NOT_COMPILED = (
    "Cython could not compile; does the compiler work? Its message is in Brian2's log. "
    'device="numpy" needs no compiler'
)


def run_here(
    built: Built,
    target: str,
    record: Mapping[str, Recording],
    shapes: Mapping[str, tuple[int, ...]],
    drives: Mapping[str, np.ndarray],
    first_sample: int,
    n_samples: int,
) -> dict[str, Any]:
    """One run of ``built``: the fields of its result."""
    network = built.network
    with device(target):
        replaced_drives(built, drives)
        built.begin(first_sample)
        seen = watch(built, record)
        if seen.feeder is not None:
            seen.feeder.variables["n_samples"].set_value(n_samples)
        network.add(*seen.objects)
        begin = network.t
        try:
            network.run(built.length(built.presentations), namespace={})
        except BrianObjectException as error:
            if type(error.__cause__).__name__ != "CompileError":
                raise
            raise DeviceError(f"{_NOT_COMPILED}: {error}") from error
        finally:
            network.remove(*seen.objects)
        if target == "cython":
            _check_compiled(network)
        return collected(
            built,
            record,
            shapes,
            values_of(built, seen),
            thresholds={
                name: float(group.V_th_[:])
                for name, group in built.groups.items()
                if name in built.texts
                and "V_th" in built.texts[name].parameters
                and "V_th" in group.variables
            },
            first_step=round(float(begin / built.dt)),
            n_samples=n_samples,
            presentations=built.presentations,
        )


def _check_compiled(network: Any) -> None:
    """Brian2 may only log a compilation that failed, and then run nothing in its place."""
    for obj in network.sorted_objects:
        for code in getattr(obj, "_code_objects", []):
            nothing = getattr(code, "compiled_code", {}).get("run", True) is None
            if nothing and code.code.run and "EMPTY_CODE_BLOCK" not in code.code.run:
                raise DeviceError(f"{_NOT_COMPILED}: the code of {obj.name!r}")
