"""What a program is given and what identifies its code."""

from brian2 import ms
from cases import NETWORKS, images

import bioconv
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
