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
    display = ImportanceDisplay([1.0, 3.0, 2.0], ["a", "b", "c"], spread=[0.1, 4.0, 0.1]).plot(max_features=2)
    assert labels(display) == ["c", "b"]
    assert widths(display) == [2.0, 3.0]
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel().endswith("\n1 more feature has 1")
    low, high = display.ax_.get_ylim()
    assert low < 0 < 1 < high


def test_lines_tell_the_spread_and_do_not_cross_zero():
    display = ImportanceDisplay([1.0, 3.0], ["a", "b"], spread=[0.25, 4.0]).plot()
    lines = [collection for collection in display.ax_.collections if hasattr(collection, "get_segments")]
    ends = [sorted(segment[:, 0]) for line in lines for segment in line.get_segments()]
    np.testing.assert_allclose(ends, [[0.75, 1.25], [0.0, 7.0]])


def test_from_explanation():
    display = ImportanceDisplay.from_explanation(table())
    # Means of |1|, |2|; of |-3|, |1|; of |0.5|, |-0.5|.
    assert display.importances.tolist() == [1.5, 2.0, 0.5]
    assert display.spread.tolist() == [0.5, 1.0, 0.0]
    assert labels(display) == ["c", "a", "b"]
    assert display.ax_.get_xlabel() == "mean absolute contribution (line: spread over rows)"


def test_from_explainer():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(rows)
    display = ImportanceDisplay.from_explainer(explainer, rows, max_features=3)
    assert len(labels(display)) == 3
    np.testing.assert_allclose(widths(display)[-1], explainer.feature_importances_.max(), rtol=1e-6)


def test_given_axes_are_used():
    ax = Figure().add_subplot()
    display = ImportanceDisplay([1.0], ["a"]).plot(ax=ax)
    assert display.ax_ is ax
    # Whoever made the figure shows it.
    assert "<img" not in display._repr_html_()
    assert "<img" in ImportanceDisplay([1.0], ["a"]).plot()._repr_html_()
    with pytest.raises(TypeError, match=r"ax= takes matplotlib Axes.*Got int"):
        ImportanceDisplay([1.0], ["a"]).plot(ax=3)


def test_images_have_no_bars():
    with pytest.raises(ValueError, match="of a table"):
        ImportanceDisplay.from_explanation(Explanation(contributions=np.zeros((2, 3, 3)), feature_names=None))


def test_all_targets_are_averaged_unless_one_is_chosen():
    np.testing.assert_allclose(ImportanceDisplay.from_explanation(of_classes()).importances, [1.125, 1.5, 0.375])
    display = ImportanceDisplay.from_explanation(of_classes(), target="dog")
    np.testing.assert_allclose(display.importances, [0.75, 1.0, 0.25])
    assert "contribution to dog" in display.ax_.get_xlabel()


def test_classes_behind_each_other():
    display = ImportanceDisplay.from_explanation(of_classes(), by_class=True)
    np.testing.assert_allclose(display.importances, [[1.5, 0.75], [2.0, 1.0], [0.5, 0.25]])
    first, second = display.ax_.containers[:2]
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in first], [bar.get_x() for bar in second])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in second], [0.75, 2.25, 3.0])
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["cat", "dog"]
    assert first[0].get_facecolor() != second[0].get_facecolor()


def test_rows_targets_make_up_the_mean():
    display = ImportanceDisplay.from_explanation(of_rows(), by_class=True)
    np.testing.assert_allclose(display.importances, [[0.5, 1.0], [1.5, 0.5], [0.25, 0.25]])
    assert display.class_names == ["4", "7"]
    with pytest.raises(ValueError, match="by_class=True tells several targets apart, and the explanation has one"):
        ImportanceDisplay.from_explanation(table(), by_class=True)
    with pytest.raises(ValueError, match="target= chooses one"):
        ImportanceDisplay.from_explanation(of_classes(), target="dog", by_class=True)


def test_many_classes_have_different_colors():
    display = ImportanceDisplay(np.ones((2, 12)), ["a", "b"], class_names=list("abcdefghijkl")).plot()
    assert len({container[0].get_facecolor() for container in display.ax_.containers}) == 12


def test_inputs_are_chosen():
    with pytest.raises(ValueError, match="one of 'left', 'right'"):
        ImportanceDisplay.from_explanation(of_inputs())
    np.testing.assert_allclose(ImportanceDisplay.from_explanation(of_inputs(), part="right").importances, [3, 4, 1])


def test_max_features_is_a_positive_integer():
    with pytest.raises(ValueError, match="max_features == 0"):
        ImportanceDisplay.from_explanation(table(), max_features=0)
