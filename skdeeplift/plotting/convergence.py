"""Display of convergence deltas, and of the convergence of contributions with more references or steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, Axes, DataFrame, ExplainersLike, Explanation, Rows, TargetLike
from skdeeplift.binding.estimators import with_attributes
from skdeeplift.explanation.explanation_parts import find_parts
from skdeeplift.number_text import format_number
from skdeeplift.plotting.display import Display, check_matplotlib, hide_spines
from skdeeplift.plotting.explanation_slice import name_explanations
from skdeeplift.references.reference_comparison import flatten_contributions, mean_relative_size, reference_report

# A logarithmic axis has no zero, so smaller errors are drawn here.
SMALLEST = 1e-16
# Legends are above the axes, where there are no lines.
ABOVE = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1)}
STEPS = (1, 2, 5, 10, 20, 50, 100, 200)
# Columns of a report, with their meanings, line styles and markers.
MEASURES = {
    "change": ("distance from the final ones", "-", "o"),
    "standard_error": ("standard error", ":", "s"),
    "error": ("convergence delta", "--", "^"),
}


class ConvergenceDisplay(Display):
    """Lines of the rows' convergence deltas, or of contributions that settle with more references or steps.

    The error of a row is its convergence delta, ``f(x) - f(reference) - sum(contributions)``, divided by the larger of
    ``|f(x) - f(reference)|`` and the sum of absolute contributions.

    .. versionadded:: 1.0

    Parameters
    ----------
    errors : dict of str to array-like of shape (n_rows,), default=None
        Errors of rows, by the names of explanations. A line shows the share of rows with at most each error.
    report : DataFrame, default=None
        Table to draw instead of errors. Its columns are among ``"change"``, ``"standard_error"`` and ``"error"``, and
        its index has names and numbers, as in the table of `reference_report`.
    %(tolerance)s

    Attributes
    ----------
    %(ax_)s
    %(figure_)s

    See Also
    --------
    skdeeplift.references.reference_report : Distance of contributions from the final ones, by number of references.
    :ref:`pictures` : All displays, and when to use which.

    Examples
    --------
    >>> from skdeeplift.plotting import ConvergenceDisplay
    >>> display = ConvergenceDisplay({"rescale": [1e-7, 3e-7], "gradient": [0.4, 0.1]}).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['rescale: 2 of 2 rows within 0.001', 'gradient: 0 of 2 rows within 0.001']
    """

    def __init__(
        self, errors: Mapping[str, ArrayLike] | None = None, *, report: DataFrame | None = None, tolerance: float = 1e-3
    ) -> None:
        self.errors = errors
        self.report = report
        self.tolerance = tolerance

    @classmethod
    def from_explainer(
        cls,
        explainer: ExplainersLike,
        X: Rows,
        *,
        target: TargetLike | None = None,
        over: Literal["rows", "references", "steps"] = "rows",
        numbers: Sequence[int] | None = None,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Explain rows and draw their convergence deltas, or the convergence of contributions.

        Parameters
        ----------
        explainer : BaseExplainer, or dict of str to BaseExplainer
            One or several fitted explainers. Each explainer of a dict has a line.
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows to explain.
        target : str, int, tuple, dict, array-like or callable, default=None
            The target to explain; the explainer's own ``target`` by default. Must be None with ``over="references"``.
        over : {"rows", "references", "steps"}, default="rows"
            Quantity to draw. The errors of rows for ``"rows"``. The columns of `reference_report` against the number of
            references for ``"references"``. The distance from the final contributions, and the mean error, against the
            number of steps of integrated gradients for ``"steps"``.
        numbers : list of int, default=None
            Numbers of references or steps. By default powers of two for references, and 1, 2, 5, 10 and so on to 200
            for steps.
        %(ax)s
        **options : object
            Further parameters of `from_explanation`; with ``over="references"`` those of `reference_report`, such as
            ``references``.

        Returns
        -------
        display : ConvergenceDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the method has no reference or no steps, or if ``over`` has another value.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        explainers = explainer if isinstance(explainer, dict) else {"": explainer}
        if over == "rows":
            explanations = {name: each.explain(X, target=target) for name, each in explainers.items()}
            return cls.from_explanation(explanations, ax=ax, **options)
        if over == "references":
            if target is not None:
                raise ValueError('over="references" draws the explainer\'s own target. Leave target= at None.')
            options = {"references": (), **options}
            reports = {
                name: reference_report(each, X, n_references=numbers, **options) for name, each in explainers.items()
            }
            return cls.from_report(_join_reports(reports), ax=ax)
        if over != "steps":
            raise ValueError(f"over= takes 'rows', 'references' or 'steps'. Got {over!r}.")
        numbers = STEPS if numbers is None else sorted(numbers)
        reports = {name: _over_steps(each, X, target, numbers) for name, each in explainers.items()}
        return cls.from_report(_join_reports(reports), ax=ax, **options)

    @classmethod
    def from_explanation(
        cls, explanation: Explanation | Mapping[str, Explanation], *, tolerance: float = 1e-3, ax: Axes | None = None
    ) -> Self:
        """Draw the convergence deltas of an explanation's rows.

        Parameters
        ----------
        explanation : Explanation, or dict of str to Explanation
            Contributions by a method with a reference. Each explanation of a dict has a line. Each target of a row
            counts as a row; contributions of all inputs or layers are summed.
        %(tolerance)s
        %(ax)s

        Returns
        -------
        display : ConvergenceDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the explanation has no convergence delta.
        """
        errors = {}
        for name, each in name_explanations(explanation, cls.__name__).items():
            if each.get("convergence_delta") is None:
                raise ValueError(
                    f"{cls.__name__} draws convergence deltas, and the explanation {name!r} has none: its method "
                    "compares rows with no reference. Use an explainer that does, such as DeepLiftExplainer."
                )
            errors[name] = relative_errors(each).ravel()
        return cls(errors, tolerance=tolerance).plot(ax=ax)

    @classmethod
    def from_report(cls, report: DataFrame, *, tolerance: float = 1e-3, ax: Axes | None = None) -> Self:
        """Draw the table that `reference_report` returns.

        Parameters
        ----------
        report : DataFrame
            Table with the columns ``"change"`` and ``"standard_error"``, and an index of choices and numbers of
            references.
        tolerance : float, default=1e-3
            Error at which a line is drawn, if the report has a column ``"error"``.
        %(ax)s

        Returns
        -------
        display : ConvergenceDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the table is not such a report.
        """
        return cls(report=report, tolerance=tolerance).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the lines.

        Parameters
        ----------
        %(ax)s

        Returns
        -------
        display : ConvergenceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is nothing to draw.
        ImportError
            If matplotlib is not installed.
        """
        check_scalar(self.tolerance, "tolerance", Real, min_val=0, include_boundaries="neither")
        if (self.errors is None) == (self.report is None):
            raise ValueError("ConvergenceDisplay draws errors= or a report=. Pass one of the two.")
        if self.report is not None:
            _check_report(self.report)
        ax, colors = self._start(ax, 6.4, 4.2)
        (self._draw_errors if self.report is None else self._draw_report)(ax, colors)
        hide_spines(ax)
        return self

    def _draw_errors(self, ax, colors):
        """Draw the share of rows with at most each error."""
        for (name, errors), color in zip(self.errors.items(), cycle(colors.classes)):
            errors = np.sort(np.asarray(errors, np.float64))
            shares = np.arange(1, len(errors) + 1) / len(errors)
            positions = np.maximum(errors, SMALLEST)
            within = f"{(errors <= self.tolerance).sum()} of {len(errors)} rows within {format_number(self.tolerance)}"
            label = f"{name}: {within}" if name else within
            ax.step([positions[0], *positions], [0, *shares], where="post", color=color, linewidth=2, label=label)
        ax.axvline(self.tolerance, color=colors.muted, linestyle="--", linewidth=1)
        ax.set_xscale("log")
        ax.set(xlabel="convergence delta, relative to what is explained", ylabel="share of rows with at most this")
        ax.set_ylim(0, 1.02)
        ax.legend(**ABOVE)

    def _draw_report(self, ax, colors):
        """Draw the measures of a report against the number of references or steps."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        # One key for each choice, and one for each measure.
        named, used = [], {}
        for (name, lines), color in zip(self.report.groupby(level=0, sort=False), cycle(colors.classes)):
            numbers, drawn = lines.index.get_level_values(1).to_numpy(), False
            for measure in [each for each in MEASURES if each in lines]:
                meaning, style, marker = MEASURES[measure]
                values = lines[measure].to_numpy(np.float64)
                # A logarithmic axis has no zero, such as the distance of the final contributions from themselves.
                known = values > 0
                if known.any():
                    look = {"linestyle": style, "marker": marker, "markersize": 5, "linewidth": 2}
                    ax.plot(numbers[known], values[known], color=color, label=f"{name}, {meaning}", **look)
                    used[meaning], drawn = Line2D([], [], color=colors.muted, label=meaning, **look), True
            if drawn and str(name):
                named.append(Line2D([], [], color=color, linewidth=4, label=str(name)))
        if not used:
            raise ValueError(
                "No choice of the report has several references. Report on one that has, such as 'sample'."
            )
        ax.set(xscale="log", yscale="log")
        if "convergence delta" in used:
            ax.axhline(self.tolerance, color=colors.muted, linestyle="--", linewidth=1)
        ticks = np.unique(self.report.index.get_level_values(1))
        ax.set_xticks(ticks, [str(each) for each in ticks])
        ax.set_xticks([], minor=True)
        # Labels such as 0.2 and 0.05, and no labels between them.
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
        ax.yaxis.set_minor_formatter(NullFormatter())
        name = str(self.report.index.names[1] or "number").replace("n_", "number of ")
        ax.set(xlabel=name, ylabel="relative to contributions")
        handles = [*(named if len(named) > 1 else []), *used.values()]
        ax.legend(handles=handles, ncols=min(len(handles), 2), **ABOVE)


def relative_errors(explanation):
    """Divide each row's convergence delta by the size of the explained change.

    Parameters
    ----------
    explanation : Explanation
        An explanation by a method with a reference.

    Returns
    -------
    errors : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Relative errors. Zero if both the convergence delta and the size are zero, and infinite if only the size is.
    """
    names = ("convergence_delta", "prediction", "reference_value")
    delta, prediction, reference_value = (np.asarray(explanation[name], np.float64) for name in names)
    arrays = [np.asarray(part.contributions, np.float64) for part in find_parts(explanation)[1]]
    absolute = sum(np.abs(each).reshape(len(each), -1, *delta.shape[1:]).sum(1) for each in arrays)
    size = np.maximum(np.abs(prediction - reference_value), absolute)
    return np.divide(np.abs(delta), size, out=np.where(delta != 0, np.inf, 0.0), where=size > 0)


def _over_steps(explainer, X, target, numbers):
    """Return the mean error, and the distance from the contributions with the most steps, for each number of steps."""
    check_is_fitted(explainer)
    if "n_steps" not in explainer.get_params(deep=False):
        owner = type(explainer).__name__
        raise ValueError(f"{owner} takes no steps. Use over='rows', or an IntegratedGradientsExplainer.")
    explanations = {}
    for number in numbers:
        check_scalar(number, "numbers", Integral, min_val=1)
        # The copy shares fitted attributes, since neither network nor references depend on the number of steps.
        bound = explainer.bound_.copy(n_steps=int(number))
        coarser = with_attributes(explainer, bound_=bound, check="ignore")
        explanations[number] = coarser.explain(X, target=target)
    most = flatten_contributions(explanations[max(numbers)].contributions)
    lines = {
        number: {
            "change": mean_relative_size(flatten_contributions(each.contributions) - most, most),
            "error": relative_errors(each).mean(),
        }
        for number, each in explanations.items()
    }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("n_steps")


def _join_reports(reports):
    """Join the reports of several explainers, and name each explainer's own references after the explainer."""
    tables = []
    for name, report in reports.items():
        if report.index.nlevels == 1:
            report = pd.concat({name: report}, names=["explainer"])
        elif len(reports) > 1:
            choices = {each: name if each == "fitted" else f"{name}, {each}" for each in report.index.levels[0]}
            report = report.rename(index=choices, level=0)
        tables.append(report)
    return pd.concat(tables)


def _check_report(report):
    """Raise an error if a table is not a report that can be drawn."""
    if not (isinstance(report, pd.DataFrame) and report.index.nlevels == 2 and set(MEASURES) & set(report.columns)):
        raise ValueError(
            "report= takes the DataFrame that skdeeplift.references.reference_report returns: with an index of choices "
            f"and numbers, and columns among {', '.join(map(repr, MEASURES))}."
        )
