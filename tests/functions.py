"""Explain a TensorFlow function directly, for tests of single ops."""

import numpy as np
import tensorflow as tf

from skdeeplift.network.trace import trace
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.rulesets import RESCALE
from skdeeplift.propagation.streams import Streams


def streams_of(function, *shapes, dtype=tf.float64, rule_set=RESCALE, layer_names=()):
    """Trace a function of some tensors, whose shapes are given without the batch."""
    specs = [tf.TensorSpec((None, *shape), dtype) for shape in shapes]
    graph, _ = trace(lambda structure: function(*structure), specs, layer_names)
    return Streams(graph, graph.outputs[0], graph.inputs, rule_set)


def explain_function(function, rows, references, *, mode=Mode.SHARED, dtype=tf.float64, wanted="contributions"):
    """Sum over the references of the contributions to the sum of a function's outputs, and the change explained.

    ``rows`` and ``references`` hold one array for each input: of ``n`` rows, and of ``r`` references (``n * r`` where
    the mode is not SHARED).
    """
    rows = [np.asarray(array, dtype.as_numpy_dtype) for array in rows]
    references = [np.asarray(array, dtype.as_numpy_dtype) for array in references]
    streams = streams_of(function, *(array.shape[1:] for array in rows), dtype=dtype)
    n = len(rows[0])
    r = len(references[0]) // (1 if mode is Mode.SHARED else n)
    if mode is Mode.PAIR_SIZE:
        rows = [np.repeat(array, r, 0) for array in rows]
    at_input = streams.forward([tf.constant(array) for array in rows])
    at_reference = streams.forward([tf.constant(array) for array in references])
    weights = np.ones((1, *streams.target.shape[1:]), dtype.as_numpy_dtype)
    pairing = Pairing(mode, n, r)
    sums = streams.contributions(pairing, at_input, at_reference, weights, np.ones(r), wanted=(wanted,))
    x, reference = (_total(tensors[0]) for tensors in (at_input, at_reference))
    x = x.reshape(n, -1)[:, :1]
    reference = reference.reshape(1, r) if mode is Mode.SHARED else reference.reshape(n, r)
    return [each.numpy() for (each,) in sums], (x - reference).sum(1)


def _total(tensor):
    return tensor.numpy().reshape(len(tensor), -1).sum(1, dtype=np.float64)


def assert_sums_to_change(function, rows, references, tolerance=1e-10, **options):
    """Check that contributions add up to the change of the sum of a function's outputs."""
    contributions, change = explain_function(function, rows, references, **options)
    total = sum(array.reshape(len(array), -1).sum(1) for array in contributions)
    np.testing.assert_allclose(total, change, rtol=0, atol=tolerance * np.abs(change).max())
