import pytest
import tensorflow as tf

from skdeeplift.network.input_dependence import Layout, batch_layouts
from skdeeplift.network.network import trace


def is_outermost(function, shape):
    graph, _ = trace(function, tf.TensorSpec((None, *shape)))
    layout = batch_layouts(graph).get(graph.outputs[0])
    return layout is not None and layout.axis == 0


@pytest.mark.parametrize(
    ("function", "shape", "expected"),
    [
        (tf.nn.relu, (4, 5), True),
        (lambda x: tf.transpose(x, [0, 2, 1]), (4, 5), True),
        (lambda x: tf.transpose(x, [1, 0, 2]), (4, 5), False),
        (lambda x: tf.reshape(x, [-1, 5]), (4, 5), True),
        (lambda x: tf.reshape(tf.reshape(x, [-1, 5]), [-1, 4, 5]), (4, 5), True),
        (lambda x: tf.reshape(x, [-1, 7]), (4, 5), False),
        (lambda x: tf.tensordot(x, tf.ones((5, 2)), 1), (4, 5), True),
        (lambda x: tf.reduce_sum(x, 0), (4, 5), False),
        (lambda x: tf.space_to_batch(x, [2], [[0, 0]]), (4, 5), False),
        (lambda x: tf.batch_to_space(tf.space_to_batch(x, [2], [[0, 0]]), [2], [[0, 0]]), (4, 5), True),
        (lambda x: tf.concat([x, x], 0), (5,), False),
        (lambda x: tf.concat([x, x], -1), (5,), True),
        (lambda x: tf.split(tf.concat([x, x], 0), 2, 0)[0], (5,), False),
        (lambda x: tf.reverse(x, [0]), (5,), False),
        (lambda x: tf.cumsum(x, -2), (5,), False),
        (lambda x: tf.tile(x, [2, 1]), (5,), False),
        # As a layer writes it that repeats a vector: of some numbers is known only that they are not the batch's.
        (lambda x: tf.tile(x, [1, tf.shape(x)[1]]), (5,), True),
        (lambda x: tf.tile(x, [tf.shape(x)[1], 1]), (5,), False),
        (lambda x: tf.matmul(x, x, transpose_a=True), (5,), False),
        (lambda x: tf.matmul(x, x, transpose_a=True), (4, 5), True),
    ],
)
def test_batch_is_outermost(function, shape, expected):
    assert is_outermost(function, shape) is expected


def test_a_reshape_to_the_length_of_another_value():
    """The first entry of the shape says how many rows there are, though the other axes are open."""

    def framed(x):
        lengths = tf.split(tf.shape(x), [1, 1])
        return tf.reshape(x, tf.concat([lengths[0], lengths[1] // 2, [2]], 0))

    def folds(function):
        graph, _ = trace(function, tf.TensorSpec((None, None)))
        return batch_layouts(graph)[graph.outputs[0]]

    assert folds(framed) == Layout(0)
    assert folds(lambda x: tf.reshape(x, [tf.shape(x)[0], -1, 2])) == Layout(0)
    assert folds(lambda x: tf.reshape(x, [tf.shape(x)[0] * 2, -1, 2])) == Layout(0, None)


def running_sums(sequence):
    """Time first, as recurrent layers compute: the sum of all steps so far."""
    steps = tf.TensorArray(tf.float32, 4).unstack(tf.transpose(sequence, [1, 0, 2]))
    sums, total = tf.TensorArray(tf.float32, 4), tf.zeros((tf.shape(sequence)[0], 3))

    def body(time, total, sums):
        total = total + steps.read(time)
        return time + 1, total, sums.write(time, total)

    _, total, sums = tf.while_loop(lambda time, *_: time < 4, body, (0, total, sums))
    return tf.transpose(sums.stack(), [1, 0, 2]), total


def test_batch_is_found_again_behind_a_loop_over_time():
    graph, _ = trace(running_sums, tf.TensorSpec((None, 4, 3)))
    layouts = batch_layouts(graph)
    assert [layouts[value] for value in graph.outputs] == [Layout(0), Layout(0)]
    [body] = graph.bodies
    added = next(op.outputs[0] for op in body.ops if op.type == "AddV2" and op.outputs[0].dtype == tf.float32)
    assert layouts[added] == Layout(0)


def test_batch_behind_time_is_not_outermost():
    assert not is_outermost(lambda sequence: tf.transpose(running_sums(sequence)[0], [1, 0, 2]), (4, 3))


@pytest.mark.parametrize("transpose", [False, True])
def test_rows_of_a_matrix_whose_length_only_the_weights_tell(transpose):
    weights = tf.ones((2, 5) if transpose else (5, 2))

    def function(x):
        return tf.matmul(tf.reshape(x, [-1, tf.reduce_prod(tf.shape(x)[2:])]), weights, transpose_b=transpose)

    graph, _ = trace(function, tf.TensorSpec((None, 4, 5)))
    assert batch_layouts(graph)[graph.outputs[0]] == Layout(0, 4)


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
    assert in_sets(graph) == [{"varying", "carrying"}]


def test_integers_that_are_mixed_are_numbers():
    def function(tokens):
        first, second = tokens[:, :2], tokens[:, 2:]
        table = tf.range(9)
        # Two cuts of the same elements are in the same order.
        return tf.gather(table, tf.where(tokens[:, :2] < 0, first + 9, first)), first + second, tf.gather(table, second)

    graph, _ = trace(function, tf.TensorSpec((None, 4), tf.int32))
    assert in_sets(graph) == [{"varying", "indices"}, {"varying", "carrying"}, {"varying", "carrying"}]


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


def test_complex_numbers_are_no_whole_numbers():
    """Only a dtype makes a number whole. Eigenvectors that were not asked for are a tensor of no elements."""

    def function(x):
        return tf.abs(tf.signal.fft(tf.complex(x, x))) + tf.linalg.eigvalsh(x[:, None] * x[..., None])

    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    complex_values = [value for value in graph.values if value.dtype.is_complex]
    assert complex_values
    assert all(graph.carries_difference(value) for value in complex_values)
    assert graph.has_derivative(graph.outputs[0])
    [empty] = [value for value in graph.values if value.shape.num_elements() == 0 and value.dtype == tf.float32]
    assert not graph.varies(empty)
