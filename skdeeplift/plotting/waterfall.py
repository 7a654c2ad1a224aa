"""From the reference's value to the prediction, feature by feature."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.plotting.appearance import number
from skdeeplift.plotting.display import Display, bare
from skdeeplift.plotting.drawable import column, one_row, table_drawable

# What is left of the sum is drawn where it could be seen: beyond this of the bars' extent.
VISIBLE = 1e-3


class WaterfallDisplay(Display):
    """Bars that lead from the target at the reference down to the prediction of one row.

    Each bar starts where the one above ends; the largest contributions come first.

    .. versionadded:: 0.1

    Parameters
    ----------
    contributions : array-like of shape (n_features,)
        Contributions of one row.
    reference_value : float
        The target at the reference.
    prediction : float
        The target at the row.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    values : array-like of shape (n_features,), default=None
        The features' values, to stand beside their names.
    xlabel : str, default="output"
        What the positions say.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the bars are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    BeeswarmDisplay : Contributions of many rows.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import WaterfallDisplay
    >>> display = WaterfallDisplay([0.5, -2.0], 1.0, -0.5, ["age", "height"], values=[41, 1.8]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['reference', 'height = 1.8', 'age = 41', 'prediction']
    """

    def __init__(self, contributions, reference_value, prediction, feature_names, *, values=None, xlabel="output"):
        self.contributions = contributions
        self.reference_value = reference_value
        self.prediction = prediction
        self.feature_names = feature_names
        self.values = values
        self.xlabel = xlabel

    @classmethod
    def from_explanation(cls, explanation, *, row=None, target=None, part=None, max_features=10, ax=None):
        """Draw the contributions of one row of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table, by a method that compares them with a reference.
        row : int, default=None
            The row's position; may be left out where there is but one.
        target : int or str, default=None
            Which of several targets to draw; where rows have targets of their own, the position counts those of this
            target.
        part : str or int, default=None
            The key or position of one of several inputs or layers.
        max_features : int, default=10
            How many features to draw at the most; the others make one bar.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : WaterfallDisplay
            With the bars drawn.

        Raises
        ------
        ValueError
            If the explanation is not one of a table or has no reference, or if it has several rows, targets, inputs or
            layers, of which none is chosen.
        """
        chosen = table_drawable(explanation, cls.__name__, target=target, part=part)
        if chosen.reference_value is None or chosen.prediction is None:
            raise ValueError(
                f"{cls.__name__} starts at the target's value at the reference, and the explanation has none. Use an "
                "explainer that compares rows with a reference, such as DeepLiftExplainer."
            )
        row = one_row(len(chosen.contributions), row, cls.__name__)
        values = None
        if chosen.values is not None:
            n_features = chosen.contributions.shape[1]
            values = [np.asarray(column(chosen.values, feature))[row] for feature in range(n_features)]
        display = cls(
            chosen.contributions[row],
            chosen.reference_value[row],
            chosen.prediction[row],
            chosen.feature_names,
            values=values,
            xlabel=f"output {chosen.to_target.removeprefix('to ')}".strip(),
        )
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            How many features to draw at the most; the others make one bar. All by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : WaterfallDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if max_features is not None:
            check_scalar(max_features, "max_features", Integral, min_val=1)
        names, changes = self._bars(max_features)
        start, end = float(self.reference_value), float(self.prediction)
        # Where each bar ends, the reference's value before them.
        ends = start + np.cumsum([0.0, *changes])
        ax, colors = self._start(ax, 7, 1.2 + 0.32 * (len(names) + 2))
        positions = np.arange(1, len(names) + 1)
        ax.barh(positions, changes, left=ends[:-1], height=0.66, color=colors.of_sign(changes), zorder=2)
        for position, value in enumerate(ends):
            ax.plot([value, value], [position, position + 1], color=colors.muted, linewidth=1, zorder=1)
        ax.plot([start, end], [0, len(names) + 1], "o", color=colors.ink, markersize=6, zorder=3, clip_on=False)
        low, high = min(ends.min(), end), max(ends.max(), end)
        extent = high - low or 1.0
        texts = [number(start), *(number(each, sign=True) for each in changes), number(end)]
        # Beside each bar, on the side that it points to, where there must be space for it.
        space = (0.05 + 0.022 * max(map(len, texts))) * extent
        ax.set_xlim(low - space, high + space)
        labels = zip(range(len(texts)), [*ends, end], texts, [1, *changes, 1], strict=True)
        for position, value, text, direction in labels:
            ax.annotate(
                text,
                (value, position),
                xytext=(6 if direction >= 0 else -6, 0),
                textcoords="offset points",
                ha="left" if direction >= 0 else "right",
                va="center",
                color=colors.ink,
                fontsize="small",
            )
        ax.set_yticks(range(len(names) + 2), ["reference", *names, "prediction"])
        ax.set_ylim(len(names) + 1.6, -0.6)
        ax.set_xlabel(self.xlabel)
        bare(ax, left=True)
        return self

    def _bars(self, max_features):
        """Names and lengths of the bars from top to bottom."""
        contributions = np.asarray(self.contributions, np.float64)
        order = np.argsort(-np.abs(contributions), kind="stable")
        others = order[len(order) if max_features is None else max_features :]
        if len(others) == 1:
            # Its own name takes no more space.
            others = others[:0]
        shown = order[: len(order) - len(others)]
        names, changes = [self._name(feature) for feature in shown], [*contributions[shown]]
        if len(others):
            names.append(f"{len(others)} other features")
            changes.append(contributions[others].sum())
        left = float(self.prediction) - float(self.reference_value) - contributions.sum()
        reached = float(self.reference_value) + np.cumsum([0.0, *changes])
        if abs(left) > VISIBLE * max(np.ptp([*reached, float(self.prediction)]), np.abs(contributions).sum()):
            names.append("not explained")
            changes.append(left)
        return names, changes

    def _name(self, feature):
        if self.values is None:
            return str(self.feature_names[feature])
        value = self.values[feature]
        is_number = isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))
        return f"{self.feature_names[feature]} = {number(value) if is_number else value}"
