"""Table of the choices that depend on the kind of device: one column for CPUs, one for GPUs.

The column of CPUs was measured. The column of GPUs was not: it follows from what TensorFlow documents and from current
GPUs, with about a terabyte per second of memory bandwidth and five microseconds for the launch of a kernel.
``python -m tests.gpu`` measures it on a machine with a GPU, and names the rows to change.
"""

from functools import cache
from typing import NamedTuple

import tensorflow as tf


class Choices(NamedTuple):
    """Choices for one kind of device."""

    # Whether XLA can compile for the device. Plug-in devices, such as those of Metal and DirectML, have no compiler.
    has_xla: bool
    # Whether tensors read arrays in place. The memory of a CPU is the array's own. For a GPU every array is copied
    # once, and a conversion that copies at once leaves no second copy for each function that reads the tensor.
    reads_in_place: bool
    # Largest number of pairs of a chunk. A GPU has thousands of times the threads of a CPU to keep busy.
    most_pairs: int
    # Bytes of a chunk's values from which a larger chunk is not faster.
    chunk_bytes: int
    # The same for points of paths, whose gradients are summed at once: on a CPU they stay in the cache. The cache of a
    # GPU holds too little for its threads.
    path_bytes: int
    # The same for mutations. Larger chunks are hardly faster.
    mutation_bytes: int
    # Smallest number of points of paths at which convolutions are fast: oneDNN on a CPU, and cuDNN on a GPU.
    least_points: int
    # Size limit of a chunk that exceeds the fastest size, so that it holds enough points.
    least_points_bytes: int
    # Number of steps of a path that run as one batch for few rows.
    steps_at_once: int
    # Ratio of memory to the size of values: convolutions make copies, and sums take memory too. The workspaces of cuDNN
    # are as large as the values of a layer.
    memory_overhead: int
    # Number of rows that take longer to compute than one more call.
    many_rows: int
    # Number of bytes of a network's values that are computed in the time of tracing one op. Tracing runs on the CPU.
    bytes_of_traced_op: int
    # Number of bytes that are copied in the time of an op that does nothing: on a GPU the launch of a kernel.
    bytes_of_op: int
    # Number of elements from which compiling one pass over memory pays off: on a CPU it saves the compile time within
    # sixty calls. On a GPU a pass over fewer elements takes as long as a launch, and compiling takes longer.
    large: int
    # Number of elements that separate ops compute in the time of compiling such a pass. A pass over fewer elements is
    # compiled in the second run of a function.
    elements_of_compiling: int
    # Number of references that are summed in one pass over memory. Each pass of a loop on a GPU costs launches.
    unrolled_references: int
    # A cut that is wider than the sources by more than this factor takes longer to interpolate, which is limited by
    # memory, than to compute. A GPU computes more in the time of one access to memory.
    widest_cut: int
    # Windows of more than this share of a value's positions take longer than the whole value. A GPU launches several
    # small kernels for each window.
    window_share: float
    # If the output window of a convolution is wider than the input window by more than this factor, the outputs of
    # each input position are computed and summed.
    spared: float
    # The same way is used if a filter has at most this number of results for each channel that it reads.
    few_filters: int


CPU = Choices(
    has_xla=True,
    reads_in_place=True,
    most_pairs=2**14,
    chunk_bytes=2**30,
    path_bytes=2**25,
    mutation_bytes=2**28,
    least_points=768,
    least_points_bytes=2**28,
    steps_at_once=8,
    memory_overhead=2,
    many_rows=1024,
    bytes_of_traced_op=2**21,
    bytes_of_op=2**17,
    large=2**16,
    elements_of_compiling=2**21,
    unrolled_references=5,
    widest_cut=32,
    window_share=0.8,
    spared=1.3,
    few_filters=2,
)
GPU = Choices(
    has_xla=True,
    reads_in_place=False,
    most_pairs=2**17,
    chunk_bytes=2**32,
    path_bytes=2**31,
    mutation_bytes=2**31,
    least_points=4096,
    least_points_bytes=2**31,
    steps_at_once=8,
    memory_overhead=3,
    many_rows=2**14,
    bytes_of_traced_op=2**26,
    bytes_of_op=2**22,
    large=2**22,
    elements_of_compiling=2**28,
    unrolled_references=16,
    widest_cut=8,
    window_share=0.5,
    spared=1.3,
    few_filters=2,
)


def choices():
    """Return the choices for the device on which TensorFlow places ops of the current thread."""
    # Every small call asks several times, so a process without a GPU is answered first.
    if not _find_gpus():
        return CPU
    gpu = gpu_in_use()
    return CPU if gpu is None else _choices_of_gpu(gpu)


def gpu_in_use():
    """Return the name of the GPU on which TensorFlow places ops of the current thread, or None for another device.

    Returns
    -------
    name : str or None
        Name of a logical device, such as ``"GPU:0"``.
    """
    if not _find_gpus():
        return None
    # Outside of traces, since the ops of a trace get their device when the function is called.
    with tf.init_scope():
        name = tf.constant(0.0).device.rpartition("device:")[2] or _find_gpus()[0]
    return name if name.startswith("GPU") else None


@cache
def _find_gpus():
    """List the names of the logical GPUs, which are fixed once TensorFlow has started."""
    return [device.name.rpartition("device:")[2] for device in tf.config.list_logical_devices("GPU")]


@cache
def _choices_of_gpu(name):
    # XLA compiles for GPUs of NVIDIA, which alone have a compute capability, and for those of AMD.
    physical = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in physical]
    has_xla = any("compute_capability" in each for each in details) or tf.test.is_built_with_rocm()
    return GPU._replace(has_xla=has_xla)
