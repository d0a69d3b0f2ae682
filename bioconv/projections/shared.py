"""A projection that keeps each weight once: Brian2 objects with an event-driven kernel.

The weights of a matrix, of a convolution's kernel, or of a list of targets per neuron are stored once
and serve all replicas. In every step the kernel reads the source's spikes and adds their weights to a
variable of the target: no entry per synapse, no queue.

Where the speed comes from: neighbouring targets of a spike lie side by side in memory, so the inner loops are
contiguous additions that compilers vectorise; a block of the matrix stays in the cache while all replicas
use it; eight rows are added for one load and store of a target. Every target still adds its spikes in
their order, so the sums are those of ``Synapses``, bit by bit. Use explicit synapses where weights learn
or delays differ.
"""

from pathlib import Path
from typing import Any

import numpy as np
from brian2 import get_device
from brian2.codegen.templates import Templater
from brian2.core.names import Nameable
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group
from jinja2 import ChoiceLoader, FileSystemLoader

from bioconv.errors import DeviceError
from bioconv.projections.kinds import Kind

_TEMPLATES = Path(__file__).with_name("templates")
_FOLDERS = {".py_": "numpy", ".pyx": "cython", ".cpp": "cpp"}
_CLASSES: dict[type, type] = {}

#: Columns of a matrix that are kept in the cache at once.
BLOCK = 512


class SharedProjection(Group, CodeRunner):
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
    dtype : numpy dtype
        Of the stored weights.

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
        event: str = "spike",
        when: str = "synapses",
        order: int = -1,
        dtype: Any = np.float64,
        clock: Any = None,
        name: str = "projection*",
    ):
        self.codeobj_class: type | None = None
        Nameable.__init__(self, name=name)
        self.source, self.target = source, target
        variables = _variables(self, source, target, kind, variable, delay, event, dtype)
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
            needed_variables=[f"_{event}space"],
            template_kwds={
                "eventspace": space,
                "eventspace_size": int(space.size),
                "conditional_write": getattr(target.variables[variable], "conditional_write", None),
            },
        )
        variables.create_clock_variables(self._clock, prefix="_clock_")
        self.add_dependency(source)
        self.add_dependency(target)
        self._enable_group_attributes()
        variables["w"].set_value(np.asarray(kind.weights * unit, dtype=dtype))
        for array, values in kind.tables.items():
            variables[array].set_value(values)

    def create_code_objects(self, run_namespace: Any) -> None:
        """Choose the class of code late: the target is known only when a network is about to run."""
        self.codeobj_class = _with_our_templates(get_device().code_object_class(None))
        super().create_code_objects(run_namespace)


def _variables(owner, source, target, kind, variable, delay, event, dtype) -> Variables:
    """The arrays and constants that the templates name."""
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
        "_n_pre": kind.n_pre,
        "_n_post": kind.n_post,
        **kind.constants,
    }
    for name, value in constants.items():
        variables.add_constant(name, value=int(value))
    space = source.variables[f"_{event}space"]
    variables.add_reference(f"_{event}space", source, index="0")
    variables.add_reference("_target", target, variable, index="0")
    dimensions = target.variables[variable].dim
    variables.add_array(
        "w", size=kind.weights.size, dimensions=dimensions, dtype=dtype, constant=True
    )
    variables.add_array("_ring", size=max(1, delay * space.size), dtype=np.int32)
    variables.add_array("_ring_at", size=1, dtype=np.int32)
    for name, values in kind.tables.items():
        variables.add_array(name, size=values.size, dtype=np.int32, constant=True)
    return variables


def _with_our_templates(base: type) -> type:
    """The target's class of code objects, which also finds our templates."""
    if base not in _CLASSES:
        old = base.templater  # type: ignore[attr-defined]
        if old.extension not in _FOLDERS:
            raise DeviceError(f"there are no projection templates for {base.__name__}")
        ours = [_TEMPLATES / _FOLDERS[old.extension], _TEMPLATES / "kernels"]
        templater = Templater(
            old.package_names, old.extension, env_globals=old.env_globals,
            templates_dir=old.templates_dir,
        )  # fmt: skip
        templater.env.loader = ChoiceLoader([FileSystemLoader(ours), templater.env.loader])
        _CLASSES[base] = type(f"Shared{base.__name__}", (base,), {"templater": templater})
    return _CLASSES[base]
