"""Thresholds from spikes: by hand, against numpy, one layer after another."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, chain, images

import bioconv
from bioconv.convert import RMP, DataBased, SpikeNorm
from bioconv.graph import ClippedReLU, Dense, ReLU
from bioconv.neurons import PeakInput

N_STEPS = 40


def sums_up():
    """Two inputs of weight 1."""
    return chain((2,), Dense(weight=[[1.0, 1.0]]), ReLU())


def test_two_inputs_that_may_spike_in_one_step_need_a_threshold_of_two():
    """Sengupta et al. (2019): activations say 1.5, but a half and a full rate meet at 2."""
    x = np.array([[0.5, 1.0]])
    options = {"calibration": x, "encoder": "poisson"}
    spikes = bioconv.convert(sums_up(), method="spike_norm", **options)
    activations = bioconv.convert(sums_up(), method=DataBased(), **options)
    assert spikes.report.scales == {"input": 1.0, "fc1": pytest.approx(2.0, rel=1e-12)}
    assert activations.report.scales == {"input": 1.0, "fc1": 1.5}
    assert spikes["fc1"].reset == "zero"
    # a current brings the same in every step
    steady = bioconv.convert(sums_up(), method="spike_norm", calibration=x)
    assert steady.report.scales["fc1"] == pytest.approx(1.5, rel=1e-12)


def test_no_input_means_no_threshold():
    report = bioconv.convert(
        chain((1,), Dense(weight=[[-1.0]]), ReLU(), Dense(weight=[[1.0]])),
        method=SpikeNorm(n_steps=5), calibration=np.ones((2, 1)),
    ).report  # fmt: skip
    assert set(report.scales.values()) == {1.0}
    assert "fc1: nothing activates it, so its weights were not scaled" in report.notes


def test_layers_with_a_scale_of_their_own_are_simulated_with_it():
    """A clipped rectifier of 0.5 that is driven by 1 sends 0.5 in every step: the next layer's threshold."""
    network = chain((1,), Dense(weight=[[1.0]]), ClippedReLU(maximum=0.5), Dense(weight=[[3.0]]))
    found = bioconv.convert(network, method=SpikeNorm(n_steps=5), calibration=np.ones((1, 1)))
    assert found.report.scales == {"input": 1.0, "fc1": 0.5, "fc2": pytest.approx(1.5)}


def largest_inputs(network, trains, method):
    """{layer: scale} from input spikes (n_steps, n_samples, n), by the plainest loop."""
    layers = [node.layer for node in network.nodes if isinstance(node.layer, Dense)]
    alpha, scales, scale = getattr(method, "alpha", 1.0), [], 1.0
    for layer in layers:
        inputs = trains @ layer.weight.T * scale + layer.bias
        scale = alpha * inputs.max()
        v, sent = np.zeros(inputs.shape[1:]), []
        for arriving in inputs / scale:
            v = v + arriving
            spikes = v >= 1 - 1e-9
            v = np.where(spikes, v - 1 if method.reset == "subtract" else 0, v)
            sent.append(spikes)
        trains = np.array(sent, dtype=float)
        scales.append(scale)
    return scales


@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize(
    "method",
    [SpikeNorm(n_steps=N_STEPS), RMP(alpha=1.0, n_steps=N_STEPS), RMP(alpha=0.5, n_steps=N_STEPS)],
    ids=["spike_norm", "rmp", "half"],
)
def test_every_layer_is_calibrated_with_the_spikes_of_those_before(method, batch):
    """The gauge in Brian2 sees the largest sum of weights that a step brings, of all samples."""
    network = NETWORKS["dense"]
    x = images(network, 5)[: batch or None]
    options = {"calibration": x, "encoder": "poisson", "method": method, "input_range": (0, 1)}
    spiking = bioconv.convert(network, **options)
    record = {"input": "spikes"}
    spikes = bioconv.to_brian(spiking, encoder="poisson").run(
        x, N_STEPS * ms, device="numpy", record=record
    ).spikes["input"]  # fmt: skip
    trains = np.zeros((N_STEPS, len(x), 11))
    trains[spikes.step, spikes.sample, spikes.neuron] = 1
    assert 0.3 < trains.mean() < 0.7
    expected = largest_inputs(network, trains, method)
    found = [spiking.report.scales[name] for name in ("fc1", "fc2", "fc3")]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_lower_thresholds_before_change_those_behind():
    """Not by a constant factor: more spikes arrive, and in other steps."""
    network = NETWORKS["dense"]
    scales = [
        bioconv.convert(
            network, method=RMP(alpha=alpha, n_steps=N_STEPS), calibration=images(network, 5)
        ).report.scales
        for alpha in (1.0, 0.4)
    ]
    assert scales[1]["fc1"] == pytest.approx(0.4 * scales[0]["fc1"], rel=1e-12)
    assert scales[1]["fc3"] > 0.4**3 * scales[0]["fc3"] * 1.01
    assert not any(
        isinstance(p.neuron, PeakInput)
        for p in bioconv.convert(
            network, method=RMP(n_steps=3), calibration=images(network, 2)
        ).populations
    )
