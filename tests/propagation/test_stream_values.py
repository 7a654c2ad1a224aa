"""The values of the streams of ``y = tanh(x A + shape of x)`` at hand-made values."""

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Difference, Mode, Pairing, Purpose
from skdeeplift.propagation.steps import ConstantStep
from skdeeplift.propagation.stream_values import PassSettings, StreamValues
from tests.functions import streams_of

ROWS, REFERENCES = np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([[0.0, 4.0], [1.0, 1.0]])
DELTA = np.array([[1.0, -6], [0, -3], [3, -3.5], [2, -0.5]])
MATRIX = np.array([[1.0, 2.0], [-1.0, 0.5]])


def network(x):
    return tf.tanh(x @ tf.constant(MATRIX) + tf.cast(tf.shape(x)[0], tf.float64))


def within_a_graph(function, purpose=Purpose.GRADIENT, **options):
    """Call a function with the streams' graph and what is known of it, in a chunk of two rows and two references."""
    streams = streams_of(network, (2,))
    graph = streams.graph
    at_input, at_reference = (
        {graph.inputs[0]: tf.constant(values), graph.outputs[0]: network(tf.constant(values))}
        | dict(zip(streams.shown, streams.forward([tf.constant(values)]), strict=True))
        for values in (ROWS, REFERENCES)
    )

    @tf.function(autograph=False)
    def traced():
        settings = PassSettings(Pairing(Mode.SHARED, 2, 2), purpose, {}, **options)
        values = StreamValues(settings, at_input, at_reference, {})
        return function(streams, values)

    return tf.nest.map_structure(lambda tensor: tensor.numpy(), traced())


def test_differences_at_the_start():
    """Spreads are the sizes of differences, and pass no gradient on to them."""

    def start(streams, values):
        [source] = streams.graph.inputs
        plain, both = values.difference_at_start(source, False), values.difference_at_start(source, True)
        assert plain.spread is both.signed_spread is None
        [through_spread] = tf.gradients(both.spread, both.delta, unconnected_gradients="zero")
        return plain.delta, both.delta, values.difference_at_start(source, True).spread, through_spread

    plain, delta, spread, through_spread = within_a_graph(start, Purpose.SPREADS)
    np.testing.assert_array_equal(plain, DELTA)
    np.testing.assert_array_equal(delta, DELTA)
    np.testing.assert_array_equal(spread, np.abs(DELTA))
    np.testing.assert_array_equal(through_spread, np.zeros_like(DELTA))


def test_what_has_no_difference():
    """The number of rows is that of the pairs in the third stream; what is known of the rows stands for each pair."""

    def constants(streams, values):
        graph = streams.graph
        [shape] = [op for op in graph.ops if op.type == "Shape"]
        differences = {graph.inputs[0]: Difference(values.delta(graph.inputs[0]))}
        values.carry(graph, [ConstantStep(shape, shape.inputs, shape.outputs)], differences)
        return values.constant(shape.outputs[0]), values.constant(graph.outputs[0])

    shape, at_rows = within_a_graph(constants)
    np.testing.assert_array_equal(shape, [4, 2])
    np.testing.assert_array_equal(at_rows, np.repeat(network(ROWS), 2, 0))


def test_carried_differences_are_the_changes_and_departures_are_seen():
    """Twice the difference at the start is no true difference any more, and is seen at the first op behind it."""

    def carry(factor):
        def function(streams, values):
            graph = streams.graph
            differences = {graph.inputs[0]: Difference(factor * values.delta(graph.inputs[0]))}
            values.carry(graph, streams.plan.steps, differences)
            return differences[graph.outputs[0]].delta, values.departs[graph.outputs[0]]

        return within_a_graph(function, Purpose.DIFFERENCES, tolerance=tf.constant(1e-6, tf.float64))

    delta, departs = carry(1.0)
    change = (network(ROWS)[:, None] - network(REFERENCES)).numpy().reshape(4, 2)
    np.testing.assert_allclose(delta, change, rtol=1e-12)
    assert departs == tf.int32.max
    delta, departs = carry(2.0)
    np.testing.assert_allclose(delta, 2 * change, rtol=1e-12)
    assert departs == 0


class Tripled:
    """Part that is differentiated apart: three times a tensor, by a gradient of its own."""

    def __init__(self, tensor):
        self.inputs, self.outputs = [tensor], [tf.stop_gradient(3 * tensor)]

    def gradients(self, of_outputs):
        return [3 * each for each in of_outputs]


def test_gradients_go_through_what_is_differentiated_apart():
    """The function is 5 * 3 * 2 x, and beside it 7 x."""

    def function(streams, values):
        x = tf.constant(ROWS)
        part = Tripled(2 * x)
        values.apart.append(part)
        outputs = [5 * part.outputs[0], 7 * x]
        return values.gradients(outputs, [tf.ones_like(x), tf.ones_like(x)], [x])[0]

    np.testing.assert_array_equal(within_a_graph(function), np.full((2, 2), 37))


def test_elements_have_shares_of_the_differences_that_belong_to_them():
    """The value that is looked up has two numbers of the second element, and two of the first."""

    def function(streams, values):
        start, given = object(), tf.reshape(tf.range(16, dtype=tf.float64), (4, 2, 2))
        places = np.array([[1, 1], [0, 0]])
        share, shared = values.share_out(
            Source(tf.TensorSpec((None, 2)), starts=[(start, places)]), {start: Difference(given, -given)}
        )
        [gradient] = tf.gradients(shared[start].delta, share)
        return share, shared[start].delta - given, shared[start].spread + given, gradient

    share, delta, spread, gradient = within_a_graph(function)
    np.testing.assert_array_equal(share, np.ones((4, 2)))
    assert not delta.any()
    assert not spread.any()
    # 2 + 3 and 0 + 1 of the first pair, each four more for the next.
    np.testing.assert_array_equal(gradient, np.array([[5, 1]]) + 8 * np.arange(4)[:, None])
