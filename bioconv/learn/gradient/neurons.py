"""Neurons that are trained step for step: torch modules over (steps, n_samples, *shape).

Every neuron computes what its :class:`bioconv.Discrete` in :mod:`bioconv.neurons.published` does, so that
:func:`bioconv.to_brian` of the trained module spikes as in training. They begin every call at rest.

============== ============================== ======================
module         step                           rule
============== ============================== ======================
IterativeLIF   ``published.stbp``             STBP
PLIF           ``published.plif``             PLIF, LIF, IF
STDB           ``published.stdb``             hybrid training
TSSL           ``published.tssl``             TSSL-BP (:mod:`~bioconv.learn.gradient.tssl`)
Accumulator    ``published.accumulator``      readout without spikes
============== ============================== ======================
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from bioconv.errors import ParameterError
from bioconv.learn.gradient.parameters import number
from bioconv.learn.gradient.surrogates import ArcTan, Rectangle, SinceSpike, Surrogate, spike


class OverTime(nn.Module, ABC):
    """Base of what remembers from step to step: ``forward`` and :meth:`unrolled` go through the steps."""

    def forward(self, drive: torch.Tensor) -> torch.Tensor:
        """(steps, n, *shape) what is sent on, for what arrives in every step."""
        return torch.stack(self.unrolled(drive.unbind(0)))

    def unrolled(self, drives: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The same for a list of steps."""
        state, sent = self.begin(drives[0]), []
        for now in drives:
            out, state = self.step(now, state)
            sent.append(out)
        return sent

    @abstractmethod
    def begin(self, like: torch.Tensor) -> Any:
        """The state before the first step, for input shaped as ``like``."""

    @abstractmethod
    def step(self, drive: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """What is sent on in a step, and the state after it."""


class SpikingNeuron(OverTime):
    """Base of neurons.

    Attributes
    ----------
    surrogate : Surrogate
    """

    #: Whether the neuron counts the steps since its last spike, of which ``SinceSpike`` is a function.
    COUNTS = False

    def __init__(self, surrogate: Surrogate):
        super().__init__()
        if isinstance(surrogate, SinceSpike) and not self.COUNTS:
            raise ParameterError(
                f"{type(self).__name__}: SinceSpike needs the steps since a spike, which it does not count; "
                "choose another surrogate"
            )
        self.surrogate = surrogate


class Charged(SpikingNeuron):
    """Base of neurons that are charged, compared with their threshold, and reset, in this order.

    Their derivative is written out, which keeps one tensor of a step where torch would keep five::

        dE/du = dE/do slope(u - threshold) + dE/dv dv/du       of a step: u before the reset, o spikes, v after it

    Attributes
    ----------
    threshold : float
    """

    #: Whether a neuron on its threshold spikes.
    INCLUSIVE = False
    threshold: float

    def begin(self, like):
        return torch.zeros_like(like)

    def step(self, drive, state):
        return _Charge.apply(drive, state, self, *self.parameters())

    def fired(self, u: torch.Tensor) -> torch.Tensor:
        """``o``."""
        compare = torch.ge if self.INCLUSIVE else torch.gt
        return compare(u, self.threshold, out=torch.empty_like(u))

    @abstractmethod
    def charged(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """``u``, from what arrives and what the last step left."""

    @abstractmethod
    def left(self, u: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
        """``v``."""

    @abstractmethod
    def through(self, u: torch.Tensor, o: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        """``dv/du``."""

    @abstractmethod
    def back(self, by_u: torch.Tensor, *arrived: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gradients by ``x``, by ``v`` and by what the neuron learns itself, which alone needs the ``x, v`` that arrived."""


class _Charge(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, v: torch.Tensor, neuron: Charged, *own: torch.Tensor
    ) -> Any:
        u = neuron.charged(x, v)
        o = neuron.fired(u)
        ctx.neuron = neuron
        ctx.save_for_backward(u, *((x, v) if any(ctx.needs_input_grad[3:]) else ()))
        return o, neuron.left(u, o)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        by_o, by_v = gradients
        u, *arrived = ctx.saved_tensors
        neuron = ctx.neuron
        slope = neuron.surrogate.slope(u - neuron.threshold)
        by_u = by_v * neuron.through(u, neuron.fired(u), slope)
        by_x, by_v, *by_own = neuron.back(by_u.addcmul_(by_o, slope), *arrived)
        return by_x, by_v, None, *by_own, *(None for _ in ctx.needs_input_grad[3 + len(by_own) :])


class IterativeLIF(Charged):
    """``u = decay u (1 - o) + drive``, ``o = [u > threshold]``.

    Parameters
    ----------
    decay, threshold : float
    surrogate : Surrogate
        The gradient also goes through the reset, as in the paper.

    References
    ----------
    Wu, Deng, Li, Zhu, Xie & Shi (2019), AAAI, arXiv 1809.05793.
    """

    def __init__(
        self, decay: float = 0.2, threshold: float = 0.5, surrogate: Surrogate | None = None
    ):
        super().__init__(Rectangle() if surrogate is None else surrogate)
        self.decay = number("IterativeLIF", "decay", decay, equal=True)
        self.threshold = number("IterativeLIF", "threshold", threshold)

    def charged(self, x, v):
        return (self.decay * v).add_(x)

    def left(self, u, o):
        return torch.addcmul(u, u, o, value=-1)

    def through(self, u, o, slope):
        return (1 - o).addcmul_(u, slope, value=-1)

    def back(self, by_u, *arrived):
        return by_u, self.decay * by_u

    def extra_repr(self) -> str:
        return f"decay={self.decay:g}, threshold={self.threshold:g}"


class PLIF(Charged):
    """``u = u + k (drive - u)``, ``o = [u >= threshold]``, a spike leads back to zero; ``k = 1/tau`` is learnt.

    ``k`` is the logistic function of what is trained, so the time constant stays above a step and may become endless.

    Parameters
    ----------
    tau : float
        Where training begins, in steps; above 1.
    threshold : float
    learnable : bool
        Whether training moves the time constant, one for the layer.
    surrogate : Surrogate
        No gradient goes through the reset.

    References
    ----------
    Fang, Yu, Chen, Masquelier, Huang & Tian (2021), ICCV, arXiv 2007.05785.
    """

    INCLUSIVE = True

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        learnable: bool = True,
        surrogate: Surrogate | None = None,
    ):
        super().__init__(ArcTan() if surrogate is None else surrogate)
        self.threshold = number("PLIF", "threshold", threshold)
        start = -torch.log(torch.tensor(number("PLIF", "tau", tau, above=1.0) - 1))
        self.a = nn.Parameter(start, requires_grad=learnable)

    @property
    def k(self) -> torch.Tensor:
        """One over the time constant in steps."""
        return torch.sigmoid(self.a)

    def charged(self, x, v):
        return (x - v).mul_(self.k).add_(v)

    def left(self, u, o):
        return torch.addcmul(u, u, o, value=-1)

    def through(self, u, o, slope):
        return 1 - o

    def back(self, by_u, *arrived):
        k = self.k
        by_x = k * by_u
        if not arrived:
            return by_x, by_u - by_x
        x, v = arrived
        return by_x, by_u - by_x, (by_u * (x - v)).sum() * k * (1 - k)

    def extra_repr(self) -> str:
        return f"tau={1 / self.k.item():.4g}, threshold={self.threshold:g}, learnable={self.a.requires_grad}"


class IF(Charged):
    """``u = u + drive``, ``o = [u > threshold]``, a spike takes the threshold away (``"soft"``) or all (``"hard"``).

    The gradient also goes through the reset.
    """

    def __init__(
        self, threshold: float = 1.0, reset: str = "soft", surrogate: Surrogate | None = None
    ):
        super().__init__(Rectangle() if surrogate is None else surrogate)
        self.threshold = number("IF", "threshold", threshold)
        if reset not in ("soft", "hard"):
            raise ParameterError(f'IF: reset is {reset!r}; choose "soft" or "hard"')
        self.reset = reset

    def charged(self, x, v):
        return x + v

    def left(self, u, o):
        return u - self.threshold * o if self.reset == "soft" else torch.addcmul(u, u, o, value=-1)

    def through(self, u, o, slope):
        if self.reset == "soft":
            return 1 - self.threshold * slope
        return (1 - o).addcmul_(u, slope, value=-1)

    def back(self, by_u, *arrived):
        return by_u, by_u

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}, reset={self.reset!r}"


class STDB(SpikingNeuron):
    """``o = [u > threshold]`` is read first, then ``u = leak u + drive - threshold o``: spikes are a step late.

    Parameters
    ----------
    threshold, leak : float
    surrogate : Surrogate
        The derivative of a spike by ``u``, at ``u / threshold - 1``; unless given, that of the steps since the neuron's
        last spike. ``Triangle(height=0.3)`` is the authors' other choice. No gradient goes through
        ``threshold o``: with a large threshold it would grow from step to step.

    Notes
    -----
    The authors' code derives by ``u / threshold``, the paper by ``u``, as here: a constant factor for a layer, to which
    Adam is blind. That the reset has no gradient is the code's.

    References
    ----------
    Rathi, Srinivasan, Panda & Roy (2020), ICLR, arXiv 2005.01807; code: nitin-rathi/hybrid-snn-conversion.
    """

    COUNTS = True
    #: Steps since its last spike of a neuron that has not spiked.
    NEVER = 1000.0

    def __init__(
        self, threshold: float = 1.0, leak: float = 1.0, surrogate: Surrogate | None = None
    ):
        super().__init__(SinceSpike() if surrogate is None else surrogate)
        self.threshold = number("STDB", "threshold", threshold)
        self.leak = number("STDB", "leak", leak, equal=True)

    def begin(self, like):
        return torch.zeros_like(like), torch.full_like(like, self.NEVER)

    def step(self, drive, state):
        u, since = state
        with torch.no_grad():
            fired = u > self.threshold
            slope = self.surrogate.slope(u / self.threshold - 1, since)
            since = (since + 1).masked_fill(fired, 1)
        u_after = self.leak * u + drive - self.threshold * fired.to(u.dtype)
        return spike(u, fired, slope), (u_after, since)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}, leak={self.leak:g}"


class Accumulator(SpikingNeuron):
    """A readout that adds up what arrives and never spikes; it sends on what arrives, whose sum is its potential."""

    def __init__(self) -> None:
        super().__init__(Rectangle())

    def begin(self, like):
        return None

    def step(self, drive, state):
        return drive, state
