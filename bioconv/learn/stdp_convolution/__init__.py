"""Convolution that learns by STDP: the first neurons to fire teach their maps, layer by layer.

>>> from bioconv.learn import stdp_convolution
>>> trained = stdp_convolution.train(images, checkpoint="stdp.h5")
>>> read_out = stdp_convolution.read_out(trained.features(images), labels)
>>> read_out.score(trained.features(test_images), test_labels)

============ ============================================ ========
module       what                                         where
============ ============================================ ========
coding       on and off maps, latencies                   numpy
layer        first spikes, inhibition, pooling, learning  numpy
brian        the same first spikes from equations         Brian2
training     layer after layer, features, read-out        numpy, scikit-learn
============ ============================================ ========

References
----------
Kheradpisheh, Ganjtabesh, Thorpe & Masquelier (2018), Neural Networks 99:56–67, arXiv 1611.01421; values and inhibition only while
learning from the MNIST network of SpykeTorch, Mozafari et al. (2019), Frontiers in Neuroscience 13:625.
"""

from bioconv.learn.stdp_convolution.coding import STEPS, difference_of_gaussians, latencies
from bioconv.learn.stdp_convolution.layer import Layer, convergence, earliest
from bioconv.learn.stdp_convolution.training import (
    MNIST,
    Trained,
    read_out,
    scikit_learn,
    train,
)

__all__ = [
    "MNIST", "STEPS", "Layer", "Trained", "convergence", "difference_of_gaussians", "earliest", "latencies", "read_out",
    "scikit_learn", "train",
]  # fmt: skip
