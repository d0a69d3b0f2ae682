"""The neurons of frameworks that train spiking networks, step for step as their forward passes compute them.

In every step ``drive`` is what arrives: weights times spikes, biases, and what comes back from the step
before. ``o`` is the spike of a step. The order of sums and products is the framework's, so that in the
same precision a potential differs by no more than the rounding of ``drive``. Parameters are numbers, or arrays
that broadcast against the population's shape, in the framework's units.
"""

from typing import Any

from bioconv.errors import ParameterError
from bioconv.neurons.discrete import Discrete

_RESETS = ("subtract", "zero", "none")


def _checked_reset(label: str, reset: str, known: tuple[str, ...] = _RESETS) -> None:
    if reset not in known:
        raise ParameterError(f"{label}: reset is {reset!r}; it knows {', '.join(known)}")


def snntorch_leaky(
    *,
    beta: Any,
    threshold: Any = 1.0,
    reset: str = "subtract",
    delayed: bool = True,
    recurrent: bool = False,
) -> Discrete:
    """snnTorch's ``Leaky`` and ``RLeaky``.

    ``r[t] = v[t-1] > V_th`` tells that a reset is due, ``o[t] = v[t] > V_th``::

        subtract     v[t] = beta v[t-1] + drive - r V_th
        zero         v[t] = beta (1 - r) v[t-1] + drive         (RLeaky: (1 - r) (beta v[t-1] + drive))
        none         v[t] = beta v[t-1] + drive
        not delayed  then v[t] -= (o - r) V_th, or (o - r) v[t]

    Parameters
    ----------
    beta : number or array, from 0 to 1
    reset : {"subtract", "zero", "none"}
    delayed : bool
        ``reset_delay``: the reset waits for the next step.
    recurrent : bool
        Whether it is ``RLeaky``, whose reset to zero also takes what arrives in the step.

    References
    ----------
    snnTorch 1.0, ``snntorch/_neurons/leaky.py`` and ``rleaky.py``.
    """
    label = f"snnTorch {'R' * recurrent}Leaky"
    _checked_reset(label, reset)
    charge = {
        "subtract": ["v = beta*v + drive - r*V_th"],
        "zero": ["v = (1 - r)*v", "v = beta*v + drive"],
        "none": ["v = beta*v + drive"],
    }[reset]
    if reset == "zero" and recurrent:
        charge = ["v = (1 - r)*(beta*v + drive)"]
    return _snntorch(
        label,
        ["r = int(v > V_th)", *charge],
        {"beta": beta},
        threshold,
        reset,
        delayed,
        equations=["v : {potential}"],
    )


def snntorch_synaptic(
    *,
    alpha: Any,
    beta: Any,
    threshold: Any = 1.0,
    reset: str = "subtract",
    delayed: bool = True,
    recurrent: bool = False,
) -> Discrete:
    """snnTorch's ``Synaptic`` and ``RSynaptic``.

    ``r[t] = v[t-1] > V_th``, ``o[t] = v[t] > V_th``::

        syn[t]       = alpha syn[t-1] + drive
        subtract     v[t] = beta v[t-1] + syn[t] - r V_th
        zero         v[t] = (1 - r) (beta v[t-1] + syn[t])
        none         v[t] = beta v[t-1] + syn[t]
        not delayed  then v[t] -= (o - r) V_th, or (o - r) v[t]

    Parameters
    ----------
    alpha, beta : number or array, from 0 to 1
    reset, delayed, recurrent : as for :func:`snntorch_leaky`

    References
    ----------
    snnTorch 1.0, ``snntorch/_neurons/synaptic.py`` and ``rsynaptic.py``.
    """
    label = f"snnTorch {'R' * recurrent}Synaptic"
    _checked_reset(label, reset)
    charge = {
        "subtract": "v = beta*v + syn - r*V_th",
        "zero": "v = (1 - r)*(beta*v + syn)",
        "none": "v = beta*v + syn",
    }[reset]
    return _snntorch(
        label,
        ["r = int(v > V_th)", "syn = alpha*syn + drive", charge],
        {"alpha": alpha, "beta": beta},
        threshold,
        reset,
        delayed,
        equations=["v : {potential}", "syn : {potential}"],
    )


