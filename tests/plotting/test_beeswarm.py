import time

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting import BeeswarmDisplay
from skdeeplift.plotting.beeswarm import swarm
from tests.plotting.explanations import of_classes, of_rows, table


def points(display):
    """Positions (n_rows, n_features, 2) of the points."""
    [scatter] = [each for each in display.ax_.collections if isinstance(each, mpl.collections.PathCollection)]
    return np.asarray(scatter.get_offsets()).reshape(len(display.contributions), -1, 2), scatter


def test_points_are_at_their_contributions():
    display = BeeswarmDisplay.from_explanation(table())
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "a", "c"]
    positions, _ = points(display)
    np.testing.assert_array_equal(positions[..., 0], table().contributions[:, [1, 0, 2]])
    # Each alone at its place, so on its feature's line, and the first feature on top.
    np.testing.assert_array_equal(positions[..., 1], [[0, 1, 2], [0, 1, 2]])
    assert np.diff(display.ax_.get_ylim()) < 0
    assert display.ax_.get_xlabel() == "contribution to the output"


def test_the_last_swarm_is_the_sum_of_the_others():
    display = BeeswarmDisplay.from_explanation(table(), max_features=1)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "sum of 2 other features"]
    positions, scatter = points(display)
    np.testing.assert_array_equal(positions[:, 1, 0], [1.5, 1.5])
    # A sum has no value, so it is gray, which needs no words.
    assert np.ptp(scatter.get_facecolors().reshape(2, 2, 4)[:, 1, :3]) < 1e-6
    assert display.figure_.axes[1].get_ylabel() == "value of the feature"


def test_colors_tell_values():
    values = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"], "c": [5.0, np.nan, 4.0]})
    display = BeeswarmDisplay([[3.0, 2.0, 1.0]] * 3, ["a", "b", "c"], values=values).plot()
    _, scatter = points(display)
    # Row by row, the largest feature first.
    a, b, c = np.moveaxis(scatter.get_facecolors().reshape(3, 3, 4), 1, 0)
    bar = display.figure_.axes[1]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["low", "high"]
    [mesh] = [each for each in bar.collections if isinstance(each, mpl.collections.QuadMesh)]
    low, high = (mesh.cmap(level) for level in (0.0, 1.0))
    np.testing.assert_allclose(a[[0, 2]], [low, high])
    np.testing.assert_allclose(c[[2, 0]], [low, high])
    # What is no number is gray.
    for color in [*b, c[1]]:
        assert np.ptp(color[:3]) < 1e-6
    assert bar.get_ylabel() == "value of the feature\n(gray: missing or no number)"


def test_layers_units_have_no_colorbar():
    display = BeeswarmDisplay.from_explanation(table(X=None))
    assert len(display.figure_.axes) == 1


def test_swarm_by_hand():
    # Three at 0 and one far away; ranks 0, 1, 2 go to the line, above it and below it.
    offsets = swarm(np.array([[0.0], [0.0], [0.0], [5.0]]))
    np.testing.assert_allclose(offsets[:, 0], [0, 0.1, -0.1, 0])


def test_thick_swarms_stay_within_their_line():
    offsets = swarm(np.zeros((1001, 2)))
    assert np.abs(offsets).max() == pytest.approx(0.42, rel=2e-3)
    # No two of a feature at one place.
    assert len(np.unique(offsets[:, 0])) == 1001
    np.testing.assert_allclose(offsets[:, 0].mean(), 0, atol=1e-3)


def test_features_do_not_push_each_other():
    contributions = np.random.default_rng(0).normal(size=(200, 3))
    together = swarm(contributions)
    limits = np.array([[contributions.min()], [contributions.max()]])
    for feature in range(3):
        # The range of all is that of the one, by two points more.
        alone = swarm(np.concatenate([contributions[:, [feature]], limits]))[:-2, 0]
        np.testing.assert_array_equal(np.sign(together[:, feature]), np.sign(alone))


def test_many_rows_are_fast():
    contributions = np.random.default_rng(0).normal(size=(100_000, 10))
    begin = time.perf_counter()
    swarm(contributions)
    assert time.perf_counter() - begin < 3


def test_targets_must_be_chosen():
    with pytest.raises(ValueError, match="BeeswarmDisplay draws contributions to one target"):
        BeeswarmDisplay.from_explanation(of_classes())
    display = BeeswarmDisplay.from_explanation(of_classes(), target="cat")
    assert display.ax_.get_xlabel() == "contribution to cat"


def test_rows_with_different_targets_are_not_mixed():
    with pytest.raises(ValueError, match=r"rows have different targets.*Pass target=, one of 4, 7"):
        BeeswarmDisplay.from_explanation(of_rows())
    display = BeeswarmDisplay.from_explanation(of_rows(), target=7)
    assert len(display.contributions) == 1
    assert display.ax_.get_xlabel() == "contribution to output 7"


def test_the_sides_of_two_classes_are_named():
    two = table(target_unit="log-odds", n_outputs=1, class_names=np.array(["benign", "malignant"]))
    label = BeeswarmDisplay.from_explanation(two).ax_.get_xlabel()
    assert label.split("\n")[0] == "contribution to log-odds of malignant"
    assert label.split("\n")[1].split() == ["←", "more", "benign", "more", "malignant", "→"]
