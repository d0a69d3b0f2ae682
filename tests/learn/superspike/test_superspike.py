"""SuperSpike against a loop in numpy, the optimiser against numbers computed by hand, and the records of tasks."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import NeuronGroup, ms, run, second, volt

from bioconv.errors import DeviceError, ParameterError
from bioconv.learn import superspike
from bioconv.learn.superspike import equations, tasks
from bioconv.learn.superspike.network import learners
from bioconv.learn.superspike.rule import first_weights
from bioconv.learn.superspike.training import fixed_feedback
from bioconv.run import device

#: Few neurons, long steps: an update every 40 ms, steps that do not fade much.
RULE = superspike.Rule(
    dt=5e-4, update=0.04, step=0.5e-3, fading=2.0, w_0=15e-3, w_max=200e-3, tau_rms=0.1
)


def small(seed=0, hidden=6, outputs=2, duration=0.1):
    rng = np.random.default_rng(seed)
    inputs = superspike.Raster(
        neuron=rng.integers(20, size=60), time=rng.uniform(0, duration, 60), size=20
    )
    targets = superspike.Raster(
        neuron=np.arange(4) % outputs, time=np.array([20, 45, 60, 80]) * 1e-3, size=outputs
    )
    return superspike.Task(
        name="small", inputs=inputs, targets=targets, duration=duration, hidden=hidden
    )


class Layer:
    """Membranes and traces of a layer of neurons, all arrays (n,)."""

    def __init__(self, n, rule):
        self.rule, self.U, self.last = rule, np.full(n, rule.U_rest), np.full(n, -(10**6))
        self.cur, self.x, self.psp, self.z, self.err, self.err1 = (np.zeros(n) for _ in range(6))
        self.loss = 0.0

    def slope(self):
        return self.rule.beta / (1 + np.abs(self.rule.beta * (self.U - self.rule.th))) ** 2

    def ready(self, step):
        return step - self.last >= round(self.rule.refractory / self.rule.dt)

    def advance(self, step):
        r, dt = self.rule, self.rule.dt
        free = self.ready(step)
        self.busy = self.z**4
        self.U = self.U + free * dt * (r.U_rest - self.U + self.cur) / r.tau_mem
        self.cur = self.cur - dt * self.cur / r.tau_syn
        self.psp, self.x = (
            self.psp + dt * (self.x - self.psp) / r.tau_mem,
            self.x - dt * self.x / r.tau_syn,
        )
        self.z = self.z - dt * self.z / r.tau_z

    def advance_error(self):
        r, dt = self.rule, self.rule.dt
        self.loss += dt * np.sum(self.err**2) / 2
        self.err, self.err1 = (
            self.err + dt * (self.err1 - self.err) / r.tau_d,
            self.err1 - dt * self.err1 / r.tau_r,
        )

    def fire(self, step):
        spikes = (self.rule.th < self.U) & self.ready(step)
        self.U[spikes], self.last[spikes] = self.rule.U_rest, step
        self.x, self.z, self.err1 = self.x + spikes, self.z + spikes, self.err1 - spikes
        return spikes


class Weights:
    """Synapses from one layer to the next, all arrays (n_post, n_pre)."""

    def __init__(self, w, rule):
        self.rule, self.w = rule, w.copy()
        self.l1, self.lam, self.m, self.g2 = (np.zeros_like(w) for _ in range(4))

    def advance(self, pre, post, slope, regulated):
        r, dt = self.rule, self.rule.dt
        drive = post.err[:, None] * self.lam
        if regulated:
            drive = drive - r.rho * self.w * post.busy[:, None]
        self.m, self.lam, self.l1 = (
            self.m + dt * drive,
            self.lam + dt * (self.l1 - self.lam) / r.tau_d,
            self.l1 + dt * (slope[:, None] * pre.psp - self.l1) / r.tau_r,
        )

    def update(self, t):
        r = self.rule
        self.g2 = np.maximum(self.m**2, np.exp(-r.update / r.tau_rms) * self.g2)
        change = r.step * np.exp(-t / r.fading) * self.m / (np.sqrt(self.g2) + 1e-12)
        self.w, self.m = np.clip(self.w + change, -r.w_max, r.w_max), np.zeros_like(self.m)


def by_hand(task, weights, feedback, rule, trials):
    """(weights, loss of every trial, output spikes): the rule in a loop over steps."""
    steps = round(task.duration / rule.dt)
    pattern, wanted = task.inputs.steps(steps, rule.dt), task.targets.steps(steps, rule.dt)
    source = Layer(task.inputs.size, rule)
    layers = [source] + [Layer(len(w), rule) for w in weights.values()]
    output = layers[-1]
    links = [Weights(w, rule) for w in weights.values()]
    losses, spikes = [], []
    for step in range(trials * steps):
        slopes = [layer.slope() for layer in layers[1:]]
        if step % round(rule.update / rule.dt) == 0:
            for link in links:
                link.update(step * rule.dt)
        if len(layers) == 3:
            back = links[-1].w * 1e3 if feedback is None else feedback
            layers[1].err = back.T @ output.err
        for layer in layers:
            layer.advance(step)
        output.advance_error()
        for n, (link, slope) in enumerate(zip(links, slopes, strict=True)):
            link.advance(layers[n], layers[n + 1], slope, rule.rho and layers[n + 1] is not output)
        fired = [pattern[step % steps]] + [layer.fire(step) for layer in layers[1:]]
        source.x = source.x + fired[0]
        for link, spiking, target in zip(links, fired, layers[1:], strict=False):
            target.cur = target.cur + link.w @ spiking
        output.err1 = output.err1 + wanted[step % steps]
        spikes.extend((step, int(n)) for n in np.flatnonzero(fired[-1]))
        if (step + 1) % steps == 0:
            losses.append(output.loss - sum(losses))
    return dict(zip(weights, [link.w for link in links], strict=True)), losses, spikes


@pytest.mark.parametrize(
    ("hidden", "feedback", "rho"),
    [
        (0, "symmetric", 0.0),
        (6, "symmetric", 0.0),
        (6, "random", 0.0),
        (6, "uniform", 0.0),
        (6, "random", 30.0),
    ],
)
def test_the_network_changes_its_weights_as_a_loop_over_steps_does(hidden, feedback, rho):
    """Two learners side by side, five updates; off by no more than rounding in 500 steps."""
    rule = replace(RULE, rho=rho)
    both = [small(3, hidden), small(4, hidden)]
    trained = superspike.train_each(
        both, feedback=feedback, seeds=[5, 6], seconds=0.25, rule=rule, device="numpy"
    )
    active = False
    for task, seed, one in zip(both, (5, 6), trained, strict=True):
        sizes = {"input": 20, **({"hidden": hidden} if hidden else {}), "output": 2}
        begin = first_weights(sizes, rule, seed)
        fixed = fixed_feedback(feedback, {k: w[None] for k, w in begin.items()}, [seed])
        fixed = None if fixed is None else fixed[0]
        weights, losses, spikes = by_hand(task, begin, fixed, rule, 2)
        active |= any(step > 300 for step, _ in spikes)
        for layer, expected in weights.items():
            assert np.abs(expected - begin[layer]).max() > rule.step
            np.testing.assert_allclose(one.weights[layer], expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(one.loss, losses, rtol=1e-9)
        last = [
            (round(t / rule.dt), n)
            for t, n in zip(one.last["output"].time, one.last["output"].neuron, strict=True)
        ]
        assert sorted(last) == sorted((s - 200, n) for s, n in spikes if s >= 200)
        assert one.rates["output"][1] == pytest.approx(len(last) / (2 * task.duration))
    assert active, "a silent network agrees with anything"


def test_rmaxprop_takes_steps_computed_by_hand():
    """Three updates of two weights with gradients 2, 1 and -4, and the bound."""
    gamma = 0.25
    names = {
        "gamma": gamma, "tiny": 1e-12 * second / volt, "step": 1 * volt, "fading": 1e12 * second,
        "w_max": 1.5 * volt,
    }  # fmt: skip
    with device("numpy"):
        group = NeuronGroup(
            1, "m : second/volt\ng2 : second**2/volt**2\nw : volt", namespace=names, dt=1 * ms
        )
        group.run_regularly(equations.UPDATE, dt=1 * ms)
        found = []
        for gradient in (2, 1, -4, 8, 1):
            group.m = gradient * second / volt
            run(1 * ms, namespace={})
            found.append((float(group.w[0] / volt), float(group.g2[0] * volt**2 / second**2)))
            assert group.m[0] == 0
    # 2/2; 1/1 as 1 > 0.25 4 is false; -4/4; 8/8 up to the bound; 1 against 8 sqrt(0.25)
    expected = [(1.0, 4.0), (1.5, 1.0), (0.5, 16.0), (1.5, 64.0), (1.5, 16.0)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_symmetric_feedback_is_the_transposed_weights():
    task, rule = small(1), RULE
    begin = first_weights({"input": 20, "hidden": 6, "output": 2}, rule, 2)
    with device("numpy"):
        made = learners([task], {k: w[None] for k, w in begin.items()}, None, rule)
        errors = np.array([0.5, -0.25])
        made.groups["output"].err = errors
        made.network.run(rule.dt * second, namespace={})
        expected = begin["output"].T @ errors * 1e3
        np.testing.assert_allclose(made.groups["hidden"].err_[:], expected, rtol=1e-12)


def test_fixed_feedback_is_random_by_seed_or_one():
    weights = {"hidden": np.zeros((2, 3, 20)), "output": np.zeros((2, 2, 3))}
    random = fixed_feedback("random", weights, [0, 1])
    assert random.shape == (2, 2, 3) and not np.allclose(random[0], random[1])
    np.testing.assert_array_equal(fixed_feedback("random", weights, [1, 0]), random[::-1])
    assert (fixed_feedback("uniform", weights, [0, 1]) == 1).all()
    assert fixed_feedback("symmetric", weights, [0, 1]) is None


def test_the_loss_of_silence_is_the_closed_form_of_van_rossums_distance():
    """One target far from the end: ``1/2 integral alpha**2`` with
    ``alpha = tau_r/(tau_d - tau_r) (exp(-t/tau_d) - exp(-t/tau_r))``, to a step over a constant of time."""
    rule = replace(RULE, dt=1e-4, w_0=1e-9)
    target = superspike.Raster(neuron=np.zeros(1, int), time=np.array([0.01]), size=1)
    task = superspike.Task(
        name="one", inputs=small().inputs, targets=target, duration=0.3, hidden=0
    )
    trained = superspike.train(task, seconds=0.3, rule=replace(rule, update=1.0), device="numpy")
    r, d = rule.tau_r, rule.tau_d
    expected = (r / (d - r)) ** 2 * (d / 2 - 2 * r * d / (r + d) + r / 2) / 2
    assert trained.loss[0] == pytest.approx(expected, rel=2 * rule.dt / r)


def test_weights_of_busy_neurons_decay():
    with_, without = (
        superspike.train(
            small(3),
            feedback="random",
            seconds=0.6,
            rule=replace(RULE, rho=rho, step=5e-3),
            device="numpy",
        )
        for rho in (1e4, 0.0)
    )
    assert without.rates["hidden"][-1] > 0
    assert with_.rates["hidden"][-1] < without.rates["hidden"][-1]


@pytest.mark.compiled
@pytest.mark.full
def test_one_neuron_learns_five_spikes_on_a_compiled_device():
    task = tasks.one_neuron(0)
    trained = superspike.train(task, device="cpp_standalone")
    found, wanted = trained.last["output"].of(0), task.targets.of(0)
    assert trained.loss[0] / trained.loss[-1] >= 20
    assert len(found) == 5 and np.abs(found - wanted).max() <= 2e-3


def test_a_picture_is_one_neuron_a_row_the_lowest_first():
    task = tasks.picture(0, drawing="#..\n.##\n", column=0.02)
    order = np.lexsort((task.targets.time, task.targets.neuron))
    assert task.targets.neuron[order].tolist() == [0, 0, 1]
    np.testing.assert_allclose(task.targets.time[order], [0.06, 0.08, 0.04])
    assert task.targets.size == 2 and task.duration == pytest.approx(0.1)


def test_an_xor_answers_where_one_group_is_late_and_after_all_input():
    task = tasks.xor(0, group=3)
    assert task.inputs.size == 9 and len(task.inputs.time) == 36
    late = np.array(
        [[task.inputs.of(3 * g)[w] - 0.125 * w > 20e-3 for g in (1, 2)] for w in range(4)]
    )
    answered = np.flatnonzero(late.sum(axis=1) == 1)
    assert (task.targets.time // 0.125).astype(int).tolist() == answered.tolist()
    for time in task.targets.time:
        window = task.inputs.time[task.inputs.time // 0.125 == time // 0.125]
        assert window.max() + 5e-3 <= time


def test_noise_is_frozen_by_its_seed():
    one, again, other = (tasks.one_neuron(seed).inputs.time for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert one.shape != other.shape or not np.allclose(one, other)
    # 100 trains of 10 Hz in 0.5 s: 500 spikes, their standard deviation is 22
    assert abs(len(one) - 500) < 5 * 22


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "none"}, "feedback is 'none'; choose one of symmetric, random, uniform"),
        ({"seconds": 0.05}, "seconds is 0.05; one trial of small takes 0.1"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ParameterError, match=message):
        superspike.train(small(), device="numpy", **options)


def test_wrong_constants_tasks_and_devices_are_named():
    with pytest.raises(ParameterError, match="tau_mem is 0"):
        superspike.Rule(tau_mem=0.0)
    with pytest.raises(ParameterError, match="rho must not be negative"):
        superspike.Rule(rho=-1.0)
    with pytest.raises(ParameterError, match="tasks of the same sizes"):
        superspike.train_each([small(), small(outputs=3)], device="numpy")
    with pytest.raises(ParameterError, match=r"lengths \[2, 3\]"):
        tasks.picture(drawing="#.\n#..\n")
    with pytest.raises(ParameterError, match="must follow each other"):
        tasks.xor(answer=0.2)
    with pytest.raises(DeviceError, match="device is 'gpu'"):
        superspike.train(small(), device="gpu")
