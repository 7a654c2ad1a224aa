"""Placement of parts that do not overlap in a sequence."""

import numpy as np


def draw_starts(length, widths, generator):
    """Draw the starts of parts that do not overlap; all such placements are equally probable.

    Parameters
    ----------
    length : int
        Length of the sequence.
    widths : sequence of int
        Width of each part, from left to right.
    generator : RandomState
        Source of the draw.

    Returns
    -------
    starts : ndarray of int of shape (n_parts,)
        First position of each part.
    """
    widths = np.asarray(widths, int)
    # Draw positions as if each part were one position wide. Each part then moves the later ones to the right by the
    # rest of its width.
    free = length - widths.sum()
    positions = np.sort(generator.choice(free + len(widths), len(widths), replace=False))
    return positions + np.cumsum(widths - 1) - (widths - 1)
