"""Networks of four frameworks: every spike of every layer is the framework's."""

from collections import OrderedDict

import numpy as np
import pytest
from spiking_agreement import (
    CASES,
    SHAPE,
    STEPS,
    Case,
    compared,
    digits,
    doubled,
    nn,
    spikes_of,
    torch,
    trained,
)

import bioconv
from bioconv.errors import ReadError, UnsupportedLayerError
from bioconv.neurons import trained as trained_neurons


def lively(name, seed=0):
    """A module of random weights, larger than torch makes them so that all layers spike."""
    torch.manual_seed(seed)
    module = CASES[name].build()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d)):
                part.weight *= 3
    return module


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.full] * (place % 3 == 1)) for place, n in enumerate(CASES)],
)
def test_every_spike_is_the_frameworks(name):
    frames, _ = digits(20, STEPS[0])
    wrong, total, rates = compared(CASES[name], doubled(lively(name)), frames, torch.float64)
    assert wrong == 0
    assert total > 500 and all(0.01 < rate < 0.95 for rate in rates), rates


COMPILED = [
    "snntorch leaky zero at once",
    "norse recurrent lif",
    "spikingjelly plif decay",
    "sinabs lif norm syn",
]


@pytest.mark.compiled
@pytest.mark.parametrize("name", [*(pytest.param(n, marks=pytest.mark.full) for n in COMPILED)])
def test_compiled_spikes_too(name):
    frames, _ = digits(20, STEPS[0])
    module = doubled(lively(name))
    wrong, total, _ = compared(
        CASES[name], module, frames, torch.float64, "frames", device="cpp_standalone"
    )
    assert wrong == 0 and total > 500


@pytest.mark.parametrize("name", ["snntorch leaky per neuron", "norse lif", "sinabs iaf"])
def test_in_single_precision_rounding_may_move_a_spike(name):
    """One spike of 10,000 is the bound; here it leaves room for one at most."""
    frames, _ = digits(20, STEPS[0])
    wrong, total, _ = compared(CASES[name], lively(name), frames, torch.float32)
    assert total > 500 and wrong <= max(1, total / 10_000)


@pytest.mark.full
@pytest.mark.parametrize("name", CASES)
def test_trained_on_digits(name):
    """500 images of 25 steps, weights trained for 200 steps with the framework's surrogate gradients."""
    frames, _ = digits(500, STEPS[0])
    torch.manual_seed(1)
    module = CASES[name].build()
    losses = trained(CASES[name], module, 200)
    wrong, total, _ = compared(CASES[name], module, frames, torch.float32)
    assert wrong <= total / 10_000
    exact, total, rates = compared(CASES[name], doubled(module), frames, torch.float64)
    print(
        name,
        "float32",
        wrong,
        "float64",
        exact,
        "of",
        total,
        "rates",
        np.round(rates, 3),
        losses[-1],
    )
    assert exact == 0 and min(rates) > 0
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


class Stepped(nn.Module):
    """One step by hand: states handed over, batch normalisation, a shortcut, two ways side by side."""

    def __init__(self, snn):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.a = snn.Leaky(beta=0.9, graded_spikes_factor=0.5)
        self.again = nn.Conv2d(4, 4, (1, 3), padding=(0, 1))
        self.b = snn.Synaptic(alpha=0.4, beta=0.7)
        self.out = nn.Linear(8 * 48, 5)
        self.c = snn.Leaky(beta=0.8, output=True)

    def forward(self, x, mem_a=None, syn_b=None, mem_b=None, mem_c=None):
        first, mem_a = self.a(self.norm(self.conv(x)), mem_a)
        second, syn_b, mem_b = self.b(self.again(first) + first, syn_b, mem_b)
        both = torch.cat((first, second), 1)
        spikes, mem_c = self.c(self.out(both.flatten(1)), mem_c)
        return spikes, (mem_a, syn_b, mem_b, mem_c)


def test_a_step_written_by_hand():
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(3)
    module = doubled(Stepped(snn)).eval()
    with torch.no_grad():
        module.norm.running_var.uniform_(0.02, 0.1)
        module.norm.running_mean.normal_(0, 0.1)
        module.again.weight *= 3
        module.out.weight *= 5
    frames, _ = digits(10, 20)
    wrong, total, _ = compared(Case(build=None, run="steps"), module, frames, torch.float64)
    assert wrong == 0 and total > 500
    assert [p.name for p in bioconv.read(module, input_shape=SHAPE).populations] == ["a", "b", "c"]


