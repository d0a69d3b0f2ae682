"""Unsupervised learning of digits by STDP and competition (Diehl & Cook 2015), the whole protocol in Brian2.

>>> from bioconv.learn import diehl_cook
>>> settings = diehl_cook.Settings(neurons=100)
>>> training = diehl_cook.train(images, labels, settings, checkpoint="training.h5")     # grey(dataset.images)
>>> trained = diehl_cook.label(training, images, labels)                                # training images
>>> (trained.predict(test_images) == test_labels).mean()
"""

from bioconv.learn.diehl_cook.experiment import (
    Trained,
    Training,
    grey,
    label,
    load_trained,
    load_training,
    respond,
    train,
)
from bioconv.learn.diehl_cook.labels import labelled, predicted
from bioconv.learn.diehl_cook.settings import RULES, Settings

__all__ = [
    "RULES", "Settings", "Trained", "Training", "grey", "label", "labelled", "load_trained", "load_training", "predicted",
    "respond", "train",
]  # fmt: skip
