"""Receptive fields: the formula, the layout, and a network that is shown their responses."""

import numpy as np
import pytest
from brian2 import ms

import bioconv
from bioconv.errors import ParameterError, StimulusError
from bioconv.graph import Conv2d, Network


def test_every_field_is_a_gaussian_around_its_centre():
    """Five fields over [0, 3]: centres half a spacing beyond the ends, two widths' ratio 1.5."""
    centres, width = np.array([-0.5, 0.5, 1.5, 2.5, 3.5]), 2 / 3
    responses = bioconv.receptive_fields(centres[None, :], 5, 0, 3).reshape(5, 5)
    expected = np.exp(-((centres[:, None] - centres) ** 2) / (2 * width**2))
    np.testing.assert_allclose(responses, expected, atol=1e-12)
    assert (responses.argmax(axis=1) == np.arange(5)).all() and responses.max() == 1


def test_responses_to_a_value_follow_each_other(rng):
    images = rng.random((2, 3, 4, 5))
    found = bioconv.receptive_fields(images, 6)
    assert found.shape == (2, 18, 4, 5) and found.min() > 0 and found.max() <= 1
    one = bioconv.receptive_fields(images[1, 2, 3, 4].reshape(1, 1), 6)[0]
    np.testing.assert_array_equal(found[1, 12:18, 3, 4], one)
    flat = bioconv.receptive_fields(images.reshape(2, -1), 6)
    assert flat.shape == (2, 360)
    np.testing.assert_array_equal(
        flat.reshape(2, 3, 4, 5, 6), np.moveaxis(found.reshape(2, 3, 6, 4, 5), 2, 4)
    )


@pytest.mark.parametrize("encoder", ["regular", "ttfs"])
def test_rates_and_times_send_the_responses(rng, encoder):
    """What a layer is sent adds up to its sum over the responses, within a step of every input."""
    responses = bioconv.receptive_fields(rng.random((3, 1, 4, 5)), 6)
    layer = Conv2d(weight=rng.normal(size=(2, 6, 3, 2)))
    network = Network.sequential([layer], input_shape=(6, 4, 5))
    model = bioconv.to_brian(network, method="unscaled", encoder=encoder)
    result = model.run(responses, 200 * ms, device="numpy")
    sent = result.counts[result.output].reshape(3, -1) + result.potentials
    expected = bioconv.reference(network, responses).reshape(3, -1)
    assert abs(expected).max() > 1
    bound = abs(layer.weight).sum(axis=(1, 2, 3)).max() / 200
    assert abs(sent / 200 - expected).max() <= bound


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((np.zeros((1, 4)), 2), ParameterError, "neurons is 2; give an integer from 3"),
        ((np.zeros((1, 4)), 4.0), ParameterError, "neurons is 4.0; give an integer from 3"),
        ((np.zeros((1, 4)), 4, 1, 1), ParameterError, "low is 1, high is 1; give low < high"),
        ((np.zeros(4), 4), StimulusError, r"images have shape \(4,\)"),
    ],
)  # fmt: skip
def test_what_fields_do_not_take(arguments, error, text):
    with pytest.raises(error, match=text):
        bioconv.receptive_fields(*arguments)
