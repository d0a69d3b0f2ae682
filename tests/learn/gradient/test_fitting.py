"""Training: what a seed fixes, what a checkpoint brings back, and what is refused."""

import math
import resource
import warnings
from dataclasses import replace

import numpy as np
import pytest

from bioconv.errors import DataError, ParameterError, ResultError, RunInterrupted

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from bioconv.learn import gradient  # noqa: E402
from bioconv.learn.gradient import fitting  # noqa: E402

SAMPLES, CLASSES = 48, 3


def data():
    """Bright rows, of which the brightest is the class."""
    rng = np.random.default_rng(3)
    labels = np.arange(SAMPLES) % CLASSES
    images = 0.6 * rng.random((SAMPLES, CLASSES, 5))
    images[np.arange(SAMPLES), labels] += 0.35
    return images, labels


def network(seed=0, **options):
    """Coins for pixels, batch norm with its integer buffer, dropout, a time constant that is learnt."""
    torch.manual_seed(seed)
    return gradient.Unrolled(
        nn.Flatten(), nn.Linear(15, 9), nn.BatchNorm1d(9), gradient.IterativeLIF(), nn.Dropout(0.2),
        nn.Linear(9, CLASSES), gradient.PLIF(threshold=0.2), **{"steps": 4, "code": "bernoulli", **options},
    )  # fmt: skip


def noisy(images):
    return (images + 0.05 * torch.randn_like(images)).clamp(0, 1)


def recipe(**options):
    return gradient.Recipe(
        **{
            "loss": gradient.rate_mse, "epochs": 4, "batch": 10, "validation": 0.25, "patience": 3, "clip": 1.0,
            "bound": 2.0, "augment": noisy, "seed": 5,
            "optimizer": lambda parameters: torch.optim.Adam(parameters, lr=0.02),
            "schedule": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5), **options,
        }
    )  # fmt: skip


def fit(module, how, **options):
    return gradient.fit(module, *data(), how, **{"progress": False, **options})


def same(one, other):
    """Two (module, Fitted) to the last bit."""
    for name, value in one[0].state_dict().items():
        torch.testing.assert_close(value, other[0].state_dict()[name], rtol=0, atol=0)
    for name in ("loss", "train", "validation", "best"):
        np.testing.assert_array_equal(getattr(one[1], name), getattr(other[1], name))


def trained(how, seed=0, **options):
    module = network(seed)
    return module, fit(module, how, **options)


class Stopping:
    """A loss or an augmentation that presses Ctrl-C at its n-th call."""

    def __init__(self, function, call):
        self.function, self.left = function, call
        self.__name__ = function.__name__

    def __call__(self, *given):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self.function(*given)


#: Of 36 samples in batches of 10 an epoch has 4: the 2nd epoch and the 3rd.
INTERRUPTED = [("loss", 6), ("loss", 8), ("augment", 5), ("augment", 11)]
RECIPES = {
    "plain": {"validation": 0.0, "patience": None, "schedule": None, "augment": None},
    "all": {},
    "momentum": {"optimizer": lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9), "patience": 1},
}


@pytest.mark.parametrize(
    "name, part, call",
    [(name, *where) for name in RECIPES for where in INTERRUPTED if RECIPES[name].get(where[0], 1)],
)
def test_an_interrupted_training_goes_on_to_the_same_end(tmp_path, name, part, call):
    how = recipe(**RECIPES[name])
    stopped = getattr(how, part)
    whole = trained(how)
    assert len(whole[1].loss) > 2 and np.unique(whole[1].loss).size > 2, "it moved"
    path, module = tmp_path / "net.pt", network()
    with pytest.raises(
        RunInterrupted, match=f"interrupted in epoch {call // 4 + (call % 4 > 0)} of 4"
    ):
        fit(module, replace(how, **{part: Stopping(stopped, call)}), checkpoint=path)
    torch.manual_seed(99)
    again = network(seed=77)
    same(whole, (again, fit(again, how, checkpoint=path)))
    assert [file.name for file in tmp_path.iterdir()] == ["net.pt"]


def test_epochs_may_be_added(tmp_path):
    path, how = tmp_path / "net.pt", recipe(patience=None)
    module = network()
    fit(module, replace(how, epochs=2), checkpoint=path)
    same(trained(how), (module, fit(module, how, checkpoint=path)))
    done = network(seed=1)
    same((module, fit(module, how, checkpoint=path)), (done, fit(done, how, checkpoint=path)))


def test_it_learns_and_the_seed_decides_how():
    one, other, third = (trained(recipe(epochs=6, seed=seed, patience=None)) for seed in (5, 5, 6))
    same(one, other)
    assert (one[1].loss != third[1].loss).all()
    assert one[1].loss[-1] < 0.8 * one[1].loss[0] and one[1].train[-1] > 0.5


def test_the_best_epoch_on_the_validation_part_is_kept():
    """Steps from the 3rd epoch on are a hundred thousand times as large."""
    schedule = lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda e: 1.0 if e < 2 else 1e5)  # noqa: E731
    how = recipe(epochs=5, patience=None, schedule=schedule, clip=None, bound=None)
    module, found = trained(how)
    assert found.best == np.argmax(found.validation) < 4
    until = trained(replace(how, epochs=found.best + 1))[0]
    for name, value in until.state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], value, rtol=0, atol=0)


