"""Tasks of precise spike timing: input that repeats itself, and the spikes that are to answer it.

============ =================================================== ==========================
task         input                                               target
============ =================================================== ==========================
one_neuron   100 frozen Poisson trains, 10 Hz, 500 ms            five spikes of one neuron
hidden_layer the same                                            the same, through a layer
xor          two groups early or late after a reference          a spike where they differ
picture      100 frozen Poisson trains                           a drawing, one pixel a spike
============ =================================================== ==========================
"""

from dataclasses import dataclass

import numpy as np

from bioconv.errors import ParameterError

#: A ship: rows from top to bottom are neurons from last to first, columns are times.
DRAWING = """
....................#...............
....................##..............
....................#.##............
..............#.....#...##..........
.............##.....#.....##........
............#.#.....#.......##......
..........##..#.....#.........##....
.........#....#.....#...........#...
.......##.....#.....#############...
......#########.....#...............
..............#.....#...............
..............#.....#...............
..##################################
...#..............................#.
....#...#...#...#...#...#...#....#..
.....#..........................#...
......##########################....
....................................
#.#...#.#.#...#.#.#...#.#.#...#.#.#.
.#.#.#...#.#.#...#.#.#...#.#.#...#.#
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Raster:
    """Spikes of ``size`` neurons within one trial.

    Attributes
    ----------
    neuron : (n_spikes,) int
    time : (n_spikes,) float, seconds
    """

    neuron: np.ndarray
    time: np.ndarray
    size: int

    def of(self, neuron: int) -> np.ndarray:
        """(n,) times of one neuron in seconds, in order."""
        return np.sort(self.time[self.neuron == neuron])

    def steps(self, n_steps: int, dt: float) -> np.ndarray:
        """(n_steps, size) bool: who spikes in which step of ``dt`` seconds."""
        table = np.zeros((n_steps, self.size), dtype=bool)
        table[np.minimum(np.round(self.time / dt).astype(int), n_steps - 1), self.neuron] = True
        return table


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What comes in and what is to go out, again and again.

    Attributes
    ----------
    duration : float
        Seconds of a trial.
    hidden : int
        Neurons of the hidden layer that the task is meant for; 0 for none.
    """

    name: str
    inputs: Raster
    targets: Raster
    duration: float
    hidden: int


def one_neuron(seed: int = 0, *, rate: float = 10.0, inputs: int = 100) -> Task:
    """Five evenly spaced spikes of one neuron, 90 ms apart, from frozen noise."""
    times = np.array([80, 170, 260, 350, 440]) * 1e-3
    return Task(
        name="one_neuron",
        inputs=_noise(seed, inputs, rate, 0.5),
        targets=Raster(neuron=np.zeros(5, dtype=int), time=times, size=1),
        duration=0.5,
        hidden=0,
    )


def hidden_layer(seed: int = 0, *, rate: float = 10.0, inputs: int = 100, hidden: int = 8) -> Task:
    """:func:`one_neuron` through a hidden layer."""
    task = one_neuron(seed, rate=rate, inputs=inputs)
    return Task(
        name="hidden_layer",
        inputs=task.inputs,
        targets=task.targets,
        duration=task.duration,
        hidden=hidden,
    )


def xor(
    seed: int = 0,
    *,
    group: int = 10,
    early: float = 10e-3,
    late: float = 25e-3,
    answer: float = 35e-3,
    hidden: int = 16,
) -> Task:
    """One spike, later, where exactly one of two groups comes late.

    Four windows of 125 ms: both early, the second late, the first late, both late. In each a reference group spikes at
    its beginning; the neurons of a group are jittered by up to 5 ms, once for all. No input
    lasts until the answer: the membranes must keep it.

    Parameters
    ----------
    group : int
        Neurons of the reference and of each of the two groups.
    early, late, answer : float
        Seconds from the beginning of a window.
    """
    window = 0.125
    if not 0 <= early <= late < answer < window:
        raise ParameterError(
            f"xor: early {early}, late {late} and answer {answer} must follow each other within "
            f"{window} seconds"
        )
    jitter = np.random.default_rng([seed, 2]).uniform(0, 5e-3, (3, group))
    offsets = [(0.0, a, b) for a in (early, late) for b in (early, late)]
    begin = window * np.arange(4)
    time = begin[:, None, None] + np.array(offsets)[:, :, None] + jitter
    neuron = np.broadcast_to(np.arange(3 * group).reshape(3, group), time.shape)
    return Task(
        name="xor",
        inputs=Raster(neuron=neuron.ravel(), time=time.ravel(), size=3 * group),
        targets=Raster(neuron=np.zeros(2, dtype=int), time=begin[1:3] + answer, size=1),
        duration=4 * window,
        hidden=hidden,
    )


def picture(
    seed: int = 0,
    *,
    drawing: str = DRAWING,
    column: float = 20e-3,
    rate: float = 10.0,
    inputs: int = 100,
    hidden: int = 64,
) -> Task:
    """A drawing as a raster: one neuron a row, the lowest first, and one spike a mark.

    Parameters
    ----------
    drawing : str
        Lines of equal length; every character but ``.`` and the space is a spike.
    column : float
        Seconds from one column to the next.
    """
    lines = drawing.strip("\n").split("\n")
    if len({len(line) for line in lines}) != 1:
        raise ParameterError(f"picture: lines have lengths {[len(line) for line in lines]}")
    marks = np.array([[mark not in ". " for mark in line] for line in lines[::-1]])
    neuron, place = np.nonzero(marks)
    duration = column * (len(lines[0]) + 2)
    return Task(
        name="picture",
        inputs=_noise(seed, inputs, rate, duration),
        targets=Raster(neuron=neuron, time=column * (place + 2), size=len(lines)),
        duration=duration,
        hidden=hidden,
    )


def _noise(seed: int, size: int, rate: float, duration: float) -> Raster:
    """Poisson trains, drawn once."""
    rng = np.random.default_rng([seed, 1])
    counts = rng.poisson(rate * duration, size)
    return Raster(
        neuron=np.repeat(np.arange(size), counts),
        time=rng.uniform(0, duration, counts.sum()),
        size=size,
    )
