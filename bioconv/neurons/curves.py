"""Rates of neurons under a constant current: closed forms, a measurement, and the affine map that undoes them.

Drives are in thresholds a second: a drive of ``x`` is the current ``x C_m (V_th - E_L)``, which moves a
membrane without leak by ``x`` thresholds a second. Rates are in hertz.

========= ====================================================== ===============================
function  neuron                                                 from
========= ====================================================== ===============================
lif_rate  leaky, hard reset, refractory; also stepwise           closed form
siegert   the same with white noise                              an integral
measured  any; ``measured_steps`` for trained ones               a simulation in Brian2
========= ====================================================== ===============================
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import brian2
import numpy as np
from brian2 import ms, second
from scipy.optimize import minimize
from scipy.special import erfcx

from bioconv.errors import ParameterError
from bioconv.neurons.discrete import Discrete, discrete_text
from bioconv.neurons.models import LeakyIntegrateFire, Neuron
from bioconv.neurons.synapses import Delta, seconds
from bioconv.neurons.text import ROUNDING, neuron_text
from bioconv.neurons.units import BIOPHYSICAL

#: Nodes of the integral of the Siegert formula, and where its integrand is out of the reach of doubles.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_LARGEST = 25.0
#: Part of a threshold by which stepwise simulation raises it, in steps' standard deviations: -zeta(1/2)/sqrt(2 pi).
_OVERSHOOT = 0.5825971579390107


def lif_rate(drive: Any, neuron: LeakyIntegrateFire, *, dt: Any = None) -> np.ndarray:
    """Rate of a leaky neuron with hard reset, ``1/(refractory + tau_m ln((x - r)/(x - 1)))``.

    ``x = drive tau_m`` is where the potential tends to and ``r`` the reset, in thresholds from rest. With ``dt`` a spike comes at
    the first step that is at the threshold, and the neuron is back after the steps of ``refractory``.

    Parameters
    ----------
    drive : array of thresholds a second
    """
    tau, refractory = float(neuron.tau_m), float(neuron.refractory)
    back = float((neuron.V_reset - neuron.E_L) / (neuron.V_th - neuron.E_L))
    x = np.asarray(drive, dtype=float) * tau
    threshold = 1.0 if dt is None else 1 - ROUNDING["double"]
    above = x > threshold
    safe = np.where(above, x, 2.0)
    time = tau * np.log((safe - back) / (safe - threshold))
    if dt is not None:
        step = float(dt)
        refractory = round(refractory / step) * step
        time = np.maximum(np.ceil(time / step - 1e-9), 1) * step
        # the step of the spike is the first of the refractory time
        refractory = max(refractory - step, 0)
    return np.where(above, 1 / (refractory + time), 0.0)


def siegert(drive: Any, neuron: LeakyIntegrateFire, *, dt: Any = None) -> np.ndarray:
    """Rate of a leaky neuron with hard reset and white noise.

    With ``s = noise sqrt(tau_m)``, ``mu`` where the potential tends to, and the integral from
    ``(V_reset - mu)/s`` to ``(V_th - mu)/s``::

        1/rate = refractory + tau_m sqrt(pi) integral exp(u^2) (1 + erf(u)) du

    With ``dt`` the threshold is raised by ``0.5826 noise sqrt(dt)``: between two steps a potential
    may cross it unseen.

    Parameters
    ----------
    drive : array of thresholds a second

    Raises
    ------
    ParameterError
        If the neuron has no white noise.

    References
    ----------
    Siegert (1951), Phys. Rev. 81:617; Brunel (2000), J. Comput. Neurosci. 8:183, equation 21.
    Broadie, Glasserman & Kou (1997), Math. Finance 7:325 (the correction for steps).
    """
    noise = 0.0 if neuron.noise is None else float(neuron.noise.membrane)
    if not noise > 0:
        raise ParameterError(
            "siegert: the neuron has no white noise; use lif_rate, or Noise(membrane=1*mV/ms**0.5)"
        )
    tau = float(neuron.tau_m)
    s, distance = noise * np.sqrt(tau), float(neuron.V_th - neuron.E_L)
    mean = np.asarray(drive, dtype=float) * tau * distance
    threshold = distance + (0.0 if dt is None else _OVERSHOOT * noise * np.sqrt(float(dt)))
    upper = (threshold - mean) / s
    lower = (float(neuron.V_reset - neuron.E_L) - mean) / s
    reachable = upper < _LARGEST
    high, low = np.minimum(upper, _LARGEST), np.minimum(lower, _LARGEST)
    half = (high - low)[..., None] / 2
    u = low[..., None] + half * (1 + _NODES)
    # exp(u^2) (1 + erf(u)) without overflow or cancellation
    area = (half * _WEIGHTS * erfcx(-u)).sum(axis=-1)
    rate = 1 / (float(neuron.refractory) + tau * np.sqrt(np.pi) * area)
    return np.where(reachable, rate, 0.0)


def measured(
    drive: Any, neuron: Neuron, *, reset: str | None = None, dt: Any = None, duration: Any = None
) -> np.ndarray:
    """Rates of a neuron in Brian2, one copy for every drive, from rest on.

    Of neurons with two spikes or more the rate is one over the mean interval; without noise, which belongs to
    :func:`siegert`.

    Parameters
    ----------
    drive : (n,) array of thresholds a second
    reset : {"subtract", "zero"}, optional
        The neuron's first unless given.
    dt, duration : second, optional
        0.1 ms and 500 ms unless given.

    Raises
    ------
    ParameterError
        If the duration is no positive time.
    """
    step = seconds("measured", "dt", 0.1 * ms if dt is None else dt)
    length = seconds("measured", "duration", 500 * ms if duration is None else duration)
    reset = neuron.resets[0] if reset is None else reset
    text = neuron_text(neuron, Delta(), reset=reset, units=BIOPHYSICAL)
    values = np.asarray(drive, dtype=float)
    group = brian2.NeuronGroup(
        len(values), text.equations, threshold=text.threshold, reset=text.reset,
        refractory=text.refractory or False, method=text.method,
        namespace=dict(text.constants), clock=brian2.Clock(step), name="measured_neurons*",
    )  # fmt: skip
    group.V_th = text.parameters["V_th"]
    group.I_bias = values * text.current / second
    begin = group.run_regularly(text.clear, dt=length, when="start", name="measured_begin*")
    spikes = brian2.SpikeMonitor(group, name="measured_spikes*")
    with _numpy():
        brian2.Network(group, begin, spikes).run(length, namespace={})
    return _rates(np.asarray(spikes.i[:]), np.asarray(spikes.t_[:]), len(values), float(length))


def measured_steps(drive: Any, neuron: Discrete, *, n_steps: int = 200) -> np.ndarray:
    """(n,) spikes a step of a trained neuron under constant drives ``(n,)``, in its trainer's numbers.

    Raises
    ------
    ParameterError
        If it sends negative spikes, or if its parameters differ from neuron to neuron.
    """
    several = [name for name, (values, _) in neuron.parameters.items() if values.ndim]
    if several or neuron.negative is not None or not neuron.spiking:
        why = f"{several[0]} differs from neuron to neuron" if several else "its spikes have signs"
        raise ParameterError(f"{neuron.label}: {why}, so it has no curve of its own")
    values = np.asarray(drive, dtype=float)
    text = discrete_text(neuron, shape=values.shape, units=BIOPHYSICAL)
    group = brian2.NeuronGroup(
        len(values), text.equations, threshold=text.threshold, reset=text.reset, method=text.method,
        namespace=dict(text.constants), clock=brian2.Clock(1 * ms), name="measured_neurons*",
    )  # fmt: skip
    group.I_bias = values * text.current
    length = n_steps * ms
    begin = group.run_regularly(text.clear, dt=length, when="start", name="measured_begin*")
    update = group.run_regularly(text.update, when="groups", order=1, name="measured_update*")
    with _numpy():
        brian2.Network(group, begin, update).run(length, namespace={})
    return np.asarray(group.count_[:]) / n_steps


def _rates(neuron: np.ndarray, time: np.ndarray, size: int, duration: float) -> np.ndarray:
    counts = np.bincount(neuron, minlength=size)
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, neuron, time)
    np.maximum.at(last, neuron, time)
    several = counts > 1
    span = np.where(several, last - first, 1.0)
    return np.where(several, (counts - 1) / span, counts / duration)


@contextmanager
def _numpy() -> Iterator[None]:
    """Brian2 without compilation inside the block."""
    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before


@dataclass(frozen=True, kw_only=True)
class Compensation:
    """The affine map of a drive after which a neuron's rate follows the activation.

    Attributes
    ----------
    gain : float
        Of weights and biases.
    offset : float
        Constant drive, in thresholds per spike interval at the maximal rate.
    error : float
        Root of the mean square of what is left of ``rate/max_rate - activation``.
    """

    gain: float
    offset: float
    error: float

    def __str__(self) -> str:
        return f"gain {self.gain:.3g}, offset {self.offset:.3g}, rms error {self.error:.3f}"


#: Activations at which rate and activation are compared; below zero the rate should be zero.
_ACTIVATIONS = np.linspace(-0.5, 1.0, 151)


def compensation(
    drive: np.ndarray,
    rates: np.ndarray,
    max_rate: float,
    target: tuple[np.ndarray, np.ndarray] | None = None,
) -> Compensation:
    """The gain and the offset that come closest to ``rate = max_rate clip(activation, 0, 1)``.

    Least squares over activations from -0.5 to 1; between measured drives the curve is straight, beyond
    them it is constant.

    Parameters
    ----------
    drive, rates : (n,) arrays, thresholds a second and hertz; drives ascend
    max_rate : float
        Hertz.
    target : (activations, parts of the maximal rate), optional
        Another curve to come close to.

    Raises
    ------
    ParameterError
        If the neuron is silent, or already at the first drive as fast as at the last.
    """
    own, drives = rates / max_rate, drive / max_rate
    if not own.max() > own.min():
        raise ParameterError(
            f"compensation: the rate is {own.max() * max_rate:g} Hz at all drives up to "
            f"{drive.max():g} thresholds a second; there is nothing to fit. Lower the rate, or strengthen the drive"
        )
    given, wanted = (_ACTIVATIONS, np.clip(_ACTIVATIONS, 0, 1)) if target is None else target

    def squares(pair: np.ndarray) -> float:
        gain, offset = np.exp(pair[0]), pair[1]
        return float(np.mean((np.interp(gain * given + offset, drives, own) - wanted) ** 2))

    # from the straight line between where it begins to fire and where it reaches its rate
    active = np.flatnonzero(own > 0)
    onset = drives[max(active[0] - 1, 0)]
    top = np.interp(min(1.0, own.max()), np.maximum.accumulate(own), drives)
    starts = [(np.log(max(top - onset, 1e-3) * f), onset) for f in (0.5, 1.0, 2.0)]
    fits = [minimize(squares, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12})
            for start in starts]  # fmt: skip
    best = min(fits, key=lambda fit: fit.fun)
    return Compensation(
        gain=float(np.exp(best.x[0])), offset=float(best.x[1]), error=float(np.sqrt(best.fun))
    )
