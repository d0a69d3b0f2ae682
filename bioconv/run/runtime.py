"""Runs in this process: numpy and Cython."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bioconv.build import Built, Recording, replaced_drives, watch
from bioconv.errors import DeviceError
from bioconv.run.collect import collected, values_of
from bioconv.run.devices import device


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
        for group in built.groups.values():
            _set(group, t_begin=network.t, first_sample=first_sample)
        seen = watch(built, record)
        network.add(*seen.objects)
        begin = network.t
        try:
            network.run(built.period * built.presentations, namespace={})
        finally:
            network.remove(*seen.objects)
        if target == "cython":
            _check_compiled(network)
        return collected(
            built,
            record,
            shapes,
            values_of(built, seen),
            first_step=round(float(begin / built.dt)),
            n_samples=n_samples,
            presentations=built.presentations,
        )


def _set(group: Any, **values: Any) -> None:
    for name, value in values.items():
        if name in group.variables:
            setattr(group, name, value)


def _check_compiled(network: Any) -> None:
    """Brian2 only logs a compilation that failed, and then runs nothing in its place."""
    for obj in network.sorted_objects:
        for code in getattr(obj, "_code_objects", []):
            if getattr(code, "compiled_code", {}).get("run", True) is None and code.code.run:
                raise DeviceError(
                    f"Cython could not compile the code of {obj.name!r}; Brian2's log has the "
                    "compiler's message. Clear its cache: brian2.clear_cache('cython')"
                )
