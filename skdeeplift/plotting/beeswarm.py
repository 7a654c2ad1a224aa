"""A point for each row's contribution of each feature, coloured by the feature's value."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.plotting.display import Display, bare, contribution_label
from skdeeplift.plotting.drawable import as_numbers, column, table_drawable


class BeeswarmDisplay(Display):
    """A swarm of points for each feature: a row's contribution by position, the feature's value by colour.

    Features are in the order of their mean absolute contributions, the largest on top. Points that would cover each
    other lie above each other, so that a swarm is as thick as its contributions are frequent.

    .. versionadded:: 0.1

    Parameters
    ----------
    contributions : array-like of shape (n_rows, n_features)
        Contributions of the rows of a table.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    values : array-like or DataFrame of shape (n_rows, n_features), default=None
        The features' values; what is no number has no colour.
    xlabel : str, default="contribution"
        What the positions say.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the points are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    DependenceDisplay : Contributions of one feature against its values.
    ImportanceDisplay : Mean absolute contributions alone.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import BeeswarmDisplay
    >>> display = BeeswarmDisplay([[0.1, -1.0], [0.2, 2.0]], ["age", "height"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['age', 'height']
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
            Which of several targets to draw; where rows have targets of their own, those of this target.
        part : str or int, default=None
            The key or position of one of several inputs or layers.
        max_features : int, default=10
            How many features to draw at the most.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : BeeswarmDisplay
            With the points drawn.

        Raises
        ------
        ValueError
            If the explanation is not one of a table, or has several targets, inputs or layers, of which none is chosen.
        """
        chosen = table_drawable(explanation, cls.__name__, target=target, part=part)
        display = cls(
            chosen.contributions,
            chosen.feature_names,
            values=chosen.values,
            xlabel=contribution_label(chosen.to_target),
        )
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the points.

        Parameters
        ----------
        max_features : int, default=None
            How many features to draw at the most; all by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : BeeswarmDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if max_features is not None:
            check_scalar(max_features, "max_features", Integral, min_val=1)
        contributions = np.asarray(self.contributions, np.float64)
        shown = np.argsort(-np.abs(contributions).mean(0), kind="stable")[:max_features][::-1]
        contributions = contributions[:, shown]
        n_rows, n_features = contributions.shape
        ax, colors = self._start(ax, 7, 1.3 + 0.38 * n_features)
        ax.axvline(0, color=colors.muted, linewidth=1, zorder=0)
        size = np.clip(6000 / n_rows, 4, 16)
        # As many columns of points as have room beside each other.
        heights = np.arange(n_features) + swarm(contributions, int(440 / np.sqrt(size)))
        if self.values is None:
            coloring = {"color": [colors.single]}
        else:
            levels = np.column_stack([_levels(as_numbers(column(self.values, feature))) for feature in shown])
            # What is no number lies lowest and has no hue.
            faces = colors.values(levels)
            faces[np.isnan(levels)] = (*colors.muted, 1.0)
            coloring = {"color": faces.reshape(-1, 4)}
        ax.scatter(
            contributions.ravel(),
            heights.ravel(),
            s=size,
            linewidths=0,
            # Thousands of shapes make a vector graphic slow.
            rasterized=contributions.size > 5000,
            **coloring,
        )
        ax.set_yticks(range(n_features), [str(self.feature_names[feature]) for feature in shown])
        ax.set_ylim(-0.6, n_features - 0.4)
        ax.set_xlabel(self.xlabel)
        bare(ax, left=True)
        if self.values is not None:
            from matplotlib.cm import ScalarMappable

            bar = self.figure_.colorbar(ScalarMappable(cmap=colors.values), ax=ax, aspect=40, pad=0.02, ticks=[0, 1])
            bar.ax.set_yticklabels(["low", "high"])
            # Between the labels of the ends, where there is room.
            bar.set_label("value of the feature", labelpad=-8 if self.figure_.get_figheight() > 3 else 2)
            bar.ax.tick_params(length=0)
            bar.outline.set_visible(False)
        return self


def swarm(contributions, n_bins=110, half_height=0.42):
    """Lay points out so that those with nearly equal contributions are above and below each other.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_features)
        Positions on the other axis.
    n_bins : int, default=110
        Into how many parts their range is cut, in each of which points lie above each other.
    half_height : float, default=0.42
        How far from its feature's line a point is at the most.

    Returns
    -------
    offsets : ndarray of shape (n_rows, n_features)
        Of each point from its feature's line, alternately above and below it.
    """
    n_rows, n_features = contributions.shape
    finite = np.nan_to_num(contributions)
    low, high = finite.min(), finite.max()
    bins = np.floor((finite - low) / (high - low if high > low else 1) * (n_bins - 1)).astype(np.int64)
    # One number for each bin of each feature; equal ones are next to each other once they are in order.
    bins += np.arange(n_features) * n_bins
    order = np.argsort(bins.ravel(), kind="stable")
    counts = np.bincount(bins.ravel(), minlength=n_features * n_bins)
    ranks = np.empty(bins.size, np.int64)
    ranks[order] = np.arange(bins.size) - np.repeat(np.cumsum(counts) - counts, counts)
    ranks = ranks.reshape(n_rows, n_features)
    steps = (ranks + 1) // 2 * np.where(ranks % 2, 1, -1)
    # A lone point is on the line; few points are close to it, as in a thicker swarm.
    thickest = counts.reshape(n_features, n_bins).max(1) / 2
    return steps * np.minimum(half_height / np.maximum(thickest, 1), 0.1)


def _levels(values):
    """Where each value is between the feature's low and high ones, of which a few may be far out."""
    known = values[np.isfinite(values)]
    if not known.size:
        return np.full(values.shape, np.nan)
    low, high = np.percentile(known, (5, 95))
    if low == high:
        low, high = known.min(), known.max()
    levels = np.full(values.shape, 0.5) if low == high else (values - low) / (high - low)
    return np.where(np.isnan(values), np.nan, np.clip(levels, 0, 1))
