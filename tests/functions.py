"""Explain a TensorFlow function directly, for tests of single ops."""

import numpy as np
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.rulesets import RESCALE, RULES
from skdeeplift.propagation.streams import Streams


def streams_of(function, *shapes, dtype=tf.float64, rule_set=RESCALE, layer_before=None):
    """Trace a function of some tensors, whose shapes are given without the batch.

    With ``layer_before``, what goes into the first op of this type is explained as a layer is.
    """
    specs = [tf.TensorSpec((None, *shape), dtype) for shape in shapes]
    graph, _ = trace(lambda structure: function(*structure), specs)
    if layer_before is None:
        return Streams(graph, graph.outputs[0], [Source(value) for value in graph.inputs], rule_set)
    source = next(op.inputs[0] for op in graph.ops if op.type == layer_before)
    return Streams(graph, graph.outputs[0], [Source(source)], rule_set, parts=True)


def explain_function(
    function,
    rows,
    references,
    *,
    mode=Mode.SHARED,
    dtype=tf.float64,
    wanted="contributions",
    rule="rescale",
    layer_before=None,
):
    """Sum over the references of the contributions to the sum of a function's outputs, and the change explained.

    ``rows`` and ``references`` hold one array for each input: of ``n`` rows, and of ``r`` references (``n * r`` where
    the mode is not SHARED).
    """
    rows = [np.asarray(array, dtype.as_numpy_dtype) for array in rows]
    references = [np.asarray(array, dtype.as_numpy_dtype) for array in references]
    shapes = [array.shape[1:] for array in rows]
    streams = streams_of(function, *shapes, dtype=dtype, rule_set=RULES[rule], layer_before=layer_before)
    n = len(rows[0])
    r = len(references[0]) // (1 if mode is Mode.SHARED else n)
    if mode is Mode.PAIR_SIZE:
        rows = [np.repeat(array, r, 0) for array in rows]
    at_input = streams.forward([tf.constant(array) for array in rows])
    at_reference = streams.forward([tf.constant(array) for array in references])
    weights = np.ones((1, 1, *streams.target.shape[1:]), dtype.as_numpy_dtype)
    request = Request(Pairing(mode, n, r), weights, np.ones(r), wanted=(wanted,))
    sums = streams.contributions(request, at_input, at_reference)
    x, reference = (_total(tensors[0]) for tensors in (at_input, at_reference))
    x = x.reshape(n, -1)[:, :1]
    reference = reference.reshape(1, r) if mode is Mode.SHARED else reference.reshape(n, r)
    return [each.numpy()[:, 0] for (each,) in sums], (x - reference).sum(1)


def _total(tensor):
    return tensor.numpy().reshape(len(tensor), -1).sum(1, dtype=np.float64)


def assert_sums_to_change(function, rows, references, tolerance=1e-10, **options):
    """Check that contributions add up to the change of the sum of a function's outputs."""
    contributions, change = explain_function(function, rows, references, **options)
    total = sum(array.reshape(len(array), -1).sum(1) for array in contributions)
    np.testing.assert_allclose(total, change, rtol=0, atol=tolerance * np.abs(change).max())


# Where elementwise ops are defined, if not everywhere.
DOMAINS = {
    **dict.fromkeys(["Acosh"], (1.1, 3.0)),
    **dict.fromkeys(["Acos", "Asin", "Atanh", "Erfinv"], (-0.9, 0.9)),
    **dict.fromkeys(["Log", "Log1p", "Sqrt", "Rsqrt", "Inv", "Reciprocal", "Lgamma", "Digamma"], (0.1, 3.0)),
    "Ndtri": (0.1, 0.9),
}


def by_raw_op(op_type):
    """The function of one tensor that an elementwise op computes."""

    def function(x):
        raw = getattr(tf.raw_ops, op_type)
        for name in ("x", "features"):
            try:
                return raw(**{name: x})
            except TypeError:
                continue
        raise AssertionError(op_type)

    return function


def assert_sums_and_rows_stand_alone(network, rule, seed):
    """Explain random rows of six numbers: contributions sum to the change, and a row's are the same without company."""
    rng = np.random.default_rng(seed)
    rows = 2 * rng.normal(size=(12, 6))
    explainer = DeepLiftExplainer(network, rule=rule, reference=rng.normal(size=(3, 6)), check="raise").fit(rows)
    explanation = explainer.explain(rows)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() < 1e-10 * change
    alone = np.concatenate([explainer.transform(rows[[row]]) for row in range(3)])
    np.testing.assert_allclose(alone, explanation.contributions[:3], rtol=1e-9, atol=1e-12 * change)
