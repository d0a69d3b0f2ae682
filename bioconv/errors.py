"""Every exception that bioconv raises on purpose.

One base class, :class:`BioconvError`; each subclass is also the builtin that a caller would
catch by habit. A message says where, what, with which numbers, and what to do.
"""

import tokenize
import zipfile
import zlib

#: What numpy and zipfile raise on damaged files of arrays.
DAMAGED_ARRAYS = (
    OSError, ValueError, EOFError, AttributeError, TypeError, KeyError, RuntimeError, MemoryError,
    OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class BioconvError(Exception):
    """Base of all errors raised by bioconv on purpose."""


class GraphError(BioconvError, ValueError):
    """A layer or a network does not fit together: shapes, names, values, cycles."""


class ReadError(BioconvError, ValueError):
    """A source of weights cannot be read: wrong file, unknown layer, bad array."""


class UnsupportedLayerError(BioconvError, NotImplementedError):
    """A layer has no spiking counterpart here; the message names the nearest thing that has."""


class ConversionError(BioconvError, ValueError):
    """A network cannot be converted as asked: calibration data, scales, options."""


class ParameterError(BioconvError, ValueError):
    """A parameter of a neuron, a synapse, an encoder or a run is out of range."""


class StimulusError(BioconvError, ValueError):
    """Images or other inputs have the wrong shape, size, type or range."""


class DataError(BioconvError, ValueError):
    """A data set's file is damaged or is not what its name says."""


class MissingDataError(BioconvError, FileNotFoundError):
    """A data set's file is not there; the message says how to get it."""


class ResultError(BioconvError, ValueError):
    """A result lacks what was asked of it, or its file is damaged."""


class MissingDependencyError(BioconvError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class DeviceError(BioconvError, RuntimeError):
    """The device cannot run the model: no compiler, a failed compilation, lost objects."""


class RunInterrupted(BioconvError, KeyboardInterrupt):
    """A run was stopped by the user.

    ``result`` holds what was finished before (a :class:`bioconv.Result`), or ``None``.
    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result
