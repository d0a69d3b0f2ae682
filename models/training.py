"""What the training scripts of the zoo share: augmentation, the loop, and the export.

Run a script as ``python models/mnist_cnn/train.py`` from the root of the repository, with the extra
``bioconv[torch]`` installed. The settings were chosen on 5,000 images held out of the
training set (``--holdout``); the shipped weights saw all of it. The test set is read once, at the end.
"""

import argparse
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

import bioconv
from bioconv import datasets


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    shift : int
        Largest random shift, in whole pixels (a fraction would blur the image).
    rotation, zoom : float
        Largest random rotation in degrees and relative change of size.
    flip : bool
        Mirror left and right at random.
    dtype : str
        Precision of the stored weights.
    """

    data: str
    epochs: int
    batch: int = 100
    rate: float = 2e-3
    decay: float = 1e-4
    smoothing: float = 0.0
    shift: int = 0
    rotation: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    dtype: str = "float32"
    seed: int = 1


def augmented(images: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Every image moved, turned and resized a little, each in its own way."""
    if not (recipe.shift or recipe.rotation or recipe.zoom or recipe.flip):
        return images

    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit

    angle = uniform(np.deg2rad(recipe.rotation))
    size = 1 + uniform(recipe.zoom)
    mirror = torch.ones(len(images))
    if recipe.flip:
        mirror -= 2 * (torch.rand(len(images), generator=generator) < 0.5).float()
    pixels = torch.randint(-recipe.shift, recipe.shift + 1, (2, len(images)), generator=generator)
    rows, columns = images.shape[-2:]
    move = pixels[0] * 2 / columns, pixels[1] * 2 / rows
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    matrix = torch.stack(
        [
            torch.stack([cos * mirror, -sin, move[0]], dim=1),
            torch.stack([sin * mirror, cos, move[1]], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def tensors(name: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    data = datasets.load(name, split=split)
    return torch.tensor(data.images, dtype=torch.float32), torch.tensor(data.labels)


class Classes:
    """The task of most networks: the class of an image."""

    name = "accuracy"

    def batch(self, images, labels, recipe: Recipe, generator: torch.Generator):
        """What one step of training sees: inputs and targets."""
        return augmented(images, recipe, generator), labels

    def loss(self, recipe: Recipe) -> nn.Module:
        return nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)

    def test(self, images, labels):
        """Inputs and targets of a test, the same every time."""
        return images, labels

    def score(self, answers: torch.Tensor, targets: torch.Tensor) -> str:
        return f"{float((answers.argmax(1) == targets).float().mean()):.4f}"


def trained(model: nn.Module, images, labels, recipe: Recipe, task) -> nn.Module:
    """The model after training on (n, channels, rows, columns) images; AdamW, one cycle."""
    generator = torch.Generator().manual_seed(recipe.seed)
    steps = recipe.epochs * (len(images) // recipe.batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=steps, pct_start=0.2
    )
    loss_of = task.loss(recipe)
    model.train()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)
        total = 0.0
        batches = order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch)
        for index in tqdm(batches, desc=f"epoch {epoch + 1}/{recipe.epochs}", mininterval=10):
            inputs, targets = task.batch(images[index], labels[index], recipe, generator)
            loss = loss_of(model(inputs), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
    return model.eval()


def score(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, task) -> str:
    """What the model reaches on the task's own test of these images."""
    inputs, targets = task.test(images, labels)
    with torch.no_grad():
        answers = torch.cat([model.eval()(part) for part in inputs.split(500)])
    return task.score(answers, targets)


def export(model: nn.Module, recipe: Recipe, path: Path, task) -> None:
    """Write ``weights.h5`` and print what the *stored* weights reach on the test set."""
    path = path.resolve()  # the digits models are links into the package
    inputs, targets = task.test(*tensors(recipe.data, "test"))
    network = bioconv.read(model, input_shape=inputs.shape[1:])
    bioconv.save_network(network, path, dtype=recipe.dtype, overwrite=True)
    stored = bioconv.read(path)
    answers = [torch.tensor(bioconv.reference(stored, part.numpy())) for part in inputs.split(500)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(
        f"{path}: {task.name} {task.score(torch.cat(answers), targets)}, {path.stat().st_size} bytes"
    )
    print(f"sha256 {digest}")


def cache_folder() -> Path:
    """Where checkpoints go when no path is given."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioconv" / "checkpoints"


def options_for(name: str) -> argparse.Namespace:
    """The command line of the training script of the model ``name``."""
    parser = argparse.ArgumentParser(description=f"Train and export {name}.")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=cache_folder() / f"{name}.pt",
        help="save the trained state to this file (default: %(default)s)",
    )
    parser.add_argument(
        "--from-checkpoint", type=Path, metavar="FILE", help="export this state, do not train"
    )
    parser.add_argument(
        "--holdout",
        type=int,
        default=0,
        metavar="N",
        help="train without the last N images, print the score on them, stop",
    )
    parser.add_argument("--epochs", type=int, help="instead of the recipe's, to try things out")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()  # fmt: skip


def try_out(model: nn.Module, recipe: Recipe, holdout: int, task) -> None:
    """Train without the last ``holdout`` images and print the score on them."""
    images, labels = tensors(recipe.data, "train")
    trained(model, images[:-holdout], labels[:-holdout], recipe, task)
    print(f"held out: {score(model, images[-holdout:], labels[-holdout:], task)}")


def train(model: nn.Module, recipe: Recipe, checkpoint: Path, task) -> None:
    """Train on the whole training set; the checkpoint is written before anything else."""
    trained(model, *tensors(recipe.data, "train"), recipe, task)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), checkpoint)
    print(f"checkpoint: {checkpoint}")


def main(build, recipe: Recipe, path: Path, softmax: bool = False, task=None, settle=None) -> None:
    """Train (or take a checkpoint), test, export. ``softmax`` appends the layer at the export.

    ``settle`` is a function that changes the trained model, and the recipe by which it is trained on.
    """
    task = task or Classes()
    options = options_for(path.parent.name)
    if options.epochs:
        recipe = replace(recipe, epochs=options.epochs)
    torch.set_num_threads(options.threads)
    torch.manual_seed(recipe.seed)
    model = build().to(memory_format=torch.channels_last)
    if options.holdout:
        try_out(model, recipe, options.holdout, task)
        return
    if options.from_checkpoint:
        model.load_state_dict(torch.load(options.from_checkpoint, weights_only=True))
    else:
        train(model, recipe, options.checkpoint, task)
    if settle:
        print(f"test {task.name} before: {score(model, *tensors(recipe.data, 'test'), task)}")
        settle[0](model)
        trained(model, *tensors(recipe.data, "train"), settle[1], task)
    print(f"test {task.name} in torch: {score(model, *tensors(recipe.data, 'test'), task)}")
    if softmax:
        model.add_module("softmax", nn.Softmax(dim=1))
    export(model.eval(), recipe, path, task)
