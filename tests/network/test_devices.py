"""Table of choices for each kind of device, chosen by where TensorFlow places ops."""

import pytest
import tensorflow as tf

from skdeeplift.execution import memory
from skdeeplift.network import devices
from skdeeplift.network.compiled import may_use_xla
from skdeeplift.network.tensors import to_tensor
from tests.functions import streams_of


@pytest.fixture
def on_gpu(monkeypatch):
    """Pretend that TensorFlow places ops on a GPU, with the details of some hardware."""

    def pretend(**details):
        monkeypatch.setattr(devices, "_find_gpus", lambda: ["GPU:0"])
        monkeypatch.setattr(devices, "gpu_in_use", lambda: "GPU:0")
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
        devices._choices_of_gpu.cache_clear()

    yield pretend
    devices._choices_of_gpu.cache_clear()


def test_a_machine_without_a_gpu():
    assert devices.choices() is devices.CPU
    assert devices.gpu_in_use() is None


def test_the_device_is_the_one_on_which_ops_are_placed(monkeypatch):
    """A GPU beside the CPU is not in use where the user chose the CPU, in a trace as outside of it."""
    monkeypatch.setattr(devices, "_find_gpus", lambda: ["GPU:0"])
    assert devices.gpu_in_use() is None
    assert devices.choices() is devices.CPU
    found = []
    tf.function(lambda: found.append(devices.choices()), autograph=False)()
    assert found == [devices.CPU]


def test_a_gpu_has_a_column_of_its_own(on_gpu):
    on_gpu(compute_capability=(8, 0), device_name="A100")
    assert devices.choices() == devices.GPU
    assert may_use_xla()
    room = memory.Room(streams_of(tf.nn.relu, (10,)), "auto")
    assert room.most == devices.GPU.most_pairs


def test_devices_of_plug_ins_have_no_compiler(on_gpu):
    on_gpu(device_name="METAL")
    assert devices.choices() == devices.GPU._replace(has_xla=False)
    assert not may_use_xla()


def test_rows_are_converted_for_the_device(on_gpu, monkeypatch):
    shared = []
    monkeypatch.setattr(tf.experimental.dlpack, "from_dlpack", shared.append)
    array = tf.ones((3, 2)).numpy()
    on_gpu(compute_capability=(8, 0))
    assert to_tensor(array, 4).numpy().tolist() == [[1, 1]] * 4
    assert not shared


def test_memory_of_a_device_that_does_not_count_it(on_gpu, monkeypatch):
    """Plug-in devices often share the memory of the machine."""
    on_gpu(device_name="METAL")

    def fail(name):
        raise ValueError(f"Failed parsing device name: {name}")

    monkeypatch.setattr(memory, "_limits_of_devices", lambda: {"GPU:0": 2**50})
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", fail)
    assert 0 < memory.free_memory() < 2**50
