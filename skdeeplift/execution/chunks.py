"""Chunks: rows, references and targets that are computed at once, in few static shapes."""

from functools import lru_cache
from typing import NamedTuple

# The compiled sum over references is unrolled.
MOST_REFERENCES = 128
# With more targets at once, fewer rows would go through the network at once.
MOST_TARGETS = 64
# So many rows take longer to compute than one more call.
MANY_ROWS = 1024
# Where each pair is run several times: how many numbers are kept of all runs, in 256 MB.
MOST_NUMBERS = 2**25


class Chunking(NamedTuple):
    """Number of rows, references and targets of a chunk, for all chunks but the last of the rows."""

    rows: int
    references: int
    targets: int = 1


class Part(NamedTuple):
    """Some rows, from ``start`` to ``stop``, some references, from ``first`` to ``last``, and targets from one on.

    ``size`` is what they are padded to.
    """

    start: int
    stop: int
    first: int
    last: int
    size: Chunking
    first_target: int = 0

    def halves(self):
        """Return two parts: half of the rows each, or of the references of one row, or of the targets of one pair.

        The list is empty if there is nothing to cut.
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
    """Choose the shape of a chunk of at most ``batch_size`` pairs, each of them counted once for each target.

    References and targets are cut evenly, since their numbers rarely change between calls. Rows are cut in powers of
    two, so that calls of all sizes share few compiled functions.

    Parameters
    ----------
    n_rows, n_references : int
        How many there are.
    batch_size : int
        Pairs of a chunk at the most.
    n_targets : int, default=1
        How many targets each row has.

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
    """Choose the shape of a chunk whose pairs are run several times, each time in another form.

    Copies fill a batch however few the rows, whose number is chosen so that little is padded. One run gives all
    targets, which are cut only where too many numbers would be kept.

    Parameters
    ----------
    n_rows, n_references, n_targets : int
        How many there are.
    batch_size : int
        How many copies of pairs are run at once.
    n_copies : int
        Of each pair.
    kept : int
        How many numbers are kept of each pair and target.
    most_kept : int, default=MOST_NUMBERS
        How many numbers are kept of all runs.

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
        """Copies that are run, padded ones too; a call by itself takes about as long as half a batch."""
        number, rest = divmod(n_rows, size)
        padded = number * size + (power_of_two_above(rest) if rest else 0)
        return padded * references * n_copies + (number + bool(rest)) * batch_size / 2

    return Chunking(min(sizes, key=cost), references, targets)


def evenly(number, most):
    """Return the size of the fewest equal pieces of at most ``most``."""
    pieces = -(-number // most)
    return -(-number // pieces)


@lru_cache
def pieces(n_rows, size, many=MANY_ROWS):
    """Return ``(start, stop, padded size)`` of chunks of ``size`` rows; the last are padded to powers of two.

    Where a fifth of ``many`` rows or more would be padding, a piece of half a chunk comes first.
    """
    start, found = 0, []
    while start < n_rows:
        rest = min(size, n_rows - start)
        padded = min(size, power_of_two_above(rest))
        if padded >= max(many, 2) and padded == power_of_two_above(padded) and 5 * rest <= 4 * padded:
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
