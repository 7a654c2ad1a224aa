import tensorflow as tf

from skdeeplift.execution.memory import CHUNK_BYTES, MOST_PAIRS, automatic_batch_size
from tests.functions import streams_of


def test_batch_size_falls_with_the_size_of_the_values():
    small = automatic_batch_size(streams_of(tf.nn.relu, (10,)))
    large = automatic_batch_size(streams_of(tf.nn.relu, (1_000_000,)))
    huge = automatic_batch_size(streams_of(tf.nn.relu, (10 * CHUNK_BYTES,)))
    assert small == MOST_PAIRS
    assert CHUNK_BYTES / 8e6 / 4 <= large <= CHUNK_BYTES / 8e6
    assert huge == 1
