"""Two clocks of a C++ program, far from its begin."""

import brian2
import numpy as np
import pytest
from brian2 import ms, second

from bioconv.run import Parts, executable

STEPS, BORDERS, PERIOD = 0.5 * ms, 50 * ms, 100
LENGTH = 150 * second


def counting():
    """How often what runs at a border sees another step than the first of a period."""
    steps, borders = brian2.Clock(STEPS), brian2.Clock(BORDERS)
    group = brian2.NeuronGroup(1, "seen : integer\nwrong : integer", clock=steps, name="counted")
    group.run_regularly(
        f"seen += 1; wrong += int(t_in_timesteps % {PERIOD} != 0)", clock=borders, when="start",
        name="at_borders",
    )  # fmt: skip
    group.run_regularly("seen += 0", clock=steps, when="end", name="at_steps")
    network = brian2.Network(group, name="counting_network")
    return Parts(
        network=network, length=LENGTH, outputs=[(group, "seen"), (group, "wrong")], arguments=[]
    )


@pytest.mark.compiled
def test_borders_meet_their_step_beyond_a_minute(tmp_path):
    borders = np.arange(3000)
    apart = np.abs(borders * PERIOD * 0.0005 - borders * 0.05) > 1e-14
    assert 100 < apart.sum() < 1500, "nothing to tell apart"
    found = executable(counting, None, tmp_path).run([], {}, float(LENGTH / second))
    assert found["counted.seen"] == 3000
    assert found["counted.wrong"] == 0
