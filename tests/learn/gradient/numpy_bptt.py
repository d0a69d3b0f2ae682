"""Surrogate backpropagation through time in numpy, one loop over steps forward and one back.

Written from the equations of the papers, not from the modules of torch. A neuron goes forward over drives (steps, n, neurons)
and keeps what it needs; ``backward`` takes the derivative of the error by its spikes and gives that by its drives, and
adds that by its own number, where it learns one, to ``own``.
"""

import numpy as np

# --- derivatives of a spike by the distance x from the threshold, n steps after the last ---------


def rectangle(x, n, width):
    return np.where(np.abs(x) < width / 2, 1 / width, 0.0)


def triangle(x, n, height, width):
    return height * np.maximum(0, 1 - np.abs(x / width))


def fast_sigmoid(x, n, beta):
    """Of ``x/(1 + |x|)`` at ``beta x``."""
    return 1 / (1 + np.abs(beta * x)) ** 2


def arctan(x, n, alpha):
    """``1/(1 + (pi x)^2)`` for the paper's alpha of 2."""
    return alpha / (2 * (1 + (np.pi * alpha * x / 2) ** 2))


def sigmoid(x, n, width):
    up = np.exp(x / width)
    return up / (1 + up) ** 2 / width


def since_spike(x, n, alpha, beta):
    return alpha * np.exp(-beta * n)


#: By their names in ``SURROGATES``. A new surrogate joins here.
SLOPES = {
    "rectangle": rectangle, "triangle": triangle, "fast_sigmoid": fast_sigmoid, "arctan": arctan,
    "sigmoid": sigmoid, "since_spike": since_spike,
}  # fmt: skip


# --- neurons --------------------------------------------------------------------------------------


class IterativeLIF:
    """``u[t] = k u[t-1] (1 - o[t-1]) + x[t]``, ``o = [u > th]``; ``du[t+1]/du[t] = k (1 - o) - k u do/du``."""

    def __init__(self, slope, decay, threshold):
        self.slope, self.k, self.th = slope, decay, threshold

    def forward(self, x):
        u = np.zeros_like(x)
        o = np.zeros_like(x)
        for t in range(len(x)):
            before = self.k * u[t - 1] * (1 - o[t - 1]) if t else 0.0
            u[t] = before + x[t]
            o[t] = u[t] > self.th
        self.u, self.o = u, o
        return o

    def backward(self, by_o):
        by_u = np.zeros_like(by_o)
        for t in reversed(range(len(by_o))):
            f = self.slope(self.u[t] - self.th, None)
            by_u[t] = by_o[t] * f
            if t + 1 < len(by_o):
                by_u[t] += by_u[t + 1] * (self.k * (1 - self.o[t]) - self.k * self.u[t] * f)
        return by_u


class PLIF:
    """``H = V + k (x - V)``, ``S = [H >= th]``, ``V = H (1 - S)`` where S counts as a constant.

    The derivative by ``a``, the logit of k, goes forward: ``dH/da = (x - V) k' + (1 - k) dV/da``.
    """

    def __init__(self, slope, a, threshold):
        self.slope, self.th = slope, threshold
        self.k = 1 / (1 + np.exp(-a))

    def forward(self, x):
        V = V_by_a = np.zeros_like(x[0])
        self.H, self.S, self.H_by_a = [], [], []
        for now in x:
            H_by_a = (now - V) * self.k * (1 - self.k) + (1 - self.k) * V_by_a
            H = V + self.k * (now - V)
            S = (self.th <= H).astype(float)
            V, V_by_a = H * (1 - S), H_by_a * (1 - S)
            self.H.append(H)
            self.S.append(S)
            self.H_by_a.append(H_by_a)
        return np.array(self.S)

    def backward(self, by_S):
        self.own, by_H, by_x = {"a": 0.0}, np.zeros_like(by_S[0]), np.zeros_like(by_S)
        for t in reversed(range(len(by_S))):
            here = by_S[t] * self.slope(self.H[t] - self.th, None)
            self.own["a"] += (here * self.H_by_a[t]).sum()
            by_H = here + by_H * (1 - self.k) * (1 - self.S[t])
            by_x[t] = by_H * self.k
        return by_x


class IF:
    """``u = v + x``, ``o = [u > th]``, then ``v = u - th o`` or ``v = u (1 - o)``; the reset has a derivative."""

    def __init__(self, slope, threshold, reset):
        self.slope, self.th, self.soft = slope, threshold, reset == "soft"

    def forward(self, x):
        v, self.u, self.o = np.zeros_like(x[0]), np.zeros_like(x), np.zeros_like(x)
        for t in range(len(x)):
            self.u[t] = v + x[t]
            self.o[t] = self.u[t] > self.th
            v = self.u[t] - self.th * self.o[t] if self.soft else self.u[t] * (1 - self.o[t])
        return self.o

    def backward(self, by_o):
        by_x, by_v = np.zeros_like(by_o), np.zeros_like(by_o[0])
        for t in reversed(range(len(by_o))):
            f = self.slope(self.u[t] - self.th, None)
            v_by_u = 1 - self.th * f if self.soft else 1 - self.o[t] - self.u[t] * f
            by_x[t] = by_o[t] * f + by_v * v_by_u
            by_v = by_x[t]
        return by_x


