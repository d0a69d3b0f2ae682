"""A model as a plain Brian2 script: equations, parameters with units, ``Synapses`` filled from a file beside it.

The script says what :mod:`bioconv.build` would make for one sample at a time, in the same order and with the same
numbers, so that it spikes the same; it imports brian2, numpy and h5py alone. What needs code of bioconv inside
Brian2's targets has no place in it and is refused by name.
"""

import keyword
import os
import re
from pathlib import Path

from bioconv import hdf5
from bioconv.build import EventInput, Poisson, Regular, TimeToFirstSpike
from bioconv.errors import ParameterError
from bioconv.export.parts import Script, body
from bioconv.export.tables import arrays
from bioconv.export.values import local, quantity

_TEMPLATE = Path(__file__).parent / "templates" / "network.py.in"
#: In words, what happens within a step.
_ORDER = {
    "synchronous": "population by population: update, threshold, reset, synapses",
    "delayed": "update, thresholds, resets, synapses",
}


def write_script(
    script: Script, path: str | os.PathLike, extended: bool, overwrite: bool = False
) -> None:
    """Write the script, and an ``.h5`` file of its name.

    Raises
    ------
    ParameterError
        If the model has parts that a plain script cannot express, or a file is there already.
    """
    place = Path(path)
    _check(script, extended)
    if not place.stem.isidentifier() or keyword.iskeyword(place.stem) or place.suffix != ".py":
        raise ParameterError(f"{place}: give the name of a module, such as network.py")
    if place.exists() and not overwrite:
        raise ParameterError(f"{place} exists; choose another name or pass overwrite=True")
    text, found = _text(script, place), arrays(script)
    with hdf5.written(place.with_suffix(".h5"), ParameterError, overwrite) as file:
        for name, array in found.items():
            file.create_dataset(name, data=array)
        file.attrs["format"] = "bioconv-script"
    try:
        place.write_text(text)
    except OSError as error:
        raise ParameterError(f"cannot write {place}: {error}") from error


def _check(script: Script, extended: bool) -> None:
    spiking, encoder = script.wiring.spiking, script.wiring.settings.encoder
    if extended:
        raise ParameterError(
            "to_script writes what bioconv made; a model that was extended (model.extend, or objects "
            "added to its network) has more. Add it to the script by hand"
        )
    if encoder.spikes and not isinstance(encoder, (EventInput, Poisson, Regular, TimeToFirstSpike)):
        raise ParameterError(
            f"to_script: the {type(encoder).__name__} encoder has no plain form; use constant, frames, "
            "events, poisson, regular or ttfs"
        )
    for projection in spiking.projections:
        if projection.gates:
            raise ParameterError(
                f"to_script: {projection.name} chooses among spikes (max-pooling) by a kernel of "
                'bioconv; convert with substitute={"MaxPool2d": "or"} or "AvgPool2d", or use export_cpp'
            )
    for population in spiking.populations:
        if population.softmax:
            raise ParameterError(
                f"to_script: {population.name} is a spiking softmax, a kernel of bioconv; convert with "
                'readout="potential", or use export_cpp'
            )


def _text(script: Script, place: Path) -> str:
    wiring, schedule = script.wiring, script.schedule
    spiking, settings = wiring.spiking, wiring.settings
    output = script.text(spiking[spiking.output])
    single = "prefs.core.default_float_dtype = np.float32\n"
    return _filled(
        title=f"A spiking network of {len(spiking.populations)} populations, written by bioconv.",
        data=place.with_suffix(".h5").name,
        script=place.name,
        module=place.stem,
        samples=_samples(script),
        steps=str(script.n_steps),
        period=str(schedule.period),
        order=_ORDER[settings.propagation],
        precision=single if settings.precision == "single" else "",
        dt=quantity(settings.dt),
        sample=repr((script.n_steps,) * settings.encoder.stepwise + tuple(spiking.stimulus.shape)),
        shapes=repr(dict(wiring.layers)),
        onsets=repr({name: schedule.onsets[name] for name in wiring.layers}),
        schedule=_wrapped(schedule.order),
        output=spiking.output,
        output_group=local(spiking.output),
        chance=_CHANCE if script.draws else "",
        weighing="" if settings.encoder.spikes else _WEIGHING,
        body=body(script),
        monitors="\n".join(_monitors(script)),
        rest=repr(float(output.rest)),
        distance=repr(float(output.distance)),
    )


def _monitors(script: Script) -> list[str]:
    slots, wiring = script.schedule.slots, script.wiring
    return [
        f'        "{name}": SpikeMonitor({local(name)}, when="{slots[name].resets}", name="{name}_spikes"),'
        for name in wiring.layers
        if name not in wiring.silent
    ]


def _filled(**holes: str) -> str:
    text = _TEMPLATE.read_text()
    for name, value in holes.items():
        text = text.replace(f"@{name}@", value)
    left = re.search(r"@\w+@", text)
    if left:
        raise KeyError(f"the template's {left.group()} was not given")
    return text


def _wrapped(words: tuple[str, ...]) -> str:
    rows = [", ".join(f'"{w}"' for w in words[k : k + 4]) for k in range(0, len(words), 4)]
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"


def _samples(script: Script) -> str:
    shape = ", ".join(map(str, script.wiring.spiking.stimulus.shape))
    encoder = script.wiring.settings.encoder
    if encoder.spikes and encoder.stepwise:
        return f"events: (n_samples, {script.n_steps}, {shape}) zeros and ones"
    if encoder.stepwise:
        return f"frames: (n_samples, {script.n_steps}, {shape})"
    return f"images: (n_samples, {shape})"


_WEIGHING = '''\
def weighted(table, images):
    """(n, neurons) sums over the first weights: a matrix, or a table ``pre``, ``post``, ``w``."""
    images = images.reshape(len(images), -1)
    if "matrix" in table:
        return images @ table["matrix"][:].T * float(table["gain"][()])
    images = images[:, numbers(tuple(table["shape"][:]))]
    pre, post, w = table["pre"][:], table["post"][:], table["w"][:]
    size = int(table["n_post"][()])
    return np.stack([np.bincount(post, weights=w*image[pre], minlength=size) for image in images])


'''

_CHANCE = '''

def uniform(seed, sample, neuron, draw):
    """Random numbers in [0, 1) that are a function of their arguments, each mixed in by SplitMix64's finaliser."""
    with np.errstate(over="ignore"):
        bits = np.uint64(0)
        for part in (seed, sample, neuron, draw):
            bits = bits + np.asarray(part).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            bits = (bits ^ (bits >> np.uint64(30)))*np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27)))*np.uint64(0x94D049BB133111EB)
            bits = bits ^ (bits >> np.uint64(31))
    return (bits >> np.uint64(11)).astype(np.float64)*2.0**-53


uniform = Function(uniform, arg_units=[1]*4, arg_types=["integer"]*4, return_unit=1, return_type="float")
'''
