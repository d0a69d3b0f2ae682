"""bioconv: trained neural networks as Brian2 networks, written as equations.

>>> import bioconv
>>> from brian2 import ms
>>> digits = bioconv.datasets.load("digits")
>>> model = bioconv.to_brian("digits_cnn", calibration=bioconv.datasets.load("digits", "train").images)
>>> print(model)                                      # equations, thresholds, resets, synapses
>>> result = model.run(digits.images, 100*ms)
>>> result.accuracy(digits.labels)

Names are loaded when they are first used, so that looking at a result needs no Brian2.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from bioconv.version import VERSION as __version__  # noqa: N811

#: Where the public names stand.
_NAMES = {
    "to_brian": "bioconv.pipeline",
    "read": "bioconv.read",
    "from_nir": "bioconv.read",
    "to_nir": "bioconv.write",
    "bundled": "bioconv.read",
    "spiking_network": "bioconv.read.assembly",
    "save_network": "bioconv.read",
    "save_spiking_network": "bioconv.read",
    "convert": "bioconv.pipeline",
    "Auto": "bioconv.convert",
    "reference": "bioconv.graph",
    "activations": "bioconv.graph",
    "Network": "bioconv.graph",
    "diagnose": "bioconv.trials",
    "Model": "bioconv.model",
    "Result": "bioconv.result",
    "load_result": "bioconv.result",
    "load_results": "bioconv.export.results",
    "IF": "bioconv.neurons",
    "LIF": "bioconv.neurons",
    "Discrete": "bioconv.neurons",
    "Noise": "bioconv.neurons",
    "Constant": "bioconv.build",
    "Poisson": "bioconv.build",
    "Regular": "bioconv.build",
    "TimeToFirstSpike": "bioconv.build",
    "RankOrder": "bioconv.build",
    "Frames": "bioconv.build",
    "Events": "bioconv.events",
    "receptive_fields": "bioconv.codes",
}
_MODULES = (
    "analysis", "datasets", "errors", "graph", "methods", "neurons", "plots", "realism", "sensors",
    "spiking", "stdp", "trials",
)  # fmt: skip
_ELSEWHERE = {"methods": "bioconv.convert.methods", "stdp": "bioconv.neurons.plasticity"}

__all__ = ["__version__", *_NAMES, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    elif name in _MODULES:
        value = import_module(_ELSEWHERE.get(name, f"bioconv.{name}"))
    else:
        raise AttributeError(f"module 'bioconv' has no attribute {name!r}")
    globals()[name] = value
    return value


class _Package(ModuleType):
    """``bioconv.read`` and ``bioconv.convert`` are the functions, not the packages of that name.

    Importing a package sets it as an attribute of its parent; here that is ignored.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in ("read", "convert") and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted(__all__)
