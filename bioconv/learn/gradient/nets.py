"""Networks from a short text: ``"32c3-a2-64c3-a2-128"``.

======== ==========================================
part     layer
======== ==========================================
``32c3`` 32 maps by kernels of 3, padded, and neurons
``a2``   averages of 2 by 2
``m2``   a spike where one arrives in 2 by 2 (OR)
``128``  128 neurons
======== ==========================================
"""

import re
from collections.abc import Callable

from torch import nn

from bioconv.errors import ParameterError

_PART = re.compile(r"(?:(?P<maps>\d+)c(?P<kernel>\d+)|(?P<pool>[am])(?P<size>\d+)|(?P<dense>\d+))")


def stacked(
    net: str,
    neuron: Callable[[], nn.Module],
    *,
    shape: tuple[int, int, int] = (1, 28, 28),
    outputs: int = 10,
    bias: bool = True,
    last: Callable[[], nn.Module] | None = None,
) -> list[nn.Module]:
    """Layers of a text, and a dense layer to the outputs.

    Parameters
    ----------
    net : str
        Parts as above, joined by ``-``; convolutions come before dense layers.
    neuron : function that makes the neurons behind a layer
    shape : (channels, rows, columns)
    outputs : int
    last : function that makes what stands behind the output layer; ``neuron`` unless given

    Raises
    ------
    ParameterError
        If a part is none of these, or nothing is left of the maps.
    """
    layers: list[nn.Module] = []
    channels, rows, columns = shape
    size: int | None = None
    for part in net.split("-"):
        found = _PART.fullmatch(part)
        if found is None or (size is not None and found["dense"] is None):
            raise ParameterError(
                f"net {net!r}: {part!r} has no meaning there; write 32c3 (maps, kernel), a2 or m2 (pooling), then "
                "128 (neurons), joined by -"
            )
        numbers = {k: int(v) for k, v in found.groupdict().items() if v is not None and k != "pool"}
        if min(numbers.values()) < 1 or numbers.get("kernel", 1) % 2 == 0:
            raise ParameterError(f"net {net!r}: {part!r} is empty, or a kernel has no middle")
        if found["maps"]:
            kernel = numbers["kernel"]
            layers += [
                nn.Conv2d(channels, numbers["maps"], kernel, padding=kernel // 2, bias=bias),
                neuron(),
            ]
            channels = numbers["maps"]
        elif found["pool"]:
            window = numbers["size"]
            layers.append(nn.AvgPool2d(window) if found["pool"] == "a" else nn.MaxPool2d(window))
            rows, columns = rows // window, columns // window
        else:
            size = _flat(layers, size, channels * rows * columns)
            layers += [nn.Linear(size, numbers["dense"], bias=bias), neuron()]
            size = numbers["dense"]
        if not rows or not columns:
            raise ParameterError(f"net {net!r}: nothing is left of the maps after {part!r}")
    size = _flat(layers, size, channels * rows * columns)
    return [*layers, nn.Linear(size, outputs, bias=bias), (neuron if last is None else last)()]


def _flat(layers: list[nn.Module], size: int | None, numbers: int) -> int:
    """The length of what a dense layer is given; maps are laid out in a row once."""
    if size is None:
        layers.append(nn.Flatten())
    return numbers if size is None else size
