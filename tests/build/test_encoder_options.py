"""Encoders: names, rates, refusals, and what they send."""

import numpy as np
import pytest
from brian2 import Hz, kHz, ms, mV, second
from cases import chain, dense

import bioconv
from bioconv.build import (
    ENCODERS,
    Constant,
    Poisson,
    RankOrder,
    Regular,
    Settings,
    TimeToFirstSpike,
    encoder_named,
    steps,
)
from bioconv.errors import ParameterError, StimulusError
from bioconv.graph import Dense, Flatten, ReLU
from bioconv.neurons import BIOPHYSICAL


def settings(**options):
    return Settings(**{"dt": 1 * ms, "units": BIOPHYSICAL, "encoder": Constant(), **options})


@pytest.mark.parametrize("name", ENCODERS)
def test_names(name):
    assert type(encoder_named(name)) is ENCODERS[name]


def test_defaults_and_records():
    given = Poisson(rate=200 * Hz)
    assert encoder_named(given) is given
    assert isinstance(encoder_named(None), Constant)
    assert ENCODERS["bernoulli"] is ENCODERS["poisson"]


@pytest.mark.parametrize("bad", ["gauss", "", 7, Poisson, ["poisson"]], ids=repr)
def test_unknown_encoders(bad):
    with pytest.raises(ParameterError) as caught:
        encoder_named(bad)
    assert str(caught.value) == (
        f"encoder is {bad!r}; choose one of constant, poisson, bernoulli, regular, ttfs, "
        "rank_order, frames, events "
        "or a record such as Poisson(rate=200*Hz)"
    )


BAD_RATES = {
    "plain_number": (200, "rate is 200; give a quantity such as 200*Hz"),
    "wrong_unit": (5 * ms, "rate is 5. * msecond; give a quantity such as 200*Hz"),
    "array": ([1, 2] * Hz, "rate is array([1., 2.]) * hertz; give a quantity such as 200*Hz"),
    "zero": (0 * Hz, "rate is 0. Hz; it must be positive and finite"),
    "negative": (-5 * Hz, "rate is -5. Hz; it must be positive and finite"),
    "nan": (np.nan * Hz, "rate is nan Hz; it must be positive and finite"),
    "infinite": (np.inf * Hz, f"rate is {np.inf * Hz}; it must be positive and finite"),
}


@pytest.mark.parametrize("encoder", [Constant, Poisson, Regular, TimeToFirstSpike, RankOrder])
@pytest.mark.parametrize("name", BAD_RATES)
def test_bad_rates(name, encoder):
    rate, text = BAD_RATES[name]
    with pytest.raises(ParameterError) as caught:
        encoder(rate=rate)
    assert str(caught.value) == f"{encoder.__name__}: {text}"


def test_the_largest_rate_is_one_spike_a_step():
    assert settings().max_rate == 1 * kHz
    assert settings(dt=0.5 * ms).max_rate == 2 * kHz
    assert settings(encoder=Regular(rate=250 * Hz)).max_rate == 250 * Hz
    assert settings(encoder=Regular(rate=1 * kHz)).max_rate == 1 * kHz
    with pytest.raises(ParameterError) as caught:
        settings(dt=2 * ms, encoder=Poisson(rate=501 * Hz))
    assert str(caught.value) == (
        "Poisson: rate 0.501 kHz is more than one spike a step of 2. ms; use at most 0.5 kHz or a "
        "smaller dt"
    )


