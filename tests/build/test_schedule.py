"""When windows begin, how long projections wait, and in which order a step's actions run."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, graph, images

import bioconv
from bioconv.build.schedule import OPEN_SLOTS, scheduled
from bioconv.convert import convert
from bioconv.graph import INPUT, Add, Dense, ReLU


def dense(seed):
    weight = np.random.default_rng(seed).normal(size=(6, 6)) / np.sqrt(3)
    return Dense(weight=weight, bias=np.linspace(-0.1, 0.2, 6))


def long_shortcut():
    """fc1 feeds the last layer over two layers and over none."""
    return graph(
        (6,),
        fc1=(dense(1), INPUT),
        relu1=(ReLU(), "fc1"),
        fc2=(dense(2), "relu1"),
        relu2=(ReLU(), "fc2"),
        fc3=(dense(3), "relu2"),
        relu3=(ReLU(), "fc3"),
        fc4=(dense(4), "relu3"),
        add=(Add(), "fc4", "relu1"),
        relu4=(ReLU(), "add"),
    )


SPIKING = convert(long_shortcut(), method="unscaled")
NAMES = ["input", "fc1", "fc2", "fc3", "add"]
PATHS = ["input_to_fc1", "fc1_to_fc2", "fc2_to_fc3", "fc3_to_add", "fc1_to_add"]


def test_depths_are_those_of_the_longest_way():
    assert SPIKING.depths == dict(zip(NAMES, range(5), strict=True))


@pytest.mark.parametrize("spikes", [True, False])
def test_synchronous_layers_share_one_window(spikes):
    schedule = scheduled(SPIKING, "synchronous", 100, spikes)
    assert set(schedule.onsets.values()) == {0} and list(schedule.onsets) == NAMES
    assert schedule.delays == dict.fromkeys(PATHS, 0)
    assert (schedule.period, schedule.windowed) == (100, False)


@pytest.mark.parametrize(("spikes", "onsets"), [(True, [0, 1, 2, 3, 4]), (False, [0, 0, 1, 2, 3])])
def test_delayed_layers_start_one_step_after_another(spikes, onsets):
    """A current needs no step of its own; the shortcut waits for two layers."""
    schedule = scheduled(SPIKING, "delayed", 100, spikes)
    assert schedule.onsets == dict(zip(NAMES, onsets, strict=True))
    assert schedule.delays == dict(zip(PATHS, [0, 0, 0, 0, 2], strict=True))
    assert (schedule.period, schedule.windowed) == (100 + onsets[-1], True)


def test_the_order_within_a_step():
    """Synchronous: layer after layer; delayed: resets before the spikes of the step arrive."""
    order = list(scheduled(SPIKING, "synchronous", 100, True).order)
    slots = ("updates", "thresholds", "resets", "synapses")
    own = [f"{name}_{slot}" for name in NAMES for slot in slots]
    assert order == ["start", "groups", *OPEN_SLOTS, *own, "end"]
    fc2 = scheduled(SPIKING, "synchronous", 100, True).slots["fc2"]
    assert (fc2.updates, fc2.thresholds, fc2.resets, fc2.synapses) == tuple(own[8:12])
    delayed = scheduled(SPIKING, "delayed", 100, True)
    assert delayed.order == ("start", "groups", "thresholds", "resets", "synapses", "end")
    assert {(s.thresholds, s.resets, s.synapses) for s in delayed.slots.values()} == {
        ("thresholds", "resets", "synapses")
    }


@pytest.mark.parametrize("encoder", ["constant", "regular"])
def test_what_was_built_follows_the_schedule(encoder):
    model = bioconv.to_brian(
        long_shortcut(), propagation="delayed", encoder=encoder, projections="explicit"
    )
    model.build(duration=50 * ms)
    first = 1 if encoder == "regular" else 0
    assert model["add"].onset == 3 + first
    assert model["add"].period == 53 + first and model["add"].n_steps == 50
    delays = {name: round(float(s.delay[:] / ms)) for name, s in model.projections.items()}
    expected = {"fc1_to_fc2": 0, "fc2_to_fc3": 0, "fc3_to_add": 0, "fc1_to_add": 2}
    assert delays == ({"input_to_fc1": 0} if first else {}) | expected


@pytest.mark.parametrize("encoder", ["constant", "regular", "poisson"])
@pytest.mark.parametrize("name", ["residual", "long_shortcut"])
def test_both_propagations_give_the_same_spikes(name, encoder):
    """With windows that move along, a spike's step in its own window is the same in both modes.

    Sums arrive in another order, so a membrane within rounding of its threshold may wait a step:
    the trains are compared as counts, and by one in a thousand steps.
    """
    network = long_shortcut() if name == "long_shortcut" else NETWORKS[name]
    x = images(network, 3)
    made = [
        bioconv.to_brian(network, calibration=x, encoder=encoder, propagation=propagation)
        for propagation in ("synchronous", "delayed")
    ]
    one, other = (m.run(x, 60 * ms, device="numpy", record="spikes") for m in made)
    for layer, spikes in one.spikes.items():
        assert len(spikes) > 20, layer
        assert abs(one.counts[layer] - other.counts[layer]).max() <= 1
        trains = [
            set(zip(s.sample.tolist(), s.neuron.tolist(), s.step.tolist(), strict=True))
            for s in (spikes, other.spikes[layer])
        ]
        assert len(trains[0] ^ trains[1]) <= len(spikes) / 1000
        assert spikes.step.min() >= 0 and other.spikes[layer].step.max() < 60
    assert np.ptp(list(other.onsets.values())) > 0
