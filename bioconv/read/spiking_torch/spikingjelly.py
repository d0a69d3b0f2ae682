"""SpikingJelly: what its neurons are in :mod:`bioconv.neurons.trained`, in both step modes."""

from typing import Any

from bioconv.neurons import Discrete, trained
from bioconv.read.spiking_torch.framework import Framework, refused, values
from bioconv.read.torch_layers import Applied, Signal


def if_node(m: Any, x: Signal) -> Applied:
    return _applied(m, x, trained.spikingjelly_if(**_levels(m, x)))


def lif_node(m: Any, x: Signal) -> Applied:
    neuron = trained.spikingjelly_lif(
        tau=values(x, m.tau), decay_input=m.decay_input, **_levels(m, x)
    )
    return _applied(m, x, neuron)


def parametric_lif_node(m: Any, x: Signal) -> Applied:
    neuron = trained.spikingjelly_plif(
        k=values(x, m.w.sigmoid()), decay_input=m.decay_input, **_levels(m, x)
    )
    return _applied(m, x, neuron)


def _levels(m: Any, x: Signal) -> dict[str, Any]:
    return {
        "v_threshold": values(x, m.v_threshold),
        "v_reset": None if m.v_reset is None else values(x, m.v_reset),
    }


def _applied(m: Any, x: Signal, neuron: Discrete) -> Applied:
    kind, surrogate = type(m).__name__, m.surrogate_function
    if not type(surrogate).__module__.startswith("spikingjelly.") or not surrogate.spiking:
        raise refused(
            f"{kind} with surrogate_function {surrogate!r}",
            "those of spikingjelly with spiking=True can: spikes are 1 at and above the threshold",
        )
    if getattr(m, "_neuron_precision", None) is not None:
        raise refused(
            f"{kind} with a precision of its own", "read it in the precision of its weights"
        )
    return Applied(layers=(neuron,), inputs=(x,))


FRAMEWORK = Framework(
    name="SpikingJelly",
    modules=tuple(f"spikingjelly.activation_based.{part}" for part in ("neuron", "layer", "base")),
    neurons={"IFNode": if_node, "LIFNode": lif_node, "ParametricLIFNode": parametric_lif_node},
    layers=frozenset(
        {
            "Linear", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "AvgPool1d", "AvgPool2d",
            "MaxPool1d", "MaxPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "BatchNorm1d",
            "BatchNorm2d", "Dropout", "Dropout2d", "Flatten", "Upsample",
        }
    ),
    wrappers={
        "SeqToANNContainer": lambda m: tuple(m),
        "MultiStepContainer": lambda m: tuple(m),
        "StepModeContainer": lambda m: tuple(m),
    },
)  # fmt: skip
