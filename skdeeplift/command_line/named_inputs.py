"""Tables for networks that have one input for each column, which is found by its name."""

import numpy as np

from skdeeplift.command_line.parser import suggest
from skdeeplift.command_line.summary import target_labels


def split_columns(table, shapes):
    """Return one array for each input of a network.

    Parameters
    ----------
    table : DataFrame
        Rows.
    shapes : dict of str to tuple
        Shapes of the network's inputs, by their names.

    Returns
    -------
    arrays : dict of str to ndarray of shape (n_rows, 1) or (n_rows,)
        The column of each input.

    Raises
    ------
    ValueError
        If the columns are not the inputs of the network.
    """
    if any(int(np.prod([size or 0 for size in shape])) != 1 for shape in shapes.values()):
        raise ValueError(
            f"the network takes {len(shapes)} inputs ({', '.join(shapes)}), and DATA is one table. Pass an .npz file "
            "with an array for each input"
        )
    columns = list(table.columns)
    if missing := [name for name in shapes if name not in columns]:
        raise ValueError(
            f"the network has an input {missing[0]!r}, and DATA has no column of this "
            f"name.{suggest(missing[0], columns)}".rstrip(".")
        )
    if surplus := [name for name in columns if name not in shapes]:
        raise ValueError(
            f"the network has no input {surplus[0]!r}. Leave the column out with --drop {surplus[0]}; the inputs are "
            f"{', '.join(shapes)}"
        )
    return {name: table[name].to_numpy().reshape(-1, *shape) for name, shape in shapes.items()}


def join_columns(explanation, table):
    """Turn the explanation of one input for each column into that of a table.

    Parameters
    ----------
    explanation : Explanation
        Explanation with dicts of arrays, one for each column, in whose place arrays of shape (n_rows, n_columns) come.
    table : DataFrame
        The rows that are explained.

    Returns
    -------
    names : list of str
        Names of the columns of contributions, with one for each target.
    """
    shape = len(table), 1, *np.shape(explanation.prediction)[1:]
    explanation.X = table
    for name, arrays in explanation.items():
        if isinstance(arrays, dict) and all(isinstance(arrays.get(column), np.ndarray) for column in table.columns):
            explanation[name] = np.concatenate([arrays[column].reshape(shape) for column in table.columns], axis=1)
    explanation.index = table.index
    explanation.feature_names = np.array(table.columns, dtype=object).astype(str)
    if np.ndim(explanation.prediction) == 1:
        return list(table.columns)
    return [f"{column}__{label}" for column in table.columns for label in target_labels(explanation)]
