"""The method that is found by trial: what is tried, chosen, refused and reported."""

import numpy as np
import pytest
from brian2 import ms
from cases import NETWORKS, chain, conv, dense, images

import bioconv
from bioconv.convert import (
    QCFS,
    Auto,
    Candidate,
    FewSpike,
    ModelBased,
    Percentile,
    Trial,
    convert,
)
from bioconv.convert.auto import CANDIDATES, candidates_for
from bioconv.errors import ConversionError
from bioconv.graph import Flatten, MaxPool2d, QuantizedReLU, ReLU

NETWORK = NETWORKS["dense"]
SLOW = Candidate(method=ModelBased(), initial=0.0)
FAST = Candidate(method=Percentile(percentile=99.0))


def simulate(spiking, x, n_steps, record=None, often=False):
    return bioconv.to_brian(spiking).run(
        x, n_steps * ms, device="numpy", record=record, progress=False
    )


def chosen(network=NETWORK, n=60, **options):
    auto = Auto(**{"candidates": (SLOW, FAST), "max_steps": 40, "agreement": 0.9, **options})
    return convert(network, method=auto, calibration=images(network, n), simulate=simulate)


def test_the_candidate_that_answers_soonest_is_taken():
    report = chosen().report
    assert [trial.candidate for trial in report.trials] == [SLOW, FAST]
    slow, fast = (trial.needed for trial in report.trials)
    assert fast is not None and (slow is None or fast < slow)
    assert report.steps == fast
    assert report.notes[0] == f"auto chose {FAST!r}"
    assert sum(line.startswith("tried ") for line in str(report).splitlines()) == 2


def test_the_agreement_is_that_of_images_that_set_no_scale():
    """By hand: converted with every second image, shown the others."""
    x = images(NETWORK, 60)
    trial = chosen(candidates=(FAST,)).report.trials[0]
    spiking = convert(
        NETWORK, method=FAST.method, calibration=x[::2], initial=0.5, readout="potential"
    )
    result = simulate(spiking, x[1::2], 40, record={spiking.output: "v"})
    expected = bioconv.reference(NETWORK, x[1::2]).argmax(axis=1)
    assert len(set(expected)) > 1
    np.testing.assert_allclose(
        trial.agreement, (result.predictions_over_time() == expected).mean(axis=1)
    )


def test_a_budget_ends_the_trials_but_never_before_the_first():
    assert len(chosen(budget=0.0).report.trials) == 1


def test_networks_trained_for_qcfs_try_it_first():
    network = chain((9,), dense(7, 9), QuantizedReLU(levels=4, maximum=1.5), dense(4, 7))
    assert candidates_for(NETWORK) == CANDIDATES
    assert not any(isinstance(candidate.method, QCFS) for candidate in CANDIDATES)
    assert candidates_for(network)[1:] == CANDIDATES
    report = chosen(network, candidates=None, budget=0.0).report
    assert report.method == repr(QCFS()) and len(report.trials) == 1
    assert report.trials[0].agreement[3] == 1, "four steps count what four levels say"


def test_what_cannot_be_converted_is_named_and_left_out():
    network = chain(
        (2, 6, 5), conv(3, 2, 2, 2), ReLU(), MaxPool2d(kernel=2), Flatten(), dense(4, 12)
    )
    digits = Candidate(method=FewSpike(), initial=0.0)
    report = chosen(network, candidates=(digits, FAST)).report
    assert [trial.candidate for trial in report.trials] == [FAST]
    assert "few-spike neurons read only each other" in report.notes[-1]
    with pytest.raises(ConversionError, match="no candidate fits"):
        chosen(network, candidates=(digits,))


@pytest.mark.parametrize(
    ("agreement", "needed"), [([0.5, 0.9, 1.0], 2), ([0.9, 0.5, 0.9], 3), ([1, 1, 1], 1), ([1, 1, 0], None)]
)  # fmt: skip
def test_needed_is_the_step_from_which_the_agreement_stays(agreement, needed):
    trial = Trial(
        candidate=FAST, agreement=np.array(agreement), steps=np.arange(1, 4), spikes=1.0, seconds=0.0,
        wanted=0.9,
    )  # fmt: skip
    assert trial.needed == needed


@pytest.mark.parametrize("calibration", [None, images(NETWORK, 1)], ids=["none", "one"])
def test_auto_needs_images(calibration):
    with pytest.raises(ConversionError, match="calibration"):
        convert(NETWORK, method="auto", calibration=calibration, simulate=simulate)


def test_an_or_cannot_take_spikes_back():
    network = chain(
        (2, 6, 5), conv(3, 2, 2, 2), ReLU(), MaxPool2d(kernel=2), Flatten(), dense(4, 12)
    )
    with pytest.raises(ConversionError, match='"or" cannot take spikes back'):
        convert(
            network, method="qcfs", calibration=images(network, 9), substitute={"MaxPool2d": "or"}
        )


def test_a_gate_passes_on_what_is_taken_back():
    """After enough steps the pooled rates are the largest of their windows."""
    network = chain(
        (2, 6, 5), conv(5, 2, 2, 2), ReLU(), conv(3, 5, 1, 1), ReLU(), MaxPool2d(kernel=2), Flatten(),
        dense(4, 12),
    )  # fmt: skip
    x = images(network, 6)
    spiking = bioconv.convert(network, method="qcfs", calibration=x)
    result = simulate(spiking, x, 400)
    assert result.negatives["pool1"].sum() > 0, "nothing was taken back"
    values = bioconv.activations(network, x)["pool1"] / spiking["pool1"].scale
    assert np.corrcoef(result.coding("pool1").ravel(), values.ravel())[0, 1] > 0.99
