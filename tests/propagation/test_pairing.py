import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode, Pairing

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
    assert len(at_input) == pairing.input_size()
    assert len(at_reference) == pairing.reference_size()
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
    np.testing.assert_array_equal(pairing.rows_at_input(fold), expected_x)
    np.testing.assert_array_equal(pairing.rows_at_reference(fold), expected_r)


@pytest.mark.parametrize("mode", list(Mode))
def test_values_of_one_stream_are_repeated(mode):
    pairing = Pairing(mode, 2, 3)
    at_input, at_reference = (tf.constant(array) for array in streams(mode))
    np.testing.assert_array_equal(pairing.combine(tf.identity, [at_input], []), np.repeat(ROWS, 3))
    np.testing.assert_array_equal(pairing.combine(tf.identity, [], [at_reference]), np.tile(REFERENCES, 2))
