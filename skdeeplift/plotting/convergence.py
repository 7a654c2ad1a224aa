"""How far contributions are from adding up, and from what they settle at."""

from copy import copy
from itertools import cycle
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skdeeplift.plotting.appearance import check_matplotlib
from skdeeplift.plotting.display import Display, bare
from skdeeplift.plotting.drawable import check_explanation

# Where there is no error at all, on an axis of powers of ten.
SMALLEST = 1e-16
# Legends stand where no line is.
ABOVE = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1)}
STEPS = (1, 2, 5, 10, 20, 50, 100, 200)
# Columns of a report: what they say, and how their lines look.
MEASURES = {
    "change": ("distance from the final ones", "-", "o"),
    "standard_error": ("standard error", ":", "s"),
    "error": ("convergence delta", "--", "^"),
}


class ConvergenceDisplay(Display):
    """How far contributions are from adding up, row by row, or how they settle with more references or steps.

    The error of a row is its convergence delta, ``f(x) - f(reference) - sum(contributions)``, beside the larger of
    ``f(x) - f(reference)`` and the sum of absolute contributions.

    .. versionadded:: 0.1

    Parameters
    ----------
    errors : dict of str to array-like of shape (n_rows,), default=None
        Errors of rows, by the names of explanations: drawn as the share of rows whose error is at most so large.
    report : DataFrame, default=None
        What to draw instead: columns among ``"change"``, ``"standard_error"`` and ``"error"``, and an index of names
        and numbers, such as those of `reference_report`.
    tolerance : float, default=1e-3
        The error that explainers warn of.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the lines are, after `plot`.
    figure_ : matplotlib Figure
        The figure they are in, after `plot`.

    See Also
    --------
    skdeeplift.references.reference_report : How contributions settle as references grow.
    :ref:`pictures` : All displays, and which to use when.

    Examples
    --------
    >>> from skdeeplift.plotting import ConvergenceDisplay
    >>> display = ConvergenceDisplay({"rescale": [1e-7, 3e-7], "gradient": [0.4, 0.1]}).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['rescale: 2 of 2 rows within 0.001', 'gradient: 0 of 2 rows within 0.001']
    """

    def __init__(self, errors=None, *, report=None, tolerance=1e-3):
        self.errors = errors
        self.report = report
        self.tolerance = tolerance

    @classmethod
    def from_explainer(cls, explainer, X, *, target=None, over="rows", numbers=None, ax=None, **options):
        """Explain rows, and draw how far their contributions add up, or how they settle.

        Parameters
        ----------
        explainer : BaseExplainer, or dict of str to BaseExplainer
            A fitted explainer; of several, which a dict names, each has a line.
        X : array-like of shape (n_rows, *features), or list or dict of array-like
            Rows to explain.
        target : str, int, tuple, dict, array-like or callable, default=None
            What to explain, where it differs from the explainer's own ``target``; with references only the explainer's
            own.
        over : {"rows", "references", "steps"}, default="rows"
            Whether to draw the errors of rows; how contributions settle with more references, as `reference_report`
            tells; or how they do, and how they come to add up, with more steps of integrated gradients.
        numbers : list of int, default=None
            Of references or steps; by default the powers of two, or 1, 2, 5, 10 and so on to 200.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options : object
            As `from_explanation` takes them; with references as `reference_report` does, such as ``references``.

        Returns
        -------
        display : ConvergenceDisplay
            With the lines drawn.

        Raises
        ------
        ValueError
            If the method has no reference or no steps, or there is no such choice.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(cls.__name__)
        explainers = explainer if isinstance(explainer, dict) else {"": explainer}
        if over == "rows":
            explanations = {name: each.explain(X, target=target) for name, each in explainers.items()}
            return cls.from_explanation(explanations, ax=ax, **options)
        if over == "references":
            from skdeeplift.references import reference_report

            if target is not None:
                raise ValueError('over="references" draws the explainer\'s own target. Leave target= at None.')
            options = {"references": (), **options}
            reports = {
                name: reference_report(each, X, n_references=numbers, **options) for name, each in explainers.items()
            }
            return cls.from_report(_together(reports), ax=ax)
        if over == "steps":
            numbers = STEPS if numbers is None else sorted(numbers)
            reports = {name: _over_steps(each, X, target, numbers) for name, each in explainers.items()}
            return cls.from_report(_together(reports), ax=ax, **options)
        raise ValueError(f"over= takes 'rows', 'references' or 'steps'. Got {over!r}.")

    @classmethod
    def from_explanation(cls, explanation, *, tolerance=1e-3, ax=None):
        """Draw how far the contributions of rows are from adding up.

        Parameters
        ----------
        explanation : Explanation, or dict of str to Explanation
            Contributions by a method with a reference; of several, which a dict names, each has a line. Several targets
            of a row count as rows, and inputs or layers add up together.
        tolerance : float, default=1e-3
            The error that explainers warn of.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ConvergenceDisplay
            With the lines drawn.

        Raises
        ------
        ValueError
            If the explanation has no convergence delta.
        """
        is_one = hasattr(explanation, "contributions") or not isinstance(explanation, dict)
        explanations = {"": explanation} if is_one else explanation
        errors = {}
        for name, each in explanations.items():
            check_explanation(each, cls.__name__)
            if each.get("convergence_delta") is None:
                raise ValueError(
                    f"{cls.__name__} draws convergence deltas, and the explanation {name!r} has none: its method "
                    "compares rows with no reference. Use an explainer that does, such as DeepLiftExplainer."
                )
            errors[name] = relative_errors(each).ravel()
        return cls(errors, tolerance=tolerance).plot(ax=ax)

    @classmethod
    def from_report(cls, report, *, tolerance=1e-3, ax=None):
        """Draw how contributions settle, from the table that `reference_report` returns.

        Parameters
        ----------
        report : DataFrame
            Columns ``"change"`` and ``"standard_error"``, and an index of choices and numbers of references.
        tolerance : float, default=1e-3
            The error that explainers warn of, where the report has a column ``"error"``.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        display : ConvergenceDisplay
            With the lines drawn.

        Raises
        ------
        ValueError
            If the table is no such report.
        """
        return cls(report=report, tolerance=tolerance).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

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
        bare(ax)
        return self

    def _draw_errors(self, ax, colors):
        largest = SMALLEST
        for (name, errors), color in zip(self.errors.items(), cycle(colors.classes)):
            errors = np.sort(np.asarray(errors, np.float64))
            within = int((errors <= self.tolerance).sum())
            label = f"{within} of {len(errors)} rows within {self.tolerance:g}"
            shares = np.arange(1, len(errors) + 1) / len(errors)
            positions = np.maximum(errors, SMALLEST)
            largest = max(largest, positions[-1])
            ax.step(
                [positions[0], *positions],
                [0, *shares],
                where="post",
                color=color,
                linewidth=2,
                label=f"{name}: {label}" if name else label,
            )
        ax.axvline(self.tolerance, color=colors.muted, linestyle="--", linewidth=1)
        ax.set_xscale("log")
        ax.set(xlabel="convergence delta, relative to what is explained", ylabel="share of rows with at most this")
        ax.set_ylim(0, 1.02)
        ax.legend(**ABOVE)

    def _draw_report(self, ax, colors):
        from matplotlib.lines import Line2D

        report = self.report
        named, used = [], {}
        for (name, lines), color in zip(report.groupby(level=0, sort=False), cycle(colors.classes)):
            numbers = lines.index.get_level_values(1).to_numpy()
            drawn = False
            for measure, (meaning, style, marker) in MEASURES.items():
                values = lines.get(measure, pd.Series(np.nan, lines.index)).to_numpy(np.float64)
                # A logarithmic axis has no zero, such as the change of the most references from themselves.
                known = values > 0
                if known.any():
                    look = {"linestyle": style, "marker": marker, "markersize": 5, "linewidth": 2}
                    ax.plot(numbers[known], values[known], color=color, label=f"{name}, {meaning}", **look)
                    used[meaning], drawn = Line2D([], [], color=colors.muted, label=meaning, **look), True
            if drawn and str(name):
                named.append(Line2D([], [], color=color, linewidth=4, label=str(name)))
        if not used:
            raise ValueError(
                "The report tells nothing that could settle: no choice has several references. Report on one that has, "
                "such as 'sample'."
            )
        ax.set(xscale="log", yscale="log")
        if "convergence delta" in used:
            ax.axhline(self.tolerance, color=colors.muted, linestyle="--", linewidth=1)
        ticks = np.unique(report.index.get_level_values(1))
        ax.set_xticks(ticks, [str(each) for each in ticks])
        ax.set_xticks([], minor=True)
        ax.set_xlabel(str(report.index.names[1] or "number").replace("n_", "number of "))
        ax.set_ylabel("relative to contributions")
        handles = [*(named if len(named) > 1 else []), *used.values()]
        ax.legend(handles=handles, ncols=min(len(handles), 2), **ABOVE)


def relative_errors(explanation):
    """Return each row's convergence delta beside the size of what is explained.

    Parameters
    ----------
    explanation : Explanation
        By a method with a reference.

    Returns
    -------
    errors : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Zero where nothing is explained and nothing is left.
    """
    delta, prediction, reference_value = (
        np.asarray(explanation[name], np.float64) for name in ("convergence_delta", "prediction", "reference_value")
    )
    absolute = sum(
        np.abs(np.asarray(each, np.float64)).reshape(len(each), -1, *delta.shape[1:]).sum(1)
        for each in _arrays(explanation)
    )
    size = np.maximum(np.abs(prediction - reference_value), absolute)
    return np.divide(np.abs(delta), size, out=np.where(delta != 0, np.inf, 0.0), where=size > 0)


def _over_steps(explainer, X, target, numbers):
    """One line for each number of steps: how far contributions add up, and are from those by the most steps."""
    check_is_fitted(explainer)
    if "n_steps" not in explainer.get_params(deep=False):
        raise ValueError(
            f"{type(explainer).__name__} takes no steps. Use over='rows', or an IntegratedGradientsExplainer."
        )
    explanations = {}
    for number in numbers:
        check_scalar(number, "numbers", Integral, min_val=1)
        # As if it had been fitted so: neither the network nor the references depend on the number of steps.
        coarser = copy(explainer)
        coarser._fitted = {**explainer._fitted, "n_steps": int(number)}
        coarser.check = "ignore"
        explanations[number] = coarser.explain(X, target=target)
    most = _side_by_side(explanations[max(numbers)])
    sizes = np.linalg.norm(most, axis=1)
    lines = {
        number: {
            "change": (np.linalg.norm(_side_by_side(each) - most, axis=1)[sizes > 0] / sizes[sizes > 0]).mean(),
            "error": relative_errors(each).mean(),
        }
        for number, each in explanations.items()
    }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("n_steps")


def _side_by_side(explanation):
    """All contributions of a row, to whatever targets and of whatever inputs or layers."""
    return np.concatenate([np.reshape(each, (len(each), -1)) for each in _arrays(explanation)], 1).astype(np.float64)


def _arrays(explanation):
    arrays = explanation.contributions
    return arrays.values() if isinstance(arrays, dict) else arrays if isinstance(arrays, (list, tuple)) else [arrays]


def _together(reports):
    """Reports by their names below each other; those of several explainers keep the explainer's name alone."""
    tables = []
    for name, report in reports.items():
        if report.index.nlevels == 1:
            report = pd.concat({name: report}, names=["explainer"])
        elif len(reports) > 1:
            report = report.rename(
                index=lambda choice, name=name: name if choice == "fitted" else f"{name}, {choice}", level=0
            )
        tables.append(report)
    return pd.concat(tables)


def _check_report(report):
    if not (isinstance(report, pd.DataFrame) and report.index.nlevels == 2 and set(MEASURES) & set(report.columns)):
        raise ValueError(
            "report= takes the DataFrame that skdeeplift.references.reference_report returns: with an index of choices "
            f"and numbers, and columns among {', '.join(map(repr, MEASURES))}."
        )
