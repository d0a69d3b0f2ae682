"""What neuron_text writes, which Brian2 takes in every combination; what is refused."""

from itertools import product

import brian2
import numpy as np
import pytest
from brian2 import Hz, amp, farad, ms, mV, nF, pF, second, volt

import bioconv
from bioconv.errors import ParameterError
from bioconv.neurons import (
    BIOPHYSICAL,
    DIMENSIONLESS,
    IF,
    LIF,
    NEURONS,
    SIGNED,
    SYNAPSES,
    Alpha,
    Delta,
    DoubleExponential,
    Exponential,
    FewSpike,
    PeakInput,
    in_thresholds,
    neuron_named,
    neuron_text,
    reset_named,
    seconds,
    synapse_named,
    units_named,
)

FILTERS = {name: kind() for name, kind in SYNAPSES.items()}
MEMBRANES = {
    "if": IF(),
    "lif": LIF(),
    "refractory_if": IF(refractory=2 * ms),
    "refractory_lif": LIF(refractory=2 * ms),
}
#: reset, units, driven, windowed, spiking: each pair of values is in one of them.
MODES = [
    ("subtract", BIOPHYSICAL, False, False, True),
    ("zero", DIMENSIONLESS, True, True, True),
    ("zero", BIOPHYSICAL, True, False, False),
    ("subtract", DIMENSIONLESS, False, True, False),
    ("subtract", DIMENSIONLESS, True, False, True),
    ("zero", BIOPHYSICAL, False, True, True),
]


def text(neuron="if", synapse="delta", *mode):
    reset, units, driven, windowed, spiking = mode or MODES[0]
    return neuron_text(
        MEMBRANES[neuron], FILTERS[synapse],
        reset=reset, units=units, driven=driven, windowed=windowed, spiking=spiking,
    )  # fmt: skip


def group_of(text, name):
    group = brian2.NeuronGroup(
        1, text.equations, threshold=text.threshold or None, reset=text.reset or None,
        refractory=text.refractory or False, method=text.method, namespace=dict(text.constants),
        events={"negative": text.negative[0]} if text.negative else {}, name=name,
    )  # fmt: skip
    if text.threshold:
        group.V_th = text.parameters["V_th"]
    if text.negative:
        group.run_on_event("negative", text.negative[1])
    if text.end:
        group.run_regularly(text.end, when="end", name=f"{name}_end")
    return group


def objects_of(made, source, name):
    """A driven group that is cleared every 2 ms, and a synapse onto it."""
    group = group_of(made, name)
    group.I_bias = 2 * made.current / ms
    if "period" in group.variables:
        group.period = group.n_steps = 1000
    border = f"{made.clear}\n{made.start}"
    group.run_regularly(border, dt=2 * ms, when="start", name=f"{name}_clear")
    link = brian2.Synapses(
        source or group, group, on_pre=f"{made.target}_post += jump",
        namespace={"jump": made.unit}, name=f"{name}_link",
    )  # fmt: skip
    link.connect()
    return group, link


@pytest.mark.parametrize("synapse", FILTERS)
@pytest.mark.parametrize("neuron", ["if", "lif"])
def test_brian2_takes_every_combination(neuron, synapse):
    """Units, names, the method and what a presentation clears, in the steps of a network."""
    groups, links = [], []
    with bioconv.run.device("numpy"):
        for n, mode in enumerate(MODES):
            source = groups[0] if groups else None
            made = text(f"refractory_{neuron}" if n in (1, 4) else neuron, synapse, *mode)
            group, link = objects_of(made, source, f"group_{n}")
            groups.append(group)
            links.append(link)
        brian2.Network(*groups, *links).run(4 * ms, namespace={})
    for group, (*_, spiking) in zip(groups, MODES, strict=True):
        assert np.isfinite(group.v_[0])
        assert ("count" in group.variables) == ("spike" in group.thresholder) == spiking
        if spiking:
            assert group.count[0] > 0


