"""Display of one row's contributions as steps from the reference value to the prediction."""

from numbers import Real

import numpy as np

from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import Display, hide_spines
from skdeeplift.plotting.explanation_slice import slice_table
from skdeeplift.plotting.rows_and_columns import choose_row, rank_features, take_column

# A difference between the contributions' sum and the prediction is drawn above this share of the bars' extent.
VISIBLE = 1e-3


class WaterfallDisplay(Display):
    """Bars that lead from the target at the reference to the prediction of one row.

    Each bar starts where the bar above it ends. The largest contributions come first.

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
        Values of the features, which are written beside their names. None writes the names alone.
    xlabel : str, default="output"
        Label of the axis of the target.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars, after `plot`.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    BeeswarmDisplay : Contributions of many rows.
    :ref:`pictures` : All displays, and when to use which.

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
    def from_explanation(
        cls, explanation, *, row=None, position=None, target=None, part=None, max_features=10, ax=None
    ):
        """Draw the contributions of one row of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table, by a method that compares them with a reference.
        row : object, default=None
            The label of the row to draw, as `to_frame` shows it: a label of the index if ``X`` was a DataFrame,
            otherwise a position. Required if there are several rows and no ``position``.
        position : int, default=None
            The position of the row to draw, counted from 0 among all rows, in place of its label.
        target : int or str, default=None
            The target to draw; required if there are several. If rows have targets of their own, that of the row.
        part : str or int, default=None
            The key or position of the input or layer to draw; required if there are several.
        max_features : int, default=10
            Maximum number of features to draw. The other features share one bar.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : WaterfallDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the explanation is not one of a table or has no reference, or if it has several rows, targets, inputs or
            layers and none is chosen.
        """
        chosen = slice_table(explanation, cls.__name__, target=target, part=part)
        if chosen.reference_value is None or chosen.prediction is None:
            raise ValueError(
                f"{cls.__name__} starts at the target's value at the reference, and the explanation has none. Use an "
                "explainer that compares rows with a reference, such as DeepLiftExplainer."
            )
        row = choose_row(chosen.rows, row, position, cls.__name__)
        contributions, values = chosen.contributions[row], chosen.values
        if values is not None:
            values = [np.asarray(take_column(values, feature))[row] for feature in range(len(contributions))]
        reference_value, prediction = chosen.reference_value[row], chosen.prediction[row]
        label = f"output {chosen.to_target.removeprefix('to ')}".strip()
        display = cls(contributions, reference_value, prediction, chosen.feature_names, values=values, xlabel=label)
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            Maximum number of features to draw; all by default. The other features share one bar.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : WaterfallDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        names, changes = self._bars(max_features)
        start, end = float(self.reference_value), float(self.prediction)
        ends = start + np.cumsum([0.0, *changes])
        ax, colors = self._start(ax, 7, 1.2 + 0.32 * (len(names) + 2))
        positions = np.arange(1, len(names) + 1)
        signs = [colors.positive if change >= 0 else colors.negative for change in changes]
        ax.barh(positions, changes, left=ends[:-1], height=0.66, color=signs, zorder=2)
        for position, value in enumerate(ends):
            ax.plot([value, value], [position, position + 1], color=colors.muted, linewidth=1, zorder=1)
        ax.plot([start, end], [0, len(names) + 1], "o", color=colors.ink, markersize=6, zorder=3, clip_on=False)
        texts = [format_number(start), *(format_number(each, sign=True) for each in changes), format_number(end)]
        # Each number is beside its bar, on the side that the bar points to, so both sides need space for it.
        low, high = min(ends.min(), end), max(ends.max(), end)
        space = (0.05 + 0.022 * max(map(len, texts))) * (high - low or 1.0)
        ax.set_xlim(low - space, high + space)
        for position, (text, value, change) in enumerate(zip(texts, [*ends, end], [1, *changes, 1], strict=True)):
            side, alignment = (6, "left") if change >= 0 else (-6, "right")
            place = {"xytext": (side, 0), "textcoords": "offset points", "ha": alignment, "va": "center"}
            ax.annotate(text, (value, position), color=colors.ink, fontsize="small", **place)
        ax.set_yticks(range(len(names) + 2), ["reference", *names, "prediction"])
        ax.set(ylim=(len(names) + 1.6, -0.6), xlabel=self.xlabel)
        hide_spines(ax, left=True)
        return self

    def _bars(self, max_features):
        """Return the names and lengths of the bars, from top to bottom."""
        contributions = np.asarray(self.contributions, np.float64)
        shown, others = rank_features(np.abs(contributions), max_features)
        if len(others) == 1:
            # The name of a single feature takes no more space than "1 other feature".
            shown, others = [*shown, *others], []
        names, changes = [self._name(feature) for feature in shown], [*contributions[shown]]
        if len(others):
            names.append(f"{len(others)} other features")
            changes.append(contributions[others].sum())
        start, end = float(self.reference_value), float(self.prediction)
        left = end - start - contributions.sum()
        reached = start + np.cumsum([0.0, *changes])
        if abs(left) > VISIBLE * max(np.ptp([*reached, end]), np.abs(contributions).sum()):
            names.append("not explained")
            changes.append(left)
        return names, changes

    def _name(self, feature):
        """Return the name of a feature, with its value if values are known."""
        if self.values is None:
            return str(self.feature_names[feature])
        value = self.values[feature]
        is_number = isinstance(value, (Real, np.number)) and not isinstance(value, bool)
        return f"{self.feature_names[feature]} = {format_number(value) if is_number else value}"
