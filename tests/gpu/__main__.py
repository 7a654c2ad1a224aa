"""Measure the choices for GPUs, check numbers against the CPU, and print what to change in the table of devices."""

import argparse
import sys
import time
from contextlib import nullcontext

import tensorflow as tf

from skdeeplift.network import devices
from tests.gpu.measure import TOLERANCE, Column, advise, compare_numbers, measure_memory, measure_row
from tests.gpu.workloads import WORKLOADS


def main(arguments=None):
    """Measure on the GPU, or on the CPU with small sizes for a test of this program; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(WORKLOADS)}; by default all")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu runs small sizes, as a test")
    parser.add_argument("--minutes", type=float, default=9, help="time after which no row is begun (default: 9)")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.rows) - set(WORKLOADS):
        parser.error(f"There is no row {min(unknown)!r}; the rows are {', '.join(WORKLOADS)}.")
    gpu = None if chosen.device == "cpu" else devices.gpu_in_use()
    if chosen.device == "gpu" and gpu is None:
        print(
            "TensorFlow finds no GPU on this machine, so nothing is measured. Install tensorflow[and-cuda] where there "
            "is one, or pass --device cpu to test this program itself."
        )
        return 2
    with tf.device("CPU:0") if gpu is None else nullcontext():
        return _measure(gpu, chosen)


def _measure(gpu, chosen):
    """Check numbers and measure rows; return 1 if numbers are wrong, and otherwise 0."""
    started = time.perf_counter()
    if gpu is not None:
        details = [tf.config.experimental.get_device_details(each) for each in tf.config.list_physical_devices("GPU")]
        print(f"{gpu} of {details}, TensorFlow {tf.__version__}, XLA: {devices.choices().has_xla}", flush=True)
    wrong = _check_numbers(gpu)
    if gpu is not None and not chosen.rows:
        print(
            f"memory_overhead is {devices.choices().memory_overhead}; measured: {measure_memory(gpu):.2f}", flush=True
        )
    column, changes = Column("CPU" if gpu is None else "GPU"), 0
    for row in chosen.rows or WORKLOADS:
        if time.perf_counter() - started > 60 * chosen.minutes:
            print(f"not measured in time: {row}")
            continue
        line = advise(row, measure_row(column, row, small=gpu is None))
        changes += line.startswith("CHANGE")
        print(line, flush=True)
    if gpu is None:
        print("Sizes were small. These times say nothing about either column of the table.")
    else:
        print(f"{changes} rows of the column GPU in skdeeplift/network/devices.py to change.")
    return 1 if wrong else 0


def _check_numbers(gpu):
    """Print the largest difference from the CPU, and return the names of the wrong numbers."""
    # Products of 10 binary digits, which TensorFlow uses by default on newer GPUs, round a thousand times more.
    was_enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        errors = dict(compare_numbers(gpu is not None))
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(was_enabled)
    wrong = [name for name, error in errors.items() if not error < TOLERANCE]
    for name in wrong:
        print(f"WRONG {name}: contributions differ from those of the CPU by {errors[name]:.2g} of the largest")
    right, largest = len(errors) - len(wrong), max(errors.values())
    print(f"{right} of {len(errors)} methods and networks equal; largest difference {largest:.1e}", flush=True)
    if gpu is not None and was_enabled:
        print(f"largest difference with TensorFloat-32: {max(dict(compare_numbers(True)).values()):.1e}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
