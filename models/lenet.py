"""The network of ``mnist_lenet`` and ``fashion_lenet``: conv-BN-ReLU-maxpool twice, then dense."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Sequential:
    """Without the softmax, which the export appends: training works on the logits."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            bn1=nn.BatchNorm2d(32),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            bn2=nn.BatchNorm2d(64),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            drop1=nn.Dropout(0.3),
            fc1=nn.Linear(64 * 7 * 7, 128),
            relu3=nn.ReLU(),
            drop2=nn.Dropout(0.3),
            fc2=nn.Linear(128, 10),
        )
    )