def test_the_text_of_the_plainest_neuron():
    assert str(text()) == (
        "dv/dt = I/C_m : volt\n"
        "I = I_bias : amp\n"
        "I_bias : amp (constant)\n"
        "V_th : volt (shared, constant)\n"
        "count : integer\n"
        "threshold  v >= V_th - rounding\n"
        "reset      v -= V_th - E_L\ncount += 1\n"
        "method     euler\n"
        "parameters V_th = -50. mV\n"
        "constants  E_L = -65. mV, C_m = 200. pF, rounding = 15. pV"
    )


def test_the_text_of_the_richest_neuron():
    made = text("refractory_lif", "alpha", "zero", DIMENSIONLESS, True, True, True)
    assert made.equations.splitlines() == [
        "dv/dt = (E_L - v)/tau_m + I/C_m : 1 (unless refractory)",
        "I = (I_bias + I_stim)*int(in_window) + I_syn : hertz",
        "dI_syn/dt = (h_syn - I_syn)/tau_syn : hertz",
        "dh_syn/dt = -h_syn/tau_syn : hertz",
        "I_bias : hertz (constant)",
        "I_stim : hertz (constant)",
        "V_th : 1 (shared, constant)",
        "count : integer",
        "in_window = step >= onset and step < onset + n_steps : boolean (shared, constant over dt)",
        "step = timestep(t - t_begin, dt) % period : integer (shared, constant over dt)",
        "onset : integer (shared, constant)",
        "n_steps : integer (shared, constant)",
        "period : integer (shared, constant)",
        "t_begin : second (shared, constant)",
    ]
    assert made.threshold == "v >= V_th - rounding and in_window"
    assert made.reset == "v = V_reset\ncount += 1"
    assert (made.refractory, made.method, made.target) == ("refractory", "exact", "h_syn")
    assert made.clear.splitlines() == [
        "not_refractory = True", "lastspike = -1e4*second", "v = E_L", "I_syn = 0*I_syn",
        "h_syn = 0*h_syn", "count = 0",
    ]  # fmt: skip
    assert str(made).splitlines()[-4:-1] == [
        "refractory refractory", "method     exact", "parameters V_th = 1.0",
    ]  # fmt: skip


#: neuron and options of a text, each of the new parts in one of them; what it must have.
PARTS = {
    "signed": (SIGNED(slope=0.1), {}, {
        "equations": "count_negative : integer",
        "threshold": "v >= V_th - rounding",
        "negative": (
            "v <= E_L - (V_th - E_L)/slope + rounding",
            "v += (V_th - E_L)/slope\ncount_negative += 1",
        ),
        "clear": "count_negative = 0",
    }),
    "signed_windowed": (SIGNED(), {"windowed": True}, {
        "threshold": "v >= V_th - rounding and in_window",
        "negative": (
            "v <= E_L - (V_th - E_L)/slope + rounding and in_window",
            "v += (V_th - E_L)/slope\ncount_negative += 1",
        ),
    }),
    "signed_readout": (SIGNED(), {"spiking": False}, {"threshold": "", "negative": None}),
    "few_spike": (FewSpike(), {"driven": True}, {
        "equations": "level = 2.0**(onset - step - 1) : 1 (shared, constant over dt)",
        "threshold": "v >= E_L + level*(V_th - E_L) - rounding and in_window",
        "reset": "v -= level*(V_th - E_L)\ncoded += level\ncount += 1",
        "start": "v += (I_bias + I_stim)*dt/C_m + 0.5*2.0**(-n_steps)*(V_th - E_L)",
        "end": "v += level_before*x\nx = 0*x",
        "target": "x",
    }),
    "few_spike_readout": (FewSpike(), {"spiking": False}, {
        "threshold": "", "reset": "", "start": "v += (I_bias)*dt/C_m", "clear": "x = 0*x",
    }),
    "peak": (PeakInput(), {"spiking": False}, {
        "end": "x += (I_bias)*dt/C_m\nv += (x - (v - E_L))*int(x > v - E_L)\nx = 0*x",
        "target": "x",
    }),
    "floor": (IF(V_min=-80 * mV), {}, {"end": "v = v*int(v >= V_min) + V_min*int(v < V_min)"}),
    "initial": (LIF(), {"initial": 0.5}, {"clear": "v = V_begin", "end": ""}),
    "hold": (IF(refractory=2 * ms), {"hold": 2}, {
        "equations": "step = timestep(t - t_begin, dt) % period : integer (shared, constant over dt)",
        "threshold": "v >= V_th - rounding and step >= onset + hold",
        "clear": "v = V_begin",
        "end": "v = V_begin + (v - V_begin)*int(step >= onset + hold)",
    }),
    "memoryless": (IF(), {"memoryless": True, "reset": "zero"}, {"end": "v = E_L"}),
    "fir_max": (IF(), {"estimate": "fir_max"}, {
        "equations": "estimate : 1",
        "reset": "v -= V_th - E_L\ncount += 1\nestimate += 1",
        "clear": "estimate = 0",
        "end": "",
    }),
    "avg_max": (IF(), {"estimate": "avg_max"}, {"end": "estimate *= exp(-dt/tau_estimate)"}),
    "exp_max": (IF(), {"estimate": "exp_max"}, {
        "reset": "v -= V_th - E_L\ncount += 1\nestimate += exp(-(step - onset)*dt/tau_estimate)",
    }),
    "everything": (SIGNED(V_min=-1 * volt), {"hold": 1, "initial": 0.5, "estimate": "avg_max"}, {
        "end": (
            "v = v*int(v >= V_min) + V_min*int(v < V_min)\n"
            "v = V_begin + (v - V_begin)*int(step >= onset + hold)\n"
            "estimate *= exp(-dt/tau_estimate)"
        ),
    }),
}  # fmt: skip


