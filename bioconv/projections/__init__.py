"""Who sends to whom over which weight: indices in numpy, and the Brian2 objects that use them."""

from bioconv.projections.explicit import explicit
from bioconv.projections.indices import Links, links, path_matrix

__all__ = ["Links", "explicit", "links", "path_matrix"]
