"""A network changed before training so that nothing has to be approximated afterwards."""

import copy
from collections import OrderedDict
from typing import Any

from torch import nn

from bioconv.errors import ConversionError
from bioconv.learn.gradient.weights import WEIGHTED

#: Activations that become rectifiers.
RECTIFIED = (
    nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU,
    nn.Softplus,
)  # fmt: skip
#: Max-pools and what stands in for them.
POOLS = {nn.MaxPool1d: nn.AvgPool1d, nn.MaxPool2d: nn.AvgPool2d}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm)


def tailored(module: nn.Module, *, absolute: bool = False) -> nn.Module:
    """A copy with rectifiers for other activations, average for max-pooling, and no biases.

    Weights are kept; train the copy, or train it further: dropping the biases of a trained network costs
    accuracy. What ``forward`` calls as a function (``F.tanh``, ``F.max_pool2d``) stays as it is.

    Parameters
    ----------
    absolute : bool
        Put an absolute value (a leaky rectifier of slope -1) in front: neurons of the input have no
        negative rates. It must be there in training too.

    Raises
    ------
    ConversionError
        If the module normalises, which shifts as a bias does, or pools with dilation.

    References
    ----------
    Cao, Chen & Khosla (2015), Int. J. Comput. Vis. 113:54–66.
    """
    result = _replaced("the module", copy.deepcopy(module))
    if not absolute:
        return result
    front = OrderedDict(absolute=nn.LeakyReLU(-1.0))
    inner = result.named_children() if type(result) is nn.Sequential else [("network", result)]
    return nn.Sequential(front | OrderedDict(inner))


def _replaced(where: str, part: nn.Module) -> Any:
    if isinstance(part, NORMS):
        raise ConversionError(
            f"{where} ({type(part).__name__}) shifts as a bias does, and a tailored network has no biases. "
            "Build the network without it"
        )
    if isinstance(part, RECTIFIED):
        return nn.ReLU()
    if type(part) in POOLS:
        return _average(where, part)
    if isinstance(part, WEIGHTED):
        part.bias = None
    for name, child in part._modules.items():  # named_children() leaves out shared modules
        if child is not None:
            inside = name if where == "the module" else f"{where}.{name}"
            part._modules[name] = _replaced(inside, child)
    return part


def _average(where: str, pool: Any) -> nn.Module:
    if pool.dilation not in (1, (1, 1)) or pool.return_indices:
        raise ConversionError(
            f"{where} ({type(pool).__name__}) pools with dilation or return_indices, which an average "
            "cannot; pool without them"
        )
    return POOLS[type(pool)](
        pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, count_include_pad=False
    )