def part(name, units=BIOPHYSICAL):
    neuron, options, expected = PARTS[name]
    return neuron_text(
        neuron, Delta(), **{"reset": "subtract", "units": units, **options}
    ), expected


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_texts(name):
    made, expected = part(name)
    for field, value in expected.items():
        found = getattr(made, field)
        if field in ("equations", "clear"):
            assert value in found.splitlines()
        else:
            assert found == value, field
        if value and field == "end":
            assert f"step end   {value.splitlines()[0]}" in str(made).splitlines()


@pytest.mark.parametrize("units", [BIOPHYSICAL, DIMENSIONLESS], ids=lambda units: units.name)
def test_brian2_takes_every_part(units):
    groups, links = [], []
    with bioconv.run.device("numpy"):
        for name in PARTS:
            source = groups[0] if groups else None
            group, link = objects_of(part(name, units)[0], source, f"group_{name}")
            groups.append(group)
            links.append(link)
        brian2.Network(*groups, *links).run(4 * ms, namespace={})
    for name, group in zip(PARTS, groups, strict=True):
        assert np.isfinite(group.v_[0]), name
        if "count" in group.variables:
            # a fifth of a threshold a step is not summed up by what forgets
            assert (group.count[0] > 0) != (name == "memoryless"), name


def test_potentials_of_parts_in_both_units():
    """Begin and floor lie where thresholds are counted from rest: half of one above, one below."""
    neuron = IF(E_L=-70 * mV, V_th=-50 * mV, V_min=-90 * mV)
    made = {
        units: neuron_text(neuron, Delta(), reset="subtract", units=units, initial=0.5)
        for units in (BIOPHYSICAL, DIMENSIONLESS)
    }
    for text in made.values():
        assert in_thresholds(text, float(text.parameters["V_begin"])) == pytest.approx(0.5)
        assert in_thresholds(text, float(text.constants["V_min"])) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("neuron", "synapse", "reset", "message"),
    [
        (
            FewSpike(), Alpha(), "subtract",
            'FewSpike neurons take a spike\'s charge at once; use synapse="delta" with them',
        ),
        (
            PeakInput(), Exponential(), "subtract",
            'PeakInput neurons take a spike\'s charge at once; use synapse="delta" with them',
        ),
        (
            SIGNED(), Delta(), "zero",
            'SignedIntegrateFire neurons are reset by subtraction; use reset="subtract"',
        ),
    ],
)  # fmt: skip
def test_parts_that_do_not_go_together(neuron, synapse, reset, message):
    with pytest.raises(ParameterError) as caught:
        neuron_text(neuron, synapse, reset=reset, units=BIOPHYSICAL)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("neuron", "synapse", "method"),
    [
        ("if", "delta", "euler"),
        ("if", "exponential", "rk4"),
        ("if", "double_exponential", "rk4"),
        ("lif", "delta", "exact"),
        ("lif", "alpha", "exact"),
    ],
)
def test_methods(neuron, synapse, method):
    assert text(neuron, synapse).method == method


