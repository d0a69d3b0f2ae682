"""NIR graphs that bioconv writes: read back with the same spikes, read by other tools, refused where NIR has no words."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from hypothesis import given, settings
from hypothesis import strategies as st

import bioconv
from bioconv import Discrete, Poisson, datasets
from bioconv.errors import ConversionError, UnsupportedLayerError
from bioconv.graph import (
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    Network,
    ReLU,
    Softmax,
    Step,
    Upsample,
    ZeroPad2d,
)
from bioconv.neurons import IF, LIF
from bioconv.read.assembly import Part, assembled

nir = pytest.importorskip("nir")
from nir_reference import DT, Graph  # noqa: E402

MODELS = Path(__file__).parents[2] / "models"


def same_layers(model, back, images, duration=40 * ms):
    """Both spike alike in every layer; the number of spikes."""
    a, b = (
        m.run(images, duration, record="spikes", device="numpy", progress=False)
        for m in (model, back)
    )
    for layer, spikes in a.spikes.items():
        for part in ("sample", "step", "neuron"):
            got, want = getattr(b.spikes[layer], part), getattr(spikes, part)
            np.testing.assert_array_equal(got, want, err_msg=layer)
    return sum(len(spikes.step) for spikes in a.spikes.values())


def ended(layers, shape, rng, *end):
    size = Network.sequential(layers, input_shape=shape).output_shape[0]
    dense = Dense(weight=rng.normal(size=(5, size)) * 0.5, bias=rng.normal(size=5) * 0.2)
    return Network.sequential([*layers, dense, *end], input_shape=shape)


CONVERTED = {
    "IF": {},
    "IF, reset to zero": {"reset": "zero"},
    "IF from half a threshold": {"initial": 0.5},
    "IF from half a threshold, reset to zero": {"initial": 0.5, "reset": "zero"},
    "IF, reset to another potential": {"neuron": IF(V_reset=-60 * mV), "reset": "zero"},
    "LIF": {"neuron": LIF(tau_m=50 * ms)},
    "LIF, reset to zero": {"neuron": LIF(tau_m=30 * ms), "reset": "zero"},
    "Poisson": {"encoder": "poisson"},
    "slow currents": {"encoder": bioconv.Constant(rate=300 * Hz), "neuron": "lif"},
    "other steps": {"dt": 0.5 * ms},
    "potentials": {"readout": "potential"},
    "pooling neurons": {"pooling": "population"},
}


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_networks_come_back_with_the_same_spikes(name, rng, tmp_path):
    layers = [
        Conv2d(weight=rng.normal(size=(4, 2, 3, 2)), bias=rng.normal(size=4) * 0.1, stride=(1, 2)),
        ReLU(),
        AvgPool2d(kernel=(2, 1), stride=(1, 2), padding=(1, 0)),
        Conv2d(weight=rng.normal(size=(6, 2, 2, 2)), padding=1, groups=2),
        ReLU(),
        Flatten(),
    ]
    network = ended(layers, (2, 7, 9), rng)
    images = rng.uniform(size=(6, 2, 7, 9))
    model = bioconv.to_brian(network, calibration=images, **CONVERTED[name])
    if model.settings.encoder.spikes:
        return poisson_round_trip(model, tmp_path, images)
    path = bioconv.to_nir(model, tmp_path / "net.nir", accept=["reset"])
    back = bioconv.to_brian(path)
    assert float(back.settings.dt) == float(model.settings.dt)
    if name == "potentials":
        a, b = (m.run(images, 40 * ms, device="numpy") for m in (model, back))
        np.testing.assert_allclose(b.potentials, a.potentials, rtol=1e-9)
    assert same_layers(model, back, images) > 300


def poisson_round_trip(model, tmp_path, images):
    """The spikes that Poisson input sent, shown to the network that was read back."""
    path = bioconv.to_nir(model, tmp_path / "net.nir", accept=["reset"])
    first = model.run(images, 40 * ms, record="spikes", device="numpy")
    sent = np.zeros((len(images), 40, int(np.prod(images.shape[1:]))))
    spikes = first.spikes["input"]
    sent[spikes.sample, spikes.step, spikes.neuron] = 1
    frames = sent.reshape(len(images), 40, *images.shape[1:])
    second = bioconv.to_brian(path, encoder="events").run(frames, record="spikes", device="numpy")
    for layer in model.spiking.populations:
        for part in ("sample", "step", "neuron"):
            got, want = (getattr(r.spikes[layer.name], part) for r in (second, first))
            np.testing.assert_array_equal(got, want, err_msg=layer.name)
        assert len(want) > 50


def test_filtered_currents_become_current_based_neurons(rng, tmp_path):
    network = Network.sequential(
        [Dense(weight=rng.normal(size=(8, 12))), ReLU(), Dense(weight=rng.normal(size=(5, 8)))],
        input_shape=(12,),
    )
    images = rng.uniform(size=(4, 12))
    options = {"neuron": "lif", "synapse": "exponential", "calibration": images}
    model = bioconv.to_brian(network, encoder=Poisson(), **options)
    graph = bioconv.to_nir(model, accept="reset")
    assert type(graph.nodes[model.spiking.output]).__name__ == "CubaLIF"
    poisson_round_trip(model, tmp_path, images)
    with pytest.raises(
        UnsupportedLayerError, match=r"no current of the image that passes by the synapses"
    ):
        bioconv.to_nir(bioconv.to_brian(network, **options), accept="reset")


def test_step_functions_become_thresholds(rng, tmp_path):
    layers = [Dense(weight=rng.normal(size=(8, 6)), bias=rng.normal(size=8)), Step(threshold=0.3)]
    network = ended(layers, (6,), rng)
    model = bioconv.to_brian(network, readout="potential")
    path = bioconv.to_nir(model, tmp_path / "net.nir")
    assert sorted(n.__class__.__name__ for n in nir.read(path).nodes.values())[-1] == "Threshold"
    assert same_layers(model, bioconv.to_brian(path), rng.uniform(size=(4, 6)), 5 * ms) > 10


def test_global_pooling_and_zeros_around_maps(rng, tmp_path):
    layers = [
        ZeroPad2d(padding=1), Conv2d(weight=rng.normal(size=(3, 1, 2, 3)), padding=(0, 1)), ReLU(), GlobalAvgPool(),
    ]  # fmt: skip
    network = ended(layers, (1, 4, 5), rng)
    images = rng.uniform(size=(3, 1, 4, 5))
    model = bioconv.to_brian(network, calibration=images)
    path = bioconv.to_nir(model, tmp_path / "net.nir", accept=["reset"])
    assert same_layers(model, bioconv.to_brian(path), images) > 50


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_trained_graphs_come_back_with_the_same_spikes(seed, tmp_path_factory):
    """NIR to bioconv to NIR to bioconv: all primitives, cycles, delays."""
    rng = np.random.default_rng(seed)
    choices = {
        "reset": str(rng.choice(["zero", "subtract"])),
        "spikes": str(rng.choice(["step", "dirac"])),
        "integrator": str(rng.choice(["euler", "exact"])),
    }
    drawn = Graph(rng, choices["spikes"])
    network = bioconv.from_nir(drawn.graph, dt=DT, **choices)
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    bioconv.to_nir(network, path, accept=["reset"])
    frames = rng.uniform(size=(2, 25, *drawn.input_shape))
    one, other = (bioconv.to_brian(n, encoder="frames") for n in (network, bioconv.from_nir(path)))
    a, b = (m.run(frames, record="spikes", device="numpy") for m in (one, other))
    assert a.spikes.keys() == b.spikes.keys()
    for layer, spikes in a.spikes.items():
        np.testing.assert_array_equal(b.counts[layer], a.counts[layer], err_msg=layer)
        order = [np.lexsort((s.neuron, s.step, s.sample)) for s in (spikes, b.spikes[layer])]
        np.testing.assert_array_equal(
            b.spikes[layer].neuron[order[1]], spikes.neuron[order[0]], err_msg=layer
        )
        np.testing.assert_array_equal(b.spikes[layer].step[order[1]], spikes.step[order[0]])
    # a delay of no steps at the end is left out, and the neuron before it answers
    if not any(m.spiking[m.spiking.output].spiking for m in (one, other)):
        np.testing.assert_allclose(b.potentials, a.potentials, rtol=1e-8, atol=1e-9)


def test_the_norse_graph_comes_back_as_it_was(tmp_path):
    source = Path(__file__).parents[1] / "read" / "nir_files" / "lif_norse.nir"
    network = bioconv.from_nir(source, dt=0.1 * ms)
    bioconv.to_nir(network, tmp_path / "x.nir")
    node, old = nir.read(tmp_path / "x.nir").nodes["layer_1"], nir.read(source).nodes["1"]
    for name in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
        np.testing.assert_array_equal(getattr(node, name), getattr(old, name))
    again = bioconv.from_nir(tmp_path / "x.nir")
    assert again.dt == 1e-4 and "dt is 0.0001 s, as the file's metadata say" in again.report.notes


def test_metadata_say_what_nir_does_not(tmp_path):
    model = bioconv.to_brian("digits_mlp", neuron="lif", dt=0.5 * ms)
    graph = bioconv.to_nir(model, accept="reset")
    said = graph.metadata
    assert said["dt"] == 0.5e-3 and said["reset"] == "subtract"
    assert said["spikes"] == "dirac" and said["integrator"] == "exact"
    bioconv.to_nir(model, tmp_path / "a.nir", accept="reset")
    found = nir.read(tmp_path / "a.nir")
    assert {str(k): v for k, v in found.metadata.items()} == said
    with pytest.raises(ConversionError, match="exists; choose another name or pass overwrite=True"):
        bioconv.to_nir(model, tmp_path / "a.nir", accept="reset")


def test_neurons_that_differ_say_so_themselves(rng):
    parts = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type=np.array([2])),
            "if": nir.IF(r=np.ones(2), v_threshold=np.ones(2), v_reset=np.zeros(2)),
            "lif": nir.LIF(*(np.full(2, v) for v in (0.02, 20.0, 0.0, 1.0, 0.0))),
            "output": nir.Output(output_type=np.array([2])),
        },
        edges=[("input", "if"), ("if", "lif"), ("lif", "output")],
    )
    network = bioconv.from_nir(parts, dt=1e-3)
    assert [p.neuron.update for p in network.populations] == ["v += r*drive", ""]
    back = bioconv.from_nir(bioconv.to_nir(network))
    assert [p.neuron.update for p in back.populations] == ["v += r*drive", ""]
    assert [
        p.neuron.update
        for p in bioconv.from_nir(bioconv.to_nir(network), spikes="step").populations
    ] == ["", ""]


def plain(rng, *layers, shape=(1, 4, 6)):
    first = Conv2d(
        weight=rng.normal(size=(2, 1, 2, 2)), padding=((0, 1), (0, 1)) if not layers else 0
    )
    return ended([first, ReLU(), *layers, Flatten()], shape, rng)


REFUSED = {
    "reset": (lambda rng: bioconv.to_brian("digits_mlp"), "fc1: NIR knows no reset by subtraction"),
    "refractory": (
        lambda rng: bioconv.to_brian("digits_mlp", neuron=IF(refractory=2 * ms)), "fc1: NIR has no refractory"),
    "floor": (lambda rng: bioconv.to_brian("digits_mlp", neuron=IF(V_min=-80 * mV)), "fc1: NIR has no floor"),
    "random": (lambda rng: bioconv.to_brian("digits_mlp", initial="random"), r"begins \(random\)"),
    "leaky begin": (lambda rng: bioconv.to_brian("digits_mlp", initial=0.5, neuron="lif"), r"begins \(0.5\)"),
    "clamp": (lambda rng: bioconv.to_brian("digits_mlp", clamp=2), "layer is held"),
    "few spikes": (lambda rng: bioconv.to_brian("digits_mlp", neuron="few_spike"), "no FewSpike neurons"),
    "correcting": (lambda rng: bioconv.to_brian("digits_mlp", neuron="correcting"), "CorrectingIntegrateFire"),
    "alpha": (lambda rng: bioconv.to_brian("digits_mlp", neuron="lif", synapse="alpha"), "synapses of kind Alpha"),
    "IF with filter": (lambda rng: bioconv.to_brian("digits_mlp", synapse="exponential"), 'Use neuron="lif"'),
    "softmax": (lambda rng: bioconv.to_brian(ended(
        [Dense(weight=rng.normal(size=(4, 3))), ReLU()], (3,), rng, Softmax()), readout="softmax"), "spiking softmax"),
    "max pooling": (lambda rng: bioconv.to_brian(plain(rng, MaxPool2d(kernel=2))), "NIR has no max-pooling"),
    "padding": (lambda rng: bioconv.to_brian(plain(rng)), "NIR pads both sides alike"),
    "upsampling": (lambda rng: bioconv.to_brian(plain(rng, Upsample(factor=2))), "NIR has no Upsample"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_by_name(name, rng):
    model, text = REFUSED[name]
    with pytest.raises(UnsupportedLayerError, match=text):
        bioconv.to_nir(model(rng), accept=() if name == "reset" else ("reset",))


def test_layers_may_be_called_as_nodes_are(rng, tmp_path):
    layers = {"output": Dense(weight=rng.normal(size=(3, 4)))}
    model = bioconv.to_brian({name: layer.weight for name, layer in layers.items()}, reset="zero")
    assert model.spiking.output == "output"
    path = bioconv.to_nir(model, tmp_path / "net.nir")
    assert same_layers(model, bioconv.to_brian(path), rng.uniform(size=(3, 4))) > 10


def test_what_was_edited_by_hand_is_not_lost_silently():
    model = bioconv.to_brian("digits_mlp", reset="zero").build()
    assert model.edited == ()
    bioconv.to_nir(model)
    model["fc1"].V_th = -40 * mV
    with pytest.raises(ConversionError, match="fc1 was edited in the Brian2 objects"):
        bioconv.to_nir(model)


def test_other_refusals(rng):
    with pytest.raises(ConversionError, match="accept is"):
        bioconv.to_nir(bioconv.to_brian("digits_mlp"), accept="refractory")
    with pytest.raises(ConversionError, match="cannot write Network as NIR"):
        bioconv.to_nir(bioconv.read("digits_mlp"))
    with pytest.raises(ConversionError, match="NIR has no windows"):
        bioconv.to_nir(bioconv.to_brian("digits_mlp", propagation="delayed"), accept="reset")
    with pytest.raises(ConversionError, match="dt is that of the model"):
        bioconv.to_nir(bioconv.to_brian("digits_mlp"), accept="reset", dt=1 * ms)
    strange = Discrete(label="strange neuron", equations="v : {potential}", update="v = 2*v + drive",
                       spike="", reset="", begin="v = 0*v")  # fmt: skip
    network = assembled([Part(name="a", what=strange, inputs=("input",))], (2,))
    with pytest.raises(
        UnsupportedLayerError, match='a: NIR has no neuron that computes what "strange neuron"'
    ):
        bioconv.to_nir(network)


ZOO = {
    "digits_mlp": {}, "digits_cnn": {}, "mnist_fcn": {}, "mnist_cnn": {}, "mnist_resnet": {}, "mnist_vgg": {},
    "mnist_deep": {}, "mnist_clipped": {}, "mnist_binary": {}, "mnist_qcfs": {}, "fashion_leaky": {},
    "fashion_resnet": {}, "mnist_leaky": {},
    "mnist_lenet": {"substitute": {"MaxPool2d": "AvgPool2d"}},
    "fashion_lenet": {"substitute": {"MaxPool2d": "AvgPool2d"}},
}  # fmt: skip
SILENT_IN_NIR = {
    "mnist_softlif": "conv1: NIR has no refractory period",
    "mnist_lenet": "conv1_to_pool1: NIR has no max-pooling",
    "fashion_lenet": "conv1_to_pool1: NIR has no max-pooling",
}


#: Of the data sets' networks those that the default suite takes.
QUICK = ("mnist_cnn", "mnist_qcfs")


def zoo(name, **options):
    data = "fashion-mnist" if name.startswith("fashion") else name.split("_")[0]
    images = datasets.load(data, samples=22).images
    network = bioconv.read(MODELS / name / "weights.h5")
    return bioconv.to_brian(network, calibration=images[2:], **options), images[:2]


@pytest.mark.parametrize(
    "name",
    [
        n
        if n.startswith("digits")
        else pytest.param(n, marks=[pytest.mark.data, *[pytest.mark.full] * (n not in QUICK)])
        for n in ZOO
    ],
)
def test_the_zoo_comes_back_with_the_same_spikes(name, tmp_path):
    model, images = zoo(name, **ZOO[name])
    path = bioconv.to_nir(model, tmp_path / "net.nir", accept=["reset"])
    nir.read(path)
    assert same_layers(model, bioconv.to_brian(path), images, 30 * ms) > 500


@pytest.mark.data
@pytest.mark.parametrize("name", SILENT_IN_NIR)
def test_models_of_the_zoo_that_nir_cannot_say(name):
    with pytest.raises(UnsupportedLayerError, match=SILENT_IN_NIR[name]):
        bioconv.to_nir(zoo(name)[0], accept=["reset"])


@pytest.mark.data
def test_norse_reads_mnist_cnn_and_answers_alike(tmp_path):
    """100 images, 40 steps: the same counts of every output neuron."""
    norse = pytest.importorskip("norse.torch")
    torch = pytest.importorskip("torch")
    images = datasets.load("mnist", samples=150).images
    network = bioconv.read(MODELS / "mnist_cnn" / "weights.h5")
    model = bioconv.to_brian(network, calibration=images[100:], reset="zero")
    path = bioconv.to_nir(model, tmp_path / "cnn.nir")
    result = model.run(images[:100], 40 * ms, device="numpy", batch_size=100, progress=False)
    module = norse.from_nir(nir.read(path)).double()
    counts = np.zeros((100, 10))
    with torch.no_grad():
        for n, image in enumerate(torch.from_numpy(images[:100].copy()).double()):
            state = None
            for _ in range(40):
                spikes, state = module(image, state)
                counts[n] += spikes.numpy()
    assert counts.sum() > 500
    np.testing.assert_array_equal(counts.argmax(axis=1), result.predictions)
    np.testing.assert_array_equal(counts, result.counts[result.output])
