"""Small networks of every kind of neuron of four frameworks, and what they do step by step.

A case builds a module. ``spikes_of`` runs it as its framework does and keeps what all its neurons send;
``compared`` counts where Brian2 differs.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from brian2 import ms

import bioconv

torch = pytest.importorskip("torch")
nn = torch.nn

#: Rectangular digits: 8 rows, 6 columns.
SHAPE, CLASSES = (1, 8, 6), 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module, how it is stepped, and the neurons in it."""

    build: object
    run: str
    shape: tuple = SHAPE


def digits(n, n_steps, seed=0, split="test"):
    """(n, n_steps, 1, 8, 6) zeros and ones with the probability of the pixel, and the labels."""
    parts = [bioconv.datasets.load("digits", s) for s in ("test", "train")]
    images = np.concatenate([part.images for part in parts])[..., 1:7]
    labels = np.concatenate([part.labels for part in parts])
    chosen = slice(0, n) if split == "test" else slice(500, 500 + n)
    images, labels = images[chosen], labels[chosen]
    rng = np.random.default_rng(seed)
    return (rng.uniform(size=(len(images), n_steps, *SHAPE)) < images[:, None]).astype(
        float
    ), labels


class Matching(nn.Module):
    """Sinabs sends float32 from any neuron; the weights behind it may be float64."""

    wide = False

    def forward(self, x):
        return x.double() if self.wide else x


def convolutional(first, second, third, cast=None):
    """Convolution, neurons, mean; convolution, neurons, largest; dense, neurons."""
    casts = [] if cast is None else [cast()]
    layers = [
        nn.Conv2d(1, 6, (3, 2), padding=(1, 0)),
        first,
        *casts,
        nn.AvgPool2d((2, 1)),
        nn.Conv2d(6, 8, (2, 3), bias=False),
        second,
        *casts,
        nn.MaxPool2d((1, 2)),
        nn.Flatten(),
        nn.Linear(24, CLASSES),
        third,
    ]
    return layers


def dense(first, second, cast=None, hidden=30):
    casts = [] if cast is None else [cast()]
    return [
        nn.Flatten(),
        nn.Linear(48, hidden),
        first,
        *casts,
        nn.Linear(hidden, CLASSES),
        second,
    ]


# One function a framework: a chain of its neurons, dense or convolutional.


def snn_net(kind, shape=convolutional, per_neuron=False, **options):
    snn = pytest.importorskip("snntorch")
    made = partial(getattr(snn, kind), init_hidden=True, **options)
    neurons = [made() for _ in range(3 if shape is convolutional else 2)]
    if per_neuron:
        sizes = (
            [(6, 8, 5), (8, 3, 3), (CLASSES,)] if shape is convolutional else [(30,), (CLASSES,)]
        )
        for neuron, size in zip(neurons, sizes, strict=True):
            neuron.beta = nn.Parameter(torch.rand(size) * 0.3 + 0.7)
            neuron.threshold = nn.Parameter(torch.rand(size) * 0.5 + 0.75)
    return nn.Sequential(*shape(*neurons))


def snn_recurrent(kind, **options):
    snn = pytest.importorskip("snntorch")
    made = partial(getattr(snn, kind), init_hidden=True, **options)
    return nn.Sequential(
        nn.Conv2d(1, 4, (3, 2), padding=(1, 0)),
        made(conv2d_channels=4, kernel_size=(3, 1)),
        nn.Flatten(),
        nn.Linear(4 * 8 * 5, 20),
        made(linear_features=20),
        nn.Linear(20, CLASSES),
        made(all_to_all=False, V=torch.linspace(-1, 1, CLASSES)),
    )


def norse_net(kind, parameters=None, shape=convolutional, last=None, **options):
    norse = pytest.importorskip("norse.torch")
    made = partial(getattr(norse, kind), **options)
    if parameters is not None:
        made = partial(made, parameters(norse))
    end = made() if last is None else getattr(norse, last)(dt=options.get("dt", 0.001))
    neurons = [made(), made(), end] if shape is convolutional else [made(), end]
    return norse.SequentialState(*shape(*neurons))


