import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.execution.results import Results
from skdeeplift.propagation.summation_check import (
    RowsBeyond,
    Tolerance,
    check_convergence,
    convergence_delta,
    excess_of_rows,
    warn_of_rows_beyond,
)


def results(contributions, prediction, reference_value=0.0, dtype=np.float32):
    contributions = np.asarray(contributions, dtype)
    number = len(contributions)
    shape = (number, *contributions.shape[2:])
    return Results(
        {"contributions": [contributions]}, np.full(shape, prediction), np.full(shape, reference_value), None
    )


def test_delta_is_returned_in_any_case():
    np.testing.assert_allclose(convergence_delta(results([[1.0, 2.0]], 5.0)), [2.0])
    np.testing.assert_allclose(check_convergence(results([[1.0, 2.0]], 4.0, 1.0), "raise"), [0.0])


def test_tolerance_is_relative_and_by_precision():
    check_convergence(results([[1.0, 2.0]], 3.0 * 1.0009), "raise")
    with pytest.raises(SummationToDeltaError):
        check_convergence(results([[1.0, 2.0]], 3.0 * 1.0011), "raise")
    with pytest.raises(SummationToDeltaError):
        check_convergence(results([[1.0, 2.0]], 3.0 * 1.00001, dtype=np.float64), "raise")


def test_cancelling_contributions_count_with_their_size_up_to_a_point():
    check_convergence(results([[10.0, -9.0]], 1.015), "raise")
    with pytest.raises(SummationToDeltaError):
        check_convergence(results([[1e6, -1e6]], 0.5), "raise")


def test_an_output_that_is_nearly_zero_beside_others_is_as_rounded_as_they_are():
    """Of outputs 2^-20, 2 and 2, the first is off by 2^-22: as little as those of 2 may be."""

    def off_by(delta, others=(2.0, 2.0)):
        change = np.array([2.0**-20, *others])
        contributions = [[-1.0, 1.0 + change[0] + delta], *([1.0, each - 1.0] for each in others)]
        return results(contributions, change, dtype=np.float64)

    def check(these):
        check_convergence(these, "raise", Tolerance(tf.float32))

    check(off_by(2.0**-22))
    with pytest.raises(SummationToDeltaError, match="row 0"):
        check(off_by(2.0**-17))
    with pytest.raises(SummationToDeltaError, match="row 0"):
        check(off_by(2.0**-22, others=()))
    # One row alone, however large, is no measure of the others.
    with pytest.raises(SummationToDeltaError, match="row 0"):
        check(off_by(2.0**-22, others=(2.0**-20, 1e9)))


def test_message_says_how_many_rows_and_how_large():
    with pytest.warns(SummationToDeltaWarning, match=r"In 1 of 2 rows .* row 1: .* is 3, .* sum to 2\."):
        check_convergence(results([[1.0, 2.0], [0.0, 2.0]], 3.0), "warn")


def test_several_targets_are_checked_one_by_one():
    good, bad = [[1.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [2.0, 1.0]]
    np.testing.assert_allclose(check_convergence(results([good, good], 3.0), "raise"), np.zeros((2, 2)))
    with pytest.warns(SummationToDeltaWarning, match=r"In 1 of 2 rows .* row 1, target 1: .* is 3, .* sum to 2\."):
        delta = check_convergence(results([good, bad], 3.0), "warn")
    np.testing.assert_allclose(delta, [[0, 0], [0, 1]])


def test_not_a_number_is_beyond_tolerance():
    with pytest.raises(SummationToDeltaError):
        check_convergence(results([[np.nan, 2.0]], 3.0), "raise")


def test_a_network_that_gives_no_number_is_said_to_be_the_cause():
    with pytest.warns(SummationToDeltaWarning, match=r"In 1 of 1 rows .* is nan, .* the network itself"):
        check_convergence(results([[np.nan, 2.0]], np.nan), "warn")


def test_tolerance_follows_the_precision_of_the_network():
    """Contributions in single precision, of a network that computes in half."""
    coarse = results([[1.0, 2.0]], 3.0 * 1.01)
    check_convergence(coarse, "raise", Tolerance(tf.bfloat16))
    with pytest.raises(SummationToDeltaError):
        check_convergence(coarse, "raise")


def test_a_relative_tolerance_may_be_asked_for():
    """One percent, where the dtype would allow a tenth of that; half precision allows no less than two percent."""
    off = results([[1.0, 2.0]], 3.0 * 1.015)
    with pytest.raises(SummationToDeltaError, match=r"within 0\.01 of"):
        check_convergence(off, "raise", Tolerance(tf.float32, 0.01))
    check_convergence(off, "raise", Tolerance(tf.float32, 0.02))
    check_convergence(off, "raise", Tolerance(tf.float16, 0.01))


def test_excess_is_a_multiple_of_the_tolerance():
    """Off by 0.3 of 3, and by none: 10 times a tolerance of one percent. A row that is no number is off without end."""
    rows = results([[1.0, 1.7], [1.0, 2.0]], 3.0, dtype=np.float64)
    np.testing.assert_allclose(excess_of_rows(rows, Tolerance(tf.float64, 0.01)), [10, 0], rtol=1e-10)
    np.testing.assert_array_equal(excess_of_rows(results([[1.0, 2.0]], 3.0)), [0])
    np.testing.assert_array_equal(excess_of_rows(results([[np.nan, 2.0]], 3.0)), [np.inf])


def test_blocks_are_warned_of_together():
    """Two blocks of two rows: their numbers of bad rows add up, the worst is named, and only it is looked into."""
    found, asked = [], []

    def advise(row, tolerance):
        asked.append(row)
        return " Advice."

    for first, last in ((0, 2.0), (2, 1.0)):
        block = results([[1.0, 2.0], [0.0, last]], 3.0)
        check_convergence(block, "warn", Tolerance(), advise, (first, found), "number {}".format)
    good = results([[1.0, 2.0]], 3.0)
    check_convergence(good, "warn", Tolerance(), advise, (4, found))
    assert [each.number for each in found] == [1, 1]
    assert asked == [1, 1]
    with pytest.warns(SummationToDeltaWarning, match=r"In 2 of 5 rows .* worst is number 3: .*sum to 1\..* Advice"):
        warn_of_rows_beyond(found, 5)


def test_nothing_is_said_of_no_rows(recwarn):
    warn_of_rows_beyond([], 3)
    assert not recwarn.list
    assert "row 0" in RowsBeyond(1, 1.0, 1e-3, "row 0", 3.0, 2.0, "").message(3)
