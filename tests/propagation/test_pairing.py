import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.references import Path
from skdeeplift.propagation.pairing import (
    Difference,
    Mode,
    Pairing,
    Request,
    difference_dtype,
    to_difference_dtype,
    weights_of_predicted,
)
from skdeeplift.targets.target import Target
from tests.functions import assert_sums_to_change, streams_of

ROWS, REFERENCES = np.array([10.0, 20.0]), np.array([1.0, 2.0, 3.0])


def streams(mode):
    if mode is Mode.SHARED:
        return ROWS, REFERENCES
    if mode is Mode.PER_ROW:
        return ROWS, np.concatenate([REFERENCES, REFERENCES])
    return np.repeat(ROWS, 3), np.concatenate([REFERENCES, REFERENCES])


@pytest.mark.parametrize("mode", list(Mode))
def test_all_modes_make_the_same_pairs_row_by_row(mode):
    pairing = Pairing(mode, 2, 3)
    at_input, at_reference = (tf.constant(array)[:, None] for array in streams(mode))
    assert len(at_input) == np.prod(pairing.input_lead)
    assert len(at_reference) == np.prod(pairing.reference_lead)
    result = pairing.combine(tf.subtract, [at_input], [at_reference])
    np.testing.assert_array_equal(result[:, 0], [9, 8, 7, 19, 18, 17])


@pytest.mark.parametrize("mode", list(Mode))
def test_axes_folded_into_the_batch_stay_behind_it(mode):
    pairing = Pairing(mode, 2, 3)
    # Two entries of each row and reference, one behind the other.
    at_input, at_reference = (
        tf.constant(np.repeat(array, 2) + np.tile([0, 100], len(array))) for array in streams(mode)
    )
    result = pairing.combine(lambda x, r: 1000 * x + r, [at_input], [at_reference])
    expected = [1000 * (x + fold) + r + fold for x in ROWS for r in REFERENCES for fold in (0, 100)]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("mode", [Mode.SHARED, Mode.PER_ROW])
@pytest.mark.parametrize("fold", [1, 2])
def test_rows_read_what_combine_pairs(mode, fold):
    pairing = Pairing(mode, 2, 3)
    at_input, at_reference = (tf.range(len(array) * fold) for array in streams(mode))
    expected_x, expected_r = pairing.combine(
        lambda x, r: (x + tf.zeros_like(r), r + tf.zeros_like(x)), [at_input], [at_reference]
    )
    np.testing.assert_array_equal(pairing.entries((*pairing.input_lead, 1), fold), expected_x)
    np.testing.assert_array_equal(pairing.entries((*pairing.reference_lead, 1), fold), expected_r)


@pytest.mark.parametrize("mode", list(Mode))
def test_values_of_one_stream_are_repeated(mode):
    pairing = Pairing(mode, 2, 3)
    at_input, at_reference = (tf.constant(array) for array in streams(mode))
    np.testing.assert_array_equal(pairing.combine(tf.identity, [at_input], []), np.repeat(ROWS, 3))
    np.testing.assert_array_equal(pairing.combine(tf.identity, [], [at_reference]), np.tile(REFERENCES, 2))


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


@pytest.mark.sampled(8)
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


def test_differences_have_at_least_single_precision_and_hold_whole_numbers_exactly():
    assert difference_dtype(tf.bfloat16) == tf.float32
    assert difference_dtype(tf.float64) == tf.float64
    assert difference_dtype(tf.bool) == tf.float64
    assert to_difference_dtype(tf.constant(2**31 - 1)).numpy() == 2**31 - 1


def test_spread_is_optional():
    assert Difference(tf.zeros(3)).spread is None


PAIRING = Pairing(Mode.SHARED, 2, 3)
WEIGHTS, OF_TARGET = np.array([0.5, 0.3, 0.2]), np.ones((1, 1, 4))


def test_the_static_part_is_the_same_for_all_chunks_of_one_form():
    path = Path(np.zeros((1, 2, 3)), np.ones((1, 2)))
    request = Request(PAIRING, OF_TARGET, WEIGHTS, ("squares",), (1,), first_reference=3, path=path)
    other = Request(PAIRING, 2 * OF_TARGET, 2 * WEIGHTS, ("squares",), (1,))
    static, _ = request.split()
    assert static == other.split()[0]
    assert hash(static) == hash(other.split()[0])
    others = other._replace(wanted=("contributions",)), other._replace(pairing=PAIRING._replace(rows=4))
    assert static not in {each.split()[0] for each in others}


def test_both_parts_make_the_request_again():
    path = Path(np.zeros((1, 2, 3)), np.ones((1, 2)))
    request = Request(PAIRING, OF_TARGET, WEIGHTS, ("squares",), (1,), path=path)
    static, tensors = request.split(drawn=[tf.constant(7)])
    again = static.join(tensors)
    assert again.wanted == ("squares",)
    assert again.letters == (1,)
    np.testing.assert_array_equal(again.target, OF_TARGET)
    np.testing.assert_array_equal(again.weights, WEIGHTS)
    for got, expected in zip(again.path, path, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert again.drawn[0].numpy() == 7


def test_a_target_may_depend_on_the_output():
    """The second of the outputs (1, 3, 2) is the largest; centred, its weights are 1 and 0 less a third."""
    output = tf.constant([[1.0, 3.0, 2.0]])
    request = Request(PAIRING, Target("predicted", centered=True), WEIGHTS)
    static, tensors = request.split()
    again = static.join(tensors)
    np.testing.assert_allclose(again.at_output(output).target, [[np.array([-1, 2, -1]) / 3]], rtol=1e-6)
    np.testing.assert_array_equal(weights_of_predicted(output, centered=False), [[[0, 1, 0]]])
    fixed = Request(PAIRING, OF_TARGET, WEIGHTS)
    assert fixed.at_output(output) is fixed
