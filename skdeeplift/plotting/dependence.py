"""A feature's contributions against its values."""

import numpy as np

from skdeeplift.plotting.display import Display, bare, contribution_label
from skdeeplift.plotting.drawable import as_numbers, column, find_feature, table_drawable

# By how much points of the same category are moved aside, at the most.
JITTER = 0.2


class DependenceDisplay(Display):
    """A point for each row: the value of a feature, and its contribution.

    Values that are no numbers are categories, side by side in their order.

    .. versionadded:: 0.1

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        The feature's values.
    contributions : array-like of shape (n_rows,)
        Its contributions.
    feature_name : str
        Its name.
    color_values : array-like of shape (n_rows,), default=None
        Another feature's values, to colour points by.
    color_name : str, default=None
        Its name.
    ylabel : str, default="contribution"
        What the heights say.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the points are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    BeeswarmDisplay : All features at once.
    :ref:`pictures` : All displays, and which to use when.

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
            The name or position of another feature to colour points by: where points above each other differ in colour,
            the two interact.
        target : int or str, default=None
            Which of several targets to draw; where rows have targets of their own, those of this target.
        part : str or int, default=None
            The key or position of one of several inputs.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : DependenceDisplay
            With the points drawn.

        Raises
        ------
        ValueError
            If there is no such feature, the explanation is not one of a table's columns, or it has several targets or
            inputs, of which none is chosen.
        """
        chosen = table_drawable(explanation, cls.__name__, target=target, part=part)
        if chosen.values is None:
            raise ValueError(
                f"{cls.__name__} draws contributions against a feature's values, and a layer's units have none in the "
                "explanation. Explain the network's input."
            )
        position = find_feature(feature, chosen.feature_names, "feature")
        colored = None if color_by is None else find_feature(color_by, chosen.feature_names, "color_by")
        display = cls(
            column(chosen.values, position),
            chosen.contributions[:, position],
            str(chosen.feature_names[position]),
            color_values=None if colored is None else column(chosen.values, colored),
            color_name=None if colored is None else str(chosen.feature_names[colored]),
            ylabel=contribution_label(chosen.to_target),
        )
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

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
            ax.set_xticks(range(len(categories)), categories)
            positions = positions + JITTER * _spread_evenly(n_rows)
        style = {
            "s": np.clip(6000 / n_rows, 6, 22),
            "linewidths": 0,
            "alpha": np.clip(800 / n_rows, 0.35, 0.9),
            "rasterized": n_rows > 5000,
        }
        if self.color_values is None:
            ax.scatter(positions, contributions, color=colors.single, **style)
        else:
            self._draw_by_color(ax, colors, positions, contributions, style)
        ax.set(xlabel=self.feature_name, ylabel=self.ylabel)
        bare(ax)
        return self

    def _draw_by_color(self, ax, colors, positions, contributions, style):
        hues, categories = _positions(self.color_values)
        known = np.isfinite(hues)
        ax.scatter(positions[~known], contributions[~known], color=[colors.muted], **style)
        if categories is not None and len(categories) <= len(colors.classes):
            for hue, (category, color) in enumerate(zip(categories, colors.classes, strict=False)):
                of_category = hues == hue
                ax.scatter(positions[of_category], contributions[of_category], color=[color], label=category, **style)
            ax.legend(title=self.color_name, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
            return
        low, high = np.percentile(hues[known], (2, 98)) if known.any() else (0, 1)
        drawn = ax.scatter(
            positions[known], contributions[known], c=hues[known], cmap=colors.values, vmin=low, vmax=high, **style
        )
        beyond = (hues[known].min(initial=np.inf) < low, hues[known].max(initial=-np.inf) > high)
        extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
        bar = self.figure_.colorbar(drawn, ax=ax, label=self.color_name, pad=0.02, extend=extend)
        bar.solids.set_alpha(1)
        bar.outline.set_visible(False)


def _positions(values):
    """Numbers as they are, or categories as the numbers of their order, and their names."""
    numbers = as_numbers(values)
    array = np.asarray(values)
    if np.isfinite(numbers).any() and array.dtype.kind != "b":
        return numbers, None
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    names = [str(each) for each in (np.unique(array.astype(str)) if categories is None else categories)]
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(str(each), np.nan) for each in array], np.float64), names


def _spread_evenly(number):
    """Numbers between -1 and 1 that fill the range evenly in whatever order: multiples of the golden ratio."""
    return 2 * (np.arange(number) * 0.6180339887498949 % 1) - 1
