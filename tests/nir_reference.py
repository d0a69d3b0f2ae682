"""NIR graphs step by step in plain numpy, as :mod:`bioconv.neurons.nir_neurons` states it, and random graphs."""

import nir
import numpy as np
from scipy.linalg import expm

DT = 1e-3
VALUED = (nir.I, nir.LI, nir.CubaLI)


def interpreted(graph, order, frames, *, reset, spikes, integrator, dt=DT):
    """{node: (n_steps, n, *shape)} of a flat graph.

    Parameters
    ----------
    order : list of str
        Names of all nodes but the input, as they follow each other within a step; a node that comes later
        brings what it had one step before.
    frames : (n, n_steps, *shape) array
    """
    states = {}
    past = {name: [] for name in graph.nodes}
    for frame in frames.swapaxes(0, 1):
        past["input"].append(frame)
        for name in order:
            arriving = 0
            for source, target in graph.edges:
                if target == name:
                    arriving = arriving + (past[source][-1] if past[source] else 0.0)
            node = graph.nodes[name]
            if isinstance(node, nir.Delay):
                past.setdefault(f"{name} in", []).append(arriving)
                past[name].append(delayed(node, past[f"{name} in"], dt))
            else:
                past[name].append(
                    output(node, arriving, states, name, reset, spikes, integrator, dt)
                )
    return {name: np.array(past[name]) for name in order}


def delayed(node, before, dt):
    steps = np.round(node.delay / dt).astype(int)
    now = np.zeros_like(before[-1])
    for place in np.ndindex(steps.shape):
        if steps[place] < len(before):
            now[:, *place] = before[-1 - steps[place]][:, *place]
    return now


def output(node, x, states, name, reset, spikes, integrator, dt):
    if isinstance(node, nir.Affine):
        return x @ node.weight.T + node.bias
    if isinstance(node, nir.Linear):
        return x @ node.weight.T
    if isinstance(node, nir.Scale):
        return x * node.scale
    if isinstance(node, nir.Flatten):
        return x.reshape(len(x), -1)
    if isinstance(node, nir.Output):
        return x
    if isinstance(node, nir.Conv2d):
        return convolved(
            x, node.weight, node.bias, node.stride, node.padding, node.dilation, node.groups
        )
    if isinstance(node, nir.Conv1d):
        return convolved(
            x[:, :, None], node.weight[:, :, None], node.bias, (1, node.stride), (0, node.padding),
            (1, node.dilation), node.groups,
        )[:, :, 0]  # fmt: skip
    if isinstance(node, nir.SumPool2d):
        return pooled(x, node).sum(axis=(-1, -2))
    if isinstance(node, nir.AvgPool2d):
        return pooled(x, node).mean(axis=(-1, -2))
    if isinstance(node, nir.Threshold):
        return (x > node.threshold).astype(float)
    return neuron(node, x, states, name, reset, spikes, integrator, dt)


def convolved(x, weight, bias, stride, padding, dilation, groups):
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    n_out, n_in, *kernel = weight.shape
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    sizes = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((len(x), n_out, *sizes))
    for r, c in np.ndindex(*sizes):
        a, b = r * stride[0], c * stride[1]
        window = x[:, :, a : a + reach[0] : dilation[0], b : b + reach[1] : dilation[1]]
        for out in range(n_out):
            first = out // (n_out // groups) * n_in
            part = window[:, first : first + n_in]
            y[:, out, r, c] = (part * weight[out]).sum(axis=(1, 2, 3)) + bias[out]
    return y


def pooled(x, node):
    (a, b), (s, t), (p, q) = node.kernel_size, node.stride, node.padding
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)))
    rows, columns = (x.shape[2] - a) // s + 1, (x.shape[3] - b) // t + 1
    y = np.zeros((*x.shape[:2], rows, columns, a, b))
    for r, c in np.ndindex(rows, columns):
        y[:, :, r, c] = x[:, :, r * s : r * s + a, c * t : c * t + b]
    return y


