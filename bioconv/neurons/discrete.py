"""Neurons of trained spiking networks: they move from step to step, in the numbers of their trainer.

A trainer's neuron is a few statements that are executed once a step: what arrived is integrated, a condition
decides on a spike, a reset follows. Here they are kept as text; a number of one in the trainer's units is
:data:`UNIT` in a network with biophysical units, a power of two, so that no bit of a potential
depends on the choice of units.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import second, volt

from bioconv.errors import ParameterError
from bioconv.neurons.text import NeuronText
from bioconv.neurons.units import BIOPHYSICAL, Units

#: Potential that stands for one in the trainer's numbers: 15.625 mV.
UNIT = 2.0**-6 * volt


@dataclass(frozen=True, kw_only=True, eq=False)
class Discrete:
    """What a neuron does in a step. Potentials count from rest, in the trainer's numbers.

    In every step: ``drive`` is what spikes, bias and image bring; a differential equation among
    ``equations`` is integrated; ``update`` is executed; where ``spike`` holds the neuron spikes
    and ``reset`` is executed.

    Attributes
    ----------
    label : str
        Whose neuron it is, for people.
    equations : str
        Its variables, Brian2 lines with ``{potential}`` for the unit of potentials. Among them ``v``, the
        one that plots show; that alone unless given.
    update : str
        Statements of a step; empty where a differential equation says all.
    spike : str
        Condition of a spike; empty for a neuron that never spikes.
    reset : str
        Statements on a spike.
    begin : str
        Statements at the begin of a sample: all variables that remember something.
    negative : (str, str) or None
        Condition of a negative spike, and its reset.
    potentials, numbers, times : mapping, name -> float or array
        Parameters: potentials in the trainer's numbers, plain numbers, and seconds. An array has a value
        for every neuron, or one that broadcasts against the population's shape.
    filtered : mapping, name -> float
        Further inputs that decay: what arrives over a projection into ``name`` is part of the drive, in
        this step and, multiplied by the decay from step to step, ever after.
    method : str
        Brian2's integration method of a differential equation.

    Raises
    ------
    ParameterError
        If a parameter is not finite, or has the name of another.
    """

    label: str
    equations: str = "v : {potential}"
    update: str = ""
    spike: str = ""
    reset: str = ""
    begin: str = "v = 0*v"
    negative: tuple[str, str] | None = None
    potentials: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, Any] = field(default_factory=dict)
    filtered: Mapping[str, float] = field(default_factory=dict)
    method: str = "euler"

    def __post_init__(self):
        seen: set[str] = set()
        for kind in ("potentials", "numbers", "times"):
            checked = {
                name: _numbers(self.label, name, v) for name, v in getattr(self, kind).items()
            }
            if seen & set(checked):
                raise ParameterError(f"{self.label}: two parameters {sorted(seen & set(checked))}")
            seen |= set(checked)
            object.__setattr__(self, kind, checked)

    @property
    def spiking(self) -> bool:
        return bool(self.spike)

    @property
    def parameters(self) -> dict[str, tuple[np.ndarray, str]]:
        """{name: (values, kind of unit)} of all parameters; a kind is "potential", "1" or "second"."""
        kinds = {"potential": self.potentials, "1": self.numbers, "second": self.times}
        return {name: (v, kind) for kind, values in kinds.items() for name, v in values.items()}


def _numbers(label: str, name: str, value: Any) -> np.ndarray:
    """``value`` as a read-only float64 array; one number where all are the same."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{label}: {name} is no number or array of numbers: {error}") from None
    if array.size == 0 or not np.isfinite(array).all():
        raise ParameterError(f"{label}: {name} must be finite numbers; it is {value!r}")
    if (array == array.flat[0]).all():
        array = np.array(array.flat[0])
    array.flags.writeable = False
    return array


def discrete_text(
    neuron: Discrete,
    *,
    shape: tuple[int, ...],
    units: Units,
    driven: bool = False,
    staggered: bool = False,
) -> NeuronText:
    """The text of a population of ``shape``.

    Parameters
    ----------
    driven : bool
        Whether the image arrives as a current (``I_stim``).
    staggered : bool
        Whether every neuron's sample begins in a step of its own.

    Raises
    ------
    ParameterError
        If an array of parameters does not fit the shape.
    """
    unit: Any = UNIT if units is BIOPHYSICAL else 1.0
    quantity = {"potential": unit, "1": 1.0, "second": second}
    words = {"potential": units.potential, "1": "1", "second": "second"}
    constants: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    rows = neuron.equations.format(potential=units.potential).splitlines()
    for name, (values, kind) in neuron.parameters.items():
        if values.ndim == 0:
            constants[name] = float(values) * quantity[kind]
            continue
        arrays[name] = _spread(neuron.label, name, values, shape) * quantity[kind]
        rows.append(f"{name} : {words[kind]} (constant)")
    arriving = ["x", "I_bias", *["I_stim"] * driven, *(f"{name}_sum" for name in neuron.filtered)]
    rows.append(f"drive = {' + '.join(arriving)} : {units.potential}")
    for name, decay in neuron.filtered.items():
        rows += [f"{name} : {units.potential}", f"{name}_sum : {units.potential}"]
        constants[f"{name}_decay"] = float(decay)
    rows += [f"x : {units.potential}", f"I_bias : {units.potential} (constant)"]
    rows += [f"I_stim : {units.potential} (constant)"] * driven
    rows += ["count : integer"] * neuron.spiking
    rows += ["count_negative : integer"] * (neuron.negative is not None)
    rows += ["t_begin : second (shared, constant)"] * driven
    rows += ["turn : integer (constant)"] * staggered
    counted = "\ncount = 0" * neuron.spiking + "\ncount_negative = 0" * (
        neuron.negative is not None
    )
    return NeuronText(
        equations="\n".join(rows),
        threshold=neuron.spike,
        reset=f"{neuron.reset}\ncount += 1".strip() if neuron.spiking else "",
        refractory="",
        method=neuron.method,
        constants=constants,
        parameters={},
        arrays=arrays,
        target="x",
        unit=unit,
        current=unit,
        stepwise=True,
        rest=0.0 * unit,
        distance=unit,
        clear="\n".join(
            [
                neuron.begin,
                *(f"{n} = 0*v\n{n}_sum = 0*v" for n in neuron.filtered),
                f"x = 0*x{counted}",
            ]
        ),
        update="\n".join([*map(_filter, neuron.filtered), f"{neuron.update}\nx = 0*x".strip()]),
        negative=None
        if neuron.negative is None
        else (neuron.negative[0], f"{neuron.negative[1]}\ncount_negative += 1"),
    )


def _filter(name: str) -> str:
    """What a step does to a filtered input."""
    return f"{name}_sum = {name}_decay*{name}_sum + {name}\n{name} = 0*{name}"


def _spread(label: str, name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(*shape) values of every neuron."""
    try:
        return np.array(np.broadcast_to(values, shape))
    except ValueError:
        raise ParameterError(
            f"{label}: {name} has shape {values.shape}; the population has {shape}"
        ) from None
