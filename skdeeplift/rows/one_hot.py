"""One-hot letters in the rows that users give."""

from skdeeplift.references.letters import are_letters


def find_letters(X, axis, label):
    """Find the axis of an array's one-hot letters.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        Rows, in which one position of the axis is 1 and the others are 0; all may be alike where no letter is known.
    axis : int or True
        The axis, counted with that of the rows, or True to find it.
    label : str
        What to call the array in an error.

    Returns
    -------
    axis : int
        Counted without that of the rows.

    Raises
    ------
    ValueError
        If no axis, or not the one named, holds one-hot letters, or if several may.
    """
    if axis is True:
        found = [each for each in range(1, X.ndim) if X.shape[each] > 1 and are_letters(X, each).all()]
        if len(found) == 1:
            return found[0] - 1
        which = f"its axes {found} may all be the one" if found else "along none of its axes exactly one entry is 1"
        raise ValueError(
            f"hypothetical=True looks for an axis of one-hot letters in {label}, and {which}. Pass the axis as an int: "
            f"hypothetical={X.ndim - 1} is the last one of an array of shape {X.shape}."
        )
    if not -X.ndim <= axis < X.ndim or axis % X.ndim == 0:
        raise ValueError(
            f"hypothetical={axis} is no axis of {label}'s features: {label} has shape {X.shape}, with the rows first."
        )
    if not are_letters(X, axis).all():
        raise ValueError(
            f"hypothetical={axis}: {label} is not one-hot along this axis. Expected one 1 and zeros elsewhere, or all "
            f"entries alike where the letter is not known."
        )
    return axis % X.ndim - 1