def norse_recurrent(last="LICell"):
    norse = pytest.importorskip("norse.torch")
    p = norse.LIFParameters(v_th=torch.as_tensor(0.4), v_leak=torch.as_tensor(0.1))
    return norse.SequentialState(
        nn.Flatten(),
        norse.LIFRecurrentCell(48, 30, p=p),
        norse.LIFRecurrentCell(30, CLASSES, p=p, autapses=True),
        getattr(norse, last)(),
    )


def jelly_net(kind, shape=convolutional, mode="s", **options):
    jelly = pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import functional, layer, neuron

    assert jelly is not None
    made = partial(getattr(neuron, kind), **options)
    parts = shape(made(), made(), made()) if shape is convolutional else shape(made(), made())
    if mode == "m":
        parts = [_wrapped(layer, part) for part in parts]
    net = nn.Sequential(*parts)
    if mode == "m":
        functional.set_step_mode(net, "m")
    return net


def _wrapped(layer, part):
    if type(part).__module__.startswith("torch.nn"):
        return (
            layer.SeqToANNContainer(part) if isinstance(part, nn.AvgPool2d) else _same(layer, part)
        )
    return part


def _same(layer, part):
    """SpikingJelly's form of one of torch's layers."""
    kind = getattr(layer, type(part).__name__)
    if isinstance(part, nn.Flatten):
        return kind()
    if isinstance(part, nn.MaxPool2d):
        return kind(part.kernel_size)
    if isinstance(part, nn.Linear):
        return kind(part.in_features, part.out_features)
    return kind(
        part.in_channels, part.out_channels, part.kernel_size, padding=part.padding,
        bias=part.bias is not None,
    )  # fmt: skip


def sinabs_net(kind, shape=convolutional, last=None, cast=Matching, **options):
    sl = pytest.importorskip("sinabs.layers")
    from sinabs.activation import SingleSpike

    def made(kind=kind, **changed):
        return getattr(sl, kind)(num_timesteps=STEPS[0], **(options | changed))

    options.setdefault("spike_fn", SingleSpike)
    if last is None:
        end = made()
    else:
        end = getattr(sl, last)(num_timesteps=STEPS[0], tau_mem=options.get("tau_mem", 10.0))
    neurons = [made(), made(), end] if shape is convolutional else [made(), end]
    return nn.Sequential(*shape(*neurons, cast=cast))


#: Steps of a sample, which Sinabs wants to know when a layer is made.
STEPS = [25]


def _norse_parameters(kind="LIFParameters", **values):
    def made(norse):
        found = {name: torch.as_tensor(value) for name, value in values.items()}
        if kind == "LIFBoxParameters":
            from norse.torch.functional.lif_box import LIFBoxParameters
            from norse.torch.functional.reset import reset_subtract

            if found.pop("subtract", False):
                return LIFBoxParameters(**found, reset_method=reset_subtract)
            return LIFBoxParameters(**found)
        return getattr(norse, kind)(**found)

    return made


def _case(run, function, *args, **options):
    return Case(build=partial(function, *args, **options), run=run)


