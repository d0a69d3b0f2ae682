"""Milliseconds of a presentation of Diehl & Cook's experiment, against the same protocol with Brian2 ``Synapses``.

Both are one C++ program on one thread, without compilation: 350 ms and 150 ms in steps of 0.5 ms, repetitions,
normalisation, adaptive thresholds, learning on. The peer has a synapse object for every connection and spikes by
``rand() < p``; its normalisation is a function in C++, since Brian2 has none; it is compiled with Brian2's own options.
"""

import argparse
import tempfile

import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    Synapses,
    TimedArray,
    check_units,
    declare_types,
    defaultclock,
    get_device,
    implementation,
    linked_var,
    ms,
    mV,
    prefs,
    seed,
    set_device,
)
from common import clock, report

from bioconv import datasets
from bioconv.learn import diehl_cook
from bioconv.learn.diehl_cook.machine import Machine
from bioconv.learn.diehl_cook.network import EXCITATORY, INHIBITORY, MEMBRANE, first_weights

#: What the project promises.
FASTER = 3.0


def ours(settings, images, presentations):
    """Milliseconds a presentation, the program being there."""
    machine = Machine(settings, presentations)
    machine.advance(machine.start, images, 2, True)
    with clock() as used:
        _, shown = machine.advance(machine.start, images, presentations, True)
    return used.cpu / presentations * 1e3, shown.counts.sum(axis=1).mean()


def with_synapses(settings, images, presentations):
    """The same of a program that has ``Synapses``."""
    with tempfile.TemporaryDirectory() as folder:
        set_device("cpp_standalone", build_on_run=False, directory=folder)
        defaultclock.dt = settings.dt
        seed(1)
        network = peer(settings, images)
        network.run(presentations * 500 * ms)
        get_device().build(directory=folder, compile=True, run=False, with_output=False)
        with clock() as used:
            get_device().run(folder, with_output=False)
        counts = np.array(network["exc"].total[:]).sum()
        get_device().reinit()
        set_device("runtime")
    return used.cpu / presentations * 1e3, counts / presentations


def peer(settings, images):
    n = settings.neurons
    stim = TimedArray(images, dt=1 * ms, name="stim")
    ctl = NeuronGroup(1, "img : integer\nlevel : 1\nactive : 1\nnspk : 1", name="ctl")
    ctl.level, ctl.nspk = 2, 5
    ctl.run_regularly(
        "ok = int(nspk >= 5)\nimg = img + ok\nlevel = 2*ok + (level + 1)*(1 - ok)\nnspk = 0",
        dt=500 * ms, when="start", order=0,
    )  # fmt: skip
    ctl.run_regularly(
        "active = int((t_in_timesteps % 1000) < 700)", dt=50 * ms, when="start", order=1
    )
    inp = NeuronGroup(
        784, "p : 1\nimg : integer (linked)\nlevel : 1 (linked)\nactive : 1 (linked)", threshold="rand() < p",
        reset="", name="inp", namespace={"stim": stim, "per": 0.125 * Hz},
    )  # fmt: skip
    for name in ("img", "level", "active"):
        setattr(inp, name, linked_var(ctl, name))
    inp.run_regularly(
        "p = stim((img + 0.5)*ms, i)*per*level*active*dt", dt=50 * ms, when="start", order=2
    )
    exc = NeuronGroup(
        n, f"{MEMBRANE}\ndtheta/dt = -theta/(1e7*ms) : volt\ntotal : 1",
        threshold="v > v_threshold + theta", refractory=5 * ms,
        reset="v = v_reset; theta += 0.05*mV; total += 1", method="euler", name="exc", namespace=EXCITATORY,
    )  # fmt: skip
    inh = NeuronGroup(
        n, MEMBRANE, threshold="v > -40*mV", refractory=2 * ms, reset="v = v_reset", method="euler",
        name="inh", namespace=INHIBITORY,
    )  # fmt: skip
    exc.v, inh.v, exc.theta = EXCITATORY["v_rest"], INHIBITORY["v_rest"], 20 * mV
    to_inh = Synapses(exc, inh, on_pre="g_e_post += 10.4", delay=0 * ms, name="to_inh")
    to_inh.connect(j="i")
    to_exc = Synapses(
        inh, exc, on_pre=f"g_i_post += {settings.inhibition}", delay=0 * ms, name="to_exc"
    )
    to_exc.connect("i != j")
    to_ctl = Synapses(exc, ctl, on_pre="nspk_post += active_post", delay=0 * ms, name="to_ctl")
    to_ctl.connect()
    plastic = Synapses(
        inp, exc,
        "w : 1\ndx/dt = -x/(20*ms) : 1 (event-driven)\ndy/dt = -y/(20*ms) : 1 (event-driven)\n"
        "dy2/dt = -y2/(40*ms) : 1 (event-driven)",
        on_pre="g_e_post += w\nx = 1.0\nw = clip(w - 0.0001*y, 0, 1.0)",
        on_post="w = clip(w + 0.01*x*y2, 0, 1.0)\ny = 1.0\ny2 = 1.0", name="plastic",
    )  # fmt: skip
    plastic.connect()
    plastic.delay = "rand()*10*ms"
    plastic.w = first_weights(settings).ravel()
    exc.namespace["norm_w"] = normalisation(n)
    exc.run_regularly(
        "sum_w = norm_w(i)\ntotal = total + 0*sum_w", dt=500 * ms, when="start", order=1
    )
    return Network(ctl, inp, exc, inh, to_inh, to_exc, to_ctl, plastic)


def normalisation(n):
    @implementation("cpp", f"""
    static inline double norm_w(int j) {{
        double sum = 0, *w = &brian::_dynamic_array_plastic_w[0];
        for (int k = 0; k < 784; k++) sum += w[k*{n} + j];
        for (int k = 0; k < 784; k++) w[k*{n} + j] *= 78.0/sum;
        return sum;
    }}""")  # fmt: skip
    @check_units(j=1, result=1)
    @declare_types(j="integer", result="float")
    def norm_w(j):
        raise NotImplementedError

    return norm_w


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, default=400)
    parser.add_argument("--presentations", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=2)
    options = parser.parse_args()
    data = datasets.load("mnist", "train", samples=options.presentations + 1)
    images = np.round(data.images.reshape(-1, 784) * 255)
    settings = diehl_cook.Settings(neurons=options.neurons)
    for _ in range(options.passes):
        one, spikes = ours(settings, images, options.presentations)
        other, theirs = with_synapses(settings, images, options.presentations)
        report(
            f"Diehl & Cook, {options.neurons} neurons: a presentation", one, other, "ms", "Brian2 Synapses",
            f"{other / one:.1f} times faster, promised {FASTER}; spikes {spikes:.1f} and {theirs:.1f}",
        )  # fmt: skip


if __name__ == "__main__":
    prefs.codegen.target = "numpy"
    main()
