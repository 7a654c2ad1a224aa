"""What of an explanation a display draws."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd

from skdeeplift.explanation.long_table import find_parts, only
from skdeeplift.targets.labels import as_indices

# How many rows are drawn unless they are chosen.
MOST_ROWS = 5


class Drawable(NamedTuple):
    """Contributions of one input or layer to one target."""

    contributions: np.ndarray
    # The values of the input; None of a layer's units. A DataFrame where the input is one.
    values: object
    # Of each row; None where they are not known.
    prediction: np.ndarray | None
    reference_value: np.ndarray | None
    feature_names: np.ndarray | None
    # What the contributions are to, to stand behind the word "contribution"; may be empty.
    to_target: str
    letters_axis: int | None = None


def drawable(explanation, owner, *, target=None, part=None, field="contributions"):
    """Choose one input or layer, and one target, of an explanation.

    Parameters
    ----------
    explanation : Explanation
        What `explain` returned.
    owner : str
        The display's name, for errors.
    target : int, str or object, default=None
        The index or label of one of several targets; of rows with targets of their own, which rows.
    part : str or int, default=None
        The key or position of one of several inputs or layers.
    field : str, default="contributions"
        What to take, of the same shape.

    Returns
    -------
    drawable : Drawable
        As arrays.

    Raises
    ------
    TypeError
        If it is no explanation.
    ValueError
        If there is no such input, layer or target, or several and none is chosen.
    """
    check_explanation(explanation, owner)
    contributions, values = _one_part(explanation, owner, part, field)
    n_rows = len(contributions)
    rows, labels = slice(None), explanation.get("class_names")
    asked = explanation.get("target")
    prediction, reference_value = explanation.get("prediction"), explanation.get("reference_value")
    if has_targets(explanation):
        n_targets = contributions.shape[-1]
        if target is None and n_targets > 1:
            names = target_names(explanation)
            raise ValueError(
                f"{owner} draws contributions to one target, and the explanation has {n_targets}. Pass target=, one "
                f"of {shorten(names)}."
            )
        index = 0 if target is None else _index(target, n_targets, labels)
        contributions = contributions[..., index]
        prediction, reference_value = (
            None if each is None else np.asarray(each)[:, index] for each in (prediction, reference_value)
        )
        named = "" if n_targets == 1 else f"to {target_names(explanation)[index]}"
    elif is_of_rows(asked, n_rows):
        if target is not None:
            rows = np.flatnonzero(asked == target)
            if not len(rows):
                raise ValueError(
                    f"No row of the explanation is about target {target!r}. Its rows' targets are "
                    f"{shorten(np.unique(asked))}."
                )
        chosen = np.unique(asked[rows])
        named = f"to {_label(chosen[0], labels)}" if len(chosen) == 1 else "to each row's target"
    else:
        named = _describe(asked, labels)
        if target is not None and not (_is_label(asked) and asked == target):
            which = "to a single output" if asked is None else f"to target {asked!r} alone"
            raise ValueError(
                f"The explanation holds contributions {which}. Leave target= at None, or pass target={target!r} to "
                "explain."
            )
    names = explanation.get("feature_names")
    if names is None and hasattr(values, "columns"):
        names = values.columns
    return Drawable(
        contributions[rows],
        values if values is None else values.iloc[rows] if hasattr(values, "iloc") else values[rows],
        None if prediction is None else np.asarray(prediction)[rows],
        None if reference_value is None else np.asarray(reference_value)[rows],
        None if names is None else np.asarray(names, dtype=object),
        named,
        explanation.get("letters_axis"),
    )


def table_drawable(explanation, owner, *, target=None, part=None):
    """Choose as `drawable` does, of an explanation of the columns of a table.

    Parameters
    ----------
    explanation : Explanation
        What `explain` returned.
    owner : str
        The display's name, for errors.
    target, part : object, default=None
        As in `drawable`.

    Returns
    -------
    drawable : Drawable
        With contributions of shape (n_rows, n_features), and a name for each feature.

    Raises
    ------
    ValueError
        As `drawable`, and if rows have another shape than those of a table.
    """
    chosen = drawable(explanation, owner, target=target, part=part)
    if chosen.contributions.ndim != 2:
        others = "ImageContributionDisplay draws images, SequenceLogoDisplay one-hot sequences, TokenDisplay text"
        raise ValueError(
            f"{owner} draws the features of a table, contributions of shape (n_rows, n_features). The explanation's "
            f"have shape {chosen.contributions.shape}; {others}."
        )
    if not len(chosen.contributions):
        raise ValueError(f"{owner} draws rows, and the explanation has none.")
    n_features = chosen.contributions.shape[1]
    names = chosen.feature_names
    if names is None or len(names) != n_features:
        names = np.array([f"feature {feature}" for feature in range(n_features)], dtype=object)
    return chosen._replace(feature_names=names)


def one_row(n_rows, row, owner):
    """Return the position of the row to draw.

    Parameters
    ----------
    n_rows : int
        How many there are.
    row : int or None
        The user's choice, which may count from the end.
    owner : str
        The display's name, for errors.

    Returns
    -------
    row : int
        Between 0 and ``n_rows``.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If there is no such row, or several and none is chosen.
    """
    if row is None:
        if n_rows != 1:
            raise ValueError(f"{owner} draws one row, and the explanation has {n_rows}. Pass row=, its position.")
        return 0
    if not isinstance(row, Integral) or isinstance(row, bool):
        raise TypeError(f"row= takes the position of a row as an int. Got {row!r}.")
    if not -n_rows <= row < n_rows:
        raise ValueError(f"row={row} is none of the explanation's rows. Expected a position below {n_rows}.")
    return int(row) % n_rows


def some_rows(n_rows, rows, owner):
    """Return the positions of the rows to draw, at most the first five where none are chosen.

    Parameters
    ----------
    n_rows : int
        How many there are.
    rows : int, list of int or None
        The user's choice, which may count from the end.
    owner : str
        The display's name, for errors.

    Returns
    -------
    rows : list of int
        Between 0 and ``n_rows``.

    Raises
    ------
    TypeError
        If one of them is no integer.
    ValueError
        If there is no such row.
    """
    if rows is None:
        return list(range(min(n_rows, MOST_ROWS)))
    return [one_row(n_rows, row, owner) for row in ([rows] if isinstance(rows, Integral) else rows)]


def check_explanation(explanation, owner):
    """Raise an error for what has no contributions.

    Parameters
    ----------
    explanation : object
        What the user passed.
    owner : str
        The display's name, for the error.

    Raises
    ------
    TypeError
        If it is nothing that `explain` could have returned.
    """
    if not hasattr(explanation, "contributions"):
        raise TypeError(
            f"{owner}.from_explanation takes what explainer.explain(X) returns. Got {type(explanation).__name__}; for "
            f"an explainer and its rows use {owner}.from_explainer(explainer, X)."
        )


def has_targets(explanation):
    """Whether contributions have a last axis of targets."""
    return np.ndim(explanation.get("prediction")) == 2


def target_names(explanation):
    """Return one name for each of an explanation's targets."""
    n_targets = np.shape(explanation.prediction)[1]
    labels = explanation.get("class_names")
    return [str(each) for each in (range(n_targets) if labels is None or len(labels) != n_targets else labels)]