CASES = {
    **{
        f"snntorch leaky {reset} {'delayed' if delayed else 'at once'}": _case(
            "steps", snn_net, "Leaky", beta=0.9, threshold=0.7, reset_mechanism=reset, reset_delay=delayed
        )
        for reset in ("subtract", "zero", "none")
        for delayed in (True, False)
    },
    "snntorch leaky per neuron": _case("steps", snn_net, "Leaky", beta=0.9, per_neuron=True),
    **{
        f"snntorch synaptic {reset} {'delayed' if delayed else 'at once'}": _case(
            "steps", snn_net, "Synaptic", shape=shape, alpha=0.6, beta=0.8, reset_mechanism=reset,
            reset_delay=delayed,
        )
        for reset, delayed, shape in (
            ("subtract", True, convolutional), ("zero", True, dense), ("none", True, dense),
            ("subtract", False, dense), ("zero", False, convolutional),
        )
    },
    **{
        f"snntorch alpha {reset}": _case(
            "steps", snn_net, "Alpha", shape=shape, alpha=0.9, beta=0.7, threshold=0.4, reset_mechanism=reset
        )
        for reset, shape in (("zero", convolutional), ("subtract", dense), ("none", dense))
    },
    **{
        f"snntorch rleaky {reset} {'delayed' if delayed else 'at once'}": _case(
            "steps", snn_recurrent, "RLeaky", beta=0.8, threshold=0.6, reset_mechanism=reset,
            reset_delay=delayed,
        )
        for reset, delayed in (("subtract", True), ("zero", True), ("subtract", False))
    },
    **{
        f"snntorch rsynaptic {reset}": _case(
            "steps", snn_recurrent, "RSynaptic", alpha=0.5, beta=0.7, threshold=0.7, reset_mechanism=reset
        )
        for reset in ("subtract", "zero")
    },
    "norse lif": _case(
        "norse", norse_net, "LIFCell",
        _norse_parameters(v_th=0.15, v_leak=0.05, v_reset=-0.1, tau_mem_inv=250.0),
    ),
    "norse lif, li at the end": _case("norse", norse_net, "LIFCell",
                                      _norse_parameters(v_th=0.2), last="LICell", shape=dense, dt=0.002),
    "norse lif box": _case("norse", norse_net, "LIFBoxCell",
                           _norse_parameters("LIFBoxParameters", v_th=0.1, v_leak=-0.02), dt=0.002),
    "norse lif box subtract": _case(
        "norse", norse_net, "LIFBoxCell",
        _norse_parameters("LIFBoxParameters", v_th=0.08, subtract=True), shape=dense, last="LIBoxCell",
    ),
    "norse iaf": _case("norse", norse_net, "IAFCell",
                       _norse_parameters("IAFParameters", v_reset=-0.2)),
    "norse recurrent lif": _case("norse", norse_recurrent),
    "spikingjelly if hard": _case("jelly", jelly_net, "IFNode", v_reset=-0.3),
    "spikingjelly if soft": _case("jelly", jelly_net, "IFNode", v_reset=None, v_threshold=0.8),
    "spikingjelly lif decay hard": _case("jelly", jelly_net, "LIFNode", v_reset=0.1, tau=1.7, v_threshold=0.5),
    "spikingjelly lif decay soft": _case(
        "jelly", jelly_net, "LIFNode", v_reset=None, v_threshold=0.4, shape=dense
    ),
    "spikingjelly lif hard": _case("jelly", jelly_net, "LIFNode", decay_input=False, v_reset=0.0),
    "spikingjelly lif soft, multi-step": _case(
        "jelly m", jelly_net, "LIFNode", decay_input=False, v_reset=None, mode="m"
    ),
    "spikingjelly plif decay": _case("jelly", jelly_net, "ParametricLIFNode", init_tau=1.6, v_threshold=0.4),
    "spikingjelly plif soft": _case(
        "jelly", jelly_net, "ParametricLIFNode", v_reset=None, decay_input=False, init_tau=3.0, shape=dense
    ),
    "sinabs iaf": _case("sinabs", sinabs_net, "IAFSqueeze"),
    "sinabs iaf min_v_mem": _case("sinabs", sinabs_net, "IAFSqueeze", min_v_mem=-0.4),
    "sinabs lif": _case("sinabs", sinabs_net, "LIFSqueeze", tau_mem=4.0, norm_input=False),
    "sinabs lif norm syn": _case("sinabs", sinabs_net, "LIFSqueeze", tau_mem=3.0, tau_syn=2.0,
                                 min_v_mem=-0.2, spike_threshold=torch.tensor(0.3)),
    "sinabs lif, exp leak at the end": _case("sinabs", sinabs_net, "LIFSqueeze", tau_mem=6.0, norm_input=False,
                                            last="ExpLeakSqueeze", shape=dense),
}  # fmt: skip


def _is_neuron(module):
    names = (
        "snntorch.",
        "norse.torch.module.",
        "spikingjelly.activation_based.neuron",
        "sinabs.layers.",
    )
    one_to_one = type(module).__name__ == "RecurrentOneToOne"
    inside = isinstance(module, nn.Sequential) or one_to_one
    return type(module).__module__.startswith(names) and not inside


def heaviside(x):
    return (x > 0).to(x.dtype)


def doubled(module):
    """In double precision; snnTorch's surrogates send float32, a plain step does not."""
    for part in module.modules():
        if hasattr(part, "spike_grad"):
            part.spike_grad = heaviside
        if isinstance(part, Matching):
            part.wide = True
    return module.double()


