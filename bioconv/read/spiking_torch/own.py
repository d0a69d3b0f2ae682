"""Neurons of :mod:`bioconv.learn.gradient`: what they are in :mod:`bioconv.neurons.published`."""

from typing import Any

import numpy as np

from bioconv.graph import Dense, Scale
from bioconv.neurons import Discrete, published
from bioconv.read.assembly import NeuNorm
from bioconv.read.spiking_torch.framework import Framework, values
from bioconv.read.torch_layers import Applied, Signal


def stbp(m: Any, x: Signal) -> Applied:
    return _applied(x, published.stbp(decay=m.decay, V_th=m.threshold))


def plif(m: Any, x: Signal) -> Applied:
    return _applied(x, published.plif(k=values(x, m.k), V_th=m.threshold))


def integrate(m: Any, x: Signal) -> Applied:
    reset = {"soft": "subtract", "hard": "zero"}[m.reset]
    return _applied(x, published.integrate_fire(V_th=m.threshold, reset=reset))


def stdb(m: Any, x: Signal) -> Applied:
    return _applied(x, published.stdb(leak=m.leak, V_th=m.threshold))


def tssl(m: Any, x: Signal) -> Applied:
    return _applied(x, published.tssl(tau_m=m.tau_m, tau_s=m.tau_s, V_th=m.threshold))


def low_pass(m: Any, x: Signal) -> Applied:
    """The filtered spikes of all steps add up in a readout."""
    return _applied(x, published.filtered_accumulator(tau_s=m.tau))


def scaled(m: Any, x: Signal) -> Applied:
    return Applied(layers=(Scale(factor=np.array([m.factor])),), inputs=(x,))


def spikegrad(m: Any, x: Signal) -> Applied:
    begin = 0.0 if m.begin is None else values(x, m.begin.reshape(-1, *[1] * (len(x.shape) - 1)))
    return _applied(x, published.spikegrad(V_th=m.threshold, first=begin))


def accumulator(m: Any, x: Signal) -> Applied:
    return _applied(x, published.accumulator())


def neunorm(m: Any, x: Signal) -> Applied:
    return Applied(layers=(NeuNorm(gain=values(x, m.gain), decay=m.decay),), inputs=(x,))


def voting(m: Any, x: Signal) -> Applied:
    """The votes of all steps add up in a readout: whole numbers, so that equal ones are equal; no means."""
    votes = x.shape[-1] // m.classes
    matrix = np.kron(np.eye(m.classes), np.ones((1, votes)))
    return Applied(layers=(Dense(weight=matrix), published.accumulator()), inputs=(x,))


def _applied(x: Signal, neuron: Discrete) -> Applied:
    return Applied(layers=(neuron,), inputs=(x,))


FRAMEWORK = Framework(
    name="bioconv",
    modules=("bioconv.learn.gradient.",),
    neurons={
        "IterativeLIF": stbp,
        "PLIF": plif,
        "IF": integrate,
        "STDB": stdb,
        "TSSL": tssl,
        "LowPass": low_pass,
        "Scaled": scaled,
        "SpikeGrad": spikegrad,
        "Accumulator": accumulator,
        "NeuNorm": neunorm,
        "Voting": voting,
    },
    wrappers={"Unrolled": tuple, "Settled": lambda m: m.spiking()},
)
