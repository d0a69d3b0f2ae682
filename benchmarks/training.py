"""Milliseconds of training a network over time on an image, forward and back, against SpikingJelly in single steps.

The network of STBP's MNIST code (Wu et al. 2019): two convolutions of 32 maps with average pooling, 128 and 10
neurons, spikes drawn from the pixels, decay 0.2, hard reset, rectangle as derivative, squared error of the rates,
Adam. One thread, batches of 100 images in 20 steps. Both take turns; the fastest round of each counts. Then the
peak memory of a process that trains on one batch, for more and more steps.
"""

import argparse
import subprocess
import sys

import torch
from common import clock, report
from torch import nn
from torch.nn import functional as F  # noqa: N812

from bioconv import datasets
from bioconv.learn import gradient

try:
    from spikingjelly.activation_based import functional, neuron, surrogate
except ImportError:
    functional = None

#: What the project promises: not slower than this many times the peer.
BAR = 1.2
DECAY, THRESHOLD, BATCH = 0.2, 0.5, 100


def layers(spiking):
    return (
        nn.Conv2d(1, 32, 3, padding=1), spiking(), nn.AvgPool2d(2), nn.Conv2d(32, 32, 3, padding=1), spiking(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(7 * 7 * 32, 128), spiking(), nn.Linear(128, 10), spiking(),
    )  # fmt: skip


class SingleSteps(nn.Sequential):
    """SpikingJelly's way: all layers in every step, then reset."""

    def __init__(self, *layers, steps):
        super().__init__(*layers)
        self.steps = steps

    def forward(self, images):
        functional.reset_net(self)
        sent = []
        for _ in range(self.steps):
            x = (torch.rand_like(images) < images).to(images.dtype)
            for layer in self:
                x = layer(x)
            sent.append(x)
        return torch.stack(sent)


def lif():
    return neuron.LIFNode(
        tau=1 / (1 - DECAY), decay_input=False, v_threshold=THRESHOLD, v_reset=0.0, surrogate_function=surrogate.Rect(),
    )  # fmt: skip


def made(name, steps):
    """The network of that name, with an optimizer."""
    torch.manual_seed(0)
    if name == "ours":
        parts = layers(lambda: gradient.IterativeLIF(DECAY, THRESHOLD))
        net = gradient.Unrolled(*parts, steps=steps, code="bernoulli")
    else:
        net = SingleSteps(*layers(lif), steps=steps)
    return net, torch.optim.Adam(net.parameters(), lr=1e-3)


def trained(net, optimizer, images, labels):
    """Milliseconds of an image, and spikes of the outputs an image."""
    spikes = 0.0
    with clock() as used:
        for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True):
            optimizer.zero_grad(set_to_none=True)
            sent = net(x)
            F.mse_loss(sent.mean(0), F.one_hot(y, 10).to(sent.dtype)).backward()
            optimizer.step()
            spikes += sent.sum().item()
    return used.cpu / len(images) * 1e3, spikes / len(images)


def digits(samples):
    data = datasets.load("mnist", "train", samples=samples)
    images = torch.tensor(data.images, dtype=torch.float32).reshape(-1, 1, 28, 28)
    return images, torch.tensor(data.labels).long()


def peak(name, steps):
    """Peak MB of a process that trains on one batch; of its own memory, which getrusage does not tell of a child."""
    code = (
        "import sys, torch, training\n"
        "torch.set_num_threads(1)\n"
        "training.trained(*training.made(sys.argv[1], int(sys.argv[2])), *training.digits(training.BATCH))\n"
        "print(next(x for x in open('/proc/self/status') if x.startswith('VmHWM')).split()[1])"
    )
    command = [sys.executable, "-c", code, name, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=sys.path[0])
    return float(done.stdout.split()[-1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if functional is None:
        print('no SpikingJelly to compare with: pip install "spikingjelly>=2"')
        return
    torch.set_num_threads(1)
    images, labels = digits(options.samples)
    nets = {name: made(name, options.steps) for name in ("ours", "theirs")}
    found: dict = {name: [] for name in nets}
    for _ in range(options.rounds):
        for name, net in nets.items():
            found[name].append(trained(*net, images, labels))
    one, other = (min(found[name])[0] for name in nets)
    spikes, theirs = (found[name][-1][1] for name in nets)
    report(
        f"STBP's MNIST network, {options.steps} steps: training on an image", one, other, "ms",
        "SpikingJelly in single steps", f"promised {BAR}; output spikes in the end {spikes:.1f} and {theirs:.1f}",
    )  # fmt: skip
    for steps in (5, 10, 20):
        report(
            f"the same, a batch of {BATCH} in {steps} steps: peak", peak("ours", steps), peak("theirs", steps),
            "MB", "SpikingJelly in single steps",
        )  # fmt: skip


if __name__ == "__main__":
    main()
