"""The command line: parses, calls, prints."""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any

import numpy as np

import bioconv
from bioconv import datasets
from bioconv.errors import BioconvError, ParameterError, ResultError, RunInterrupted
from bioconv.events import load_samples
from bioconv.learn.commands import add as add_learn
from bioconv.learn.commands.training import add as add_train

EPILOG = """\
examples
  bioconv demo                                         pictures and numbers in ./bioconv-demo/
  bioconv inspect digits_cnn                           the layers of a trained network
  bioconv convert digits_cnn --data digits             the equations of its spiking network
  bioconv evaluate digits_cnn --data digits            how well that network answers
  bioconv diagnose digits_cnn --data digits            which layer fails, how, and what helps
  bioconv run digits_cnn --data digits -o result.h5    the same, and keep the spikes
  bioconv run net.nir --dt 0.1 --input x.npz -o r.h5   a trained spiking network, shown events of a file
  bioconv plot result.h5 raster -o raster.png          look at them
  bioconv export digits_cnn --data digits --cpp net    the network as a C++ program, without Python
  bioconv export digits_cnn --script network.py        the network as a Brian2 script, without bioconv
  bioconv learn diehl-cook --neurons 100               digits by STDP, without labels
"""

#: The files of trained networks that the commands read.
FILES = "an .h5, .keras, .npz, .onnx or .nir file, or a torch state_dict (.pt, .pth, .ckpt)"
#: What `bioconv plot` draws: spikes, a neuron, a layer's and all layers' potentials, accuracy.
PICTURES = ("raster", "membrane", "potentials", "layers", "accuracy")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it worked, 1 after an error, 130 after Ctrl-C."""
    options = parser().parse_args(argv)
    try:
        options.run(options)
    except RunInterrupted as stop:
        print(f"bioconv: {stop}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("bioconv: interrupted", file=sys.stderr)
        return 130
    except BioconvError as error:
        print(f"bioconv: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="bioconv",
        description="Trained neural networks as Brian2 networks: convert, run, measure, plot.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"bioconv {bioconv.__version__}")
    commands = top.add_subparsers(required=True, metavar="command")
    _demo(commands)
    _methods(commands)
    _inspect(commands)
    _convert(commands)
    _run(commands)
    _evaluate(commands)
    _diagnose(commands)
    _plot(commands)
    _export(commands)
    add_learn(commands)
    add_train(commands)
    _data(commands)
    return top


def _command(commands: Any, run: Callable, name: str, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(
        name, help=text, description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.set_defaults(run=run)
    return made


def _model_options(made: argparse.ArgumentParser, data: bool) -> None:
    """What a network is converted from and how."""
    made.add_argument("model", help=f"a bundled network (digits_cnn, digits_mlp), {FILES}")
    _reading_options(made)
    made.add_argument("--data", metavar="NAME", required=data, help=", ".join(datasets.names()))
    made.add_argument("--folder", metavar="DIR", help="where the data set lies")
    made.add_argument(
        "--method",
        metavar="NAME",
        help="a name that `bioconv methods` lists, or auto; percentile with data",
    )
    made.add_argument(
        "--calibration",
        type=_count,
        metavar="N",
        default=500,
        help="training images that set the scales",
    )
    made.add_argument(
        "--encoder",
        help="constant, poisson, regular, ttfs, rank_order, frames or events; constant, or what --input holds",
    )
    made.add_argument(
        "--neuron",
        help="if, lif, correcting, few_spike, adaptive_lif, exponential_if, izhikevich or hodgkin_huxley; if, or "
        "what the method needs",
    )
    made.add_argument(
        "--synapse",
        help="delta, exponential, alpha, double_exponential or conductance; delta",
    )
    made.add_argument(
        "--initial", type=_initial, metavar="V", help="first potential, in thresholds, or random"
    )
    made.add_argument("--readout", help="spikes or potential; the potential after a softmax")
    made.add_argument("--propagation", default="synchronous", help="synchronous or delayed")
    made.add_argument("--units", default="biophysical", help="biophysical or dimensionless")
    made.add_argument("--precision", default="double", help="double or single")
    made.add_argument("--seed", type=int, default=0, help="of the random numbers")
    made.add_argument("--substitute", action="append", default=[], metavar="LAYER=OTHER",
                      help="MaxPool2d=exp_max, fir_max, avg_max, or, AvgPool2d; LeakyReLU=pair, signed, ReLU")  # fmt: skip


def _reading_options(made: argparse.ArgumentParser) -> None:
    """What a file of a network may leave open."""
    made.add_argument("--input-shape", type=_shape, metavar="C,ROWS,COLUMNS",
                      help="of a sample, where the file does not say it: weights that begin with a convolution")  # fmt: skip
    made.add_argument(
        "--dt", type=float, metavar="MS",
        help="step, in milliseconds; 1, or that of a trained spiking network",
    )  # fmt: skip
    made.add_argument("--reset", help="subtract or zero; that of the method or of the file")


def _input_option(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--input", type=Path, metavar="FILE",
        help="samples instead of test images: an .npz file of events (bioconv.Events.save), or an .npy array, "
        "(samples, steps, *shape) of frames for a trained spiking network and --encoder frames, else images",
    )  # fmt: skip


def _run_options(made: argparse.ArgumentParser) -> None:
    """What is shown to a network and on which device."""
    made.add_argument("--samples", type=_count, metavar="N", help="the first N; all")
    made.add_argument(
        "--duration",
        type=float,
        metavar="MS",
        help="of a sample; 100, or its own for frames and events",
    )
    made.add_argument("--device", default="auto", help="auto, numpy, cython or cpp_standalone")
    made.add_argument("--batch-size", type=_count, metavar="N", help="images at once; by size")
    made.add_argument(
        "--processes", type=_count, default=1, metavar="N", help="compiled programs at once"
    )
    made.add_argument(
        "--stop", metavar="RULE",
        help="end an image as soon as it is decided: margin:3, total_count:10, first_spike",
    )  # fmt: skip


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _shape(text: str) -> tuple[int, ...]:
    return tuple(_count(number) for number in text.split(","))


def _initial(text: str) -> float | str:
    return text if text == "random" else float(text)


def _substitutes(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, other = pair.partition("=")
        if not equals:
            raise ParameterError(f"--substitute {pair!r}: give LAYER=OTHER, as MaxPool2d=AvgPool2d")
        found[name] = other
    return found


def _network(options: argparse.Namespace, path: str) -> Any:
    """The trained network; a NIR file with what it leaves open."""
    from brian2 import ms

    if Path(path).suffix == ".nir":
        dt = None if options.dt is None else options.dt * ms
        return bioconv.from_nir(path, dt=dt, reset=options.reset)
    return bioconv.read(path, input_shape=options.input_shape)


def _model(options: argparse.Namespace) -> tuple[Any, Any]:
    """The trained network and its model, with scales from the training images if there are any."""
    from brian2 import ms

    network = _network(options, options.model)
    spikes = isinstance(network, bioconv.spiking.SpikingNetwork)
    images = None
    if options.data and not spikes:
        images = datasets.load(
            options.data, "train", folder=options.folder, samples=options.calibration
        ).images
    model = bioconv.to_brian(
        network,
        calibration=images,
        method=options.method,
        encoder=options.encoder or _encoder(options, spikes),
        neuron=options.neuron,
        synapse=options.synapse,
        reset=None if Path(options.model).suffix == ".nir" else options.reset,
        initial=options.initial,
        readout=options.readout,
        propagation=options.propagation,
        units=options.units,
        precision=options.precision,
        dt=None if options.dt is None else options.dt * ms,
        seed=options.seed,
        substitute=_substitutes(options.substitute) or None,
    )
    return network, model


def _encoder(options: argparse.Namespace, spikes: bool) -> str:
    """How a network is shown its samples, unless it is said: a trained spiking network takes an input a step."""
    given = getattr(options, "input", None)
    if given is None:
        return "constant"
    if given.suffix == ".npz":
        return "events"
    return "frames" if spikes else "constant"


def _shown(options: argparse.Namespace, model: Any, images: Any, record: Any = None) -> Any:
    from brian2 import ms

    own = None if model.settings.encoder.stepwise else 100 * ms
    return model.run(
        images,
        own if options.duration is None else options.duration * ms,
        device=options.device,
        batch_size=options.batch_size,
        processes=options.processes,
        record=record,
        stop=options.stop,
    )


def _free(path: Path, overwrite: bool) -> Path:
    """A path that may be written, checked before anything is computed."""
    if path.exists() and not overwrite:
        raise ResultError(f"{path} exists; choose another name or add --overwrite")
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no folder {path.parent}")
    return path


def _demo(commands: Any) -> None:
    made = _command(commands, demo, "demo", "convert a small network, run it on digits, draw it")
    made.add_argument(
        "--out", type=Path, default=Path("bioconv-demo"), help="folder for the results"
    )
    made.add_argument("--device", default="auto", help="auto, numpy, cython or cpp_standalone")
    made.add_argument("--samples", type=_count, metavar="N", help="the first N test images; all")


def demo(options: argparse.Namespace) -> None:
    """The main job on the bundled data."""
    from brian2 import ms

    from bioconv import demo as pictures

    digits = datasets.load("digits", samples=options.samples)
    network = bioconv.read("digits_cnn")
    model = bioconv.to_brian(network, calibration=datasets.load("digits", "train").images)
    print(model)
    result = model.run(
        digits.images, 100 * ms, device=options.device, record=pictures.recorded(model)
    )
    answers = bioconv.reference(network, digits.images).argmax(axis=1)
    ann = float(np.mean(answers == digits.labels))
    print(f"\n{result!r}")
    print(f"device         {result.provenance['device']} ({result.provenance['device_reason']})")
    print(f"ANN accuracy   {100 * ann:.2f} % of {len(digits.labels)} test images")
    print(f"SNN accuracy   {100 * result.accuracy(digits.labels):.2f} % after 100 ms")
    options.out.mkdir(parents=True, exist_ok=True)
    result.save(options.out / "result.h5", overwrite=True)
    written = pictures.draw(options.out, network, result, digits, ann)
    print(
        f"written        {', '.join(str(path) for path in [*written, options.out / 'result.h5'])}"
    )


def _methods(commands: Any) -> None:
    def run(options: argparse.Namespace) -> None:
        for name, method in bioconv.methods.METHODS.items():
            print(f"{name} (looks at {method.looks}, reset {method.reset})")
            print(textwrap.indent(cleandoc(method.__doc__ or ""), "    "), end="\n\n")
        print("auto\n    Tries several and takes the one that answers soonest.")

    _command(
        commands,
        run,
        "methods",
        "the conversion methods: what each does, what it costs, when to choose it, its paper",
    )


def _inspect(commands: Any) -> None:
    made = _command(commands, inspect, "inspect", "what a network or a result holds")
    made.add_argument("source", help=f"a bundled network, {FILES}, or a result")
    _reading_options(made)


def inspect(options: argparse.Namespace) -> None:
    """Layers and sizes of a network, or the summary of a result."""
    try:
        network = _network(options, options.source)
        trained = isinstance(network, bioconv.spiking.SpikingNetwork)
        print(bioconv.to_brian(network) if trained else network)
    except BioconvError as error:
        try:
            result = bioconv.load_result(options.source)
        except BioconvError:
            raise error from None
        print(repr(result))
        for name, value in result.provenance.items():
            print(f"  {name}: {value}")


def _convert(commands: Any) -> None:
    made = _command(
        commands, convert, "convert", "print scales, equations and sizes of the spiking network"
    )
    _model_options(made, data=False)
    made.add_argument("--latex", action="store_true", help="equations in LaTeX instead of text")


def convert(options: argparse.Namespace) -> None:
    """The report of a conversion and the text of the model."""
    _, model = _model(options)
    print(model.report)
    print()
    if options.latex:
        for name, text in model.latex().items():
            print(f"% {name}\n{text}")
    else:
        print(model)


def _run(commands: Any) -> None:
    made = _command(
        commands,
        run,
        "run",
        "show test images or a file of samples to the spiking network, keep the result",
    )
    _model_options(made, data=False)
    _input_option(made)
    _run_options(made)
    made.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="an .h5 file"
    )
    made.add_argument(
        "--record",
        action="append",
        default=[],
        metavar="LAYER=spikes|v",
        help="spikes or potentials of a layer; may be repeated",
    )
    made.add_argument("--overwrite", action="store_true", help="replace an existing file")  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Show images and save the result; after Ctrl-C, what was finished."""
    path = _free(options.output, options.overwrite)
    if not (options.data or options.input):
        raise ParameterError("nothing to show: add --data NAME or --input FILE")
    record: dict[str, list[str]] = {}
    for pair in options.record:
        layer, equals, what = pair.partition("=")
        record.setdefault(layer, []).append(what if equals else "spikes")
    samples = _samples(options)
    _, model = _model(options)
    try:
        result = _shown(options, model, samples, record)
    except RunInterrupted as stop:
        if stop.result is not None:
            stop.result.save(path, overwrite=options.overwrite)
            raise RunInterrupted(f"{stop}; saved to {path}", stop.result) from None
        raise
    result.save(path, overwrite=options.overwrite)
    print(f"{result!r}\nwritten to {path}")


