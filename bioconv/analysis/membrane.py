"""What single neurons do: the charge that is left, the rhythm of the spikes; and how soon a
network has its answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.errors import ParameterError, ResultError
from bioconv.graph import MaxPool2d
from bioconv.result import Result, Spikes, Traces

#: Thresholds by which a potential may miss rest or threshold.
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Residual:
    """Potential after the last step, as distance from rest in thresholds.

    With reset by subtraction and a positive drive it lies in [0, 1): the part of a spike that
    the rate does not show.

    Attributes
    ----------
    values : (n_samples, n) or (n_samples, *shape) array
        ``(V(T) - rest) / (threshold - rest)`` of the traced neurons, or of all
    mean : float
    inside, below, above : float
        Fractions in [0, 1), below 0, and at 1 or more
    """

    values: np.ndarray
    mean: float
    inside: float
    below: float
    above: float


def residual_potential(traces: Traces) -> Residual:
    """What is left in the membranes after the last step.

    A potential below rest by no more than rounding, one unit in the last place for each step,
    counts as at rest.

    Raises
    ------
    ResultError
        If the threshold is not above rest, or there is nothing traced.
    """
    span = traces.threshold - traces.rest
    if not span > 0:
        raise ResultError(
            f"the threshold ({traces.threshold}) must lie above rest ({traces.rest}) to measure in"
        )
    if traces.values.size == 0:
        raise ResultError(f"the traces have shape {traces.values.shape}: nothing was recorded")
    last = traces.values[:, -1]
    values = (last - traces.rest) / span
    unit = _resolution(traces.values.dtype) * max(abs(traces.rest), abs(traces.threshold)) / span
    return _residual(values, values < -traces.values.shape[1] * unit, last >= traces.threshold)


def residual_potentials(result: Result) -> dict[str, Residual]:
    """{layer: what is left in its membranes}, of the layers whose residuals were recorded.

    A millionth of a threshold below rest or threshold counts as there: the neurons themselves allow
    for rounding when they compare.
    """
    return {
        layer: _residual(values, values < -ROUNDING, values >= 1 - ROUNDING)
        for layer, values in result.residuals.items()
    }


def _residual(values: np.ndarray, below: np.ndarray, above: np.ndarray) -> Residual:
    return Residual(
        values=values,
        mean=float(values.mean()),
        inside=float(np.mean(~below & ~above)),
        below=float(below.mean()),
        above=float(above.mean()),
    )


def excess_input(traces: Traces) -> float:
    """Fraction of (sample, step, neuron) that had two thresholds or more before the reset.

    A neuron fires once a step at most; with reset by subtraction such a one is still at its threshold
    afterwards. Where that is common the drive is more than the highest rate can say.
    """
    if traces.values.size == 0:
        raise ResultError(f"the traces have shape {traces.values.shape}: nothing was recorded")
    span = traces.threshold - traces.rest
    return float(np.mean(traces.values >= traces.threshold - ROUNDING * span))


def input_current(
    spiking: Any, result: Result, images: np.ndarray, layer: str, neuron: int, sample: int = 0
) -> np.ndarray:
    """(n_steps,) what a neuron was given in every step of its window, in thresholds a step.

    Bias, image and incoming pulses: with a perfect integrator and pulses of current the potential before
    the reset is the one after the last step plus this.

    Parameters
    ----------
    spiking : bioconv.spiking.SpikingNetwork
    result : Result
        With the spikes of all populations that feed ``layer``.
    images : (n_samples, *input_shape) array
        Those of the run.

    Raises
    ------
    ResultError
        If the spikes of a source were not recorded, or the images are others.
    """
    if len(images) != result.n_samples:
        raise ResultError(
            f"{len(images)} images for {result.n_samples} samples; give those of the run"
        )
    each_step = result.max_rate * result.dt
    population = spiking[layer]
    total = np.full((result.n_steps, population.size), population.bias.ravel() * each_step)
    for projection in spiking.incoming(layer):
        if any(isinstance(step, MaxPool2d) for step in projection.layers):
            raise ResultError(
                f"{layer!r} is a max-pooling: what it is given depends on which neuron leads, which is "
                "not recorded"
            )
        if projection.source == spiking.stimulus.name and projection.source not in result.counts:
            values = images[sample : sample + 1] / spiking.stimulus.scale * each_step
        else:
            values = _trains(result, projection.source, sample)
        total = total + projection.of(values).reshape(-1, population.size)
    return total[:, neuron]


def _trains(result: Result, layer: str, sample: int) -> np.ndarray:
    """(n_steps, *shape) spikes of a layer in every step."""
    if layer in result.negatives:
        raise ResultError(f"{layer!r} sends negative spikes, whose times are not recorded")
    if layer not in result.spikes:
        raise ResultError(
            f'the spikes of {layer!r} were not recorded; run with record={{"{layer}": "spikes"}}'
        )
    spikes, shape = result.spikes[layer].of(sample), result.counts[layer].shape[1:]
    trains = np.zeros((result.n_steps, int(np.prod(shape))))
    np.add.at(trains, (spikes.step, spikes.neuron), 1)
    return trains.reshape(result.n_steps, *shape)


def dead_units(result: Result) -> dict[str, np.ndarray]:
    """{layer: (*shape) bool array}, true for neurons that never fire in any sample."""
    return {
        layer: np.all((counts == 0) & (result.negatives.get(layer, 0) == 0), axis=0)
        for layer, counts in result.counts.items()
    }


def _resolution(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Intervals ``I`` between successive spikes of one neuron.

    Attributes
    ----------
    n_intervals : int
    mean, std : float
        Seconds; ``std`` divides by the number of intervals. nan without an interval.
    cv : float
        ``std / mean``, 0 for a clock, 1 for a Poisson train. nan below two intervals.
    cv2 : float
        Mean of ``2 |I[k+1] - I[k]| / (I[k+1] + I[k])``: as ``cv``, but blind to a slow drift of
        the rate. nan below two successive intervals.
    """

    n_intervals: int
    mean: float
    std: float
    cv: float
    cv2: float


