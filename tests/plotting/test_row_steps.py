import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.row_steps import name_features, steps_to_prediction, take_row
from tests.plotting.explanations import of_inputs, of_rows, table


def test_largest_first_and_the_others_together():
    names, changes = steps_to_prediction([1.0, -3.0, 0.5, 0.25], 0.5, -0.75, list("abcd"), 2)
    assert names == ["b", "a", "sum of 2 other features"]
    assert changes.tolist() == [-3, 1, 0.75]


def test_a_difference_from_the_prediction_is_a_step():
    names, changes = steps_to_prediction([1.0, 2.0], 0.0, 4.0, ["a", "b"], None)
    assert (names, changes.tolist()) == (["b", "a", "not explained"], [2, 1, 1])
    # Rounding is not.
    assert steps_to_prediction([1.0, 2.0], 0.0, 3.0001, ["a", "b"], None)[0] == ["b", "a"]


def test_names_with_values():
    values = [np.float32(0.1), 2007.0, pd.NA, "x", True]
    assert name_features(list("abcde"), values) == ["a = 0.1", "b = 2007", "c = missing", "d = x", "e = True"]
    assert name_features(np.array(["a", 3], dtype=object)) == ["a", "3"]


def test_one_row_of_an_explanation():
    choice = {"row": 1, "target": None, "part": None}
    (contributions, reference_value, prediction, names), values, text = take_row(of_rows(), "Display", **choice)
    assert contributions.tolist() == [2, 1, -0.5]
    assert (reference_value, prediction, names.tolist(), values) == (0.5, 3.0, ["a", "b", "c"], [11, 21, 31])
    assert text.quantity == "output 7"
    with pytest.raises(ValueError, match="Display starts at the target's value at the reference"):
        take_row(table(reference_value=None), "Display", **choice)


def test_other_inputs_are_a_step():
    """The other input contributes twice as much."""
    arguments, values, _ = take_row(of_inputs(), "Display", position=0, part="left")
    assert name_features(arguments[3], values)[-1] == "other inputs"
    np.testing.assert_array_equal(arguments[0], [1, -3, 0.5, -3])
    both = of_inputs()
    both.update(
        contributions={name: np.stack([each, -each], -1) for name, each in both.contributions.items()},
        prediction=np.zeros((2, 2)),
        reference_value=np.zeros((2, 2)),
    )
    assert take_row(both, "Display", position=0, part="left", target=1)[0][0][-1] == 3


def test_columns_left_out_are_a_step():
    """Of the first row, 1 and -3 of 1, -3 and 0.5 are left out; nothing is unexplained."""
    arguments, values, _ = take_row(table()[["c"]], "Display", position=0)
    names = name_features(arguments[3], values)
    assert names == ["c = 30", "columns left out"]
    steps, changes = steps_to_prediction(*arguments[:3], names, None)
    assert steps == ["columns left out", "c = 30"]
    np.testing.assert_array_equal(changes, [-2, 0.5])
    assert [label.get_text() for label in table()[["c"]].plot.waterfall(position=0).ax_.get_yticklabels()][1:3] == steps


def test_steps_need_numbers():
    with pytest.raises(ValueError, match=r"These are not finite: 'prediction', 'b'\. Replace missing"):
        steps_to_prediction([1.0, np.nan], 0.0, np.nan, ["a", "b"], None)
