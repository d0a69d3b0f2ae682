"""`bioconv learn spikeprop`."""

import argparse
import sys

import numpy as np

from bioconv.learn.commands.common import About

ABOUT = About(
    name="spikeprop", help="the exclusive or of spike times by gradient descent",
    description="SpikeProp (Bohte, Kok & La Poutré 2002): single spikes through delayed synapses learn the exclusive or "
    "of two spike times; Brian2 replays the network.",
    data="made here", reaches="10 of 10 seeds within the tolerance", minutes="seconds",
)  # fmt: skip


def arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("--hidden", type=int, default=5, help="neurons of the hidden layer")
    made.add_argument("--epochs", type=int, default=500, help="at most")
    made.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Train, replay in Brian2, and show the times."""
    from bioconv.learn import spikeprop

    inputs, targets = spikeprop.xor()
    start = spikeprop.Network.random((3, options.hidden, 1), seed=options.seed)
    trained = spikeprop.train(
        start, inputs, targets, epochs=options.epochs, progress=sys.stderr.isatty()
    )
    errors = trained.errors
    print(
        f"error {errors[0]:.2f} ms2 at first, {errors[-1]:.2f} ms2 after {len(errors) - 1} epochs"
    )
    replayed = trained.network.replay(inputs)[-1]
    for given, wanted, found in zip(inputs, targets, replayed, strict=True):
        said = "no spike" if not np.isfinite(found[0]) else f"{found[0]:.2f} ms in Brian2"
        print(f"inputs {given[0]:g} and {given[1]:g} ms: wanted {wanted[0]:g} ms, {said}")
