import numpy as np

from skdeeplift.execution.references import References

SHARED = np.arange(12.0).reshape(6, 2)
OF_ROWS = np.arange(24.0).reshape(4, 3, 2)
ROWS = [np.zeros((4, 2))]


def test_shared_references_are_no_copies():
    references = References([SHARED], False, np.full(6, 1 / 6))
    [array] = references.of_rows(ROWS, 1, 3)(2, 5)
    np.testing.assert_array_equal(array, SHARED[2:5])
    assert references.take([0, 2]).arrays[0] is SHARED


def test_references_of_rows():
    references = References([OF_ROWS], True, np.full(3, 1 / 3))
    np.testing.assert_array_equal(references.of_rows(ROWS, 1, 3)(0, 2)[0], OF_ROWS[1:3, :2])
    np.testing.assert_array_equal(references.take([3, 1]).arrays[0], OF_ROWS[[3, 1]])


def test_references_that_a_source_makes():
    def source(rows, classes, given):
        return lambda start, stop: [(rows[0] + classes[:, None])[:, None] + np.arange(start, stop)[:, None]]

    references = References(None, True, np.full(5, 0.2), source, classes=np.array([0, 10, 20, 30]))
    [array] = references.of_rows(ROWS, 1, 3)(3, 5)
    np.testing.assert_array_equal(array[..., 0], [[13, 14], [23, 24]])
    np.testing.assert_array_equal(references.take([2, 0]).classes, [20, 0])


def test_first_references_keep_the_ratios_of_their_weights():
    references = References([SHARED], False, np.array([0.1, 0.3, 0.6, 0, 0, 0])).first(2)
    np.testing.assert_array_equal(references.arrays[0], SHARED[:2])
    np.testing.assert_allclose(references.weights, [0.25, 0.75])


def test_a_source_gets_the_references_that_were_given_for_its_rows():
    def source(rows, classes, given):
        return lambda start, stop: [given[0][:, start:stop], np.repeat(rows[1][:, None], stop - start, 1)]

    references = References([OF_ROWS, None], True, np.full(3, 1 / 3), source)
    assert references.n_rows == 4
    rows = [ROWS[0], np.arange(4.0)[:, None]]
    first, second = references.of_rows(rows, 1, 3)(0, 2)
    np.testing.assert_array_equal(first, OF_ROWS[1:3, :2])
    np.testing.assert_array_equal(second, [[[1], [1]], [[2], [2]]])
    cut = references.take([3, 1])
    np.testing.assert_array_equal(cut.arrays[0], OF_ROWS[[3, 1]])
    assert cut.arrays[1] is None
    chosen = references.choose(np.array([2, 0, 2])).of_rows(rows, 0, 4)(0, 2)
    np.testing.assert_array_equal(chosen[0], OF_ROWS[:, [2, 0]])


def test_references_that_go_with_any_rows():
    assert References([SHARED], False, np.full(6, 1 / 6)).n_rows is None
    assert References(None, True, np.ones(1)).n_rows is None
    assert References([OF_ROWS], True, np.full(3, 1 / 3)).n_rows == 4
