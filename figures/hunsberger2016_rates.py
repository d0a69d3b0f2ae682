"""Rates of a leaky neuron by its current, and what is left of them behind an alpha synapse.

Hunsberger & Eliasmith (2016), arXiv 1611.05141. A current of ``J`` thresholds gives the rate::

    1 / (tau_ref + tau_rc ln(1 + 1/(J - 1)))

and a synapse with a kernel of unit area keeps the mean of the train that it filters. Time constants of ``mnist_softlif``.
"""

from typing import Any

import numpy as np
from brian2 import ms
from common import main
from matplotlib.figure import Figure

import bioconv
from bioconv.graph import Dense, Network, SoftLIF, forward
from bioconv.neurons import Alpha
from bioconv.result import Spikes

NAME = "hunsberger2016_rates"
LAYER = SoftLIF(gamma=0.0)
DURATION, FROM = 4000, 500  # ms
STEP = 0.05  # ms
INPUTS = np.linspace(0.2, 8, 40)


def compute() -> dict[str, Any]:
    """Inputs are currents above the threshold."""
    return {
        "tau_ref": LAYER.tau_ref,
        "tau_rc": LAYER.tau_rc,
        "inputs": INPUTS,
        "theory": forward(LAYER, INPUTS[:, None]).ravel() / LAYER.amplitude,
        **_rates(),
    }


def _rates() -> dict[str, np.ndarray]:
    """(n_inputs,) rates in Hz: of the intervals after the start, and the mean of the filtered train."""
    one = np.ones((1, 1))
    network = Network.sequential([Dense(weight=one), LAYER, Dense(weight=one)], input_shape=(1,))
    model = bioconv.to_brian(
        network, method="unscaled", input_range=(0, INPUTS[-1]), dt=STEP * ms,
        units="dimensionless", synapse=Alpha(tau=5 * ms), readout="potential",
    )  # fmt: skip
    neuron, output = (population.name for population in model.spiking.populations)
    result = model.run(
        INPUTS[:, None], DURATION * ms, device="cpp_standalone", progress=False,
        record={neuron: "spikes", output: "v"},
    )  # fmt: skip
    first = round(FROM / STEP)
    intervals = [np.diff(_times(result.spikes[neuron], n, first)) for n in range(len(INPUTS))]
    potentials = result.traces[output].values[:, :, 0]
    of_one_spike = model.spiking[neuron].scale / model.spiking[output].scale
    filtered = (potentials[:, -1] - potentials[:, first]) / of_one_spike
    return {
        "spikes": np.array([1e3 / (STEP * each.mean()) for each in intervals]),
        "filtered": filtered * 1e3 / (DURATION - FROM),
    }


def _times(spikes: Spikes, sample: int, first: int) -> np.ndarray:
    """Steps at which a sample's neuron spiked, from ``first`` on."""
    return np.sort(spikes.step[(spikes.sample == sample) & (spikes.step >= first)])


def draw(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    rates, deviations = figure.subplots(1, 2)
    rates.plot(data["inputs"], data["theory"], color="black", label="formula")
    for name, marker in (("spikes", "o"), ("filtered", "x")):
        rates.plot(data["inputs"], data[name], marker, ms=4, label=name)
        share = np.array(data[name]) / np.array(data["theory"]) - 1
        deviations.plot(data["inputs"], 100 * share, marker + "-", ms=4, label=name)
    deviations.axhline(0, color="black", lw=0.8)
    rates.set_ylabel("rate (Hz)")
    rates.set_title(f"steps of {STEP} ms, {DURATION - FROM} ms counted")
    deviations.set_ylabel("deviation from the formula (%)")
    for ax in (rates, deviations):
        ax.set_xlabel("current above the threshold (thresholds)")
        ax.legend()
    return figure


if __name__ == "__main__":
    main(NAME, compute, draw)