class STDB:
    """``o[t] = [u[t] > th]``, then ``u[t+1] = leak u[t] + x[t] - th o[t]``, where the last o counts as a constant.

    The derivative of a spike by ``u`` is a function of ``u/th - 1`` and of the steps since the last spike, which a neuron that
    never spiked had 1000 steps before the first.
    """

    def __init__(self, slope, threshold, leak):
        self.slope, self.th, self.leak = slope, threshold, leak

    def forward(self, x):
        u, last = np.zeros_like(x[0]), np.full_like(x[0], -1000)
        self.f, o = np.zeros_like(x), np.zeros_like(x)
        for t in range(len(x)):
            o[t] = u > self.th
            self.f[t] = self.slope(u / self.th - 1, t - last)
            last[o[t] > 0] = t
            u = self.leak * u + x[t] - self.th * o[t]
        return o

    def backward(self, by_o):
        by_x, by_u = np.zeros_like(by_o), np.zeros_like(by_o[0])
        for t in reversed(range(len(by_o))):
            by_x[t] = by_u
            by_u = by_o[t] * self.f[t] + self.leak * by_u
        return by_x


class Accumulator:
    """Sends on what arrives."""

    def __init__(self, slope):
        pass

    def forward(self, x):
        return x

    def backward(self, by_sent):
        return by_sent


#: By the names of their modules. A new neuron joins here.
NEURONS = {kind.__name__: kind for kind in (IterativeLIF, PLIF, IF, STDB, Accumulator)}


# --- losses: their values and derivatives by sent (steps, n, classes) -----------------------------


def one_hot(labels, classes):
    return np.array([[float(c == label) for c in range(classes)] for label in labels])


def rate_mse(sent, labels):
    error = sent.mean(0) - one_hot(labels, sent.shape[2])
    by_rate = 2 * error / error.size
    return (error**2).mean(), np.stack([by_rate / len(sent)] * len(sent))


def step_mse(sent, labels):
    error = np.stack([s - one_hot(labels, sent.shape[2]) for s in sent])
    return (error**2).mean(), 2 * error / error.size


def count_mse(sent, labels, wanted, unwanted):
    hot = one_hot(labels, sent.shape[2])
    error = sent.sum(0) - (wanted * hot + unwanted * (1 - hot))
    return (error**2).sum() / 2 / len(labels), np.stack([error / len(labels)] * len(sent))


def van_rossum(sent, wanted, tau):
    """``a[t] = sum_j kernel[t-j] s[j]`` with ``kernel[n] = (1/tau) (1 - 1/tau)^n``."""
    steps, n = sent.shape[:2]
    kernel = [(1 - 1 / tau) ** i / tau for i in range(steps)]
    error = np.zeros_like(sent)
    for t in range(steps):
        for j in range(t + 1):
            error[t] += kernel[t - j] * (sent[j] - wanted[j])
    by_sent = np.zeros_like(sent)
    for j in range(steps):
        for t in range(j, steps):
            by_sent[j] += kernel[t - j] * error[t] / n
    return (error**2).sum() / 2 / n, by_sent


def train_mse(sent, labels, tau, first=1):
    wanted = np.zeros_like(sent)
    for i, label in enumerate(labels):
        wanted[first:, i, label] = 1
    return van_rossum(sent, wanted, tau)


def potential_cross_entropy(sent, labels):
    potential = sent.sum(0)
    share = np.exp(potential) / np.exp(potential).sum(1, keepdims=True)
    by_potential = (share - one_hot(labels, sent.shape[2])) / len(labels)
    value = -np.mean([np.log(share[i, label]) for i, label in enumerate(labels)])
    return value, np.stack([by_potential] * len(sent))


#: By the names of the functions in :mod:`bioconv.learn.gradient.losses`. A new loss joins here.
LOSSES = {f.__name__: f for f in (rate_mse, step_mse, count_mse, van_rossum, train_mse, potential_cross_entropy)}  # fmt: skip


# --- the network ----------------------------------------------------------------------------------


def backpropagated(frames, weights, biases, neurons, loss):
    """Dense layers with a neuron behind each.

    Parameters
    ----------
    frames : (steps, n, inputs) array
    weights : list of (outputs, inputs) arrays
    biases : list of (outputs,) arrays or None
    neurons : list of neurons of this module
    loss : function of sent that returns the value and the derivative by sent

    Returns
    -------
    sent : list of (steps, n, outputs) arrays
    value : float
    gradients : list of (by_weight, by_bias)
    """
    arrived, sent = [], []
    now = frames
    for weight, bias, neuron in zip(weights, biases, neurons, strict=True):
        arrived.append(now)
        now = neuron.forward(now @ weight.T + (0 if bias is None else bias))
        sent.append(now)
    value, by_sent = loss(now)
    gradients = []
    for weight, neuron, x in reversed(list(zip(weights, neurons, arrived, strict=True))):
        by_drive = neuron.backward(by_sent)
        by_weight = np.zeros_like(weight)
        for t in range(len(x)):
            by_weight += by_drive[t].T @ x[t]
        gradients.insert(0, (by_weight, by_drive.sum((0, 1))))
        by_sent = by_drive @ weight
    return sent, value, gradients