SEED = "seed is {!r}; give an integer from 0 to 2147483647"
BAD_SETTINGS = {
    "dt_plain": ({"dt": 1}, "the model: dt is 1; give a positive time such as 5*ms"),
    "dt_zero": ({"dt": 0 * ms}, "the model: dt is 0. s; give a positive time such as 5*ms"),
    "dt_unit": ({"dt": 1 * mV}, "the model: dt is 1. mV; give a positive time such as 5*ms"),
    "propagation": (
        {"propagation": "fast"},
        "propagation is 'fast'; choose one of synchronous, delayed",
    ),
    **{f"seed_{s!r}": ({"seed": s}, SEED.format(s)) for s in (-1, 2**31, 0.5, True, "0", None)},
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings(name):
    options, text = BAD_SETTINGS[name]
    with pytest.raises(ParameterError) as caught:
        settings(**options)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("time", "dt", "expected"),
    [
        (0.3 * second, 0.1 * second, 3),  # 2.9999999999999996 in floats
        (100 * ms, 1 * ms, 100),
        (1.4 * ms, 1 * ms, 1),
        (1.6 * ms, 1 * ms, 2),
        (1 * second, 0.1 * ms, 10_000),
    ],
)
def test_time_is_counted_in_steps(time, dt, expected):
    assert steps("duration", time, dt) == expected


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.4 * ms, "duration is 0.4 ms, less than one step of 1. ms"),
        (100, "run: duration is 100; give a positive time such as 5*ms"),
        (-5 * ms, "run: duration is -5. ms; give a positive time such as 5*ms"),
    ],
)
def test_times_that_are_no_number_of_steps(time, text):
    with pytest.raises(ParameterError) as caught:
        steps("duration", time, 1 * ms)
    assert str(caught.value) == text


NETWORK = chain((40,), dense(3, 40), ReLU())
X = np.linspace(0, 1, 40)[None]


def input_result(encoder, n_steps=400, x=X, **options):
    model = bioconv.to_brian(NETWORK, encoder=encoder, **options)
    return model.run(x, n_steps * ms, device="numpy", record={"input": "spikes"})


@pytest.mark.parametrize("propagation", ["synchronous", "delayed"])
def test_regular_input_is_off_by_less_than_a_spike(propagation):
    result = input_result("regular", propagation=propagation)
    counts = result.counts["input"][0]
    np.testing.assert_array_equal(counts, np.floor(X[0] * 400 + 1e-6))
    spikes = result.spikes["input"]
    step = spikes.step[spikes.neuron == 20]
    assert np.ptp(np.diff(step)) <= 1, "evenly spaced"
    assert spikes.step.min() >= 0 and spikes.step.max() == 399


def test_poisson_input_has_the_statistics_of_coin_flips():
    """Mean within 5 standard errors of x; 0 never and 1 always; no two neurons alike."""
    n_steps, x = 1000, np.repeat(X, 8, axis=0)
    counts = input_result("poisson", n_steps, x).counts["input"]
    assert (counts[:, 0] == 0).all() and (counts[:, -1] == n_steps).all()
    error = (counts.mean(axis=0) / n_steps - X[0])[1:-1]
    assert (abs(error) < 5 * np.sqrt(X[0] * (1 - X[0]) / (8 * n_steps))[1:-1]).all()
    assert counts[:, 1:-1].std(axis=0).min() > 0, "every sample has chances of its own"


@pytest.mark.parametrize("encoder", [Poisson(rate=250 * Hz), Regular(rate=250 * Hz)])
def test_a_rate_is_what_the_largest_input_gets(encoder):
    result = input_result(encoder)
    assert result.max_rate == 250
    spread = 5 * np.sqrt(400 * 0.25 * 0.75) if isinstance(encoder, Poisson) else 0
    assert abs(result.counts["input"][0, -1] - 100) <= spread
    decoded = result.decoded("input")[0]
    np.testing.assert_allclose(decoded, X[0], atol=max(spread, 1) / 100)


