"""Display of one row's contributions as steps from the reference value to the prediction."""

from __future__ import annotations

from typing import Self

import numpy as np

from skdeeplift.annotations import ArrayLike, Axes
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import hide_spines, write_plain_ticks
from skdeeplift.plotting.row_steps import RowDisplay, name_features, steps_to_prediction


class WaterfallDisplay(RowDisplay):
    """Bars that lead from the target at the reference to the prediction of one row.

    Each bar starts where the bar above it ends. The largest contributions come first.

    .. versionadded:: 1.0

    Parameters
    ----------
    contributions : array-like of shape (n_features,)
        Contributions of one row.
    reference_value : float
        The target at the reference.
    prediction : float
        The target at the row.
    %(feature_names)s
    values : array-like of shape (n_features,), default=None
        Values of the features, which are written beside their names. None writes the names alone.
    xlabel : str, default="output"
        Label of the axis of the target.

    Attributes
    ----------
    %(ax_)s
    %(figure_)s

    See Also
    --------
    ForceDisplay : The same steps in one line.
    BeeswarmDisplay : Contributions of many rows.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import WaterfallDisplay
    >>> display = WaterfallDisplay([0.5, -2.0], 1.0, -0.5, ["age", "height"], values=[41, 1.8]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['reference', 'height = 1.8', 'age = 41', 'prediction']
    """

    def __init__(
        self,
        contributions: ArrayLike,
        reference_value: float,
        prediction: float,
        feature_names: ArrayLike,
        *,
        values: ArrayLike | None = None,
        xlabel: str = "output",
    ) -> None:
        self.contributions = contributions
        self.reference_value = reference_value
        self.prediction = prediction
        self.feature_names = feature_names
        self.values = values
        self.xlabel = xlabel

    def plot(self, *, max_features: int | None = None, ax: Axes | None = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            %(max_features)s
        %(ax)s

        Returns
        -------
        display : WaterfallDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a number is not finite.
        ImportError
            If matplotlib is not installed.
        """
        start, end = float(self.reference_value), float(self.prediction)
        named = name_features(self.feature_names, self.values)
        names, changes = steps_to_prediction(self.contributions, start, end, named, max_features)
        ends = start + np.cumsum([0.0, *changes])
        ax, colors = self._start(ax, 7, 1.2 + 0.32 * (len(names) + 2), names)
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
            side, alignment = (8, "left") if change >= 0 else (-8, "right")
            place = {"xytext": (side, 0), "textcoords": "offset points", "ha": alignment, "va": "center"}
            ax.annotate(text, (value, position), color=colors.ink, fontsize="small", **place)
        ax.set_yticks(range(len(names) + 2), ["reference", *names, "prediction"], parse_math=False)
        ax.set(ylim=(len(names) + 1.6, -0.6), xlabel=self.xlabel)
        write_plain_ticks(ax.xaxis)
        hide_spines(ax, left=True)
        return self
