"""Spiking networks in the formats of other tools."""

from bioconv.write.nir import to_nir

__all__ = ["to_nir"]
