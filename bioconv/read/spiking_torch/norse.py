"""Norse: what its neurons are in :mod:`bioconv.neurons.trained`.

Rates per second times ``dt`` are multiplied by torch, so that they are rounded as in the forward pass.
"""

from typing import Any

from bioconv.graph import Dense
from bioconv.neurons import Discrete, trained
from bioconv.read.spiking_torch.framework import Framework, check_fresh, refused, values
from bioconv.read.torch_layers import Applied, Signal, array, linear

#: Thresholds whose forward is one above zero.
_METHODS = ("heaviside", "super", "triangle", "tanh", "circ", "heavi_erfc", "adjoint")
_BOX_RESETS = {"reset_value": "value", "reset_subtract": "subtract"}


def lif(m: Any, x: Signal, state: Any = None) -> Applied:
    return _applied(m, x, _lif(m, x), state)


def recurrent_lif(m: Any, x: Signal, state: Any = None) -> Applied:
    _check(m, state)
    first = linear(x, m.input_weights)
    hidden = Signal(node=x.node, shape=(m.input_weights.shape[0],))
    return Applied(
        layers=(*first.layers, _lif(m, hidden)),
        inputs=(x,),
        back=(Dense(weight=array(m.recurrent_weights)),),
        states=1,
    )


def lif_box(m: Any, x: Signal, state: Any = None) -> Applied:
    reset = getattr(m.p.reset_method, "__name__", "")
    if reset not in _BOX_RESETS or not m.p.reset_method.__module__.startswith("norse."):
        raise refused(
            f"{type(m).__name__} with reset_method {reset or m.p.reset_method!r}",
            f"{' and '.join(_BOX_RESETS)} can",
        )
    neuron = trained.norse_lif_box(
        k_mem=values(x, m.dt * m.p.tau_mem_inv),
        v_leak=values(x, m.p.v_leak),
        v_th=values(x, m.p.v_th),
        v_reset=values(x, m.p.v_reset),
        reset=_BOX_RESETS[reset],
    )
    return _applied(m, x, neuron, state)


def li(m: Any, x: Signal, state: Any = None) -> Applied:
    neuron = trained.norse_li(
        k_mem=values(x, m.dt * m.p.tau_mem_inv),
        k_syn=values(x, m.dt * m.p.tau_syn_inv),
        v_leak=values(x, m.p.v_leak),
    )
    return _applied(m, x, neuron, state)


def li_box(m: Any, x: Signal, state: Any = None) -> Applied:
    neuron = trained.norse_li_box(
        k_mem=values(x, m.dt * m.p.tau_mem_inv), v_leak=values(x, m.p.v_leak)
    )
    return _applied(m, x, neuron, state)


def iaf(m: Any, x: Signal, state: Any = None) -> Applied:
    neuron = trained.norse_iaf(v_th=values(x, m.p.v_th), v_reset=values(x, m.p.v_reset))
    return _applied(m, x, neuron, state)


def _lif(m: Any, x: Signal) -> Discrete:
    return trained.norse_lif(
        k_mem=values(x, m.dt * m.p.tau_mem_inv),
        k_syn=values(x, m.dt * m.p.tau_syn_inv),
        v_leak=values(x, m.p.v_leak),
        v_th=values(x, m.p.v_th),
        v_reset=values(x, m.p.v_reset),
    )


def _applied(m: Any, x: Signal, neuron: Discrete, state: Any) -> Applied:
    _check(m, state)
    return Applied(layers=(neuron,), inputs=(x,), states=1)


def _check(m: Any, state: Any) -> None:
    method = getattr(m.p, "method", "super")
    if method not in _METHODS:
        raise refused(f"{type(m).__name__} with method {method!r}", f"{', '.join(_METHODS)} can")
    if getattr(m, "record_states", False):
        raise refused(
            f"{type(m).__name__} with record_states", "record them in Brian2: leave it out"
        )
    check_fresh((state,))


FRAMEWORK = Framework(
    name="Norse",
    modules=("norse.torch.module.",),
    neurons={
        "LIFCell": lif,
        "LIF": lif,
        "LIFRecurrentCell": recurrent_lif,
        "LIFRecurrent": recurrent_lif,
        "LIFBoxCell": lif_box,
        "LICell": li,
        "LI": li,
        "LIBoxCell": li_box,
        "IAFCell": iaf,
        "IAF": iaf,
    },
    wrappers={"Lift": lambda m: (m.lifted_module,)},
    traced=frozenset({"SequentialState"}),
)