def test_geometric_intervals_are_a_bernoulli_process():
    """Rates, independence of neighbouring steps and the ends p = 0 and p = 1, within five deviations."""
    levels = np.array([0.0, 1e-3, 0.1, 0.37, 0.9, 1.0])
    network = chain((6,), Dense(weight=np.eye(6)), ReLU())
    model = bioconv.to_brian(network, method="unscaled", encoder="poisson", seed=9)
    samples, steps = 60, 400
    result = model.run(
        np.tile(levels, (samples, 1)), steps * ms, device="numpy", record={"input": "spikes"}
    )
    spikes = result.spikes["input"]
    train = np.zeros((samples, 6, steps))
    train[spikes.sample, spikes.neuron, spikes.step] = 1
    n = samples * steps
    deviation = np.sqrt(levels * (1 - levels) / n)
    assert (abs(train.mean(axis=(0, 2)) - levels) <= 5 * deviation).all()
    first = train[:, :, 0].mean(axis=0)
    assert (abs(first - levels) <= 5 * np.sqrt(levels * (1 - levels) / samples)).all()
    centred = train - levels[:, None]
    neighbours = (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=(0, 2))
    assert (abs(neighbours) <= 5 * levels * (1 - levels) / np.sqrt(n) + 1e-15).all()


@pytest.mark.parametrize("c", [1.0, 1 / 3, 0.1])
def test_a_bernoulli_rate_is_the_factor_of_cao(rng, c):
    """``p = c x`` is ``rate = c/dt``: spikes in the mean of ``c x`` a step, biases of ``c b``."""
    x, n_steps = rng.random((20, 12)), 500
    layer = Dense(weight=rng.normal(size=(5, 12)), bias=rng.normal(size=5))
    model = bioconv.to_brian(
        chain((12,), layer), method="unscaled", encoder=Poisson(rate=c / ms), seed=3
    )
    result = model.run(x, n_steps * ms, device="numpy")
    assert result.max_rate == pytest.approx(1000 * c)
    counts = result.counts["input"]
    deviation = np.sqrt(c * x * (1 - c * x) / n_steps)
    assert (abs(counts / n_steps - c * x) <= 4 * deviation).all()
    mean = abs((counts / n_steps - c * x).mean())
    assert mean <= 4 * np.sqrt((deviation**2).sum()) / counts.size
    sent = result.counts[result.output] + result.potentials
    expected = counts @ layer.weight.T + layer.bias * c * n_steps
    np.testing.assert_allclose(sent, expected, atol=1e-6)


WAYS = [("synchronous", "shared"), ("delayed", "shared"), ("delayed", "explicit")]


def sums(encoder, x, n_steps, weights=None, **options):
    """What every input sent in a presentation, over its weight; and the result."""
    size = x.shape[1]
    network = chain((size,), Dense(weight=np.eye(size) if weights is None else weights))
    model = bioconv.to_brian(network, method="unscaled", encoder=encoder, **options)
    result = model.run(
        x, n_steps * ms, device="numpy", record={"input": "spikes"}, batch_size=2
    )  # fmt: skip
    return result.counts[result.output] + result.potentials, result