def _samples(options: argparse.Namespace) -> Any:
    """What is to be shown: of a file, or the test images."""
    if options.input:
        return load_samples(options.input)[: options.samples]
    return datasets.load(options.data, folder=options.folder, samples=options.samples).images


def _evaluate(commands: Any) -> None:
    made = _command(commands, evaluate, "evaluate", "accuracy, agreement and cost on test images")
    _model_options(made, data=True)
    _run_options(made)
    made.add_argument(
        "--decision",
        metavar="RULE",
        help="also read the output by max_count, total_count:N, first_spike, margin:N, potential, "
        "smoothed_rate:SECONDS or population_vote:N",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")


def evaluate(options: argparse.Namespace) -> None:
    """The trained and the spiking network on the same images."""
    from bioconv import analysis

    rule = analysis.rule_named(options.decision) if options.decision else None
    clock = _Stopwatch()
    data = datasets.load(options.data, folder=options.folder, samples=options.samples)
    network, model = _model(options)
    if isinstance(network, bioconv.spiking.SpikingNetwork):
        raise ParameterError(
            f"{options.model} spikes already, and there is nothing to compare it with; bioconv run shows samples to it"
        )
    clock.lap("convert")
    outputs = bioconv.reference(network, data.images)
    clock.lap("reference")
    record = {model.spiking.output: "v"} if rule else None
    result = _shown(options, model, data.images, record)
    clock.lap("run")
    fan_out = model.fan_out()
    events = analysis.synaptic_events(result, fan_out)
    found = {
        "model": options.model,
        "data": options.data,
        "samples": len(data.labels),
        "steps": float(result.steps.mean()) if options.stop else result.n_steps,
        "ann_accuracy": float(np.mean(outputs.argmax(axis=1) == data.labels)),
        "snn_accuracy": result.accuracy(data.labels),
        "agreement": analysis.agreement(result, outputs),
        **(_decided(result, rule, data.labels) if rule else {}),
        "spikes_per_sample": float(
            sum(counts.sum() for counts in result.counts.values()) / result.n_samples
        ),
        "synaptic_events_per_sample": float(events.mean()),
        "seconds": clock.laps,
        "device": result.provenance["device"],
        "device_reason": result.provenance["device_reason"],
        "method": result.provenance["method"],
    }
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        if name == "seconds":
            value = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in value.items())
        elif name.endswith("accuracy") or name == "agreement":
            value = f"{100 * value:.2f} %"
        print(f"{name.replace('_', ' '):27s}{value}")