def neuron(node, x, states, name, reset, spikes, integrator, dt):
    held = spikes == "step"
    rest = getattr(node, "v_leak", 0.0)
    v, current = states.get(name, (rest + np.zeros_like(x), np.zeros_like(x)))

    def part(tau):
        return dt / tau if integrator == "euler" else 1 - np.exp(-dt / tau)

    if isinstance(node, (nir.I, nir.IF)):
        v = v + node.r * x * (dt if held else 1)
    elif isinstance(node, (nir.LI, nir.LIF)):
        v = v + part(node.tau) * (rest - v + (node.r * x if held else 0))
        v = v if held else v + node.r * x / node.tau
    elif integrator == "euler":
        leaving = current * dt / node.tau_syn
        gained = node.w_in * x / node.tau_syn * (dt if held else 1)
        current = current - leaving + gained
        v = v + dt / node.tau_mem * (rest - v + node.r * current)
    else:
        v, current = solved(node, x, v, current, dt, held)
    if isinstance(node, VALUED):
        states[name] = v, current
        return v
    z = v > node.v_threshold
    v = np.where(z, node.v_reset if reset == "zero" else v - (node.v_threshold - node.v_reset), v)
    states[name] = v, current
    return z.astype(float)


def solved(node, x, v, current, dt, held):
    """The two equations of a current-based neuron over a step, by the exponential of their matrix."""
    shape = node.tau_mem.shape
    matrix = np.zeros((*shape, 3, 3))
    matrix[..., 0, 0], matrix[..., 0, 1] = -1 / node.tau_mem, node.r / node.tau_mem
    matrix[..., 1, 1], matrix[..., 1, 2] = -1 / node.tau_syn, node.w_in / node.tau_syn
    state = np.stack([v - node.v_leak, current, x * held], axis=-1)
    state = (expm(matrix * dt) @ state[..., None])[..., 0]
    pulse = 0 if held else node.w_in * x / node.tau_syn
    return state[..., 0] + node.v_leak, state[..., 1] + pulse


