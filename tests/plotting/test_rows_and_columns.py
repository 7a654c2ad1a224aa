import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.rows_and_columns import (
    Rows,
    choose_feature,
    choose_row,
    choose_rows,
    join_names,
    name_others,
    rank_features,
    take_column,
    take_rows,
    to_numbers,
)


def rows_of(labels=None, positions=None, n_rows=3):
    n_rows = n_rows if labels is None else len(labels)
    labels = labels if labels is None or isinstance(labels, pd.Index) else pd.Index(labels)
    return Rows(n_rows, labels, np.arange(n_rows) if positions is None else np.array(positions))


def test_choice_of_a_row():
    assert choose_row(rows_of(n_rows=1), None, None, "Display") == 0
    # Without labels, a row goes by its position, as in a table of contributions.
    assert choose_row(rows_of(), -1, None, "Display") == 2
    assert choose_row(rows_of(), None, -1, "Display") == 2
    with pytest.raises(
        ValueError, match=r"draws one row, and the explanation has 3. Pass row=, its label, or position="
    ):
        choose_row(rows_of(), None, None, "Display")
    with pytest.raises(ValueError, match=r"row=3 is out of range. Expected a position below 3"):
        choose_row(rows_of(), 3, None, "Display")
    with pytest.raises(TypeError, match=r"row= takes the position of a row as an int. Got 'a'"):
        choose_row(rows_of(), "a", None, "Display")
    with pytest.raises(TypeError, match=r"position= takes the position of a row as an int. Got True"):
        choose_row(rows_of(), None, True, "Display")
    with pytest.raises(ValueError, match=r"row= is a label and position= a position. Pass one"):
        choose_row(rows_of(), 1, 1, "Display")


def test_a_label_is_never_taken_for_a_position():
    """The labels are positions in another order."""
    rows = rows_of([2, 0, 1])
    assert choose_row(rows, 0, None, "Display") == 1
    assert choose_row(rows, None, 0, "Display") == 0
    with pytest.raises(ValueError, match=r"row=-1 is no label.*one of 2, 0, 1. For the row at this.*position=-1"):
        choose_row(rows, -1, None, "Display")
    with pytest.raises(ValueError, match=r"row=True is no label"):
        choose_row(rows, True, None, "Display")


def test_labels_of_other_kinds():
    rows = rows_of(["a", "b", "a"])
    assert choose_row(rows, "b", None, "Display") == 1
    with pytest.raises(ValueError, match=r"row='a' is the label of 2 rows. Pass position=, one of 0, 2"):
        choose_row(rows, "a", None, "Display")
    for row in ("c", 1.5, ["a"], {}):
        with pytest.raises(ValueError, match="is no label of the explanation's rows"):
            choose_row(rows, row, None, "Display")
    assert choose_row(rows_of(pd.date_range("2020-01-01", periods=3)), "2020-01-02", None, "Display") == 1
    levels = rows_of(pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("b", 2)]))
    assert choose_row(levels, ("b", 2), None, "Display") == 2
    assert choose_rows(levels, ("b", 2), None, "Display") == [2]
    assert levels.name(1) == ("b", 1)


def test_rows_of_one_target_keep_their_positions():
    rows = rows_of(["a", "b", "c", "d"], [1, 3])
    assert choose_row(rows, "d", None, "Display") == 1
    assert choose_row(rows, None, -1, "Display") == 1
    assert rows.name(1) == "d"
    assert rows_of(None, [1, 3], 4).name(1) == 3
    with pytest.raises(ValueError, match=r"at position 0 has another target. Pass position=, one of 1, 3"):
        choose_row(rows, "a", None, "Display")


def test_choice_of_a_feature():
    assert choose_feature("b", ["a", "b"], "feature") == 1
    assert choose_feature(0, ["a", "b"], "feature") == 0
    assert choose_feature(1, [1, 0], "feature") == 0
    with pytest.raises(ValueError, match=r"color_by='z' is no feature.*'a', 'b'"):
        choose_feature("z", ["a", "b"], "color_by")
    with pytest.raises(ValueError, match="names 2 features"):
        choose_feature("a", ["a", "a"], "feature")


def test_numbers_among_other_values():
    np.testing.assert_array_equal(to_numbers(np.array([1, "x", None, 2.5], dtype=object)), [1, np.nan, np.nan, 2.5])
    np.testing.assert_array_equal(to_numbers(pd.Series(["u", "v"], dtype="category")), [np.nan, np.nan])
    np.testing.assert_array_equal(to_numbers(pd.Series(pd.to_datetime(["1970-01-03", None]))), [2, np.nan])


def test_choice_of_rows():
    assert choose_rows(rows_of(n_rows=9), None, None, "Display") == [0, 1, 2, 3, 4]
    assert choose_rows(rows_of(n_rows=2), None, None, "Display") == [0, 1]
    assert choose_rows(rows_of(), -1, None, "Display") == [2]
    assert choose_rows(rows_of(), [1, 0], None, "Display") == [1, 0]
    assert choose_rows(rows_of(), None, 1, "Display") == [1]
    assert choose_rows(rows_of(["a", "b", "c"]), ["c", "a"], None, "Display") == [2, 0]
    assert choose_rows(rows_of(["a", "b", "c"]), np.array(["c"]), None, "Display") == [2]
    assert choose_rows(rows_of(["a", "b", "c"]), None, range(2), "Display") == [0, 1]
    assert choose_rows(rows_of(["abc", "b"]), "abc", None, "Display") == [0]
    with pytest.raises(ValueError, match=r"rows= takes labels of rows, and position= their positions. Pass one"):
        choose_rows(rows_of(), [0], [0], "Display")


def test_ranks_of_features():
    sizes = np.array([1.0, 3.0, 2.0, 3.0])
    # Of equal sizes, the first comes first.
    assert [each.tolist() for each in rank_features(sizes, None)] == [[1, 3, 2, 0], []]
    assert [each.tolist() for each in rank_features(sizes, 2)] == [[1, 3], [2, 0]]
    # A single other one takes no more space than the words for it.
    assert [each.tolist() for each in rank_features(sizes, 3)] == [[1, 3, 2, 0], []]
    with pytest.raises(ValueError, match="max_features == 0"):
        rank_features(sizes, 0)


def test_rows_and_columns_of_arrays_and_frames():
    array = np.arange(6).reshape(3, 2)
    frame = pd.DataFrame(array, index=[5, 6, 7], columns=["a", "b"])
    for values in (array, array.tolist(), frame):
        np.testing.assert_array_equal(take_rows(values, [2, 0]), [[4, 5], [0, 1]])
        np.testing.assert_array_equal(take_column(values, 1), [1, 3, 5])
    assert take_column(frame, 1).name == "b"


def test_many_names_are_shortened():
    assert join_names(np.array(["a", "b"])) == "'a', 'b'"
    assert join_names(range(14)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more"


def test_label_of_the_other_features():
    assert name_others([]) == []
    assert name_others([3, 4]) == ["sum of 2 other features"]
