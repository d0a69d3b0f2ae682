"""Names under which neurons may be asked for."""

from bioconv.errors import ParameterError
from bioconv.neurons.models import (
    CorrectingIntegrateFire,
    FewSpike,
    IntegrateFire,
    LeakyIntegrateFire,
    Neuron,
)
from bioconv.neurons.rich import (
    AdaptiveLeakyIntegrateFire,
    ExponentialIntegrateFire,
    HodgkinHuxley,
    Izhikevich,
)

NEURONS: dict[str, type[Neuron]] = {
    "if": IntegrateFire,
    "lif": LeakyIntegrateFire,
    "correcting": CorrectingIntegrateFire,
    "few_spike": FewSpike,
    "adaptive_lif": AdaptiveLeakyIntegrateFire,
    "exponential_if": ExponentialIntegrateFire,
    "izhikevich": Izhikevich,
    "hodgkin_huxley": HodgkinHuxley,
}


def neuron_named(neuron: str | Neuron | None) -> Neuron:
    """A neuron from its name, itself, or None (integrate-and-fire)."""
    if isinstance(neuron, Neuron):
        return neuron
    if neuron is None:
        return IntegrateFire()
    if isinstance(neuron, str) and neuron.lower() in NEURONS:
        return NEURONS[neuron.lower()]()
    raise ParameterError(
        f"neuron is {neuron!r}; choose one of {', '.join(NEURONS)} or a record of bioconv.neurons "
        "such as LIF(tau_m=20*ms)"
    )