def is_of_rows(target, n_rows):
    """Whether each row has a target of its own."""
    return isinstance(target, np.ndarray) and target.shape == (n_rows,) and target.dtype.kind != "f"


def as_numbers(values):
    """Return one column's values as floats, NaN where they are no numbers."""
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        values = np.asarray(values)
    return np.asarray(pd.to_numeric(pd.Series(np.asarray(values)), errors="coerce"), np.float64)


def column(values, position):
    """Return one column of a table of values."""
    return values.iloc[:, position] if hasattr(values, "iloc") else np.asarray(values)[:, position]


def find_feature(feature, names, parameter):
    """Return a feature's position, by its name or position.

    Parameters
    ----------
    feature : str or int
        The user's choice.
    names : array-like of str
        Of all features.
    parameter : str
        The choice's name, for errors.

    Returns
    -------
    position : int
        In ``names``.

    Raises
    ------
    ValueError
        If there is no such feature, or several of that name.
    """
    found = [position for position, name in enumerate(names) if name == feature and type(feature) is not bool]
    if len(found) == 1:
        return found[0]
    if not found and isinstance(feature, Integral) and not isinstance(feature, bool) and 0 <= feature < len(names):
        return int(feature)
    which = f"names {len(found)} features" if found else "is no feature"
    raise ValueError(
        f"{parameter}={feature!r} {which}. Expected a position below {len(names)}, or one of {shorten(names)}."
    )


