"""How far weights are scaled so that rates stay between silence and saturation: one method a file."""

from bioconv.convert.methods.base import Method
from bioconv.convert.methods.data_based import DataBased
from bioconv.convert.methods.model_based import ModelBased
from bioconv.convert.methods.percentile import Percentile
from bioconv.convert.methods.unscaled import Unscaled
from bioconv.errors import ConversionError

#: Names under which methods may be asked for; tests and the command line walk this list.
METHODS: dict[str, type[Method]] = {
    "model_based": ModelBased,
    "data_based": DataBased,
    "percentile": Percentile,
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
    "METHODS", "DataBased", "Method", "ModelBased", "Percentile", "Unscaled", "method_named",
]  # fmt: skip
