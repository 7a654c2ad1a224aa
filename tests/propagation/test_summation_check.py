import numpy as np
import tensorflow as tf

from skdeeplift.execution.results import Results
from skdeeplift.propagation.summation_check import (
    ALLOWED_CHANGE,
    Tolerance,
    change_of_rows,
    check_sums,
    convergence_delta,
    excess_of_rows,
    standard_error_of_sums,
)


def results(contributions, prediction, reference_value=0.0, dtype=np.float32):
    contributions = np.asarray(contributions, dtype)
    number = len(contributions)
    shape = (number, *contributions.shape[2:])
    return Results(
        {"contributions": [contributions]}, np.full(shape, prediction), np.full(shape, reference_value), None
    )


BY_DTYPE = Tolerance()


def departure_of(rows, tolerance=BY_DTYPE):
    return check_sums(rows, tolerance)[1]


def test_delta_is_returned_in_any_case():
    np.testing.assert_allclose(convergence_delta(results([[1.0, 2.0]], 5.0)), [2.0])
    np.testing.assert_allclose(check_sums(results([[1.0, 2.0]], 4.0, 1.0))[0], [0.0])


def test_tolerance_is_relative_and_by_precision():
    assert departure_of(results([[1.0, 2.0]], 3.0 * 1.0009)) is None
    assert departure_of(results([[1.0, 2.0]], 3.0 * 1.0011)) is not None
    assert departure_of(results([[1.0, 2.0]], 3.0 * 1.00001, dtype=np.float64)) is not None


def test_cancelling_contributions_count_with_their_size_up_to_a_point():
    assert departure_of(results([[10.0, -9.0]], 1.015)) is None
    assert departure_of(results([[1e6, -1e6]], 0.5)) is not None


def test_an_output_that_is_nearly_zero_beside_others_is_as_rounded_as_they_are():
    """The first of the outputs 2^-20, 2 and 2 is off by 2^-22: as little as those of 2 may be."""

    def off_by(delta, others=(2.0, 2.0)):
        change = np.array([2.0**-20, *others])
        contributions = [[-1.0, 1.0 + change[0] + delta], *([1.0, each - 1.0] for each in others)]
        return results(contributions, change, dtype=np.float64)

    single = Tolerance(tf.float32)
    assert departure_of(off_by(2.0**-22), single) is None
    # One row alone, however large, is no measure of the others.
    for off in (off_by(2.0**-17), off_by(2.0**-22, others=()), off_by(2.0**-22, others=(2.0**-20, 1e9))):
        assert departure_of(off, single).row == 0


def test_message_says_how_many_rows_and_how_large():
    found = departure_of(results([[1.0, 2.0], [0.0, 2.0]], 3.0))
    assert (found.number, found.row, found.target) == (1, 1, None)
    message = found._replace(place="row 1", advice=" Advice.").message(2)
    assert "In 1 of 2 rows" in message
    assert "row 1: f(x) - f(reference) is 3, the contributions sum to 2." in message
    assert message.endswith(" Advice.")