def test_a_readout_only_integrates():
    made = text("refractory_if", "delta", "subtract", BIOPHYSICAL, False, False, False)
    assert (made.threshold, made.reset, made.refractory) == ("", "", "")
    assert "refractory" not in made.equations + made.clear and "count" not in made.equations
    assert "V_th" not in made.equations
    assert (set(made.constants), set(made.parameters)) == ({"E_L", "C_m"}, {"V_th"})


#: Unit of weight in biophysical units: 15 mV, or the charge 3 pC over the filter's time.
UNITS = {
    "delta": 15 * mV,
    "exponential": 200 * pF * 15 * mV / (5 * ms),
    "alpha": 200 * pF * 15 * mV / (5 * ms),
    "double_exponential": 200 * pF * 15 * mV / (1 * ms),
}


@pytest.mark.parametrize("synapse", UNITS)
def test_a_weight_of_one_threshold(synapse):
    made = text("if", synapse)
    assert brian2.units.have_same_dimensions(made.unit, UNITS[synapse])
    assert float(made.unit) == pytest.approx(float(UNITS[synapse]))
    assert float(made.current) == pytest.approx(3e-12)  # coulomb a threshold
    plain = text("if", synapse, "subtract", DIMENSIONLESS, False, False, True)
    threshold = 15e-3 if synapse == "delta" else 3e-12  # volt, coulomb
    assert float(plain.unit) == pytest.approx(float(UNITS[synapse]) / threshold)
    assert plain.current == 1.0


def test_a_reset_potential_in_both_units():
    neuron = IF(E_L=-70 * mV, V_th=-50 * mV, V_reset=-75 * mV)
    both = BIOPHYSICAL, DIMENSIONLESS
    made = [neuron_text(neuron, Delta(), reset="zero", units=units) for units in both]
    assert made[0].constants["V_reset"] == -75 * mV
    assert made[1].constants["V_reset"] == pytest.approx(-0.25)
    np.testing.assert_allclose(in_thresholds(made[0], np.array([-0.07, -0.06, -0.05])), [0, 0.5, 1])
    np.testing.assert_allclose(in_thresholds(made[1], np.array([0, 0.5, 1])), [0, 0.5, 1])
    assert IF(E_L=-70 * mV).V_reset == -70 * mV


@pytest.mark.parametrize("neuron", ["if", "refractory_lif"])
def test_latex(neuron):
    latex = text(neuron, "alpha").latex()
    assert latex.strip().startswith("\\begin{align*}") and latex.strip().endswith("\\end{align*}")
    for name in ("v", "I_{syn}", "h_{syn}"):
        assert rf"\frac{{\mathrm{{d}}{name}}}{{\mathrm{{d}}t}}" in latex
    assert "I_{bias}" in latex
    assert (r"\tau_{m}" in latex) == (neuron == "refractory_lif")