def interval_statistics(
    spikes: Spikes, neuron: int, *, dt: float, sample: int | None = None
) -> Intervals:
    """Statistics of a neuron's inter-spike intervals, in one sample or pooled over all.

    No interval reaches from one sample into the next. ``dt`` is ``result.dt``, in seconds.

    References
    ----------
    Holt et al. (1996), J. Neurophysiol. 75:1806: CV2.
    """
    here = spikes.neuron == neuron
    if sample is not None:
        here = here & (spikes.sample == sample)
    samples, steps = spikes.sample[here], spikes.step[here].astype(np.int64)
    same = np.diff(samples) == 0
    gaps = np.diff(steps)  # counted in steps: a clock has a deviation of exactly 0
    intervals = gaps[same]
    successive = same[1:] & same[:-1]
    before, after = gaps[:-1][successive], gaps[1:][successive]
    n = len(intervals)
    mean, std = (intervals.mean(), intervals.std()) if n else (np.nan, np.nan)
    return Intervals(
        n_intervals=n,
        mean=float(mean * dt),
        std=float(std * dt),
        cv=float(std / mean) if n >= 2 and mean > 0 else float("nan"),
        cv2=_cv2(before, after),
    )


def _cv2(before: np.ndarray, after: np.ndarray) -> float:
    """Two intervals of length zero are equal: they add 0."""
    if len(before) == 0:
        return float("nan")
    total = before + after
    parts = np.zeros(len(total))
    np.divide(2 * np.abs(after - before), total, out=parts, where=total > 0)
    return float(parts.mean())


def steps_to_accuracy(accuracy_over_time: np.ndarray, fraction: float = 0.95) -> int:
    """Steps after which the accuracy first is ``fraction`` of the final one or more.

    Parameters
    ----------
    accuracy_over_time : (n_steps,) array
        :meth:`bioconv.Result.accuracy_over_time`: entry ``k`` is the accuracy after ``k + 1``
        steps. Times ``result.dt`` the answer is in seconds.

    Raises
    ------
    ParameterError
        If the curve is not a list of finite numbers or ``fraction`` is outside (0, 1].
    """
    curve = np.asarray(accuracy_over_time, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0 or not np.isfinite(curve).all():
        raise ParameterError(
            f"accuracy_over_time has shape {curve.shape}; give one finite number a step, (n_steps,)"
        )
    if not 0 < fraction <= 1:
        raise ParameterError(f"fraction is {fraction}; give a part of the final accuracy, as 0.95")
    reached = curve >= fraction * curve[-1]
    return int(reached.argmax()) + 1


def t_95(accuracy_over_time: np.ndarray) -> int:
    """:func:`steps_to_accuracy` for 95 % of the final accuracy."""
    return steps_to_accuracy(accuracy_over_time, 0.95)