def snntorch_alpha(
    *, alpha: Any, beta: Any, tau_alpha: Any, threshold: Any = 1.0, reset: str = "zero"
) -> Discrete:
    """snnTorch's ``Alpha``: the difference of two traces; the potential has no memory of its own.

    ``r[t] = v[t-1] > V_th``, ``o[t] = v[t] > V_th``::

        exc[t] = alpha exc[t-1] + drive
        inh[t] = beta inh[t-1] - drive
        v[t]   = tau_alpha (exc[t] + inh[t])
        zero      where r: exc = inh = v = 0
        subtract  where r: exc -= V_th, inh = 0, v += inh[t-1]

    Parameters
    ----------
    alpha, beta : number or array, from 0 to 1
    tau_alpha : number or array
        ``log(alpha) / (log(beta) - log(alpha)) + 1``, rounded as the framework does.
    reset : {"subtract", "zero", "none"}

    References
    ----------
    snnTorch 1.0, ``snntorch/_neurons/alpha.py``.
    """
    label = "snnTorch Alpha"
    _checked_reset(label, reset)
    resets = {
        "subtract": ["exc -= r*V_th", "inh = (1 - r)*inh", "v += r*before"],
        "zero": ["exc = (1 - r)*exc", "inh = (1 - r)*inh", "v = (1 - r)*v"],
        "none": [],
    }[reset]
    update = [
        "r = int(v > V_th)", "before = inh", "exc = alpha*exc + drive", "inh = beta*inh - drive",
        "v = tau_alpha*(exc + inh)", *resets,
    ]  # fmt: skip
    return _snntorch(
        label,
        update,
        {"alpha": alpha, "beta": beta, "tau_alpha": tau_alpha},
        threshold,
        reset,
        True,
        equations=[
            "v : {potential}", "exc : {potential}", "inh : {potential}", "before : {potential}",
        ],
    )  # fmt: skip


def _snntorch(
    label: str,
    update: list[str],
    numbers: dict[str, Any],
    threshold: Any,
    reset: str,
    delayed: bool,
    equations: list[str],
) -> Discrete:
    """A neuron whose spikes and due resets both are ``v > V_th``, before and after the charge."""
    remembered = [row.split(" : ")[0] for row in equations]
    if not delayed and reset != "none":
        taken = "V_th" if reset == "subtract" else "v"
        update = [*update, "o = int(v > V_th)", f"v = v - (o - r)*{taken}"]
        equations = [*equations, "o : 1"]
        remembered.append("o")
    return Discrete(
        label=label,
        equations="\n".join([*equations, "r : 1"]),
        update="\n".join(update),
        spike="o > 0" if "o : 1" in equations else "v > V_th",
        begin="\n".join(f"{name} = 0*{name}" for name in remembered),
        potentials={"V_th": threshold},
        numbers=numbers,
    )


def norse_lif(
    *, k_mem: Any, k_syn: Any, v_leak: Any = 0.0, v_th: Any = 1.0, v_reset: Any = 0.0
) -> Discrete:
    """Norse's ``LIFCell`` and ``LIFRecurrentCell``.

    ::

        syn'   = syn[t-1] + drive
        v'     = v[t-1] + k_mem ((v_leak - v[t-1]) + syn')
        syn[t] = syn' - k_syn syn'
        o[t]   = v' > v_th,   v[t] = v_reset where o, else v'

    Parameters
    ----------
    k_mem, k_syn : number or array
        ``dt tau_mem_inv`` and ``dt tau_syn_inv``.

    References
    ----------
    Norse 1.1, ``norse/torch/functional/lif.py``.
    """
    return Discrete(
        label="Norse LIF",
        equations="v : {potential}\nsyn : {potential}",
        update="syn += drive\nv = v + k_mem*((v_leak - v) + syn)\nsyn = syn - k_syn*syn",
        spike="v > V_th",
        reset="v = V_reset",
        begin="v = v_leak\nsyn = 0*syn",
        potentials={"V_th": v_th, "V_reset": v_reset, "v_leak": v_leak},
        numbers={"k_mem": k_mem, "k_syn": k_syn},
    )


def norse_lif_box(
    *,
    k_mem: Any,
    v_leak: Any = 0.0,
    v_th: Any = 1.0,
    v_reset: Any = 0.0,
    reset: str = "value",
) -> Discrete:
    """Norse's ``LIFBoxCell``: :func:`norse_lif` without a synaptic current.

    ::

        v'   = v[t-1] + k_mem (drive + v_leak - v[t-1])
        o[t] = v' > v_th,   where o: v[t] = v_reset, or v' - v_th

    Parameters
    ----------
    k_mem : number or array
        ``dt tau_mem_inv``.
    reset : {"value", "subtract"}

    References
    ----------
    Norse 1.1, ``norse/torch/functional/lif_box.py``.
    """
    _checked_reset("Norse LIFBox", reset, ("value", "subtract"))
    potentials = {"V_th": v_th, "v_leak": v_leak}
    if reset == "value":
        potentials["V_reset"] = v_reset
    return Discrete(
        label="Norse LIFBox",
        update="v = v + k_mem*(drive + v_leak - v)",
        spike="v > V_th",
        reset="v = V_reset" if reset == "value" else "v -= V_th",
        begin="v = v_leak",
        potentials=potentials,
        numbers={"k_mem": k_mem},
    )


