import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting import WaterfallDisplay
from tests.plotting.explanations import of_classes, of_rows, table


def names(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def bars(display):
    """Return the start and the length of each bar, from top to bottom."""
    return [(bar.get_x(), bar.get_width()) for bar in display.ax_.patches]


def test_bars_lead_from_reference_to_prediction():
    display = WaterfallDisplay.from_explanation(table(), row=0)
    assert names(display) == ["reference", "b = 20", "a = 10", "c = 30", "prediction"]
    # 0.5 - 3 + 1 + 0.5 = -1
    assert bars(display) == [(0.5, -3.0), (-2.5, 1.0), (-1.5, 0.5)]
    assert [text.get_text() for text in display.ax_.texts] == ["0.5", "−3", "+1", "+0.5", "−1"]
    assert [text.xy[0] for text in display.ax_.texts] == [0.5, -2.5, -1.5, -1.0, -1.0]
    dots = display.ax_.lines[-1]
    assert dots.get_xdata().tolist() == [0.5, -1.0]
    # From top to bottom.
    assert np.diff(display.ax_.get_ylim()) < 0
    assert display.ax_.get_xlabel() == "output"


def test_signs_have_colors():
    display = WaterfallDisplay.from_explanation(table(), row=0)
    colors = [bar.get_facecolor() for bar in display.ax_.patches]
    assert colors[1] == colors[2] != colors[0]
    assert colors[0][2] > colors[0][0]  # blue below
    assert colors[1][0] > colors[1][2]  # red above


def test_others_make_one_bar():
    display = WaterfallDisplay.from_explanation(table(), row=0, max_features=1)
    assert names(display) == ["reference", "b = 20", "sum of 2 other features", "prediction"]
    assert bars(display) == [(0.5, -3.0), (-2.5, 1.5)]
    # A single other one is named.
    assert "c = 30" in names(WaterfallDisplay.from_explanation(table(), row=0, max_features=2))


def test_what_does_not_add_up_is_shown():
    display = WaterfallDisplay([1.0, 2.0], 0.0, 4.0, ["a", "b"]).plot()
    assert names(display) == ["reference", "b", "a", "not explained", "prediction"]
    assert bars(display)[-1] == (3.0, 1.0)
    # Rounding is not.
    assert "not explained" not in names(WaterfallDisplay([1.0, 2.0], 0.0, 3.0001, ["a", "b"]).plot())


def test_labels_lie_within_the_axes():
    display = WaterfallDisplay([-123456.0, 5.0], 0.0, -123451.0, ["a long name", "b"], values=[1e9, "x"]).plot()
    display.figure_.draw_without_rendering()
    left = display.ax_.get_window_extent().x0
    assert all(text.get_window_extent().x0 >= left for text in display.ax_.texts)
    assert names(display)[1:3] == ["a long name = 1e+09", "b = x"]


def test_rows_and_targets_are_chosen():
    with pytest.raises(ValueError, match="draws one row, and the explanation has 2"):
        WaterfallDisplay.from_explanation(table())
    with pytest.raises(ValueError, match="to one target"):
        WaterfallDisplay.from_explanation(of_classes(), row=0)
    display = WaterfallDisplay.from_explanation(of_classes(), row=0, target="dog")
    assert bars(display)[0] == (-0.25, 1.5)
    assert display.ax_.get_xlabel() == "dog"
    # Of the rows of this target there is one.
    assert bars(WaterfallDisplay.from_explanation(of_rows(), target=7))[0] == (0.5, 2.0)


def test_values_of_a_frame():
    X = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [True, False]})
    assert names(WaterfallDisplay.from_explanation(table(X=X), row=1))[1:4] == ["a = 2", "b = y", "c = False"]


def test_values_are_written_as_people_do():
    X = pd.DataFrame({"rate": np.float32([0.1, 0.1]), "year": [2006, 2007], "fuel": pd.Categorical(["a", None])})
    named = names(WaterfallDisplay.from_explanation(table(X=X, feature_names=list(X)), row=1))
    assert named[1:4] == ["rate = 0.1", "year = 2007", "fuel = missing"]
    X = pd.DataFrame({"rate": [0.5, None], "day": pd.to_datetime(["2020-01-01", None]), "n": pd.array([1, None])})
    named = names(WaterfallDisplay.from_explanation(table(X=X, feature_names=list(X)), row=1))
    assert named[1:4] == ["rate = missing", "day = missing", "n = missing"]


def test_a_row_with_a_target_of_its_own_names_it():
    explanation = of_rows()
    explanation.update(target_unit="logit")
    assert WaterfallDisplay.from_explanation(explanation, row=1).ax_.get_xlabel() == "logit of class 7"


def test_methods_without_reference_have_none():
    with pytest.raises(ValueError, match="starts at the target's value at the reference, and the explanation has none"):
        WaterfallDisplay.from_explanation(table(reference_value=None), row=0)
