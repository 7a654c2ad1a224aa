"""Slice of an explanation that a display draws: one input or layer, and one target."""

from typing import NamedTuple

import numpy as np

from skdeeplift.explanation.explanation_parts import find_part, find_parts, has_targets, target_labels, unwrap_single
from skdeeplift.plotting.rows_and_columns import (
    Rows,
    are_row_targets,
    find_target,
    is_single_target,
    join_names,
    take_rows,
)
from skdeeplift.plotting.target_text import TargetText, describe_target, has_classes


class ExplanationSlice(NamedTuple):
    """Contributions of one input or layer to one target."""

    contributions: np.ndarray
    # The input's values, as an array or a DataFrame. None if they are not known.
    values: object
    # The target at each row and at its reference. None if they are not known.
    prediction: np.ndarray | None
    reference_value: np.ndarray | None
    feature_names: np.ndarray | None
    # Words for the target.
    target: TargetText
    # The rows of the explanation, and which of them are taken.
    rows: Rows
    letters_axis: int | None = None
    # Sum of the contributions of columns that were left out, or of other inputs, and words for them.
    other_contributions: np.ndarray | None = None
    others: str = ""
    # Words for the target of each row, if rows have targets of their own.
    target_of_rows: list[TargetText] | None = None

    def text_of_row(self, row):
        """Return the words for the target of one row."""
        return self.target if self.target_of_rows is None else self.target_of_rows[row]


def slice_explanation(explanation, owner, *, target=None, part=None, field="contributions", is_mixed=False):
    """Take one input or layer, and one target, of an explanation.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    owner : str
        The name of the display, for errors.
    target : int, str or object, default=None
        The index or label of one of several targets. If rows have targets of their own, the rows of this target are
        taken.
    part : str or int, default=None
        The name, key or position of one of several inputs or layers.
    field : str, default="contributions"
        The field to take, which has the shape of the contributions.
    is_mixed : bool, default=False
        Whether rows with different targets may be taken together. Of several classes, the predicted class of each row
        is then taken by default.

    Returns
    -------
    chosen : ExplanationSlice
        The slice.

    Raises
    ------
    TypeError
        If the object is not an explanation.
    ValueError
        If there is no such input, layer or target, or if there are several and none is chosen.
    """
    check_explanation(explanation, owner)
    contributions, values, letters_axis = _take_part(explanation, owner, part, field)
    rows, asked, of_rows = slice(None), explanation.get("target"), None
    others, sums = _sum_others(explanation, part)
    at_target = [explanation.get("prediction"), explanation.get("reference_value"), sums]
    if has_targets(explanation):
        choices = target_labels(explanation)
        if target is None and len(choices) > 1:
            if not (is_mixed and has_classes(explanation)):
                raise ValueError(
                    f"{owner} draws contributions to one target, and the explanation has {len(choices)}. Pass "
                    f"target={join_names(choices[:1])}, or another of {join_names(choices)}."
                )
            index = np.argmax(explanation.prediction, axis=1)
            texts = [describe_target(explanation, label) for label in choices]
            text, of_rows = describe_target(explanation, index), [texts[each] for each in index]
        else:
            index = 0 if target is None else find_target(target, explanation)
            text = describe_target(explanation, None if len(choices) == 1 else choices[index])
        taken = np.arange(len(contributions)) if of_rows else slice(None), ..., index
        contributions = contributions[taken]
        at_target = [None if each is None else np.asarray(each)[taken] for each in at_target]
    elif are_row_targets(asked, len(contributions)):
        if target is not None:
            rows = np.flatnonzero(asked == target)
            if not len(rows):
                raise ValueError(f"No row has target {target!r}. The rows' targets are {join_names(np.unique(asked))}.")
        texts = {each: describe_target(explanation, each) for each in np.unique(asked[rows])}
        text = next(iter(texts.values())) if len(texts) == 1 else describe_target(explanation)
        of_rows = [texts[each] for each in asked[rows]]
    else:
        text = describe_target(explanation)
        if target is not None and not (is_single_target(asked) and asked == target):
            which = "to a single output" if asked is None else f"to target {asked!r} alone"
            raise ValueError(
                f"The explanation holds contributions {which}. Leave target= out, or explain with target={target!r}."
            )
    names = explanation.get("feature_names")
    if names is None and hasattr(values, "columns"):
        names = values.columns
    return ExplanationSlice(
        contributions[rows],
        None if values is None else take_rows(values, rows),
        *(None if each is None else np.asarray(each)[rows] for each in at_target[:2]),
        None if names is None else np.asarray(names, dtype=object),
        text,
        Rows(len(contributions), explanation.get("index"), np.arange(len(contributions))[rows]),
        letters_axis,
        None if sums is None else np.asarray(at_target[2])[rows],
        others,
        of_rows,
    )


