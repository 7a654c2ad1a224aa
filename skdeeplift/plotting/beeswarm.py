"""Display of each row's contributions as swarms of points, one swarm for each feature."""

import numpy as np

from skdeeplift.plotting.display import Display, hide_spines, write_plain_ticks
from skdeeplift.plotting.explanation_slice import slice_table
from skdeeplift.plotting.rows_and_columns import name_others, rank_features, take_column, to_numbers


class BeeswarmDisplay(Display):
    """Swarms of points, whose positions are contributions and whose colours are the values of features.

    Features are in the order of their mean absolute contributions, the largest on top. Points that would cover each
    other are moved above each other, so a swarm is thick where contributions are frequent.

    .. versionadded:: 0.1

    Parameters
    ----------
    contributions : array-like of shape (n_rows, n_features)
        Contributions of the rows of a table.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    values : array-like or DataFrame of shape (n_rows, n_features), default=None
        Values of the features. None draws all points in one colour; values that are not numbers are gray.
    xlabel : str, default="contribution"
        Label of the axis of contributions.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points, after `plot`.
    figure_ : matplotlib Figure
        Figure of the axes, after `plot`.

    See Also
    --------
    DependenceDisplay : Contributions of one feature against its values.
    ImportanceDisplay : Mean absolute contributions alone.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import BeeswarmDisplay
    >>> display = BeeswarmDisplay([[0.1, -1.0], [0.2, 2.0]], ["age", "height"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['height', 'age']
    """

    def __init__(self, contributions, feature_names, *, values=None, xlabel="contribution"):
        self.contributions = contributions
        self.feature_names = feature_names
        self.values = values
        self.xlabel = xlabel

    @classmethod
    def from_explanation(cls, explanation, *, target=None, part=None, max_features=10, ax=None):
        """Draw the contributions of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table.
        target : int or str, default=None
            The target to draw; required if there are several. If rows have targets of their own, the rows of this
            target are drawn.
        part : str or int, default=None
            The name, key or position of the input or layer to draw; required if there are several.
        max_features : int, default=10
            Maximum number of features to draw. The other features share one swarm, their sum.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : BeeswarmDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the explanation is not about a table, if it has several targets, inputs or layers and none is chosen, or
            if rows have different targets.
        """
        chosen = slice_table(explanation, cls.__name__, target=target, part=part)
        label = chosen.target.with_sides(chosen.target.contribution)
        display = cls(chosen.contributions, chosen.feature_names, values=chosen.values, xlabel=label)
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the points.

        Parameters
        ----------
        max_features : int, default=None
            Maximum number of features to draw; all by default.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure by default.

        Returns
        -------
        display : BeeswarmDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        contributions = np.asarray(self.contributions, np.float64)
        contributions = np.where(np.isfinite(contributions), contributions, np.nan)
        shown, others = rank_features(np.abs(contributions).mean(0), max_features)
        labels = [*(str(self.feature_names[feature]) for feature in shown), *name_others(others)]
        sums = [contributions[:, others].sum(1)] if len(others) else []
        contributions = np.column_stack([contributions[:, shown], *sums])
        n_rows, n_features = contributions.shape
        ax, colors = self._start(ax, 7, 1.3 + 0.38 * n_features, labels)
        ax.axvline(0, color=colors.muted, linewidth=1, zorder=0)
        size = np.clip(6000 / n_rows, 4, 16)
        # The number of bins is the number of points that fit side by side.
        heights = np.arange(n_features) + swarm(contributions, int(440 / np.sqrt(size)))
        faces, has_gray = [colors.single], False
        if self.values is not None:
            levels = [_levels(to_numbers(take_column(self.values, feature))) for feature in shown]
            has_gray = np.isnan(levels).any()
            # The sum of several features has no value.
            levels = np.column_stack([*levels, *(np.full(n_rows, np.nan) for _ in sums)])
            faces = colors.values(levels)
            faces[np.isnan(levels)] = (*colors.muted, 1.0)
            faces = faces.reshape(-1, 4)
        # Thousands of shapes make a vector graphic slow.
        is_large = contributions.size > 5000
        ax.scatter(contributions.ravel(), heights.ravel(), s=size, color=faces, linewidths=0, rasterized=is_large)
        ax.set_yticks(range(n_features), labels, parse_math=False)
        # The first feature is on top.
        ax.set(ylim=(n_features - 0.4, -0.6), xlabel=self.xlabel)
        write_plain_ticks(ax.xaxis)
        hide_spines(ax, left=True)
        if self.values is not None:
            from matplotlib.cm import ScalarMappable

            bar = self._add_colorbar(ScalarMappable(cmap=colors.values), ax, aspect=40, ticks=[0, 1])
            bar.ax.set_yticklabels(["low", "high"])
            # On a high figure, the label fits between the labels of the ends.
            gray = "\n(gray: missing or no number)" if has_gray else ""
            bar.set_label(f"value of the feature{gray}", labelpad=-8 if self.figure_.get_figheight() > 3 else 2)
            bar.ax.tick_params(length=0)
        return self


def swarm(contributions, n_bins=110, half_height=0.42):
    """Move points with nearly equal contributions above and below each other.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_features)
        Positions of the points on the axis of contributions.
    n_bins : int, default=110
        Number of bins that the range of contributions is split into. The points in a bin are moved apart.
    half_height : float, default=0.42
        Maximum distance of a point from the line of its feature.

    Returns
    -------
    offsets : ndarray of shape (n_rows, n_features)
        Distance of each point from the line of its feature, alternately above and below it.
    """
    n_rows, n_features = contributions.shape
    finite = np.nan_to_num(contributions)
    low, high = finite.min(), finite.max()
    bins = np.floor((finite - low) / (high - low if high > low else 1) * (n_bins - 1)).astype(np.int64)
    # Each bin of each feature has its own number, so one sort brings the points of a bin together.
    bins += np.arange(n_features) * n_bins
    order = np.argsort(bins.ravel(), kind="stable")
    counts = np.bincount(bins.ravel(), minlength=n_features * n_bins)
    ranks = np.empty(bins.size, np.int64)
    ranks[order] = np.arange(bins.size) - np.repeat(np.cumsum(counts) - counts, counts)
    ranks = ranks.reshape(n_rows, n_features)
    steps = (ranks + 1) // 2 * np.where(ranks % 2, 1, -1)
    # The upper bound on the spacing keeps a few points as close together as the points of a thick swarm.
    thickest = counts.reshape(n_features, n_bins).max(1) / 2
    return steps * np.minimum(half_height / np.maximum(thickest, 1), 0.1)


def _levels(values):
    """Scale values from 0 to 1, with the ends at percentiles, so that outliers do not take up the range of colours."""
    known = values[np.isfinite(values)]
    if not known.size:
        return np.full(values.shape, np.nan)
    low, high = np.percentile(known, (5, 95))
    if low == high:
        low, high = known.min(), known.max()
    levels = np.full(values.shape, 0.5) if low == high else (values - low) / (high - low)
    return np.where(np.isnan(values), np.nan, np.clip(levels, 0, 1))
