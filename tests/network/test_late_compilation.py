import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer, config_context
from skdeeplift.network import devices
from skdeeplift.network.compiled import compiled, fused
from skdeeplift.network.late_compilation import (
    call_early_or_late,
    choose_early_or_late,
    is_compiled_late,
    traced_with,
)
from skdeeplift.propagation.rules.products import Kernel

SPEC = tf.TensorSpec(None, tf.float32)


@pytest.fixture
def of_two_kinds():
    """Functions that tell whether an early or a late run called them."""
    return [
        tf.function(lambda x, shift=shift: x + shift, autograph=False).get_concrete_function(SPEC) for shift in (1, 100)
    ]


def test_the_second_function_is_called_from_the_second_run_on(of_two_kinds):
    function = compiled(lambda x: call_early_or_late(*of_two_kinds, [x]))
    assert [float(function(tf.constant(0.0))) for _ in range(4)] == [1, 100, 100, 100]


def test_each_traced_function_has_its_own_first_run(of_two_kinds):
    function = compiled(lambda x: call_early_or_late(*of_two_kinds, [x]))
    one, two = tf.zeros(1), tf.zeros(2)
    results = [function(each).numpy().max() for each in (one, two, one, two)]
    assert results == [1, 1, 100, 100]


def test_functions_that_capture_tensors():
    def function(x):
        doubled = 2 * x
        return choose_early_or_late(lambda: [doubled + 1], lambda: [doubled + 100])[0]

    function = compiled(function)
    assert [float(function(tf.constant(1.0))) for _ in range(3)] == [3, 102, 102]


def test_a_fused_function_that_captures_tensors():
    """It is compiled in the second run, and the functions inside of it with it."""
    are_late = []

    def function(x):
        def inner(y):
            are_late.append(is_compiled_late(1))
            return x + y

        return fused(inner, lambda y: 1)(3 * x)

    run = compiled(function)
    assert [float(run(tf.constant(1.0))) for _ in range(3)] == [4, 4, 4]
    # Once for each of both ways.
    assert sorted(are_late) == [False, True]


def test_a_function_that_fails_has_not_run(of_two_kinds):
    def function(x):
        with tf.control_dependencies([tf.debugging.assert_positive(x)]):
            return call_early_or_late(*of_two_kinds, [x])

    function = compiled(function)
    with pytest.raises(tf.errors.InvalidArgumentError):
        function(tf.constant(-1.0))
    assert float(function(tf.constant(1.0))) == 2
    assert float(function(tf.constant(1.0))) == 101


def test_many_elements_are_compiled_at_once():
    are_late, limit = [], devices.choices().elements_of_compiling

    def function(x):
        are_late.extend(map(is_compiled_late, (1, limit - 1, limit)))
        return x

    compiled(function)(tf.zeros(1))
    assert are_late == [True, True, False]


def test_functions_whose_runs_nothing_tells_apart_are_compiled_at_once():
    """An exported function does not know whether it ran before, nor does a function within another."""
    assert not is_compiled_late(1)
    are_late = []

    def inner(x):
        are_late.append(is_compiled_late(1))
        return x

    inside = compiled(inner)
    compiled(inside)(tf.zeros(1))
    with traced_with(None):
        inner(tf.zeros(1))
    assert are_late == [False, False]


def test_a_large_kernel_is_compiled_late():
    def types_of_ops(graph):
        return {op.type for op in graph.get_operations()}

    kernel, shape = Kernel(lambda x: (tf.nn.relu(x),)), (2**18,)
    graphs = []

    def function(x):
        graphs.append(tf.compat.v1.get_default_graph())
        x.set_shape(shape)
        return kernel(x)[0]

    run = compiled(function)
    x = tf.constant(np.linspace(-1, 1, 2**18, dtype="f4"))
    for _ in range(3):
        np.testing.assert_array_equal(run(x), np.maximum(x, 0))
    assert "StatelessIf" in types_of_ops(graphs[0])
    with config_context(jit_compile=False):
        np.testing.assert_array_equal(run(x), np.maximum(x, 0))
    assert "StatelessIf" not in types_of_ops(graphs[1])


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_early_and_late_contributions_are_the_same(rule):
    """The number of rows makes the multipliers of each layer large, but too small to be compiled in the first run."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 2)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    X = np.random.default_rng(0).normal(size=(64, 16, 16, 2)).astype("f4")
    explainer = DeepLiftExplainer(model, target=0, rule=rule).fit(X)
    first, *others = [explainer.transform(X) for _ in range(3)]
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-6 * np.abs(first).max())


@pytest.mark.parametrize("n_rows", [20, 400])
def test_early_and_late_integrals_are_the_same(n_rows):
    """Passes over 400 rows are so many elements that they are compiled at once."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(64, "tanh"), keras.layers.Dense(2)])
    X = np.random.default_rng(0).normal(size=(n_rows, 300)).astype("f4")
    explainer = IntegratedGradientsExplainer(model, target=0, n_steps=200, reference="zeros").fit(X)
    first, *others = [explainer.transform(X) for _ in range(3)]
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-6 * np.abs(first).max())