@pytest.mark.parametrize(("propagation", "projections"), WAYS)
@pytest.mark.parametrize("n_steps", [50, 51])
def test_a_first_spike_tells_the_value_within_a_step(rng, n_steps, propagation, projections):
    x = np.concatenate([rng.random((3, 30)), np.tile([0, 1e-9, 0.25, 0.5, 1.0], (3, 1))], axis=1)
    sent, result = sums(
        "ttfs", x, n_steps, 0.02 * np.eye(35), propagation=propagation, projections=projections
    )
    counts, spikes = result.counts["input"], result.spikes["input"]
    np.testing.assert_array_equal(counts, x > 0)
    step = np.full(x.shape, -1)
    step[spikes.sample, spikes.neuron] = spikes.step
    late = np.ceil(0.75 * n_steps - 0.5)  # halves take the earlier step
    assert (step[:, -5:] == [-1, n_steps - 1, late, n_steps // 2, 0]).all()
    decoded = np.where(counts, 1 - step / n_steps, 0)
    assert abs(decoded - x).max() <= 1 / n_steps
    assert abs(decoded - x)[x > 1 / n_steps].max() <= 0.5 / n_steps + 1e-9
    np.testing.assert_allclose(sent, 0.02 * n_steps * decoded, atol=1e-9)


def test_first_spikes_that_weigh_alike_and_faint_pixels():
    x = np.array([[0.0, 0.19, 0.2, 0.6, 1.0]])
    encoder = TimeToFirstSpike(x_min=0.2, weighted=False)
    sent, result = sums(encoder, x, 40)
    np.testing.assert_array_equal(result.counts["input"], [[0, 0, 1, 1, 1]])
    np.testing.assert_allclose(sent, [[0, 0, 40, 40, 40]], atol=1e-9)
    sent, _ = sums(TimeToFirstSpike(rate=25 * Hz), x, 40)
    np.testing.assert_allclose(sent, [[0, 0.2, 0.2, 0.6, 1.0]], atol=1e-9)


@pytest.mark.parametrize(("propagation", "projections"), WAYS)
@pytest.mark.parametrize("n_steps", [4, 7, 30])
def test_the_order_of_pixels_is_the_order_of_spikes(n_steps, propagation, projections):
    """More pixels than steps, as many, and fewer; ties by number; other samples of a batch have others."""
    x = np.array(
        [[0.1, 0.9, 0.0, 0.9, 0.5, 1.0, 0.04], [0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [0.0] * 7]
    )
    places = np.array([[4, 1, -1, 2, 3, 0, -1], [0, 1, 2, 3, 4, 5, 6], [-1] * 7])
    encoder = RankOrder(modulation=0.8, x_min=0.05)
    sent, result = sums(
        encoder, x, n_steps, 0.1 * np.eye(7), propagation=propagation, projections=projections
    )
    spikes = result.spikes["input"]
    np.testing.assert_array_equal(result.counts["input"], places >= 0)
    k = places[spikes.sample, spikes.neuron]
    np.testing.assert_array_equal(spikes.step, k * n_steps // 7)
    expected = np.where(places >= 0, 0.1 * n_steps * 0.8**places, 0)
    np.testing.assert_allclose(sent, expected, atol=1e-9)


def test_order_in_maps_counts_channel_row_column():
    """The group counts row, column, channel inside; ties are told apart by the number outside."""
    network = chain((2, 2, 3), Flatten(), dense(3, 12))
    model = bioconv.to_brian(network, method="unscaled", encoder="rank_order")
    result = model.run(np.ones((1, 2, 2, 3)), 12 * ms, device="numpy", record={"input": "spikes"})
    np.testing.assert_array_equal(result.spikes["input"].neuron, np.arange(12))
    np.testing.assert_array_equal(result.spikes["input"].step, np.arange(12))


def test_the_text_shows_how_a_spike_is_weighed():
    model = bioconv.to_brian(NETWORK, method="unscaled", encoder=RankOrder(modulation=0.75))
    assert "v_post += w*gain_pre" in str(model)
    assert "gain = 0.75**rank*n_steps*max_rate*dt" in model.equations()["input"]
    assert "gain" not in str(bioconv.to_brian(NETWORK, method="unscaled", encoder="poisson"))


BAD_TIMES = {
    "x_min": (TimeToFirstSpike, {"x_min": -0.1}, "x_min is -0.1; give a part from 0 to 1"),
    "x_min_text": (RankOrder, {"x_min": "no"}, "x_min is 'no'; give a part from 0 to 1"),
    "x_min_nan": (RankOrder, {"x_min": np.nan}, "x_min is nan; give a part from 0 to 1"),
    "modulation": (RankOrder, {"modulation": 0}, "is 0; give more than 0 and at most 1"),
    "modulation_large": (RankOrder, {"modulation": 1.1}, "is 1.1; give more than 0 and at most 1"),
}


@pytest.mark.parametrize("name", BAD_TIMES)
def test_bad_options_of_time_codes(name):
    encoder, options, text = BAD_TIMES[name]
    with pytest.raises(ParameterError, match=text):
        encoder(**options)


@pytest.mark.parametrize("encoder", ["ttfs", "rank_order"])
def test_codes_that_send_no_negative_values(encoder):
    model = bioconv.to_brian(NETWORK, method="unscaled", input_range=(-1, 1), encoder=encoder)
    with pytest.raises(StimulusError, match="cannot send negative values"):
        model.run(X - 0.5, 10 * ms, device="numpy")
