"""Training of a network over time: batches, validation, checkpoints."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from bioconv.errors import DataError, ParameterError, ResultError, RunInterrupted
from bioconv.learn.gradient.parameters import number, whole
from bioconv.learn.gradient.unrolled import predicted

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    loss : function of (steps, n, classes) outputs and (n,) labels
        One of :mod:`bioconv.learn.gradient.losses`.
    epochs, batch : int
    optimizer : function of parameters that returns a torch optimizer
    schedule : function of an optimizer that returns a scheduler, stepped after every epoch; optional
    validation : float
        Part of the samples that are kept out of training; the network of the best epoch on them is returned.
    patience : int, optional
        Epochs without a better validation after which training ends.
    clip : float, optional
        Largest norm of the gradient.
    bound : float, optional
        Largest size of a weight, and of all else that is trained.
    augment : function of (n, *shape) images that returns such; optional
    seed : int
        Of the order of samples, of the validation part, and of all that torch draws while it trains; torch's own
        generators are afterwards as they were.
    """

    loss: Loss
    epochs: int = 10
    batch: int = 100
    optimizer: Callable[[Any], torch.optim.Optimizer] = field(
        default=lambda parameters: torch.optim.Adam(parameters, lr=1e-3)
    )
    schedule: Callable[[torch.optim.Optimizer], Any] | None = None
    validation: float = 0.0
    patience: int | None = None
    clip: float | None = None
    bound: float | None = None
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None
    seed: int = 0

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0)):
            whole("Recipe", name, getattr(self, name), least)
        if not 0 <= self.validation < 1:
            raise ParameterError(
                f"Recipe: validation is {self.validation!r}; give a part from 0 to below 1"
            )
        if self.patience is not None:
            whole("Recipe", "patience", self.patience, 1)
            if not self.validation:
                raise ParameterError("Recipe: patience needs a validation part to look at")
        for name in ("clip", "bound"):
            if getattr(self, name) is not None:
                number("Recipe", name, getattr(self, name))


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """What a training did.

    Attributes
    ----------
    loss : (epochs,) array
        Mean over the batches of an epoch.
    train, validation : (epochs,) arrays
        Accuracies: of the batches as they were trained on, and of what was kept out (NaN without).
    best : int
        Epoch whose network is left in the module, from 0.
    """

    loss: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    best: int


def fit(
    module: nn.Module,
    images: Any,
    labels: Any,
    recipe: Recipe,
    *,
    checkpoint: str | os.PathLike | None = None,
    device: str = "cpu",
    deterministic: bool = True,
    progress: bool = True,
) -> Fitted:
    """Train a module in place.

    Parameters
    ----------
    module : torch.nn.Module
        An :class:`Unrolled`, or what returns (steps, n, classes) for (n, *shape) images.
    images : (n, *shape) array or tensor
    labels : (n,) array or tensor of int
    checkpoint : path, optional
        Written after every epoch; a training whose file is there goes on after the last epoch in it, and ends
        exactly as one that was not interrupted (on a CPU, ``deterministic``, with as many threads).
    device : str
        torch's.
    deterministic : bool
        Have torch use algorithms that give the same numbers in every run.
    progress : bool
        Show a bar of batches on stderr.

    Raises
    ------
    DataError
        If images and labels do not fit each other or the outputs, or are not finite; or a part of them is empty.
    ResultError
        If the checkpoint is of another training, damaged, or cannot be written.
    RunInterrupted
        On Ctrl-C; the checkpoint has all epochs that were done.
    """
    x, y = _checked(images, labels, _dtype(module))
    place = torch.device(device)
    module.to(place)
    kept, held = _parts(len(x), recipe)
    optimizer = recipe.optimizer(module.parameters())
    schedule = None if recipe.schedule is None else recipe.schedule(optimizer)
    now = _Progress(
        module, optimizer, schedule, _identity(module, optimizer, schedule, recipe, len(x))
    )
    if checkpoint is not None and Path(checkpoint).exists():
        now.load(checkpoint)
    with _deterministic(deterministic), _own_generators():
        try:
            while len(now.rows) < recipe.epochs and not now.waited(recipe.patience):
                epoch = len(now.rows)
                torch.manual_seed(recipe.seed + 1_000_003 * epoch)
                order = kept[torch.randperm(len(kept))]
                with tqdm(
                    total=len(order), unit="sample", desc=f"epoch {epoch + 1}/{recipe.epochs}",
                    disable=not progress,
                ) as bar:  # fmt: skip
                    loss, train = _epoch(module, optimizer, recipe, x, y, order, place, bar)
                    found = (
                        accuracy(module, x[held], y[held], device=device) if len(held) else np.nan
                    )
                    bar.set_postfix_str(
                        f"loss {loss:.4f}, train {train:.1%}, validation {found:.1%}"
                    )
                if schedule is not None:
                    schedule.step()
                now.ended(loss, train, found)
                if checkpoint is not None:
                    now.save(checkpoint)
        except KeyboardInterrupt as stop:
            raise RunInterrupted(
                f"interrupted in epoch {len(now.rows) + 1} of {recipe.epochs}", None
            ) from stop
    return now.finished()


