import numpy as np

from skdeeplift.references import constant

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [8.0, 0.0]], np.float32)


def test_values_and_dtype():
    for function, expected in [(constant.mean, [[4, 2]]), (constant.median, [[3, 2]]), (constant.zeros, [[0, 0]])]:
        result = function(ROWS)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == np.float32


def test_mean_of_many_large_values_does_not_lose_digits():
    rows = np.full((100_000, 1), 16777217.0 / 16, np.float32)
    assert constant.mean(rows)[0, 0] == rows[0, 0]
