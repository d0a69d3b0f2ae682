"""Synaptic events per second of shared projections, against ``Synapses`` and a loop written by hand.

One thread, C++ standalone, 10 % of the source neurons spike in a step. Times are those of the code that
delivers spikes (Brian2's profile); the hand-written loop is compiled with the same options.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import brian2
import numpy as np
from brian2 import ms
from common import HERE, report
from scipy import sparse

from bioconv.build import numbers
from bioconv.graph import Conv2d, Dense
from bioconv.projections import SharedProjection, explicit, kind_of, order_of, path_matrix
from bioconv.run import device

RNG = np.random.default_rng(1)


def dense(n_post, n_pre):
    return Dense(weight=RNG.normal(size=(n_post, n_pre))), (n_pre,), (n_post,)


def conv(out, channels, size):
    layer = Conv2d(weight=RNG.normal(size=(out, channels, 3, 3)), padding=1)
    return layer, (channels, size, size), (out, size, size)


#: name -> (function that returns layers with source and target shapes, the hand-written loop's arguments)
CASES = {
    "dense 784-1200-1200-10": (
        lambda: [dense(1200, 784), dense(1200, 1200), dense(10, 1200)],
        "dense 1200 1200 0",
    ),
    "conv 16-32 3x3 on 28x28": (lambda: [conv(32, 16, 28)], "conv 16 28 32"),
    "conv 64-64 3x3 on 32x32": (lambda: [conv(64, 64, 32)], "conv 64 32 64"),
}


def rate(paths, form, precision, replicas, steps):
    """Synaptic events per second of projections, each with a source and a target of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        device("cpp_standalone", Path(folder)),
        numbers(precision),
    ):
        clock = brian2.Clock(1 * ms, name="clock_of_all")
        network, watched = brian2.Network(), []
        for n, (layer, shape, target) in enumerate(paths):
            kind, link, objects = joined(layer, shape, target, form, precision, replicas, clock, n)
            monitor = brian2.SpikeMonitor(objects[0], record=False)
            network.add(*objects, link, monitor)
            watched.append((kind, monitor))
        brian2.seed(1)
        network.run(steps * ms, namespace={}, profile=True)
        brian2.get_device().build(directory=folder, compile=True, run=True, with_output=False)
        seconds = sum(float(t) for name, t in network.profiling_info if name.startswith("link"))
        events = 0.0
        for kind, monitor in watched:
            counts = np.array(monitor.count[:]).reshape(replicas, kind.n_pre).sum(axis=0)
            events += float((counts * kind.fan_out()).sum())
    return events / seconds


def joined(layer, shape, target, form, precision, replicas, clock, number):
    """A source, a target, and a projection of the asked-for form between them."""
    matrix = path_matrix([layer], shape)
    kind = kind_of((layer,), shape, 1.0, lambda: matrix)
    source = brian2.NeuronGroup(
        kind.n_pre * replicas,
        "x : 1",
        threshold="rand() < 0.1",
        clock=clock,
        name=f"source{number}",
    )
    group = brian2.NeuronGroup(kind.n_post * replicas, "v : 1", clock=clock, name=f"target{number}")
    if form == "shared":
        dtype = {"double": np.float64, "single": np.float32}[precision]
        link = SharedProjection(
            source, group, kind, variable="v", dtype=dtype, clock=clock, name=f"link{number}"
        )
    else:
        ordered = sparse.csc_array(matrix)[order_of(target)][:, order_of(shape)]
        link = explicit(
            source, group, ordered, name=f"link{number}", variable="v", unit=1, unit_text="1",
            replicas=replicas, when="synapses", delay=0 * ms, clock=clock,
        )  # fmt: skip
    return kind, link, (source, group)


def hand_loop(arguments, precision, replicas, steps):
    """Events per second of the loop written by hand, the best of three."""
    with tempfile.TemporaryDirectory() as folder:
        number = {"double": "double", "single": "float"}[precision]
        program = f"{folder}/loop"
        flags = ["-O3", "-march=native", "-ffp-contract=off", "-std=c++11", f"-DNUMBER={number}"]
        compiler = os.environ.get("CXX", "g++")
        subprocess.run([compiler, *flags, str(HERE / "hand_loop.cpp"), "-o", program], check=True)
        best = 0.0
        for _ in range(3):
            run = [program, *arguments.split(), str(replicas), str(steps)]
            out = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
            best = max(best, float(out[0]) / float(out[1]))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=16)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    for name, (make, arguments) in CASES.items():
        if options.only not in name:
            continue
        paths = make()
        explicit_rate = rate(paths, "explicit", "double", 1, options.steps)
        for precision in ("double", "single"):
            steps = options.steps if name.startswith("dense") else max(20, options.steps // 10)
            ours = rate(paths, "shared", precision, options.replicas, steps)
            limit = hand_loop(arguments, precision, options.replicas, steps)
            note = f"batch {options.replicas}"
            report(f"{name}, {precision}", ours / 1e9, explicit_rate / 1e9, "G events/s",
                   "Synapses, batch 1, double", note)  # fmt: skip
            report(f"{name}, {precision}", ours / 1e9, limit / 1e9, "G events/s",
                   "loop by hand", note)  # fmt: skip


if __name__ == "__main__":
    main()
