"""Training layer after layer, features of the trained network, and a linear read-out."""

import dataclasses
import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, vstack

from bioconv import hdf5
from bioconv.errors import MissingDependencyError, ParameterError, StimulusError
from bioconv.learn.stdp_convolution.coding import STEPS, latencies
from bioconv.learn.stdp_convolution.layer import Layer, convergence, earliest

KIND, VERSION = "bioconv-stdp-convolution", 1
#: The layers of SpykeTorch's MNIST network; in the second, rates double as well, which shortens learning.
MNIST = (
    Layer(
        maps=32, kernel=5, threshold=10.0, padding=2, pool_padding=1, winners=5, radius=2, double_every=500,
    ),
    Layer(
        maps=150, kernel=2, threshold=1.0, padding=1, pool_padding=1, winners=8, radius=1, double_every=1000,
    ),
)  # fmt: skip
#: Images that are worked on at once.
_BATCH = 100
#: Images between two checkpoints, or reports.
_SAVE = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """Layers and their weights.

    Attributes
    ----------
    weights : arrays, (maps, n_channels, kernel, kernel) each
    n_seen : ints
        Images that each layer has learnt from.
    indices : tuples of layer, images and :func:`convergence`
        Of the layer that learnt, every 1000 images.
    """

    layers: tuple[Layer, ...]
    weights: tuple[np.ndarray, ...]
    n_seen: tuple[int, ...]
    indices: tuple[tuple[int, int, float], ...] = ()

    @classmethod
    def random(cls, layers: Sequence[Layer], *, seed: int) -> "Trained":
        """Before learning; layer ``k`` draws with ``seed + k``."""
        channels = [2, *(layer.maps for layer in layers)]
        drawn = [layer.random(channels[k], seed + k) for k, layer in enumerate(layers)]
        return cls(layers=tuple(layers), weights=tuple(drawn), n_seen=(0,) * len(layers))

    def features(self, images: np.ndarray, *, encoded: bool = False) -> csr_matrix:
        """(n, n_features) bool, sparse: in which windows of the last layer a neuron fires, without inhibition.

        Weights are not negative and potentials do not leak, so a neuron fires at all when the sum over
        all spikes of its inputs is above the threshold: their order does not matter here.

        Parameters
        ----------
        images : (n, 1, n_rows, n_columns) array in [0, 1]
            With ``encoded``, the result of :func:`latencies` instead.
        """
        parts = [self._features(images[k : k + _BATCH], encoded) for k in _starts(len(images))]
        if not parts:
            raise StimulusError("features: there are no images; give one or more")
        return vstack(parts, format="csr")

    def _features(self, images: np.ndarray, encoded: bool) -> csr_matrix:
        times = images if encoded else latencies(images)
        times = np.where(times < STEPS, 0, STEPS).astype(np.uint8)
        for layer, weights in zip(self.layers, self.weights, strict=True):
            times = layer.pooled(layer.first_spikes(weights, times, inhibition=False)[0])
        return csr_matrix(times.reshape(len(times), -1) < STEPS)

    def save(self, path: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write an .h5 file for :meth:`load`."""
        _save(self, path, overwrite, {})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Trained":
        """Read a file of :meth:`save`, or a checkpoint of :func:`train`.

        Raises
        ------
        ParameterError
            If it is missing, damaged or another kind of file.
        """
        with hdf5.opened(path, ParameterError, KIND, VERSION) as file:
            layers = tuple(Layer(**one) for one in json.loads(file.attrs["layers"]))
            weights = tuple(file[f"weights/{k}"][()] for k in range(len(layers)))
            n_seen = tuple(int(n) for n in file["n_seen"][()])
            indices = tuple((int(k), int(n), float(index)) for k, n, index in file["indices"])
        channels = [2, *(layer.maps for layer in layers)]
        for layer, array, n in zip(layers, weights, channels, strict=False):
            wanted = (layer.maps, n, layer.kernel, layer.kernel)
            if array.shape != wanted:
                raise ParameterError(f"{path}: weights have shape {array.shape}, need {wanted}")
        return cls(layers=layers, weights=weights, n_seen=n_seen, indices=indices)


def train(
    images: np.ndarray,
    layers: Sequence[Layer] = MNIST,
    *,
    n_images: Sequence[int] = (6000, 20_000),
    seed: int = 1,
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    progress: bool = True,
    report: Callable[[Trained], None] | None = None,
) -> Trained:
    """Let every layer learn, the first one first, from ``images`` in their order.

    Later layers see, at each position, only the earliest spike of the pooled maps below.

    Parameters
    ----------
    images : (n, 1, n_rows, n_columns) array in [0, 1]
    n_images : ints, one a layer
        How many images each learns from; after the last image comes the first again.
    checkpoint : path
        Written every 1000 images. With ``resume`` training goes on from there, exactly as if it had
        not stopped.
    report : function of a :class:`Trained`
        Called every 1000 images.

    Raises
    ------
    ParameterError
        If ``n_images`` does not fit the layers, or the checkpoint this training.
    StimulusError
        If the images have another shape, or other values, or there are none.
    """
    layers, n_images = tuple(layers), tuple(n_images)
    if not layers or len(n_images) != len(layers) or min(n_images) < 0:
        raise ParameterError(
            f"train: n_images is {n_images} for {len(layers)} layers; give a number from 0 on for each"
        )
    if checkpoint is not None and not resume and Path(checkpoint).exists():
        raise ParameterError(f"train: {checkpoint} exists; pass resume=True or another checkpoint")
    seen = np.asarray(images)[: max(n_images)]
    if not len(seen):
        raise StimulusError("train: there are no images; give one or more")
    times = latencies(seen)
    setting = {"n_images": list(n_images), "seed": seed, "n_available": len(seen)}
    now = _resumed(checkpoint, layers, setting) if resume else Trained.random(layers, seed=seed)
    for k, layer in enumerate(layers):
        while now.n_seen[k] < n_images[k]:
            now = _further(now, k, times, n_images[k], progress)
            if checkpoint is not None:
                _save(now, checkpoint, True, setting)
            if report:
                report(now)
        if k + 1 < len(layers):
            times = _passed(layer, now.weights[k], times[: max(n_images[k + 1 :])])
    return now


def _starts(n: int) -> range:
    return range(0, n, _BATCH)


def _further(now: Trained, k: int, times: np.ndarray, n_images: int, progress: bool) -> Trained:
    """Layer ``k`` after the next images, up to a checkpoint."""
    begin = now.n_seen[k]
    n = min(_SAVE, n_images - begin)
    rows = np.arange(begin, begin + n) % len(times)
    weights, n_seen = list(now.weights), list(now.n_seen)
    weights[k] = now.layers[k].learn(weights[k], times[rows], n_seen=begin, progress=progress)
    n_seen[k] += n
    indices = (*now.indices, (k, n_seen[k], convergence(weights[k])))
    return Trained(layers=now.layers, weights=tuple(weights), n_seen=tuple(n_seen), indices=indices)


def _passed(layer: Layer, weights: np.ndarray, times: np.ndarray) -> np.ndarray:
    """What the next layer learns from."""
    parts = []
    for k in _starts(len(times)):
        steps, _ = layer.first_spikes(weights, times[k : k + _BATCH])
        parts.append(earliest(layer.pooled(steps)))
    return np.concatenate(parts)


def _described(layers: tuple[Layer, ...]) -> str:
    return json.dumps([dataclasses.asdict(layer) for layer in layers])


def _save(now: Trained, path: str | os.PathLike, overwrite: bool, setting: dict) -> None:
    with hdf5.written(path, ParameterError, overwrite=overwrite) as file:
        file.attrs.update(format=KIND, version=VERSION, layers=_described(now.layers))
        file.attrs["setting"] = json.dumps(setting)
        file["n_seen"] = np.array(now.n_seen)
        file["indices"] = np.array(now.indices, dtype=float).reshape(-1, 3)
        for k, array in enumerate(now.weights):
            file[f"weights/{k}"] = array


def _resumed(path: str | os.PathLike | None, layers: tuple[Layer, ...], setting: dict) -> Trained:
    if path is None:
        raise ParameterError("train: resume=True needs the checkpoint to go on from")
    found = Trained.load(path)
    with hdf5.opened(path, ParameterError, KIND, VERSION) as file:
        before = json.loads(file.attrs["setting"])
    if found.layers != layers or before != setting:
        raise ParameterError(
            f"train: {path} was written with {before} and layers {found.layers}, not with {setting} and {layers}; "
            "resume with the same"
        )
    return found


def scikit_learn() -> tuple[type, type]:
    """``LinearSVC``, and the warning that it gives when its passes are over.

    Raises
    ------
    MissingDependencyError
        Without scikit-learn.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise MissingDependencyError(
            'the read-out needs scikit-learn: pip install "bioconv[sklearn]"'
        ) from error
    return LinearSVC, ConvergenceWarning


def read_out(
    features: csr_matrix | np.ndarray, labels: np.ndarray, *, c: float = 2.4, passes: int = 30
):
    """scikit-learn's ``LinearSVC`` fitted to features; call its ``score`` or ``predict``.

    Parameters
    ----------
    features : (n, n_features) bool array or sparse matrix
    labels : (n,) int array
    c : float
        Weight of the errors against the size of the coefficients; SpykeTorch's value.
    passes : int
        At most so many passes over the data for each class. 30 are enough for learnt features, of which
        a tenth is true; for those of random filters, half of them true, take a smaller ``c``.

    Raises
    ------
    MissingDependencyError
        Without scikit-learn.
    """
    classifier, warning = scikit_learn()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", warning)
        return classifier(C=c, max_iter=passes, dual=True, random_state=0).fit(
            csr_matrix(features, dtype=np.float64), labels
        )
