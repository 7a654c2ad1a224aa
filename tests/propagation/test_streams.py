import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.rulesets import RESCALE, RULES
from skdeeplift.propagation.streams import Streams
from tests.functions import assert_sums_to_change, explain_function, streams_of


def network(x):
    generator = np.random.default_rng(0)
    first, second = (tf.constant(generator.normal(size=shape)) for shape in [(5, 8), (8, 3)])
    return tf.nn.softmax(tf.tanh(tf.nn.relu(x @ first) @ second))[:, :2]


def test_all_modes_give_the_same_contributions():
    generator = np.random.default_rng(0)
    rows, references = generator.normal(size=(4, 5)), generator.normal(size=(3, 5))
    [shared], _ = explain_function(network, [rows], [references])
    for mode in (Mode.PER_ROW, Mode.PAIR_SIZE):
        [other], _ = explain_function(network, [rows], [np.tile(references, (4, 1))], mode=mode)
        np.testing.assert_allclose(other, shared, rtol=1e-12, atol=1e-14)


def test_batch_behind_another_axis_needs_pair_size():
    def time_major(x):
        return tf.transpose(tf.nn.relu(tf.transpose(x, [1, 0, 2])), [1, 0, 2])

    assert streams_of(time_major, (4, 2)).needs_pair_size
    generator = np.random.default_rng(0)
    assert_sums_to_change(
        time_major, [generator.normal(size=(3, 4, 2))], [generator.normal(size=(6, 4, 2))], mode=Mode.PAIR_SIZE
    )


def test_shapes_of_the_batch_are_those_of_the_pairs():
    def function(x):
        ones = tf.ones([tf.shape(x)[0], 2], tf.float64)
        return tf.nn.relu(tf.concat([tf.reshape(x, [tf.shape(x)[0], 6]), ones], 1))

    generator = np.random.default_rng(0)
    assert_sums_to_change(function, [generator.normal(size=(4, 2, 3))], [generator.normal(size=(3, 2, 3))])


def test_differences_flow_forward_too():
    """The third stream's own values are the changes that it explains, at every op."""
    generator = np.random.default_rng(0)
    rows, references = generator.normal(size=(2, 4, 5))
    assert streams_of(network, (5,)).first_departure([rows], [references], 1e-11) is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_departures_are_looked_for_where_the_batch_is_not_known(rule):
    """The batch is not the first axis if Keras stacks the ends of loops."""
    keras.utils.set_random_seed(0)
    each_step = keras.layers.TimeDistributed(keras.layers.SimpleRNN(2))
    model = keras.Sequential([keras.Input((4, 2, 3)), each_step, keras.layers.GlobalMaxPooling1D()])
    streams = streams_of(model, (4, 2, 3), dtype=tf.float32, rule_set=RULES[rule])
    rows, references = np.random.default_rng(0).normal(size=(2, 5, 4, 2, 3)).astype(np.float32)
    assert streams.first_departure([rows], [references], 1e-4) is None


def test_units_of_a_hidden_layer_contribute_the_whole_change():
    """Contributions of a hidden layer's units, in the same pass."""
    graph, _ = trace(network, tf.TensorSpec((None, 5), tf.float64))
    hidden = next(op.outputs[0] for op in graph.ops if op.type == "Relu")
    streams = Streams(graph, graph.outputs[0], [Source(hidden)], RESCALE)
    generator = np.random.default_rng(0)
    at_input, at_reference = (streams.forward([tf.constant(generator.normal(size=(4, 5)))]) for _ in range(2))
    request = Request(Pairing(Mode.PER_ROW, 4, 1), np.ones((1, 1, 2)), np.ones(1))
    [(contributions,)] = streams.contributions(request, at_input, at_reference)
    change = (at_input[0] - at_reference[0]).numpy().sum(1)
    assert contributions.shape == (4, 1, 8)
    np.testing.assert_allclose(contributions.numpy().sum((1, 2)), change, rtol=1e-11)


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_new_weights_show_without_a_new_trace(weight):
    variable = tf.Variable([[1.0], [1.0]], dtype=tf.float64)
    traces = []

    def function(x):
        traces.append(1)
        return tf.nn.relu(x @ variable)

    streams = streams_of(function, (2,))
    variable.assign([[weight], [weight]])
    target = streams.forward([tf.ones((1, 2), tf.float64)])[0]
    assert target.numpy().item() == 2 * weight
    assert len(traces) == 1


def doubled_where_the_largest_is_negative(sequence):
    """Loop over three steps; in each step the largest unit decides about all."""

    def body(time, total):
        total = total + sequence[:, time]
        grows = tf.reduce_max(total, 1, keepdims=True) > 0
        return time + 1, tf.where(grows, total, 2 * total)

    return tf.while_loop(lambda time, _: time < 3, body, (0, sequence[:, 0] * 0.5))[1]


def test_conditions_inside_of_a_loop_carry_their_differences():
    rows, references = np.ones((1, 3, 2)), np.full((2, 3, 2), [-1.0, 0.5])[None, 0]
    [contributions], change = explain_function(doubled_where_the_largest_is_negative, [rows], [-references])
    np.testing.assert_allclose(contributions.sum(axis=(1, 2)), change)


def test_departure_inside_of_a_loop_is_named():
    def function(sequence):
        def body(time, total):
            return time + 1, tf.tanh(total + sequence[:, time])

        return tf.while_loop(lambda time, _: time < 3, body, (0, sequence[:, 0] * 0.5))[1]

    rows = np.ones((1, 3, 2))
    assert streams_of(function, (3, 2)).first_departure([rows], [-rows], 1e-6) is None
    streams = streams_of(function, (3, 2), rule_set=RULES["pass_through"])
    assert streams.first_departure([rows], [-rows], 1e-6).type == "Tanh"
