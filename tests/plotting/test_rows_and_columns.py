import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.rows_and_columns import (
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


def test_choice_of_a_row():
    assert choose_row(1, None, "Display") == 0
    assert choose_row(3, -1, "Display") == 2
    with pytest.raises(ValueError, match="draws one row, and the explanation has 3"):
        choose_row(3, None, "Display")
    with pytest.raises(ValueError, match="row=3 is none"):
        choose_row(3, 3, "Display")
    with pytest.raises(TypeError, match=r"as an int. Got 'a'"):
        choose_row(3, "a", "Display")


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


def test_choice_of_rows():
    assert choose_rows(9, None, "Display") == [0, 1, 2, 3, 4]
    assert choose_rows(2, None, "Display") == [0, 1]
    assert choose_rows(3, -1, "Display") == [2]
    assert choose_rows(3, [1, 0], "Display") == [1, 0]


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
