"""A result as a Neo block: what analysis packages of neurophysiology read."""

from collections.abc import Sequence
from typing import Any

import neo
import numpy as np
import quantities as pq


def block(result: Any, samples: Sequence[int]) -> neo.Block:
    """One segment a sample, with the spikes and potentials that were recorded.

    Times run from the start of the presentation: a spike of step ``k`` stands at ``(onset + k) dt``.

    Parameters
    ----------
    result : bioconv.Result
    samples : ints
    """
    made = neo.Block(name="bioconv", **_plain(result.provenance))
    for sample in samples:
        segment = neo.Segment(name=f"sample {sample}", index=sample, sample=sample)
        for layer in result.spikes:
            segment.spiketrains.extend(_trains(result, layer, sample))
        for layer in result.traces:
            segment.analogsignals.append(_potentials(result, layer, sample))
        made.segments.append(segment)
    return made


def _plain(provenance: Any) -> dict[str, Any]:
    """Annotations as Neo takes them: numbers and texts."""
    return {name: value if _simple(value) else str(value) for name, value in provenance.items()}


def _simple(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def _trains(result: Any, layer: str, sample: int) -> list[neo.SpikeTrain]:
    """A train for every neuron of the layer, silent ones too."""
    spikes, onset = result.spikes[layer].of(sample), result.onsets.get(layer, 0) * result.dt
    order = np.argsort(spikes.neuron, kind="stable")
    times = onset + spikes.step[order] * result.dt
    size = int(np.prod(result.counts[layer].shape[1:]))
    borders = np.searchsorted(spikes.neuron[order], np.arange(size + 1))
    return [
        neo.SpikeTrain(
            times[borders[neuron] : borders[neuron + 1]] * pq.s,
            t_start=onset * pq.s,
            t_stop=(onset + result.duration) * pq.s,
            name=f"{layer} {neuron}",
            layer=layer,
            neuron=neuron,
        )
        for neuron in range(size)
    ]


def _potentials(result: Any, layer: str, sample: int) -> neo.AnalogSignal:
    traces = result.traces[layer]
    dimensionless = result.provenance.get("units") == "dimensionless"
    return neo.AnalogSignal(
        traces.values[sample],
        units=pq.dimensionless if dimensionless else pq.V,
        sampling_period=result.dt * pq.s,
        t_start=result.onsets.get(layer, 0) * result.dt * pq.s,
        name=f"{layer} potential",
        layer=layer,
        rest=traces.rest,
        threshold=traces.threshold,
        array_annotations={"neuron": np.array(traces.neurons)},
    )