def test_several_targets_are_checked_one_by_one():
    good, bad = [[1.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [2.0, 1.0]]
    delta, found = check_sums(results([good, good], 3.0))
    np.testing.assert_allclose(delta, np.zeros((2, 2)))
    assert found is None
    delta, found = check_sums(results([good, bad], 3.0))
    assert (found.number, found.row, found.target, found.change, found.total) == (1, 1, 1, 3, 2)
    np.testing.assert_allclose(delta, [[0, 0], [0, 1]])


def test_not_a_number_is_beyond_tolerance():
    assert departure_of(results([[np.nan, 2.0]], 3.0)) is not None


def test_a_network_that_gives_no_number_is_said_to_be_the_cause():
    found = departure_of(results([[np.nan, 2.0]], np.nan))
    assert "is nan, because the network returns" in found.message(1)
    assert "is nan, because the target function returns" in found._replace(is_function=True).message(1)


def test_tolerance_follows_the_precision_of_the_network():
    """Contributions in single precision, of a network that computes in half."""
    coarse = results([[1.0, 2.0]], 3.0 * 1.01)
    assert departure_of(coarse, Tolerance(tf.bfloat16)) is None
    assert departure_of(coarse) is not None


def test_a_relative_tolerance_may_be_asked_for():
    """One percent, where the dtype would allow a tenth of that; half precision allows no less than two percent."""
    off = results([[1.0, 2.0]], 3.0 * 1.015)
    assert "within 0.01 of" in departure_of(off, Tolerance(tf.float32, 0.01)).message(1)
    assert departure_of(off, Tolerance(tf.float32, 0.02)) is None
    assert departure_of(off, Tolerance(tf.float16, 0.01)) is None


def test_contributions_that_cancel_need_not_count():
    """Off by a tenth of the change, and by a hundredth of the contributions, which cancel each other."""
    off = results([[5.0, -4.0]], 1.1)
    assert departure_of(off, Tolerance(tf.float32, 0.05)) is None
    assert departure_of(off, Tolerance(tf.float32, 0.05, of_change=True)) is not None
    assert departure_of(off, Tolerance(tf.float32, 0.2, of_change=True)) is None


def test_a_small_change_is_compared_with_the_usual_one():
    """The first change is a hundredth of the others, and is off by half of it; alone, it counts itself."""
    tolerance = Tolerance(tf.float32, 0.05, of_change=True)
    assert departure_of(results([[0.015], [1.0], [1.0]], np.array([0.01, 1.0, 1.0])), tolerance) is None
    assert departure_of(results([[0.015]], 0.01), tolerance) is not None
    rows = results([[0.015], [1.0]], np.array([0.01, 1.0]))
    np.testing.assert_allclose(excess_of_rows(rows, tolerance), [10, 0], rtol=1e-3)


def test_contributions_that_cancel_are_as_rounded_as_their_sizes():
    """The first row changes by nothing and is off by 2^-20, beside contributions of 16; others are of size one."""

    def off_by(delta, others=(1.0, 1.0)):
        contributions = [[-8.0, 8.0 + delta], *([0.0, each] for each in others)]
        return results(contributions, np.array([0.0, *others]), dtype=np.float64)

    single = Tolerance(tf.float32)
    assert departure_of(off_by(2.0**-20), single) is None
    # If nothing else is there to compare with, rounding is that of the contributions.
    assert departure_of(off_by(2.0**-20, others=()), single) is None
    for off in (off_by(2.0**-16), off_by(2.0**-13, others=()), off_by(2.0**-13, others=(0.0, 1e9))):
        assert departure_of(off, single).row == 0


def test_contributions_to_nothing_are_as_rounded_as_they_are_large():
    """RevealCancel finds parts that cancel where the output is zero at all rows and references."""
    assert departure_of(results([[1.0, 5e-6 - 1.0], [0.0, 0.0], [0.0, 0.0]], 0.0)) is None
    assert departure_of(results([[1.0, 1e-5 - 1.0], [0.0, 0.0], [0.0, 0.0]], 0.0)).row == 0
    # One row of huge contributions is no measure of itself.
    assert departure_of(results([[1.0, -1.0], [2.0, -2.0], [1e8, 64.0 - 1e8]], 0.0)).row == 2
    assert departure_of(results([[np.nan, 0.0], [1.0, -1.0]], 0.0)).row == 0
    # A network whose usual output is no zero tells itself how it is rounded.
    small = [[1.0, 5e-6 - 1.0], [0.0, 1e-3], [0.0, 1e-3]]
    assert departure_of(results(small, np.array([0.0, 1e-3, 1e-3]))).row == 0


def test_excess_is_a_multiple_of_the_tolerance():
    """Off by 0.3 of 3, and by none: 10 times a tolerance of one percent. A row that is no number is off without end."""
    rows = results([[1.0, 1.7], [1.0, 2.0]], 3.0, dtype=np.float64)
    np.testing.assert_allclose(excess_of_rows(rows, Tolerance(tf.float64, 0.01)), [10, 0], rtol=1e-10)
    np.testing.assert_array_equal(excess_of_rows(results([[1.0, 2.0]], 3.0)), [0])
    np.testing.assert_array_equal(excess_of_rows(results([[np.nan, 2.0]], 3.0)), [np.inf])


def test_only_the_worst_row_of_all_blocks_is_named():
    rows = results([[1.0, 2.0], [0.0, 2.0]], 3.0)
    badness = departure_of(rows).badness
    assert check_sums(rows, worst_so_far=badness / 2)[1].row == 1
    found = check_sums(rows, worst_so_far=2 * badness)[1]
    assert (found.number, found.row) == (1, None)


def test_change_is_a_multiple_of_what_is_allowed():
    """Contributions 2 and -1 that were 2.2 and -1.1: a change of 0.3 on a size of 3."""
    new, old = results([[2.0, -1.0]], 0.0, dtype=np.float64), results([[9.0, 9.0], [2.2, -1.1]], 0.0, dtype=np.float64)
    allowed = ALLOWED_CHANGE * 0.01 * 3
    change = change_of_rows(new, old, np.array([1]), Tolerance(None, 0.01), together=True)
    np.testing.assert_allclose(change, 0.3 / allowed, rtol=1e-10)


def test_each_layer_changes_by_itself():
    """The second layer changes by all that it has, which is little beside the first."""
    new, old = results([[100.0]], 1.0, dtype=np.float64), results([[100.0]], 1.0, dtype=np.float64)
    new.of_sources["contributions"].append(np.array([[1.0]]))
    old.of_sources["contributions"].append(np.array([[0.0]]))
    together, apart = (
        change_of_rows(new, old, np.array([0]), Tolerance(None, 0.01), together=each)[0] for each in (True, False)
    )
    allowed = ALLOWED_CHANGE * 0.01
    np.testing.assert_allclose([together, apart], [1 / 101 / allowed, 1 / allowed], rtol=1e-10)


def test_rounding_is_no_change():
    new, old = results([[1e-9]], 1.0), results([[-1e-9]], 1.0)
    assert change_of_rows(new, old, np.array([0]), Tolerance(None, 0.01), together=True) < 1


def test_standard_errors_of_a_sum_add_up_at_worst():
    """Errors of 0.1 and 0.2, and a spread of 0.5 over 25 references: 0.3 + 0.5 / 5."""
    of_sources = {"contributions": [np.zeros((1, 2))], "standard_error": [np.array([[0.1, 0.2]])]}
    rows = Results(of_sources, np.ones(1), np.zeros(1), None, np.array([25]), np.array([0.5]))
    np.testing.assert_allclose(standard_error_of_sums(rows), [0.4])