POTENTIALS = (
    "{}: needs V_th > E_L, V_th > V_reset and C_m > 0; they are V_th = {}, E_L = -65. mV, "
    "V_reset = {}, C_m = {}"
)
TIME = "{}: {} is {}; give a {} time such as 5*ms"
#: a record's kind, its options, the message
REFUSED = [
    (IF, {"E_L": -65}, "IntegrateFire: E_L is -65; give a quantity such as -65*mV"),
    (IF, {"E_L": None}, "IntegrateFire: E_L is None; give a quantity such as -65*mV"),
    (IF, {"V_th": 1 * ms}, "IntegrateFire: V_th is 1. * msecond; give a quantity such as -65*mV"),
    (IF, {"V_th": np.nan * mV}, "IntegrateFire: V_th is nan * volt; it must be finite"),
    (LIF, {"E_L": np.inf * mV}, f"LeakyIntegrateFire: E_L is {np.inf * mV!r}; it must be finite"),
    (
        IF,
        {"E_L": [-65, -60] * mV},
        "IntegrateFire: E_L is array([-65., -60.]) * mvolt; give a quantity such as -65*mV",
    ),
    (LIF, {"V_reset": -65}, "LeakyIntegrateFire: V_reset is -65; give a quantity such as -65*mV"),
    (IF, {"C_m": 200}, "IntegrateFire: C_m is 200; give a quantity such as 200*pF"),
    (IF, {"C_m": 2 * mV}, "IntegrateFire: C_m is 2. * mvolt; give a quantity such as 200*pF"),
    (
        IF,
        {"C_m": 0 * farad},
        POTENTIALS.format("IntegrateFire", "-50. mV", "-65. mV", "0. F"),
    ),
    (IF, {"C_m": -1 * nF}, POTENTIALS.format("IntegrateFire", "-50. mV", "-65. mV", "-1. nF")),
    (
        IF,
        {"V_th": -65 * mV},
        POTENTIALS.format("IntegrateFire", "-65. mV", "-65. mV", "200. pF"),
    ),
    (
        LIF,
        {"V_th": -70 * mV},
        POTENTIALS.format("LeakyIntegrateFire", "-70. mV", "-65. mV", "200. pF"),
    ),
    (
        IF,
        {"V_reset": -50 * mV},
        POTENTIALS.format("IntegrateFire", "-50. mV", "-50. mV", "200. pF"),
    ),
    (IF, {"V_min": -65}, "IntegrateFire: V_min is -65; give a quantity such as -65*mV"),
    (
        IF,
        {"V_min": -64 * mV},
        "IntegrateFire: V_min is -64. mV; a floor is at most E_L = -65. mV and V_reset",
    ),
    (
        IF,
        {"V_min": -65 * mV, "V_reset": -70 * mV},
        "IntegrateFire: V_min is -65. mV; a floor is at most E_L = -65. mV and V_reset",
    ),
    *(
        (SIGNED, {"slope": bad}, f"SignedIntegrateFire: slope is {bad!r}; give a positive number")
        for bad in (0, -0.1, np.inf, np.nan)
    ),
    (IF, {"refractory": 2}, TIME.format("IntegrateFire", "refractory", "2", "zero or more")),
    (
        IF,
        {"refractory": -1 * ms},
        TIME.format("IntegrateFire", "refractory", "-1. ms", "zero or more"),
    ),
    (LIF, {"tau_m": 20}, TIME.format("LeakyIntegrateFire", "tau_m", "20", "positive")),
    (LIF, {"tau_m": 0 * ms}, TIME.format("LeakyIntegrateFire", "tau_m", "0. s", "positive")),
    (LIF, {"tau_m": 5 * Hz}, TIME.format("LeakyIntegrateFire", "tau_m", "5. Hz", "positive")),
    (LIF, {"tau_m": np.nan * ms}, TIME.format("LeakyIntegrateFire", "tau_m", "nan s", "positive")),
    (
        LIF,
        {"tau_m": np.inf * ms},
        TIME.format("LeakyIntegrateFire", "tau_m", np.inf * ms, "positive"),
    ),
    (Exponential, {"tau": 5}, TIME.format("Exponential", "tau", "5", "positive")),
    (Exponential, {"tau": "5*ms"}, TIME.format("Exponential", "tau", "'5*ms'", "positive")),
    (
        Exponential,
        {"tau": [1, 2] * ms},
        TIME.format("Exponential", "tau", "[1. 2.] ms", "positive"),
    ),
    (Alpha, {"tau": -3 * ms}, TIME.format("Alpha", "tau", "-3. ms", "positive")),
    (Alpha, {"tau": 3 * volt}, TIME.format("Alpha", "tau", "3. V", "positive")),
    (DoubleExponential, {"rise": 0}, TIME.format("DoubleExponential", "rise", "0", "positive")),
    (
        DoubleExponential,
        {"decay": 2 * amp},
        TIME.format("DoubleExponential", "decay", "2. A", "positive"),
    ),
    (
        DoubleExponential,
        {"rise": 5 * ms},
        "DoubleExponential: rise and decay are both 5. ms; the exact solution divides by their "
        "difference. Use Alpha(tau=...), which is their limit",
    ),
]


