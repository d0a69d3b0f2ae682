"""Who sends to whom over which weight: indices in numpy, and the Brian2 objects that use them."""

from bioconv.projections.explicit import explicit, in_time
from bioconv.projections.gates import Gate, gate_of
from bioconv.projections.indices import Links, links, path_matrix
from bioconv.projections.kinds import Convolution, Kind, Matrix, Targets, kind_of, order_of
from bioconv.projections.lateral import AllButOwn, KWinners, by_distance
from bioconv.projections.plastic import Forgetting, Normaliser, PlasticProjection
from bioconv.projections.plastic_synapses import plastic_synapses
from bioconv.projections.shared import SharedProjection
from bioconv.projections.templated import TemplatedRunner

__all__ = [
    "AllButOwn", "Convolution", "Forgetting", "Gate", "KWinners", "Kind", "Links", "Matrix", "Normaliser", "PlasticProjection",
    "SharedProjection", "Targets", "TemplatedRunner", "by_distance", "explicit", "gate_of", "in_time", "kind_of", "links", "order_of",
    "path_matrix", "plastic_synapses",
]  # fmt: skip
