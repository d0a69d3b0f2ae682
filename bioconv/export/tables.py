"""The arrays beside a plain script: what single neurons have of their own, and every synapse."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from bioconv.build.inputs import arguments
from bioconv.export.parts import Script
from bioconv.graph import Dense, Flatten
from bioconv.projections import Convolution, Kind, Matrix, Targets, order_of
from bioconv.projections.kinds import pixel_entries
from bioconv.spiking import Projection


def arrays(script: Script) -> dict[str, np.ndarray]:
    """{name in the file: array}, numbers in SI units."""
    wiring, found = script.wiring, {}
    given = arguments(wiring, script.edits, 1)
    for population in wiring.spiking.populations:
        for name in ("I_bias", *script.text(population).arrays):
            found[f"{population.name}/{name}"] = np.asarray(given[f"{population.name}.{name}"])
    for projection in wiring.projections:
        if not wiring.kind(projection.name).n_synapses:
            continue
        pre, post, w = _synapses(script, projection, given)
        found[f"{projection.name}/pre"], found[f"{projection.name}/post"] = pre, post
        found[f"{projection.name}/w"] = w
    if not wiring.settings.encoder.spikes:
        for projection in wiring.spiking.projections:
            if projection.source == wiring.spiking.stimulus.name:
                for name, array in _first(script, projection).items():
                    found[f"{projection.name}/{name}"] = array
    return found


def _first(script: Script, projection: Projection) -> dict[str, np.ndarray]:
    """Weights of the image: as the matrix that they are, or as a table."""
    rest = [layer for layer in projection.layers if not isinstance(layer, Flatten)]
    if len(rest) == 1 and isinstance(rest[0], Dense):
        return {"matrix": rest[0].weight, "gain": np.array(projection.gain)}
    kind = script.wiring.kind(projection.name)
    pre, post, w = table_of(kind, np.asarray(kind.weights))
    sizes = {"shape": np.array(projection.shape), "n_post": np.array(kind.n_post)}
    return {"pre": pre, "post": post, "w": w, **sizes}


def _synapses(
    script: Script, projection: Projection, given: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and weight (SI) of every synapse, as the groups count neurons."""
    wiring, name = script.wiring, projection.name
    if not wiring.explicit:
        return table_of(wiring.kind(name), np.asarray(given[f"{name}.w"]))
    target = wiring.spiking[projection.target]
    rows, columns = order_of(target.shape), order_of(projection.shape)
    matrix = sparse.csc_array(wiring.matrix(name).tocsc()[rows][:, columns])
    matrix.sort_indices()
    pre = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    unit = float(script.text(target).unit)
    return pre, matrix.indices, script.edits.get((name, "w"), matrix.data * unit)


def table_of(kind: Kind, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pre, post, w) of every synapse that the stored ``weights`` stand for, sources ascending."""
    if isinstance(kind, Matrix):
        pre, post = np.divmod(np.arange(kind.n_pre * kind.n_post), kind.n_post)
        here = weights != 0
        return pre[here], post[here], weights[here]
    if isinstance(kind, Targets):
        pre = np.repeat(np.arange(kind.n_pre), np.diff(kind.first))
        return pre, np.asarray(kind.post), weights
    assert isinstance(kind, Convolution)
    return _table_of_convolution(kind, weights)


def _table_of_convolution(
    kind: Convolution, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = {name.lstrip("_"): value for name, value in kind.constants.items()}
    channels, per_group, out = (sizes[n] for n in ("channels", "per_group", "out_per_group"))
    first, kernel, target = pixel_entries(
        kind.rows,
        kind.runs,
        sizes["kernel_columns"],
        sizes["out_columns"],
        sizes["out_channels"],
        out,
    )
    counts, channel = np.diff(first), np.arange(channels)
    each = sizes["kernel_rows"] * sizes["kernel_columns"] * out
    parts = []
    for pixel in range(len(counts)):
        here = slice(first[pixel], first[pixel + 1])
        pre = np.repeat(pixel * channels + channel, counts[pixel])
        post = (channel[:, None] // per_group * out + target[here]).ravel()
        parts.append((pre, post, weights[(channel[:, None] * each + kernel[here]).ravel()]))
    pre, post, w = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pre, post, w