def slice_table(explanation, owner, *, target=None, part=None, is_mixed=False):
    """Take one input or layer, and one target, of an explanation of a table.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    owner : str
        The name of the display, for errors.
    target, part : object, default=None
        The choices of `slice_explanation`.
    is_mixed : bool, default=False
        Whether rows with different targets may be taken together.

    Returns
    -------
    chosen : ExplanationSlice
        The slice, with contributions of shape (n_rows, n_features) and a name for each feature.

    Raises
    ------
    ValueError
        If `slice_explanation` raises it, if the rows are not those of a table, or if they have different targets.
    """
    chosen = slice_explanation(explanation, owner, target=target, part=part, is_mixed=is_mixed)
    if chosen.contributions.ndim != 2:
        raise ValueError(
            f"{owner} draws the features of a table, contributions of shape (n_rows, n_features). Got contributions of "
            f"shape {chosen.contributions.shape}. Use ImageContributionDisplay for images, SequenceLogoDisplay for "
            "one-hot sequences, and TokenDisplay for text."
        )
    if not is_mixed and len(set(chosen.target_of_rows or ())) > 1:
        raise ValueError(
            f"{owner} draws contributions to one target, and these rows have different targets, such as their "
            f"predicted classes. Pass target=, one of {join_names(np.unique(explanation['target']))}, to draw the rows "
            "of this target, or explain all rows with one target."
        )
    n_rows, n_features = chosen.contributions.shape
    if not n_rows:
        raise ValueError(f"{owner} draws rows, and the explanation has none.")
    if chosen.feature_names is not None and len(chosen.feature_names) == n_features:
        return chosen
    names = np.array([f"feature {feature}" for feature in range(n_features)], dtype=object)
    return chosen._replace(feature_names=names)


def name_explanations(explanation, owner):
    """Return a dict of explanations by their names, with an empty name for a single explanation.

    Parameters
    ----------
    explanation : Explanation, or dict of str to Explanation
        One or several explanations.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    explanations : dict of str to Explanation
        At least one explanation.

    Raises
    ------
    TypeError
        If an object is not an explanation.
    """
    # An explanation is a dict too.
    is_dict = isinstance(explanation, dict) and not hasattr(explanation, "contributions") and explanation
    explanations = explanation if is_dict else {"": explanation}
    for each in explanations.values():
        check_explanation(each, owner)
    return explanations


def check_explanation(explanation, owner):
    """Raise an error if an object has no contributions.

    Parameters
    ----------
    explanation : object
        The object that the user passed.
    owner : str
        The name of the display, for the error.

    Raises
    ------
    TypeError
        If the object is not an explanation.
    """
    if not hasattr(explanation, "contributions"):
        raise TypeError(
            f"{owner}.from_explanation takes an explanation, which explainer.explain(X) returns. Got "
            f"{type(explanation).__name__}. For an explainer and its rows use {owner}.from_explainer(explainer, X)."
        )


def _sum_others(explanation, part):
    """Return words for contributions that are not those of a part, and their sum for each row, or None."""
    kind, parts = find_parts(explanation)
    if kind != "input" or len(parts) == 1:
        return "columns left out", explanation.get("other_contributions")
    chosen = find_part(parts, part)
    arrays = [np.asarray(each.contributions) for each in parts if each is not chosen]
    targets = np.shape(explanation.prediction)[1:]
    return "other inputs", sum(each.reshape(len(each), -1, *targets).sum(1, dtype=np.float64) for each in arrays)


def _take_part(explanation, owner, part, field):
    """Return a field, the values and the axis of letters of one input or layer."""
    kind, parts = find_parts(explanation)
    names = [each.name for each in parts]
    if kind is None and part is not None:
        raise ValueError(f"The explanation is about one input or layer. Leave part= at None, not {part!r}.")
    if part is None and len(parts) > 1:
        raise ValueError(
            f"{owner} draws one {kind}, and the explanation has {len(parts)}. Pass part={names[0]!r}, or another of "
            f"{join_names(names)}."
        )
    chosen = parts[0] if part is None else find_part(parts, part)
    if chosen is None:
        raise ValueError(f"part={part!r} is no {kind} of the explanation. Expected one of {join_names(names)}.")
    array, X, values = explanation[field], explanation.get("X"), chosen.values
    letters_axis = explanation.get("letters_axis")
    if kind is None:
        X = unwrap_single(X)
    else:
        # Layers have the rows in common.
        array, X = array[chosen.key], unwrap_single(X) if values is None else X[chosen.key]
    if isinstance(letters_axis, (list, dict)):
        letters_axis = letters_axis[chosen.key]
    if array is None:
        raise ValueError(f"The explanation has no {field} of {kind} {part!r}, which holds no letters.")
    if values is not None and hasattr(X, "columns"):
        # A DataFrame keeps the dtypes of its columns.
        values = X
    elif values is None and not isinstance(X, (list, dict)) and np.ndim(X) and len(X) == len(array):
        # A layer's contributions can be laid over the rows, such as images, unless the rows are a table.
        X = np.asarray(X)
        values = X if explanation.get("feature_names") is None and max(X.ndim, np.ndim(array)) > 2 else None
    return np.asarray(array), values, letters_axis
