"""What torch's modules and functions are in :mod:`bioconv.graph`: two tables and a walk over calls.

Nothing here imports torch. The functions in the tables take torch's own arguments after a
:class:`Signal` and return an :class:`Applied`: the layers to put one after another, and what feeds them.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bioconv.errors import GraphError, ParameterError, ReadError, UnsupportedLayerError
from bioconv.graph import (
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm,
    ClippedReLU,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Reshape,
    SoftLIF,
    Softmax,
    Step,
    SumPool2d,
    Upsample,
    ZeroPad2d,
    output_shape,
)
from bioconv.graph.network import SHORT_NAMES
from bioconv.neurons import Discrete
from bioconv.read.assembly import NeuNorm

Shape = tuple[int, ...]


class _Batch:
    """The size of the batch axis: known to be there, its value is not."""

    def __repr__(self) -> str:
        return "batch size"


BATCH = _Batch()


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A tensor of the traced module.

    Attributes
    ----------
    node : str
        Node of the network that computes it.
    shape : tuple of int
        Of one sample in the network; a ``(channels, length)`` signal is maps of one row.
    row : bool
        Whether it is such a signal.
    """

    node: str
    shape: Shape
    row: bool = False

    @property
    def torch_shape(self) -> tuple:
        """As torch sees it, the batch axis in front."""
        return (BATCH, self.shape[0], self.shape[2]) if self.row else (BATCH, *self.shape)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """Layers one after another, the first fed by ``inputs``.

    Attributes
    ----------
    layers : tuple of Layer, Discrete or NeuNorm
    inputs : tuple of Signal
    back : tuple of Layer
        What leads the spikes of the neurons among the layers back to them.
    states : int or None
        So many states are returned beside the signal; None: the signal alone.
    """

    layers: tuple[Layer | Discrete | NeuNorm, ...]
    inputs: tuple[Signal, ...]
    back: tuple[Layer, ...] = ()
    states: int | None = None


@dataclass(frozen=True, kw_only=True)
class State:
    """What neurons remember, as their module returns it; they keep it themselves here."""

    signal: Signal


@dataclass(frozen=True, kw_only=True, eq=False)
class Called:
    """A layer or neurons in the place where the module calls them."""

    name: str
    what: Layer | Discrete | NeuNorm
    inputs: tuple[str, ...]
    back: tuple[Layer, ...] = ()


#: Where the modules stand whose names mean what MODULES says.
_KNOWN = ("torch.nn.modules.", "bioconv.learn.gradient.")


def kind_of(module: Any) -> str:
    """``"Conv2d"`` for known modules and their subclasses without a forward of their own.

    Every other class goes by its full name: somebody's own ``Conv2d`` is not torch's.
    """
    kind = type(module)
    for base in kind.__mro__:
        if base.__module__.startswith(_KNOWN) and kind.forward is base.forward:  # type: ignore[attr-defined]
            return base.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


def array(tensor: Any) -> Any:
    """A parameter as float64."""
    return None if tensor is None else tensor.detach().cpu().double().numpy().copy()


# What follows takes torch's arguments: `x` is the signal, the rest as in torch's documentation.


def _chain(x: Signal, *layers: Layer) -> Applied:
    return Applied(layers=layers, inputs=(x,))


def _refuse(what: str, hint: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"{what} cannot be read; {hint}")


def _pair(x: Signal, value: Any, fill: int = 1) -> Any:
    """A size of a one-dimensional layer as (rows, columns)."""
    if not x.row or isinstance(value, str):
        return tuple(value) if isinstance(value, (list, tuple)) else value
    return (fill, value[0] if isinstance(value, (list, tuple)) else value)


def _stride(x: Signal, value: Any) -> Any:
    """The stride of a pool; None stands for the size of its window."""
    return None if value is None or value == [] else _pair(x, value)


def _kernel(x: Signal, weight: Any) -> np.ndarray:
    kernel = array(weight)
    return kernel[:, :, None, :] if kernel.ndim == 3 else kernel


