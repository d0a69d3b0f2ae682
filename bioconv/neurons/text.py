"""Neuron, synapse, reset and units put together: the text that Brian2 gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brian2 import Equations

from bioconv.errors import ParameterError
from bioconv.neurons.models import Neuron
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
        Current that moves the membrane by one threshold a second.
    clear : str
        Statements that bring the neuron back to rest.
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
    clear: str

    def __str__(self) -> str:
        rows = [*self.equations.splitlines()]
        if self.threshold:
            rows += [f"threshold  {self.threshold}", f"reset      {self.reset}"]
        if self.refractory:
            rows.append("refractory refractory")
        rows.append(f"method     {self.method}")
        for name in ("parameters", "constants"):
            rows.append(f"{name:10} " + ", ".join(f"{k} = {v}" for k, v in getattr(self, name).items()))
        return "\n".join(rows)

    def latex(self) -> str:
        """The equations as a LaTeX ``align*`` environment."""
        return Equations(self.equations)._repr_latex_()


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
    """
    _check_times(neuron, synapse)
    refractory = spiking and float(neuron.refractory) > 0
    words = {"potential": units.potential, "current": units.current}
    rows = [f"dv/dt = {neuron.membrane} : {units.potential}"]
    if refractory:
        rows[0] += " (unless refractory)"
    drive = "I_bias + I_stim" if driven else "I_bias"
    if windowed:
        drive = f"({drive})*int(in_window)" if driven else f"{drive}*int(in_window)"
    rows.append(f"I = {drive}{' + I_syn' if synapse.equations else ''} : {units.current}")
    if synapse.equations:
        rows += synapse.equations.format(**words).splitlines()
    rows.append(f"I_bias : {units.current} (constant)")
    if driven:
        rows.append(f"I_stim : {units.current} (constant)")
    if spiking:
        rows += [f"V_th : {units.potential} (shared, constant)", "count : integer"]
    if windowed:
        rows += WINDOW.splitlines()
    if driven or windowed:
        rows.append("t_begin : second (shared, constant)")
    constants, V_th, unit, current = _constants(neuron, synapse, reset, units, refractory)
    if spiking:
        constants["rounding"] = ROUNDING[precision] * (V_th - constants["E_L"])
    back = "v -= V_th - E_L" if reset == "subtract" else "v = V_reset"
    return NeuronText(
        equations="\n".join(rows),
        threshold=f"v >= V_th - rounding{' and in_window' * windowed}" if spiking else "",
        reset=f"{back}\ncount += 1" if spiking else "",
        refractory="refractory" if refractory else "",
        method=neuron.method(synapse),
        constants=constants,
        parameters={"V_th": V_th},
        target=synapse.target,
        unit=unit,
        current=current,
        clear=_clear(synapse, refractory, spiking),
    )


def reset_named(reset: str) -> str:
    if reset not in ("subtract", "zero"):
        raise ParameterError(
            f'reset is {reset!r}; choose "subtract" (soft, keeps the overshoot) or "zero" (hard)'
        )
    return reset


def _check_times(neuron: Neuron, synapse: Synapse) -> None:
    for name, tau in synapse.constants.items():
        for other, tau_m in neuron.time_constants.items():
            if too_close(tau, tau_m):
                raise ParameterError(
                    f"{name} and {other} are both {tau}; the exact solution divides by their "
                    "difference. Change one of them by a thousandth"
                )


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
    constants |= {**neuron.time_constants, **synapse.constants}
    if reset == "zero":
        constants["V_reset"] = back
    if refractory:
        constants["refractory"] = neuron.refractory
    unit = step if synapse.per_charge is None else charge * synapse.per_charge
    return constants, threshold, unit, charge


def _clear(synapse: Synapse, refractory: bool, spiking: bool) -> str:
    rows = ["v = E_L"]
    if synapse.equations:
        rows.append("I_syn = 0*I_syn")
    if synapse.target == "h_syn":
        rows.append("h_syn = 0*h_syn")
    if refractory:
        rows = ["not_refractory = True", "lastspike = -1e4*second", *rows]
    if spiking:
        rows.append("count = 0")
    return "\n".join(rows)


def in_thresholds(text: NeuronText, v: Any) -> Any:
    """Potentials ``v`` (SI floats) as distances from rest in the thresholds of the conversion."""
    rest, threshold = float(text.constants["E_L"]), float(text.parameters["V_th"])
    return (v - rest) / (threshold - rest)
