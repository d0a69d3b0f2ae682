"""SpikeGrad event by event: what the integers of :mod:`bioconv.learn.gradient.spikegrad` are the sums of.

One image, one spike at a time, in a random order among all neurons that may send one. Slow, and exact: it is there to
show what the order of events changes (nothing), and what the paper's ternary rule makes of it.
"""

from collections.abc import Sequence

import numpy as np
import torch

from bioconv.learn.gradient.spikegrad import Settled, SpikeGrad

Shape = tuple[int, ...]


def stages(net: Settled, input_shape: Shape) -> list[torch.Tensor]:
    """(n_pre, n_post) weights between the image, the layers of neurons, and the outputs.

    They hang on the parameters, so a change of them can be followed back to kernels.
    """
    found: list[torch.Tensor] = []
    x = _each(input_shape, next(net.parameters()).dtype)
    for layer in net:
        if isinstance(layer, SpikeGrad):
            found.append(x.flatten(1))
            x = _each(tuple(x.shape[1:]), x.dtype)
        else:
            x = layer(x)
    return [*found, x.flatten(1)]


def _each(shape: Shape, dtype: torch.dtype) -> torch.Tensor:
    """A batch in which every neuron is one alone."""
    return torch.eye(int(np.prod(shape)), dtype=dtype).reshape(-1, *shape)


class Events:
    """A :class:`Settled` network of which an image at a time is shown.

    Parameters
    ----------
    net : Settled
        In double precision.
    input_shape : tuple of int
    ternary : bool
        The rule of the paper: a spike is taken back at minus the threshold, not below zero. Its counts depend on the order.

    Attributes
    ----------
    n : list of (neurons,) int arrays
        Counts of the layers of neurons.
    outputs : (classes,) array
        Potentials.
    z : list of (neurons,) int arrays
        Error counts of the layers and of the outputs, those of silent neurons zero: they send none on.
    changes : list of (n_post, n_pre) arrays
        What every error event adds to the gradient of the weights of a stage.
    taken_back, sent, errors : int
        Negative spikes, and all events, forward and backward.
    """

    def __init__(self, net: Settled, input_shape: Shape, *, ternary: bool = False):
        forward = [stage.detach().numpy() for stage in stages(net, input_shape)]
        self._out, self._back = forward, [np.ascontiguousarray(stage.T) for stage in forward]
        neurons = [layer for layer in net if isinstance(layer, SpikeGrad)]
        self._thresholds = [neuron.threshold for neuron in neurons]
        self._error_thresholds = [
            *(neuron.error_threshold for neuron in neurons),
            net.error_threshold,
        ]
        self._begins = [
            _begin(neuron, stage.shape[1]) for neuron, stage in zip(neurons, forward, strict=False)
        ]
        self._alpha, self._ternary = net.alpha, ternary

    def forward(self, image: np.ndarray, seed: int) -> None:
        """Whole spikes of the image, or values that arrive at once, and those of the neurons, until none is left."""
        self._rng = np.random.default_rng(seed)
        self._v = [*(begin.copy() for begin in self._begins), np.zeros(self._out[-1].shape[1])]
        self.n = [np.zeros(len(begin), dtype=int) for begin in self._begins]
        self._image = np.ravel(image)
        waiting = self._image.copy()
        self.taken_back = self.sent = 0
        able = [np.flatnonzero(waiting), *(self._able(k) for k in range(len(self.n)))]
        while event := self._chosen(able):
            k, i = event
            if k == 0:
                sign = min(waiting[i], 1)
                waiting[i] -= sign
                able[0] = np.flatnonzero(waiting)
            else:
                sign = 1 if self._v[k - 1][i] >= self._thresholds[k - 1] else -1
                self.n[k - 1][i] += sign
                self._v[k - 1][i] -= sign * self._thresholds[k - 1]
                able[k] = self._able(k - 1)
            self.sent += 1
            self.taken_back += sign < 0
            self._v[k] += sign * self._out[k][i]
            if k < len(self.n):
                able[k + 1] = self._able(k)
        self.outputs = self._v[-1]

    def backward(self, gradient: np.ndarray) -> None:
        """Errors for (classes,) derivatives of the loss by the potentials, injected when the forward events are over."""
        last = len(self.n)
        self._u = [*(np.zeros(len(n)) for n in self.n), self._alpha * gradient]
        count = self._z = [np.zeros(len(u), dtype=int) for u in self._u]
        self.changes = [np.zeros(weights.shape) for weights in self._back]
        below, self.errors = [self._image, *self.n], 0
        able = [self._wrong(k) for k in range(last + 1)]
        while event := self._chosen(able):
            k, i = event
            sign = 1 if self._u[k][i] > 0 else -1
            count[k][i] += sign
            self._u[k][i] -= sign * self._error_thresholds[k]
            able[k] = self._wrong(k)
            if k < last and self.n[k][i] == 0:
                continue
            self.errors += 1
            self.changes[k][i] += sign * below[k]
            if k:
                self._u[k - 1] += sign * self._back[k][i]
                able[k - 1] = self._wrong(k - 1)
        self.z = [*(z * (n > 0) for z, n in zip(count, self.n, strict=False)), count[-1]]

    def _able(self, k: int) -> np.ndarray:
        """Neurons of a layer that may send a spike, or take one back."""
        v, threshold = self._v[k], self._thresholds[k]
        low = v <= -threshold if self._ternary else v < 0
        return np.flatnonzero((v >= threshold) | (low & (self.n[k] > 0)))

    def _wrong(self, k: int) -> np.ndarray:
        """Neurons of a layer that may send an error, or take one back."""
        u = self._u[k]
        return np.flatnonzero((np.abs(u) >= self._error_thresholds[k]) | (self._z[k] * u < 0))

    def _chosen(self, able: Sequence[np.ndarray]) -> tuple[int, int] | None:
        """Layer and neuron of the next event; None when all is settled."""
        place = int(self._rng.random() * sum(map(len, able)))
        for k, neurons in enumerate(able):
            if place < len(neurons):
                return k, int(neurons[place])
            place -= len(neurons)
        return None


def _begin(neuron: SpikeGrad, size: int) -> np.ndarray:
    """(neurons,) potentials at the begin."""
    if neuron.begin is None:
        return np.zeros(size)
    begin = neuron.begin.detach().numpy()
    return np.repeat(begin, size // len(begin)).astype(float)