def test_without_validation_the_last_epoch_is_kept():
    module, found = trained(recipe(validation=0.0, patience=None))
    assert found.best == 3 and np.isnan(found.validation).all()
    assert module[2].num_batches_tracked == 4 * 5


def test_patience_ends_a_training_that_no_longer_improves():
    still = lambda parameters: torch.optim.SGD(parameters, lr=1e-12)  # noqa: E731
    module = gradient.Unrolled(nn.Flatten(), nn.Linear(15, 3), gradient.Accumulator(), steps=2)
    found = fit(module, recipe(epochs=9, patience=2, optimizer=still, schedule=None))
    assert found.best == 0 and len(found.loss) == 3


def test_bound_and_clip_act():
    free = recipe(clip=None, bound=None, optimizer=lambda p: torch.optim.SGD(p, lr=5.0))
    start, moved = list(network().parameters()), {}
    for name, how in {"free": free, "clip": replace(free, clip=1e-6)}.items():
        pairs = zip(trained(how)[0].parameters(), start, strict=True)
        moved[name] = max(float((p - q).detach().abs().max()) for p, q in pairs)
    # 16 steps of at most 5e-6, and the rounding of numbers of about one
    assert moved["free"] > 0.1 and moved["clip"] < 1e-4
    bounded, _ = trained(replace(free, bound=0.3))
    largest = max(float(p.detach().abs().max()) for p in bounded.parameters())
    assert largest == pytest.approx(0.3)


@pytest.mark.parametrize("fails", [False, True])
def test_torch_is_left_as_it_was(fails):
    torch.manual_seed(8)
    expected = torch.rand(3)
    module = network()
    how = recipe(loss=Stopping(gradient.rate_mse, 2)) if fails else recipe()
    torch.manual_seed(8)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        if fails:
            with pytest.raises(RunInterrupted):
                fit(module, how)
        else:
            fit(module, how)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    fit(network_of_one := gradient.Unrolled(nn.Flatten(), nn.Linear(15, 3), steps=1), recipe())
    assert network_of_one.training and not torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(8)
    fit(network_of_one, recipe())
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_it_is_deterministic_while_it_trains_unless_told_otherwise():
    seen = []

    def loss(sent, labels):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return gradient.rate_mse(sent, labels)

    fit(network(), recipe(loss=loss, epochs=1))
    fit(network(), recipe(loss=loss, epochs=1), deterministic=False)
    assert seen == [True] * 4 + [False] * 4


def test_every_epoch_has_every_sample_in_an_order_of_its_own():
    seen = []

    def augment(images):
        seen.append(images)
        return images

    fit(network(), recipe(augment=augment, epochs=2, validation=0.0, patience=None))
    first, second = torch.cat(seen[:5]), torch.cat(seen[5:])
    assert not torch.equal(first, second)
    total = torch.as_tensor(data()[0], dtype=first.dtype).flatten(1).sum(1).sort().values
    for epoch in (first, second):
        torch.testing.assert_close(epoch.flatten(1).sum(1).sort().values, total)


def read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


