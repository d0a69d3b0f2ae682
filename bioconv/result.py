"""What a run gives: plain arrays and where they come from. Needs numpy and h5py, no Brian2.

Times are counted in steps of ``dt`` seconds from the first step of a layer's own window: in the
``"delayed"`` propagation a deeper layer starts later (``onsets``), and its steps count from there.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from bioconv import hdf5
from bioconv.errors import MissingDependencyError, ResultError

KIND, VERSION = "bioconv-result", 1


def _frozen(array: Any) -> np.ndarray:
    array = np.asarray(array)
    view = array.view()
    view.flags.writeable = False
    return view


def _order(sample: np.ndarray, step: np.ndarray, neuron: np.ndarray) -> np.ndarray | None:
    """The order by sample, step, neuron; None where it is that already."""
    if not len(sample):
        return None
    steps, neurons = int(step.max()) + 1, int(neuron.max()) + 1
    key = (sample.astype(np.int64) * steps + step) * neurons + neuron
    if (key[1:] >= key[:-1]).all():
        return None
    return np.argsort(key, kind="stable")


@dataclass(frozen=True, kw_only=True, eq=False)
class Spikes:
    """Every spike of a layer: three arrays of one length, sorted by sample, step, neuron.

    Attributes
    ----------
    sample, neuron, step : (n_spikes,) int arrays
        ``neuron`` counts channel, row, column; ``step`` from the start of the layer's window.
    """

    sample: np.ndarray
    neuron: np.ndarray
    step: np.ndarray

    def __post_init__(self):
        parts = [np.asarray(getattr(self, name)) for name in ("sample", "step", "neuron")]
        order = _order(*parts)
        for name, part in zip(("sample", "step", "neuron"), parts, strict=True):
            object.__setattr__(self, name, _frozen(part if order is None else part[order]))

    def __len__(self) -> int:
        return len(self.step)

    def of(self, sample: int) -> "Spikes":
        """The spikes of one sample."""
        here = self.sample == sample
        return Spikes(sample=self.sample[here], neuron=self.neuron[here], step=self.step[here])

    def before(self, sample: int) -> "Spikes":
        """The spikes of the samples before ``sample``."""
        here = self.sample < sample
        return Spikes(sample=self.sample[here], neuron=self.neuron[here], step=self.step[here])


@dataclass(frozen=True, kw_only=True, eq=False)
class Traces:
    """Membrane potentials of some neurons of a layer, after the reset of every step.

    Attributes
    ----------
    neurons : (n,) int array
    values : (n_samples, n_steps, n) array, volts (or threshold units in a dimensionless model)
        NaN for steps that a sample was not shown.
    rest, threshold : float
        In the units of ``values``.
    """

    neurons: np.ndarray
    values: np.ndarray
    rest: float
    threshold: float

    def __post_init__(self):
        object.__setattr__(self, "neurons", _frozen(self.neurons))
        object.__setattr__(self, "values", _frozen(self.values))


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Spike counts, spikes, potentials and provenance of a run.

    Attributes
    ----------
    counts : mapping, layer -> (n_samples, *shape) int array
        Spikes of every neuron in the layer's window, layers in topological order.
    potentials : (n_samples, n_outputs) array
        Potential of the output layer after the last step: distance from rest, in thresholds.
    spikes : mapping, layer -> Spikes
        The output layer, and what ``record`` asked for.
    traces : mapping, layer -> Traces
        What ``record`` asked for.
    negatives : mapping, layer -> (n_samples, *shape) int array
        Negative spikes of layers whose neurons send some; ``counts`` has the positive ones.
    coded : mapping, layer -> (n_samples, *shape) array
        Of layers whose spikes do not count alike (few-spike neurons): what they were worth together.
    residuals : mapping, layer -> (n_samples, *shape) array
        What ``record`` asked for: potentials after the last step, as distances from rest in thresholds.
    output : str
        Name of the output layer.
    n_steps : int
        Steps of a presentation, at most.
    steps : (n_samples,) int array
        Steps that every sample was shown: ``n_steps``, unless the run was told to stop earlier.
    dt : float
        Seconds.
    max_rate : float
        Hz; the rate that codes an activation equal to the layer's scale.
    scales : mapping, layer -> float or list of a float a channel
        The activation of the trained network that ``max_rate`` stands for.
    nodes : mapping, layer -> str
        Name of the trained network's layer whose activation the population codes.
    silent : tuple of str
        Layers that only integrate.
    signs : mapping, layer -> int
        -1 for a population that codes the negative part of its layer.
    onsets : mapping, layer -> int
        First step of the layer's window within a presentation.
    provenance : mapping
        Seed, versions, device and why, method, options: what is needed to run it again.
    """

    counts: Mapping[str, np.ndarray]
    potentials: np.ndarray
    output: str
    n_steps: int
    dt: float
    max_rate: float
    steps: Any = None
    spikes: Mapping[str, Spikes] = field(default_factory=dict)
    traces: Mapping[str, Traces] = field(default_factory=dict)
    negatives: Mapping[str, np.ndarray] = field(default_factory=dict)
    coded: Mapping[str, np.ndarray] = field(default_factory=dict)
    residuals: Mapping[str, np.ndarray] = field(default_factory=dict)
    scales: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    signs: Mapping[str, int] = field(default_factory=dict)
    onsets: Mapping[str, int] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        counts = {name: _frozen(array) for name, array in self.counts.items()}
        object.__setattr__(self, "counts", MappingProxyType(counts))
        object.__setattr__(self, "potentials", _frozen(self.potentials))
        steps = np.full(self.n_samples, self.n_steps) if self.steps is None else self.steps
        object.__setattr__(self, "steps", _frozen(steps))
        for name in ("negatives", "coded", "residuals"):
            arrays = {layer: _frozen(array) for layer, array in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        for name in ("spikes", "traces", "scales", "nodes", "signs", "onsets", "provenance"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __repr__(self) -> str:
        device = self.provenance.get("device", "?")
        layers = ", ".join(f"{name} {self.spikes_per_sample(name):.1f}" for name in self.counts)
        return (
            f"Result: {self.n_samples} samples of {self.n_steps} steps of {self.dt * 1e3:g} ms on "
            f"{device}\n  spikes per sample: {layers}"
        )

    @property
    def n_samples(self) -> int:
        return len(self.potentials)

    @property
    def duration(self) -> float:
        """Seconds of a presentation, at most."""
        return self.n_steps * self.dt

    def spikes_per_sample(self, layer: str) -> float:
        """Mean number of spikes, negative ones included, that the whole layer fires."""
        total = self._counts(layer).sum() + np.sum(self.negatives.get(layer, 0))
        return float(total) / self.n_samples

    def rates(self, layer: str) -> np.ndarray:
        """(n_samples, *shape) firing rates in Hz; negative spikes count against positive ones."""
        counts = self._counts(layer) - self.negatives.get(layer, 0)
        return counts / self._seconds(counts.ndim)

    def coding(self, layer: str) -> np.ndarray:
        """(n_samples, *shape) what a layer says in units of its scale: 1 is the maximal rate.

        Spikes over the spikes of the maximal rate. Of an output that only integrates, the potential takes
        their place; of few-spike neurons, what their spikes are worth.
        """
        if layer in self.coded:
            return self.coded[layer]
        rates = self.rates(layer)
        if layer in self.silent and layer == self.output:
            rates = self.potentials.reshape(rates.shape) / self._seconds(rates.ndim)
        return rates / self.max_rate

    def decoded(self, layer: str) -> np.ndarray:
        """(n_samples, *shape) what a layer says in the units of the trained network.

        ``sign * scale * coding``: the estimate of the layer's activation.
        """
        values, scale = self.coding(layer), np.asarray(self.scales.get(layer, 1.0))
        if scale.ndim:
            scale = scale.reshape(-1, *[1] * (values.ndim - 2))
        return values * (self.signs.get(layer, 1) * scale)

    def _seconds(self, ndim: int) -> np.ndarray:
        """(n_samples, 1, …) time that every sample was shown."""
        return (self.steps * self.dt).reshape(-1, *[1] * (ndim - 1))

    def _counts(self, layer: str) -> np.ndarray:
        if layer not in self.counts:
            raise ResultError(f"no layer {layer!r}; the result has {', '.join(self.counts)}")
        return self.counts[layer]

    @property
    def predictions(self) -> np.ndarray:
        """(n_samples,) class with most spikes; the potential decides between equals."""
        return self.predicted("count")

    def predicted(self, by: str = "count") -> np.ndarray:
        """(n_samples,) class by spike ``"count"``, by the ``"first"`` of the highest counts, or by ``"potential"``.

        With ``"count"`` the higher potential decides between equal counts, so a silent output
        still answers. With ``"first"`` it is the class with the lower number, as in the frameworks that train
        spiking networks. With ``"potential"`` the potential after the last step decides alone, as it does for an
        output that has no spikes.
        """
        if by not in ("count", "first", "potential"):
            raise ResultError(
                f'predictions by {by!r}; the ways are "count", "first" and "potential"'
            )
        if by == "potential" or self.output in self.silent:
            return self.potentials.argmax(axis=1)
        counts = self._counts(self.output).reshape(self.n_samples, -1)
        if by == "first":
            return counts.argmax(axis=1)
        best = counts == counts.max(axis=1, keepdims=True)
        return np.where(best, self.potentials, -np.inf).argmax(axis=1)

    def accuracy(self, labels: Any, by: str = "count") -> float:
        """Fraction of samples whose prediction equals the label."""
        return float(np.mean(self.predicted(by) == self._labels(labels)))

    def predictions_over_time(self) -> np.ndarray:
        """(n_steps, n_samples) class after each step by the counts so far.

        Between equal counts the neuron that reached it first wins; the last step decides as
        :attr:`predictions`. -1 stands for "no output spike yet". Of an output that only integrates
        the potential decides; its traces must have been recorded.
        """
        if self.output in self.silent:
            return self._traces(self.output).values.argmax(axis=2).T
        n_outputs = self.potentials.shape[1]
        spikes = self._spikes(self.output)
        added = np.zeros((self.n_steps, self.n_samples, n_outputs), dtype=np.int32)
        np.add.at(added, (spikes.step, spikes.sample, spikes.neuron), 1)
        best = np.zeros((self.n_samples, n_outputs), dtype=np.int64)
        leader = np.full(self.n_samples, -1)
        counts = np.zeros((self.n_samples, n_outputs), dtype=np.int64)
        rows, answers = np.arange(self.n_samples), np.empty((self.n_steps, self.n_samples), int)
        for step in range(self.n_steps):
            counts += added[step]
            best = counts.argmax(axis=1)
            ahead = counts[rows, best] > np.where(leader < 0, 0, counts[rows, leader])
            leader = np.where(ahead, best, leader)
            answers[step] = leader
        answers[-1] = self.predictions
        return answers

    def accuracy_over_time(self, labels: Any) -> np.ndarray:
        """(n_steps,) accuracy after each step; no output spike yet counts as wrong."""
        return (self.predictions_over_time() == self._labels(labels)).mean(axis=1)

    def _spikes(self, layer: str) -> Spikes:
        if layer not in self.spikes:
            raise ResultError(
                f"the spikes of {layer!r} were not recorded; "
                f'run with record={{"{layer}": "spikes"}}'
            )
        return self.spikes[layer]

    def _traces(self, layer: str) -> Traces:
        if layer not in self.traces:
            raise ResultError(
                f'the potentials of {layer!r} were not recorded; run with record={{"{layer}": "v"}}'
            )
        return self.traces[layer]

    def _labels(self, labels: Any) -> np.ndarray:
        labels = np.asarray(labels)
        if labels.shape != (self.n_samples,):
            raise ResultError(
                f"labels have shape {labels.shape}; the result has {self.n_samples} samples and "
                f"needs ({self.n_samples},)"
            )
        return labels

    def first(self, n_samples: int) -> "Result":
        """The result of the first ``n_samples`` samples alone."""
        if not 0 < n_samples <= self.n_samples:
            raise ResultError(f"the first {n_samples} of {self.n_samples} samples; give 1 to all")
        return replace(
            self,
            counts={name: array[:n_samples] for name, array in self.counts.items()},
            potentials=self.potentials[:n_samples],
            steps=self.steps[:n_samples],
            spikes={name: spikes.before(n_samples) for name, spikes in self.spikes.items()},
            traces={
                name: replace(one, values=one.values[:n_samples])
                for name, one in self.traces.items()
            },
            negatives={name: array[:n_samples] for name, array in self.negatives.items()},
            coded={name: array[:n_samples] for name, array in self.coded.items()},
            residuals={name: array[:n_samples] for name, array in self.residuals.items()},
        )

    def to_neo(self, samples: Sequence[int] | None = None) -> Any:
        """A ``neo.Block`` with a segment a sample: recorded spikes and potentials, with their units.

        ``samples`` are all unless given. Every neuron of a recorded layer gets a train of its own.

        Raises
        ------
        MissingDependencyError
            Without Neo, which ``pip install bioconv[neuro]`` brings.
        ResultError
            For samples that the result does not have.
        """
        chosen = range(self.n_samples) if samples is None else list(samples)
        if not all(isinstance(n, (int, np.integer)) and 0 <= n < self.n_samples for n in chosen):
            raise ResultError(
                f"samples are {samples!r}; give numbers from 0 to {self.n_samples - 1}"
            )
        try:
            from bioconv import neo_export
        except ImportError as error:
            raise MissingDependencyError(
                f"a Neo block needs Neo: pip install bioconv[neuro] ({error})"
            ) from error
        return neo_export.block(self, [int(n) for n in chosen])

    def save(self, path: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write an HDF5 file: ``counts/<layer>``, ``potentials``, ``steps``, ``spikes/<layer>/sample`` …

        The scalars and the provenance are JSON in the attribute ``about``.

        Raises
        ------
        ResultError
            If the file exists (without ``overwrite``) or cannot be written.
        """
        scalars = ("output", "n_steps", "dt", "max_rate", "silent")
        about = {name: getattr(self, name) for name in scalars}
        for name in ("scales", "nodes", "signs", "onsets", "provenance"):
            about[name] = dict(getattr(self, name))
        with hdf5.written(path, ResultError, overwrite) as file:
            file.attrs.update(format=KIND, version=VERSION, about=json.dumps(about))
            file.attrs["layers"] = json.dumps(list(self.counts))
            _write(file, "potentials", self.potentials)
            _write(file, "steps", self.steps)
            for layer, array in self.counts.items():
                _write(file, f"counts/{layer}", array)
            for name in ("negatives", "coded", "residuals"):
                for layer, array in getattr(self, name).items():
                    _write(file, f"{name}/{layer}", array)
            for layer, spikes in self.spikes.items():
                for part in ("sample", "neuron", "step"):
                    _write(file, f"spikes/{layer}/{part}", getattr(spikes, part))
            for layer, traces in self.traces.items():
                _write(file, f"traces/{layer}/neurons", traces.neurons)
                _write(file, f"traces/{layer}/values", traces.values)
                file[f"traces/{layer}"].attrs.update(rest=traces.rest, threshold=traces.threshold)


def _write(file: Any, name: str, array: np.ndarray) -> None:
    small = array.size < 1000
    file.create_dataset(
        name, data=array, compression=None if small else "gzip", shuffle=None if small else True
    )


def load_result(path: str | os.PathLike) -> Result:
    """The result that :meth:`Result.save` wrote.

    Raises
    ------
    ResultError
        If the file is missing, damaged or something else.
    """
    with hdf5.opened(path, ResultError, KIND, VERSION) as file:
        try:
            about = json.loads(file.attrs["about"])
            layers = json.loads(file.attrs["layers"])
        except ValueError as error:
            raise ResultError(f"{path} is damaged: its description is no JSON ({error})") from None
        about["silent"] = tuple(about.get("silent", ()))
        return Result(
            **about,
            counts={layer: file[f"counts/{layer}"][()] for layer in layers},
            potentials=file["potentials"][()],
            steps=file["steps"][()] if "steps" in file else None,
            spikes={
                layer: Spikes(**{part: group[part][()] for part in ("sample", "neuron", "step")})
                for layer, group in file.get("spikes", {}).items()
            },
            traces={
                layer: Traces(
                    neurons=group["neurons"][()],
                    values=group["values"][()],
                    rest=float(group.attrs["rest"]),
                    threshold=float(group.attrs["threshold"]),
                )
                for layer, group in file.get("traces", {}).items()
            },
            negatives={name: array[()] for name, array in file.get("negatives", {}).items()},
            coded={name: array[()] for name, array in file.get("coded", {}).items()},
            residuals={name: array[()] for name, array in file.get("residuals", {}).items()},
        )


def joined(parts: list[Result]) -> Result:
    """One result of results over consecutive samples of the same run."""
    first = parts[0]
    starts = np.cumsum([0, *(part.n_samples for part in parts[:-1])])
    spikes = {
        layer: Spikes(
            sample=np.concatenate(
                [p.spikes[layer].sample + s for p, s in zip(parts, starts, strict=True)]
            ),
            neuron=np.concatenate([p.spikes[layer].neuron for p in parts]),
            step=np.concatenate([p.spikes[layer].step for p in parts]),
        )
        for layer in first.spikes
    }
    traces = {
        layer: Traces(
            neurons=one.neurons,
            values=np.concatenate([part.traces[layer].values for part in parts]),
            rest=one.rest,
            threshold=one.threshold,
        )
        for layer, one in first.traces.items()
    }
    rest = (
        "output", "n_steps", "dt", "max_rate", "scales", "nodes", "signs", "onsets", "silent",
        "provenance",
    )  # fmt: skip
    return Result(
        counts={n: np.concatenate([part.counts[n] for part in parts]) for n in first.counts},
        potentials=np.concatenate([part.potentials for part in parts]),
        steps=np.concatenate([part.steps for part in parts]),
        spikes=spikes,
        traces=traces,
        negatives=_joined_arrays([part.negatives for part in parts]),
        coded=_joined_arrays([part.coded for part in parts]),
        residuals=_joined_arrays([part.residuals for part in parts]),
        **{name: getattr(first, name) for name in rest},
    )


def _joined_arrays(parts: list[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
