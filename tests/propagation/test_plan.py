import pytest
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from tests.functions import streams_of


def test_only_ops_on_the_way_to_the_target_are_planned():
    def function(x):
        tf.linalg.qr(tf.reshape(x, [-1, 2, 2]))
        return tf.nn.relu(x) * 2.0

    assert [step.op.type for step in streams_of(function, (4,), dtype=tf.float32).plan.steps] == ["Relu", "Mul"]


def test_linear_ops_read_no_values():
    streams = streams_of(lambda x: tf.reduce_sum(x * 2.0, 1, keepdims=True), (4,), dtype=tf.float32)
    assert streams.plan.reads == []


def test_op_without_a_rule_is_named_with_its_layer_and_the_reason():
    def function(x):
        with tf.name_scope("decomposition"):
            return tf.linalg.qr(tf.reshape(x, [-1, 2, 2]), name="Q").q

    with pytest.raises(
        UnsupportedOpError, match=r"no rule for the op 'Qr' \('decomposition/Q', layer 'decomposition'\)"
    ):
        streams_of(function, (4,), dtype=tf.float32, layer_names=["decomposition"])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.cast(tf.argmax(x, 1), tf.float32)[:, None],
        lambda x: tf.cast(x > 0, tf.float32),
        tf.ones_like,
    ],
)
def test_target_cut_off_from_the_input(function):
    with pytest.raises(UnsupportedOpError, match="does not depend on the network's input"):
        streams_of(function, (4,), dtype=tf.float32)


def test_product_with_a_mask_of_another_tensor_is_an_error():
    with pytest.raises(UnsupportedOpError, match="reads a count, index or comparison"):
        streams_of(lambda x: x * tf.cast(tf.reduce_max(x, 1, keepdims=True) > 0, tf.float32), (4,), dtype=tf.float32)


def test_random_op_that_is_reached_is_an_error():
    streams = streams_of(lambda x: x + tf.random.normal([4]), (4,), dtype=tf.float32)
    with pytest.raises(UnsupportedOpError, match=r"RandomStandardNormal.*random or has state"):
        streams.forward([tf.zeros((2, 4))])
