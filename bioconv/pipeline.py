"""From trained weights to a Brian2 model.

========== =========================== ==========================================
step       from                        to
========== =========================== ==========================================
read       arrays, a file, a module    Network          (what was trained)
convert    Network, calibration        SpikingNetwork   (what will spike)
model      SpikingNetwork, Settings    Model            (Brian2 objects, run)
========== =========================== ==========================================

Each step sees only what the step before returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from brian2 import ms, second

from bioconv.build import Encoder, Settings, encoder_named
from bioconv.convert import Auto, Method
from bioconv.convert import convert as converted
from bioconv.errors import ParameterError
from bioconv.graph import Network
from bioconv.model import Model
from bioconv.neurons import Neuron, Synapse, units_named
from bioconv.read import read
from bioconv.read.nir import from_nir, is_nir
from bioconv.realism import conductances
from bioconv.result import Result
from bioconv.run import compiler_problem
from bioconv.spiking import SpikingNetwork


def to_brian(
    source: Any,
    *,
    input_shape: Sequence[int] | None = None,
    calibration: Any = None,
    method: str | Method | Auto | None = None,
    neuron: str | Neuron | None = None,
    synapse: str | Synapse | None = None,
    reset: str | None = None,
    initial: float | str | None = None,
    clamp: int = 0,
    pooling: str = "folded",
    readout: str | None = None,
    substitute: Mapping[str, str] | None = None,
    input_range: tuple[float, float] | None = None,
    encoder: str | Encoder | None = None,
    dt: Any = None,
    units: str = "biophysical",
    propagation: str = "synchronous",
    projections: str = "shared",
    precision: str = "double",
    seed: int = 0,
) -> Model:
    """A Brian2 network of trained weights.

    Parameters
    ----------
    source
        What :func:`bioconv.read` takes, with ``input_shape`` where that needs it. A
        :class:`bioconv.spiking.SpikingNetwork`, a torch module with spiking neurons and a NIR graph (a file ending in .nir
        or a ``nir.NIRGraph``) are not converted; :func:`bioconv.from_nir` has more options than ``dt`` and ``reset``.
    calibration, method, neuron, synapse, reset, initial, clamp, pooling, readout, substitute, input_range
        As in :func:`bioconv.convert`; refused where the network is not converted.
    encoder : {"constant", "poisson", "bernoulli", "regular", "ttfs", "rank_order", "frames", "events"} or record, optional
        How images become input: :mod:`bioconv.build.encoders`; ``Poisson(rate=200*Hz)`` also slows the layers to that rate.
    dt : second, optional
        1 ms unless given, or that which a trained spiking network was made for.
    units : {"biophysical", "dimensionless"}
        The two spike alike, step for step.
    propagation : {"synchronous", "delayed"}
        Whether a spike reaches the next layer within its step or in the next one.
    projections : {"shared", "explicit"}
        Every weight stored once with a fast kernel, or every synapse as an entry of Brian2's
        ``Synapses``, open to plasticity. The two spike alike.
    precision : {"double", "single"}
        Of potentials, currents and weights. In double precision all devices spike alike, bit by
        bit; in single a spike may differ between them where rounding decides.
    seed : int
        Of the random numbers: they are a function of it, the sample, the neuron and the draw.

    Raises
    ------
    BioconvError
        One of its subclasses, with what was wrong, where, and what to do.

    Examples
    --------
    >>> model = bioconv.to_brian("digits_mlp")
    >>> result = model.run(bioconv.datasets.load("digits").images, 100*ms)
    """
    network = _read(source, input_shape, dt, reset)
    options = {
        "method": method, "calibration": calibration, "neuron": neuron, "synapse": synapse, "reset": reset,
        "initial": initial, "readout": readout, "substitute": substitute, "input_range": input_range,
    }  # fmt: skip
    settings = Settings(
        dt=_step(network, dt),
        units=units_named(units),
        encoder=encoder_named(encoder),
        propagation=propagation,
        projections=projections,
        precision=precision,
        seed=seed,
    )
    spikes = settings.encoder.spikes
    if isinstance(network, SpikingNetwork):
        _refuse_conversion(options, clamp, pooling, read_with=("reset",) * is_nir(source))
        return Model(conductances(network, spikes=spikes), settings)
    spiking = converted(
        network,
        **options,
        clamp=clamp,
        pooling=pooling,
        max_rate=float(settings.max_rate),
        simulate=partial(simulated, settings),
    )
    return Model(conductances(spiking, spikes=spikes), settings)


def _read(
    source: Any, input_shape: Sequence[int] | None, dt: Any, reset: str | None
) -> Network | SpikingNetwork:
    if isinstance(source, SpikingNetwork):
        return source
    if is_nir(source):
        return from_nir(source, dt=dt, reset=reset)
    return read(source, input_shape=input_shape)


def _refuse_conversion(
    options: Mapping[str, Any], clamp: int, pooling: str, read_with: tuple[str, ...]
) -> None:
    """A network that spikes already is not converted; an option of a conversion would be lost on it."""
    given = [name for name, value in options.items() if value is not None and name not in read_with]
    given += ["clamp"] * (clamp != 0) + ["pooling"] * (pooling != "folded")
    if given:
        raise ParameterError(
            f"{', '.join(given)}: the network spikes already and is not converted. Leave the option out; "
            "model.with_neurons(...) gives a model other neurons"
        )


def _step(network: Network | SpikingNetwork, dt: Any) -> Any:
    """The time step that is asked for, that a trained spiking network was made for, or 1 ms."""
    own = network.dt if isinstance(network, SpikingNetwork) else None
    if dt is not None:
        return dt
    return 1 * ms if own is None else own * second


def convert(
    network: Network, *, encoder: str | Encoder | None = None, dt: Any = None, **options: Any
):
    """The spiking network of a trained one, as :func:`bioconv.convert.conversion.convert` documents.

    Methods that calibrate with spikes are simulated with ``encoder`` and ``dt``.
    """
    settings = Settings(
        dt=1 * ms if dt is None else dt,
        units=units_named("biophysical"),
        encoder=encoder_named(encoder),
    )
    simulate = partial(simulated, settings)
    return converted(network, simulate=simulate, max_rate=float(settings.max_rate), **options)


def simulated(
    settings: Settings,
    spiking: SpikingNetwork,
    images: Any,
    n_steps: int,
    record: Any = None,
    often: bool = False,
) -> Result:
    """What a network does with images in a model of these settings.

    ``often`` tells that networks like this one will follow, so that compiling pays.
    """
    spiking = conductances(spiking, spikes=settings.encoder.spikes)
    model = Model(spiking, replace(settings, propagation="synchronous"))
    device = "cpp_standalone" if often and compiler_problem() is None else "auto"
    return model.run(images, n_steps * settings.dt, device=device, record=record, progress=False)
