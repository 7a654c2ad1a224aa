"""Number of pairs that fit into memory, and smaller chunks after memory ran out."""

import math
import os
import time
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import tensorflow as tf

from skdeeplift.config import get_config
from skdeeplift.exceptions import BatchSizeWarning
from skdeeplift.network import devices
from skdeeplift.warn import warn

USUAL_STEPS = 100
# Largest share of the free memory that explaining takes, unless a limit is set.
SHARE = 0.5
# Bytes that a method computes for a pair. Cached, since many small calls would spend long on adding them up.
_SIZES = WeakKeyDictionary()
# Number of pairs to try at once with a method for which memory once ran out.
_FITTING = WeakKeyDictionary()
# File of Linux with the free memory in kilobytes, and the assumed free memory on other systems.
MACHINE = Path("/proc/meminfo")
USUAL_FREE = 2**32
# Time to reuse a reading of free memory, since reading takes a sixth of a call with few rows.
SECONDS_KEPT = 1.0
# Files of Linux with a container's limit, its usage, and the part of the usage that caches files.
CONTAINER = Path("/sys/fs/cgroup")
_OF_CONTAINER = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def memory_limit():
    """Return the number of bytes that explaining may take: the configured limit, or a share of the free memory."""
    limit = get_config()["memory_limit"]
    return int(SHARE * _lately(free_memory, int(time.monotonic() / SECONDS_KEPT)) if limit is None else limit)


@lru_cache(maxsize=1)
def _lately(read, now):
    return read()


def free_memory():
    """Return the number of free bytes: on the GPU in use, or in the machine and the container."""
    gpu = devices.gpu_in_use()
    if gpu is not None:
        # A plug-in device need not count its memory. It often shares the memory of the machine.
        with suppress(ValueError, KeyError, tf.errors.OpError):
            return _limits_of_devices()[gpu] - tf.config.experimental.get_memory_info(gpu)["current"]
    return min([*_free_in_machine(), *_free_in_container()], default=USUAL_FREE)


@cache
def _limits_of_devices():
    """Return the size of TensorFlow's memory on each device, which only a session can list."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        return {device.name.rpartition("device:")[2]: device.memory_limit_bytes for device in session.list_devices()}


def _free_in_machine():
    try:
        lines = dict(line.split(":") for line in MACHINE.read_text().splitlines())
        yield 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        # Not Linux: without another package, half of the built-in memory is as good a guess as any.
        with suppress(AttributeError, ValueError, OSError):
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _free_in_container():
    for limit, used, statistics, files in _OF_CONTAINER:
        try:
            limit, used = (int((CONTAINER / name).read_text()) for name in (limit, used))
            lines = dict(line.split() for line in (CONTAINER / statistics).read_text().splitlines())
            yield max(0, limit - used + int(lines[files]))
        except (OSError, ValueError, KeyError):
            # No container, or one without a limit, written as "max".
            continue


def bytes_of_pair(method):
    """Predict the number of bytes of a pair of a row and a reference, from the values that a network computes.

    Parameters
    ----------
    method : Method
        The compiled network.

    Returns
    -------
    size : int
    """
    if method not in _SIZES:
        steps = _most_steps(method.graph)
        # A row may have several entries on the first axis, such as both strands of a sequence.
        folds = {value: layout.fold or 1 for value, layout in method.layouts.items()}
        size = sum(
            value.dtype.size
            * math.prod(size or 1 for size in value.shape[1:])
            * folds.get(value, 1)
            * steps ** method.depths.get(value, 0)
            for value in method.computed
            if value.shape.rank
        )
        _SIZES[method] = max(size, 1)
    return _SIZES[method]


def _most_steps(graph):
    """Return the number of steps of a loop: the length of the sequence that it reads, if known."""
    sequences = [op.inputs[0] for op in graph.ops if op.type == "TensorListFromTensor"]
    return max((sequence.shape[0] or USUAL_STEPS for sequence in sequences), default=USUAL_STEPS)


def pairs_worth_a_call(method):
    """Return the number of pairs that take longer to compute than tracing the network for another chunk."""
    device = devices.choices()
    return int(min(device.many_rows, max(1, method.n_ops * device.bytes_of_traced_op / bytes_of_pair(method))))


class Room:
    """Number of pairs that a network runs at once, each counted once for each target and each copy.

    Parameters
    ----------
    method : Method
        The compiled network.
    batch_size : int or "auto"
        Largest number of pairs. "auto" predicts a good number from the sizes of the network's values.
    fixed : int or None, default=None
        The only batch size that the network can run with.

    Attributes
    ----------
    most : int
        Largest number of pairs, halved after memory ran out.
    """

    def __init__(self, method, batch_size, fixed=None):
        self.method, self.fixed = method, fixed
        if fixed is not None:
            self.most = fixed
            return
        if batch_size == "auto":
            size, device = bytes_of_pair(method), devices.choices()
            least = min(method.least_pairs, device.least_points_bytes // size)
            fast = max(1, min(device.most_pairs, method.chunk_bytes // size), least)
            batch_size = max(1, min(fast, int(memory_limit() / (device.memory_overhead * size))))
        self.most = min(int(batch_size), _FITTING.get(method, math.inf))

    def go_through(self, part, attempt, repeats=1):
        """Attempt a part of the work, in smaller pieces if memory runs out.

        Parameters
        ----------
        part : Part
            The work, done in one piece if possible.
        attempt : callable
            Generator function of a part, which yields the number of the next target when all targets before it are
            finished.
        repeats : int, default=1
            Number of runs of each pair, at once if there is room.
        """
        pending = [part]
        while pending:
            part = pending.pop()
            rows, references, targets = part.size
            # A method that perturbs pairs runs them once for all targets.
            number = rows * references * (targets if self.method.copies is None else 1)
            if number > self.most and (halves := part.halves()):
                pending += reversed(halves)
                continue
            try:
                for first_target in attempt(part):
                    part = part._replace(first_target=first_target)
            except tf.errors.ResourceExhaustedError as error:
                self._halve(min(self.most, number * repeats), error)
                pending.append(part)

    def _halve(self, tried, error):
        if tried == 1 or self.fixed:
            what = f"The only batch that the network takes, of {self.fixed} rows," if self.fixed else "One row alone"
            raise MemoryError(
                f"{what} needs more memory than is free. Free memory, or explain fewer targets or a smaller network."
            ) from error
        self.most = tried // 2
        if self.method not in _FITTING:
            warn(
                f"Memory ran out with {tried} pairs of a row and a reference at once. This call and later calls "
                f"continue with {self.most}, or fewer if memory runs out again. Pass batch_size={self.most}, or "
                "memory_limit= to config_context, to start with smaller batches.",
                BatchSizeWarning,
            )
        _FITTING[self.method] = self.most
