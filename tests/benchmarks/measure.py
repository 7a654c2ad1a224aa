"""Tools that time functions in turn, read memory, and run a benchmark in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROCESS_STATUS = Path("/proc/self/status")
THREADS = 2
ROUNDS = 5
# Shorter calls are repeated within a round until it takes about this long.
SECONDS_OF_ROUND = 0.5


class Measurement(NamedTuple):
    """What the package took and what that is compared with, one number for each round."""

    ours: list
    other: list

    @property
    def ratios(self):
        """Ours over other, round by round, so that what slows the machine for a while slows both."""
        return [ours / other for ours, other in zip(self.ours, self.other, strict=True)]

    @property
    def ratio(self):
        """The median ratio."""
        return statistics.median(self.ratios)

    def __str__(self):
        ours, other = statistics.median(self.ours), statistics.median(self.other)
        lowest, highest = min(self.ratios), max(self.ratios)
        return f"ratio {self.ratio:5.2f} ({lowest:.2f} to {highest:.2f}), ours {ours:8.3f}, other {other:8.3f}"


def duration(function, number=1):
    """Return the seconds that a call takes, as the mean over a number of calls."""
    start = time.perf_counter()
    for _ in range(number):
        function()
    return (time.perf_counter() - start) / number


def interleaved(ours, other):
    """Time two functions in turn, after a call of each that does not count."""
    ours()
    other()
    number = max(1, round(SECONDS_OF_ROUND / duration(other)))
    return _in_turn(lambda: duration(ours, number), lambda: duration(other, number), ROUNDS)


def first_calls(prepare_ours, prepare_other, rounds=ROUNDS):
    """Time first calls in turn: each round prepares anew what is called, and only the call counts."""
    return _in_turn(lambda: duration(prepare_ours()), lambda: duration(prepare_other()), rounds)


def _in_turn(measure_ours, measure_other, rounds):
    measured = [(measure_ours(), measure_other()) for _ in range(rounds)]
    return Measurement([ours for ours, _ in measured], [other for _, other in measured])


def resident_memory(entry):
    """Return this process's ``VmRSS`` (now) or ``VmHWM`` (the most so far) in megabytes, as Linux counts them."""
    [line] = [line for line in PROCESS_STATUS.read_text().splitlines() if line.startswith(f"{entry}:")]
    return int(line.split()[1]) / 1024


def limit_threads():
    """Give TensorFlow the number of threads that all benchmarks are measured with."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)


def in_fresh_process(name):
    """Run a benchmark by its name in a process that nothing else has warmed up or filled."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "tests.benchmarks", "--json", name]
    finished = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"The benchmark {name!r} failed:\n{finished.stderr}")
    return Measurement(**json.loads(finished.stdout.splitlines()[-1]))
