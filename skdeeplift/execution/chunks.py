"""Chunks: rows, references and targets that are computed at once, in few static shapes."""

from functools import lru_cache
from typing import NamedTuple

from skdeeplift.network import devices

# Limited, since the compiled sum over references is unrolled.
MOST_REFERENCES = 128
# Limited, since more targets at once leave memory for fewer rows.
MOST_TARGETS = 64
# Largest number of kept results if each pair is run several times: 256 MB.
MOST_NUMBERS = 2**25


class Chunking(NamedTuple):
    """Number of rows, references and targets of a chunk, for all chunks but the last of the rows."""

    rows: int
    references: int
    targets: int = 1


class Part(NamedTuple):
    """Part of the work: rows ``start`` to ``stop``, references ``first`` to ``last``, and targets from a first one on.

    Rows are padded to ``size``.
    """

    start: int
    stop: int
    first: int
    last: int
    size: Chunking
    first_target: int = 0

    def halves(self):
        """Return two parts, each with half of the rows, of the references of one row, or of the targets of one pair.

        The list is empty if the part cannot be cut.
        """
        rows, references, targets = self.size
        if rows > 1:
            cuts = pieces(self.stop - self.start, rows // 2)
            return [
                self._replace(
                    start=self.start + start, stop=self.start + stop, size=Chunking(padded, references, targets)
                )
                for start, stop, padded in cuts
            ]
        if references > 1:
            half = -(-references // 2)
            middle, size = min(self.first + half, self.last), Chunking(rows, half, targets)
            halves = self._replace(last=middle, size=size), self._replace(first=middle, size=size)
            return [half for half in halves if half.first < half.last]
        return [self._replace(size=Chunking(rows, references, -(-targets // 2)))] if targets > 1 else []


@lru_cache
def choose_chunking(n_rows, n_references, batch_size, n_targets=1):
    """Choose the shape of a chunk of at most ``batch_size`` pairs, each counted once for each target.

    References and targets are cut evenly, since their numbers rarely change between calls. Rows are cut in powers of
    two, so that calls of all sizes share few compiled functions.

    Parameters
    ----------
    n_rows, n_references : int
        Number of rows, and of references of each row.
    batch_size : int
        Largest number of pairs of a chunk.
    n_targets : int, default=1
        Number of targets of each row.

    Returns
    -------
    chunking : Chunking
    """
    targets = evenly(n_targets, min(batch_size, MOST_TARGETS))
    batch_size //= targets
    references = evenly(n_references, min(batch_size, MOST_REFERENCES))
    rows = power_of_two_below(batch_size // references)
    return Chunking(min(rows, power_of_two_above(n_rows)), references, targets)


@lru_cache
def choose_chunking_of_copies(n_rows, n_references, batch_size, n_targets, n_copies, kept, most_kept=MOST_NUMBERS):
    """Choose the shape of a chunk whose pairs are run several times, each time perturbed differently.

    Copies fill a batch even for few rows. The number of rows is chosen so that little is padded. One run returns all
    targets, and targets are cut only if too many results would be kept.

    Parameters
    ----------
    n_rows, n_references, n_targets : int
        Number of rows, and of references and targets of each row.
    batch_size : int
        Number of copies of pairs that are run at once.
    n_copies : int
        Number of copies of each pair.
    kept : int
        Number of kept results of each pair and target.
    most_kept : int, default=MOST_NUMBERS
        Largest number of kept results of all runs.

    Returns
    -------
    chunking : Chunking
    """
    targets = evenly(n_targets, max(1, most_kept // kept))
    most = min(batch_size, max(1, most_kept // (kept * targets)))
    references = evenly(n_references, min(most, MOST_REFERENCES))
    sizes = [1]
    while sizes[-1] < n_rows and 2 * sizes[-1] * references <= most:
        sizes.append(2 * sizes[-1])

    def cost(size):
        """Estimate the cost as a number of copies, with padding; a call itself costs about half a batch."""
        number, rest = divmod(n_rows, size)
        padded = number * size + (power_of_two_above(rest) if rest else 0)
        return padded * references * n_copies + (number + bool(rest)) * batch_size / 2

    return Chunking(min(sizes, key=cost), references, targets)


def evenly(number, most):
    """Return the size of pieces, when a number is cut into the fewest equal pieces of at most ``most``."""
    pieces = -(-number // most)
    return -(-number // pieces)


def pieces(n_rows, size, many=None):
    """Return ``(start, stop, padded size)`` of chunks of ``size`` rows; the last chunks are padded to powers of two.

    A piece of half a chunk comes first if the padding would be a fifth of the chunk or more, and take longer than one
    more call. ``many`` rows take as long as a call; by default the number in the table of devices.
    """
    return _pieces(n_rows, size, devices.choices().many_rows if many is None else many)


@lru_cache
def _pieces(n_rows, size, many):
    start, found = 0, []
    while start < n_rows:
        rest = min(size, n_rows - start)
        padded = min(size, power_of_two_above(rest))
        is_large = padded - rest >= many and 5 * rest <= 4 * padded
        if is_large and padded == power_of_two_above(padded):
            rest = padded = padded // 2
        found.append((start, start + rest, padded))
        start += rest
    return tuple(found)


def power_of_two_below(number):
    """Return the largest power of two that is not above ``number``."""
    return 1 << (max(number, 1).bit_length() - 1)


def power_of_two_above(number):
    """Return the smallest power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()
