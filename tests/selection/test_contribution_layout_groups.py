import numpy as np
import pytest

from skdeeplift.selection.contribution_layout import find_group_labels


def test_a_name_goes_before_a_position():
    """Columns may be called by numbers, which are not their positions."""
    assert find_group_labels({1: "first", 0: "second"}, [1, 0]) == ["first", "second"]
    assert find_group_labels({"a": [1], "b": [0]}, [1, 0]) == ["a", "b"]


def test_labels_may_be_tuples():
    labels = [("a", "b"), ("a", "b"), "c"]
    assert find_group_labels(labels, ["x", "y", "z"]) == labels
    assert find_group_labels({("a", "b"): ["x", "y"], "c": "z"}, ["x", "y", "z"]) == labels


def test_labels_of_an_array_are_plain():
    labels = find_group_labels(np.array([[0, 1], [1, 0]]), None, (2, 2))
    assert labels == [0, 1, 1, 0]
    assert {type(label) for label in labels} == {int}


def test_an_error_does_not_list_a_thousand_columns():
    names = [f"x{position}" for position in range(1000)]
    with pytest.raises(
        ValueError, match=r"misses 'x1', .*'x10' and 989 more\. Give a column that stands alone"
    ) as raised:
        find_group_labels({"a": ["x0"]}, names)
    assert len(str(raised.value)) < 300
