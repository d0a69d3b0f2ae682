"""How far weights are scaled so that rates stay between silence and saturation: one method a file."""

from bioconv.convert.methods.base import Evidence, Method, Scale
from bioconv.convert.methods.channel_wise import ChannelWise
from bioconv.convert.methods.compensated import Compensated
from bioconv.convert.methods.data_based import DataBased
from bioconv.convert.methods.few_spike import FewSpike
from bioconv.convert.methods.model_based import ModelBased
from bioconv.convert.methods.percentile import Percentile
from bioconv.convert.methods.qcfs import QCFS
from bioconv.convert.methods.rmp import RMP
from bioconv.convert.methods.spike_norm import SpikeNorm
from bioconv.convert.methods.tailored import Tailored, violations
from bioconv.convert.methods.unscaled import Unscaled
from bioconv.errors import ConversionError

#: Names under which methods may be asked for; tests and the command line walk this list.
METHODS: dict[str, type[Method]] = {
    "model_based": ModelBased,
    "data_based": DataBased,
    "percentile": Percentile,
    "channel_wise": ChannelWise,
    "compensated": Compensated,
    "spike_norm": SpikeNorm,
    "rmp": RMP,
    "qcfs": QCFS,
    "few_spike": FewSpike,
    "tailored": Tailored,
    "unscaled": Unscaled,
}


def method_named(method: str | Method | None, calibrated: bool) -> Method:
    """A method from its name, itself, or None: percentile with calibration data, model-based without."""
    if isinstance(method, Method):
        return method
    if method is None:
        return Percentile() if calibrated else ModelBased()
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]()
    raise ConversionError(
        f"method is {method!r}; choose one of {', '.join(METHODS)} or a record of "
        "bioconv.convert.methods such as Percentile(percentile=99.99)"
    )


__all__ = [
    "METHODS", "QCFS", "RMP", "ChannelWise", "Compensated", "DataBased", "Evidence", "FewSpike", "Method",
    "ModelBased", "Percentile", "Scale", "SpikeNorm", "Tailored", "Unscaled", "method_named",
    "violations",
]  # fmt: skip
