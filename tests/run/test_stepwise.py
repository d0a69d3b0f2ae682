"""Every option of a conversion, spike for spike as the plainest simulation in numpy."""

import numpy as np
import pytest
from brian2 import ms, mV
from cases import NETWORKS, chain, conv, dense, images
from stepwise import simulated

import bioconv
from bioconv.convert import Compensated
from bioconv.graph import (
    ClippedReLU,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Softmax,
    Step,
)
from bioconv.neurons import IF


def same_as_numpy(spiking, x, n_steps, **options):
    """Trains of all layers that spike, and what is left in every membrane at the end."""
    result = bioconv.to_brian(spiking).run(
        x, n_steps * ms, device="numpy",
        record={p.name: ["residual", *["spikes"] * p.spiking] for p in spiking.populations}, **options,
    )  # fmt: skip
    expected, left = simulated(spiking, x, n_steps)
    for population in spiking.populations:
        name = population.name
        train = expected[name]
        np.testing.assert_allclose(result.residuals[name], left[name], atol=1e-9, err_msg=name)
        if population.spiking:
            found = np.zeros((n_steps, len(x), population.size))
            spikes = result.spikes[name]
            found[spikes.step, spikes.sample, spikes.neuron] = 1
            np.testing.assert_array_equal(found.reshape(train.shape) > 0, train > 0, err_msg=name)
            np.testing.assert_array_equal(result.counts[name], (train > 0).sum(axis=0))
        if name in result.negatives:
            np.testing.assert_array_equal(result.negatives[name], (train < 0).sum(axis=0))
    np.testing.assert_array_equal(
        result.potentials, result.residuals[result.output].reshape(len(x), -1)
    )
    return result, expected


def pooled(*layers, kernel=2, **settings):
    body = chain((2, 7, 6), *layers, MaxPool2d(kernel=kernel, **settings), Flatten())
    return chain((2, 7, 6), *(n.layer for n in body.nodes), dense(4, body.output_shape[0]))


CONV = conv(3, 2, 2, 2)
OR = {"substitute": {"MaxPool2d": "or"}}
FLOOR = IF(E_L=-70 * mV, V_th=-50 * mV, V_min=-75 * mV)
#: network, options of the conversion
CASES = {
    **{name: (NETWORKS[name], {}) for name in ("dense", "residual", "leaky", "shortcut_of_input", "sum")},
    "hard_reset": (NETWORKS["branches"], {"reset": "zero"}),
    "spike_norm": (NETWORKS["dense"], {"method": "spike_norm"}),
    "tailored": (NETWORKS["average"], {"method": "tailored"}),
    "channel_wise": (NETWORKS["branches"], {"method": "channel_wise"}),
    "compensated": (NETWORKS["residual"], {"method": Compensated(factor=1.15)}),
    "qcfs": (NETWORKS["conv_on_conv"], {"method": "qcfs"}),
    "initial": (NETWORKS["dense"], {"initial": 0.75, "reset": "zero"}),
    "clamp": (NETWORKS["residual"], {"clamp": 3, "initial": 0.25}),
    "clamped_readout": (NETWORKS["dense"], {"clamp": 2, "readout": "potential"}),
    "floor": (NETWORKS["dense"], {"neuron": FLOOR}),
    "floor_and_clamp": (NETWORKS["residual"], {"neuron": FLOOR, "clamp": 2, "initial": 0.5}),
    "potential": (NETWORKS["rgb"], {"readout": "potential"}),
    "softmax": (chain((6,), dense(7, 6), ReLU(), dense(4, 7), Softmax()), {}),
    "signed_output": (chain((6,), dense(9, 6), LeakyReLU(slope=0.3)), {"substitute": {"LeakyReLU": "signed"}}),
    "signed": (NETWORKS["leaky"], {"substitute": {"LeakyReLU": "signed"}}),
    "clipped": (chain((6,), dense(9, 6), ClippedReLU(maximum=0.8), dense(4, 9)), {}),
    "quantized": (chain((6,), dense(9, 6), QuantizedReLU(levels=8, maximum=1.5), dense(4, 9)), {}),
    "steps": (chain((6,), dense(9, 6), Step(threshold=0.1), dense(8, 9), Step(), dense(4, 8)), {}),
    "or": (pooled(CONV, ReLU()), OR),
    "or_overlap": (pooled(CONV, ReLU(), kernel=(3, 2), stride=(1, 2)), OR),
    "or_padded": (pooled(CONV, ReLU(), kernel=3, stride=2, padding=(1, 0)), OR),
    "or_ceil": (pooled(CONV, ReLU(), kernel=(4, 3), stride=(3, 2), ceil_mode=True), OR),
    "or_before_the_relu": (
        chain((2, 7, 6), CONV, MaxPool2d(kernel=2), ReLU(), Flatten(), dense(4, 18)), OR,
    ),
    "or_channel_wise": (pooled(CONV, ReLU()), {"method": "channel_wise", **OR}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_option_is_the_plainest_simulation(name):
    network, options = CASES[name]
    spiking = bioconv.convert(network, calibration=images(network, 20), **options)
    _, expected = same_as_numpy(spiking, images(network, 3), 60, batch_size=2)
    active = [train for train in expected.values() if train.any()]
    assert len(active) >= len(expected) - 1, "silence agrees with anything"
