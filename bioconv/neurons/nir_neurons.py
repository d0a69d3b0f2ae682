"""The neurons of NIR as text, integrated step by step.

``x`` is what arrives in a step: weights of its spikes, or values, and biases. ``spikes`` says what that means:

========== ===========================================================================================
"step"     a current of ``x`` that is held for the step
"dirac"    a pulse of charge ``x`` at the end of the step; its time is counted in seconds
========== ===========================================================================================

With ``a(tau) = dt/tau`` (Euler) or ``1 - exp(-dt/tau)`` (exact), a step changes

=========== ================================================ ==============================================
neuron      "step"                                           "dirac"
=========== ================================================ ==============================================
I, IF       ``v += dt r x``                                  ``v += r x``
LI, LIF     ``v += a(tau) (v_leak - v + r x)``               ``v += a(tau) (v_leak - v) + r x/tau``
CubaLI(F),  ``I += a(tau_syn) (w_in x - I)``, then           ``I += w_in x/tau_syn - a(tau_syn) I``, then
Euler       ``v += a(tau_mem) (v_leak - v + r I)``           ``v += a(tau_mem) (v_leak - v + r I)``
CubaLI(F),  both equations solved together over the step     the same, before the pulse arrives
exact
Threshold   ``v = x``                                        ``v = x``
=========== ================================================ ==============================================

Euler takes the *new* current for the membrane, as Norse and snnTorch do. Then ``v > v_threshold`` is a spike,
and the reset follows in the same step: to ``v_reset``, or by subtraction of ``v_threshold - v_reset``. A sample begins with ``v = v_leak``
(0 where there is none) and ``I = 0``. I, LI and CubaLI send their potential in every step.

References
----------
Pedersen et al. (2024), Nat. Commun. 15:8122: the primitives of NIR and their equations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from bioconv.errors import ParameterError
from bioconv.neurons.discrete import Discrete

RESETS = ("zero", "subtract")
SPIKES = ("step", "dirac")
INTEGRATORS = ("euler", "exact")

#: {neuron: its parameters}
NEURON_FIELDS: dict[str, tuple[str, ...]] = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Threshold": ("threshold",),
}
#: Neurons that send their potential instead of spikes.
VALUED = ("I", "LI", "CubaLI")


def nir_neuron(
    kind: str,
    values: Mapping[str, Any],
    *,
    dt: float,
    reset: str = "zero",
    spikes: str = "step",
    integrator: str = "euler",
    sends: bool = False,
) -> Discrete:
    """The text of a NIR primitive.

    Parameters
    ----------
    kind : str
        A key of :data:`NEURON_FIELDS`.
    values : mapping
        Its parameters: numbers, or arrays that broadcast against the population's shape; times in seconds.
    dt : float
        Seconds; only exact current-based neurons and nothing else have it among their numbers.
    sends : bool
        Whether a neuron of :data:`VALUED` feeds others; at the end of a network it is only read.

    Raises
    ------
    ParameterError
        If an option is unknown.
    """
    for name, value, choices in (
        ("reset", reset, RESETS),
        ("spikes", spikes, SPIKES),
        ("integrator", integrator, INTEGRATORS),
    ):
        if value not in choices:
            raise ParameterError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
    neuron = _membrane(kind, values, dt, spikes, integrator)
    if kind in VALUED:
        return _sending(neuron) if sends else neuron
    threshold = values["threshold" if kind == "Threshold" else "v_threshold"]
    potentials = {**neuron.potentials, "V_th": threshold}
    back = ""
    if kind != "Threshold":
        back = "v = V_reset" if reset == "zero" else "v -= V_th - V_reset"
        potentials["V_reset"] = values["v_reset"]
    return replace(neuron, spike="v > V_th", reset=back, potentials=potentials)


def _membrane(
    kind: str, values: Mapping[str, Any], dt: float, spikes: str, integrator: str
) -> Discrete:
    if kind == "Threshold":
        return _discrete(kind, "v : {potential}", "v = drive")
    if kind in ("I", "IF"):
        return _integrator(kind, values, spikes)
    if kind in ("LI", "LIF"):
        return _leaky(kind, values, spikes, integrator)
    if integrator == "euler":
        return _filtered(kind, values, spikes)
    return _filtered_exactly(kind, values, dt, spikes)


def _discrete(kind: str, equations: str, update: str, **more: Any) -> Discrete:
    begin = more.pop("begin", "v = 0*v")
    return Discrete(
        label=f"NIR {kind}",
        equations=equations,
        update=update,
        begin=begin,
        **more,
    )


def _integrator(kind: str, values: Mapping[str, Any], spikes: str) -> Discrete:
    numbers = {"r": values["r"]}
    if spikes == "dirac":
        return _discrete(kind, "v : {potential}", "v += r*drive", numbers=numbers)
    return _discrete(kind, "dv/dt = r*drive/second : {potential}", "", numbers=numbers)


def _leaky(kind: str, values: Mapping[str, Any], spikes: str, integrator: str) -> Discrete:
    held = spikes == "step"
    return _discrete(
        kind,
        f"dv/dt = (v_leak - v{' + r*drive' * held})/tau : {{potential}}",
        "" if held else "v += r*drive*second/tau",
        begin="v = v_leak + 0*v",
        method="euler" if integrator == "euler" else "exponential_euler",
        potentials={"v_leak": values["v_leak"]},
        numbers={"r": values["r"]},
        times={"tau": values["tau"]},
    )


_FILTER = "v : {potential}\nI_syn : {potential}"
_FILTER_BEGIN = "v = v_leak + 0*v\nI_syn = 0*I_syn"


def _filtered(kind: str, values: Mapping[str, Any], spikes: str) -> Discrete:
    arriving = "(w_in*drive - I_syn)*dt" if spikes == "step" else "(w_in*drive*second - I_syn*dt)"
    return _discrete(
        kind,
        _FILTER,
        f"I_syn += {arriving}/tau_syn\nv += (v_leak - v + r*I_syn)*dt/tau_mem",
        begin=_FILTER_BEGIN,
        potentials={"v_leak": values["v_leak"]},
        numbers={"r": values["r"], "w_in": values["w_in"]},
        times={"tau_syn": values["tau_syn"], "tau_mem": values["tau_mem"]},
    )


def _filtered_exactly(kind: str, values: Mapping[str, Any], dt: float, spikes: str) -> Discrete:
    return _discrete(
        kind,
        _FILTER,
        "v = v_leak + (v - v_leak)*keep_mem + I_syn*through + drive*direct\n"
        "I_syn = I_syn*keep_syn + drive*jump",
        begin=_FILTER_BEGIN,
        potentials={"v_leak": values["v_leak"]},
        numbers=filter_numbers(values, dt, spikes),
    )


def filter_numbers(values: Mapping[str, Any], dt: float, spikes: str) -> dict[str, np.ndarray]:
    """What a step of the exact solution of a current-based neuron multiplies.

    With ``k = (exp(-dt/tau_syn) - exp(-dt/tau_mem)) tau_syn/(tau_syn - tau_mem)``, the part of a current at the begin of the step
    that is on the membrane at its end::

        v  = v_leak + (v - v_leak) exp(-dt/tau_mem) + r k I + r w_in (1 - exp(-dt/tau_mem) - k) x
        I  = I exp(-dt/tau_syn) + w_in (1 - exp(-dt/tau_syn)) x

    For a pulse ``x`` has no part in ``v``, and ``w_in/tau_syn`` in ``I``. Equal time constants have the limit
    ``k = dt/tau exp(-dt/tau)``.
    """
    tau_s, tau_m, r, w = (np.asarray(values[n], float) for n in ("tau_syn", "tau_mem", "r", "w_in"))
    keep_m, keep_s = np.exp(-dt / tau_m), np.exp(-dt / tau_s)
    z = dt / tau_m - dt / tau_s
    small = np.abs(z) < 1e-8
    ratio = np.where(small, 1 + z / 2, np.expm1(z) / np.where(small, 1.0, z))
    k = dt / tau_m * keep_m * ratio
    held = spikes == "step"
    return {
        "keep_mem": keep_m,
        "keep_syn": keep_s,
        "through": r * k,
        "direct": r * w * (1 - keep_m - k) if held else np.zeros(()),
        "jump": w * (1 - keep_s) if held else w / tau_s,
    }


def _sending(neuron: Discrete) -> Discrete:
    """A neuron whose potential is sent in every step: an event whose weight is the potential."""
    return replace(
        neuron,
        equations=f"{neuron.equations}\ngain : 1",
        update=f"{neuron.update}\ngain = v/one".strip(),
        spike="gain != 0",
        begin=f"{neuron.begin}\ngain = 0",
        potentials={**neuron.potentials, "one": 1.0},
    )


def sends_values(neuron: Any) -> bool:
    """Whether it is a neuron that sends its potential in every step."""
    return isinstance(neuron, Discrete) and "gain : 1" in neuron.equations


def recognised(
    neuron: Discrete, dt: float
) -> tuple[str, dict[str, np.ndarray], dict[str, str]] | None:
    """(kind, parameters, options) of a neuron that :func:`nir_neuron` made for steps of ``dt``, None of another."""
    for kind, fields in NEURON_FIELDS.items():
        for options in _options(kind):
            for sends in (False, True):
                made = nir_neuron(kind, dict.fromkeys(fields, 1.0), dt=dt, sends=sends, **options)
                if _same(made, neuron):
                    values, spikes = _parameters(neuron, fields, dt)
                    return kind, values, {**options, **spikes}
    return None


def _parameters(
    neuron: Discrete, fields: tuple[str, ...], dt: float
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Values of the fields, and whether spikes are pulses where only the numbers tell."""
    given = {name: values for name, (values, _) in neuron.parameters.items()}
    spikes = {}
    if "keep_mem" in given:
        found, spikes["spikes"] = _told_by_filter(given, dt)
        given |= found
    renamed = {"v_threshold": "V_th", "v_reset": "V_reset", "threshold": "V_th"}
    return {name: given[renamed.get(name, name)] for name in fields}, spikes