def _diagnose(commands: Any) -> None:
    made = _command(
        commands, diagnose, "diagnose", "which layer fails, how, where errors come from, what helps"
    )
    _model_options(made, data=True)
    _run_options(made)
    made.set_defaults(samples=50)
    made.add_argument(
        "--network",
        metavar="FILE",
        help="the trained network, where MODEL was carried over by hand",
    )
    made.add_argument(
        "--compare", action="append", default=[], metavar="METHOD",
        help="measure the layers by another method too; may be repeated",
    )  # fmt: skip
    made.add_argument(
        "-o", "--output", type=Path, default=Path("diagnosis.png"), metavar="FILE", help="a picture"
    )
    made.add_argument("--overwrite", action="store_true", help="replace an existing file")


def diagnose(options: argparse.Namespace) -> None:
    """Table and verdict of a run, a trial of the advice, a picture of the errors."""
    path = _free(options.output, options.overwrite)
    data = datasets.load(options.data, folder=options.folder, samples=options.samples)
    network = _network(options, options.network) if options.network else None
    found: dict[str, Any] = {}
    for method in [options.method, *options.compare]:
        _, model = _model(argparse.Namespace(**{**vars(options), "method": method}))
        record = bioconv.trials.residuals(model)
        result = _shown(options, model, data.images, record)
        samples = 0 if found else bioconv.trials.SAMPLES
        diagnosis = bioconv.diagnose(model, result, data.images, network, samples=samples)
        print(f"{diagnosis}\n")
        found[diagnosis.method] = diagnosis
    _draw_diagnoses(found, path)
    print(f"written     {path}")


