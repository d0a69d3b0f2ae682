"""Losses of what a network sends on: (steps, n, classes) against (n,) labels.

============================ ====================================================== ===================
loss                         what it compares                                       used by
============================ ====================================================== ===================
rate_mse                     rates of the outputs with one and zero                 STBP
step_mse                     outputs of every step with one and zero                PLIF
count_mse                    counts with those that are wanted                      TSSL-BP (events)
train_mse                    filtered spikes with those of a wanted train           TSSL-BP
potential_cross_entropy      the sum over steps as logits                           STDB
van_rossum                   spikes with wanted ones, both filtered                 spike times
============================ ====================================================== ===================
"""

import torch
from torch.nn import functional as F  # noqa: N812


def rate_mse(sent: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean square of the rates' distances from one for the class, zero for others."""
    wanted = F.one_hot(labels, sent.shape[-1]).to(sent.dtype)
    return F.mse_loss(sent.mean(0), wanted)


def step_mse(sent: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean square, over steps too, of the outputs' distances from one for the class, zero for others.

    :func:`rate_mse` and the variance of the outputs over the steps.

    References
    ----------
    Fang, Yu, Chen, Masquelier, Huang & Tian (2021), ICCV, arXiv 2007.05785.
    """
    wanted = F.one_hot(labels, sent.shape[-1]).to(sent.dtype)
    return F.mse_loss(sent, wanted.expand_as(sent))


def count_mse(
    sent: torch.Tensor, labels: torch.Tensor, wanted: float, unwanted: float
) -> torch.Tensor:
    """Half the squared distances of counts from ``wanted`` for the class and ``unwanted`` for others, mean of samples."""
    goal = torch.full_like(sent[0], unwanted)
    goal.scatter_(1, labels[:, None], wanted)
    return 0.5 * ((sent.sum(0) - goal) ** 2).sum() / len(labels)


def low_pass(spikes: torch.Tensor, tau: float) -> torch.Tensor:
    """``a = (1 - 1/tau) a + s/tau`` over the first axis, which are steps."""
    a, found = torch.zeros_like(spikes[0]), []
    for s in spikes.unbind(0):
        a = (1 - 1 / tau) * a + s / tau
        found.append(a)
    return torch.stack(found)


def van_rossum(sent: torch.Tensor, wanted: torch.Tensor, tau: float) -> torch.Tensor:
    """Half the squared distance of the filtered trains, summed over steps and neurons, mean of samples.

    Parameters
    ----------
    sent, wanted : (steps, n, neurons) tensors
    tau : float
        Of the filter, in steps.

    References
    ----------
    van Rossum (2001), Neural Comput. 13:751; the causal exponential in steps as Zhang & Li (2020) filter.
    """
    return 0.5 * (low_pass(sent - wanted, tau) ** 2).sum() / sent.shape[1]


def train_mse(
    sent: torch.Tensor, labels: torch.Tensor, tau: float, first: int = 1, filtered: bool = False
) -> torch.Tensor:
    """:func:`van_rossum` with a train in which the class spikes from step ``first`` on, and no other.

    Parameters
    ----------
    filtered : bool
        Whether ``sent`` has passed the filter already, as behind a :class:`~bioconv.learn.gradient.LowPass`.

    References
    ----------
    Zhang & Li (2020), NeurIPS, arXiv 2002.10085.
    """
    wanted = torch.zeros_like(sent)
    wanted[first:] = F.one_hot(labels, sent.shape[-1]).to(sent.dtype)
    if filtered:
        return 0.5 * ((sent - low_pass(wanted, tau)) ** 2).sum() / sent.shape[1]
    return van_rossum(sent, wanted, tau)


def potential_cross_entropy(sent: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the softmax of what has been sent in all steps."""
    return F.cross_entropy(sent.sum(0), labels)
