"""Convolution that learns by STDP: the first neurons to fire teach their maps, layer by layer.

>>> from bioconv.learn import stdp_convolution
>>> times = stdp_convolution.latencies(images)
>>> weights = conv1.random(n_channels=2, seed=1)
>>> weights = conv1.learn(weights, times)
>>> pooled = conv1.pooled(conv1.first_spikes(weights, times)[0])

============ ============================================ ========
module       what                                         where
============ ============================================ ========
coding       on and off maps, latencies                   numpy
layer        first spikes, inhibition, pooling, learning  numpy
brian        the same first spikes from equations         Brian2
============ ============================================ ========

References
----------
Kheradpisheh, Ganjtabesh, Thorpe & Masquelier (2018), Neural Networks 99:56–67, arXiv 1611.01421.
"""

from bioconv.learn.stdp_convolution.coding import STEPS, difference_of_gaussians, latencies
from bioconv.learn.stdp_convolution.layer import Layer, convergence

__all__ = ["STEPS", "Layer", "convergence", "difference_of_gaussians", "latencies"]
