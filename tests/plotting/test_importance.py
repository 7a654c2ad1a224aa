import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.plotting import ImportanceDisplay


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_largest_on_top():
    display = ImportanceDisplay([1.0, 3.0, 2.0], ["a", "b", "c"], spread=[0.1, 4.0, 0.1]).plot(max_features=2)
    assert labels(display) == ["c", "b"]
    assert [bar.get_width() for bar in display.ax_.patches] == [2.0, 3.0]
    assert display.figure_ is display.ax_.figure


def test_from_explanation():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    explanation = DeepLiftExplainer(model).fit(rows).explain(rows)
    display = ImportanceDisplay.from_explanation(explanation, max_features=3)
    assert len(labels(display)) == 3
    assert display.ax_.patches[-1].get_width() == np.abs(explanation.contributions).mean(0).max()


def test_given_axes_are_used():
    ax = Figure().add_subplot()
    assert ImportanceDisplay([1.0], ["a"]).plot(ax=ax).ax_ is ax


def test_images_have_no_bars():
    with pytest.raises(ValueError, match="of a table"):
        ImportanceDisplay.from_explanation(Explanation(contributions=np.zeros((2, 3, 3)), feature_names=None))


def test_all_targets_are_averaged():
    contributions = np.array([[[1.0, 3.0], [0.0, 0.0]], [[-1.0, -3.0], [0.5, 0.5]]])
    explanation = Explanation(contributions=contributions, feature_names=np.array(["a", "b"]))
    display = ImportanceDisplay.from_explanation(explanation)
    np.testing.assert_allclose(display.importances, [2.0, 0.25])
