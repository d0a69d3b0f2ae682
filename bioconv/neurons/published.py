"""Neurons of published training methods, step for step as their authors compute them.

``u`` is the potential, ``o`` the spike, ``I`` what arrives in a step; ``[ ]`` is one where a condition holds.

============== ======================================================= =============================
function       a step                                                  published
============== ======================================================= =============================
stbp           ``u = k u (1 - o) + I``, ``o = [u > V_th]``             Wu et al. 2019
plif           ``u = u + k (I - (u - V_reset))``, ``o = [u >= V_th]``, Fang et al. 2021
               a spike sets ``u = V_reset``
stdb           ``o = [u > V_th]``, then ``u = l u + I - V_th o``       Rathi et al. 2020
tssl           ``a = (1 - 1/t_s) a + I/t_s``,                          Zhang & Li 2020
               ``u = (1 - 1/t_m) u (1 - o) + a``, ``o = [u > V_th]``
spikegrad      ``u = u + I``; +1 if ``u >= V_th``, -1 if ``u < 0`` and Thiele et al. 2020
               more +1 than -1 were sent
============== ======================================================= =============================

Together with :func:`bioconv.spiking_network` they are networks that spike as in training.
"""

from typing import Any

from bioconv.errors import ParameterError
from bioconv.neurons.discrete import Discrete


def stbp(*, decay: Any = 0.2, V_th: Any = 0.5) -> Discrete:
    """Iterative LIF neuron of spatio-temporal backpropagation.

    Parameters
    ----------
    decay : float or array
        What is left of a potential after a step.
    V_th : float or array
        Threshold, which a potential must exceed.

    References
    ----------
    Wu, Deng, Li, Zhu, Xie & Shi (2019), AAAI, arXiv 1809.05793.
    """
    return Discrete(
        label="STBP",
        update="v = decay*v + drive",
        spike="v > V_th",
        reset="v = 0*v",
        potentials={"V_th": V_th},
        numbers={"decay": decay},
    )


def integrate_fire(*, V_th: Any = 1.0, reset: str = "subtract") -> Discrete:
    """Integrator without leak that takes its threshold away on a spike, or everything (``"zero"``)."""
    if reset not in ("subtract", "zero"):
        raise ParameterError(f'integrate_fire: reset is {reset!r}; choose "subtract" or "zero"')
    return Discrete(
        label="IF",
        update="v = v + drive",
        spike="v > V_th",
        reset="v -= V_th" if reset == "subtract" else "v = 0*v",
        potentials={"V_th": V_th},
    )


def plif(
    *, k: Any = 0.5, V_th: Any = 1.0, V_reset: float | None = 0.0, decay_input: bool = True
) -> Discrete:
    """LIF neuron with a time constant ``1/k`` that was learned.

    Parameters
    ----------
    k : float or array
        One over the time constant in steps; 0 for an integrator without leak.
    V_th : float or array
    V_reset : float or None
        Where a spike leads, and where the leak leads to; None: a spike subtracts ``V_th``, the leak leads to 0.
    decay_input : bool
        Whether input is multiplied by ``k`` too.

    References
    ----------
    Fang, Yu, Chen, Masquelier, Huang & Tian (2021), ICCV, arXiv 2007.05785, equations 2 to 5.
    """
    rest = "" if V_reset is None else " - V_reset"
    potentials = {"V_th": V_th} | ({} if V_reset is None else {"V_reset": V_reset})
    leaked = f"(v{rest})"
    return Discrete(
        label="PLIF",
        update=f"v = v + k*(drive - {leaked})" if decay_input else f"v = v - k*{leaked} + drive",
        spike="v >= V_th",
        reset="v -= V_th" if V_reset is None else "v = V_reset",
        begin="v = 0*v" if V_reset is None else "v = V_reset",
        potentials=potentials,
        numbers={"k": k},
    )