def _told_by_filter(
    given: Mapping[str, np.ndarray], dt: float
) -> tuple[dict[str, np.ndarray], str]:
    """The inverse of :func:`filter_numbers`."""
    spikes = "step" if given["direct"].any() else "dirac"
    found = {
        "tau_mem": -dt / np.log(given["keep_mem"]),
        "tau_syn": -dt / np.log(given["keep_syn"]),
    }
    one = filter_numbers({**found, "r": 1.0, "w_in": 1.0}, dt, spikes)
    return {
        **found,
        "r": given["through"] / one["through"],
        "w_in": given["jump"] / one["jump"],
    }, spikes


def _options(kind: str) -> Iterator[dict[str, str]]:
    """Every choice of the options that matter for a neuron."""
    matters = {
        "reset": RESETS if kind.endswith("IF") else (),
        "spikes": SPIKES if kind != "Threshold" else (),
        "integrator": INTEGRATORS if kind not in ("Threshold", "I", "IF") else (),
    }
    names = [name for name, choices in matters.items() if choices]
    for chosen in product(*(matters[name] for name in names)):
        yield dict(zip(names, chosen, strict=True))


def _same(one: Discrete, other: Discrete) -> bool:
    texts = ("equations", "update", "spike", "reset", "begin", "method", "negative")
    return all(getattr(one, name) == getattr(other, name) for name in texts)
