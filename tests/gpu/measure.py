"""Times of workloads with other values of the table of devices, and numbers compared with those of a CPU."""

import math
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
    OcclusionExplainer,
    config_context,
)
from skdeeplift.execution.memory import Room, bytes_of_pair
from skdeeplift.network import devices
from tests.gpu.workloads import WORKLOADS

# Another value has to be faster by this factor. Times of single runs vary by less.
CLEARLY = 1.1
# Rounding of float32 in another order, relative to the largest contribution.
TOLERANCE = 1e-4


class Column:
    """The column of the table for a kind of device, with other values for a block of code."""

    def __init__(self, name):
        self.name, self.present = name, getattr(devices, name)

    def use(self, **values):
        """Replace some values of the column; none restores the present ones."""
        setattr(devices, self.name, self.present._replace(**values))
        devices._choices_of_gpu.cache_clear()


def measure_row(column, row, small):
    """Return the median seconds of the row's workload for the present value and for each other value.

    Parameters
    ----------
    column : Column
        The column of the device.
    row : str
        Name of the row.
    small : bool
        Whether sizes are small, for a test of the measurement itself.

    Returns
    -------
    seconds : dict
        Seconds by value; the present value comes first.
    """
    workload, calls, times = WORKLOADS[row], {}, {}
    values = dict.fromkeys((getattr(column.present, row), *workload.values))

    def run(value):
        """Run one call with a value, or count it as endless if the device has too little memory for it."""
        column.use(**{row: value}, **workload.beside)
        try:
            if value not in calls:
                calls[value] = workload.prepare(small)
            started = time.perf_counter()
            calls[value]()
            return time.perf_counter() - started
        except tf.errors.ResourceExhaustedError:
            return math.inf
        finally:
            column.use()

    for value in values:
        # The first call traces and compiles.
        times[value] = [run(value)]
    started, rounds = time.perf_counter(), 0
    # Values take turns, so that other work of the machine slows all of them alike.
    while not workload.is_first and (rounds < 3 or (rounds < 15 and time.perf_counter() - started < 2)):
        for value, of_value in times.items():
            of_value.append(run(value))
        rounds += 1
    return {value: statistics.median(of_value[0 if workload.is_first else 1 :]) for value, of_value in times.items()}


def advise(row, seconds):
    """Return a line that says whether to change a row, from the times that `measure_row` returns."""
    present, best = next(iter(seconds)), min(seconds, key=seconds.get)
    times = ", ".join(f"{_name(value)}: {1000 * each:.3g} ms" for value, each in seconds.items())
    factor = seconds[present] / seconds[best]
    if factor > CLEARLY:
        return f"CHANGE {row} from {_name(present)} to {_name(best)}, {factor:.2f} x as fast ({times})"
    return f"keep {row}={_name(present)} ({times})"


def _name(value):
    """Return a value as it is written in the table."""
    is_power = type(value) is int and value >= 2**10 and value & (value - 1) == 0
    return f"2**{value.bit_length() - 1}" if is_power else repr(value)


def measure_memory(gpu):
    """Return the ratio of the memory that a chunk takes to the size of its values, which is to be the overhead."""
    keras.utils.set_random_seed(0)
    convolutions = [keras.layers.Conv2D(32, 3, activation="relu", padding="same") for _ in range(4)]
    pooling = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    network = keras.Sequential([keras.Input((64, 64, 3)), *convolutions, *pooling])
    rows = np.random.default_rng(0).normal(size=(256, 64, 64, 3)).astype(np.float32)
    explainer = DeepLiftExplainer(network, target=0, reference="zeros").fit(rows)
    explainer.transform(rows)
    before = tf.config.experimental.get_memory_info(gpu)["current"]
    tf.config.experimental.reset_memory_stats(gpu)
    explainer.transform(rows)
    method = explainer.bound_.compiled().method
    taken = tf.config.experimental.get_memory_info(gpu)["peak"] - before
    return taken / (bytes_of_pair(method) * min(len(rows), Room(method, "auto").most))


def _networks():
    layers, generator = keras.layers, np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    dense = [layers.Dense(300, "relu"), layers.Dense(3, "softmax")]
    yield "dense", keras.Sequential([keras.Input((400,)), *dense]), generator.normal(size=(250, 400))
    convolutions = [
        layers.Conv2D(4, 3, activation="relu"),
        layers.Conv2D(4, 3, groups=2, activation="gelu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3),
    ]
    yield (
        "convolutions",
        keras.Sequential([keras.Input((12, 12, 3)), *convolutions]),
        generator.normal(size=(9, 12, 12, 3)),
    )
    recurrent = [layers.Bidirectional(layers.LSTM(4)), layers.Dense(3)]
    yield "lstm", keras.Sequential([keras.Input((9, 3)), *recurrent]), generator.normal(size=(9, 9, 3))
    inputs = keras.Input((7, 8))
    hidden = layers.LayerNormalization()(inputs + layers.MultiHeadAttention(2, 4)(inputs, inputs))
    outputs = layers.Dense(3, "softmax")(layers.GlobalAveragePooling1D()(hidden))
    yield "attention", keras.Model(inputs, outputs), generator.normal(size=(9, 7, 8))


EXPLAINERS = {
    "rescale": (DeepLiftExplainer, {"reference": "zeros"}),
    "reveal_cancel": (DeepLiftExplainer, {"rule": "reveal_cancel", "reference": "sample", "max_references": 12}),
    "integrated gradients": (IntegratedGradientsExplainer, {"n_steps": 20, "reference": "zeros"}),
    "expected gradients": (ExpectedGradientsExplainer, {"n_draws": 20}),
    "gradient": (GradientExplainer, {}),
    "occlusion": (OcclusionExplainer, {"reference": "zeros", "window_shape": None}),
}


def compare_numbers(on_gpu):
    """Yield each network and method with the error of its contributions, relative to the largest contribution.

    On a GPU they are compared with those of the CPU of the same machine, and otherwise with those without XLA.

    Parameters
    ----------
    on_gpu : bool
        Whether TensorFlow places ops on a GPU.

    Yields
    ------
    name : str
    error : float
    """
    for label, network, rows in _networks():
        rows = rows.astype(np.float32)
        for name, (cls, parameters) in EXPLAINERS.items():
            if "window_shape" in parameters:
                # A window is a whole column, to keep their number small.
                parameters = {**parameters, "window_shape": (*rows.shape[1:-1], max(1, rows.shape[-1] // 8))}
            explainer = cls(network, target=0, random_state=0, **parameters).fit(rows)
            found = explainer.transform(rows)
            with tf.device("CPU:0") if on_gpu else config_context(jit_compile=False):
                expected = cls(network, target=0, random_state=0, **parameters).fit(rows).transform(rows)
            yield f"{label}, {name}", float(np.abs(found - expected).max() / np.abs(expected).max())
