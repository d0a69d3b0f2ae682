"""Equilibrium propagation: rate units that learn from two fixed points of one dynamics.

>>> from bioconv.learn import eqprop
>>> network = eqprop.Network.random([784, 500, 10], seed=1)
>>> found = eqprop.train(network, images, labels, eqprop.Recipe(), checkpoint="eqprop.h5")
>>> found.network.predict(test_images, steps=20, device="cpp_standalone")

============ =========================== ==========================================
module       what                        where it runs
============ =========================== ==========================================
network      the record, its file        numpy
dynamics     the step, the update        numpy
brian        the same step as equations  Brian2: numpy, Cython, C++ standalone
training     batches, saved states       numpy
============ =========================== ==========================================

References
----------
Scellier & Bengio (2017), Front. Comput. Neurosci. 11:24, arXiv 1602.05179.
"""

from bioconv.learn.eqprop.dynamics import contrast
from bioconv.learn.eqprop.network import Network, one_hot
from bioconv.learn.eqprop.training import Recipe, Trained, train

__all__ = ["Network", "Recipe", "Trained", "contrast", "one_hot", "train"]
