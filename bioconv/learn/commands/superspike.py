"""`bioconv learn superspike`."""

import argparse

import numpy as np

from bioconv.learn.commands.common import About

ABOUT = About(
    name="superspike", help="precise spike times through a hidden layer",
    description="SuperSpike (Zenke & Ganguli 2018), online in Brian2: frozen input spikes, wanted output spikes, and "
    "an error that travels back to the hidden layer.",
    data="made here", reaches="one neuron: every spike within 2 ms", minutes="1 to 10 min",
)  # fmt: skip


def arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--task", default="one_neuron", choices=("one_neuron", "hidden_layer", "xor", "picture")
    )
    made.add_argument("--feedback", default="symmetric", choices=("symmetric", "random", "uniform"))
    made.add_argument("--seconds", type=float, default=640.0, help="simulated")
    made.add_argument("--seed", type=int, default=0, help="of input and first weights")
    made.add_argument("--device", default="auto", help="auto, cpp_standalone, cython or numpy")


def run(options: argparse.Namespace) -> None:
    """Train, and show loss and spike times."""
    from bioconv.learn import superspike

    task = getattr(superspike.tasks, options.task)(options.seed)
    trained = superspike.train(
        task, feedback=options.feedback, seed=options.seed, seconds=options.seconds, device=options.device
    )  # fmt: skip
    first, last = trained.loss[0], trained.loss[-1]
    print(
        f"loss {first * 1e3:.4g} ms in the first trial, {last * 1e3:.4g} ms in trial {len(trained.loss)}"
    )
    print(f"wanted  {_times(task.targets.of(0))}")
    print(f"learned {_times(trained.last['output'].of(0))}")


def _times(seconds: np.ndarray) -> str:
    return " ".join(f"{1e3 * each:.1f}" for each in seconds) + " ms (output 0)"
