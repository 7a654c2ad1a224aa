"""Rows and references cut into chunks of few static shapes."""

from typing import NamedTuple

# Sums over references are unrolled when they are compiled.
MOST_REFERENCES = 128


class Chunking(NamedTuple):
    """How many rows and references a chunk holds, for all chunks but the last of the rows."""

    rows: int
    references: int


def choose_chunking(n_rows, n_references, batch_size):
    """Choose the shape of a chunk of at most ``batch_size`` pairs.

    References are cut evenly, since their number rarely changes between calls. Rows are cut in powers of two, so that
    calls of all sizes share few compiled functions.

    Parameters
    ----------
    n_rows, n_references : int
        How many there are.
    batch_size : int
        Pairs of a chunk at the most.

    Returns
    -------
    chunking : Chunking
    """
    parts = -(-n_references // min(batch_size, MOST_REFERENCES))
    references = -(-n_references // parts)
    rows = power_of_two_below(batch_size // references)
    return Chunking(min(rows, power_of_two_above(n_rows)), references)


def pieces(n_rows, size):
    """Yield ``(start, stop, padded size)`` of chunks of ``size`` rows; the last is padded to a power of two."""
    for start in range(0, n_rows, size):
        stop = min(start + size, n_rows)
        yield start, stop, min(size, power_of_two_above(stop - start))


def power_of_two_below(number):
    """Return the largest power of two that is not above ``number``."""
    return 1 << (max(number, 1).bit_length() - 1)


def power_of_two_above(number):
    """Return the smallest power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()