def stdb(*, leak: Any = 1.0, V_th: Any = 1.0) -> Discrete:
    """Neuron of hybrid training: a spike is read before the step's input is integrated.

    The leak acts on the potential before the threshold is subtracted, in the step after the spike.

    References
    ----------
    Rathi, Srinivasan, Panda & Roy (2020), ICLR, arXiv 2005.01807.
    """
    return Discrete(
        label="STDB",
        equations="v : {potential}\nwaiting : {potential}\nfired : 1",
        update="v = leak*v + waiting - V_th*fired\nfired = 0\nwaiting = drive",
        spike="v > V_th",
        reset="fired = 1",
        begin="v = 0*v\nwaiting = 0*v\nfired = 0",
        potentials={"V_th": V_th},
        numbers={"leak": leak},
    )


def tssl(*, tau_m: Any = 5.0, tau_s: Any = 3.0, V_th: Any = 1.0) -> Discrete:
    """LIF neuron behind a first-order synapse; time constants in steps.

    The filter stands at the receiving neuron, which is the same since all its synapses share it.

    References
    ----------
    Zhang & Li (2020), NeurIPS, arXiv 2002.10085.
    """
    return Discrete(
        label="TSSL-BP",
        equations="v : {potential}\ncurrent : {potential}",
        update=("current = (1 - 1/tau_s)*current + drive/tau_s\nv = (1 - 1/tau_m)*v + current"),
        spike="v > V_th",
        reset="v = 0*v",
        begin="v = 0*v\ncurrent = 0*v",
        potentials={"V_th": V_th},
        numbers={"tau_m": tau_m, "tau_s": tau_s},
    )


def spikegrad(*, V_th: Any = 1.0, first: Any = 0.0) -> Discrete:
    """Integrator with signed spikes whose count is a rectified, rounded sum when all is settled.

    The count ends at ``max(0, floor((sum of what arrived + first)/V_th))`` in whatever order input
    arrives.

    Parameters
    ----------
    first : float or array
        Potential at the begin of a sample: a bias that counts once.

    References
    ----------
    Thiele, Bichler & Dupret (2020), ICLR, arXiv 1906.00851; the rule for negative spikes is one that does not
    depend on the order of events.
    """
    return Discrete(
        label="SpikeGrad",
        update="v = v + drive",
        spike="v >= V_th",
        reset="v -= V_th",
        begin="v = V_begin",
        negative=("v < 0*V_th and count > count_negative", "v += V_th"),
        potentials={"V_th": V_th, "V_begin": first},
    )


def spikegrad_error(*, V_th: Any = 1.0) -> Discrete:
    """Error neuron of SpikeGrad: its count ends at the sum over the threshold, rounded towards zero.

    Its spikes reach the layer below only where the forward neuron has sent some: that neuron's
    spikes are to be projected, one to one and with weight one, into ``active``.

    References
    ----------
    Thiele, Bichler & Dupret (2020), ICLR, arXiv 1906.00851.
    """
    return Discrete(
        label="SpikeGrad error",
        equations="v : {potential}\nactive : {potential}\ngain : 1",
        update="v = v + drive\ngain = int(active > 0*v)",
        spike="v >= V_th or (count < count_negative and v > 0*v)",
        reset="v -= V_th",
        begin="v = 0*v\nactive = 0*v\ngain = 0",
        negative=("v <= -V_th or (count > count_negative and v < 0*v)", "v += V_th"),
        potentials={"V_th": V_th},
    )


def accumulator() -> Discrete:
    """Sums up what arrives and never spikes: the output of networks that answer by potential."""
    return Discrete(
        label="accumulator",
        update="v = v + drive",
    )


def filtered_accumulator(*, tau_s: Any = 3.0) -> Discrete:
    """Sums up what arrives behind a first-order synapse and never spikes: early spikes count more than late ones.

    References
    ----------
    Zhang & Li (2020), NeurIPS, arXiv 2002.10085: what their outputs are decided by.
    """
    return Discrete(
        label="filtered accumulator",
        equations="v : {potential}\ncurrent : {potential}",
        update="current = (1 - 1/tau_s)*current + drive/tau_s\nv = v + current",
        begin="v = 0*v\ncurrent = 0*v",
        numbers={"tau_s": tau_s},
    )
