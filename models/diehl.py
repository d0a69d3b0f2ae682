"""The two networks of Diehl et al. (2015), without biases: for MNIST and Fashion-MNIST."""

from collections import OrderedDict

from torch import nn


def fully_connected() -> nn.Sequential:
    """784-1200-1200-10."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 1200, bias=False),
            relu1=nn.ReLU(),
            drop1=nn.Dropout(0.5),
            fc2=nn.Linear(1200, 1200, bias=False),
            relu2=nn.ReLU(),
            drop2=nn.Dropout(0.5),
            fc3=nn.Linear(1200, 10, bias=False),
        )
    )


def convolutional() -> nn.Sequential:
    """12c5-avg2-64c5-avg2-10."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 12, 5, bias=False),
            relu1=nn.ReLU(),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(12, 64, 5, bias=False),
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            drop=nn.Dropout(0.3),
            fc1=nn.Linear(1024, 10, bias=False),
        )
    )
