"""Display of mean absolute contributions, one bar for each feature."""

from __future__ import annotations

from typing import Self

import numpy as np

from skdeeplift.annotations import ArrayLike, Axes, Explanation
from skdeeplift.explanation.explanation_parts import has_targets, target_labels
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import LEGEND_ON_THE_RIGHT, Display, hide_spines, write_plain_ticks
from skdeeplift.plotting.explanation_slice import check_explanation, slice_table
from skdeeplift.plotting.rows_and_columns import are_row_targets, name_others, rank_features
from skdeeplift.plotting.target_text import plural_unit, target_name


class ImportanceDisplay(Display):
    """Bars of mean absolute contributions, the largest on top, with their numbers.

    .. versionadded:: 1.0

    Parameters
    ----------
    importances : array-like of shape (n_features,) or (n_features, n_classes)
        Mean absolute contribution of each feature. With several classes, a bar has one segment for each class.
    %(feature_names)s
    spread : array-like of shape (n_features,), default=None
        Standard deviation of the absolute contributions over rows, drawn as whiskers at the bar's end. None draws no
        whiskers.
    class_names : array-like of str of shape (n_classes,), default=None
        Names of the classes.
    xlabel : str, default="mean absolute contribution"
        Label of the axis of importances.

    Attributes
    ----------
    %(ax_)s
    %(figure_)s

    See Also
    --------
    BeeswarmDisplay : Each row's contributions, with the values of the features.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import ImportanceDisplay
    >>> display = ImportanceDisplay([0.2, 0.5], ["age", "height"]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['height', 'age']
    """

    def __init__(
        self,
        importances: ArrayLike,
        feature_names: ArrayLike,
        *,
        spread: ArrayLike | None = None,
        class_names: ArrayLike | None = None,
        xlabel: str = "mean absolute contribution",
    ) -> None:
        self.importances = importances
        self.feature_names = feature_names
        self.spread = spread
        self.class_names = class_names
        self.xlabel = xlabel

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        target: int | str | None = None,
        by_class: bool = False,
        spread: bool = False,
        part: str | int | None = None,
        max_features: int = 10,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the importances of an explanation of a table.

        Parameters
        ----------
        %(explanation)s
        target : int or str, default=None
            The target to draw; by default the mean over all targets. If rows have targets of their own, the rows of
            this target are drawn; all rows by default.
        by_class : bool, default=False
            Whether a bar has one segment for each target. If rows have targets of their own, a segment is the share of
            the rows of one target in the mean.
        spread : bool, default=False
            Whether whiskers show the standard deviation (SD) of absolute contributions over rows.
        %(part)s
        %(max_features)s
        %(ax)s

        Returns
        -------
        display : ImportanceDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the explanation is not about a table, if it has several inputs or layers and none is chosen, or if there
            is no such target.
        """
        check_explanation(explanation, cls.__name__)
        asked, of_all, classes = explanation.get("target"), has_targets(explanation), None
        of_rows = are_row_targets(asked, len(np.asarray(explanation.get("prediction", ()))))
        if by_class and (target is not None or not (of_all or of_rows)):
            which = "the explanation has one" if target is None else "target= chooses one"
            raise ValueError(
                f"by_class=True tells several targets apart, and {which}. Explain target='all', or use by_class=False."
            )
        labels = target_labels(explanation) if of_all and target is None else [target]
        slices = [slice_table(explanation, cls.__name__, target=each, part=part, is_mixed=True) for each in labels]
        label, absolute = slices[0].target.contribution, np.abs(slices[0].contributions)
        if of_all and target is None:
            label = f"contribution to {plural_unit(explanation)}"
            several = "outputs" if label.endswith("outputs") else "classes"
            absolute = np.abs(np.stack([each.contributions for each in slices], -1))
            if by_class:
                classes = [target_name(explanation, each) for each in labels]
                label += f", summed over {several}"
            else:
                absolute = absolute.mean(-1)
                label += f", mean over {len(labels)} {several}" if len(labels) > 1 else ""
        elif by_class:
            targets = np.unique(asked)
            classes = [target_name(explanation, each) for each in targets]
            absolute = absolute[..., None] * (asked[:, None] == targets)[:, None]
        # float32 would round means over many rows.
        absolute = absolute.astype(np.float64)
        deviation = (absolute if absolute.ndim == 2 else absolute.sum(-1)).std(0) if spread else None
        display = cls(
            absolute.mean(0),
            slices[0].feature_names,
            spread=deviation,
            class_names=classes,
            xlabel=f"mean absolute {label}",
        )
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features: int | None = None, ax: Axes | None = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=None
            %(max_features)s
        %(ax)s

        Returns
        -------
        display : ImportanceDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        importances = np.asarray(self.importances, np.float64)
        segments = importances.reshape(len(importances), -1)
        shown, others = rank_features(segments.sum(1), max_features)
        labels = [*(str(self.feature_names[feature]) for feature in shown), *name_others(others)]
        bars = np.vstack([segments[shown], *([segments[others].sum(0)] if len(others) else [])])
        totals, n_classes = bars.sum(1), bars.shape[1]
        ax, colors = self._start(ax, 7, 1.3 + 0.3 * len(bars), labels)
        positions, starts = np.arange(len(bars)), np.zeros(len(bars))
        names = [None] * n_classes if self.class_names is None else self.class_names
        # Neighbouring segments may have similar colours, so a gap separates them.
        gap = {"edgecolor": colors.background, "linewidth": 0.8 if n_classes > 1 else 0}
        for name, color, lengths in zip(names, colors.by_class(n_classes), bars.T, strict=True):
            ax.barh(
                positions,
                np.where(np.isfinite(lengths), lengths, 0),
                left=starts,
                height=0.7,
                color=color,
                label=name,
                **gap,
            )
            starts += lengths
        label, ends = self.xlabel, totals.copy()
        if self.spread is not None:
            spread = np.asarray(self.spread, np.float64)[shown]
            sides = np.array([np.minimum(spread, totals[: len(shown)]), spread])
            whiskers = {"fmt": "none", "ecolor": colors.muted, "elinewidth": 1.5, "capsize": 3}
            ax.errorbar(totals[: len(shown)], positions[: len(shown)], xerr=sides, **whiskers)
            ends[: len(shown)] += spread
            label += "\n(whiskers: SD over rows)"
        texts = [format_number(total) for total in totals]
        # Numbers that are not finite are written at the axis.
        ends = np.where(np.isfinite(ends), ends, 0)
        place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        for text, end, position in zip(texts, ends, positions, strict=True):
            ax.annotate(text, (end, position), color=colors.ink, fontsize="small", **place)
        ax.set_yticks(positions, labels, parse_math=False)
        # The numbers at the bars' ends need space.
        ax.set_xlim(0, (1.02 + 0.02 * max(map(len, texts))) * max(ends.max(), np.finfo(float).tiny))
        # The first feature is on top.
        ax.set(xlabel=label, ylim=(len(bars) - 0.4, -0.6))
        write_plain_ticks(ax.xaxis)
        hide_spines(ax, left=True)
        if len(others) and n_classes == 1:
            # The sum of many features is no rank among single features.
            ax.patches[-1].set_color(colors.muted)
        if self.class_names is not None:
            ax.legend(**LEGEND_ON_THE_RIGHT)
        return self