def test_signals_of_one_row_and_parameters_of_every_neuron():
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(4)
    module = nn.Sequential(
        nn.Conv1d(1, 3, 5, padding=2),
        snn.Leaky(
            beta=torch.rand(3, 48), threshold=torch.rand(1, 3, 1) * 0.5 + 0.1, init_hidden=True
        ),
        nn.MaxPool1d(3),
        nn.Conv1d(3, 2, 3),
        snn.Leaky(beta=0.9, threshold=0.5, init_hidden=True),
    )
    frames = digits(10, 20)[0].reshape(10, 20, 1, 48)
    case = Case(build=None, run="steps", shape=(1, 48))
    module = doubled(module)
    expected = spikes_of(case, module, torch.tensor(frames))
    model = bioconv.to_brian(module, input_shape=(1, 48), encoder="events")
    result = model.run(frames[..., None, :], record="spikes", device="numpy", progress=False)
    for want, name in zip(expected, ("leaky1", "leaky2"), strict=True):
        assert want.sum() > 100
        np.testing.assert_array_equal(
            result.counts[name].reshape(10, -1), want.sum(0).reshape(10, -1)
        )


def test_wrappers_over_time_are_what_they_wrap():
    norse = pytest.importorskip("norse.torch")
    sl = pytest.importorskip("sinabs.layers")
    from sinabs.activation import SingleSpike

    lifted = norse.SequentialState(norse.Lift(nn.Conv2d(1, 2, 3)), norse.LIF(), norse.LI())
    assert [p.name for p in bioconv.read(lifted, input_shape=SHAPE).populations] == ["lif1", "li1"]
    timed = nn.Sequential(
        sl.FlattenTime(), nn.Conv2d(1, 2, 3), sl.UnflattenTime(batch_size=2),
        sl.IAF(spike_fn=SingleSpike), sl.Repeat(sl.SumPool2d(2)),
        sl.LIFRecurrent(tau_mem=5.0, rec_connect=nn.Sequential(nn.Flatten(), nn.Linear(12, 12),
                        nn.Unflatten(1, (2, 3, 2))), spike_fn=SingleSpike),
    )  # fmt: skip
    found = bioconv.read(timed, input_shape=SHAPE)
    assert [(p.source, p.target) for p in found.projections] == [
        ("input", "lif1"), ("lif1", "lif2"), ("lif2", "lif2"),
    ]  # fmt: skip


def test_sinabs_recurrence_step_by_step():
    sl = pytest.importorskip("sinabs.layers")
    from sinabs.activation import SingleSpike

    torch.manual_seed(5)
    back = nn.Linear(7, 7)
    layer = sl.LIFRecurrent(tau_mem=3.0, rec_connect=back, spike_fn=SingleSpike, norm_input=False)
    module = nn.Sequential(nn.Flatten(2), nn.Linear(48, 7), layer).double()
    frames, _ = digits(6, 20)
    back.forward = lambda x: nn.functional.linear(x.double(), back.weight, back.bias)
    with torch.no_grad():
        want = module(torch.tensor(frames)).numpy().swapaxes(0, 1)
    del back.forward
    read = bioconv.read(nn.Sequential(nn.Flatten(), *module[1:]), input_shape=SHAPE)
    result = bioconv.to_brian(read, encoder="events").run(frames, device="numpy", progress=False)
    assert want.sum() > 30
    np.testing.assert_array_equal(result.counts["lif1"], want.sum(0))


def test_a_state_dict_with_stated_neurons():
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(6)
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), snn.Leaky(beta=0.9, init_hidden=True), nn.Flatten(),
        nn.Linear(96, 5), snn.Leaky(beta=0.9, init_hidden=True),
    )  # fmt: skip
    module = doubled(module)
    neuron = trained_neurons.snntorch_leaky(beta=float(module[1].beta))
    spiking = bioconv.read(module.state_dict(), neuron=neuron, input_shape=SHAPE)
    assert "1.beta" in spiking.report.notes[0]
    frames, _ = digits(10, 20)
    read = lambda *_, **__: spiking  # noqa: E731
    case = Case(build=None, run="steps")
    wrong, total, _ = compared(case, module, frames, torch.float64, read=read)
    assert wrong == 0 and total > 100
    last = bioconv.read(module.state_dict(), neuron={"0": neuron}, input_shape=SHAPE)
    assert [p.spiking for p in last.populations] == [True, False]
    with pytest.raises(ReadError, match=r"all but the last need neurons"):
        bioconv.read(module.state_dict(), neuron={"3": neuron}, input_shape=SHAPE)
    with pytest.raises(ReadError, match="a torch module has its own"):
        bioconv.read(module, neuron=neuron, input_shape=SHAPE)


def snn_chain(**options):
    import snntorch as snn

    return nn.Sequential(nn.Linear(6, 4), snn.Leaky(beta=0.9, **options))