def shorten(names):
    """List names in an error, the first few of many."""
    names = [name.item() if isinstance(name, np.generic) else name for name in names]
    listed = ", ".join(repr(name) for name in names[:12])
    return listed if len(names) <= 12 else f"{listed} and {len(names) - 12} more"


def _one_part(explanation, owner, part, field):
    kind, parts = find_parts(explanation)
    of_all, X = explanation[field], explanation.get("X")
    if kind is None:
        if part is not None:
            raise ValueError(f"The explanation is about one input or layer. Leave part= at None, not {part!r}.")
        X = only(X)
        # A DataFrame keeps the types of its columns.
        values = X if parts[0].values is not None and hasattr(X, "columns") else parts[0].values
        if values is None and X is not None and not isinstance(X, (list, dict)):
            values = _other_shape(np.asarray(X), of_all, explanation)
        return np.asarray(of_all), values
    keys = [each.name for each in parts]
    if part is None and len(parts) > 1:
        raise ValueError(
            f"{owner} draws one {kind}, and the explanation has {len(parts)}. Pass part=, one of {shorten(keys)}."
        )
    if part is not None and part not in keys:
        raise ValueError(f"part={part!r} is no {kind} of the explanation. Expected one of {shorten(keys)}.")
    chosen = parts[0 if part is None else keys.index(part)]
    values = X[chosen.name] if chosen.values is not None and hasattr(X[chosen.name], "columns") else chosen.values
    return np.asarray(of_all[chosen.name]), values


def _other_shape(X, contributions, explanation):
    """Rows that a layer's contributions can be laid over, or whose tokens its units stand for."""
    return X if X.ndim and len(X) == len(contributions) and explanation.get("feature_names") is None else None


def _index(target, n_targets, labels):
    if labels is not None and len(labels) == n_targets:
        target = as_indices(target, np.asarray(labels))
    if not isinstance(target, Integral) or isinstance(target, bool) or not 0 <= target < n_targets:
        named = range(n_targets) if labels is None else labels
        raise ValueError(f"target={target!r} is none of the explanation's targets. Expected one of {shorten(named)}.")
    return int(target)


def _is_label(target):
    return isinstance(target, (str, Integral)) and not isinstance(target, bool)


def _label(target, labels):
    """The name of a target that may be an index of a label."""
    if labels is not None and isinstance(target, Integral) and np.asarray(labels).dtype.kind not in "iuf":
        return str(labels[target])
    return str(target)


def _describe(target, labels):
    if isinstance(target, dict):
        terms = [(weight, _label(index, labels)) for index, weight in target.items()]
        sizes = ["" if abs(weight) == 1 else f"{abs(weight):.3g} × " for weight, _ in terms]
        signs = ["−" if weight < 0 else "+" for weight, _ in terms]
        text = " ".join(f"{sign} {size}{name}" for sign, size, (_, name) in zip(signs, sizes, terms, strict=True))
        return "to " + text.removeprefix("+ ") if terms else ""
    if isinstance(target, str) and target in ("auto", "predicted", "all"):
        return ""
    if _is_label(target):
        return f"to {_label(target, labels)}"
    if isinstance(target, tuple):
        return f"to output {', '.join(map(str, target))}"
    return ""
