"""The network of ``mnist_resnet`` and ``fashion_resnet``: three blocks with projection shortcuts."""

from collections import OrderedDict

from torch import nn
from torch.nn import functional as F  # noqa: N812


class Block(nn.Module):
    """conv-BN-ReLU-conv-BN beside conv1x1-BN, added, then ReLU; halves rows and columns."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Conv2d(n_in, n_out, 1, stride=2, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.bn3(self.shortcut(x)))


def build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(16),
            relu1=nn.ReLU(),
            block1=Block(16, 32),
            block2=Block(32, 64),
            block3=Block(64, 96),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc1=nn.Linear(96, 10),
        )
    )
