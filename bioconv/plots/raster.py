"""Who spiked when: one mark a spike, one band a layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from bioconv.errors import ParameterError, ResultError
from bioconv.plots.style import COLOURS, GREY, checked_index, checked_layer, onset_ms
from bioconv.result import Result

#: More samples than these are numbered on the time axis, which then shows no times.
TIMED_SAMPLES = 4
#: Numbers that fit side by side below an axis.
NUMBERS = 12


def raster(
    ax: Axes,
    result: Result,
    sample: int | Sequence[int] = 0,
    layers: str | Sequence[str] | None = None,
    max_neurons: int = 100,
) -> Axes:
    """Spikes over time, the first layer's band at the bottom, neuron 0 at the bottom of a band.

    Bands are equally high, whatever the number of neurons. Time runs from the start of the
    presentation: a spike of step ``k`` stands at ``(onset + k) * dt``.

    Parameters
    ----------
    sample : int or list of int
        Several samples stand side by side, each with its own time, told apart by lines.
    layers : str or list of str
        All whose spikes were recorded, unless given.
    max_neurons : int
        Of a larger layer every second, third … neuron is drawn; the band's label says so.

    Raises
    ------
    ResultError
        If a layer's spikes were not recorded, or a layer or sample does not exist.
    """
    if max_neurons < 1:
        raise ParameterError(f"max_neurons is {max_neurons}; give 1 or more")
    samples, layers = _samples(result, sample), _layers(result, layers)
    width = max(onset_ms(result, layer) for layer in layers) + result.duration * 1e3
    sizes = [int(np.prod(result.counts[layer].shape[1:])) for layer in layers]
    strides = [-(-size // max_neurons) for size in sizes]
    for band, (layer, size, stride) in enumerate(zip(layers, sizes, strides, strict=True)):
        drawn = -(-size // stride)
        times, neurons = _marks(result, layer, samples, width, stride)
        ax.scatter(
            times,
            band + (neurons // stride + 0.5) / drawn,
            marker="|",
            s=_length(ax, len(layers) * drawn) ** 2,
            linewidths=0.9,
            color=COLOURS[band % len(COLOURS)],
            label=layer,
        )
    _bands(ax, layers, sizes, strides)
    _time_axis(ax, samples, width)
    return ax


def _samples(result: Result, sample: int | Sequence[int]) -> list[int]:
    many: list = [sample] if np.ndim(sample) == 0 else list(sample)  # type: ignore[arg-type]
    if not many:
        raise ResultError("no sample to draw: the list is empty")
    return [checked_index("sample", one, result.n_samples) for one in many]


def _layers(result: Result, layers: str | Sequence[str] | None) -> list[str]:
    recorded = [name for name in result.counts if name in result.spikes]
    if layers is None and not recorded:
        raise ResultError('no spikes were recorded; run with record={"<layer>": "spikes"}')
    wanted = recorded if layers is None else [layers] if isinstance(layers, str) else list(layers)
    if not wanted:
        raise ResultError(f"no layer to draw: the list is empty; recorded: {', '.join(recorded)}")
    for name in wanted:
        if checked_layer(result, name) not in recorded:
            raise ResultError(
                f"the spikes of {name!r} were not recorded, only those of "
                f'{", ".join(recorded) or "no layer"}; run with record={{"{name}": "spikes"}}'
            )
    return wanted


def _marks(result, layer, samples, width, stride) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds and neuron of every mark, samples ``width`` apart."""
    times, neurons = [], []
    for place, sample in enumerate(samples):
        spikes = result.spikes[layer].of(sample)
        here = spikes.neuron % stride == 0
        local = spikes.step[here] * result.dt * 1e3 + onset_ms(result, layer)
        times.append(place * width + local)
        neurons.append(spikes.neuron[here])
    return np.concatenate(times), np.concatenate(neurons)


def _length(ax: Axes, rows: int) -> float:
    """Points: a mark as long as its row is high, within what can be seen."""
    points = ax.get_window_extent().height * 72 / ax.figure.dpi
    return float(np.clip(points / rows, 1.5, 12))


def _bands(ax: Axes, layers: list[str], sizes: list[int], strides: list[int]) -> None:
    labels = [
        f"{layer}\n{_range(n, k)}" for layer, n, k in zip(layers, sizes, strides, strict=True)
    ]
    ax.set_yticks(np.arange(len(layers)) + 0.5, labels)
    ax.tick_params(axis="y", length=0, labelsize="small")
    for band, label in enumerate(ax.get_yticklabels()):
        label.set_color(COLOURS[band % len(COLOURS)])
    for border in range(1, len(layers)):
        ax.axhline(border, color=GREY, linewidth=0.8, zorder=0)
    ax.set_ylim(0, len(layers))


def _range(size: int, stride: int) -> str:
    if size == 1:
        return "neuron 0"
    every = "" if stride == 1 else f"\n(1 in {stride})"
    return f"0–{size - 1}{every}"


def _time_axis(ax: Axes, samples: list[int], width: float) -> None:
    starts = np.arange(len(samples)) * width
    for start in starts[1:]:
        ax.axvline(start, color="black", linewidth=1.2, zorder=0)
    ax.set_xlim(0, len(samples) * width)
    ax.set_xlabel("time (ms)")
    if len(samples) > TIMED_SAMPLES:
        shown = slice(None, None, -(-len(samples) // NUMBERS))
        ax.set_xticks((starts + width / 2)[shown], [str(s) for s in samples[shown]])
        ax.set_xlabel(f"sample ({width:g} ms each)")
    elif len(samples) > 1:
        ticks = np.concatenate([starts, starts + width / 2, [len(samples) * width]])
        labels = ["0"] * len(samples) + [f"{width / 2:g}"] * len(samples) + [f"{width:g}"]
        ax.set_xticks(ticks, labels)
        above = ax.secondary_xaxis("top")
        above.set_xticks(starts + width / 2, [f"sample {sample}" for sample in samples])
        above.tick_params(length=0, labelsize="small")
