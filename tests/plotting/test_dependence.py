import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting import DependenceDisplay
from tests.plotting.explanations import of_classes, of_rows, table


def test_values_against_contributions():
    display = DependenceDisplay.from_explanation(table(), "b")
    [points] = display.ax_.collections
    np.testing.assert_array_equal(points.get_offsets(), [[20, -3], [21, 1]])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("b", "contribution to the output")
    # By position, too.
    np.testing.assert_array_equal(DependenceDisplay.from_explanation(table(), 1).values, [20, 21])


def test_another_feature_colors():
    display = DependenceDisplay.from_explanation(table(), "b", color_by="c")
    points = display.ax_.collections[-1]
    np.testing.assert_array_equal(points.get_array(), [30, 31])
    assert display.figure_.axes[1].get_ylabel() == "c"


def test_categories_stand_side_by_side():
    values = pd.Series(pd.Categorical(["no", "yes", "no"], categories=["yes", "no"]))
    display = DependenceDisplay(values, [1.0, 2.0, 3.0], "smoker").plot()
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["yes", "no"]
    positions = display.ax_.collections[0].get_offsets()
    np.testing.assert_array_equal(np.round(positions[:, 0]), [1, 0, 1])
    np.testing.assert_array_equal(positions[:, 1], [1, 2, 3])


def test_names_of_categories_do_not_touch():
    names = [f"a long category {number}" for number in range(8)]
    display = DependenceDisplay(names, range(8), "kind").plot()
    display.figure_.draw_without_rendering()
    labels = display.ax_.get_xticklabels()
    assert [label.get_text() for label in labels] == names
    assert {label.get_rotation() for label in labels} == {40}
    few = DependenceDisplay(["yes", "no"], [0, 1], "kind").plot()
    assert {label.get_rotation() for label in few.ax_.get_xticklabels()} == {0}


def test_colors_of_categories_have_a_legend():
    display = DependenceDisplay([1, 2, 3], [1, 2, 3], "age", color_values=["x", "y", "x"], color_name="group").plot()
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "group"
    assert [text.get_text() for text in legend.get_texts()] == ["x", "y"]
    of_x, of_y = display.ax_.collections[1:]
    assert (len(of_x.get_offsets()), len(of_y.get_offsets())) == (2, 1)


def test_missing_colors_are_gray():
    display = DependenceDisplay([1, 2, 3], [1, 2, 3], "a", color_values=[1.0, np.nan, 3.0], color_name="b").plot()
    gray, colored = display.ax_.collections
    np.testing.assert_array_equal(gray.get_offsets(), [[2, 2]])
    assert np.ptp(gray.get_facecolor()[0, :3]) < 1e-6
    np.testing.assert_array_equal(colored.get_array(), [1, 3])
    assert display.figure_.axes[1].get_ylabel() == "b\n(gray: missing)"


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="feature='z' is no feature"):
        DependenceDisplay.from_explanation(table(), "z")
    with pytest.raises(ValueError, match="a layer's units have none"):
        DependenceDisplay.from_explanation(table(X=None), "a")
    with pytest.raises(ValueError, match="to one target"):
        DependenceDisplay.from_explanation(of_classes(), "a")


def test_rows_without_a_value_are_beside_the_others():
    display = DependenceDisplay([2000.0, np.nan, 2010.0, np.nan], [1.0, 2.0, 3.0, 4.0], "year").plot()
    positions = np.asarray(display.ax_.collections[0].get_offsets())
    assert positions[[0, 2], 0].tolist() == [2000, 2010]
    assert (positions[[1, 3], 0] < 2000).all()
    assert positions[:, 1].tolist() == [1, 2, 3, 4]
    assert [text.get_text() for text in display.ax_.texts] == ["missing"]
    display.figure_.draw_without_rendering()
    assert {"2000", "2010"} <= {label.get_text() for label in display.ax_.get_xticklabels()}


def test_dates_are_on_an_axis_of_dates():
    dates = pd.Series(pd.to_datetime(["2019-05-01", None, "2023-05-01"]))
    display = DependenceDisplay(dates, [1, 2, 3], "joined", color_values=dates, color_name="joined").plot()
    display.figure_.draw_without_rendering()
    for axis in (display.ax_.xaxis, display.figure_.axes[1].yaxis):
        assert {"2020", "2022"} <= {label.get_text() for label in axis.get_ticklabels()}
    assert [text.get_text() for text in display.ax_.texts] == ["missing"]


def test_missing_categories_come_last():
    values = pd.Series(["yes", None, "no", np.nan], dtype=object)
    display = DependenceDisplay([1, 2, 3, 4], [1, 2, 3, 4], "a", color_values=values, color_name="smoker").plot()
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["no", "yes", "missing"]
    assert np.ptp(display.ax_.collections[-1].get_facecolor()[0, :3]) < 1e-6
    display = DependenceDisplay(values, [1, 2, 3, 4], "smoker").plot()
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["no", "yes", "missing"]


def test_rows_with_different_targets_are_not_mixed():
    with pytest.raises(ValueError, match="rows have different targets"):
        DependenceDisplay.from_explanation(of_rows(), "a")


def test_dates_are_dates():
    dates = pd.Series(pd.to_datetime(["2020-03-01", "2020-05-01", None]))
    display = DependenceDisplay(dates, [1, 2, 3], "sold", color_values=dates, color_name="sold").plot()
    display.figure_.draw_without_rendering()
    assert [text.get_text() for text in display.ax_.texts] == ["missing"]
    for axis in (display.ax_.xaxis, display.figure_.axes[1].yaxis):
        assert "Apr" in {label.get_text() for label in axis.get_ticklabels()}