class Graph:
    """A random graph: forward through layers of neurons, with shortcuts and ways back."""

    def __init__(self, rng, spikes):
        self.rng, self.spikes = rng, spikes
        self.nodes, self.edges, self.order = {}, [], []
        self.at, self.flat_spikes, self.loops = "input", [], {}
        kind = rng.choice(["maps", "rows", "flat"])
        self.shape = {"maps": (2, 7, 5), "rows": (2, 9), "flat": (6,)}[str(kind)]
        self.input_shape = self.shape
        self.nodes["input"] = nir.Input(input_type=np.array(self.shape))
        if kind == "maps":
            self.maps()
        if kind == "rows":
            self.rows()
        for _ in range(rng.integers(1, 4)):
            self.layer()
        self.ways_back()
        self.add("output", nir.Output(output_type=np.array(self.shape)))

    @property
    def graph(self):
        return nir.NIRGraph(nodes=dict(self.nodes), edges=list(self.edges), type_check=False)

    @property
    def stepwise(self):
        """The graph for the interpreter, whose ways back take a step: delays on them contain it."""
        return nir.NIRGraph(
            nodes={**self.nodes, **self.loops}, edges=list(self.edges), type_check=False
        )

    def add(self, name, node, shape=None):
        self.nodes[name] = node
        self.edges.append((self.at, name))
        self.order.append(name)
        self.at, self.shape = name, self.shape if shape is None else shape

    def new(self, kind):
        return f"{kind.lower()}{len(self.nodes)}"

    def drawn(self, low, high):
        return self.rng.uniform(low, high, self.shape)

    def maps(self):
        rng = self.rng
        groups = int(rng.choice([1, 2]))
        stride, dilation = rng.choice([[1, 1], [2, 1], [1, 2]]), rng.choice([[1, 1], [1, 2]])
        padding = (int(rng.integers(2)), int(rng.integers(2)))
        node = nir.Conv2d(
            input_shape=None, weight=rng.normal(size=(4, 2 // groups, 3, 2)), stride=tuple(map(int, stride)),
            padding=padding, dilation=tuple(map(int, dilation)), groups=groups, bias=rng.normal(size=4) * 0.1,
        )  # fmt: skip
        y = convolved(
            np.zeros((1, *self.shape)),
            node.weight,
            node.bias,
            node.stride,
            padding,
            node.dilation,
            groups,
        )
        self.add(self.new("conv"), node, y.shape[1:])
        self.neuron()
        pool = nir.SumPool2d if rng.integers(2) else nir.AvgPool2d
        size = np.array([2, 1]) if self.shape[1] > 1 else np.array([1, 1])
        node = pool(
            kernel_size=size, stride=np.array([1, 1]), padding=np.array([int(size[0] > 1), 0])
        )
        y = pooled(np.zeros((1, *self.shape)), node)
        self.add(self.new("pool"), node, y.shape[1:4])
        if rng.integers(2):
            self.neuron()
        self.add(self.new("scale"), nir.Scale(scale=self.drawn(0.5, 1.5)))
        self.flatten()

    def rows(self):
        rng = self.rng
        groups, stride, padding, dilation = (
            int(n) for n in rng.integers([1, 1, 0, 1], [3, 3, 3, 3])
        )
        node = nir.Conv1d(
            input_shape=None, weight=rng.normal(size=(4, 2 // groups, 3)), stride=stride, padding=padding,
            dilation=dilation, groups=groups, bias=rng.normal(size=4) * 0.1,
        )  # fmt: skip
        y = output(node, np.zeros((1, *self.shape)), {}, "", "zero", "step", "euler", DT)
        self.add(self.new("conv"), node, y.shape[1:])
        self.neuron()
        self.flatten()

    def flatten(self):
        node = nir.Flatten(input_type=np.array(self.shape), start_dim=0, end_dim=-1)
        self.add(self.new("flatten"), node, (int(np.prod(self.shape)),))

    def linear(self, n_out, n_in=None):
        n_in = self.shape[0] if n_in is None else n_in
        weight = self.rng.normal(size=(n_out, n_in)) * 1.5 / np.sqrt(n_in)
        if self.rng.integers(2):
            return nir.Linear(weight=weight)
        return nir.Affine(weight=weight, bias=self.rng.normal(size=n_out) * 0.2)

    def layer(self):
        n = int(self.rng.integers(2, 7))
        before, n_before = self.at, self.shape[0]
        self.add(self.new("linear"), self.linear(n), (n,))
        if self.rng.integers(3) == 0:
            self.valued()
            self.add(self.new("linear"), self.linear(n), (n,))
            if self.rng.integers(2):
                self.add(self.new("threshold"), nir.Threshold(threshold=self.drawn(0.1, 0.5)))
                self.flat_spikes.append((self.at, n))
                return
        self.neuron()
        spiking = self.at
        if self.rng.integers(3) == 0:
            extra = self.new("linear")
            self.nodes[extra] = self.linear(n, n_before)
            self.edges += [(before, extra), (extra, spiking)]
            self.order.insert(self.order.index(spiking), extra)
        self.flat_spikes.append((spiking, n))
        if self.rng.integers(3) == 0:
            self.add(self.new("delay"), nir.Delay(delay=self.rng.integers(0, 4, n) * DT))

    def ways_back(self):
        for n, (source, size) in enumerate(self.flat_spikes):
            if self.rng.integers(2):
                target, wide = self.flat_spikes[int(self.rng.integers(n + 1))]
                name = self.new("back")
                weight = self.rng.normal(size=(wide, size)) * 0.5
                self.nodes[name] = nir.Linear(weight=weight)
                self.edges.append((name, target))
                self.order.insert(self.order.index(source) + 1, name)
                if self.rng.integers(2):
                    wait = self.new("delay")
                    steps = int(self.rng.integers(0, 4))
                    self.nodes[wait] = nir.Delay(delay=np.full(size, steps * DT))
                    self.loops[wait] = nir.Delay(delay=np.full(size, max(steps - 1, 0) * DT))
                    self.edges += [(source, wait), (wait, name)]
                    self.order.insert(self.order.index(name), wait)
                else:
                    self.edges.append((source, name))

    def neuron(self):
        kind = str(self.rng.choice(["IF", "LIF", "CubaLIF"]))
        self.add(self.new(kind), self.parameters(kind))

    def valued(self):
        kind = str(self.rng.choice(["I", "LI", "CubaLI"]))
        self.add(self.new(kind), self.parameters(kind))

    def parameters(self, kind):
        """Parameters of every neuron, of a size with which an input of one moves v by about one."""
        tau, syn, gain = self.drawn(0.003, 0.02), self.drawn(0.002, 0.01), self.drawn(0.5, 1.5)
        held = self.spikes == "step"
        fields = {"r": gain / DT if held else gain}
        if kind in ("LI", "LIF"):
            fields = {
                "tau": tau,
                "r": gain * tau / (DT if held else 1),
                "v_leak": self.drawn(-0.2, 0.2),
            }
        if kind.startswith("Cuba"):
            fields = {
                "tau_mem": tau, "tau_syn": syn, "r": gain * tau / DT * 0.5, "v_leak": self.drawn(-0.2, 0.2),
                "w_in": syn / (DT if held else 1),
            }  # fmt: skip
        if kind.endswith("IF"):
            fields |= {"v_threshold": self.drawn(0.6, 1.4), "v_reset": self.drawn(-0.3, 0.1)}
        return getattr(nir, kind)(**fields)
