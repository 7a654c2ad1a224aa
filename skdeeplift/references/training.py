"""References that are rows of the training data."""

import numpy as np


def sample(arrays, max_references, random_state):
    """Draw rows without replacement, the same rows of all arrays.

    Parameters
    ----------
    arrays : list of ndarray
        One array for each input, all with the same number of rows.
    max_references : int
        How many rows at the most.
    random_state : RandomState
        Where the draw comes from.

    Returns
    -------
    references : list of ndarray
        In the order of the training data.
    """
    n_rows = len(arrays[0])
    if n_rows <= max_references:
        return [array.copy() for array in arrays]
    chosen = np.sort(random_state.choice(n_rows, max_references, replace=False))
    return [array[chosen] for array in arrays]