@pytest.mark.parametrize(("kind", "options", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_parameters_that_are_refused(kind, options, message):
    with pytest.raises(ParameterError) as caught:
        kind(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("synapse", "name"),
    [
        (Exponential(tau=20 * ms), "tau_syn"),
        (Alpha(tau=20 * ms), "tau_syn"),
        (DoubleExponential(decay=20 * ms), "tau_decay"),
        (DoubleExponential(rise=20 * ms), "tau_rise"),
    ],
)
def test_equal_time_constants_have_no_exact_solution(synapse, name):
    with pytest.raises(ParameterError) as caught:
        neuron_text(LIF(tau_m=20 * ms), synapse, reset="zero", units=BIOPHYSICAL)
    assert str(caught.value) == (
        f"{name} and tau_m are both 20. ms; the exact solution divides by their difference. Change "
        "one of them by a thousandth"
    )
    other = LIF(tau_m=20.02 * ms)
    assert neuron_text(other, synapse, reset="zero", units=BIOPHYSICAL).method == "exact"
    assert neuron_text(IF(), synapse, reset="zero", units=BIOPHYSICAL).method == "rk4"


def test_times():
    assert seconds("a", "b", 5 * ms) == 5 * ms
    assert seconds("a", "b", 0 * second, zero=True) == 0 * ms
    assert LIF(tau_m=10 * ms, C_m=100 * pF).R_m == 100 * brian2.Mohm


def test_names():
    for name, kind in NEURONS.items():
        assert type(neuron_named(name)) is type(neuron_named(name.upper())) is kind
    for name, kind in SYNAPSES.items():
        assert type(synapse_named(name)) is kind
    assert (type(neuron_named(None)), type(synapse_named(None))) == (IF, Delta)
    for record in (LIF(), IF()):
        assert neuron_named(record) is record
    assert synapse_named(FILTERS["alpha"]) is FILTERS["alpha"]
    assert [units_named(u.name) for u in (BIOPHYSICAL, DIMENSIONLESS)] == [
        BIOPHYSICAL,
        DIMENSIONLESS,
    ]
    assert [reset_named(name) for name in ("subtract", "zero")] == ["subtract", "zero"]


LOOKUPS = {
    neuron_named: (
        "neuron is {!r}; choose one of if, lif, correcting, few_spike, adaptive_lif, exponential_if, izhikevich, hodgkin_huxley or a record of bioconv.neurons such as "
        "LIF(tau_m=20*ms)"
    ),
    synapse_named: (
        "synapse is {!r}; choose one of delta, exponential, alpha, double_exponential, conductance or a record "
        "of bioconv.neurons such as Exponential(tau=5*ms)"
    ),
    units_named: 'units is {!r}; choose "biophysical" or "dimensionless"',
    reset_named: 'reset is {!r}; choose "subtract" (soft, keeps the overshoot) or "zero" (hard)',
}


@pytest.mark.parametrize(("bad", "lookup"), product(["nothing", 3, [], LIF], LOOKUPS))
def test_names_that_are_not_there(bad, lookup):
    with pytest.raises(ParameterError) as caught:
        lookup(bad)
    assert str(caught.value) == LOOKUPS[lookup].format(bad)
