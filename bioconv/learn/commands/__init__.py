"""`bioconv learn`: the experiments by name, with what to expect of them."""

import argparse
from types import ModuleType
from typing import Any

from bioconv.learn.commands import (
    diehl_cook,
    eqprop,
    spikeprop,
    stdp_convolution,
    superspike,
    tempotron,
)

#: A new experiment joins here, as a module with ABOUT, `arguments` and `run`.
EXPERIMENTS: tuple[ModuleType, ...] = (
    diehl_cook, stdp_convolution, superspike, eqprop, spikeprop, tempotron,
)  # fmt: skip


def add(commands: Any) -> None:
    """The command `learn` with a command for every experiment."""
    table = "\n".join(
        f"  {e.ABOUT.name:16s} {e.ABOUT.data:22s} {e.ABOUT.reaches}; {e.ABOUT.minutes}"
        for e in EXPERIMENTS
    )
    made = commands.add_parser(
        "learn", help="learn inside Brian2",
        description="Networks that learn by spikes, by their times, or by two fixed points.",
        epilog=f"experiments (data, what to expect, minutes on one core)\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    experiments = made.add_subparsers(required=True, metavar="experiment")
    for module in EXPERIMENTS:
        one = experiments.add_parser(
            module.ABOUT.name, help=module.ABOUT.help, description=module.ABOUT.description,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )  # fmt: skip
        module.arguments(one)
        one.set_defaults(run=module.run)
