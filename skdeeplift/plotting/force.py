"""Display of one row's contributions as two stacks that push against each other at the prediction."""

from __future__ import annotations

from typing import Self

import numpy as np

from skdeeplift.annotations import ArrayLike, Axes
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import hide_spines, write_plain_ticks
from skdeeplift.plotting.row_steps import RowDisplay, name_features, steps_to_prediction
from skdeeplift.plotting.text_layout import fit_name, make_ruler, stair_levels

# Heights of the stack and of each level of labels, in points.
STACK, LEVEL = 24, 15
# Share of the width for the labels on both sides.
SHARE_OF_LABELS = 0.72


class ForceDisplay(RowDisplay):
    """Stacks of one row's contributions on one line: those that raise the target, and those that lower it.

    Both stacks meet at the prediction, where the largest contributions are. The stack that raises the target is on the
    left, and the stack that lowers it on the right.

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
    WaterfallDisplay : The same contributions below each other, with room for more names.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import ForceDisplay
    >>> display = ForceDisplay([0.5, -2.0], 1.0, -0.5, ["age", "height"], values=[41, 1.8]).plot()
    >>> [text.get_text() for text in display.ax_.texts[4:]]
    ['height = 1.8 (−2)', 'age = 41 (+0.5)']
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
        """Draw the stacks.

        Parameters
        ----------
        max_features : int, default=None
            %(max_features)s
        %(ax)s

        Returns
        -------
        display : ForceDisplay
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
        is_own = ax is None
        ax, colors = self._start(ax, 10, 3)
        sizes, sides = np.abs(changes), np.where(changes >= 0, -1, 1)
        # Each stack starts at the prediction, with its largest part.
        raised, lowered = np.where(sides < 0, sizes, 0), np.where(sides > 0, sizes, 0)
        before = np.where(sides < 0, raised.cumsum() - raised, lowered.cumsum() - lowered)
        heads, tails = end + sides * before, end + sides * (before + sizes)
        low, high = min(start, end, *tails), max(start, end, *tails)
        margin = 0.02 * (high - low or 1.0)
        ax.set(xlim=(low - margin, high + margin), ylim=(0, 1), yticks=[], xlabel=self.xlabel)
        write_plain_ticks(ax.xaxis)
        hide_spines(ax, left=True)
        self._mark(ax, colors, start, end)
        # Labels and parts are placed in points, so the layout must first fix the size of the axes in points.
        self.figure_.draw_without_rendering()
        width, height = (each * 72 / self.figure_.dpi for each in ax.get_window_extent().size)
        numbers = [format_number(change, sign=True) for change in changes]
        # Labels leave a quarter of the width to the stacks.
        most, measure = SHARE_OF_LABELS * width / len(set(sides)), make_ruler(self.figure_, "small")
        labels = [fit_name(name, number, measure, most - 8) for name, number in zip(names, numbers, strict=True)]
        widths = np.array([*map(measure, labels)]) + 8
        middles, is_left = (heads + tails) / 2, sides < 0
        # Labels reach outwards, so the axis needs space on both sides.
        pads = np.full(2, margin * width / (high - low or 1.0))
        for _ in range(5):
            scale = max(width - pads.sum(), width / 4) / (high - low or 1.0)
            needed = widths - scale * np.where(is_left, middles - low, high - middles)
            pads = np.maximum(pads, [needed[side].max(initial=0) for side in (is_left, ~is_left)])
        ax.set_xlim(low - pads[0] / scale, high + pads[1] / scale)
        levels = np.zeros(len(labels), int)
        for side in (np.flatnonzero(is_left), np.flatnonzero(~is_left)):
            # From the outermost part to the prediction.
            side = side[::-1]
            levels[side] = stair_levels(-sides[side] * scale * middles[side], widths[side])
        if is_own:
            used = STACK + LEVEL * (1.5 + levels.max(initial=0))
            self.figure_.set_figheight(self.figure_.get_figheight() + (used - height) / 72)
            height = used
        ax.set_ylim(-height, 0)
        for name, change, head, tail in zip(names, changes, heads, tails, strict=True):
            color = colors.muted if name == "not explained" else colors.positive if change >= 0 else colors.negative
            ax.fill(*_chevron(tail, head, 6 / scale), color=color, edgecolor=colors.background, linewidth=1)
        for label, middle, side, level in zip(labels, middles, sides, levels, strict=True):
            bottom = -STACK - LEVEL * (level + 1)
            if bottom < -height:
                continue
            ax.plot([middle, middle], [-STACK, bottom], color=colors.muted, linewidth=0.8, zorder=0)
            place = {"xytext": (3 * side, 0), "textcoords": "offset points", "ha": "right" if side < 0 else "left"}
            style = {"color": colors.ink, "fontsize": "small", "parse_math": False}
            ax.annotate(label, (middle, bottom), **place, **style)
        return self

    def _mark(self, ax, colors, start, end):
        """Mark the reference value and the prediction above the axes, with texts that point away from each other."""
        for name, value, other, weight in [("reference", start, end, "normal"), ("prediction", end, start, "bold")]:
            is_left = value < other or (value == other and name == "reference")
            place = {"xytext": (-4 if is_left else 4, 3), "textcoords": "offset points", "va": "bottom"}
            style = {"color": colors.ink, "weight": weight, "ha": "right" if is_left else "left"}
            above = {"xycoords": ax.get_xaxis_transform()}
            ax.annotate(f"{name} {format_number(value)}", (value, 1), **above, **place, **style)
            line = {"arrowstyle": "-", "color": colors.ink, "shrinkA": 0, "shrinkB": 0}
            ends = {"xytext": (0, 16), "textcoords": "offset points", "arrowprops": line}
            ax.annotate("", (value, 1), **above, **ends)


def _chevron(tail, head, depth):
    """Return the corners of a part of a stack, which points to its head."""
    depth = np.sign(head - tail) * min(depth, abs(head - tail))
    x = [tail, head - depth, head, head - depth, tail, tail + depth]
    return x, [0, 0, -STACK / 2, -STACK, -STACK, -STACK / 2]
