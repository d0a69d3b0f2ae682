"""Test images per processor second of ``mnist_fcn``, against SpikingJelly's ann2snn and explicit synapses.

SpikingJelly is compared where it is installed (``pip install spikingjelly`` beside torch; it takes the
same weights, its "99.9%" scaling, batches of 100, one thread). Accuracy of both is printed.
"""

import argparse

import numpy as np
from brian2 import ms
from common import MODELS, clock, report

import bioconv
from bioconv import datasets


def ours(network, data, calibration, encoder, steps, projections, samples, precision):
    """Images per processor second of a compiled program, after compilation; and accuracy."""
    model = bioconv.to_brian(
        network, calibration=calibration, encoder=encoder, projections=projections,
        precision=precision,
    )  # fmt: skip
    images, labels = data.images[:samples], data.labels[:samples]
    options = {"device": "cpp_standalone", "progress": False}
    model.run(images[:32], steps * ms, **options)
    with clock() as used:
        result = model.run(images, steps * ms, **options)
    return samples / used.cpu, result.accuracy(labels)


def theirs(network, data, calibration, encoder, steps, samples):
    """The same of SpikingJelly, or None where it is not installed."""
    try:
        import torch
        from spikingjelly.activation_based import ann2snn, functional
        from torch import nn
    except ImportError:
        return None
    torch.set_num_threads(1)
    weights = [n.layer.weight for n in network.nodes if hasattr(n.layer, "weight")]
    layers: list = [nn.Flatten()]
    for weight in weights:
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        linear.weight.data = torch.tensor(weight, dtype=torch.float32)
        layers += [linear, nn.ReLU()]
    module = nn.Sequential(*layers[:-1]).eval()
    loader = [(torch.tensor(calibration, dtype=torch.float32), torch.zeros(len(calibration)))]
    recipe = ann2snn.RateCodingRecipe(dataloader=loader, mode="99.9%")
    spiking = ann2snn.Converter(recipe).convert(module)
    images = torch.tensor(data.images[:samples], dtype=torch.float32)
    hits = 0
    with torch.no_grad(), clock() as used:
        for start in range(0, samples, 100):
            batch = images[start : start + 100]
            functional.reset_net(spiking)
            total = 0
            for _ in range(steps):
                shown = (torch.rand_like(batch) < batch).float() if encoder == "poisson" else batch
                total = total + spiking(shown)
            hits += int((total.argmax(1).numpy() == data.labels[start : start + 100]).sum())
    return samples / used.cpu, hits / samples


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--peer-samples", type=int, default=200)
    options = parser.parse_args()
    network = bioconv.read(MODELS / "mnist_fcn" / "weights.h5")
    data = datasets.load("mnist", samples=options.samples)
    calibration = datasets.load("mnist", "train", samples=500).images
    for encoder, steps in (("constant", 100), ("constant", 500), ("poisson", 100)):
        what = f"mnist_fcn, {encoder}, T = {steps}"
        base = (network, data, calibration, encoder, steps)
        trained = bioconv.reference(network, data.images).argmax(axis=1)
        ann = float(np.mean(trained == data.labels))
        for precision in ("double", "single"):
            speed, accuracy = ours(*base, "shared", options.samples, precision)
            note = f"{precision}, accuracy {accuracy:.4f}, ANN {ann:.4f}"
            peer = theirs(*base, options.peer_samples)
            if peer is None:
                print(f"{what}: {speed:.4g} images/CPU-s ({note}); SpikingJelly is not installed")
            else:
                report(what, speed, peer[0], "images/CPU-s", "SpikingJelly ann2snn",
                       f"{note}, theirs {peer[1]:.4f}")  # fmt: skip
    speed, _ = ours(
        network, data, calibration, "constant", 100, "shared", options.samples, "double"
    )
    other, _ = ours(network, data, calibration, "constant", 100, "explicit", 200, "double")
    report("mnist_fcn, constant, T = 100", speed, other, "images/CPU-s", "explicit Synapses")


if __name__ == "__main__":
    main()
