"""Workloads whose time depends on one row of the table of devices each, and the values to try for the row."""

from itertools import count
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer, MutagenesisExplainer
from skdeeplift.network.compiled import fused
from skdeeplift.propagation import sums

layers = keras.layers


class Workload(NamedTuple):
    """Function that prepares calls for some size, and the values of a row of the table that are compared."""

    # Takes whether the sizes are small, and returns a function without arguments that is called repeatedly.
    prepare: Any
    values: tuple
    # Whether the first call counts, with the time of tracing, instead of later ones.
    is_first: bool = False
    # Values of other rows of the table.
    beside: dict = {}


def _normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _network(shape, *hidden):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *hidden, layers.Dense(2)])


def _calls(network, rows, cls=DeepLiftExplainer, **parameters):
    explainer = cls(network, target=0, **{"reference": "zeros", **parameters}).fit(rows[:2])
    return lambda: explainer.transform(rows)


def _dense(small, n_rows=None, **parameters):
    network = _network((64,), *(layers.Dense(256, "relu") for _ in range(3)))
    return _calls(network, _normal(n_rows or (500 if small else 2**18), 64), **parameters)


def _wide(small):
    return _calls(_network((2**12,), layers.Dense(64, "relu")), _normal(64 if small else 2**14, 2**12))


def _images(small, n_rows=None, **parameters):
    size, filters = (12, 4) if small else (64, 32)
    hidden = [layers.Conv2D(filters, 3, activation="relu", padding="same") for _ in range(4)]
    network = _network((size, size, 3), *hidden, layers.GlobalAveragePooling2D())
    return _calls(network, _normal(n_rows or (8 if small else 512), size, size, 3), **parameters)


_NEW_NUMBERS = count(8)


def _new_images(small):
    """Prepare the first call with a number of images for which nothing is compiled yet."""
    return _images(small, next(_NEW_NUMBERS))


def _deep(small):
    hidden = [layers.Dense(64, "relu") for _ in range(5 if small else 60)]
    # Two thirds of a power of two, so that either a half or a whole power is computed.
    return _calls(_network((64,), *hidden), _normal(70 if small else 11_000, 64))


def _paths(small):
    return _images(small, 4 if small else 64, cls=IntegratedGradientsExplainer, n_steps=20)


def _few_rows_of_paths(small):
    return _images(small, 2, cls=IntegratedGradientsExplainer, n_steps=64)


def _wide_cut(small):
    network = _network((8,), layers.Dense(128, "relu"), layers.Dense(64, "relu"))
    return _calls(network, _normal(50 if small else 2**13, 8), IntegratedGradientsExplainer, n_steps=50)


def _mutations(small, kernel=7, filters=64):
    length = 60 if small else 600
    hidden = [layers.Conv1D(8 if small else filters, kernel, activation="relu") for _ in range(3)]
    network = _network((length, 4), *hidden, layers.GlobalAveragePooling1D())
    rows = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(1 if small else 8, length))]
    explainer = MutagenesisExplainer(network, target=0).fit(rows)
    return lambda: explainer.transform(rows)


def _references(small):
    shape = (8 if small else 512, 40 if small else 120, 1, 64 if small else 2048)
    tensors = sums.SourceTensors(
        *map(tf.constant, (_normal(*shape), _normal(shape[0], 1, shape[3]), _normal(1, *shape[1::2])))
    )
    weights = tf.constant(np.full(shape[1], 1 / shape[1]))
    add = fused(sums.sum_over_references.__wrapped__)
    return lambda: [each.numpy() for each in add(tensors, weights, ("contributions",))]


# The rows that are compared; those of `has_xla` and `memory_overhead` are read from the device.
WORKLOADS = {
    "reads_in_place": Workload(_wide, (True, False)),
    "most_pairs": Workload(_dense, (2**13, 2**14, 2**15, 2**17, 2**19)),
    "chunk_bytes": Workload(_images, (2**26, 2**28, 2**30, 2**32)),
    "path_bytes": Workload(_paths, (2**25, 2**28, 2**31, 2**33)),
    "mutation_bytes": Workload(_mutations, (2**25, 2**28, 2**31)),
    "least_points": Workload(_few_rows_of_paths, (1, 768, 4096)),
    "least_points_bytes": Workload(_few_rows_of_paths, (2**24, 2**28, 2**31)),
    "steps_at_once": Workload(_few_rows_of_paths, (1, 8, 32)),
    "many_rows": Workload(lambda small: _dense(small, 70 if small else 11_000), (64, 2**10, 2**14)),
    "bytes_of_traced_op": Workload(_deep, (2**10, 2**21, 2**26), is_first=True),
    "bytes_of_op": Workload(_wide, (0, 2**17, 2**22, 2**40)),
    # Later calls are compared, so that parts are compiled in the first one.
    "large": Workload(_dense, (2**12, 2**16, 2**20, 2**22, 2**60), beside={"elements_of_compiling": 1}),
    "elements_of_compiling": Workload(_new_images, (1, 2**18, 2**21, 2**24, 2**28), is_first=True),
    "unrolled_references": Workload(_references, (2, 5, 16, 40)),
    "widest_cut": Workload(_wide_cut, (4, 64)),
    "window_share": Workload(_mutations, (0.0, 0.3, 0.5, 0.8)),
    "spared": Workload(lambda small: _mutations(small, kernel=15), (1.0, 1.3, 3.0)),
    "few_filters": Workload(lambda small: _mutations(small, kernel=3, filters=16), (0, 2, 8)),
}
