"""SuperSpike: precise spike times learned online, inside Brian2, with hidden layers.

========== ======================================== ==================================
step       from                                     to
========== ======================================== ==================================
tasks      a seed                                   Task (frozen input, targets)
learners   tasks, weights, feedback, Rule           Learners (Brian2 objects)
run        a function that makes Learners, a device Outcome (plain arrays)
train      a task or several of the same sizes      Trained, one for each
========== ======================================== ==================================

References
----------
Zenke & Ganguli (2018), SuperSpike, Neural Computation 30:1514–1541, arXiv 1705.11146.
"""

from bioconv.learn.superspike import tasks
from bioconv.learn.superspike.rule import Rule
from bioconv.learn.superspike.tasks import Raster, Task
from bioconv.learn.superspike.training import FEEDBACK, Trained, train, train_each

__all__ = ["FEEDBACK", "Raster", "Rule", "Task", "Trained", "tasks", "train", "train_each"]
