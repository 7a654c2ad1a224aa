"""Where things are planted."""

import numpy as np


def place(length, widths, generator):
    """Draw where things of some widths start, so that none overlaps another, all such places alike.

    Parameters
    ----------
    length : int
        How many positions there are.
    widths : sequence of int
        How wide each is, in the order from left to right.
    generator : RandomState
        Where the draw comes from.

    Returns
    -------
    starts : ndarray of int of shape (n_things,)
        The first position of each.
    """
    widths = np.asarray(widths, int)
    # As if each were one position wide; then those before push it to the right.
    free = length - widths.sum()
    places = np.sort(generator.choice(free + len(widths), len(widths), replace=False))
    return places + np.cumsum(widths - 1) - (widths - 1)