def norse_li(*, k_mem: Any, k_syn: Any, v_leak: Any = 0.0) -> Discrete:
    """Norse's ``LICell``: :func:`norse_lif` that never spikes; ``v`` is its answer.

    References
    ----------
    Norse 1.1, ``norse/torch/functional/leaky_integrator.py``.
    """
    return Discrete(
        label="Norse LI",
        equations="v : {potential}\nsyn : {potential}",
        update="syn += drive\nv = v + k_mem*((v_leak - v) + syn)\nsyn = syn - k_syn*syn",
        begin="v = v_leak\nsyn = 0*syn",
        potentials={"v_leak": v_leak},
        numbers={"k_mem": k_mem, "k_syn": k_syn},
    )


def norse_li_box(*, k_mem: Any, v_leak: Any = 0.0) -> Discrete:
    """Norse's ``LIBoxCell``: ``v[t] = v[t-1] + k_mem ((v_leak - v[t-1]) + drive)``, its answer.

    References
    ----------
    Norse 1.1, ``norse/torch/functional/leaky_integrator_box.py``.
    """
    return Discrete(
        label="Norse LIBox",
        update="v = v + k_mem*((v_leak - v) + drive)",
        begin="v = v_leak",
        potentials={"v_leak": v_leak},
        numbers={"k_mem": k_mem},
    )


def norse_iaf(*, v_th: Any = 1.0, v_reset: Any = 0.0) -> Discrete:
    """Norse's ``IAFCell``: ``v' = v[t-1] + drive``, ``o = v' > v_th``, ``v[t] = v_reset`` where ``o``.

    References
    ----------
    Norse 1.1, ``norse/torch/functional/iaf.py``.
    """
    return Discrete(
        label="Norse IAF",
        update="v += drive",
        spike="v > V_th",
        reset="v = V_reset",
        begin="v = V_reset",
        potentials={"V_th": v_th, "V_reset": v_reset},
    )


def spikingjelly_if(*, v_threshold: Any = 1.0, v_reset: Any = 0.0) -> Discrete:
    """SpikingJelly's ``IFNode``.

    ::

        h[t] = v[t-1] + drive
        o[t] = h[t] >= v_threshold
        v[t] = h - o v_threshold without v_reset; else v_reset where o

    Parameters
    ----------
    v_reset : number, array or None
        None: reset by subtraction, begin at zero; a value: reset to it, begin at it.

    References
    ----------
    SpikingJelly 2.0, ``spikingjelly/_ops/if_/reference.py``.
    """
    return _spikingjelly("SpikingJelly IF", "v += drive", v_threshold, v_reset, {})


def spikingjelly_lif(
    *, tau: Any = 2.0, decay_input: bool = True, v_threshold: Any = 1.0, v_reset: Any = 0.0
) -> Discrete:
    """SpikingJelly's ``LIFNode``; ``v_reset = 0`` in the charge where it is None.

    ::

        h[t] = v + (drive - (v - v_reset)) / tau      with decay_input,
               v - (v - v_reset) / tau + drive        without

    then spike and reset of :func:`spikingjelly_if`.

    References
    ----------
    SpikingJelly 2.0, ``spikingjelly/_ops/lif/reference.py``.
    """
    above = "v" if v_reset is None else "(v - V_reset)"
    charge = f"v + (drive - {above})/tau" if decay_input else f"v - {above}/tau + drive"
    return _spikingjelly("SpikingJelly LIF", f"v = {charge}", v_threshold, v_reset, {"tau": tau})


def spikingjelly_plif(
    *, k: Any, decay_input: bool = True, v_threshold: Any = 1.0, v_reset: Any = 0.0
) -> Discrete:
    """SpikingJelly's ``ParametricLIFNode``: :func:`spikingjelly_lif` times ``k`` instead of over ``tau``.

    Parameters
    ----------
    k : number or array
        The logistic function of the trained ``w``.

    References
    ----------
    Fang et al. (2021), ICCV. SpikingJelly 2.0, ``spikingjelly/_ops/plif/reference.py``.
    """
    above = "v" if v_reset is None else "(v - V_reset)"
    charge = f"v + (drive - {above})*k" if decay_input else f"v - {above}*k + drive"
    return _spikingjelly("SpikingJelly PLIF", f"v = {charge}", v_threshold, v_reset, {"k": k})


