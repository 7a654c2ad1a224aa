import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.precision import widened, widened_attribute, widened_tensor
from tests.functions import assert_sums_to_change, streams_of


def through_single_precision(x):
    return tf.cast(tf.tanh(tf.cast(x, tf.float32)), x.dtype) * x


FUNCTIONS = {
    "constant operand": lambda x: tf.constant([1.0, 2.0, 3.0, 4.0], x.dtype) - x,
    "weights": lambda x: tf.matmul(x, tf.constant(np.linspace(-1, 1, 12).reshape(4, 3), x.dtype)),
    "join": lambda x: tf.concat([x, tf.ones_like(x), 2 * x[:, :1]], 1),
    "cluster": lambda x: tf.nn.silu(x) - tf.nn.gelu(x),
    "cast": through_single_precision,
    "quotient": lambda x: x / (1 + tf.reduce_sum(x * x, 1, keepdims=True)),
    "orders": lambda x: tf.pow(tf.nn.softplus(x), tf.sigmoid(x[:, ::-1])),
    "maximum": lambda x: tf.reduce_max(tf.exp(x), 1),
    "sorted": lambda x: tf.math.top_k(tf.sinh(x), 3).values,
    "softmax": lambda x: tf.nn.softmax(x)[:, :2],
    "condition": lambda x: tf.where([True, False, True, True], x, tf.zeros_like(x)),
}


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_rules_sum_to_the_change_in_half_precision(name, rule, dtype):
    generator = np.random.default_rng(0)
    rows, references = generator.normal(size=(3, 4)), generator.normal(size=(2, 4))
    tolerance = 0.03 if dtype == tf.bfloat16 else 0.004
    assert_sums_to_change(FUNCTIONS[name], [rows], [references], tolerance, rule=rule, dtype=dtype)


def test_departure_is_looked_for_in_half_precision():
    streams = streams_of(FUNCTIONS["cluster"], (4,), dtype=tf.float16)
    rows, references = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float16")
    assert streams.first_departure([rows], [references], 2e-2) is None


def test_only_half_precision_is_widened():
    assert widened(tf.bfloat16) == tf.float32
    assert widened(tf.float64) == tf.float64
    assert widened_tensor(tf.constant(1, tf.int32)).dtype == tf.int32
    attribute = tf.compat.v1.AttrValue(type=tf.float16.as_datatype_enum)
    assert widened_attribute(attribute).type == tf.float32.as_datatype_enum
    assert widened_attribute(tf.compat.v1.AttrValue(b=True)).b
