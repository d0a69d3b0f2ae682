"""The network of ``mnist_leaky`` and ``fashion_leaky``: conv-BN-LeakyReLU-average pooling twice, then dense."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            bn1=nn.BatchNorm2d(32),
            leaky1=nn.LeakyReLU(0.1),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            bn2=nn.BatchNorm2d(64),
            leaky2=nn.LeakyReLU(0.1),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            drop1=nn.Dropout(0.3),
            fc1=nn.Linear(64 * 7 * 7, 128),
            leaky3=nn.LeakyReLU(0.1),
            drop2=nn.Dropout(0.3),
            fc2=nn.Linear(128, 10),
        )
    )
