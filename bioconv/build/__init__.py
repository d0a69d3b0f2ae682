"""From a spiking network to Brian2 objects: the one border where numbers get units."""

from bioconv.build.encoders import (
    ENCODERS,
    Constant,
    Encoder,
    EventInput,
    Frames,
    Poisson,
    RankOrder,
    Regular,
    TimeToFirstSpike,
    encoder_named,
)
from bioconv.build.monitors import Watch, watch
from bioconv.build.network import Built, built, owned, replaced_drives
from bioconv.build.recording import Recording, recordings
from bioconv.build.schedule import scheduled
from bioconv.build.settings import Settings, numbers, steps
from bioconv.build.stopping import FirstSpike, Margin, Stop, TotalCount, check_stop, stop_named
from bioconv.build.wiring import Wiring

__all__ = [
    "ENCODERS", "Built", "Constant", "Encoder", "EventInput",
    "FirstSpike", "Frames", "Margin", "Poisson", "RankOrder",
    "Recording", "Regular", "Settings", "Stop", "TimeToFirstSpike", "TotalCount", "Watch", "Wiring",
    "built", "check_stop", "encoder_named", "numbers", "owned", "recordings", "replaced_drives",
    "scheduled", "steps", "stop_named", "watch",
]  # fmt: skip
