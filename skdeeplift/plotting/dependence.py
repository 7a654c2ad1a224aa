"""Display of one feature's contributions against its values."""

import numpy as np

from skdeeplift.dtypes import kind_of
from skdeeplift.number_text import format_value
from skdeeplift.plotting.display import LEGEND_ON_THE_RIGHT, Display, hide_spines, write_plain_ticks
from skdeeplift.plotting.explanation_slice import slice_table
from skdeeplift.plotting.rows_and_columns import choose_feature, take_column, to_numbers
from skdeeplift.plotting.text_layout import wrap_lines

# Maximum distance that points of the same category are moved aside.
JITTER = 0.2
# Names of categories with more letters in total are turned, so that they do not run into each other.
MOST_LETTERS = 50


class DependenceDisplay(Display):
    """Points with the value of one feature and its contribution, one point for each row.

    Values that are neither numbers nor dates are categories, which are drawn side by side in their order. Rows without
    a value are on the left, in a band that is named "missing", or in the last category.

    .. versionadded:: 0.1

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        Values of the feature.
    contributions : array-like of shape (n_rows,)
        Contributions of the feature.
    feature_name : str
        Name of the feature.
    color_values : array-like of shape (n_rows,), default=None
        Values of another feature, which colour the points. None draws all points in one colour.
    color_name : str, default=None
        Name of the other feature.
    ylabel : str, default="contribution"
        Label of the axis of contributions.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points, after `plot`.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    BeeswarmDisplay : All features at once.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import DependenceDisplay
    >>> display = DependenceDisplay([20, 40, 60], [-0.3, 0.1, 0.4], "age").plot()
    >>> display.ax_.get_xlabel()
    'age'
    """

    def __init__(
        self, values, contributions, feature_name, *, color_values=None, color_name=None, ylabel="contribution"
    ):
        self.values = values
        self.contributions = contributions
        self.feature_name = feature_name
        self.color_values = color_values
        self.color_name = color_name
        self.ylabel = ylabel

    @classmethod
    def from_explanation(cls, explanation, feature, *, color_by=None, target=None, part=None, ax=None):
        """Draw the contributions of one feature of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table.
        feature : str or int
            The feature's name or position.
        color_by : str or int, default=None
            The name or position of another feature, which colours the points. The two features interact if points of
            equal value differ in height by colour. None draws all points in one colour.
        target : int or str, default=None
            The target to draw; required if there are several. If rows have targets of their own, the rows of this
            target are drawn.
        part : str or int, default=None
            The name, key or position of the input to draw; required if there are several.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : DependenceDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If there is no such feature, or the explanation is not about the columns of a table. If it has several
            targets or inputs and none is chosen, or rows have different targets.
        """
        chosen = slice_table(explanation, cls.__name__, target=target, part=part)
        names, values = chosen.feature_names, chosen.values
        if values is None:
            raise ValueError(
                f"{cls.__name__} draws against values, and a layer's units have none. Explain the network's input."
            )
        position, other = choose_feature(feature, names, "feature"), {}
        if color_by is not None:
            colored = choose_feature(color_by, names, "color_by")
            other = {"color_values": take_column(values, colored), "color_name": str(names[colored])}
        contributions, label = chosen.contributions[:, position], chosen.target.with_sides(chosen.target.contribution)
        display = cls(take_column(values, position), contributions, str(names[position]), ylabel=label, **other)
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : DependenceDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax, colors = self._start(ax, 6.4, 4.2)
        contributions = np.asarray(self.contributions, np.float64)
        n_rows = len(contributions)
        ax.axhline(0, color=colors.muted, linewidth=1, zorder=0)
        positions, categories = _positions(self.values)
        if categories is not None:
            style = {"parse_math": False, "fontsize": min(10, 240 / len(categories))}
            if sum(map(len, categories)) > MOST_LETTERS:
                style |= {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
            ax.set_xticks(range(len(categories)), categories, **style)
            positions = positions + JITTER * _spread_evenly(n_rows)
        else:
            _write_ticks(ax.xaxis, self.values, positions)
            positions = self._place_gaps(ax, colors, positions)
        # Many points are small and faint.
        size, opacity = np.clip(6000 / n_rows, 6, 22), np.clip(800 / n_rows, 0.35, 0.9)
        style = {"s": size, "linewidths": 0, "alpha": opacity, "rasterized": n_rows > 5000}
        if self.color_values is None:
            ax.scatter(positions, contributions, color=colors.single, **style)
        else:
            self._draw_by_color(ax, colors, positions, contributions, style)
        ax.set_xlabel(wrap_lines(self.feature_name, 60), parse_math=False)
        ax.set_ylabel(self.ylabel)
        write_plain_ticks(ax.yaxis)
        hide_spines(ax)
        return self

    def _place_gaps(self, ax, colors, positions):
        """Return positions with places for missing values, in a band on the left."""
        is_gap = ~np.isfinite(positions)
        if not is_gap.any():
            return positions
        known = positions[~is_gap]
        low, width = known.min(), 0.05 * (np.ptp(known) or 1.0)
        ax.axvspan(low - 3 * width, low - width, color=colors.faint, alpha=0.4, linewidth=0, zorder=0)
        style = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "fontsize": "small"}
        ax.annotate("missing", (low - 2 * width, 1), xycoords=ax.get_xaxis_transform(), color=colors.ink, **style)
        return np.where(is_gap, low - (2 + 0.8 * _spread_evenly(len(positions))) * width, positions)

    def _draw_by_color(self, ax, colors, positions, contributions, style):
        """Draw points in the colours of the other feature's values, with a legend or a colour bar."""

        def scatter(rows, **color):
            return ax.scatter(positions[rows], contributions[rows], **color, **style)

        hues, categories = _positions(self.color_values)
        known = np.isfinite(hues)
        scatter(~known, color=[colors.muted])
        if categories is not None and len(categories) <= len(colors.classes):
            for hue, (category, color) in enumerate(zip(categories, colors.classes, strict=False)):
                scatter(hues == hue, color=[colors.muted if category == "missing" else color], label=category)
            ax.legend(title=self.color_name, **LEGEND_ON_THE_RIGHT)
            return
        low, high = np.percentile(hues[known], (2, 98)) if known.any() else (0, 1)
        drawn = scatter(known, c=hues[known], cmap=colors.values, vmin=low, vmax=high)
        extend = ("neither", "min", "max", "both")[(hues[known] < low).any() + 2 * (hues[known] > high).any()]
        label = self.color_name if known.all() else f"{self.color_name}\n(gray: missing)"
        bar = self._add_colorbar(drawn, ax, label=label, extend=extend)
        bar.solids.set_alpha(1)
        if categories is None:
            _write_ticks(bar.ax.yaxis, self.color_values, hues)
        else:
            bar.set_ticks(range(len(categories)), labels=categories)


def _write_ticks(axis, values, numbers):
    """Write the numbers or dates of an axis."""
    if kind_of(np.asarray(values).dtype) == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        axis.set_major_locator(AutoDateLocator())
        axis.set_major_formatter(ConciseDateFormatter(axis.get_major_locator()))
    else:
        write_plain_ticks(axis, numbers)


def _positions(values):
    """Return numbers unchanged and None, or the positions of categories and their names."""
    numbers = to_numbers(values)
    array = np.asarray(values)
    if np.isfinite(numbers).any() and kind_of(array.dtype) != "b":
        return numbers, None
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    texts = np.array([format_value(each) for each in array])
    names = sorted(set(texts)) if categories is None else [format_value(each) for each in categories]
    names = [name for name in names if name != "missing"] + ["missing"] * bool((texts == "missing").any())
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(each, np.nan) for each in texts], np.float64), names


def _spread_evenly(number):
    """Return numbers from -1 to 1, multiples of the golden ratio, so that any first few fill the range evenly."""
    return 2 * (np.arange(number) * 0.6180339887498949 % 1) - 1
