"""The layers of a trained network, as frozen records: weights and settings, no behaviour.

Arrays are kept as read-only float64 copies. Shapes follow PyTorch: dense weights ``(out, in)``,
kernels ``(out, in / groups, rows, columns)``, maps ``(channels, rows, columns)``. What a layer does to a shape
stands in :mod:`bioconv.graph.shapes`, what it does to numbers in :mod:`bioconv.graph.reference`.
"""

import operator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bioconv.errors import GraphError

Pair = tuple[int, int]
#: Given as one integer or a pair, kept as a pair (rows, columns).
Sides = Any
#: Rows before and after, columns before and after.
Padding = tuple[Pair, Pair]


def _name(layer: object) -> str:
    return type(layer).__name__


def _array(layer: object, field: str, value: Any, ndim: int) -> np.ndarray:
    """``value`` as a finite, read-only float64 array of ``ndim`` dimensions."""
    try:
        array = np.array(value)
        if array.dtype.kind == "c":
            raise TypeError("it is complex")
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor with gradient
        raise GraphError(f"{_name(layer)}: {field} is not an array of numbers: {error}") from None
    if array.ndim != ndim:
        raise GraphError(
            f"{_name(layer)}: {field} has shape {array.shape}; it needs {ndim} dimension(s)"
        )
    if array.size == 0:
        raise GraphError(f"{_name(layer)}: {field} is empty, shape {array.shape}")
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        first = tuple(int(n) for n in np.argwhere(~np.isfinite(array))[0])
        raise GraphError(
            f"{_name(layer)}: {field} has {bad} value(s) that are NaN or infinite, the first at "
            f"{first}. Did the training diverge? Load a finite checkpoint"
        )
    array.flags.writeable = False
    return array


def _bias(layer: object, value: Any, n_out: int, weight_shape: tuple) -> Any:
    if value is None:
        return None
    bias = _array(layer, "bias", value, 1)
    if bias.shape != (n_out,):
        turned = len(weight_shape) == 2 and bias.shape == weight_shape[1:]
        hint = "\nWas the weight stored as (n_in, n_out)? Then transpose it" if turned else ""
        raise GraphError(
            f"{_name(layer)}: bias has shape {bias.shape}, weight {weight_shape} needs ({n_out},)."
            + hint
        )
    return bias


def _integers(layer: object, field: str, value: Any, low: int) -> Pair:
    """One integer for both sides, or a pair (rows, columns), each at least ``low``."""
    pair = (value, value) if isinstance(value, (int, np.integer)) else value
    try:
        pair = tuple(pair)
    except TypeError:
        pair = ()
    good = len(pair) == 2 and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= low for n in pair
    )
    if not good:
        raise GraphError(
            f"{_name(layer)}: {field} is {value!r}; give one integer or a pair "
            f"(rows, columns), each at least {low}"
        )
    return int(pair[0]), int(pair[1])


def _padding(layer: object, value: Any) -> "Padding | str":
    """One integer, (rows, columns), ((top, bottom), (left, right)), "same" or "valid"."""
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise GraphError(
                f'{_name(layer)}: padding is {value!r}; the names are "same" and "valid"'
            )
        return ((0, 0), (0, 0)) if value == "valid" else "same"
    if isinstance(value, (int, np.integer)):
        value = (value, value)
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise GraphError(
            f"{_name(layer)}: padding is {value!r}; give one integer, (rows, columns), "
            f'((top, bottom), (left, right)), "same" or "valid"'
        ) from None
    return (
        _integers(layer, "padding", rows, 0),
        _integers(layer, "padding", columns, 0),
    )