def refused_snntorch():
    snn = pytest.importorskip("snntorch")

    class Mine(snn.Leaky):
        def forward(self, x, mem=None):
            return x

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.lif = nn.Linear(6, 4), snn.Leaky(beta=0.9)

        def forward(self, x):
            mem, kept = self.lif.init_leaky(), []
            for _ in range(3):
                spikes, mem = self.lif(self.fc(x), mem)
                kept.append(spikes)
            return spikes

    loaded = snn_chain(init_hidden=True)
    loaded[1].reset_mechanism_val = torch.tensor(1)
    hidden = {"init_hidden": True}
    return [
        (nn.Sequential(snn.Lapicque(beta=0.9, **hidden)), "snnTorch's Lapicque cannot be read; of snnTorch Leaky"),
        (nn.Sequential(Mine(beta=0.9, **hidden)), "Mine, a class of its own made from snnTorch's"),
        (snn_chain(inhibition=True, **hidden), "inhibition=True"),
        (snn_chain(state_quant=lambda x: x, **hidden), "state_quant"),
        (snn_chain(spike_grad=torch.sigmoid, **hidden), r"Leaky whose spike_grad gives \[0\.26"),
        (loaded, "built with reset_mechanism 'subtract' and loaded 'zero'"),
        (nn.Sequential(snn.RSynaptic(alpha=0.9, beta=0.9, linear_features=6, reset_delay=False, **hidden)),
         "RSynaptic with reset_delay=False"),
        (Loop(), "lif is called more than once: the forward loops over the steps"),
        (nn.Sequential(nn.Linear(6, 4), nn.ReLU(), snn.Leaky(beta=0.9, **hidden)), r"relu1 \(ReLU\) is not linear"),
        (nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 2, 1), nn.MaxPool2d(2), snn.Leaky(beta=0.9, **hidden)),
         r"pool1 \(MaxPool2d\): takes the largest of currents"),
    ]  # fmt: skip


def refused_others():
    norse = pytest.importorskip("norse.torch")
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    sl = pytest.importorskip("sinabs.layers")
    from sinabs.activation import MembraneReset, MultiSpike, SingleSpike

    one = {"spike_fn": SingleSpike}
    return [
        (norse.SequentialState(norse.LSNNCell()), "Norse's LSNNCell"),
        (norse.SequentialState(norse.LICell(), nn.Linear(6, 2), norse.LIFCell()),
         r"li1 \(Norse LI\) sends its potential, not spikes, to fc1"),
        (nn.Sequential(jelly.QIFNode()), "SpikingJelly's QIFNode"),
        (nn.Sequential(jelly.IFNode(surrogate_function=surrogate.Sigmoid(spiking=False))), "spiking=True can"),
        (nn.Sequential(sl.IAF(spike_fn=MultiSpike)), "IAF with spike_fn MultiSpike, which may send several spikes"),
        (nn.Sequential(sl.IAF(reset_fn=MembraneReset(reset_value=0.5), **one)), "MembraneReset to zero can"),
        (nn.Sequential(sl.IAF(min_v_mem=0.5, **one)), "min_v_mem 0.5"),
        (nn.Sequential(sl.ALIF(tau_mem=10.0, tau_adapt=10.0)), "Sinabs's ALIF"),
    ]  # fmt: skip


@pytest.mark.parametrize("cases", [refused_snntorch, refused_others])
def test_what_cannot_be_read_is_refused_by_its_name(cases):
    for module, text in cases():
        with pytest.raises((ReadError, UnsupportedLayerError), match=text):
            bioconv.read(module, input_shape=(6,))


def test_a_neuron_with_several_spikes_a_step_is_refused_by_its_place_with_what_to_do():
    sl = pytest.importorskip("sinabs.layers")
    parts = OrderedDict(fc=nn.Linear(6, 4), hidden=sl.LIF(tau_mem=10.0))  # MultiSpike unless told
    text = r"hidden \(LIF\): .*MultiSpike.*train with spike_fn=sinabs.activation.SingleSpike"
    with pytest.raises(UnsupportedLayerError, match=text):
        bioconv.read(nn.Sequential(parts), input_shape=(6,))


def test_a_framework_that_is_named_must_be_there():
    pytest.importorskip("snntorch")
    module = snn_chain(init_hidden=True)
    assert bioconv.read(module, input_shape=(6,), framework="snntorch").populations
    with pytest.raises(ReadError, match="holds no neurons of norse"):
        bioconv.read(module, input_shape=(6,), framework="norse")
    with pytest.raises(ReadError, match="the known ones are snntorch, norse, spikingjelly, sinabs"):
        bioconv.read(module, input_shape=(6,), framework="bindsnet")


def test_a_module_that_has_learned_a_moment_ago():
    """States that hang on a graph of gradients are no hindrance."""
    functional = pytest.importorskip("spikingjelly.activation_based.functional")
    from spikingjelly.activation_based import neuron

    module = nn.Sequential(nn.Linear(6, 4), neuron.LIFNode())
    module(torch.ones(1, 6)).sum().backward()
    module(torch.ones(1, 6))
    assert bioconv.read(module, input_shape=(6,)).populations
    functional.reset_net(module)
