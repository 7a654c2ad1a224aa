import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.function_ops import call_one_of, launch_by_xla


def traced(function, *specs):
    return tf.function(function, autograph=False).get_concrete_function(*specs)


SPEC = tf.TensorSpec((None, 2))


@pytest.mark.parametrize("is_positive", [True, False])
def test_one_of_two_functions_runs(is_positive):
    functions = [traced(lambda x, y, sign=sign: {"sum": x + y, "signed": sign * x}, SPEC, SPEC) for sign in (1, -1)]
    outer = traced(lambda condition, x: call_one_of(condition, *functions, [x, x]), tf.TensorSpec((), tf.bool), SPEC)
    results = outer(tf.constant(is_positive), tf.ones((3, 2)))
    assert results["sum"].numpy().tolist() == [[2, 2]] * 3
    assert results["signed"].numpy().tolist() == [[1 if is_positive else -1] * 2] * 3
    assert outer.structured_outputs["sum"].shape.as_list() == [None, 2]


def test_functions_that_were_differentiated_before():
    function = traced(lambda x: (tf.tanh(tf.exp(x)) * x,), SPEC)
    by_xla = tf.function(lambda x: (tf.tanh(tf.exp(x)) * x,), jit_compile=True).get_concrete_function(SPEC)
    x = tf.ones((1, 2))
    expected = function(x)[0].numpy()
    for each in (function, by_xla):
        traced(lambda x, each=each: tf.gradients(each(x)[0], x)[0], SPEC)(x)
    for run in (lambda x: call_one_of(x[0, 0] > 0, function, function, [x]), lambda x: launch_by_xla(by_xla, [x])):
        [result] = traced(run, SPEC)(x)
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_the_other_function_does_not_run():
    fails = traced(lambda x: tf.debugging.check_numerics(x / 0, "not finite"), SPEC)
    works = traced(lambda x: x + 1, SPEC)
    outer = traced(lambda condition, x: call_one_of(condition, fails, works, [x]), tf.TensorSpec((), tf.bool), SPEC)
    assert outer(tf.constant(False), tf.ones((1, 2))).numpy().tolist() == [[2, 2]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="not finite"):
        outer(tf.constant(True), tf.ones((1, 2)))


def test_graphs_are_freed_that_run_a_function():
    """TensorFlow would copy a called function for each graph that calls it, and never free the copies."""
    inner = traced(lambda x: x + 1, SPEC)
    by_xla = tf.function(lambda x: x + 1, jit_compile=True).get_concrete_function(SPEC)
    graphs = []
    for function in (lambda x: call_one_of(x[0, 0] > 0, inner, inner, [x]), lambda x: launch_by_xla(by_xla, [x])):
        outer = traced(function, SPEC)
        assert outer(tf.ones((1, 2))).numpy().tolist() == [[2, 2]]
        graphs.append(weakref.ref(outer.graph))
    del outer
    gc.collect()
    assert not any(graph() for graph in graphs)
