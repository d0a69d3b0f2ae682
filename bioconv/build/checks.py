"""Whether a spiking network and the settings of a model go together."""

from brian2 import second

from bioconv.build.settings import Settings
from bioconv.errors import ParameterError
from bioconv.graph import Weighted
from bioconv.neurons import Discrete, FewSpike
from bioconv.spiking import SpikingNetwork


def check_model(network: SpikingNetwork, settings: Settings) -> None:
    """Refuse neurons under settings in which they would compute something else.

    Raises
    ------
    ParameterError
        With what to change.
    """
    if network.dt is not None and abs(float(settings.dt) / network.dt - 1) > 1e-9:
        raise ParameterError(
            f"dt is {settings.dt}; the network was read for steps of {network.dt * second}. Leave dt out, or "
            "read it again with another dt"
        )
    waiting = [p.name for p in network.projections if p.delay and p.source == network.stimulus.name]
    if waiting and not (settings.encoder.stepwise or settings.encoder.spikes):
        raise ParameterError(
            f'{waiting[0]} delays the input; use an encoder that spikes, or "frames", whose steps count'
        )
    discrete = [p.name for p in network.populations if isinstance(p.neuron, Discrete)]
    frames = settings.encoder.stepwise and not settings.encoder.spikes
    if settings.propagation == "delayed" and (discrete or frames):
        what = f"{discrete[0]}: a trained neuron" if discrete else "input of frames"
        raise ParameterError(f'{what} needs propagation="synchronous", as it was trained')
    _check_conductances(network, settings)
    few = [p.name for p in network.populations if isinstance(p.neuron, FewSpike)]
    others = [p.name for p in network.populations if p.name not in few]
    if few and others:
        raise ParameterError(
            f"few-spike neurons read only each other; {', '.join(others)} code otherwise. Max-pooling, "
            'soft-LIF and step layers have no few-spike form: substitute={"MaxPool2d": "AvgPool2d"}'
        )
    steps = [p.name for p in network.populations if p.memoryless]
    for names, kind in ((few, "few-spike neurons"), (steps, "step activations")):
        encoder = settings.encoder
        plain = not encoder.spikes and encoder.rate is None
        if names and not (plain and settings.propagation == "synchronous"):
            raise ParameterError(
                f'{names[0]}: {kind} need propagation="synchronous" and encoder="constant" without a '
                "rate: every step counts"
            )


def _check_conductances(network: SpikingNetwork, settings: Settings) -> None:
    """Refuse negative weights that would make a conductance negative."""
    for projection in network.projections:
        silent = projection.source == network.stimulus.name and not settings.encoder.spikes
        if silent or network[projection.target].synapse.linear:
            continue
        weights = [layer.weight for layer in projection.layers if isinstance(layer, Weighted)]
        if projection.gain < 0 or any((weight < 0).any() for weight in weights):
            raise ParameterError(
                f"{projection.name}: negative weights of a conductance; make the network with "
                "bioconv.realism.conductances(network, spikes=...), which bioconv.to_brian does"
            )
