"""Networks that a framework has trained to spike: its modules as neurons and linear layers.

A framework is recognised by the Python module of a class; none of them is imported here.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from bioconv.read import torch_layers
from bioconv.read.spiking_torch import norse, own, sinabs, snntorch, spikingjelly
from bioconv.read.spiking_torch.framework import Framework, refused
from bioconv.read.spiking_torch.parts import spiking_network
from bioconv.read.torch_layers import MODULES, Translation

__all__ = ["FRAMEWORKS", "known", "opened", "spiking_network", "translation"]

#: Frameworks by the name that :func:`bioconv.read` takes.
FRAMEWORKS = {
    framework.name.lower(): framework
    for framework in (
        snntorch.FRAMEWORK,
        norse.FRAMEWORK,
        spikingjelly.FRAMEWORK,
        sinabs.FRAMEWORK,
        own.FRAMEWORK,
    )
}


def translation(module: Any) -> Translation:
    """What becomes of a module: a framework's by its table, all others as torch's.

    What a framework calls its own and no table has is refused by its name, not traced from inside.
    """
    framework = _framework_of(module)
    plain = torch_layers.translation(module)
    if framework is None or plain[1] is not None:
        return plain
    kind = type(module)
    name = kind.__name__
    if not kind.__module__.startswith(framework.modules):
        return name, partial(
            _refuse, f"{name}, a class of its own made from {framework.name}'s,", framework
        )
    if name in framework.neurons:
        return name, framework.neurons[name]
    if name in framework.layers:
        return name, MODULES[name]
    if name in framework.traced:
        return name, None
    return name, partial(_refuse, f"{framework.name}'s {name}", framework)


def known(module: Any) -> bool:
    """Whether a module is of one of the frameworks, or made from one of theirs."""
    return _framework_of(module) is not None


def opened(module: Any) -> Sequence[Any] | None:
    """The modules that a framework's wrapper calls one after another; None for all other modules."""
    framework = _framework_of(module)
    if framework is None or not type(module).__module__.startswith(framework.modules):
        return None
    inside = framework.wrappers.get(type(module).__name__)
    return None if inside is None else inside(module)


def _framework_of(module: Any) -> Framework | None:
    """The framework of a module's class or of a class that it is made from."""
    for base in type(module).__mro__:
        for framework in FRAMEWORKS.values():
            if base.__module__.startswith(framework.modules):
                return framework
    return None


def _refuse(what: str, framework: Framework, *_: Any, **__: Any) -> None:
    raise refused(what, f"of {framework.name} {', '.join(framework.neurons)} can")
