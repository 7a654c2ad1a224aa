"""Summary of an explanation in a few lines, and its most important columns."""

import numpy as np
import pandas as pd

from skdeeplift.explanation.explanation_parts import find_parts, has_targets

# Number of features in the summary and in the picture.
N_FEATURES = 10


def target_labels(explanation):
    """Return the name of each target of an explanation of several, or its number.

    Parameters
    ----------
    explanation : Explanation
        Explanation with a last axis of targets.

    Returns
    -------
    labels : list of str or int
        One label for each target.
    """
    names, n_targets = explanation.get("class_names"), explanation.prediction.shape[1]
    # Of two classes and one logit, the logit is that of the second.
    return list(range(n_targets)) if names is None else list(names)[-n_targets:]


def compute_importances(explanation):
    """Compute mean absolute contributions and their spread over the rows, as means over several targets.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    importances : DataFrame
        One line for each feature.
    """
    frames = []
    for part in find_parts(explanation)[1]:
        absolute, names = np.abs(part.contributions), explanation.feature_names
        if has_targets(explanation):
            absolute = absolute.mean(-1)
        if names is None:
            prefix = "" if part.name is None else part.name
            names = [f"{prefix}[{', '.join(map(str, position))}]" for position in np.ndindex(*absolute.shape[1:])]
        columns = {"mean |contribution|": absolute.mean(0).ravel(), "SD over rows": absolute.std(0).ravel()}
        frames.append(pd.DataFrame(columns, index=[str(name) for name in names]))
    return pd.concat(frames)


def format_importances(explanation, number, digits):
    """Return the features with the largest mean absolute contributions as the text of a table."""
    importances = compute_importances(explanation)
    top = importances.sort_values("mean |contribution|", ascending=False, kind="stable").head(number)
    return top.to_string(float_format=f"{{:{digits}}}".format)


def select_columns(explanation, column_names, number):
    """Keep the columns with the largest mean absolute contributions, in their original order.

    Parameters
    ----------
    explanation : Explanation
        The explanation, which is changed.
    column_names : list of str
        Names of the columns of the contributions.
    number : int
        Number of columns to keep.

    Returns
    -------
    column_names : list of str
        Names of the columns that are kept.
    """
    n_columns = explanation.contributions.shape[1]
    largest = np.argsort(-compute_importances(explanation)["mean |contribution|"].to_numpy(), kind="stable")
    kept = np.sort(largest[:number])
    by_column = ("contributions", "standard_error")
    explanation.update({name: explanation[name][:, kept] for name in by_column if explanation[name] is not None})
    X = explanation.X
    explanation.X = X.iloc[:, kept] if hasattr(X, "iloc") else X[:, kept]
    explanation.feature_names = np.asarray(explanation.feature_names)[kept]
    n_targets = len(column_names) // n_columns
    return [name for column in kept for name in column_names[column * n_targets :][:n_targets]]


def summarise(explanation, number):
    """Summarise an explanation in a few lines.

    Parameters
    ----------
    explanation : Explanation
        Explanation to summarise.
    number : int
        Largest number of features.

    Returns
    -------
    text : str
        Table of the largest mean absolute contributions, or of the first rows if these are images, and the mean of the
        target over the rows.
    """
    _, [part, *others] = find_parts(explanation)
    is_table = bool(others) or part.contributions.ndim - has_targets(explanation) == 2
    # A single pixel tells nothing.
    table = format_importances(explanation, number, ".4g") if is_table else _format_rows(explanation, number)
    return "\n".join([table, "", *say_target(explanation, "rows")])


def _format_rows(explanation, number):
    """Return the targets of the first rows as the text of a table."""
    fields = ("explained_class", "prediction", "reference_value")
    columns = {name: explanation[name][:number] for name in fields if explanation.get(name) is not None}
    index = pd.RangeIndex(len(explanation.prediction)) if explanation.index is None else explanation.index
    if has_targets(explanation):
        columns.pop("reference_value", None)
        frame = pd.DataFrame(columns["prediction"], index[:number], target_labels(explanation))
        return frame.add_prefix("prediction__").to_string(float_format="{:.4g}".format)
    return pd.DataFrame(columns, index[:number]).to_string(float_format="{:.4g}".format)


def say_target(explanation, rows):
    """Describe the size of the target, and the precision of the contributions' sum.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    rows : str
        Noun for the rows.

    Returns
    -------
    lines : list of str
        A line for each of a few targets, and one for the convergence delta.
    """
    from skdeeplift.plotting.target_text import describe_target, target_texts

    prediction, reference, lines = explanation.prediction, explanation.reference_value, []
    is_split = has_targets(explanation) and prediction.shape[1] <= N_FEATURES
    for place, text in enumerate(target_texts(explanation) if is_split else [describe_target(explanation)]):
        values, start = (each[:, place] if is_split and each is not None else each for each in (prediction, reference))
        name = text.quantity or "target"
        name = name if name.startswith("each ") else f"the {name}"
        line = f"{name} is {values.mean():.4g} on average ({values.min():.4g} to {values.max():.4g})"
        lines.append(line if start is None else f"{line}, and {np.mean(start):.4g} at the reference")
    lines[0] = f"{len(prediction)} {rows}; {lines[0]}"
    if reference is None:
        return lines
    return [*lines, f"Largest convergence delta: {np.abs(explanation.convergence_delta).max():.1e}"]
