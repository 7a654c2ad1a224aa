"""A bar for each feature's mean absolute contribution."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from skdeeplift.plotting.appearance import number
from skdeeplift.plotting.display import Display, bare
from skdeeplift.plotting.drawable import (
    check_explanation,
    has_targets,
    is_of_rows,
    table_drawable,
    target_names,
)


class ImportanceDisplay(Display):
    """Bars of mean absolute contributions, the largest on top.

    .. versionadded:: 0.1

    Parameters
    ----------
    importances : array-like of shape (n_features,) or (n_features, n_classes)
        Mean absolute contribution of each feature, or those to each class, which are drawn behind each other.
    feature_names : array-like of str of shape (n_features,)
        Their names.
    spread : array-like of shape (n_features,), default=None
        Standard deviation over rows of the absolute contributions, drawn as a line from the bar's end.
    class_names : array-like of str of shape (n_classes,), default=None
        Names of the classes.
    xlabel : str, default="mean absolute contribution"
        What the bars say.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the bars are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    BeeswarmDisplay : Each row's contributions, and the values they belong to.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import ImportanceDisplay
    >>> display = ImportanceDisplay([0.2, 0.5], ["age", "height"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['age', 'height']
    """

    def __init__(
        self, importances, feature_names, *, spread=None, class_names=None, xlabel="mean absolute contribution"
    ):
        self.importances = importances
        self.feature_names = feature_names
        self.spread = spread
        self.class_names = class_names
        self.xlabel = xlabel

    @classmethod
    def from_explanation(cls, explanation, *, target=None, by_class=False, part=None, max_features=10, ax=None):
        """Draw the importances of an explanation of a table.

        Parameters
        ----------
        explanation : Explanation
            Contributions of the rows of a table.
        target : int or str, default=None
            Which of several targets to draw; by default the mean over them. Where rows have targets of their own, those
            of this target.
        by_class : bool, default=False
            Whether to tell targets apart: contributions to each, one bar behind the other; where rows have targets of
            their own, what the rows of each target make up of the mean.
        part : str or int, default=None
            The key or position of one of several inputs or layers.
        max_features : int, default=10
            How many features to draw at the most.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ImportanceDisplay
            With the bars drawn.

        Raises
        ------
        ValueError
            If the explanation is not one of a table, has several inputs or layers of which none is chosen, or no such
            target.
        """
        owner = cls.__name__
        check_explanation(explanation, owner)
        n_rows, of_all = len(np.asarray(explanation.get("prediction", ()))), has_targets(explanation)
        asked = explanation.get("target")
        if target is not None or not (of_all or (by_class and is_of_rows(asked, n_rows))):
            if by_class:
                which = "the explanation has one" if target is None else "target= chooses one"
                raise ValueError(
                    f"by_class=True tells several targets apart, and {which}. Explain with target='all', or leave "
                    "by_class at False."
                )
            chosen = table_drawable(explanation, owner, target=target, part=part)
            absolute, classes, to_target = np.abs(chosen.contributions), None, chosen.to_target
        elif of_all:
            classes = target_names(explanation)
            each = [table_drawable(explanation, owner, target=label, part=part) for label in _targets(explanation)]
            chosen, to_target = each[0], ""
            absolute = np.abs(np.stack([one.contributions for one in each], -1))
            if not by_class:
                absolute, classes = absolute.mean(-1), None
        else:
            chosen, to_target = table_drawable(explanation, owner, part=part), "to each row's target"
            targets = np.unique(asked)
            classes = [str(each) for each in targets]
            absolute = np.abs(chosen.contributions)[..., None] * (asked[:, None] == targets)[:, None]
        # In double precision, whatever the network's is.
        absolute = absolute.astype(np.float64)
        spread = (absolute if absolute.ndim == 2 else absolute.sum(-1)).std(0)
        label = f"mean absolute contribution {to_target}".strip()
        if of_all and by_class:
            label += ", summed over classes"
        display = cls(absolute.mean(0), chosen.feature_names, spread=spread, class_names=classes, xlabel=label)
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=None, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            How many features to draw at the most; all by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ImportanceDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if max_features is not None:
            check_scalar(max_features, "max_features", Integral, min_val=1)
        importances = np.asarray(self.importances, np.float64)
        segments = importances.reshape(len(importances), -1)
        totals = segments.sum(1)
        order = np.argsort(-totals, kind="stable")
        shown, others = order[:max_features][::-1], order[len(order) if max_features is None else max_features :]
        ax, colors = self._start(ax, 7, 1.3 + 0.3 * len(shown))
        positions = np.arange(len(shown))
        starts = np.zeros(len(shown))
        names = [None] * segments.shape[1] if self.class_names is None else self.class_names
        palette = [colors.single] if segments.shape[1] == 1 else class_colors(segments.shape[1], colors)
        for name, color, lengths in zip(names, palette, segments[shown].T, strict=True):
            # Neighbours may have similar colours: a gap tells them apart.
            ax.barh(
                positions,
                lengths,
                left=starts,
                height=0.7,
                color=color,
                label=name,
                edgecolor=colors.background,
                linewidth=0.8 if len(palette) > 1 else 0,
            )
            starts += lengths
        label = self.xlabel
        if self.spread is not None:
            spread = np.asarray(self.spread, np.float64)[shown]
            ends = np.array([np.minimum(spread, totals[shown]), spread])
            ax.errorbar(totals[shown], positions, xerr=ends, fmt="none", ecolor=colors.muted, elinewidth=1.5)
            label += " (line: spread over rows)"
        if len(others):
            each = f"{len(others)} more features have up to" if len(others) > 1 else "1 more feature has"
            label += f"\n{each} {number(totals[others[0]])}"
        ax.set_yticks(positions, [str(self.feature_names[feature]) for feature in shown])
        ax.set_xlabel(label)
        ax.set_ylim(-0.6, len(shown) - 0.4)
        ax.set_xlim(left=0)
        bare(ax, left=True)
        if self.class_names is not None:
            ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return self


def class_colors(number, colors):
    """Return a colour for each class: told apart well where there are few."""
    if number <= len(colors.classes):
        return colors.classes[:number]
    return list(colors.values(np.linspace(0, 1, number)))


def _targets(explanation):
    labels = explanation.get("class_names")
    n_targets = np.shape(explanation.prediction)[1]
    return range(n_targets) if labels is None or len(labels) != n_targets else list(labels)
