"""At most k neurons spike: against a loop in numpy, on every target."""

import brian2
import numpy as np
import pytest
from brian2 import ms

from bioconv.errors import ParameterError
from bioconv.projections import KWinners
from bioconv.run import device

SIZE, REPLICAS, STEPS, SAMPLE = 11, 3, 120, 30
#: Input of every step; a few are equal, so that ties are met.
DRIVE = np.random.default_rng(0).integers(0, 12, (STEPS, REPLICAS * SIZE)) / 16
#: Of some neurons, so that the strongest is not the one with the highest potential.
HIGHER = np.arange(REPLICAS * SIZE) % 3 / 4


def spikes(k, lasting, target="numpy", folder=None):
    with device(target, folder):
        clock = brian2.Clock(1 * ms)
        drive = brian2.TimedArray(DRIVE, dt=1 * ms)
        group = brian2.NeuronGroup(
            REPLICAS * SIZE, "v : 1\nhigher : 1\nstrength : 1\nmay_spike : boolean\n" + "winner : boolean" * lasting,
            threshold="v > 1 + higher and may_spike", reset="v = 0" + "; winner = True" * lasting, clock=clock,
            namespace={"drive": drive},
        )  # fmt: skip
        group.higher = HIGHER
        group.run_regularly("v += drive(t, i)", when="groups", clock=clock)
        if lasting:
            group.run_regularly(
                "v = 0; winner = False", when="start", clock=brian2.Clock(SAMPLE * ms)
            )
        KWinners(group, k, by="v - higher", replicas=REPLICAS)
        monitor = brian2.SpikeMonitor(group)
        brian2.Network(group, monitor).run(STEPS * ms)
        if target == "cpp_standalone":
            brian2.get_device().build(directory=str(folder), with_output=False)
        found = np.zeros((STEPS, REPLICAS * SIZE), dtype=bool)
        found[np.rint(monitor.t / ms).astype(int), monitor.i] = True
    return found


def wanted(k, lasting):
    """One neuron after another, the strongest first."""
    v, won = np.zeros(REPLICAS * SIZE), np.zeros(REPLICAS * SIZE, dtype=bool)
    found = np.zeros((STEPS, REPLICAS * SIZE), dtype=bool)
    for step in range(STEPS):
        if lasting and step % SAMPLE == 0:
            v[:], won[:] = 0, False
        v += DRIVE[step]
        for first in range(0, len(v), SIZE):
            left = k - won[first : first + SIZE].sum()
            for j in sorted(range(first, first + SIZE), key=lambda j: (-(v[j] - HIGHER[j]), j)):
                above = v[j] > 1 + HIGHER[j]
                if above and (won[j] or left > 0):
                    found[step, j] = True
                    left -= not won[j]
        v[found[step]] = 0
        if lasting:
            won |= found[step]
    return found


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("target", [
    "numpy", *(pytest.param(t, marks=pytest.mark.compiled) for t in ("cython", "cpp_standalone")),
])  # fmt: skip
def test_the_strongest_win(target, k, lasting, tmp_path):
    found = spikes(k, lasting, target, tmp_path / "program")
    assert 20 < found.sum() < spikes(SIZE, lasting).sum() - 20
    np.testing.assert_array_equal(found, wanted(k, lasting))


def test_what_does_not_fit_is_told():
    plain = brian2.NeuronGroup(6, "v : 1", threshold="v > 1")
    with pytest.raises(ParameterError, match="no variable 'strength'"):
        KWinners(plain, 1, by="v")
    ready = brian2.NeuronGroup(
        6, "v : 1\nstrength : 1\nmay_spike : boolean", threshold="v > 1 and may_spike"
    )
    for k, replicas in ((0, 1), (7, 1), (2, 4), (4, 2)):
        with pytest.raises(ParameterError, match=f"{k} winners of 6"):
            KWinners(ready, k, by="v", replicas=replicas)