def spikes_of(case, module, frames):
    """[(n_steps, n, *shape) of every neuron layer, in their order] as the framework computes."""
    kept, hooks = [], []
    neurons = [m for m in module.modules() if _is_neuron(m)]
    for neuron in neurons:
        kept.append([])
        hooks.append(
            neuron.register_forward_hook(
                lambda _, __, out, mine=kept[-1]: mine.append(
                    out[0] if isinstance(out, tuple) else out
                )
            )
        )
    with torch.no_grad():
        _RUNS[case.run](module, frames)
    for hook in hooks:
        hook.remove()
    n, n_steps = frames.shape[:2]
    return [_stepwise(case.run, mine, n, n_steps) for mine in kept]


def _stepwise(run, kept, n, n_steps):
    if run == "sinabs":
        whole = kept[0].reshape(n, n_steps, *kept[0].shape[1:]).swapaxes(0, 1)
    elif run == "jelly m":
        whole = kept[0]
    else:
        whole = torch.stack(kept)
    return whole.detach().double().numpy()


def run_steps(module, frames):
    for part in module.modules():
        if hasattr(part, "reset_mem"):
            part.reset_mem()
    return [module(frame) for frame in frames.swapaxes(0, 1)]


def run_norse(module, frames):
    state, answers = None, []
    for frame in frames.swapaxes(0, 1):
        out, state = module(frame, state)
        answers.append(out)
    return answers


def run_jelly(module, frames):
    from spikingjelly.activation_based import functional

    functional.reset_net(module)
    return [module(frame) for frame in frames.swapaxes(0, 1)]


def run_jelly_sequence(module, frames):
    from spikingjelly.activation_based import functional

    functional.reset_net(module)
    return list(module(frames.swapaxes(0, 1)))


def run_sinabs(module, frames):
    for part in module.modules():
        if hasattr(part, "reset_states"):
            part.register_buffer("v_mem", torch.zeros(0))
            if hasattr(part, "i_syn"):
                part.register_buffer("i_syn", torch.zeros(0)) if part.i_syn is not None else None
    out = module(frames.reshape(-1, *frames.shape[2:]))
    return list(out.reshape(*frames.shape[:2], -1).swapaxes(0, 1))


_RUNS = {
    "steps": run_steps,
    "norse": run_norse,
    "jelly": run_jelly,
    "jelly m": run_jelly_sequence,
    "sinabs": run_sinabs,
}


def trained(case, module, steps, n_steps=25, seed=0):
    """Train on digits with the framework's own surrogate gradients; returns the last losses."""
    frames, labels = digits(1297, n_steps, seed=seed, split="train")
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=2e-3)
    losses = []
    for _ in range(steps):
        chosen = rng.integers(len(labels), size=32)
        x = torch.tensor(frames[chosen], dtype=torch.float32)
        out = _RUNS[case.run](module, x)
        out = [o[0] if isinstance(o, tuple) else o for o in out]
        loss = nn.functional.cross_entropy(sum(out) / 4, torch.tensor(labels[chosen]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def compared(case, module, frames, dtype, encoder="events", read=bioconv.read, options=None, **run):
    """(spikes that differ, spikes of the framework, [spikes per neuron and step of every layer])."""
    frames_torch = torch.tensor(frames, dtype=dtype)
    expected = spikes_of(case, module, frames_torch)
    spiking = read(module, input_shape=case.shape)
    model = bioconv.to_brian(spiking, encoder=encoder, **(options or {}))
    run = {"device": "numpy", **run}
    result = model.run(frames, frames.shape[1] * ms, record="spikes", progress=False, **run)
    wrong, total, rates, last = 0, 0, [], None
    layers = [p for p in spiking.populations if p.neuron.label != "OR of a window"]
    assert len(layers) == len(expected)
    for population, want in zip(layers, expected, strict=True):
        if not population.spiking:
            last = want[-1]
            continue
        want = want > 0  # graded spikes count as well
        got = np.zeros((want.shape[0], want.shape[1], population.size))
        spikes = result.spikes[population.name]
        np.add.at(got, (spikes.step, spikes.sample, spikes.neuron), 1)
        wrong += int(np.abs(got - want.reshape(got.shape)).sum())
        total += int(want.sum())
        rates.append(want.mean())
    if last is not None:
        atol = 1e-10 if dtype == torch.float64 else 1e-4
        np.testing.assert_allclose(result.potentials, last, atol=atol * max(1, np.abs(last).max()))
    return wrong, total, rates
