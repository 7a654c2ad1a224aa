import tensorflow as tf

from skdeeplift.network.network import trace

TABLE = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def in_sets(graph):
    """List for each output the sets that contain it."""
    names = ("varying", "carrying", "indices", "batch_shaped", "starts", "shared")
    return [{name for name in names if value in getattr(graph.dependence, name)} for value in graph.outputs]


def test_what_becomes_of_tokens():
    def function(tokens):
        mask = tokens > 0
        number = tf.reduce_sum(tf.cast(mask, tf.float32), 1)
        return tokens % 3, mask, tf.gather(TABLE, tokens), tf.shape(tokens), number

    graph, _ = trace(function, tf.TensorSpec((None, 4), tf.int32))
    index, mask, looked_up, shape, number = in_sets(graph)
    assert index == {"varying", "indices"}
    assert mask == {"varying", "shared"}
    assert number == {"varying"}
    assert looked_up == {"varying", "carrying", "starts"}
    assert shape == {"batch_shaped"}


def test_what_becomes_of_numbers():
    def function(x):
        index = tf.cast(x, tf.int32)
        return (
            tf.exp(x),
            tf.cast(2 * x, tf.int32),
            x[:, :1] > 0,
            index,
            tf.gather(TABLE, index),
            tf.ones_like(x),
            TABLE + 1.0,
        )

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    *carrying, index, looked_up, ones, constant = in_sets(graph)
    assert carrying == [{"varying", "carrying"}] * 3
    assert index == {"varying", "indices"}
    assert looked_up == {"varying", "carrying", "starts"}
    assert ones == {"batch_shaped"}
    assert constant == set()
    assert graph.inputs[0] in graph.dependence.starts


def test_what_varies_only_from_the_second_or_third_step_on():
    """The first of three is moved up to the second, and the second to the third."""

    def function(x):
        def body(number, first, second, third, fourth):
            return number + 1, x, first, second, fourth * 2.0

        zeros = [tf.zeros((tf.shape(x)[0], 4))] * 4
        return tf.while_loop(lambda number, *_: number < 5, body, (0, *zeros))

    graph, _ = trace(function, tf.TensorSpec((None, 4)))
    number, *states, constant = in_sets(graph)
    assert number == set()
    assert constant == {"batch_shaped"}
    assert all({"varying", "carrying"} <= state for state in states)


def test_indices_that_a_loop_computes():
    def function(tokens):
        return tf.while_loop(lambda number, _: number < 2, lambda number, t: (number + 1, t + 1), (0, tokens))[1]

    graph, _ = trace(function, tf.TensorSpec((None, 4), tf.int32))
    assert in_sets(graph) == [{"varying", "indices"}]


def test_truth_values_of_integers_that_look_nothing_up_are_starts():
    graph, _ = trace(lambda flag: flag == 5, tf.TensorSpec((None, 1), tf.int32))
    assert in_sets(graph) == [{"varying", "carrying", "starts"}]


def test_truth_values_of_an_input_are_starts():
    graph, _ = trace(tf.identity, tf.TensorSpec((None, 1), tf.bool))
    assert in_sets(graph) == [{"varying", "carrying", "starts"}]


def test_steps_whose_features_all_equal_a_constant_are_padding():
    def function(x):
        mask = tf.reduce_any(x != -1.0, -1)
        return mask, tf.reduce_any(x > -1.0, -1), x[..., 0] != -1.0

    graph, _ = trace(function, tf.TensorSpec((None, 4, 2)))
    assert in_sets(graph) == [{"varying"}, *[{"varying", "carrying"}] * 2]