def _spikingjelly(
    label: str, update: str, v_threshold: Any, v_reset: Any, numbers: dict[str, Any]
) -> Discrete:
    hard = v_reset is not None
    return Discrete(
        label=label,
        update=update,
        spike="v >= V_th",
        reset="v = V_reset" if hard else "v -= V_th",
        begin="v = V_reset" if hard else "v = 0*v",
        potentials={"V_th": v_threshold, **({"V_reset": v_reset} if hard else {})},
        numbers=numbers,
    )


def sinabs_lif(
    *,
    alpha_mem: Any,
    alpha_syn: Any = None,
    threshold: Any = 1.0,
    subtract: Any = None,
    reset: str = "subtract",
    norm_input: bool = True,
    v_min: Any = None,
    late: Any = None,
) -> Discrete:
    """Sinabs' ``LIF``, and ``IAF`` with ``alpha_mem = 1`` and ``norm_input = False``; one spike a step.

    ::

        syn[t] = alpha_syn (syn[t-1] + drive)            drive without alpha_syn
        v'     = alpha_mem v[t-1] + (1 - alpha_mem) syn  + syn without norm_input
        o[t]   = v' >= threshold
        v''    = v' - o subtract, or 0 where o
        v[t]   = max(v'' - v_min, 0) + v_min             v'' without v_min

    The last line is executed at the begin of the next step, which changes no spike.

    Parameters
    ----------
    alpha_mem, alpha_syn : number or array
        ``exp(-1 / tau)`` with time constants in steps.
    subtract : number or array, optional
        The threshold unless given.
    reset : {"subtract", "zero"}
    v_min : number or array, at most zero, optional
    late : number or array, optional
        Part of ``drive`` that is missing in the first step: the bias of what leads spikes back.

    References
    ----------
    Sinabs 2.0, ``sinabs/layers/functional/lif.py``.
    """
    _checked_reset("Sinabs LIF", reset, ("subtract", "zero"))
    drive = "drive" if late is None else "(drive - fresh*V_late)"
    charge = _sinabs(alpha_mem, alpha_syn, norm_input, v_min, drive)
    update, equations, numbers, potentials = charge
    begin = "v = 0*v" + "\nsyn = 0*syn" * (alpha_syn is not None)
    if late is not None:
        update += "\nfresh = 0"
        equations, begin = equations + "\nfresh : 1", begin + "\nfresh = 1"
        potentials["V_late"] = late
    potentials["V_th"] = threshold
    if reset == "subtract" and subtract is not None:
        potentials["V_sub"] = subtract
    taken = "V_th" if subtract is None else "V_sub"
    return Discrete(
        label="Sinabs LIF",
        equations=equations,
        update=update,
        spike="v >= V_th",
        reset=f"v -= {taken}" if reset == "subtract" else "v = 0*v",
        begin=begin,
        potentials=potentials,
        numbers=numbers,
    )


def sinabs_exp_leak(*, alpha_mem: Any, norm_input: bool = False, v_min: Any = None) -> Discrete:
    """Sinabs' ``ExpLeak``: :func:`sinabs_lif` that never spikes; ``v'`` is its answer.

    References
    ----------
    Sinabs 2.0, ``sinabs/layers/exp_leak.py``.
    """
    update, equations, numbers, potentials = _sinabs(alpha_mem, None, norm_input, v_min)
    return Discrete(
        label="Sinabs ExpLeak",
        equations=equations,
        update=update,
        potentials=potentials,
        numbers=numbers,
    )


def _sinabs(
    alpha_mem: Any, alpha_syn: Any, norm_input: bool, v_min: Any, drive: str = "drive"
) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Update, equations, numbers and potentials of a charge."""
    rows, numbers, potentials = [], {"alpha_mem": alpha_mem}, {}
    if v_min is not None:
        rows.append("v = (v - V_min)*int(v > V_min) + V_min")
        potentials["V_min"] = v_min
    current = drive
    if alpha_syn is not None:
        rows.append(f"syn = alpha_syn*(syn + {drive})")
        numbers["alpha_syn"] = alpha_syn
        current = "syn"
    weighed = f"(1 - alpha_mem)*{current}" if norm_input else current
    rows.append(f"v = alpha_mem*v + {weighed}")
    equations = "v : {potential}" + "\nsyn : {potential}" * (alpha_syn is not None)
    return "\n".join(rows), equations, numbers, potentials
