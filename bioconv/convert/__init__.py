"""From a trained network to a spiking one."""

from bioconv.convert.auto import Auto, Candidate, Trial
from bioconv.convert.conversion import Conversion, convert
from bioconv.convert.methods import (
    METHODS,
    QCFS,
    RMP,
    ChannelWise,
    Compensated,
    DataBased,
    FewSpike,
    Method,
    ModelBased,
    Percentile,
    SpikeNorm,
    Tailored,
    Unscaled,
    method_named,
    violations,
)
from bioconv.convert.simplify import SUBSTITUTES

__all__ = [
    "METHODS", "QCFS", "RMP", "SUBSTITUTES", "Auto", "Candidate", "ChannelWise", "Compensated", "Conversion", "DataBased",
    "FewSpike", "Method", "ModelBased", "Percentile", "SpikeNorm", "Tailored", "Trial", "Unscaled", "convert",
    "method_named", "violations",
]  # fmt: skip
