"""What is wrong with a spiking network, told from a run and the trained network.

========== ========================================================================
weights    does every layer compute what the trained one does, given its activations?
rates      are the rates of every layer what the trained activations ask for?
parts      if not: what stays in its membranes, what it inherited, what was lost
verdict    the first layer that fails, the kind of failure, and what may help
========== ========================================================================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioconv.analysis.agreement import agreement
from bioconv.analysis.cost import Energy, Operations, energy, operations
from bioconv.analysis.mapping import WeightFault, weight_fault
from bioconv.analysis.membrane import Residual, residual_potentials
from bioconv.analysis.parts import coded, error_parts
from bioconv.analysis.rates import LayerError, rate_errors
from bioconv.analysis.verdict import LARGEST, Advice, Verdict, verdict_of
from bioconv.graph import INPUT, Network
from bioconv.result import Result


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A change that was tried on a few samples.

    Attributes
    ----------
    advice : Advice
    n_samples : int
    error_before, error_after : float
        ``rms(r - a) / rms(a)`` of the layer that failed.
    agreement_before, agreement_after : float
        Fraction of answers as the trained network gives them.
    """

    advice: Advice
    n_samples: int
    error_before: float
    error_after: float
    agreement_before: float
    agreement_after: float

    @property
    def confirmed(self) -> bool:
        """Whether the error of the layer fell by a third or more."""
        return self.error_after <= self.error_before * 2 / 3

    def __str__(self) -> str:
        return (
            f"{'confirmed' if self.confirmed else 'did not help'} on {self.n_samples} samples: "
            f"{self.advice.text}. Error of the layer {100 * self.error_before:.1f} % -> "
            f"{100 * self.error_after:.1f} %, agreement with the trained network "
            f"{100 * self.agreement_before:.0f} % -> {100 * self.agreement_after:.0f} %"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerDiagnosis:
    """One layer, measured.

    Attributes
    ----------
    layer : str
    relative_error : float
        ``rms(r - a) / rms(a)``, ``a`` not clipped.
    errors : LayerError or None
        None for a readout without spikes.
    rms : mapping, part -> float
        Root mean square of ``"own"``, ``"inherited"``, ``"mapping"``, ``"lost"`` and the whole
        ``"error"`` where a neuron fires or should; elsewhere the parts cancel.
    shares : mapping, part -> float
        Their shares of the mean squared error; they add up to 1.
    exact : bool
        Whether own and inherited add up to the whole error (with the trained weights).
    why : str
        What throws charge away, where not.
    clipped : float
        Share of the squared error where ``a > 1``.
    largest : float
        99.9 percentile of the activations above zero, in parts of the maximal rate.
    residual : Residual
    fault : WeightFault or None
    """

    layer: str
    relative_error: float
    errors: LayerError | None
    rms: Mapping[str, float]
    shares: Mapping[str, float]
    exact: bool
    why: str
    clipped: float
    largest: float
    residual: Residual
    fault: WeightFault | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis:
    """A spiking network against the trained one.

    Attributes
    ----------
    method : str
        By which the network was converted.
    n_samples, n_steps : int
    layers : mapping, layer -> LayerDiagnosis
        In topological order.
    input_error : float
        ``rms(r - x) / rms(x)`` of the input's spikes; 0 for a constant current.
    agreement : float
        Fraction of samples with the trained network's answer.
    operations : Operations
    energy : Energy
    verdict : Verdict
    trials : tuple of Trial
        What was tried, the last one confirmed if any was.
    """

    method: str
    n_samples: int
    n_steps: int
    layers: Mapping[str, LayerDiagnosis]
    input_error: float
    agreement: float
    operations: Operations
    energy: Energy
    verdict: Verdict
    trials: tuple[Trial, ...] = ()

    def __str__(self) -> str:
        counted = self.operations
        rows = [
            f"{self.method}, {self.n_samples} samples of {self.n_steps} steps; "
            f"{100 * self.agreement:.1f} % answer as the trained network",
            "",
            *_rates_table(list(self.layers.values())),
            "",
            *_parts_table(list(self.layers.values())),
            "",
            f"operations  {counted.additions:.4g} additions and {counted.input_multiply_adds:.4g} "
            f"multiply-adds a sample; the trained network {counted.ann_multiply_adds:.4g} multiply-adds",
            *(f"energy      {row}" for row in str(self.energy).splitlines()),
            "",
            f"verdict     {self.verdict.text}",
            *(f"advice      {advice.text}" for advice in self.verdict.advice),
            *(f"trial       {trial}" for trial in self.trials),
        ]
        return "\n".join(rows)


#: Heading and value of every column of the table of rates, for one kind of units.
_RATES: dict[str, Callable[[Any], str]] = {
    "units %": lambda e: f"{100 * e.fraction:.1f}",
    "mean |r-a|": lambda e: f"{e.mean_absolute:.4f}",
    "mean r-a": lambda e: f"{e.signed_mean:.4f}",
    "RMSE": lambda e: f"{e.rmse:.4f}",
    "95th perc.": lambda e: f"{e.percentile_95:.4f}",
    "Pearson": lambda e: f"{e.pearson:.4f}",
    "Spearman": lambda e: f"{e.spearman:.4f}",
}
#: Heading and value of every column of the table of parts and faults.
_PARTS: dict[str, Callable[[LayerDiagnosis], str]] = {
    "error %": lambda d: f"{100 * d.relative_error:.1f}",
    "own": lambda d: f"{d.rms['own']:.4f}",
    "inherited": lambda d: f"{d.rms['inherited']:.4f}",
    "weights": lambda d: f"{d.rms['mapping']:.4f}",
    "lost": lambda d: f"{d.rms['lost']:.4f}",
    "V in [0,1) %": lambda d: f"{100 * d.residual.inside:.1f}",
    "over %": lambda d: _percent(d, "over"),
    "under %": lambda d: _percent(d, "under"),
    "saturated %": lambda d: _percent(d, "saturated"),
    "false %": lambda d: _percent(d, "false_firing"),
    "dead %": lambda d: _percent(d, "dead"),
}


def _percent(layer: LayerDiagnosis, name: str) -> str:
    return "-" if layer.errors is None else f"{100 * getattr(layer.errors, name):.1f}"


def _rates_table(layers: list[LayerDiagnosis]) -> list[str]:
    """A row for all, the active and the silent units of every layer that spikes."""
    rows = [["rates", "", *_RATES]]
    for layer in layers:
        if layer.errors is not None:
            for kind in ("all", "active", "silent"):
                values = getattr(layer.errors, kind)
                rows.append([layer.layer, kind, *(column(values) for column in _RATES.values())])
    return _aligned(rows, 2)


def _parts_table(layers: list[LayerDiagnosis]) -> list[str]:
    rows = [["errors", *_PARTS]]
    rows += [[layer.layer, *(column(layer) for column in _PARTS.values())] for layer in layers]
    return _aligned(rows, 1)


def _aligned(rows: list[list[str]], texts: int) -> list[str]:
    """Columns of equal width, the first ``texts`` to the left."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if n < texts else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def diagnosed(
    spiking: Any,
    network: Network,
    result: Result,
    activations: Mapping[str, np.ndarray],
    fan_out: Mapping[str, np.ndarray | int],
) -> Diagnosis:
    """The diagnosis of a run, without trials.

    Parameters
    ----------
    spiking : bioconv.spiking.SpikingNetwork
        What was run.
    network : Network
        What was trained.
    result : Result
        With the residuals of all layers: a run with ``record="residual"``.
    activations : mapping, layer of the trained network -> (n_samples, *shape) array
        What :func:`bioconv.graph.activations` returns for the images of the run.
    fan_out : mapping, layer -> (*shape) int array or int
        What ``model.fan_out()`` returns.

    Raises
    ------
    ResultError
        If residuals were not recorded, or networks, result and activations do not fit together.
    """
    layers = {p.name: _layer(spiking, network, result, activations, p) for p in spiking.populations}
    noise = _input_error(spiking, result, activations)
    counted = operations(spiking, network, result, fan_out)
    outputs = coded(activations, spiking[spiking.output]).reshape(result.potentials.shape)
    return Diagnosis(
        method=str(result.provenance.get("method")),
        n_samples=result.n_samples,
        n_steps=result.n_steps,
        layers=layers,
        input_error=noise,
        agreement=agreement(result, outputs),
        operations=counted,
        energy=energy(counted),
        verdict=verdict_of(spiking, layers, noise),
    )


def _layer(spiking, network, result, activations, population) -> LayerDiagnosis:
    name = population.name
    parts = error_parts(spiking, network, result, activations, name)
    error, size = parts.error, _rms(parts.activations)
    squared = float(np.sum(error**2))
    positive = parts.activations[parts.activations > 0]
    here = (parts.activations != 0) | (parts.rates != 0)
    return LayerDiagnosis(
        layer=name,
        relative_error=_ratio(_rms(error), size),
        errors=rate_errors(result, activations, [name])[name] if population.spiking else None,
        rms={
            part: _rms(part_of[here]) for part, part_of in {**parts.named(), "error": error}.items()
        },
        shares=parts.shares(),
        exact=parts.exact,
        why=parts.why,
        clipped=float(np.sum(error[parts.activations > 1] ** 2)) / squared if squared else 0.0,
        largest=float(np.percentile(positive, LARGEST)) if positive.size else 0.0,
        residual=residual_potentials(result)[name],
        fault=weight_fault(spiking, network, activations, name),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def _ratio(error: float, size: float) -> float:
    if size == 0:
        return 0.0 if error == 0 else float("inf")
    return error / size


def _input_error(spiking: Any, result: Result, activations: Mapping[str, np.ndarray]) -> float:
    name = spiking.stimulus.name
    if name not in result.counts:
        return 0.0
    x = activations[INPUT] / spiking.stimulus.scale
    error = result.rates(name) / result.max_rate - x
    return _ratio(_rms(error), _rms(x))
