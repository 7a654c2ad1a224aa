import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.partition import Partition, partition_by_axes, partition_by_groups

COLUMNS = list("abcd")


def labels_of(groups, shape=(4,), columns=COLUMNS):
    [parts] = partition_by_groups(groups, [shape], ["table"], columns)
    return parts.labels.tolist(), parts.number


@pytest.mark.parametrize(
    "groups",
    [
        {"outer": ["a", "d"], "inner": ["b", "c"]},
        {"outer": ("a", 3), "inner": np.array([1, 2])},
        {"outer": [0, np.int64(3)], "inner": ["b", 2]},
    ],
)
def test_groups_of_columns(groups):
    assert labels_of(groups) == ([0, 1, 1, 0], 2)


def test_one_column_may_stand_for_itself():
    assert labels_of({"first": "a", "second": 1, "rest": ["c", "d"]}) == ([0, 1, 2, 2], 3)


@pytest.mark.parametrize("labels", [["x", "y", "y", "x"], [3, 7, 7, 3], np.array([0.5, 1, 1, 0.5]), (1, "b", "b", 1)])
def test_labels_of_columns(labels):
    got, number = labels_of(labels)
    assert number == 2
    assert got[0] == got[3] != got[1] == got[2]


def test_labels_of_pixels():
    labels = np.array([[5, 5], [9, 7]])
    got, number = labels_of(labels, (2, 2))
    assert number == 3
    assert got == [[0, 0], [2, 1]]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"outer": ["a", "d"], "inner": ["b"]}, r"leaves out the columns \['c'\]"),
        ({"outer": ["a", "d"], "inner": ["b", "c", "d"]}, r"the column 'd' twice, in the groups 'outer' and 'inner'"),
        ({"all": [0, 1, 2, 3, 0]}, r"the column 0 twice, in the groups 'all' and 'all'"),
        ({"all": ["a", "b", "c", "x"]}, r"the column 'x' in the group 'all'; columns are 'a', 'b', 'c', 'd'"),
        ({"all": [0, 1, 2, 4]}, r"the column 4 in the group 'all'.* positions go from 0 to 3"),
        ({"all": [0, 1, 2, -1]}, r"the column -1 in the group"),
        ({"all": [0, 1, 2, True]}, r"the column True in the group"),
        ({"all": list("abcd"), "none": []}, r"no column in the group 'none'"),
        ({}, r"leaves out the columns \['a', 'b', 'c', 'd'\]"),
        (["x", "y", "y"], r"one label for each column, in the shape \(4,\) .* Got shape \(3,\)"),
        ([1, 2, np.nan, 1], r"Some labels are NaN"),
        ([[1, 2], [3]], r"groups= as an array needs one label for each column"),
    ],
)
def test_groups_that_do_not_fit(groups, message):
    with pytest.raises(ValueError, match=message):
        labels_of(groups)


def test_names_need_a_table_with_names():
    with pytest.raises(ValueError, match=r"the column 'a' in the group 'all'; columns of this table have no names"):
        labels_of({"all": ["a"]}, columns=None)
    with pytest.raises(
        ValueError, match=r"groups= as a dict takes the columns of a table, and a row of 'table' has shape"
    ):
        labels_of({"all": [0]}, (2, 2))


def test_positions_along_axes():
    [image, numbers] = partition_by_axes([(1, 2), None], [(2, 2, 3), (2,)], ["image", "numbers"])
    np.testing.assert_array_equal(image.labels, np.repeat([[[0], [1]], [[2], [3]]], 3, 2))
    np.testing.assert_array_equal(numbers.labels, [4, 5])
    assert image.number == numbers.number == 6
    [whole, rows] = partition_by_axes([(), -2], [(2, 2), (3, 2)], ["a", "b"])
    assert whole.labels.tolist() == [[0, 0], [0, 0]]
    assert rows.labels.tolist() == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (0, r"different axes of 'image' from 1 to 2, counted with that of the rows. Got 0"),
        (3, "Got 3"),
        ((1, 1), "different axes"),
        ((1, -2), "different axes"),
        ((1.0,), "axes as whole numbers for 'image'"),
        ("rows", "axes as whole numbers"),
        (True, "axes as whole numbers"),
    ],
)
def test_axes_that_are_not_there(axes, message):
    with pytest.raises(ValueError, match=message):
        partition_by_axes([axes], [(2, 3)], ["image"])


def test_values_are_shared_out_over_elements():
    """A part of two elements here and one elsewhere gives each a third."""
    parts = Partition(np.array([1, 0, 1]), 2)
    np.testing.assert_array_equal(parts.sizes, [1, 2])
    np.testing.assert_allclose(parts.share_out(tf.constant([[4.0, 6.0]])), [[3, 4, 3]])
    np.testing.assert_allclose(parts.share_out(tf.constant([[4.0, 6.0]]), np.array([1, 3])), [[2, 4, 2]])
    np.testing.assert_array_equal(parts.find_covered(tf.range(-1, 2)), [[0, 0, 0], [0, 1, 0], [1, 0, 1]])
