"""What `explain` returns."""

import numpy as np
from sklearn.utils import Bunch


class Explanation(Bunch):
    """Contributions of some rows, and what they were made from.

    A dictionary whose keys are attributes too. With several inputs, what is one array here is a list or dict of arrays,
    in the form in which ``X`` came.

    Attributes
    ----------
    contributions : ndarray of shape X.shape
        Means over the references; each row's sum to ``prediction - reference_value``.
    multipliers : ndarray of shape X.shape or None
        Contribution per unit of difference, means over the references; where they were asked for.
    reference_value : ndarray of shape (n_rows,)
        The target at the reference, its mean where there are several.
    prediction : ndarray of shape (n_rows,)
        The target at the row.
    target : ndarray of shape (n_rows,), dict or None
        The index that was explained of each row, or indices and weights for all of them; None for a single output.
    convergence_delta : ndarray of shape (n_rows,)
        ``prediction - reference_value - sum(contributions)``.
    standard_error : ndarray of shape X.shape or None
        Of each contribution as a mean over references drawn at random; None where there is but one reference.
    X : ndarray of shape (n_rows, ...)
        The rows as they were given.
    feature_names : ndarray of str or None
        The names of a table's columns.
    index : pandas.Index or None
        The rows' labels, where ``X`` is a DataFrame.
    """

    def __repr__(self):
        shapes = self.contributions
        if isinstance(shapes, dict):
            shape = ", ".join(f"{name}: {array.shape}" for name, array in shapes.items())
        elif isinstance(shapes, (list, tuple)):
            shape = ", ".join(str(array.shape) for array in shapes)
        else:
            shape = str(shapes.shape)
        largest = float(np.abs(self.convergence_delta).max())
        return (
            f"<Explanation of {len(self.prediction)} rows: contributions {shape}, convergence delta <= {largest:.2g}>"
        )
