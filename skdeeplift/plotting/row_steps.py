"""Steps from the target's value at the reference to the prediction of one row."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skdeeplift.annotations import Axes, Explanation
from skdeeplift.number_text import format_value
from skdeeplift.plotting.display import Display
from skdeeplift.plotting.explanation_slice import slice_table
from skdeeplift.plotting.rows_and_columns import choose_row, join_names, name_others, rank_features, take_column

# A difference between the contributions' sum and the prediction is a step above this share of the steps' extent.
VISIBLE = 1e-3
# Marks a sum of several features, which has no value, among the values of features.
NO_VALUE = object()


class RowDisplay(Display):
    """Display of one row, with steps from the target at the reference to the prediction."""

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        row: Any = None,
        position: int | None = None,
        target: int | str | None = None,
        part: str | int | None = None,
        max_features: int = 10,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the contributions of one row of an explanation of a table.

        Parameters
        ----------
        %(explanation)s
            The method compares them with a reference.
        %(row)s
        %(position)s
        target : int or str, default=None
            The target to draw. By default the row's predicted class among several classes, or the row's own target if
            rows have different targets. Required if there are several outputs that are not classes.
        %(part)s
        %(max_features)s
        %(ax)s

        Returns
        -------
        display : Display
            The display, already drawn.

        Raises
        ------
        ValueError
            If the explanation is not about a table, or has no reference. If it has several rows, outputs, inputs or
            layers and none is chosen. If a number of the row is not finite.
        """
        arguments, values, text = take_row(
            explanation, cls.__name__, row=row, position=position, target=target, part=part
        )
        display = cls(*arguments, values=values, xlabel=text.with_sides(text.quantity or "output"))
        return display.plot(max_features=max_features, ax=ax)


def take_row(explanation, owner, *, row=None, position=None, target=None, part=None):
    """Take one row of an explanation of a table.

    Parameters
    ----------
    explanation : Explanation
        Contributions of the rows of a table, by a method that compares them with a reference.
    owner : str
        The name of the display, for errors.
    row, position : object, default=None
        The choice of `choose_row`.
    target, part : object, default=None
        The choices of `slice_explanation`.

    Returns
    -------
    arguments : tuple
        Contributions, value at the reference, prediction and names of features.
    values : list or None
        Values of the features.
    text : TargetText
        Words for the target.

    Raises
    ------
    ValueError
        If `slice_table` raises it, if there are several rows and none is chosen, or if there is no reference.
    """
    chosen = slice_table(explanation, owner, target=target, part=part, is_mixed=True)
    if chosen.reference_value is None or chosen.prediction is None:
        raise ValueError(
            f"{owner} starts at the target's value at the reference, and the explanation has none. Use an "
            "explainer that compares rows with a reference, such as DeepLiftExplainer."
        )
    row = choose_row(chosen.rows, row, position, owner)
    contributions, values = chosen.contributions[row], chosen.values
    if values is not None:
        values = [np.asarray(take_column(values, feature))[row] for feature in range(len(contributions))]
    names = chosen.feature_names
    if chosen.other_contributions is not None:
        contributions, names = np.append(contributions, chosen.other_contributions[row]), [*names, chosen.others]
        values = None if values is None else [*values, NO_VALUE]
    arguments = contributions, chosen.reference_value[row], chosen.prediction[row], names
    return arguments, values, chosen.text_of_row(row)


def name_features(feature_names, values=None):
    """Return the names of features, with their values if these are known.

    Parameters
    ----------
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    values : array-like of shape (n_features,), default=None
        Values of the features.

    Returns
    -------
    names : list of str
        Such as "age = 41".
    """
    if values is None:
        return [str(name) for name in feature_names]
    return [
        str(name) if value is NO_VALUE else f"{name} = {format_value(value)}"
        for name, value in zip(feature_names, values, strict=True)
    ]


def steps_to_prediction(contributions, reference_value, prediction, names, max_features):
    """Return the steps from the reference value to the prediction, the largest first.

    Parameters
    ----------
    contributions : array-like of shape (n_features,)
        Contributions of one row.
    reference_value, prediction : float
        The target at the reference and at the row.
    names : list of str
        Names of the features.
    max_features : int or None
        Number of features with a step of their own; all if None. The others share one step.

    Returns
    -------
    names : list of str
        Names of the steps. The last step is "not explained" if the contributions miss the prediction.
    changes : ndarray of shape (n_steps,)
        Changes of the target.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    contributions = np.asarray(contributions, np.float64)
    start, end = float(reference_value), float(prediction)
    numbers = [start, end, *contributions]
    if not np.isfinite(numbers).all():
        places = np.flatnonzero(~np.isfinite(numbers))
        unknown = join_names(np.array(["reference value", "prediction", *names], dtype=object)[places])
        raise ValueError(
            f"Finite contributions lead from the reference value to the prediction. These are not finite: {unknown}. "
            "Replace missing and infinite values before rows are explained; explanation.to_frame() shows all numbers."
        )
    shown, others = rank_features(np.abs(contributions), max_features)
    names = [*(names[feature] for feature in shown), *name_others(others)]
    changes = [*contributions[shown], *([contributions[others].sum()] if len(others) else [])]
    left = end - start - contributions.sum()
    reached = start + np.cumsum([0.0, *changes])
    if abs(left) > VISIBLE * max(np.ptp([*reached, end]), np.abs(contributions).sum()):
        names.append("not explained")
        changes.append(left)
    return names, np.array(changes)