def linear(x, weight, bias=None):
    if len(x.shape) != 1:
        raise _refuse(
            f"Linear over the last axis of {x.torch_shape}", "flatten the samples before it"
        )
    return _chain(x, Dense(weight=array(weight), bias=array(bias)))


def conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _chain(
        x,
        Conv2d(
            weight=_kernel(x, weight),
            bias=array(bias),
            stride=_pair(x, stride),
            padding=_pair(x, padding, 0),
            dilation=_pair(x, dilation),
            groups=groups,
        ),
    )


def conv_transpose(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    return _chain(
        x,
        ConvTranspose2d(
            weight=_kernel(x, weight),
            bias=array(bias),
            stride=_pair(x, stride),
            padding=_pair(x, padding, 0),
            output_padding=_pair(x, output_padding, 0),
            dilation=_pair(x, dilation),
            groups=groups,
        ),
    )


def avg_pool(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None,
):  # fmt: skip
    if divisor_override == 1:
        return sum_pool(x, kernel_size, stride, padding, ceil_mode)
    if divisor_override is not None:
        raise _refuse(
            f"AvgPool2d with divisor_override={divisor_override}",
            "the window's own size can, and 1, a sum",
        )
    return _chain(
        x,
        AvgPool2d(
            kernel=_pair(x, kernel_size),
            stride=_stride(x, stride),
            padding=_pair(x, padding, 0),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        ),
    )


def sum_pool(x, kernel_size, stride=None, padding=0, ceil_mode=False):
    return _chain(
        x,
        SumPool2d(
            kernel=_pair(x, kernel_size),
            stride=_stride(x, stride),
            padding=_pair(x, padding, 0),
            ceil_mode=ceil_mode,
        ),
    )


def lp_pool(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    if norm_type != 1 or ceil_mode:
        raise _refuse(
            f"LPPool with norm_type={norm_type}, ceil_mode={ceil_mode}",
            "norm_type=1 without ceil_mode, a sum, can",
        )
    return sum_pool(x, kernel_size, stride)


def max_pool(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    if dilation not in (1, (1, 1)) or return_indices:
        raise _refuse("MaxPool2d with dilation or return_indices", "pool without them")
    return _chain(
        x,
        MaxPool2d(
            kernel=_pair(x, kernel_size),
            stride=_stride(x, stride),
            padding=_pair(x, padding, 0),
            ceil_mode=ceil_mode,
        ),
    )


def adaptive_avg_pool(x, output_size):
    sizes = output_size if isinstance(output_size, (list, tuple)) else (output_size,)
    if x.row:
        sizes = (1, *sizes)
    sizes = sizes * 2 if len(sizes) == 1 else sizes
    sizes = tuple(n or m for n, m in zip(sizes, x.shape[1:], strict=True))
    if sizes == (1, 1) and not x.row:
        return _chain(x, GlobalAvgPool(), Reshape(shape=(x.shape[0], 1, 1)))
    if any(m % n for n, m in zip(sizes, x.shape[1:], strict=True)):
        raise _refuse(
            f"AdaptiveAvgPool2d from {x.shape[1:]} to {sizes}", "its windows differ in size"
        )
    kernel = tuple(m // n for n, m in zip(sizes, x.shape[1:], strict=True))
    return _chain(x, AvgPool2d(kernel=kernel))


def mean(x, dim=None, keepdim=False, **_):
    axes = tuple(sorted(d % 4 for d in dim)) if isinstance(dim, (list, tuple)) else dim
    if x.row or len(x.shape) != 3 or axes != (2, 3):
        raise _refuse(f"mean over {dim}", "means over rows and columns, (2, 3), can")
    back = (Reshape(shape=(x.shape[0], 1, 1)),) if keepdim else ()
    return _chain(x, GlobalAvgPool(), *back)


def batch_norm(
    x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    if running_mean is None or running_var is None or training:
        raise _refuse("BatchNorm without running statistics", "train with track_running_stats=True")
    return _chain(
        x,
        BatchNorm(
            mean=array(running_mean), var=array(running_var), gamma=array(weight),
            beta=array(bias), eps=eps,
        ),
    )  # fmt: skip


def relu(x, inplace=False):
    return _chain(x, ReLU())


def leaky_relu(x, negative_slope=0.01, inplace=False):
    return _chain(x, LeakyReLU(slope=negative_slope))


def clamp(x, min=None, max=None):
    if min != 0 or (max is not None and max <= 0):
        raise _refuse(f"clamp(min={min}, max={max})", "from 0 to something above, or from 0, can")
    return _chain(x, ReLU() if max is None else ClippedReLU(maximum=max))


def quantized(x, levels, maximum):
    return _chain(x, QuantizedReLU(levels=levels, maximum=maximum.item()))


def soft_lif(x, amplitude, gain, tau_rc, tau_ref, gamma):
    return _chain(
        x,
        SoftLIF(amplitude=amplitude, gain=gain, tau_rc=tau_rc, tau_ref=tau_ref, gamma=gamma),
    )


def relu6(x, inplace=False):
    return clamp(x, 0, 6)


def hardtanh(x, min_val=-1.0, max_val=1.0, inplace=False):
    return clamp(x, min_val, max_val)


def dropout(x, p=0.5, training=False, inplace=False):
    if training:
        raise _refuse("dropout that also drops in eval mode", "pass training=self.training")
    return _chain(x, Dropout(p=p))


def softmax(x, dim=None, _stacklevel=3, dtype=None):
    if (dim not in (None, 1) or (dim is None and x.row)) and not (dim == -1 and len(x.shape) == 1):
        raise _refuse(f"Softmax over axis {dim}", "over the channels or classes, dim=1, it can")
    return _chain(x, Softmax())


def flatten(x, start_dim=0, end_dim=-1):
    rank = len(x.torch_shape)
    if start_dim % rank != 1 or end_dim % rank != rank - 1:
        raise _refuse(f"flatten({start_dim}, {end_dim})", "flatten(1) keeps the batch and can")
    return x if len(x.shape) == 1 else _chain(x, Flatten())


def reshape(x, *shape):
    if len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = tuple(shape[0])
    batch, *rest = shape
    if (batch is not BATCH and batch != -1) or any(n is BATCH for n in rest):
        raise _refuse(f"view{shape}", "the first entry must be x.size(0) or -1, the batch")
    if -1 in rest:
        known = math.prod(n for n in rest if n != -1)
        rest = [math.prod(x.shape) // known if n == -1 else n for n in rest]
    if math.prod(rest) != math.prod(x.shape):
        raise ReadError(f"view{shape} does not keep the {math.prod(x.shape)} values of a sample")
    if len(rest) == 1:
        return x if len(x.shape) == 1 else _chain(x, Flatten())
    if len(rest) != 3:
        raise _refuse(f"view{shape}", "samples are (n,) or (channels, rows, columns)")
    return _chain(x, Reshape(shape=tuple(rest)))


def squeeze(x, dim=None):
    if len(x.shape) == 3 and x.shape[1:] == (1, 1) and not x.row:
        return _chain(x, Flatten())
    raise _refuse(f"squeeze of {x.torch_shape}", "it can drop rows and columns of size one")


def add(x, other, alpha=1):
    if alpha != 1 or not isinstance(x, Signal) or not isinstance(other, Signal):
        raise _refuse("adding a constant", "put it into the bias of the layer before")
    return Applied(layers=(Add(),), inputs=(x, other))


def cat(tensors, dim=0, axis=None):
    dim = dim if axis is None else axis
    if dim != 1 and not (dim == -1 and len(tensors[0].shape) == 1):
        raise _refuse(f"cat over axis {dim}", "over the channels, dim=1, it can")
    return Applied(layers=(Concatenate(),), inputs=tuple(tensors))


def pad(x, pad, mode="constant", value=None):
    left, right, *rows = pad
    if mode != "constant" or value not in (None, 0) or len(rows) not in ((0,) if x.row else (0, 2)):
        raise _refuse(f"padding {pad} in mode {mode!r}", "zeros around rows and columns can")
    return _chain(x, ZeroPad2d(padding=(tuple(rows) or (0, 0), (left, right))))


def interpolate(
    x, size=None, scale_factor=None, mode="nearest", align_corners=None,
    recompute_scale_factor=None, antialias=False,
):  # fmt: skip
    factors = scale_factor if isinstance(scale_factor, (list, tuple)) else (scale_factor,) * 2
    if x.row:
        factors = (1, factors[-1])
    whole = all(f is not None and float(f).is_integer() for f in factors)
    if mode != "nearest" or size is not None or not whole:
        raise _refuse(f"Upsample in mode {mode!r}", 'mode "nearest" by a whole scale_factor can')
    return _chain(x, Upsample(factor=tuple(int(f) for f in factors)))


def same(x, *_, **__):
    return x


def size(x, dim=None):
    return x.torch_shape if dim is None else x.torch_shape[dim]


def get_attribute(x, name):
    if isinstance(x, Signal) and name == "shape":
        return x.torch_shape
    raise _refuse(f"the attribute {name!r} of a tensor", "its shape can")


def get_item(x, index):
    if isinstance(x, (Signal, State)):
        raise _refuse(f"indexing a tensor with {index}", "whole tensors can")
    return x[index]


#: torch functions and tensor methods by name.
FUNCTIONS: dict[str, Callable] = {
    "linear": linear,
    "conv1d": conv,
    "conv2d": conv,
    "conv_transpose1d": conv_transpose,
    "conv_transpose2d": conv_transpose,
    "avg_pool1d": avg_pool,
    "avg_pool2d": avg_pool,
    "lp_pool1d": lp_pool,
    "lp_pool2d": lp_pool,
    "max_pool1d": max_pool,
    "max_pool2d": max_pool,
    "adaptive_avg_pool1d": adaptive_avg_pool,
    "adaptive_avg_pool2d": adaptive_avg_pool,
    "mean": mean,
    "batch_norm": batch_norm,
    "relu": relu,
    "relu_": relu,
    "leaky_relu": leaky_relu,
    "leaky_relu_": leaky_relu,
    "relu6": relu6,
    "hardtanh": hardtanh,
    "hardtanh_": hardtanh,
    "clamp": clamp,
    "clip": clamp,
    "clamp_min": clamp,
    "dropout": dropout,
    "dropout1d": dropout,
    "dropout2d": dropout,
    "softmax": softmax,
    "flatten": flatten,
    "view": reshape,
    "reshape": reshape,
    "squeeze": squeeze,
    "add": add,
    "add_": add,
    "iadd": add,
    "cat": cat,
    "concat": cat,
    "concatenate": cat,
    "pad": pad,
    "interpolate": interpolate,
    "contiguous": same,
    "clone": same,
    "float": same,
    "double": same,
    "size": size,
    "getattr": get_attribute,
    "getitem": get_item,
}


def _of_pool(m, *names):
    return {name: getattr(m, name) for name in ("kernel_size", "stride", "padding", *names)}


def _of_conv(m, *names):
    if m.padding_mode != "zeros":
        raise _refuse(f"{type(m).__name__} with padding_mode {m.padding_mode!r}", "zeros can")
    return {name: getattr(m, name) for name in ("stride", "padding", "dilation", "groups", *names)}


def _conv_module(m, x):
    return conv(x, m.weight, m.bias, **_of_conv(m))


def _conv_transpose_module(m, x):
    return conv_transpose(x, m.weight, m.bias, **_of_conv(m, "output_padding"))


def _avg_pool_module(m, x):
    settings = _of_pool(m, "ceil_mode", "count_include_pad")
    return avg_pool(x, **settings, divisor_override=getattr(m, "divisor_override", None))


def _lp_pool_module(m, x):
    return lp_pool(x, m.norm_type, m.kernel_size, m.stride, m.ceil_mode)


def _max_pool_module(m, x):
    return max_pool(x, **_of_pool(m, "dilation", "ceil_mode", "return_indices"))


def _soft_lif_module(m, x):
    return soft_lif(x, m.amplitude, m.gain, m.tau_rc, m.tau_ref, 0.0 if m.hard else m.gamma)


def _norm_module(m, x):
    return batch_norm(x, m.running_mean, m.running_var, m.weight, m.bias, eps=m.eps)


def _upsample_module(m, x):
    return interpolate(x, m.size, m.scale_factor, m.mode)


#: torch modules, and those of bioconv.learn.gradient, by the name of their class.
MODULES: dict[str, Callable] = {
    "Linear": lambda m, x: linear(x, m.weight, m.bias),
    "Conv1d": _conv_module,
    "Conv2d": _conv_module,
    "ConvTranspose1d": _conv_transpose_module,
    "ConvTranspose2d": _conv_transpose_module,
    "AvgPool1d": _avg_pool_module,
    "AvgPool2d": _avg_pool_module,
    "LPPool1d": _lp_pool_module,
    "LPPool2d": _lp_pool_module,
    "SumPool2d": lambda m, x: sum_pool(x, **_of_pool(m, "ceil_mode")),
    "MaxPool1d": _max_pool_module,
    "MaxPool2d": _max_pool_module,
    "AdaptiveAvgPool1d": lambda m, x: adaptive_avg_pool(x, m.output_size),
    "AdaptiveAvgPool2d": lambda m, x: adaptive_avg_pool(x, m.output_size),
    "BatchNorm1d": _norm_module,
    "BatchNorm2d": _norm_module,
    "ReLU": lambda m, x: relu(x),
    "ReLU6": lambda m, x: relu6(x),
    "Hardtanh": lambda m, x: hardtanh(x, m.min_val, m.max_val),
    "LeakyReLU": lambda m, x: leaky_relu(x, m.negative_slope),
    "ClippedReLU": lambda m, x: clamp(x, 0, m.maximum),
    "QuantizedReLU": lambda m, x: quantized(x, m.levels, m.maximum),
    "SoftLIF": _soft_lif_module,
    "Step": lambda m, x: _chain(x, Step(threshold=m.threshold)),
    "ActivationNoise": lambda m, x: x,
    "Dropout": lambda m, x: dropout(x, m.p),
    "Dropout1d": lambda m, x: dropout(x, m.p),
    "Dropout2d": lambda m, x: dropout(x, m.p),
    "Softmax": lambda m, x: softmax(x, m.dim),
    "Flatten": lambda m, x: flatten(x, m.start_dim, m.end_dim),
    "Unflatten": lambda m, x: reshape(x, BATCH, *m.unflattened_size),
    "ZeroPad2d": lambda m, x: pad(x, m.padding),
    "Upsample": _upsample_module,
    "UpsamplingNearest2d": _upsample_module,
    "Identity": lambda m, x: x,
}


def _check_axes(where: str, name: str, args: Sequence) -> None:
    """torch takes the batch of ``(batch, channels, length)`` for the channels of a 2d layer."""
    if name.endswith("2d") and args and isinstance(args[0], Signal) and args[0].row:
        raise UnsupportedLayerError(
            f"{where}: a 2d layer on (channels, length) mixes the samples of a batch; use its 1d form"
        )


def layers_of(module: Any, x: Signal) -> tuple[Layer, ...]:
    """The layers of one of torch's modules on its own.

    Raises
    ------
    UnsupportedLayerError
        If it has no layer here.
    """
    kind = kind_of(module)
    if kind not in MODULES:
        raise _refuse(type(module).__name__, f"what can: {', '.join(MODULES)}")
    applied = MODULES[kind](module, x)
    layers = applied.layers if isinstance(applied, Applied) else ()
    return tuple(layer for layer in layers if isinstance(layer, Layer))


#: (kind, function of module and arguments that returns Applied; None where there is none) of a module.
Translation = tuple[str, Callable | None]


def translation(module: Any) -> Translation:
    """What becomes of one of torch's modules."""
    kind = kind_of(module)
    return kind, MODULES.get(kind)


class Walk:
    """Collects what the calls of a traced module become while they are walked through."""

    def __init__(self, shape: Shape, translate: Callable[[Any], Translation] = translation):
        row = len(shape) == 2
        inner = (shape[0], 1, shape[1]) if row else tuple(shape)
        self.start = Signal(node=INPUT, shape=inner, row=row)
        self._translate = translate
        self._calls: list[Called] = []
        self._cells: set[str] = set()

    def module(self, path: str, module: Any, args: Sequence, kwargs: dict) -> Any:
        kind, function = self._translate(module)
        if function is None:
            raise UnsupportedLayerError(
                f"{path} ({type(module).__name__}) cannot be read. What can: {', '.join(MODULES)}, "
                "and modules made of them"
            )
        _check_axes(f"{path} ({kind})", kind, args)
        return self._called(f"{path} ({kind})", function, (module, *args), kwargs, path)

    def function(self, name: str, args: Sequence, kwargs: dict) -> Any:
        if name in ("_assert", "_assert_is_none", "eq"):  # checks that torch.fx puts in
            return None
        if name not in FUNCTIONS:
            raise UnsupportedLayerError(
                f"the call of {name}() cannot be read. What can: {', '.join(FUNCTIONS)}"
            )
        _check_axes(f"{name}()", name, args)
        return self._called(f"{name}()", FUNCTIONS[name], args, kwargs, None)

    def calls(self, output: Any) -> tuple[Called, ...]:
        """What leads to ``output``, in the order of the calls."""
        if isinstance(output, (tuple, list)) and self._cells and output:
            output = output[0]  # beside it the states of neurons
        if isinstance(output, State):
            output = output.signal
        if not isinstance(output, Signal):
            raise ReadError(
                f"the module returns {type(output).__name__}, not one tensor. Wrap it so that "
                "its forward returns the tensor to be converted"
            )
        found: list[Called] = []
        needed = {output.node}
        for call in reversed(self._calls):
            if call.name in needed:
                needed.update(call.inputs)
                found.insert(0, call)
        if not found:
            raise ReadError("the module returns its input: there is no layer to convert")
        return tuple(found)

    def _called(self, where: str, function: Callable, args: Sequence, kwargs: dict, path) -> Any:
        try:
            result = function(*args, **kwargs)
            return self._added(result, path) if isinstance(result, Applied) else result
        except (TypeError, AttributeError) as error:
            raise UnsupportedLayerError(
                f"{where}: called in a way that cannot be read: {error}"
            ) from error
        except UnsupportedLayerError as error:
            raise UnsupportedLayerError(f"{where}: {error}") from None
        except (GraphError, ParameterError) as error:
            raise ReadError(f"{where}: {error}") from None

    def _added(self, applied: Applied, path: str | None) -> Any:
        signal, inputs = applied.inputs[0], applied.inputs
        for layer in applied.layers:
            name = self._name(path, layer)
            back: tuple[Layer, ...] = ()
            if isinstance(layer, Discrete):
                self._check_once(path)
                shape, back = signal.shape, applied.back
            elif isinstance(layer, NeuNorm):
                shape = signal.shape
            else:
                shape = output_shape(layer, *(signal.shape for signal in inputs))
            names = tuple(signal.node for signal in inputs)
            self._calls.append(Called(name=name, what=layer, inputs=names, back=back))
            row = signal.row and len(shape) == 3 and not isinstance(layer, Reshape)
            signal = replace(signal, node=name, shape=shape, row=row)
            inputs = (signal,)
        return (
            signal if applied.states is None else (signal, *[State(signal=signal)] * applied.states)
        )

    def _check_once(self, path: str | None) -> None:
        """Neurons that are called again are the neurons of the next step."""
        if path in self._cells:
            raise ReadError(
                f"{path} is called more than once: the forward loops over the steps. Give a module "
                "whose forward computes one step"
            )
        self._cells.add(str(path))

    def _name(self, path: str | None, layer: Layer | Discrete | NeuNorm) -> str:
        """The module's path; its kind and a number where the path is none or bare numbers."""
        taken = {INPUT, *(call.name for call in self._calls)}
        name = re.sub(r"\W", "_", path or "")
        if re.fullmatch(r"[\d_]*", name):
            kind = layer.label.split()[-1] if isinstance(layer, Discrete) else type(layer).__name__
            name = SHORT_NAMES.get(kind, kind.lower())
            return next(f"{name}{n}" for n in range(1, 10**6) if f"{name}{n}" not in taken)
        if name not in taken:
            return name
        return next(f"{name}_{n}" for n in range(2, 10**6) if f"{name}_{n}" not in taken)
