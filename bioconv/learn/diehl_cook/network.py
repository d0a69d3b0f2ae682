"""The Brian2 network of Diehl & Cook (2015): the equations, and the whole protocol inside one run.

A controller neuron decides at the begin of every presentation which image comes: the next one, or, after too few
spikes, the same one brighter. So a run of thousands of presentations needs no Python between them.
"""

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from brian2 import Clock, Hz, Network, NeuronGroup, StateMonitor, TimedArray, linked_var, ms, mV

from bioconv.build.chance import UNIFORM, uniform
from bioconv.learn.diehl_cook.settings import Settings
from bioconv.projections import AllButOwn, Normaliser, PlasticProjection, SharedProjection, Targets

PIXELS = 784

#: Conductances in units of the leak. Euler's step, as in the code of the authors, but none goes beyond the steady state:
#: where many inhibitory neurons spike at once, their conductance is thousands of times the leak, and a step would end
#: far beyond the reversal potential, make neurons fire, and so on for ever. (An implicit step would not do so either,
#: but inhibitory neurons would fire half a millisecond later, and more neurons share an image.)
MEMBRANE = """
dv/dt = (v_rest - v + g_e*(0*mV - v) + g_i*(v_inhibition - v))/(dt*clip(tau_m/dt, 1 + g_e + g_i, inf)) : volt (unless refractory)
dg_e/dt = -g_e/(1*ms) : 1
dg_i/dt = -g_i/(2*ms) : 1
"""
#: theta, the adaptive part of the threshold, hardly decays; while nothing is learnt it stays.
ADAPTATION = """
dtheta/dt = -learning*theta/tau_theta : volt
learning : 1 (shared)
count : 1
"""
EXCITATORY = {
    "tau_m": 100 * ms, "v_rest": -65 * mV, "v_inhibition": -100 * mV, "v_reset": -65 * mV, "v_threshold": -72 * mV,
}  # fmt: skip
INHIBITORY = {"tau_m": 10 * ms, "v_rest": -60 * mV, "v_inhibition": -85 * mV, "v_reset": -45 * mV}
#: Spikes of the stimulation alone are counted.
SHOWN = "int(t_in_timesteps % period < stimulation)"

#: Which image of the run's is shown, in which try, how bright.
CONTROLLER = """
image : integer
tries : integer
spikes : 1
counted : 1
presentation : integer
"""
NEXT = """
done = int(counted >= min_spikes or tries >= max_tries)
image = image + done
tries = 1 + tries*(1 - done)
presentation = presentation + 1
spikes = 0
"""
#: Spikes of the stimulation alone tell whether an image was answered.
COUNTED = """
over = int(t_in_timesteps % period == stimulation)
counted = over*spikes + (1 - over)*counted
"""