def _number(layer: object, field: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise GraphError(f"{_name(layer)}: {field} is {value!r}; it must be a finite number")
    return number


def _above_zero(layer: object, field: str, value: Any, or_zero: bool = False) -> float:
    number = _number(layer, field, value)
    if number < 0 or (number == 0 and not or_zero):
        wanted = "zero or more" if or_zero else "above zero"
        raise GraphError(f"{_name(layer)}: {field} is {value!r}; it must be {wanted}")
    return number


def _set(layer: object, **values: Any) -> None:
    for field, value in values.items():
        object.__setattr__(layer, field, value)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Layer:
    """Base of all layers: nothing but a short text of itself."""

    def __repr__(self) -> str:
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            text = f"array{value.shape}" if isinstance(value, np.ndarray) else repr(value)
            parts.append(f"{field.name}={text}")
        return f"{_name(self)}({', '.join(parts)})"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dense(Layer):
    """``y = weight @ x + bias`` over a flat input.

    Attributes
    ----------
    weight : (n_out, n_in) array
    bias : (n_out,) array or None
    """

    weight: np.ndarray
    bias: np.ndarray | None = None

    def __post_init__(self):
        weight = _array(self, "weight", self.weight, 2)
        _set(self, weight=weight, bias=_bias(self, self.bias, weight.shape[0], weight.shape))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Conv2d(Layer):
    """Cross-correlation of maps with a kernel, as PyTorch's ``Conv2d``.

    Attributes
    ----------
    weight : (n_out, n_in / groups, rows, columns) array
    bias : (n_out,) array or None
    stride, dilation : int or (rows, columns)
    padding : int, (rows, columns), ((top, bottom), (left, right)), "same" or "valid"
        Zeros around the map. "same" keeps ``ceil(size / stride)`` positions; an odd total puts the
        extra zero at the end, as TensorFlow and PyTorch do.
    groups : int
        Channels in so many blocks that do not see each other; ``groups = n_in`` is depthwise.
    """

    weight: np.ndarray
    bias: np.ndarray | None = None
    stride: Sides = 1
    padding: Any = 0
    dilation: Sides = 1
    groups: int = 1

    def __post_init__(self):
        weight = _array(self, "weight", self.weight, 4)
        groups = _groups(self, weight.shape[0])
        _set(
            self,
            weight=weight,
            bias=_bias(self, self.bias, weight.shape[0], weight.shape),
            stride=_integers(self, "stride", self.stride, 1),
            padding=_padding(self, self.padding),
            dilation=_integers(self, "dilation", self.dilation, 1),
            groups=groups,
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ConvTranspose2d(Layer):
    """The transpose of a convolution, as PyTorch's ``ConvTranspose2d``.

    Attributes
    ----------
    weight : (n_in, n_out / groups, rows, columns) array
    bias : (n_out,) array or None
    stride, dilation : int or (rows, columns)
    padding : int, (rows, columns) or ((top, bottom), (left, right))
        So many positions are cut off the result.
    output_padding : int or (rows, columns)
        So many positions are added at the end.
    groups : int
    """

    weight: np.ndarray
    bias: np.ndarray | None = None
    stride: Sides = 1
    padding: Any = 0
    output_padding: Sides = 0
    dilation: Sides = 1
    groups: int = 1

    def __post_init__(self):
        weight = _array(self, "weight", self.weight, 4)
        groups = _groups(self, weight.shape[0])
        padding = _padding(self, self.padding)
        if padding == "same":
            raise GraphError('ConvTranspose2d: padding "same" has no agreed meaning; give integers')
        _set(
            self,
            weight=weight,
            bias=_bias(self, self.bias, weight.shape[1] * groups, weight.shape),
            stride=_integers(self, "stride", self.stride, 1),
            padding=padding,
            output_padding=_integers(self, "output_padding", self.output_padding, 0),
            dilation=_integers(self, "dilation", self.dilation, 1),
            groups=groups,
        )


def _groups(layer: Any, channels: int) -> int:
    groups = layer.groups
    if not isinstance(groups, (int, np.integer)) or groups < 1 or channels % groups:
        raise GraphError(
            f"{_name(layer)}: groups is {groups!r}; the weight's {channels} channels "
            "cannot be cut into so many equal blocks"
        )
    return int(groups)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class _Pool(Layer):
    kernel: Sides
    stride: Sides = None
    padding: Any = 0
    ceil_mode: bool = False

    def __post_init__(self):
        kernel = _integers(self, "kernel", self.kernel, 1)
        stride = kernel if self.stride is None else _integers(self, "stride", self.stride, 1)
        padding = _padding(self, self.padding)
        if not isinstance(padding, str) and any(
            max(sides) >= size for size, sides in zip(kernel, padding, strict=True)
        ):
            raise GraphError(
                f"{_name(self)}: padding {padding} with kernel {kernel} leaves windows that see "
                "nothing but padding. Pad by less than the kernel"
            )
        _set(self, kernel=kernel, stride=stride, padding=padding)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AvgPool2d(_Pool):
    """Mean over windows.

    Attributes
    ----------
    kernel, stride : int or (rows, columns)
        ``stride=None`` means the kernel's size.
    padding : as for :class:`Conv2d`
    ceil_mode : bool
        Keep a last window that reaches over the border.
    count_include_pad : bool
        Whether the zeros of the padding count in the mean (PyTorch: yes, TensorFlow: no).
    """

    count_include_pad: bool = True


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MaxPool2d(_Pool):
    """Maximum over windows; settings as :class:`AvgPool2d`. Padding never wins."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SumPool2d(_Pool):
    """Sum over windows; settings as :class:`AvgPool2d`. Padding adds nothing."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GlobalAvgPool(Layer):
    """Mean over rows and columns: ``(channels, rows, columns)`` to ``(channels,)``."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BatchNorm(Layer):
    """``y = gamma (x - mean) / sqrt(var + eps) + beta`` per channel, as used after training.

    Attributes
    ----------
    mean, var : (channels,) arrays
    gamma, beta : (channels,) arrays or None
        None stands for ones and zeros.
    eps : float
    """

    mean: np.ndarray
    var: np.ndarray
    gamma: np.ndarray | None = None
    beta: np.ndarray | None = None
    eps: float = 1e-5

    def __post_init__(self):
        mean = _array(self, "mean", self.mean, 1)
        values = {
            "mean": mean,
            "var": _array(self, "var", self.var, 1),
            "gamma": _array(self, "gamma", _or(self.gamma, np.ones(mean.size)), 1),
            "beta": _array(self, "beta", _or(self.beta, np.zeros(mean.size)), 1),
        }
        for field, array in values.items():
            if array.shape != mean.shape:
                raise GraphError(
                    f"BatchNorm: {field} has shape {array.shape}, mean has {mean.shape}"
                )
        eps = _number(self, "eps", self.eps)
        if not (eps >= 0 and np.all(values["var"] + eps > 0)):
            raise GraphError(
                f"BatchNorm: var + eps must be positive; the smallest var is "
                f"{values['var'].min():g}, eps {self.eps!r}"
            )
        _set(self, **values, eps=eps)

    @property
    def scale(self) -> np.ndarray:
        """(channels,) factor on the input, ``gamma / sqrt(var + eps)``."""
        return self.gamma / np.sqrt(self.var + self.eps)

    @property
    def shift(self) -> np.ndarray:
        """(channels,) what is added after scaling, ``beta - scale mean``."""
        return self.beta - self.scale * self.mean


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReLU(Layer):
    """``max(x, 0)``."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LeakyReLU(Layer):
    """``x`` where positive, ``slope x`` elsewhere."""

    slope: float = 0.01

    def __post_init__(self):
        _set(self, slope=_number(self, "slope", self.slope))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClippedReLU(Layer):
    """``min(max(x, 0), maximum)``: what a neuron does that cannot fire faster."""

    maximum: float = 1.0

    def __post_init__(self):
        _set(self, maximum=_above_zero(self, "maximum", self.maximum))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class QuantizedReLU(Layer):
    """``maximum / levels * clip(floor(x levels / maximum + 1/2), 0, levels)``.

    What ``levels`` steps of an integrate-and-fire neuron that starts at half its threshold tell
    apart.

    Attributes
    ----------
    levels : int
        Steps between zero and ``maximum``.
    maximum : float

    References
    ----------
    Bu et al. (2022), ICLR: quantization-clip-floor-shift activation.
    """

    levels: int
    maximum: float

    def __post_init__(self):
        levels, _ = _integers(self, "levels", (self.levels, 1), 1)
        _set(self, levels=levels, maximum=_above_zero(self, "maximum", self.maximum))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SoftLIF(Layer):
    """Firing rate of a leaky integrate-and-fire neuron, with a smoothed threshold.

    With ``j = gamma log(1 + exp(gain x / gamma))``, the smoothed current above the threshold::

        y = amplitude / (tau_ref + tau_rc log(1 + 1 / j))

    The bias of one threshold is part of the formula: a neuron fires where ``x`` is positive.

    Attributes
    ----------
    amplitude : float
        Output for one spike per second, in seconds.
    gain : float
        Current for one unit of input, in thresholds.
    tau_rc, tau_ref : float
        Membrane time constant and refractory period in seconds.
    gamma : float
        Width of the smoothing in thresholds; 0 gives the rate of the neuron itself.

    References
    ----------
    Hunsberger & Eliasmith (2015), arXiv 1510.08829; (2016), arXiv 1611.05141.
    """

    amplitude: float = 0.063
    gain: float = 1.0
    tau_rc: float = 0.022
    tau_ref: float = 0.002
    gamma: float = 0.02

    def __post_init__(self):
        _set(
            self,
            amplitude=_above_zero(self, "amplitude", self.amplitude),
            gain=_above_zero(self, "gain", self.gain),
            tau_rc=_above_zero(self, "tau_rc", self.tau_rc),
            tau_ref=_above_zero(self, "tau_ref", self.tau_ref, or_zero=True),
            gamma=_above_zero(self, "gamma", self.gamma, or_zero=True),
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Step(Layer):
    """1 where ``x >= threshold``, 0 elsewhere: the activation of binary networks."""

    threshold: float = 0.0

    def __post_init__(self):
        _set(self, threshold=_number(self, "threshold", self.threshold))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` over the first axis of a sample (channels or classes)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Flatten(Layer):
    """All axes of a sample in one, in the order channel, row, column."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Reshape(Layer):
    """Another shape for the same numbers in the same order; one entry may be -1."""

    shape: tuple[int, ...]

    def __post_init__(self):
        try:
            shape = tuple(operator.index(n) for n in self.shape)
        except TypeError:
            shape = ()
        if not shape or shape.count(-1) > 1 or not all(n == -1 or n > 0 for n in shape):
            raise GraphError(
                f"Reshape: shape is {self.shape!r}; give positive integers, one may be -1"
            )
        _set(self, shape=shape)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ZeroPad2d(Layer):
    """Zeros around every map: int, (rows, columns) or ((top, bottom), (left, right))."""

    padding: Any

    def __post_init__(self):
        padding = _padding(self, self.padding)
        if padding == "same":
            raise GraphError("ZeroPad2d: padding must be given as integers")
        _set(self, padding=padding)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Upsample(Layer):
    """Every pixel repeated ``factor`` times (nearest neighbour): int or (rows, columns)."""

    factor: Sides

    def __post_init__(self):
        _set(self, factor=_integers(self, "factor", self.factor, 1))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dropout(Layer):
    """Nothing after training; kept so that a network reads as it was written."""

    p: float = 0.5

    def __post_init__(self):
        _set(self, p=_number(self, "p", self.p))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Add(Layer):
    """Sum of two or more inputs of one shape: the end of a residual shortcut."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Concatenate(Layer):
    """Two or more inputs side by side along the first axis of a sample (channels)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ChannelPad(Layer):
    """Zeros before and after along the first axis: one input's place in a concatenation."""

    before: int
    after: int

    def __post_init__(self):
        before, after = _integers(self, "before and after", (self.before, self.after), 0)
        _set(self, before=before, after=after)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scale(Layer):
    """``y = factor x``, element by element: on the way between trained spiking neurons, in no :class:`Network`.

    Attributes
    ----------
    factor : array that broadcasts against the input, kept with its dimensions
    """

    factor: np.ndarray

    def __post_init__(self):
        _set(self, factor=_array(self, "factor", self.factor, np.ndim(self.factor)))


#: Layers with weights.
Weighted = Dense | Conv2d | ConvTranspose2d

#: What acts on every number alone and never falls.
Activation = ReLU | LeakyReLU | ClippedReLU | QuantizedReLU | SoftLIF | Step

#: Every layer a network may hold; tests, readers and the file format walk this list.
LAYERS: tuple[type[Layer], ...] = (
    Dense, Conv2d, ConvTranspose2d, AvgPool2d, MaxPool2d, SumPool2d, GlobalAvgPool, BatchNorm,
    ReLU, LeakyReLU, ClippedReLU, QuantizedReLU, SoftLIF, Step, Softmax, Flatten, Reshape, ZeroPad2d,
    Upsample, ChannelPad, Dropout, Add, Concatenate,
)  # fmt: skip
