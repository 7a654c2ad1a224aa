import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.plotting import ImportanceDisplay
from tests.plotting.explanations import of_classes, of_inputs, of_rows, table


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def widths(display):
    return [bar.get_width() for bar in display.ax_.patches]


def test_largest_on_top():
    display = ImportanceDisplay([1.0, 3.0, 2.0, 1.5], ["a", "b", "c", "d"]).plot(max_features=2)
    assert labels(display) == ["b", "c", "sum of 2 other features"]
    assert widths(display) == [3.0, 2.0, 2.5]
    assert display.figure_ is display.ax_.figure
    # From top to bottom.
    assert np.diff(display.ax_.get_ylim()) < 0
    # The sum is no rank among the others.
    first, second, others = [bar.get_facecolor() for bar in display.ax_.patches]
    assert first == second != others
    # A single other one is named.
    assert labels(ImportanceDisplay([1.0, 3.0, 2.0], ["a", "b", "c"]).plot(max_features=2)) == ["b", "c", "a"]


def test_numbers_are_at_the_ends_and_within_the_axes():
    display = ImportanceDisplay([2007.4, 0.5199, 123456.0], ["a", "b", "c"], spread=[1.0, 2.0, 3000.0]).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["123456", "2007", "0.52"]
    # Behind the whiskers.
    assert [text.xy[0] for text in display.ax_.texts] == [126456, pytest.approx(2008.4), pytest.approx(2.5199)]
    display.figure_.draw_without_rendering()
    right = display.ax_.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= right for text in display.ax_.texts)


def test_whiskers_tell_the_spread_and_do_not_cross_zero():
    display = ImportanceDisplay([1.0, 3.0], ["a", "b"], spread=[0.25, 4.0]).plot()
    lines = [collection for collection in display.ax_.collections if hasattr(collection, "get_segments")]
    ends = [sorted(segment[:, 0]) for line in lines for segment in line.get_segments()]
    np.testing.assert_allclose(ends, [[0.0, 7.0], [0.75, 1.25]])
    assert display.ax_.get_xlabel().endswith("\n(whiskers: SD over rows)")


def test_bars_are_means_of_the_explanation():
    display = ImportanceDisplay.from_explanation(table())
    # Means of |1|, |2|; of |-3|, |1|; of |0.5|, |-0.5|.
    assert display.importances.tolist() == [1.5, 2.0, 0.5]
    assert labels(display) == ["b", "a", "c"]
    assert display.ax_.get_xlabel() == "mean absolute contribution to the output"
    # Whiskers only on request.
    assert display.spread is None
    assert not display.ax_.collections
    assert ImportanceDisplay.from_explanation(table(), spread=True).spread.tolist() == [0.5, 1.0, 0.0]


def test_bars_of_an_explainer_are_its_importances():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(rows)
    display = ImportanceDisplay.from_explainer(explainer, rows, max_features=3)
    assert len(labels(display)) == 4
    np.testing.assert_allclose(widths(display)[0], explainer.feature_importances_.max(), rtol=1e-6)


def test_given_axes_are_used():
    ax = Figure().add_subplot()
    display = ImportanceDisplay([1.0], ["a"]).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    with pytest.raises(TypeError, match=r"ax= takes matplotlib Axes.*Got int"):
        ImportanceDisplay([1.0], ["a"]).plot(ax=3)


def test_images_have_no_bars():
    with pytest.raises(ValueError, match="of a table"):
        ImportanceDisplay.from_explanation(Explanation(contributions=np.zeros((2, 3, 3)), feature_names=None))


def test_all_targets_are_averaged_unless_one_is_chosen():
    display = ImportanceDisplay.from_explanation(of_classes(target_unit="logit"))
    np.testing.assert_allclose(display.importances, [1.125, 1.5, 0.375])
    assert display.ax_.get_xlabel() == "mean absolute contribution to logits, mean over 2 classes"
    display = ImportanceDisplay.from_explanation(of_classes(), target="dog")
    np.testing.assert_allclose(display.importances, [0.75, 1.0, 0.25])
    assert "contribution to dog" in display.ax_.get_xlabel()


def test_classes_behind_each_other():
    display = ImportanceDisplay.from_explanation(of_classes(), by_class=True)
    np.testing.assert_allclose(display.importances, [[1.5, 0.75], [2.0, 1.0], [0.5, 0.25]])
    first, second = display.ax_.containers[:2]
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in first], [bar.get_x() for bar in second])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in second], [3.0, 2.25, 0.75])
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["cat", "dog"]
    assert first[0].get_facecolor() != second[0].get_facecolor()


def test_rows_targets_make_up_the_mean():
    display = ImportanceDisplay.from_explanation(of_rows(), by_class=True)
    np.testing.assert_allclose(display.importances, [[0.5, 1.0], [1.5, 0.5], [0.25, 0.25]])
    assert display.class_names == ["output 4", "output 7"]
    assert display.ax_.get_xlabel() == "mean absolute contribution to each row's target"
    with pytest.raises(ValueError, match="by_class=True tells several targets apart, and the explanation has one"):
        ImportanceDisplay.from_explanation(table(), by_class=True)
    with pytest.raises(ValueError, match="target= chooses one"):
        ImportanceDisplay.from_explanation(of_classes(), target="dog", by_class=True)


def test_many_classes_have_different_colors():
    display = ImportanceDisplay(np.ones((2, 12)), ["a", "b"], class_names=list("abcdefghijkl")).plot()
    assert len({container[0].get_facecolor() for container in display.ax_.containers}) == 12


def test_inputs_are_chosen():
    with pytest.raises(ValueError, match="or another of 'left', 'right'"):
        ImportanceDisplay.from_explanation(of_inputs())
    np.testing.assert_allclose(ImportanceDisplay.from_explanation(of_inputs(), part="right").importances, [3, 4, 1])


def test_max_features_is_a_positive_integer():
    with pytest.raises(ValueError, match="max_features == 0"):
        ImportanceDisplay.from_explanation(table(), max_features=0)


def test_a_feature_without_a_number_has_no_bar():
    display = ImportanceDisplay([1.0, np.nan], ["a", "b"]).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["1", "missing"]
    display.figure_.draw_without_rendering()


def test_no_feature_has_a_number():
    display = ImportanceDisplay([np.nan, np.inf], ["a", "b"]).plot()
    assert {text.get_text() for text in display.ax_.texts} == {"missing", "inf"}
    assert all(np.isfinite(text.xy).all() for text in display.ax_.texts)