@pytest.fixture
def _every_warning():
    """Torch warns once in a program unless told otherwise."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


@pytest.mark.usefixtures("_every_warning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_that_cannot_be_written_train_without_a_warning(dtype):
    images, labels = data()[0].astype(dtype), data()[1]
    one, other = network(), network()
    found = [gradient.fit(one, images, labels, recipe(), progress=False)]
    images, labels = read_only(images), read_only(labels)
    found.append(gradient.fit(other, images, labels, recipe(), progress=False))
    same((one, found[0]), (other, found[1]))
    assert gradient.accuracy(one, images, labels) > 0
    assert len(gradient.predictions(one, images)) == SAMPLES


def test_only_what_cannot_be_written_or_needs_another_type_is_copied():
    images = data()[0].astype(np.float32)
    shared = {
        "writable": (images, torch.float32),
        "a tensor": (torch.as_tensor(images), torch.float32),
        "of another type": (images, torch.float64),
        "read only": (read_only(images), torch.float32),
    }
    found = {name: fitting.tensor(*given).numpy() for name, given in shared.items()}
    assert [np.shares_memory(x, images) for x in found.values()] == [True, True, False, False]
    assert all((x == images).all() for x in found.values())


# --- checkpoints that are refused ------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "net.pt"
    fit(network(), recipe(epochs=2), checkpoint=path)
    return path


def other_net():
    return gradient.Unrolled(
        nn.Flatten(), nn.Linear(15, 8), gradient.IF(), nn.Linear(8, 3), gradient.IF(), steps=4,
        code="bernoulli",
    )  # fmt: skip


OTHERS = {
    "sizes": (other_net, {}),
    "steps": (lambda: network(steps=5), {}),
    "code": (lambda: network(code="direct"), {}),
    "batch": (network, {"batch": 11}),
    "seed": (network, {"seed": 6}),
    "bound": (network, {"bound": None}),
    "validation": (network, {"validation": 0.3}),
    "loss": (network, {"loss": gradient.potential_cross_entropy}),
    "schedule": (network, {"schedule": None}),
    "optimizer": (network, {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1)}),
}


@pytest.mark.parametrize("module, options", OTHERS.values(), ids=list(OTHERS))
def test_a_checkpoint_of_another_training_is_refused(checkpoint, module, options):
    before, net = checkpoint.read_bytes(), module()
    weights = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(ResultError, match=r"net\.pt is of another training"):
        fit(net, recipe(**options), checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before
    assert all(torch.equal(p, w) for p, w in zip(net.parameters(), weights, strict=True))


def test_a_checkpoint_of_other_samples_is_refused(checkpoint):
    images, labels = data()
    with pytest.raises(ResultError, match="is of another training"):
        gradient.fit(network(), images[:-1], labels[:-1], recipe(), checkpoint=checkpoint)


def damaged(content):
    return {
        "cut": content[: len(content) // 2], "empty": b"", "text": b"no checkpoint", "end cut": content[:-9],
        "zeros": bytes(len(content)),
    }  # fmt: skip


@pytest.mark.parametrize("kind", damaged(b""))
def test_a_damaged_checkpoint_is_refused_and_left(checkpoint, kind):
    bad = damaged(checkpoint.read_bytes())[kind]
    checkpoint.write_bytes(bad)
    with pytest.raises(ResultError, match=r"net\.pt is no checkpoint of a training"):
        fit(network(), recipe(), checkpoint=checkpoint)
    assert checkpoint.read_bytes() == bad


@pytest.mark.parametrize("content", [[1, 2], {"x": 1}], ids=repr)
def test_a_file_of_torch_that_is_no_checkpoint_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(ResultError, match=r"net\.pt is no checkpoint of a training"):
        fit(network(), recipe(), checkpoint=tmp_path / "net.pt")


@pytest.mark.parametrize("place", ["missing/net.pt", "file/net.pt"])
def test_a_path_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultError, match=r"net\.pt cannot be written: .*Is the disk full"):
        fit(network(), recipe(), checkpoint=tmp_path / place)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ResultError, match="is no checkpoint of a training"):
        fit(network(), recipe(), checkpoint=tmp_path)


def test_a_full_disk_keeps_the_checkpoint_before(checkpoint):
    """A file may not grow beyond half of the checkpoint."""
    before = checkpoint.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(ResultError, match=r"net\.pt cannot be written"):
            fit(network(), recipe(), checkpoint=checkpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoint.read_bytes() == before
    assert [file.name for file in checkpoint.parent.iterdir()] == ["net.pt"]
    same(trained(recipe()), trained(recipe(), seed=3, checkpoint=checkpoint))


# --- data and numbers that are refused ----------------------------------------------------------------


def changed(place, value):
    given = list(data())
    given[place] = given[place].astype(float)
    given[place][4] = value
    return given


BAD = {
    "NaN": (changed(0, np.nan), "not a finite number"),
    "infinite": (changed(0, np.inf), "not a finite number"),
    "few labels": ((data()[0], data()[1][:-1]), r"images \(48, 3, 5\) and labels \(47,\)"),
    "columns": ((data()[0], np.eye(3)[data()[1]]), r"labels \(48, 3\)"),
    "none": ((data()[0][:0], data()[1][:0]), "at least one"),
    "half": (changed(1, 0.5), "a label is no whole number from 0 on"),
    "negative": (changed(1, -1), "a label is no whole number from 0 on"),
    "NaN label": (changed(1, np.nan), "a label is no whole number from 0 on"),
    "class": (changed(1, 3), "label 3, but 3 outputs"),
}


@pytest.mark.parametrize("given, message", BAD.values(), ids=list(BAD))
def test_data_that_do_not_fit_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        gradient.fit(network(), *given, recipe(validation=0.0, patience=None), progress=False)


@pytest.mark.parametrize(
    "part, message", [(0.999, "none to train on"), (0.001, "none to validate on")]
)
def test_parts_without_a_sample_are_refused(part, message):
    with pytest.raises(DataError, match=message):
        fit(network(), recipe(validation=part))


def test_a_loss_that_is_no_number_ends_the_training(tmp_path):
    how = recipe(loss=lambda sent, labels: sent.sum() * math.nan)
    with pytest.raises(DataError, match="no longer a finite number; use a smaller step"):
        fit(network(), how, checkpoint=tmp_path / "net.pt")
    assert not list(tmp_path.iterdir()), "no checkpoint of what is spoilt"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, "epochs is 0"), ({"batch": 2.5}, r"batch is 2\.5"), ({"seed": -1}, "seed is -1"),
        ({"validation": 1.0}, r"validation is 1\.0"), ({"validation": np.nan}, "validation is nan"),
        ({"patience": 0}, "patience is 0"), ({"patience": 2, "validation": 0.0}, "patience needs a validation"),
        ({"clip": 0}, "clip is 0"), ({"bound": -1}, "bound is -1"),
    ],
)  # fmt: skip
def test_recipes_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ParameterError, match=f"Recipe: {message}"):
        recipe(**options)
