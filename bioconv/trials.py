"""What is wrong with a model, and whether the advice helps: the diagnosis, then a trial of it.

========== ====================================== =========================
step       from                                   to
========== ====================================== =========================
diagnose   spiking and trained network, a run     Diagnosis with advice
change     a model, one piece of advice           Model
try        that model, a few images               Trial: before and after
========== ====================================== =========================
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bioconv.analysis import Advice, Diagnosis, Trial, diagnosed
from bioconv.build import encoder_named
from bioconv.convert import Percentile, convert
from bioconv.errors import ParameterError
from bioconv.graph import Network, activations, checked_images
from bioconv.model import Model
from bioconv.neurons import SIGNED, Discrete, neuron_named, synapse_named
from bioconv.result import Result
from bioconv.spiking import Population, SpikingNetwork

#: Samples on which advice is tried.
SAMPLES = 20


def diagnose(
    model: Model,
    result: Result,
    images: np.ndarray,
    network: Network | None = None,
    *,
    samples: int = SAMPLES,
) -> Diagnosis:
    """What every layer does wrong, where it comes from, and what helps.

    Every layer is compared with the trained network: its weights by what they compute, its rates by the
    activations that they code. The error of the rates is taken apart into what stays in the membranes
    and what the layer inherited. The verdict names the first layer that fails, the kind of failure and
    a change, which is then tried on a few samples.

    Parameters
    ----------
    model : Model
    result : Result
        Of ``model.run(images, ..., record=bioconv.trials.residuals(model))``.
    images : (n_samples, *input_shape) array
        Those of the run, eight or more; also the calibration of trials that convert anew.
    network : Network, optional
        What was trained. Give it where the model was made from weights that were carried over by hand;
        the network that was converted unless given.
    samples : int
        On which advice is tried; 0 for no trial.

    Returns
    -------
    Diagnosis
        Its text is a table with the verdict.

    Raises
    ------
    ParameterError
        If there is no trained network to compare with.
    ResultError
        If residuals were not recorded, or model, result, images and network do not fit together.

    Examples
    --------
    >>> result = model.run(images, 100*ms, record=bioconv.trials.residuals(model))
    >>> print(bioconv.diagnose(model, result, images))
    """
    network = _reference(model, network)
    images = checked_images(network.input_shape, images)
    found = _compared(model, network, result, images)
    k = min(samples, result.n_samples)
    if found.verdict.sound or k < 1:
        return found
    trials: list[Trial] = []
    before = _compared(model, network, result.first(k), images[:k])
    for advice in found.verdict.advice:
        trials.append(_tried(model, network, result, images, k, advice, before))
        if trials[-1].confirmed:
            break
    return replace(found, trials=tuple(trials))


def residuals(model: Model) -> dict[str, str]:
    """What :meth:`bioconv.Model.run` is to record for a diagnosis."""
    return {population.name: "residual" for population in model.spiking.populations}


def _reference(model: Model, network: Network | None) -> Network:
    found = getattr(model.report, "network", None) if network is None else network
    if not isinstance(found, Network):
        raise ParameterError(
            "the model does not say which network it was converted from; give the trained one: "
            "diagnose(model, result, images, network)"
        )
    return found


def _compared(model: Model, network: Network, result: Result, images: np.ndarray) -> Diagnosis:
    values = activations(network, images)
    return diagnosed(model.spiking, network, result, values, model.fan_out())


# -- trials -----------------------------------------------------------------------------------------


def _tried(model, network, result, images, k: int, advice: Advice, before: Diagnosis) -> Trial:
    changed = CHANGES[advice.option](model, network, images, advice.value)
    factor = advice.value if advice.option == "duration" else 1
    again = changed.run(
        images[:k],
        result.n_steps * factor * changed.settings.dt,
        record=residuals(changed),
        first_sample=result.provenance.get("first_sample", 0),
        progress=False,
    )
    after = _compared(changed, network, again, images[:k])
    failed = before.verdict.layer or next(iter(before.layers))
    twin = _twin(model.spiking, changed.spiking, failed)
    return Trial(
        advice=advice,
        n_samples=k,
        error_before=before.layers[failed].relative_error,
        error_after=after.layers[twin].relative_error,
        agreement_before=before.agreement,
        agreement_after=after.agreement,
    )


def _twin(old: SpikingNetwork, new: SpikingNetwork, layer: str) -> str:
    """The population that codes the same part of the same layer."""
    coded = (old[layer].node, old[layer].sign)
    return next(p.name for p in new.populations if (p.node, p.sign) == coded)


def _unchanged(model: Model, network: Network, images: np.ndarray, value: Any) -> Model:
    return model


def _with_populations(change: Callable[[Population, Any], Population]) -> Callable[..., Model]:
    """The same network with other neurons, synapses or resets."""

    def changed(model: Model, network: Network, images: np.ndarray, value: Any) -> Model:
        populations = tuple(change(population, value) for population in model.spiking.populations)
        return Model(replace(model.spiking, populations=populations), model.settings)

    return changed


def _perfect(population: Population, neuron: str) -> Population:
    """Another neuron with reset by subtraction, where it is not one with negative spikes."""
    if isinstance(population.neuron, SIGNED):
        return population
    return replace(population, neuron=neuron_named(neuron), reset="subtract")


def _with_encoder(model: Model, network: Network, images: np.ndarray, value: str) -> Model:
    return Model(model.spiking, replace(model.settings, encoder=encoder_named(value)))


def _converted(model: Model, network: Network, images: np.ndarray, value: Any) -> Model:
    """The trained network converted anew by a percentile, with the model's neurons and settings."""
    first, stimulus = model.spiking.populations[0], model.spiking.stimulus
    silent = not model.spiking[model.spiking.output].spiking
    spiking = convert(
        network,
        method=Percentile(percentile=value if isinstance(value, float) else 99.9),
        calibration=images,
        neuron=None if isinstance(first.neuron, (SIGNED, Discrete)) else first.neuron,
        synapse=first.synapse,
        reset=first.reset,
        initial=first.initial,
        readout="potential" if silent else None,
        input_range=(stimulus.low, stimulus.high),
        max_rate=float(model.settings.max_rate),
    )
    return Model(spiking, model.settings)


#: How a model is changed for the option of an advice.
CHANGES: dict[str, Callable[..., Model]] = {
    "duration": _unchanged,
    "reset": _with_populations(lambda population, reset: replace(population, reset=reset)),
    "neuron": _with_populations(_perfect),
    "synapse": _with_populations(
        lambda population, synapse: replace(population, synapse=synapse_named(synapse))
    ),
    "clamp": _with_populations(lambda population, steps: replace(population, hold=steps)),
    "encoder": _with_encoder,
    "method": _converted,
    "network": _converted,
}
