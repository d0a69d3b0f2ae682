"""What a program is given and what identifies its code."""

from brian2 import ms
from cases import NETWORKS, images

import bioconv
from bioconv.build import RankOrder, TimeToFirstSpike
from bioconv.build.inputs import code_key
from bioconv.neurons import LIF


def test_the_key_of_a_program_sees_every_digit():
    """Constants that print alike are not taken for each other; what is an argument is not in it."""
    network = NETWORKS["dense"]

    def key(scale=1.0, **options):
        model = bioconv.to_brian(network, calibration=scale * images(network, 9), **options)
        return code_key(model._wiring, {}, (100, 1, 1), {})

    base = key(neuron=LIF(tau_m=20 * ms))
    assert base == key(neuron=LIF(tau_m=20 * ms), seed=5)
    assert base == key(neuron=LIF(tau_m=20 * ms), scale=0.5), "weights are arguments"
    assert base != key(neuron=LIF(tau_m=20.0000000001 * ms))
    assert base != key(neuron=LIF(tau_m=20 * ms), dt=1.0000000001 * ms)
    assert base != key(neuron=LIF(tau_m=20 * ms), precision="single")
    assert base != key(neuron=LIF(tau_m=20 * ms), propagation="delayed")


def test_the_key_of_a_program_sees_the_options_of_codes():
    codes = [
        "poisson", "regular", TimeToFirstSpike(), TimeToFirstSpike(x_min=0.1),
        TimeToFirstSpike(weighted=False), RankOrder(), RankOrder(modulation=0.91),
    ]  # fmt: skip
    keys = {
        code_key(bioconv.to_brian("digits_mlp", encoder=code)._wiring, {}, (9, 1, 1), {})
        for code in codes
    }
    assert len(keys) == len(codes)
