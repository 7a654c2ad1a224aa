"""Display of the contributions of many rows as a grid of colours, with the prediction of each row above it."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.plotting.display import Display, hide_spines, robust_limit, write_plain_ticks
from skdeeplift.plotting.explanation_slice import slice_table
from skdeeplift.plotting.rows_and_columns import name_others, rank_features
from skdeeplift.plotting.text_layout import wrap_lines

# Orders of rows, with their labels.
ORDERS = {"clustering": "similarity", "prediction": "prediction", "sum": "sum of contributions", "given": "position"}
# Largest number of rows to cluster, since distances between more rows take gigabytes.
MOST_CLUSTERED = 10_000
# Largest number of rows that are wider than a pixel, so that their colours need no averages.
MOST_SHARP = 300
# Number of equal cells that one cell of the grid is drawn as, from top to bottom.
REPEATS = 24


class HeatmapDisplay(Display):
    """Grid of contributions, with a row for each feature and a column for each row of the table.

    A line above the grid has the prediction of each row. Similar rows are next to each other, so that groups of rows
    with the same reasons show.

    .. versionadded:: 0.1

    Parameters
    ----------
    contributions : array-like of shape (n_rows, n_features)
        Contributions of the rows of a table.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    prediction : array-like of shape (n_rows,), default=None
        The target at each row. None draws no line.
    label : str, default="contribution"
        Label of the colour bar.
    prediction_label : str, default="prediction"
        Label of the line.

    Attributes
    ----------
    order_ : ndarray of int of shape (n_rows,)
        Positions of the rows from left to right, after `plot`.
    limit_ : float
        Absolute contribution at which colours are full, after `plot`.
    ax_ : matplotlib Axes
        Axes with the grid, after `plot`.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    BeeswarmDisplay : Contributions with the values of the features.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import HeatmapDisplay
    >>> display = HeatmapDisplay([[0.1, -1.0], [0.2, 2.0], [0.1, -1.2]], ["age", "height"]).plot(order="sum")
    >>> display.order_
    array([2, 0, 1])
    """

    def __init__(
        self, contributions, feature_names, *, prediction=None, label="contribution", prediction_label="prediction"
    ):
        self.contributions = contributions
        self.feature_names = feature_names
        self.prediction = prediction
        self.label = label
        self.prediction_label = prediction_label

    @classmethod
    def from_explanation(
        cls, explanation, *, order="clustering", target=None, part=None, max_features=10, percentile=99.5, ax=None
    ):
        """Draw the contributions of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table.
        order : {"clustering", "prediction", "sum", "given"} or array-like of int, default="clustering"
            Order of the rows from left to right: similar contributions next to each other, by prediction or by sum of
            contributions from the lowest to the highest, or as they are. An array holds the positions of the rows.
        target : int or str, default=None
            The target to draw; required if there are several. If rows have targets of their own, the rows of this
            target are drawn.
        part : str or int, default=None
            The name, key or position of the input or layer to draw; required if there are several.
        max_features : int, default=10
            Maximum number of features to draw. The last line is the sum of the other features.
        percentile : float, default=99.5
            Percentile of absolute contributions at which colours are full.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : HeatmapDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If there is no such order, if the explanation is not one of a table, if it has several targets, inputs or
            layers and none is chosen, or if rows have different targets.
        """
        chosen = slice_table(explanation, cls.__name__, target=target, part=part)
        label, quantity = chosen.target.with_sides(chosen.target.contribution), chosen.target.quantity
        names = {"label": label, "prediction_label": quantity or "prediction"}
        display = cls(chosen.contributions, chosen.feature_names, prediction=chosen.prediction, **names)
        return display.plot(order=order, max_features=max_features, percentile=percentile, ax=ax)

    def plot(self, *, order="clustering", max_features=None, percentile=99.5, ax=None):
        """Draw the grid.

        Parameters
        ----------
        order : {"clustering", "prediction", "sum", "given"} or array-like of int, default="clustering"
            Order of the rows from left to right.
        max_features : int, default=None
            Maximum number of features to draw; all by default. The last line is the sum of the other features.
        percentile : float, default=99.5
            Percentile of absolute contributions at which colours are full.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : HeatmapDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such order.
        ImportError
            If matplotlib is not installed.
        """
        check_scalar(percentile, "percentile", Real, min_val=0, max_val=100)
        contributions = np.asarray(self.contributions, np.float64)
        prediction = None if self.prediction is None else np.asarray(self.prediction, np.float64)
        self.order_ = order_rows(contributions, prediction, order)
        shown, others = rank_features(np.abs(contributions).mean(0), max_features)
        names = [*(str(self.feature_names[feature]) for feature in shown), *name_others(others)]
        sums = [contributions[:, others].sum(1)] if len(others) else []
        cells = np.column_stack([contributions[:, shown], *sums])[self.order_].T
        self.limit_ = robust_limit(cells, percentile)
        ax, colors = self._start(ax, 8, 1.9 + 0.3 * len(names), names)
        # Cells that are NaN must not look like zeros.
        limits = {"cmap": colors.signed.with_extremes(bad=colors.muted), "vmin": -self.limit_, "vmax": self.limit_}
        # With more rows than pixels, colours of neighbouring cells are averaged. Each cell is drawn as several equal
        # ones, so that only rows are averaged, and not features.
        place = {"aspect": "auto", "extent": (-0.5, cells.shape[1] - 0.5, len(names) - 0.5, -0.5)}
        place["interpolation"] = "nearest" if cells.shape[1] <= MOST_SHARP else "auto"
        grid = ax.imshow(np.repeat(cells, REPEATS, axis=0), **limits, **place)
        ax.set_yticks(range(len(names)), names, parse_math=False)
        word = ORDERS[order] if isinstance(order, str) else "position in order="
        ax.set(xlabel=f"rows, ordered by {word}")
        write_plain_ticks(ax.xaxis, np.arange(cells.shape[1]))
        ax.tick_params(axis="y", length=0)
        ax.spines[:].set_visible(False)
        is_cut = np.abs(np.nan_to_num(cells)).max(initial=0) > self.limit_
        bar = self._add_colorbar(
            grid, ax, label=wrap_lines(self.label, 36), aspect=40, extend="both" if is_cut else "neither"
        )
        write_plain_ticks(bar.ax.yaxis)
        if prediction is not None:
            self._draw_predictions(ax, colors, prediction[self.order_])
            # The line's height follows that of the grid, so its space is known after a first layout.
            self.figure_.draw_without_rendering()
        return self

    def _draw_predictions(self, ax, colors, prediction):
        """Draw the line of predictions above the grid."""
        # The line is as high as two features, but not higher than a third of the grid.
        height = min(2 / len(ax.get_yticks()), 0.33)
        above = ax.inset_axes([0, 1.02, 1, height], sharex=ax)
        above.plot(prediction, color=colors.ink, linewidth=1, marker="" if len(prediction) > 1 else "o")
        above.set_ylabel(self.prediction_label, rotation=0, ha="right", va="center")
        above.tick_params(axis="x", bottom=False, labelbottom=False)
        above.yaxis.get_major_locator().set_params(nbins=3)
        above.yaxis.tick_right()
        hide_spines(above)
        above.spines[["left", "bottom"]].set_visible(False)


def order_rows(contributions, prediction, order):
    """Return the positions of rows from left to right.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_features)
        Contributions of the rows.
    prediction : ndarray of shape (n_rows,) or None
        The target at each row.
    order : {"clustering", "prediction", "sum", "given"} or array-like of int
        The user's choice.

    Returns
    -------
    positions : ndarray of int of shape (n_rows,)
        The positions.

    Raises
    ------
    ValueError
        If there is no such order, if it needs predictions and there are none, or if it does not hold each row once.
    """
    n_rows, finite = len(contributions), np.where(np.isfinite(contributions), contributions, 0)
    if not isinstance(order, str):
        positions = np.asarray(order)
        if not np.array_equal(np.sort(positions), np.arange(n_rows)):
            raise ValueError(f"order= as an array holds each position from 0 to {n_rows - 1} once. Got {order!r}.")
        return positions
    if order not in ORDERS:
        raise ValueError(f"order= takes {', '.join(map(repr, ORDERS))}, or an array of positions. Got {order!r}.")
    if order == "prediction":
        if prediction is None:
            raise ValueError("order='prediction' needs predictions, and there are none. Pass order='sum'.")
        return np.argsort(prediction, kind="stable")
    if order == "sum":
        return np.argsort(finite.sum(1), kind="stable")
    if order == "given" or n_rows < 3:
        return np.arange(n_rows)
    if n_rows > MOST_CLUSTERED:
        raise ValueError(
            f"order='clustering' compares each row with each other, and there are {n_rows} rows, more than "
            f"{MOST_CLUSTERED}. Pass order='sum', or fewer rows."
        )
    # Imported here, since scipy is slow to import.
    from scipy.cluster.hierarchy import linkage

    sums = [*finite.sum(1)]
    groups = [[row] for row in range(n_rows)]
    for *pair, _, _ in linkage(finite, "ward"):
        # Of two groups, the one with the lower contributions is on the left.
        left, right = sorted(map(int, pair), key=lambda group: sums[group] / len(groups[group]))
        groups.append(groups[left] + groups[right])
        sums.append(sums[left] + sums[right])
    return np.array(groups[-1])