#: An input neuron draws the step of its next spike: Bernoulli spikes, without a random number in every step.
INPUT = """
p : 1
next_step : integer
draws : integer
image : integer (linked)
tries : integer (linked)
presentation : integer (linked)
seed : integer (shared)
"""
WAIT = "int(clip(log(1 - uniform(seed, presentation, i, draws))/log(1 - p), 0, 1e9))"
BEGIN = f"""
p = clip(images((image + 0.5)*ms, i)*brightness*(intensity + tries - 1)*step, 1e-15, 0.5)
draws = 0
next_step = {WAIT}
"""
SPIKE = f"""
draws += 1
next_step += 1 + {WAIT}
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """The Brian2 objects of an experiment.

    Attributes
    ----------
    network : brian2.Network
    excitatory, inhibitory, input, controller : NeuronGroup
    plastic : PlasticProjection
        From the input to the excitatory neurons.
    images : TimedArray
        (images, 784) grey values, one a millisecond: a table.
    counts, shown : StateMonitor
        At the begin of every presentation: spikes of the neurons, and image and spikes of the one before.
    period : second
    """

    network: Network
    excitatory: NeuronGroup
    inhibitory: NeuronGroup
    input: NeuronGroup
    controller: NeuronGroup
    plastic: PlasticProjection
    images: TimedArray
    counts: StateMonitor
    shown: StateMonitor
    period: Any

    @property
    def named(self) -> dict[str, Any]:
        """{part: object} of what has state."""
        return {
            "excitatory": self.excitatory, "inhibitory": self.inhibitory, "input": self.input,
            "controller": self.controller, "plastic": self.plastic,
        }  # fmt: skip


def first_weights(settings: Settings) -> np.ndarray:
    """(784, neurons) weights from 0.003 to 0.303, a function of the seed."""
    pixel, neuron = np.indices((PIXELS, settings.neurons))
    return (uniform(settings.seed, -1, pixel, neuron) + 0.01) * 0.3


def delays(settings: Settings) -> Any:
    """(784, neurons) steps, or 0 where nothing waits."""
    longest = settings.steps("delay")
    if longest == 0:
        return 0
    pixel, neuron = np.indices((PIXELS, settings.neurons))
    return (uniform(settings.seed, -2, pixel, neuron) * longest).astype(int)


def made(settings: Settings, presentations: int) -> Made:
    """The objects for runs of so many presentations at most, on the current device."""
    n, dt = settings.neurons, settings.dt
    clock = Clock(dt, name="dc_steps")
    borders = Clock(settings.period * dt, name="dc_borders")
    images = TimedArray(np.zeros((presentations + 1, PIXELS)), dt=1 * ms, name="dc_images")
    times = {"period": settings.period, "stimulation": settings.steps("stimulation")}
    controller = _controller(settings, clock, borders, times)
    given = _input(settings, images, controller, clock, borders, times)
    excitatory = NeuronGroup(
        n, MEMBRANE + ADAPTATION, threshold="v > v_threshold + theta and timestep(t - lastspike, dt) > lock",
        reset=f"v = v_reset; theta += learning*theta_plus; count += {SHOWN}", refractory=5 * ms, method="euler",
        clock=clock, name="dc_excitatory",
        namespace={**EXCITATORY, **times, "theta_plus": settings.theta_plus, "tau_theta": settings.tau_theta, "lock": settings.steps("lock")},
    )  # fmt: skip
    excitatory.run_regularly("count = 0", clock=borders, when="start", order=1, name="dc_recount")
    inhibitory = NeuronGroup(
        n, MEMBRANE, threshold="v > -40*mV", reset="v = v_reset", refractory=2 * ms, method="euler", clock=clock,
        name="dc_inhibitory", namespace=INHIBITORY,
    )  # fmt: skip
    excitatory.v, inhibitory.v = EXCITATORY["v_rest"], INHIBITORY["v_rest"]
    excitatory.theta = 20 * mV
    plastic = PlasticProjection(
        given, excitatory, first_weights(settings), settings.rule, variable="g_e", delays=delays(settings),
        clock=clock, name="dc_plastic",
    )  # fmt: skip
    if settings.total:
        Normaliser(plastic, settings.total, clock=borders)
    projections = [
        SharedProjection(source, target, kind, variable=variable, clock=clock, name=f"dc_{name}")
        for name, source, target, kind, variable in (
            ("to_inhibitory", excitatory, inhibitory, one_to_one(n, settings.excitation), "g_e"),
            ("to_all_others", inhibitory, excitatory, all_others(n, settings.inhibition), "g_i"),
            ("to_controller", excitatory, controller, all_to_one(n), "spikes"),
        )
    ]
    counts = StateMonitor(
        excitatory, "count", record=True, clock=borders, when="start", order=-3, name="dc_counts"
    )
    shown = StateMonitor(
        controller, ["image", "tries", "counted"], record=True, clock=borders, when="start", order=-3, name="dc_shown",
    )  # fmt: skip
    network = Network(
        controller,
        given,
        excitatory,
        inhibitory,
        plastic,
        *projections,
        counts,
        shown,
        name="dc_network",
    )
    return Made(
        network=network, excitatory=excitatory, inhibitory=inhibitory, input=given, controller=controller,
        plastic=plastic, images=images, counts=counts, shown=shown, period=settings.period * dt,
    )  # fmt: skip


def _controller(
    settings: Settings, clock: Clock, borders: Clock, times: dict[str, int]
) -> NeuronGroup:
    group = NeuronGroup(
        1, CONTROLLER, clock=clock, name="dc_controller",
        namespace={**times, "min_spikes": settings.min_spikes, "max_tries": settings.max_tries},
    )  # fmt: skip
    group.counted = settings.min_spikes  # so that the first image comes
    group.run_regularly(NEXT, clock=borders, when="start", order=-2, name="dc_next")
    part = gcd(times["period"], times["stimulation"]) * settings.dt
    group.run_regularly(
        COUNTED, clock=Clock(part, name="dc_parts"), when="start", order=-4, name="dc_counted"
    )
    return group


def _input(
    settings: Settings,
    images: TimedArray,
    controller: NeuronGroup,
    clock: Clock,
    borders: Clock,
    times: dict[str, int],
) -> NeuronGroup:
    group = NeuronGroup(
        PIXELS, INPUT, threshold="t_in_timesteps % period >= next_step and t_in_timesteps % period < stimulation",
        reset=SPIKE, clock=clock, name="dc_input",
        namespace={
            **times, "images": images, "uniform": UNIFORM, "brightness": settings.brightness * Hz,
            "intensity": settings.intensity, "step": settings.dt,
        },
    )  # fmt: skip
    for name in ("image", "tries", "presentation"):
        setattr(group, name, linked_var(controller, name))
    group.seed = settings.seed
    group.run_regularly(BEGIN, clock=borders, when="start", order=-1, name="dc_begin")
    return group


def one_to_one(n: int, weight: float) -> Targets:
    first = np.arange(n + 1, dtype=np.int32)
    return Targets(n_pre=n, n_post=n, weights=np.full(n, weight), first=first, post=first[:-1])


def all_to_one(n: int) -> Targets:
    first = np.arange(n + 1, dtype=np.int32)
    return Targets(
        n_pre=n, n_post=1, weights=np.ones(n), first=first, post=np.zeros(n, dtype=np.int32)
    )


def all_others(n: int, weight: float) -> AllButOwn:
    return AllButOwn(n_pre=n, n_post=n, weights=np.array([weight]))
