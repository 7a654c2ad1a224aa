import numpy as np
import pytest

from skdeeplift.plotting import HeatmapDisplay, heatmap
from skdeeplift.plotting.heatmap import order_rows
from tests.plotting.explanations import of_classes, of_rows, table


def cells(display):
    """Return the drawn contribution of each feature and row, all of whose parts are equal."""
    [image] = display.ax_.images
    parts = np.asarray(image.get_array()).reshape(-1, heatmap.REPEATS, len(display.order_))
    assert (parts == parts[:, :1]).all()
    assert image.get_extent() == [-0.5, len(display.order_) - 0.5, len(parts) - 0.5, -0.5]
    return parts[:, 0]


def test_a_line_for_each_feature_and_a_column_for_each_row():
    display = HeatmapDisplay.from_explanation(table(), order="given", percentile=100)
    np.testing.assert_array_equal(cells(display), table().contributions[:, [1, 0, 2]].T)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "a", "c"]
    assert display.ax_.images[0].get_clim() == (-3, 3)
    [above] = display.ax_.child_axes
    assert above.lines[0].get_ydata().tolist() == [-1, 3]
    assert display.ax_.get_xlabel() == "rows, ordered by position"
    assert display.figure_.axes[1].get_ylabel() == "contribution to the output"


def test_the_last_line_is_the_sum_of_the_others():
    display = HeatmapDisplay.from_explanation(table(), max_features=1, order=[1, 0])
    np.testing.assert_array_equal(cells(display), [[1, -3], [1.5, 1.5]])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "sum of 2 other features"]


def test_orders():
    contributions = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, -1.0]])
    assert order_rows(contributions, np.array([2.0, 1.0, 3.0]), "prediction").tolist() == [1, 0, 2]
    assert order_rows(contributions, None, "sum").tolist() == [2, 1, 0]
    assert order_rows(contributions, None, "given").tolist() == [0, 1, 2]
    assert order_rows(contributions, None, [2, 0, 1]).tolist() == [2, 0, 1]
    for wrong in ([0, 1], [0, 1, 1], [0, 1, 3]):
        with pytest.raises(ValueError, match="order= as an array holds each position from 0 to 2 once"):
            order_rows(contributions, None, wrong)
    with pytest.raises(ValueError, match="order= takes 'clustering', 'prediction', 'sum', 'given', or an array"):
        order_rows(contributions, None, "random")
    with pytest.raises(ValueError, match="order='prediction' needs predictions"):
        order_rows(contributions, None, "prediction")


def test_similar_rows_are_next_to_each_other(monkeypatch):
    groups = np.random.default_rng(0).integers(0, 3, 60)
    contributions = np.eye(3)[groups] * 10 + np.random.default_rng(1).normal(size=(60, 3))
    contributions[groups == 2] += 100
    order = order_rows(contributions, None, "clustering")
    assert sorted(order) == list(range(60))
    assert np.count_nonzero(np.diff(groups[order])) == 2
    # From the group with the lowest sums to that with the highest.
    sums = contributions.sum(1)
    means = [sums[groups == group].mean() for group in dict.fromkeys(groups[order])]
    assert means == sorted(means)
    assert groups[order[-1]] == 2
    assert order_rows(contributions[:2], None, "clustering").tolist() == [0, 1]
    monkeypatch.setattr(heatmap, "MOST_CLUSTERED", 50)
    with pytest.raises(ValueError, match=r"there are 60 rows, more than 50\. Pass order='sum'"):
        order_rows(contributions, None, "clustering")


def test_gaps_do_not_hinder_the_order():
    display = HeatmapDisplay([[1.0, np.nan], [2.0, 3.0], [np.inf, 1.0]], ["a", "b"]).plot()
    assert sorted(display.order_) == [0, 1, 2]
    assert not display.ax_.child_axes


def test_targets_are_chosen():
    with pytest.raises(ValueError, match="to one target"):
        HeatmapDisplay.from_explanation(of_classes())
    with pytest.raises(ValueError, match="rows have different targets"):
        HeatmapDisplay.from_explanation(of_rows())


def test_neighbours_do_not_blend_and_cells_without_a_number_are_no_zeros():
    display = HeatmapDisplay([[1.0, np.nan], [-1.0, 0.0]], ["a", "b"]).plot(order="given")
    display.figure_.canvas.draw()
    pixels = np.asarray(display.figure_.canvas.buffer_rgba())
    left, bottom, width, height = map(int, display.ax_.get_window_extent().bounds)
    grid = pixels[len(pixels) - bottom - height : len(pixels) - bottom][8:-8, left + 8 : left + width - 8]
    assert len(np.unique(grid.reshape(-1, 4), axis=0)) <= 5
    blank, zero = grid[-1, 0], grid[-1, -1]
    assert zero[:3].tolist() == [255, 255, 255]
    assert blank[0] < 200


def test_the_line_of_predictions_is_on_the_figure():
    display = HeatmapDisplay(np.eye(10, 3), list("abc"), prediction=np.arange(10.0)).plot()
    display.figure_.canvas.draw()
    [above] = display.ax_.child_axes
    assert above.get_tightbbox().y1 <= display.figure_.bbox.y1