def _draw_diagnoses(found: dict[str, Any], path: Path) -> None:
    """Errors of the first method's layers, and beside them those of all methods."""
    from matplotlib.figure import Figure

    from bioconv import plots

    width = 1.2 * len(next(iter(found.values())).layers)
    figure = Figure(figsize=(max(10, 2 * width), 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plots.error_parts(left, next(iter(found.values())))
    plots.error_by_method(right, found)
    _save_figure(figure, path)


def _decided(result: Any, rule: Any, labels: np.ndarray) -> dict[str, float]:
    """How often a rule is right, and when it knows."""
    decision = rule.decision(result)
    return {
        "decision_accuracy": decision.accuracy(labels),
        "decision_ms": decision.mean_steps * result.dt * 1e3,
    }


class _Stopwatch:
    """Seconds since the last lap, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _plot(commands: Any) -> None:
    made = _command(commands, plot, "plot", "draw a saved result")
    made.add_argument("result", type=Path, help="a file that `bioconv run` wrote")
    made.add_argument("kind", choices=PICTURES, help="what to draw")
    made.add_argument("-o", "--output", type=Path, required=True, help="a .png, .pdf or .svg file")
    made.add_argument("--sample", type=int, default=0, help="of raster, membrane and layers")
    made.add_argument("--layer", help="of membrane and potentials; the first with potentials")
    made.add_argument("--neuron", type=int, help="of membrane; the first with potentials")
    made.add_argument("--data", metavar="NAME", help="of accuracy: where the labels are")
    made.add_argument("--folder", metavar="DIR", help="where the data set lies")
    made.add_argument("--overwrite", action="store_true", help="replace an existing file")


def plot(options: argparse.Namespace) -> None:
    """One picture of a result."""
    from matplotlib.figure import Figure

    from bioconv import plots

    path = _free(options.output, options.overwrite)
    result = bioconv.load_result(options.result)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    layer = options.layer or next(iter(result.traces), result.output)
    if options.kind == "raster":
        plots.raster(ax, result, sample=options.sample)
    elif options.kind == "layers":
        plots.potential_map(ax, result, sample=options.sample)
    elif options.kind == "potentials":
        plots.potential_distribution(ax, result, layer)
    elif options.kind == "membrane":
        traced = result.traces[layer].neurons if layer in result.traces else [0]
        neuron = int(traced[0]) if options.neuron is None else options.neuron
        plots.membrane(ax, result, layer, neuron, sample=options.sample)
    else:
        if not options.data:
            raise ParameterError("plotting accuracy needs the labels: add --data NAME")
        first = result.provenance.get("first_sample", 0)
        data = datasets.load(options.data, folder=options.folder)
        labels = data.labels[first : first + result.n_samples]
        plots.accuracy_over_time(ax, result, labels)
    _save_figure(figure, path)
    print(f"written to {path}")


def _save_figure(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise ResultError(f"cannot write {path}: {error}") from error


def _export(commands: Any) -> None:
    made = _command(
        commands,
        export,
        "export",
        "write the spiking network as a C++ project or a plain Brian2 script",
    )
    _model_options(made, data=False)
    made.add_argument(
        "--cpp", type=Path, metavar="DIR", help="a C++ project: make there, then ./run --help"
    )
    made.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help="network.py and network.h5; needs brian2 and h5py",
    )
    made.add_argument(
        "--stimulus",
        type=Path,
        metavar="FILE",
        help="the test images of --data, or the samples of --input, for the C++ program",
    )
    _input_option(made)
    made.add_argument("--samples", type=_count, metavar="N", help="the first N; all")
    made.add_argument("--duration", type=float, default=100.0, metavar="MS", help="of an image")
    made.add_argument(
        "--batch-size", type=_count, metavar="N", help="images at once in the C++ program; by size"
    )
    made.add_argument(
        "--record", action="append", default=[], metavar="LAYER",
        help="whose spikes the C++ program writes, besides the output's; may be repeated",
    )  # fmt: skip
    made.add_argument("--overwrite", action="store_true", help="replace what is there")


def export(options: argparse.Namespace) -> None:
    """The network in the forms that are asked for."""
    from brian2 import ms

    if not (options.cpp or options.script or options.stimulus):
        raise ParameterError("nothing to write: add --cpp DIR, --script FILE or --stimulus FILE")
    if options.stimulus and not (options.data or options.input):
        raise ParameterError("--stimulus writes samples: add --data NAME or --input FILE")
    _, model = _model(options)
    duration = options.duration * ms
    if options.cpp:
        record = dict.fromkeys(options.record, "spikes")
        folder = model.export_cpp(
            options.cpp,
            duration,
            batch_size=options.batch_size,
            record=record,
            overwrite=options.overwrite,
        )
        print(f"written to {folder}: run make there, then ./run --help")
    if options.script:
        model.to_script(options.script, duration, overwrite=options.overwrite)
        print(f"written to {options.script} and {options.script.with_suffix('.h5')}")
    if options.stimulus:
        samples = _samples(options)
        model.write_stimulus(options.stimulus, samples, overwrite=options.overwrite)
        print(f"{len(samples)} samples written to {options.stimulus}")


def _data(commands: Any) -> None:
    made = _command(commands, data, "data", "list the data sets, or fetch one")
    made.add_argument("name", nargs="?", choices=sorted(datasets.SOURCES), help="to fetch")
    made.add_argument("--folder", metavar="DIR", help="where to put it; BIOCONV_DATA or the cache")


def data(options: argparse.Namespace) -> None:
    """What there is, or a download with its checksums."""
    if options.name:
        print(f"written to {datasets.download(options.name, options.folder)}")
        return
    for name in datasets.names():
        try:
            found = datasets.load(name, folder=options.folder)
            state = f"{len(found.labels)} test images of {found.images.shape[1:]}"
        except BioconvError as error:
            state = str(error).splitlines()[0]
        print(f"{name:15s}{state}")
