"""The method that answers soonest, found by trying on images that no scale was fitted to.

Candidates are converted with one half of the calibration images and shown the other half. What counts is
how many answers agree with the trained network's, after every step: labels are not needed. Chosen is
the candidate that first reaches the wanted agreement; where none does, the one with most of it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.convert.methods import (
    QCFS,
    RMP,
    ChannelWise,
    Compensated,
    FewSpike,
    Method,
    Percentile,
    SpikeNorm,
)
from bioconv.errors import BioconvError, ConversionError
from bioconv.graph import Network, QuantizedReLU
from bioconv.spiking import SpikingNetwork


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to convert: a method and what goes with it."""

    method: Method
    initial: float = 0.5
    readout: str = "potential"

    def __repr__(self) -> str:
        return f"{self.method!r}, initial={self.initial:g}, readout={self.readout!r}"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a candidate did.

    Attributes
    ----------
    candidate : Candidate
    agreement : (n,) array
        Fraction of the held-out images whose answer is the trained network's, after the steps in
        ``steps``.
    steps : (n,) int array
    spikes : float
        Of an image, all layers, in the longest presentation.
    seconds : float
        That the trial took.
    wanted : float
        Agreement that was asked for.
    """

    candidate: Candidate
    agreement: np.ndarray
    steps: np.ndarray
    spikes: float
    seconds: float
    wanted: float

    @property
    def needed(self) -> int | None:
        """The step from which on the agreement stays at what was wanted; None if it never does."""
        below = np.flatnonzero(self.agreement < self.wanted - 1e-12)
        if below.size == 0:
            return int(self.steps[0])
        return None if below[-1] + 1 == self.steps.size else int(self.steps[below[-1] + 1])

    def row(self) -> str:
        """The trial as a line of a table."""
        needed = self.needed
        return (
            f"{self.candidate!r}: agreement {self.agreement[-1]:.4f} after {self.steps[-1]} steps, "
            f"{'never' if needed is None else f'from step {needed} on'} at least {self.wanted:.4f}, "
            f"{self.spikes:.0f} spikes, {self.seconds:.1f} s"
        )


CANDIDATES = (
    Candidate(method=Percentile(percentile=99.9)),
    Candidate(method=Percentile(percentile=99.0)),
    Candidate(method=ChannelWise(percentile=99.9)),
    Candidate(method=ChannelWise(percentile=99.0)),
    Candidate(method=Percentile(percentile=97.0)),
    Candidate(method=FewSpike()),
    Candidate(method=Compensated(factor=1.1)),
    Candidate(method=Percentile(percentile=99.9), initial=0.0, readout="spikes"),
    Candidate(method=RMP(alpha=0.8, n_steps=64)),
    Candidate(method=RMP(alpha=0.6, n_steps=64)),
    Candidate(method=SpikeNorm(n_steps=64), initial=0.0, readout="spikes"),
)
#: Before all others, for networks that were trained with quantised activations.
QUANTISED = (Candidate(method=QCFS()),)


@dataclass(frozen=True, kw_only=True)
class Auto:
    """Try candidates, within a budget, and take the one that needs the fewest steps.

    Attributes
    ----------
    budget : float
        Seconds after which no other candidate is tried; at least one is.
    max_steps : int
        Of a trial's presentations.
    agreement : float
        Wanted fraction of answers equal to the trained network's.
    candidates : sequence of Candidate, optional
        In the order in which they are tried; :func:`candidates_for` the network unless given.
    """

    budget: float = 120.0
    max_steps: int = 64
    agreement: float = 0.995
    candidates: Sequence[Candidate] | None = None


def candidates_for(network: Network) -> tuple[Candidate, ...]:
    """What is worth a trial: QCFS where a layer is a ``QuantizedReLU``, then those for all networks."""
    quantised = any(isinstance(node.layer, QuantizedReLU) for node in network.nodes)
    return QUANTISED * quantised + CANDIDATES


def chosen_by_trial(
    auto: Auto,
    candidates: Sequence[Candidate],
    images: np.ndarray,
    answers: np.ndarray,
    converted: Callable[[Candidate, np.ndarray], SpikingNetwork],
    simulate: Callable[..., Any],
) -> tuple[SpikingNetwork, Trial, tuple[Trial, ...], tuple[str, ...]]:
    """The best candidate's network, its trial, all trials, and what could not be tried.

    Parameters
    ----------
    images : (n, *input_shape) array
        Calibration images; every second one is held out.
    answers : (n,) int array
        What the trained network answers.
    converted : function of a candidate and calibration images

    Raises
    ------
    ConversionError
        If no candidate can be converted.
    """
    if len(images) < 2:
        raise ConversionError(
            f'method="auto" holds out half of the calibration images; {len(images)} is too few'
        )
    trials: list[tuple[SpikingNetwork, Trial]] = []
    refused: list[str] = []
    begin = time.monotonic()
    for candidate in candidates:
        if trials and time.monotonic() - begin > auto.budget:
            break
        try:
            spiking, trial = _tried(auto, candidate, images, answers, converted, simulate)
        except BioconvError as error:
            refused.append(f"{candidate!r}: {error}")
            continue
        trials.append((spiking, trial))
    if not trials:
        raise ConversionError('method="auto": no candidate fits; ' + "; ".join(refused))
    best = min(trials, key=lambda pair: _rank(pair[1]))
    return (*best, tuple(trial for _, trial in trials), tuple(refused))


def _tried(auto, candidate, images, answers, converted, simulate) -> tuple[SpikingNetwork, Trial]:
    begin = time.monotonic()
    spiking = converted(candidate, images[::2])
    shown, expected = images[1::2], answers[1::2]
    if isinstance(candidate.method, FewSpike):
        steps, agreement, result = _few_spike(spiking, shown, expected, simulate, auto.max_steps)
    else:
        record = {spiking.output: "v"} if candidate.readout == "potential" else None
        result = simulate(spiking, shown, auto.max_steps, record=record, often=True)
        agreement = (result.predictions_over_time() == expected).mean(axis=1)
        steps = np.arange(1, auto.max_steps + 1)
    spikes = sum(result.spikes_per_sample(layer) for layer in result.counts)
    seconds = time.monotonic() - begin
    return spiking, Trial(
        candidate=candidate,
        agreement=agreement,
        steps=steps,
        spikes=spikes,
        seconds=seconds,
        wanted=auto.agreement,
    )


def _few_spike(spiking, images, expected, simulate, max_steps):
    """A few-spike network answers once, after as many windows as it has layers that spike."""
    depth = max(spiking.depths[p.name] for p in spiking.populations if p.spiking)
    found = []
    for digits in (4, 8):
        if digits * depth <= max_steps:
            result = simulate(spiking, images, digits, often=True)
            found.append((digits * depth, (result.predictions == expected).mean(), result))
    if not found:
        raise ConversionError(
            f"{depth} layers of few-spike neurons need more than {max_steps} steps"
        )
    return np.array([f[0] for f in found]), np.array([f[1] for f in found]), found[-1][2]


def _rank(trial: Trial) -> tuple:
    if trial.needed is None:
        return (1, -trial.agreement[-1], trial.spikes)
    return (0, trial.needed, trial.spikes)
