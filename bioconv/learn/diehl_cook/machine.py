"""Runs the network of Diehl & Cook chunk after chunk, as if it were one run: all state is carried over.

On every device the next chunk begins with the values that the last one left, those of spikes under way included. So
a training that was cut anywhere and goes on equals one that never stopped, bit by bit.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import second

from bioconv.build import owned
from bioconv.errors import DeviceError
from bioconv.learn.diehl_cook import network
from bioconv.learn.diehl_cook.network import Made, made
from bioconv.learn.diehl_cook.settings import Settings
from bioconv.run import DEVICES, Parts, device, executable

State = dict[str, np.ndarray]
#: What the groups carry over; the input draws its spikes anew for every presentation.
CARRIED = {
    "excitatory": ("v", "g_e", "g_i", "theta", "count", "lastspike", "not_refractory"),
    "inhibitory": ("v", "g_e", "g_i", "lastspike", "not_refractory"),
    "controller": ("image", "tries", "spikes", "counted", "presentation"),
    "plastic": ("w", "_x", "_x_before", "_y", "_ring", "_at"),
}
#: What is told besides.
TOLD = {"excitatory": ("learning",), "plastic": ("learning",), "input": ("seed",)}
_LAST_SPIKES = ("dc_excitatory.lastspike", "dc_inhibitory.lastspike")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """What presentations brought.

    Attributes
    ----------
    image : (n,) int array
        Number of the image in the chunk, the first new one being 1.
    tries : (n,) int array
    answered : (n,) bool array
        Whether the next presentation shows the next image.
    counts : (n, neurons) array
        Spikes during the stimulation.
    """

    image: np.ndarray
    tries: np.ndarray
    answered: np.ndarray
    counts: np.ndarray


class Machine:
    """The network on a device, ready to run chunks of at most ``presentations``.

    Parameters
    ----------
    device : {"cpp_standalone", "cython", "numpy"}
        The program is compiled once and kept in the user's cache.
    """

    def __init__(self, settings: Settings, presentations: int, device_name: str = "cpp_standalone"):
        if device_name not in DEVICES or device_name == "auto":
            known = ", ".join(DEVICES[1:])
            raise DeviceError(f"device is {device_name!r}; choose one of {known}")
        self.settings, self.presentations, self.device = settings, presentations, device_name
        self._folder = tempfile.TemporaryDirectory(prefix="bioconv-")
        with device("numpy"):
            first = made(settings, presentations)
            owned(first.network)
            self.start = _initial(first)
        if device_name == "cpp_standalone":
            self._program = executable(self._parts, self._key(), Path(self._folder.name))

    def advance(
        self, state: State, images: np.ndarray, presentations: int, learning: bool
    ) -> tuple[State, Shown]:
        """The state after so many presentations, and what they brought.

        Parameters
        ----------
        images : (m, 784) array of grey values, at most one more than ``self.presentations``
            The image that was shown last, and those to come.
        """
        rows = np.zeros((self.presentations + 1, images.shape[1]))
        rows[: len(images)] = images[: self.presentations + 1]
        given = {**state, "dc_controller.image": np.zeros(1, dtype=np.int32)}
        for name in _names(TOLD):
            given[name] = np.array(
                [self.settings.seed if name.endswith("seed") else float(learning)]
            )
        length = presentations * self.settings.period * float(self.settings.dt / second)
        run = self._compiled if self.device == "cpp_standalone" else self._here
        values = run(given, rows, length)
        after = {name: values[name] for name in _names(CARRIED)}
        for name in _LAST_SPIKES:
            after[name] = after[name] - length
        return after, self._shown(values, after, presentations)

    def _compiled(self, given: State, rows: np.ndarray, length: float) -> State:
        return self._program.run([], {**given, "dc_images.values": rows}, length)

    def _here(self, given: State, rows: np.ndarray, length: float) -> State:
        with device(self.device):
            net = made(self.settings, self.presentations)
            for name, values in given.items():
                owner, _, variable = name.partition(".")
                net.named[owner.removeprefix("dc_")].variables[variable].set_value(_fitting(values))
            net.images.values[:] = rows
            net.network.run(length * second, namespace={})
            return _values(net, _outputs(net))

    def _shown(self, values: State, after: State, presentations: int) -> Shown:
        counts = values["dc_counts.count"].reshape(-1, self.settings.neurons)
        columns = {
            name: values[f"dc_shown.{name}"].ravel() for name in ("image", "tries", "counted")
        }
        for name in columns:
            last = after[f"dc_controller.{name}"]
            columns[name] = np.concatenate([columns[name][1:presentations], last])
        enough = columns["counted"] >= self.settings.min_spikes
        return Shown(
            image=columns["image"].astype(int),
            tries=columns["tries"].astype(int),
            answered=enough | (columns["tries"] >= self.settings.max_tries),
            counts=np.concatenate([counts[1:presentations], after["dc_excitatory.count"][None]]),
        )

    def _parts(self) -> Parts:
        net = made(self.settings, self.presentations)
        arguments = [(net.named[part], name) for part in TOLD for name in TOLD[part]]
        arguments += [(net.named[part], name) for part in CARRIED for name in CARRIED[part]]
        return Parts(
            network=net.network,
            length=net.period * self.presentations,
            outputs=_outputs(net),
            arguments=[*arguments, (net.images, "values")],
        )

    def _key(self) -> str:
        """All that enters the code: the sizes, and the text of the network."""
        text = Path(network.__file__).read_text()
        return f"diehl-cook {self.presentations} {sorted(self.settings.described().items())} {text}"


def _names(table: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"dc_{part}.{name}" for part, names in table.items() for name in names]


def _outputs(net: Made) -> list[tuple[Any, str]]:
    carried = [(net.named[part], name) for part in CARRIED for name in CARRIED[part]]
    seen = [(net.counts, "count"), *((net.shown, name) for name in ("image", "tries", "counted"))]
    return carried + seen


def _values(net: Made, outputs: list[tuple[Any, str]]) -> State:
    return {f"{o.name}.{n}": np.array(o.variables[n].get_value()).copy() for o, n in outputs}


def _initial(net: Made) -> State:
    """What an experiment begins with."""
    carried = [(net.named[part], name) for part in CARRIED for name in CARRIED[part]]
    return {f"{o.name}.{n}": np.atleast_1d(o.variables[n].get_value()).copy() for o, n in carried}


def _fitting(values: np.ndarray) -> Any:
    return values[0] if values.shape == (1,) else values
