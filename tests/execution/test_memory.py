import runpy

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import config_context
from skdeeplift.exceptions import BatchSizeWarning
from skdeeplift.execution import memory
from skdeeplift.execution.chunks import Chunking, Part
from skdeeplift.execution.memory import (
    Room,
    bytes_of_pair,
    free_memory,
    memory_limit,
)
from skdeeplift.network import devices
from tests.functions import streams_of


def test_batch_size_falls_with_the_size_of_the_values():
    small = Room(streams_of(tf.nn.relu, (10,)), "auto").most
    large = Room(streams_of(tf.nn.relu, (1_000_000,)), "auto").most
    huge = Room(streams_of(tf.nn.relu, (10 * devices.CPU.chunk_bytes,)), "auto").most
    assert small == devices.CPU.most_pairs
    assert devices.CPU.chunk_bytes / 8e6 / 4 <= large <= devices.CPU.chunk_bytes / 8e6
    assert huge == 1


def test_values_in_loops_count_once_for_each_step():
    def recurrent(steps):
        def function(sequence):
            steps_of = tf.TensorArray(sequence.dtype, steps).unstack(tf.transpose(sequence, [1, 0, 2]))
            state = tf.zeros((tf.shape(sequence)[0], 1000), sequence.dtype)
            return tf.while_loop(
                lambda time, _: time < steps,
                lambda time, state: (time + 1, tf.tanh(state + steps_of.read(time))),
                (0, state),
            )[1]

        return Room(streams_of(function, (steps, 1000)), "auto").most

    assert 6 <= recurrent(10) / recurrent(80) <= 10


def test_batches_stay_below_the_memory_limit():
    streams = streams_of(tf.nn.relu, (1000,))
    size, usual = bytes_of_pair(streams), Room(streams, "auto").most
    needed = size * devices.CPU.memory_overhead
    assert size >= 8000
    for limit in (1, 1e6, 1e7):
        with config_context(memory_limit=limit):
            batch_size = Room(streams, "auto").most
        assert batch_size == 1 or batch_size * needed <= limit < (batch_size + 1) * needed
    assert Room(streams, "auto").most == usual


def test_half_of_the_free_memory_is_used(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    assert memory_limit() == 500
    with config_context(memory_limit=70.5):
        assert memory_limit() == 70


def test_free_memory_is_read_once_in_a_while(monkeypatch):
    free, now = [], [0.0]
    monkeypatch.setattr(memory, "free_memory", lambda: free.append(1000) or 1000 * len(free))
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    assert [memory_limit(), memory_limit()] == [500, 500]
    now[0] += memory.SECONDS_KEPT
    assert memory_limit() == 1000
    assert len(free) == 2


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_may_have_less_than_the_machine(version, tmp_path, monkeypatch):
    """Files that are kept in memory only as long as there is room do not count."""
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    of_machine = free_memory()
    assert of_machine > 1e6
    names, files = [
        (("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"), "total_inactive_file"),
        (("memory.max", "memory.current", "memory.stat"), "inactive_file"),
    ][version - 1]
    folder = tmp_path / "memory" if version == 1 else tmp_path
    folder.mkdir(exist_ok=True)
    for name, content in zip(names, ("9000", "5000", f"anon 7\n{files} 300"), strict=True):
        (folder / name).write_text(content + "\n")
    assert free_memory() == 4300
    (folder / names[0]).write_text("max\n")
    assert free_memory() > 1e6


def test_free_memory_of_a_gpu_is_that_of_its_allocator(monkeypatch):
    class Listed:
        name, memory_limit_bytes = "/job:localhost/replica:0/task:0/device:GPU:0", 5000

    monkeypatch.setattr(devices, "gpu_in_use", lambda: "GPU:0")
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda name: {"GPU:0": {"current": 2000}}[name])
    monkeypatch.setattr(tf.compat.v1.Session, "list_devices", lambda session: [Listed])
    # The limits of devices are read once for each copy of the module.
    assert runpy.run_path(memory.__file__)["free_memory"]() == 3000


def test_parts_that_fail_are_halved_and_nothing_is_done_twice():
    streams, done, tried = streams_of(tf.nn.relu, (5,)), np.zeros((10, 3, 4), int), []

    def attempt(part):
        tried.append(part)
        for first in range(part.first_target, 4, part.size.targets):
            if part.size.rows * part.size.references * part.size.targets > 4 or len(tried) == 9:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM")
            done[part.start : part.stop, part.first : part.last, first : first + part.size.targets] += 1
            yield first + part.size.targets

    room = Room(streams, 1000)
    with pytest.warns(BatchSizeWarning, match="Memory ran out with 96 pairs.*48, or fewer") as caught:
        room.go_through(Part(0, 10, 0, 3, Chunking(16, 3, 2)), attempt)
    assert len(caught) == 1
    assert (done == 1).all()
    assert room.most == Room(streams, 1000).most == 1
    assert Room(streams_of(tf.nn.relu, (5,)), 1000).most == 1000
