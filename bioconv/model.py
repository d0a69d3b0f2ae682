"""The user's handle: a spiking network that can be read as text, edited as Brian2 objects, and run."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import brian2
import numpy as np

from bioconv.build import (
    Built,
    Recording,
    Settings,
    Stop,
    Wiring,
    built,
    check_stop,
    numbers,
    recordings,
    steps,
    stop_named,
)
from bioconv.build.checks import check_model
from bioconv.build.describe import described, equations
from bioconv.build.inputs import arguments, arrays_of, checked, code_key, digest, drives, length_of
from bioconv.build.learning import as_layers, check_learning, first_weights, learnt
from bioconv.build.playback import width_of
from bioconv.build.populations import text_of
from bioconv.build.recording import checked_size
from bioconv.errors import DeviceError, ParameterError
from bioconv.events import Events
from bioconv.export import cpp
from bioconv.export.parts import Script
from bioconv.export.script import write_script
from bioconv.neurons import Neuron, Synapse
from bioconv.neurons.plasticity import Rule
from bioconv.projections import Kind, order_of
from bioconv.realism import conductances, with_neurons
from bioconv.result import Result
from bioconv.run import Program, Task, about, chosen_device, compiled, present
from bioconv.spiking import SpikingNetwork, last_weight

#: Samples at once, unless asked for; fewer where explicit synapses of all replicas exceed SYNAPSES.
BATCH = 32
SYNAPSES = 4_000_000
#: Seconds that numpy needs for an operation on a population in a step, a neuron, a synaptic event.
_OPERATION, _NEURON, _EVENT = 6e-5, 3e-8, 2e-8
#: Part of the neurons that spike in a step, for estimates of time alone.
_ACTIVITY = 0.05
#: Numbers in the arrays of input and counts of one run of a compiled program.
NUMBERS = 2**22


class Model:
    """A spiking network in Brian2.

    Brian2 objects are made when they are first asked for, and made anew when a run needs another
    number of samples at once or another duration; weights and bias currents that were edited stay.

    Parameters
    ----------
    spiking : SpikingNetwork
    settings : Settings
    """

    def __init__(self, spiking: SpikingNetwork, settings: Settings):
        check_model(spiking, settings)
        self.spiking = spiking
        self.settings = settings
        self._wiring = Wiring(spiking, settings)
        self._built: Built | None = None
        self._hooks: list[Callable[[Model], Any]] = []
        self._folder: Path | None = None
        self._programs: dict[str, Program] = {}

    # -- reading ----------------------------------------------------------------------------

    @property
    def report(self) -> Any:
        """How the network was converted: a :class:`bioconv.convert.Conversion`, or None."""
        return self.spiking.report

    @property
    def layers(self) -> dict[str, tuple[int, ...]]:
        """{population: shape}, in topological order; with the input where it spikes."""
        return self._wiring.layers

    def equations(self) -> dict[str, str]:
        """{population: equations, threshold, reset and constants as text}."""
        return equations(self.spiking, self.settings)

    def latex(self) -> dict[str, str]:
        """{population: its equations in LaTeX}."""
        return {
            p.name: text_of(p, self.spiking, self.settings).latex()
            for p in self.spiking.populations
        }

    def weights(self, layer: str) -> dict[str, np.ndarray | None]:
        """{projection into ``layer``: weights of its last layer in thresholds}; None: one-to-one.

        Of a projection that learns: (n_post, n_pre) weights as they are now, neurons as channel, row, column.
        """
        self._check_layer(layer)
        learnt = self._learnt()
        return {
            p.name: as_layers(self._wiring, p.name, learnt[p.name])
            if p.name in learnt
            else last_weight(p.layers)
            for p in self.spiking.incoming(layer)
        }

    def matrix(self, projection: str) -> Any:
        """(n_post, n_pre) sparse matrix of a projection, in thresholds."""
        return self._wiring.matrix(projection)

    def kind(self, projection: str) -> Kind:
        """The form in which a projection's weights are stored once, in thresholds."""
        return self._wiring.kind(projection)

    def index(self, layer: str, neuron: Any) -> np.ndarray:
        """Where neurons, numbered channel, row, column, stand in a replica of ``model[layer]``."""
        self._check_layer(layer)
        return np.argsort(order_of(self.layers[layer]))[neuron]

    def fan_out(self) -> dict[str, np.ndarray]:
        """{population: (*shape) synapses that leave every neuron}, for counts of events."""
        return self._wiring.fan_out()

    def __str__(self) -> str:
        return described(self.spiking, self.settings, self.kind)

    def with_neurons(
        self,
        neuron: str | Neuron,
        synapse: str | Synapse | None = None,
        *,
        compensate: bool = True,
        reset: str = "zero",
        dt: Any = None,
        rate: Any = None,
        duration: Any = None,
    ) -> "Model":
        """The same network with richer neurons; :func:`bioconv.realism.cost` says what that costs.

        Parameters
        ----------
        neuron, synapse, compensate, reset, duration
            As in :func:`bioconv.realism.with_neurons`.
        dt : second, optional
            Rich neurons need 0.1 ms or less; that of this model unless given.
        rate : hertz, optional
            Rate that codes the largest activation, one that the neuron reaches; that of this model unless given.
            A presentation should be longer as the rate is lower.

        Raises
        ------
        ParameterError
            If no population can have such neurons.

        Examples
        --------
        >>> rich = model.with_neurons("exponential_if", "exponential", dt=0.1*ms, rate=100*Hz)
        >>> print(bioconv.realism.cost(model, rich, images, labels, 100*ms, changed_duration=500*ms))
        """
        self._check_frozen()
        old = self.settings
        encoder = replace(old.encoder, rate=old.max_rate if rate is None else rate)
        settings = replace(old, dt=old.dt if dt is None else dt, encoder=encoder)
        changed = with_neurons(
            self.spiking, neuron, synapse, max_rate=float(settings.max_rate), dt=settings.dt,
            duration=duration, reset=reset, compensate=compensate,
        )  # fmt: skip
        return Model(conductances(changed, spikes=encoder.spikes), settings)

    # -- learning ----------------------------------------------------------------------------

    def learn(self, name: str, rule: Rule | None, *, total: float = 0.0) -> "Model":
        """Have a projection learn by a rule while samples are shown; returns self.

        Samples are then shown one after another, in their order: each begins at rest, without traces of the one
        before, and with what was learnt until then. The weights, in thresholds, stay between the bounds of the
        rule, which moves what lies outside when it first changes it. A convolution's kernel is shared no longer: what
        learns is a matrix, and every synapse of it learns for itself; where there is none, none arises.

        Parameters
        ----------
        name : str
            Of a projection, or of a layer with one.
        rule : Rule or None
            One of :mod:`bioconv.stdp`; None: its weights learn no more, and stay as they are.
        total : float
            What the weights into a neuron are made to add up to before every sample; 0: they are not normalised.

        Raises
        ------
        ParameterError
            If there are no spikes or no weights to learn from, or the layer has several projections.
        DeviceError
            If objects that were added to the network would be lost.

        Examples
        --------
        >>> model.learn("fc1", bioconv.stdp.Pair(a_plus=0.01, a_minus=0.012))
        >>> model.run(images, 100*ms, device="cython")
        >>> model.learning = False       # the same network, without a new build
        >>> model.frozen().to_script("learnt.py")
        """
        projection = self._wiring.projection(self._projection(name))
        if rule is not None and not isinstance(rule, Rule):
            raise ParameterError(f"rule is {rule!r}; give one of bioconv.stdp, such as stdp.Pair()")
        if not 0 <= total < float("inf"):
            raise ParameterError(f"total is {total!r}; give a positive sum, or 0 for none")
        changed = replace(projection, rule=rule, total=float(total))
        if rule is not None:
            check_learning(self.spiking, changed, self.settings)
        if self._foreign:
            raise DeviceError(
                f"{', '.join(self._foreign)} were added to the network and would be lost; call learn before "
                "you add objects, or add them by model.extend(function)"
            )
        own, now, edits = projection.name, self._learnt(), self._edits()
        if own not in now and own in self.edited:
            raise ParameterError(
                f"the weights of {own} were edited; call learn first, then edit them"
            )
        if own in now and rule is None:
            self.spiking = learnt(self._wiring, {own: now[own]})
        else:
            others = self.spiking.projections
            paths = tuple(changed if p.name == own else p for p in others)
            self.spiking = replace(self.spiking, projections=paths)
        self._wiring, self._built = Wiring(self.spiking, self.settings), None
        goes_on = own in now and rule is not None
        edits = {key: value for key, value in edits.items() if goes_on or key[0] != own}
        if edits:
            self._current().edit(edits)
        return self

    @property
    def learning(self) -> bool:
        """Whether projections with a rule learn; may be set without a new build."""
        names = self._wiring.learning
        edits = self._edits()
        return any(float(edits.get((name, "learning"), np.ones(1))[0]) != 0 for name in names)

    @learning.setter
    def learning(self, on: bool) -> None:
        for name in self._wiring.learning:
            self.projections[name].learning = float(on)

    def frozen(self) -> "Model":
        """The network with the weights as they are now, and without rules: to be run in batches, written or exported.

        What else was edited stays edited.
        """
        made = Model(learnt(self._wiring, self._learnt()), self.settings)
        learning = self._wiring.learning
        others = {key: value for key, value in self._edits().items() if key[0] not in learning}
        if others:
            made._current().edit(others)
        return made

    def _check_frozen(self) -> None:
        """Refuse to leave with a rule, which nothing outside knows.

        Raises
        ------
        ParameterError
            With what to do.
        """
        if self._wiring.learning:
            raise ParameterError(
                f"{self._wiring.learning[0]} learns, which stays here; leave with model.frozen(), whose weights are "
                "those of now"
            )

    def _learnt(self) -> dict[str, np.ndarray]:
        """{projection that learns: (n_pre, n_post) weights now, neurons as the groups count them}."""
        edits = self._edits()
        found = {}
        for name in self._wiring.learning:
            first = first_weights(self._wiring, name)
            found[name] = edits.get((name, "w"), first).reshape(first.shape)
        return found

    def _projection(self, name: str) -> str:
        """The name of a projection, or of the one into a layer."""
        if name not in self.layers:
            return name
        into = [p.name for p in self.spiking.incoming(name)]
        if len(into) != 1:
            raise ParameterError(
                f"{name} has {len(into)} projections; name one of {', '.join(into) or 'none'}"
            )
        return into[0]

    # -- Brian2 objects ----------------------------------------------------------------------

    def build(self, *, duration: Any = None, batch_size: int = 1) -> "Model":
        """Make the Brian2 objects for a duration and a number of samples at once; returns self.

        Raises
        ------
        DeviceError
            If objects that were added to the network would be lost.
        """
        n_steps = 100 if duration is None else steps("duration", duration, self.settings.dt)
        self._made(n_steps, _checked_count("batch_size", batch_size), 1, None)
        return self

    @property
    def network(self) -> brian2.Network:
        """The ``brian2.Network``; add monitors, currents and synapses to it."""
        return self._current().network

    @property
    def projections(self) -> Mapping[str, Any]:
        """{projection: SharedProjection or Synapses}; their ``w`` may be edited."""
        return self._current().projections

    def __getitem__(self, layer: str) -> brian2.NeuronGroup:
        """The ``NeuronGroup`` of a population (replica after replica)."""
        self._check_layer(layer)
        return self._current().groups[layer]

    def extend(self, function: Callable[["Model"], Any]) -> None:
        """Call ``function(model)`` whenever the Brian2 objects are made, and add what it returns.

        So extensions also reach the C++ program, which is made from objects of its own. What a
        monitor of theirs records there is not read back: ask for it with ``record``.
        """
        self._hooks.append(function)
        if self._built is not None:
            self._extended(self._built, [function])

    def _current(self) -> Built:
        if self._built is None:
            self.build()
        assert self._built is not None
        return self._built

    def _made(self, n_steps: int, replicas: int, presentations: int, stop: Stop | None) -> Built:
        """The objects in this process; made anew only for another duration or batch, or other ends."""
        old = self._built
        sizes = (n_steps, replicas, stop is None)
        if old is not None and (old.n_steps, old.replicas, old.stop is None) == sizes:
            return replace(old, presentations=presentations, stop=stop)
        if old is not None and self._foreign:
            raise DeviceError(
                f"the network was built for {old.n_steps} steps and {old.replicas} sample(s) at once"
                f"{_ends(old.stop)}, and {', '.join(self._foreign)} were added to it; {n_steps} steps "
                f"and {replicas} sample(s){_ends(stop)} need a new one. Call model.build(duration=..., "
                "batch_size=...) before you add objects, or add them by model.extend(function)"
            )
        self._built = self._new(n_steps, replicas, presentations, stop, self._edits())
        return self._built

    def _new(
        self,
        n_steps: int,
        replicas: int,
        presentations: int,
        stop: Stop | None,
        edits: Mapping[Any, np.ndarray],
        width: int = 1,
    ) -> Built:
        """Objects on the current device, with what was edited and what hooks add."""
        with numbers(self.settings.precision):
            made = built(
                self._wiring, replicas=replicas, presentations=presentations, n_steps=n_steps, stop=stop,
                width=width,
            )  # fmt: skip
        made.edit(edits)
        before, self._built = self._built, made
        try:
            self._extended(made, self._hooks)
        finally:
            self._built = before
        return made

    @property
    def edited(self) -> tuple[str, ...]:
        """Populations and projections whose Brian2 objects hold other numbers than the spiking network; shared
        weights, currents and thresholds are compared.
        """
        before, now = (arguments(self._wiring, edits, 1) for edits in ({}, self._edits()))
        return tuple(
            dict.fromkeys(
                name.rpartition(".")[0]
                for name, values in now.items()
                if not np.allclose(values, before[name], rtol=1e-6, atol=0)
            )
        )

    def _edits(self) -> dict[Any, np.ndarray]:
        return {} if self._built is None else self._built.edits()

    def _extended(self, made: Built, hooks: list[Callable[["Model"], Any]]) -> None:
        for hook in hooks:
            added = hook(self)
            made.network.add(*(added if isinstance(added, (list, tuple)) else [added]))

    @property
    def _foreign(self) -> list[str]:
        """Names of objects in the network that only the user could make again."""
        return [] if self._built is None or self._hooks else self._built.foreign

    # -- running -----------------------------------------------------------------------------

    def run(
        self,
        images: np.ndarray,
        duration: Any = None,
        *,
        device: str = "auto",
        batch_size: int | None = None,
        processes: int = 1,
        scheduler: Any = None,
        record: Any = None,
        stop: str | Stop | None = None,
        first_sample: int = 0,
        progress: bool | None = None,
    ) -> Result:
        """Show images to the network.

        Parameters
        ----------
        images : (n_samples, *input_shape) array
            With ``encoder="frames"`` (n_samples, n_steps, *input_shape), an image for every step; with
            ``encoder="events"`` :class:`bioconv.Events`, or such an array of zeros and ones.
        duration : second, optional
            Of every presentation; unless given that of frames or events, or 100 steps.
        device : {"auto", "numpy", "cython", "cpp_standalone"}
            ``"auto"`` compiles where that pays; the result's provenance says what it chose and why.
        batch_size : int, optional
            Samples that are presented at once; changes the speed, never the spikes.
        processes : int
            Compiled programs that run at once; more than one needs ``"cpp_standalone"``. A long run
            that was cut off goes on where it was when it is called again.
        scheduler : str or dask.distributed.Client, optional
            A Dask cluster that runs the programs instead (the extra ``bioconv[dask]``); its workers
            need the same cache folder.
        record : mapping or str, optional
            ``{"conv1": "spikes", "fc1": {"v": [0, 7]}}``; the output's spikes are always recorded.
        stop : str or record, optional
            When a sample is decided and its place given to the next: ``"margin:3"`` as soon as an
            output leads by 3 spikes, ``"total_count:10"`` as soon as all outputs have sent 10,
            ``"first_spike"``; or a record of :mod:`bioconv.build.stopping`. A sample's spikes until
            then are those of a run without ``stop``; ``result.steps`` says how many steps each was
            shown. Needs the synchronous propagation and an output that spikes.
        first_sample : int
            Number of the first image, of which its random numbers are a function.
        progress : bool, optional
            Show a bar on stderr; on a terminal and for long runs unless given.

        Raises
        ------
        StimulusError
            If the images have the wrong shape or leave the input range.
        ParameterError
            If the duration or another option is out of range.
        DeviceError
            If the device cannot be used.
        RunInterrupted
            On Ctrl-C, with what was finished.
        """
        images = checked(images, self.spiking, self.settings)
        first = _checked_first(first_sample, len(images))
        n_steps = (
            length_of(images, self.settings)
            if duration is None
            else steps("duration", duration, self.settings.dt)
        )
        width = width_of(images) if isinstance(images, Events) else 1
        replicas = self._batch(batch_size, len(images))
        processes = _checked_count("processes", processes)
        stop = stop_named(stop)
        if stop is not None:
            check_stop(self.spiking, self.settings)
        wiring = self._wiring
        self._check_run(wiring.learning, stop, processes, scheduler)
        record = recordings(record, wiring.sizes, wiring.silent, self.spiking.output, wiring.inputs)
        checked_size(record, len(images), n_steps)
        estimate = self._estimate(len(images), n_steps, replicas)
        many = processes > 1 or scheduler is not None
        target = chosen_device(device, estimate, self._foreign, many)

        def given() -> dict[str, Any]:
            return arguments(wiring, self._edits(), replicas, stop)

        task = Task(
            built=lambda presentations: self._made(n_steps, replicas, presentations, stop),
            program=lambda: self._program(n_steps, replicas, width, stop, record),
            fixed=given,
            drives=lambda samples: drives(
                images[samples], self.spiking, self.settings, n_steps, width
            ),
            identity=lambda folder, size: digest(
                *arrays_of(images), folder, size, first, *given().values()
            ),
            shapes=self.layers,
            n_samples=len(images),
            first_sample=first,
            replicas=replicas,
            n_steps=n_steps,
            record=record,
            learning=wiring.learning,
            learnt=lambda values: self._current().edit(values),
            about=about(
                self.spiking, self.settings, n_steps=n_steps, replicas=replicas,
                first_sample=first, target=target, stop=stop,
            ),
        )  # fmt: skip
        with numbers(self.settings.precision):
            shown = estimate > 5 if progress is None else progress
            return present(task, target[0], processes, scheduler, shown)

    # -- leaving -----------------------------------------------------------------------------

    def export_cpp(
        self,
        folder: str | os.PathLike,
        duration: Any = None,
        *,
        batch_size: int | None = None,
        record: Any = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a C++ project that runs without Python: ``make`` in the folder, then ``./run --help``.

        It takes what :meth:`write_stimulus` writes, or images as ``.npy``; :func:`bioconv.load_results`
        reads what it leaves.

        Parameters
        ----------
        duration : second, optional
            Of a sample; the program may be told another, unless the encoder or the neurons depend on it.
        batch_size : int, optional
            Samples that are presented at once; 1 for single long ones.
        record : mapping or str, optional
            Spikes and residuals as in :meth:`run`; the output's spikes are always recorded.

        Raises
        ------
        ParameterError
            If the model was extended, has explicit synapses, or the folder is not empty.
        DeviceError
            If the folder cannot be written.
        """
        self._check_frozen()
        wiring, spiking = self._wiring, self.spiking
        wanted = recordings(record, wiring.sizes, wiring.silent, spiking.output, wiring.inputs)
        cpp.check_export(wiring, bool(self._hooks or self._foreign), wanted)
        replicas = self._batch(batch_size, BATCH if batch_size is None else batch_size)
        edits = self._edits()
        task = cpp.Export(
            wiring=wiring,
            build=lambda n_steps: self._new(n_steps, replicas, 1, None, edits),
            replicas=replicas,
            n_steps=self._steps(duration),
            record=wanted,
        )
        return cpp.export(task, folder, overwrite)

    def write_stimulus(
        self,
        path: str | os.PathLike,
        samples: Any,
        duration: Any = None,
        *,
        overwrite: bool = False,
    ) -> None:
        """Write samples, as :meth:`run` takes them, for the program that :meth:`export_cpp` makes.

        ``duration`` is that of a sample, for frames and events; unless given their own.

        Raises
        ------
        StimulusError
            If the samples do not fit the network, or the file is there or cannot be written.
        """
        samples = checked(samples, self.spiking, self.settings)
        n_steps = length_of(samples, self.settings) if duration is None else self._steps(duration)
        cpp.write_stimulus(path, samples, self._wiring, n_steps, overwrite)

    def to_script(
        self, path: str | os.PathLike, duration: Any = None, *, overwrite: bool = False
    ) -> None:
        """Write a plain Brian2 script, ``network.py``, and its weights, ``network.h5``, beside it.

        It runs with brian2, numpy and h5py alone and spikes as :meth:`run` does, for samples of
        ``duration`` (100 steps unless given).

        Raises
        ------
        ParameterError
            If the model has parts that need code of bioconv (max-pooling that chooses among spikes, a
            spiking softmax, rank order), was extended, or a file is there already.
        """
        self._check_frozen()
        script = Script(wiring=self._wiring, edits=self._edits(), n_steps=self._steps(duration))
        write_script(script, path, bool(self._hooks or self._foreign), overwrite)

    def _steps(self, duration: Any) -> int:
        return 100 if duration is None else steps("duration", duration, self.settings.dt)

    def _program(
        self,
        n_steps: int,
        replicas: int,
        width: int,
        stop: Stop | None,
        record: Mapping[str, Recording],
    ) -> Program:
        """The compiled program for these sizes and recordings, kept while the model lives."""
        each = max(width, sum(self._wiring.sizes.values()))
        if self.settings.encoder.stepwise and not self.settings.encoder.spikes:
            each *= n_steps
        presentations = max(1, NUMBERS // (each * replicas))
        edits, key = self._edits(), None
        if not self._hooks:
            ends = () if stop is None else (stop.kind,)
            sizes = (n_steps, replicas, presentations, width, *ends)
            key = code_key(self._wiring, edits, sizes, record)
        if key is None or key not in self._programs:
            program = compiled(
                lambda: self._new(n_steps, replicas, presentations, stop, edits, width),
                record,
                key,
                self._directory(),
            )
            if key is None:
                return program
            self._programs[key] = program
        return self._programs[key]

    def _check_run(
        self, learning: list[str], stop: Stop | None, processes: int, scheduler: Any
    ) -> None:
        """Refuse what would show samples in another order than one after another."""
        if learning and (stop is not None or processes > 1 or scheduler is not None):
            raise ParameterError(
                f"{learning[0]} learns, sample after sample; leave out stop, processes and scheduler, or run "
                "model.frozen()"
            )

    def _batch(self, batch_size: int | None, n_samples: int) -> int:
        if self._wiring.learning:
            if batch_size not in (None, 1):
                raise ParameterError(
                    f"batch_size is {batch_size}; {self._wiring.learning[0]} learns, sample after sample. "
                    "Leave it out, or run model.frozen()"
                )
            return 1
        if batch_size is not None:
            return min(_checked_count("batch_size", batch_size), n_samples)
        if self._built is not None and self._foreign:
            return self._built.replicas
        wiring = self._wiring
        room = SYNAPSES // max(1, wiring.n_synapses) if wiring.explicit else BATCH
        return max(1, min(BATCH, n_samples, room))

    def _estimate(self, n_samples: int, n_steps: int, replicas: int) -> float:
        """Seconds that numpy needs, roughly."""
        sizes = self._wiring.sizes
        rounds = -(-n_samples // replicas) * n_steps
        objects = 3 * len(sizes) + 2 * len(self.spiking.projections)
        events = self._wiring.n_synapses * _ACTIVITY * _EVENT
        work = replicas * (sum(sizes.values()) * _NEURON + events)
        return rounds * (objects * _OPERATION + work)

    def _directory(self) -> Path:
        """Folder of programs that are not kept; goes with the model."""
        if self._folder is None:
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="bioconv-"))
            except OSError as error:
                raise DeviceError(f"no folder for the C++ program: {error}") from error
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _check_layer(self, layer: str) -> None:
        if layer not in self.layers:
            raise KeyError(f"no layer {layer!r}; the model has {', '.join(self.layers)}")


def _ends(stop: Stop | None) -> str:
    return "" if stop is None else " that stop one by one"


def _checked_count(name: str, number: Any) -> int:
    if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < 1:
        raise ParameterError(f"{name} is {number!r}; give an integer of at least 1")
    return int(number)


def _checked_first(first: Any, n_samples: int) -> int:
    good = isinstance(first, (int, np.integer)) and not isinstance(first, bool)
    if not good or not 0 <= first < 2**31 - n_samples:
        raise ParameterError(f"first_sample is {first!r}; give an integer from 0")
    return int(first)
