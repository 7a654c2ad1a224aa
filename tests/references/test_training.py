import numpy as np

from skdeeplift.references import training

ROWS = np.arange(20).reshape(10, 2)


def test_draws_without_replacement_in_order():
    [drawn] = training.sample([ROWS], 4, np.random.RandomState(0))
    assert len(np.unique(drawn[:, 0])) == 4
    assert (np.diff(drawn[:, 0]) > 0).all()


def test_few_rows_are_all_taken_as_a_copy():
    [drawn] = training.sample([ROWS], 10, np.random.RandomState(0))
    np.testing.assert_array_equal(drawn, ROWS)
    assert not np.shares_memory(drawn, ROWS)
