import tensorflow as tf

from skdeeplift.execution.memory import MOST_PAIRS, automatic_batch_size
from skdeeplift.propagation.method import Method
from tests.functions import streams_of


def test_batch_size_falls_with_the_size_of_the_values():
    small = automatic_batch_size(streams_of(tf.nn.relu, (10,)))
    large = automatic_batch_size(streams_of(tf.nn.relu, (1_000_000,)))
    huge = automatic_batch_size(streams_of(tf.nn.relu, (10 * Method.chunk_bytes,)))
    assert small == MOST_PAIRS
    assert Method.chunk_bytes / 8e6 / 4 <= large <= Method.chunk_bytes / 8e6
    assert huge == 1


def test_what_a_loop_computes_counts_for_each_step():
    def recurrent(steps):
        def function(sequence):
            steps_of = tf.TensorArray(sequence.dtype, steps).unstack(tf.transpose(sequence, [1, 0, 2]))
            state = tf.zeros((tf.shape(sequence)[0], 1000), sequence.dtype)
            return tf.while_loop(
                lambda time, _: time < steps,
                lambda time, state: (time + 1, tf.tanh(state + steps_of.read(time))),
                (0, state),
            )[1]

        return automatic_batch_size(streams_of(function, (steps, 1000)))

    assert 6 <= recurrent(10) / recurrent(80) <= 10
