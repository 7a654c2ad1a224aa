import gc
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import config_context
from skdeeplift.exceptions import JitCompileWarning
from skdeeplift.network.compiled import compiled, fused, is_for_xla, refuse_xla


def test_no_order_of_effects_is_looked_for():
    """TensorFlow's own functions make every effect wait for the one before."""
    variable = tf.Variable(1.0)

    def function():
        variable.assign(2.0)
        return variable.read_value()

    def waits(function):
        ops = function.get_concrete_function().graph.get_operations()
        return any(op.control_inputs for op in ops if op.type == "ReadVariableOp")

    assert waits(tf.function(function))
    assert not waits(compiled(function))


def test_options_are_those_of_tensorflow():
    function = compiled(lambda x: x + 1, input_signature=[tf.TensorSpec((None,), tf.float32)])
    assert function.get_concrete_function().structured_input_signature[0][0].shape.as_list() == [None]
    assert function(tf.ones(2)).numpy().tolist() == [2, 2]


def with_unsupported_op(x):
    """XLA has no Dawson function on a CPU."""
    return tf.math.special.dawsn(x)


def test_xla_compiles_where_it_is_asked_to():
    traced_for_xla = []

    @compiled
    def function(x):
        traced_for_xla.append(is_for_xla())
        return x * 2 + 1

    for setting in (None, False, True):
        with config_context(jit_compile=setting):
            assert function(tf.constant(3.0)).numpy() == 7
    assert traced_for_xla == [False, False, True]


def test_what_xla_cannot_compile_runs_without_it_and_says_so_once():
    function = compiled(with_unsupported_op)
    expected = function(tf.constant(0.5)).numpy()
    with config_context(jit_compile=True):
        with pytest.warns(JitCompileWarning, match="Dawsn"):
            got = function(tf.constant(0.5)).numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = function(tf.constant(0.5)).numpy()
    assert got == again == expected


def test_errors_that_are_not_those_of_xla_stay_errors():
    function = compiled(lambda x: tf.reshape(x, [3]))
    with config_context(jit_compile=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            function(tf.zeros(2))
        assert function(tf.zeros(3)).shape == (3,)


def test_fused_functions_are_compiled_unless_xla_may_not_be_used():
    @fused
    def function(x):
        return x + 1

    def outer(x):
        return function(x)

    for setting, inlined in ((None, False), (False, True)):
        with config_context(jit_compile=setting):
            graph = tf.function(outer).get_concrete_function(tf.TensorSpec((2,), tf.float32)).graph
        calls = [op for op in graph.get_operations() if op.type in ("PartitionedCall", "StatefulPartitionedCall")]
        assert (not calls) == inlined


def test_each_dtype_shape_and_structure_is_traced_once():
    traced = []

    def function(tensors, other):
        traced.append([tensor.dtype.name for tensor in tensors])
        return [tensor + 1 for tensor in tensors], other

    function = compiled(function)
    one, two = tf.ones(2), tf.ones((2, 2), tf.float64)
    for _ in range(3):
        for given in (([one], None), ([one, two], one), ([two, one], one), ([two], two), ([tf.ones(3)], None)):
            tensors, other = function(*given)
            assert other is None or other.shape == given[1].shape
            for tensor, expected in zip(tensors, given[0], strict=True):
                np.testing.assert_array_equal(tensor, expected + 1)
    assert traced == [["float32"], ["float32", "float64"], ["float64", "float32"], ["float64"], ["float32"]]


def test_variables_are_read_in_each_call():
    variable = tf.Variable(1.0)
    function = compiled(lambda x: x + variable)
    assert function(tf.ones(1)).numpy() == 2
    variable.assign(5)
    assert function(tf.ones(1)).numpy() == 6


def test_a_shared_function_is_no_part_of_the_graphs_that_run_it():
    """TensorFlow would copy a called function for each graph that calls it, and never free the copies."""
    function = fused(
        lambda tensors, scale, more=None: {"sum": tensors[0] + tensors[1], "scaled": tensors[0] * scale}, is_shared=True
    )
    x = tf.constant([1.0, 2.0])

    def outer(x):
        return function((x, x + 1), 3)

    graphs = []
    for _ in range(2):
        traced = tf.function(outer, autograph=False).get_concrete_function(tf.TensorSpec((2,)))
        results = traced(x)
        assert results["sum"].numpy().tolist() == [3, 5]
        assert results["scaled"].numpy().tolist() == [3, 6]
        assert traced.structured_outputs["sum"].shape == (2,)
        types = [op.type for op in traced.graph.get_operations()]
        assert "XlaLaunch" in types
        assert not any("PartitionedCall" in each for each in types)
        graphs.append(weakref.ref(traced.graph))
    del traced
    gc.collect()
    assert not any(graph() for graph in graphs)
    assert function((x, x), 2)["scaled"].numpy().tolist() == [2, 4]
    with config_context(jit_compile=True):
        assert compiled(outer)(x)["sum"].numpy().tolist() == [3, 5]
    with config_context(jit_compile=False):
        assert compiled(outer)(x)["sum"].numpy().tolist() == [3, 5]


def test_functions_that_xla_may_not_compile_run_without():
    def function(x):
        refuse_xla("it would drop numbers")
        return x + 1

    function = compiled(function)
    assert function(tf.constant(1.0)).numpy() == 2
    with config_context(jit_compile=True), pytest.warns(JitCompileWarning, match="it would drop numbers"):
        assert function(tf.constant(1.0)).numpy() == 2
