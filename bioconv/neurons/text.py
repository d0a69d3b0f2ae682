"""Neuron, synapse, reset and units put together: the text that Brian2 gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Equations, ms, second
from brian2.units.fundamentalunits import DIMENSIONLESS as DIMLESS

from bioconv.errors import ParameterError
from bioconv.neurons.models import (
    CorrectingIntegrateFire,
    FewSpike,
    Neuron,
    PeakInput,
    SignedIntegrateFire,
)
from bioconv.neurons.noise import Noise
from bioconv.neurons.synapses import Synapse, too_close
from bioconv.neurons.units import DIMENSIONLESS, Units

#: Part of ``V_th - E_L`` by which rounding may keep a membrane below its threshold: ten steps of 0.1
#: thresholds must fire although 0.1 has no exact binary form. By precision of the numbers.
ROUNDING = {"double": 1e-9, "single": 1e-5}

#: The window of a layer in the delayed propagation, in steps from the begin of a presentation.
WINDOW = """\
in_window = step >= onset and step < onset + n_steps : boolean (shared, constant over dt)
step = timestep(t - t_begin, dt) % period : integer (shared, constant over dt)
onset : integer (shared, constant)
n_steps : integer (shared, constant)
period : integer (shared, constant)"""

#: The same where every neuron's sample begins in a step of its own.
OWN_WINDOW = """\
in_window = step >= onset and step < onset + n_steps : boolean
step = timestep(t - t_begin, dt) - begin : integer
begin : integer (constant)
onset : integer (shared, constant)
n_steps : integer (shared, constant)
period : integer (shared, constant)"""


#: How a neuron keeps an estimate of its rate for max-pooling: what a spike and what a step adds to it.
#: All spikes alike; recent ones more; early ones more.
ESTIMATES = {
    "fir_max": ("estimate += 1", ""),
    "avg_max": ("estimate += 1", "estimate *= exp(-dt/tau_estimate)"),
    "exp_max": ("estimate += exp(-(step - onset)*dt/tau_estimate)", ""),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronText:
    """One population's model as Brian2 reads it.

    Attributes
    ----------
    equations, threshold, reset, refractory, method : str
        Arguments of ``brian2.NeuronGroup``; ``threshold`` empty for a population that never spikes.
    constants : mapping
        Values of the names in them.
    parameters : mapping
        Values of shared variables, which may be changed after the network was built or compiled.
    target : str
        Variable that an incoming spike adds to.
    unit : quantity or 1
        What one threshold of weight adds to ``target``.
    current : quantity
        Current that moves the membrane by one threshold a second; ``stepwise``: drive of a step that does.
    rest, distance : quantity or float
        Potential that counts as zero, and what counts as one: a threshold of the conversion.
    clear : str
        Statements that bring the neuron back to where a presentation begins.
    start : str
        Statements at the begin of a presentation, when its drive is known.
    noise : str
        Statements of every step, after the integration of the differential equations.
    update : str
        Statements of every step, between what arrives and the threshold; a differential equation is
        then integrated there too.
    end : str
        Statements at the end of every step.
    negative : (str, str) or None
        Condition of a negative spike and what it does.
    arrays : mapping, name -> (*shape) quantity array
        Values of variables that differ from neuron to neuron, neurons as channel, row, column.
    stepwise : bool
        Whether the neuron moves from step to step in the numbers of its trainer.
    """

    equations: str
    threshold: str
    reset: str
    refractory: str
    method: str
    constants: Mapping[str, Any]
    parameters: Mapping[str, Any]
    target: str
    unit: Any
    current: Any
    rest: Any
    distance: Any
    clear: str
    start: str = ""
    noise: str = ""
    update: str = ""
    end: str = ""
    negative: tuple[str, str] | None = None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    stepwise: bool = False

    def __str__(self) -> str:
        rows = [*self.equations.splitlines()]
        if self.threshold:
            rows += [f"threshold  {self.threshold}", f"reset      {self.reset}"]
        if self.negative:
            rows += [f"negative   {self.negative[0]}", *_labelled("reset", self.negative[1])]
        if self.refractory:
            rows.append(f"refractory {self.refractory}")
        rows += _labelled("begin", self.start) + _labelled("noise", self.noise)
        rows += _labelled("update", self.update)
        rows += _labelled("step end", self.end)
        rows.append(f"method     {self.method}")
        for name in ("parameters", "constants"):
            rows.append(
                f"{name:10} " + ", ".join(f"{k} = {v}" for k, v in getattr(self, name).items())
            )
        return "\n".join(rows)

    @property
    def threshold_potential(self) -> Any:
        """Where a neuron spikes; NaN where neurons differ or where nothing says."""
        for values in (self.parameters, self.constants):
            if "V_th" in values:
                return values["V_th"]
        return np.nan * self.distance

    def drive(self, max_rate: Any) -> Any:
        """What a constant drive of one is, at this rate of the largest activation."""
        return self.current if self.stepwise else self.current * max_rate

    def latex(self) -> str:
        """The equations as a LaTeX ``align*`` environment."""
        return Equations(self.equations)._repr_latex_()


def _labelled(label: str, statements: str) -> list[str]:
    return [f"{label:10} {statement}" for statement in statements.splitlines()]


def neuron_text(
    neuron: Neuron,
    synapse: Synapse,
    *,
    reset: str,
    units: Units,
    driven: bool = False,
    windowed: bool = False,
    spiking: bool = True,
    precision: str = "double",
    initial: float = 0.0,
    hold: int = 0,
    memoryless: bool = False,
    estimate: str = "",
    timed: bool = False,
    staggered: bool = False,
    spread: Mapping[str, np.ndarray] | None = None,
    place: int = 1,
) -> NeuronText:
    """The text of a population.

    Parameters
    ----------
    reset : {"subtract", "zero"}
    driven : bool
        Whether a constant-current stimulus arrives (``I_stim``).
    windowed : bool
        Whether bias, stimulus and spikes are held to a window of each presentation
        (the delayed propagation).
    spiking : bool
        False for a readout that only integrates.
    precision : {"double", "single"}
    initial, hold, memoryless, estimate
        As in :class:`bioconv.spiking.Population`.
    timed : bool
        Whether something else needs to know the step of the presentation.
    staggered : bool
        Whether every neuron's sample begins in a step of its own (``begin``) instead of all together,
        and its ``turn`` tells which of the run's samples it is.
    spread
        As in :class:`bioconv.spiking.Population`.
    place : int
        Number of the population, from 1, which its noise depends on.

    Raises
    ------
    ParameterError
        If the parts do not go together.
    """
    _check_parts(neuron, synapse, reset, spiking)
    buffered = isinstance(neuron, (FewSpike, PeakInput))
    refractory = spiking and float(neuron.refractory) > 0
    noise, spread = neuron.noise or Noise(), spread or {}
    timed = timed or windowed or hold > 0 or estimate == "exp_max" or isinstance(neuron, FewSpike)
    drive = "I_bias + I_stim" if driven else "I_bias"
    rows = _membrane(neuron, synapse, units, refractory)
    if buffered:
        rows.append(f"x : {units.potential}")
    else:
        held = f"({drive})*int(in_window)" if driven else f"{drive}*int(in_window)"
        now = held if windowed else drive
        more = " + I_syn" * bool(synapse.equations) + noise.current
        rows.insert(1, f"I = {now}{more} : {units.current}")
    rows += f"{neuron.equations}\n{noise.equations}".strip().format(**units.words).splitlines()
    rows.append(f"I_bias : {units.current} (constant)")
    if driven:
        rows.append(f"I_stim : {units.current} (constant)")
    if spiking:
        flags = "constant" if "V_th" in spread else "shared, constant"
        rows += [f"V_th : {units.potential} ({flags})", "count : integer"]
    signed = spiking and isinstance(neuron, (SignedIntegrateFire, CorrectingIntegrateFire))
    rows += ["count_negative : integer"] * signed + ["estimate : 1"] * bool(estimate)
    coded = isinstance(neuron, FewSpike)
    if coded:
        rows += ["coded : 1", *_LEVELS.splitlines()]
    if timed:
        rows += (OWN_WINDOW if staggered else WINDOW).splitlines()
    if driven or timed:
        rows.append("t_begin : second (shared, constant)")
        rows += ["turn : integer (constant)"] * staggered
    constants, V_th, unit, current = _constants(neuron, synapse, reset, units, refractory)
    if neuron.noise:
        constants["place"] = place
    if spiking:
        constants["rounding"] = ROUNDING[precision] * (V_th - constants["E_L"])
    if estimate and estimate != "fir_max":
        constants["tau_estimate"] = 20 * ms
    gate = " and in_window" * windowed + " and step >= onset + hold" * (hold > 0)
    if hold:
        constants["hold"] = hold
    parameters = {"V_th": V_th}
    arrays = _spread(spread, constants, parameters)
    rows += [f"{name} : second (constant)" for name in arrays if name != "V_th"]
    if initial or hold:
        parameters["V_begin"] = constants["E_L"] + initial * (V_th - constants["E_L"])
        rows.append(f"V_begin : {units.potential} (shared, constant)")
    begin = "V_begin" if "V_begin" in parameters else "E_L"
    clear = _clear(neuron, synapse, begin, refractory, spiking)
    clear += "\nx = 0*x" * buffered + "\ncount_negative = 0" * signed
    clear += "\nestimate = 0" * bool(estimate) + "\ncoded = 0" * coded
    return NeuronText(
        equations="\n".join(rows),
        threshold=_threshold(neuron) + gate if spiking else "",
        reset=_lines(
            _back(neuron, reset), neuron.jump, "count += 1", ESTIMATES.get(estimate, ("", ""))[0]
        )
        if spiking
        else "",
        refractory="refractory" if refractory else neuron.refractory_while,
        method=neuron.method(synapse),
        constants=constants,
        parameters=parameters,
        arrays=arrays,
        target="x" if buffered else synapse.target,
        unit=unit,
        current=current,
        rest=constants["E_L"],
        distance=V_th - constants["E_L"],
        clear=clear,
        start=_lines(_start(neuron, drive, spiking), noise.start),
        noise=noise.statements(refractory),
        end=_lines(
            _end(neuron, drive),
            "v = v*int(v >= V_min) + V_min*int(v < V_min)" * ("V_min" in constants),
            "v = V_begin + (v - V_begin)*int(step >= onset + hold)" * (hold > 0),
            "v = E_L" * memoryless,
            ESTIMATES.get(estimate, ("", ""))[1],
        ),
        negative=_negative(neuron, gate, estimate) if signed else None,
    )


#: Worth of a spike now, and of one that comes from the layer before, whose window ends with this one's onset.
_LEVELS = """\
level = 2.0**(onset - step - 1) : 1 (shared, constant over dt)
level_before = 2.0**(onset - n_steps - step - 1) : 1 (shared, constant over dt)"""


def _lines(*statements: str) -> str:
    return "\n".join(filter(None, statements))


def _membrane(neuron: Neuron, synapse: Synapse, units: Units, refractory: bool) -> list[str]:
    if not neuron.membrane:
        return [f"v : {units.potential}"]
    flag = " (unless refractory)" if refractory else ""
    rows = [f"dv/dt = {neuron.membrane} : {units.potential}{flag}"]
    return rows + synapse.equations.format(**units.words).splitlines()


def _threshold(neuron: Neuron) -> str:
    if isinstance(neuron, FewSpike):
        return "v >= E_L + level*(V_th - E_L) - rounding and in_window"
    return neuron.threshold


def _back(neuron: Neuron, reset: str) -> str:
    if isinstance(neuron, FewSpike):
        return "v -= level*(V_th - E_L)\ncoded += level"
    if neuron.back is not None:
        return neuron.back
    return "v -= V_th - E_L" if reset == "subtract" else "v = V_reset"


def _negative(neuron: Neuron, gate: str, estimate: str) -> tuple[str, str]:
    if isinstance(neuron, CorrectingIntegrateFire):
        return (
            f"v < E_L - rounding and count > count_negative{gate}",
            _lines(
                "v += V_th - E_L\ncount_negative += 1",
                ESTIMATES.get(estimate, ("", ""))[0].replace("+=", "-="),
            ),
        )
    return (
        f"v <= E_L - (V_th - E_L)/slope + rounding{gate}",
        "v += (V_th - E_L)/slope\ncount_negative += 1",
    )


def _start(neuron: Neuron, drive: str, spiking: bool) -> str:
    """Few-spike neurons get their constant drive at once, and half of the last digit: they round."""
    if not isinstance(neuron, FewSpike):
        return ""
    half = " + 0.5*2.0**(-n_steps)*(V_th - E_L)" if spiking else ""
    return f"v += ({drive})*dt/C_m{half}"


def _end(neuron: Neuron, drive: str) -> str:
    """What buffered neurons do with the input of a step."""
    if isinstance(neuron, FewSpike):
        return "v += level_before*x\nx = 0*x"
    if isinstance(neuron, PeakInput):
        return f"x += ({drive})*dt/C_m\nv += (x - (v - E_L))*int(x > v - E_L)\nx = 0*x"
    return ""


def reset_named(reset: str) -> str:
    if reset not in ("subtract", "zero"):
        raise ParameterError(
            f'reset is {reset!r}; choose "subtract" (soft, keeps the overshoot) or "zero" (hard)'
        )
    return reset


def _spread(
    spread: Mapping[str, np.ndarray], constants: dict[str, Any], parameters: dict[str, Any]
) -> dict[str, Any]:
    """Parameters that differ from neuron to neuron, taken out of those that all share."""
    arrays: dict[str, Any] = {}
    for name, factors in spread.items():
        if name == "V_th":
            rest, V_th = constants["E_L"], parameters.pop("V_th")
            arrays[name] = rest + factors * (V_th - rest)
        elif name in constants:
            arrays[name] = factors * constants.pop(name)
        else:
            raise ParameterError(f"{name} cannot differ from neuron to neuron; the neuron has none")
    return arrays


def _check_parts(neuron: Neuron, synapse: Synapse, reset: str, spiking: bool) -> None:
    kind = type(neuron).__name__
    if reset not in neuron.resets and spiking:
        raise ParameterError(
            f'{kind} neurons have no reset by subtraction; use reset="{neuron.resets[0]}"'
        )
    if not neuron.passive and not spiking:
        raise ParameterError(f"{kind} neurons always spike; a readout needs another, such as IF()")
    if not neuron.membrane and synapse.equations:
        raise ParameterError(
            f'{kind} neurons take a spike\'s charge at once; use synapse="delta" with them'
        )
    if isinstance(neuron, (SignedIntegrateFire, CorrectingIntegrateFire)) and reset != "subtract":
        raise ParameterError(f'{kind} neurons are reset by subtraction; use reset="subtract"')
    for name, tau in synapse.constants.items():
        for other, tau_m in neuron.time_constants.items():
            if too_close(tau, tau_m):
                raise ParameterError(
                    f"{name} and {other} are both {tau}; the exact solution divides by their "
                    "difference. Change one of them by a thousandth"
                )


def in_units(value: Any, neuron: Neuron, units: Units, position: bool = False) -> Any:
    """A quantity as it stands in the equations.

    Without dimensions the unit of potentials is ``V_th - E_L``, counted from ``E_L`` where the quantity is a
    ``position``, and that of charge ``C_m (V_th - E_L)``.
    """
    if units is not DIMENSIONLESS:
        return value
    distance = float(neuron.V_th - neuron.E_L)
    charge = distance * float(neuron.C_m)
    shifted = value - neuron.E_L if position else value
    dim = getattr(shifted, "dim", DIMLESS)
    volts = dim.get_dimension("mass")  # kg m^2 s^-3 A^-1
    amps = dim.get_dimension("current") + volts
    time = dim.get_dimension("time") + 3 * volts - amps
    number = float(shifted) / distance**volts / charge**amps
    return number * second**time if time else number


def _constants(neuron, synapse, reset, units, refractory):
    if units is DIMENSIONLESS:
        rest, threshold, capacitance = 0.0, 1.0, 1.0
        distance = neuron.V_th - neuron.E_L
        back = float((neuron.V_reset - neuron.E_L) / distance)
    else:
        rest, threshold, capacitance = neuron.E_L, neuron.V_th, neuron.C_m
        back = neuron.V_reset
    step = threshold - rest
    charge = step * capacitance
    constants: dict[str, Any] = {"E_L": rest, "C_m": capacitance}
    noise = neuron.noise or Noise()
    constants |= neuron.time_constants
    for part in (neuron, synapse, noise):
        positions = getattr(part, "positions", ())
        constants |= {
            name: in_units(value, neuron, units, name in positions)
            for name, value in part.constants.items()
        }
    if reset == "zero":
        constants["V_reset"] = back
    if neuron.V_min is not None:
        distance = (neuron.V_min - neuron.E_L) / (neuron.V_th - neuron.E_L)
        constants["V_min"] = rest + float(distance) * step
    if isinstance(neuron, SignedIntegrateFire):
        constants["slope"] = neuron.slope
    if refractory:
        constants["refractory"] = neuron.refractory
    per_charge = synapse.per_charge
    unit = step if per_charge is None else charge * in_units(per_charge, neuron, units)
    return constants, threshold, unit, charge


def _clear(neuron: Neuron, synapse: Synapse, begin: str, refractory: bool, spiking: bool) -> str:
    rows = [f"v = {begin}", *filter(None, [neuron.begin])]
    rows += [f"{name} = 0*{name}" for name in synapse.variables]
    if refractory or neuron.refractory_while:
        rows = ["not_refractory = True", "lastspike = -1e4*second", *rows]
    if spiking:
        rows.append("count = 0")
    return "\n".join(rows)


def in_thresholds(text: NeuronText, v: Any) -> Any:
    """Potentials ``v`` (SI floats) as distances from rest in the thresholds of the conversion."""
    return (v - float(text.rest)) / float(text.distance)
