"""Plots of a :class:`bioconv.Result`: axes first, drawn on, returned; nothing is ever shown.

The only home of matplotlib; no Brian2, so a figure is redrawn without a compiler.
"""

from bioconv.plots.curves import accuracy_over_time, rate_against_activation, rate_errors
from bioconv.plots.errors import accuracy_and_cost, error_by_method, error_parts
from bioconv.plots.maps import rate_map, weight_maps
from bioconv.plots.membrane import membrane, potential_distribution, potential_map
from bioconv.plots.raster import raster

__all__ = [
    "accuracy_and_cost", "accuracy_over_time", "error_by_method", "error_parts", "membrane",
    "potential_distribution", "potential_map", "raster", "rate_against_activation", "rate_errors",
    "rate_map", "weight_maps",
]  # fmt: skip