@torch.no_grad()
def accuracy(
    module: nn.Module, images: Any, labels: Any, *, batch: int = 500, device: str = "cpu"
) -> float:
    """Part of the samples whose class gets the most over all steps, in eval mode."""
    found = predictions(module, images, batch=batch, device=device)
    return float((found == tensor(labels)).double().mean())


@torch.no_grad()
def predictions(
    module: nn.Module, images: Any, *, batch: int = 500, device: str = "cpu"
) -> torch.Tensor:
    """(n,) classes in eval mode."""
    before = module.training
    module.eval()
    try:
        parts = tensor(images, _dtype(module)).split(batch)
        return torch.cat([predicted(module(part.to(device))).cpu() for part in parts])
    finally:
        module.train(before)


def tensor(given: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The same memory where it may be written and holds ``dtype``; a copy of all else.

    Torch has no tensors that cannot be written, as the arrays of :mod:`bioconv.datasets` cannot.
    """
    if isinstance(given, np.ndarray) and not given.flags.writeable:
        return torch.tensor(given, dtype=dtype)
    return torch.as_tensor(given, dtype=dtype)


def _epoch(module, optimizer, recipe, x, y, order, place, bar) -> tuple[float, float]:
    """Loss and accuracy of an epoch."""
    module.train()
    total, right = 0.0, 0
    for chosen in order.split(recipe.batch):
        shown, wanted = x[chosen].to(place), y[chosen].to(place)
        if recipe.augment is not None:
            shown = recipe.augment(shown)
        optimizer.zero_grad(set_to_none=True)
        sent = module(shown)
        if int(wanted.max()) >= sent.shape[-1]:
            raise DataError(
                f"label {int(wanted.max())}, but {sent.shape[-1]} outputs; labels count from 0"
            )
        loss = recipe.loss(sent, wanted)
        loss.backward()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
        optimizer.step()
        if recipe.bound is not None:
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.clamp_(-recipe.bound, recipe.bound)
        total += loss.item() * len(chosen)
        right += int((predicted(sent.detach()) == wanted).sum())
        bar.update(len(chosen))
    if not np.isfinite(total):
        raise DataError(
            "the loss is no longer a finite number; use a smaller step (optimizer) or clip"
        )
    return total / len(order), right / len(order)


class _Progress:
    """Where a training stands."""

    def __init__(self, module: nn.Module, optimizer: Any, schedule: Any, identity: str):
        self.module, self.optimizer, self.schedule = module, optimizer, schedule
        self.identity = identity
        self.rows: list[tuple[float, float, float]] = []
        self.best = -1
        self.best_state: dict[str, torch.Tensor] = {}

    def ended(self, *row: float) -> None:
        self.rows.append((row[0], row[1], row[2]))
        validation = [found for _, _, found in self.rows]
        if np.isnan(row[2]) or row[2] > max([-1.0, *validation[:-1]]):
            self.best = len(self.rows) - 1
            self.best_state = {k: v.detach().clone() for k, v in self.module.state_dict().items()}

    def waited(self, patience: int | None) -> bool:
        return patience is not None and len(self.rows) - 1 - self.best >= patience

    def finished(self) -> Fitted:
        self.module.load_state_dict(self.best_state)
        loss, train, validation = (np.array(column) for column in zip(*self.rows, strict=True))
        return Fitted(loss=loss, train=train, validation=validation, best=self.best)

    def save(self, path: str | os.PathLike) -> None:
        state = {
            "identity": self.identity, "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(), "rows": self.rows, "best": self.best,
            "best_state": self.best_state,
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
        }  # fmt: skip
        part = Path(f"{os.fspath(path)}.part")
        try:
            torch.save(state, part)
            os.replace(part, path)
        except (OSError, RuntimeError) as error:
            with suppress(OSError):
                part.unlink()
            raise ResultError(f"{path} cannot be written: {error}. Is the disk full?") from error

    def load(self, path: str | os.PathLike) -> None:
        try:
            state = torch.load(path, weights_only=True)
            found = state["identity"]
        except Exception as error:  # torch has no single error for what is no file of its own
            raise ResultError(f"{path} is no checkpoint of a training: {error}") from error
        if found != self.identity:
            raise ResultError(
                f"{path} is of another training: {found!r} there and {self.identity!r} here. Give its module, "
                "recipe and samples, or another file"
            )
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.rows = [tuple(row) for row in state["rows"]]
        self.best, self.best_state = state["best"], state["best_state"]


def _identity(
    module: nn.Module, optimizer: Any, schedule: Any, recipe: Recipe, samples: int
) -> str:
    """What a checkpoint must have in common with the training that goes on; epochs may be added."""
    parts = [
        f"{type(part).__name__}({'' if list(part.parameters(recurse=False)) else part.extra_repr()})"
        for part in module.modules()
    ]
    shapes = [(name, tuple(value.shape)) for name, value in module.state_dict().items()]
    loss = getattr(recipe.loss, "__name__", type(recipe.loss).__name__)
    moved = loss, type(optimizer).__name__, type(schedule).__name__
    numbers = (recipe.batch, recipe.validation, recipe.clip, recipe.bound, recipe.seed, samples)
    return f"{parts} {shapes} {moved} {numbers}"


def _parts(n: int, recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples to train on and those kept out."""
    order = torch.from_numpy(np.random.default_rng(recipe.seed).permutation(n))
    held = round(n * recipe.validation)
    if held == n or (recipe.validation and not held):
        raise DataError(
            f"{n} samples with a validation part of {recipe.validation:g} leave none to "
            + ("train on; use a smaller part" if held else "validate on; use a larger part")
        )
    return order[held:], order[:held]


def _dtype(module: nn.Module) -> torch.dtype:
    return next((p.dtype for p in module.parameters()), torch.get_default_dtype())


def _checked(images: Any, labels: Any, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    x = tensor(images, dtype)
    given = tensor(labels)
    y = given.long()
    if y.ndim != 1 or len(x) != len(y) or not len(x):
        raise DataError(
            f"images {tuple(x.shape)} and labels {tuple(y.shape)}; give n of each, at least one"
        )
    if not torch.isfinite(x).all():
        raise DataError("an image has a value that is not a finite number")
    if (y != given).any() or (y < 0).any():
        raise DataError("a label is no whole number from 0 on")
    return x, y


@contextmanager
def _deterministic(on: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(on or before, warn_only=warn_only and not on)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


def _own_generators() -> AbstractContextManager[None]:
    """Seeds inside it leave torch's generators as the user had them."""
    return torch.random.fork_rng(range(torch.cuda.device_count()))
