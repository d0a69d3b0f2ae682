"""What was trained: layers, their graph, and the numpy forward pass that is the oracle."""

from bioconv.graph.layers import (
    LAYERS,
    Activation,
    Add,
    AvgPool2d,
    BatchNorm,
    ChannelPad,
    ClippedReLU,
    Concatenate,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    QuantizedReLU,
    ReLU,
    Reshape,
    Scale,
    SoftLIF,
    Softmax,
    Step,
    SumPool2d,
    Upsample,
    Weighted,
    ZeroPad2d,
)
from bioconv.graph.network import INPUT, Network, Node
from bioconv.graph.reference import activations, checked_images, forward, reference
from bioconv.graph.shapes import output_shape

__all__ = [
    "INPUT", "LAYERS", "Activation", "Add", "AvgPool2d", "BatchNorm", "ChannelPad", "ClippedReLU", "Concatenate",
    "Conv2d", "ConvTranspose2d", "Dense", "Dropout", "Flatten", "GlobalAvgPool", "Layer", "LeakyReLU",
    "MaxPool2d", "Network", "Node", "QuantizedReLU", "ReLU", "Reshape", "Scale", "SoftLIF", "Softmax", "Step",
    "SumPool2d", "Upsample", "Weighted", "ZeroPad2d", "activations", "checked_images", "forward",
    "output_shape", "reference",
]  # fmt: skip
