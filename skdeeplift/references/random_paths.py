"""Sequences of letters as integers, and random paths through them."""

import hashlib
from typing import NamedTuple

import numpy as np

from skdeeplift.dtypes import kind_of


def are_letters(X, axis):
    """Test whether each position holds one letter, no letter, or equal entries for an unknown letter."""
    binary = ((X == 0) | (X == 1)).all(axis) & (X.sum(axis) <= 1)
    return binary | np.isclose(X, 1 / X.shape[axis]).all(axis)


def are_frequencies(X, axis):
    """Test whether each position holds no letter, or frequencies of letters that sum to one."""
    total = X.sum(axis)
    return (X >= 0).all(axis) & ((total == 0) | np.isclose(total, 1))


def describe_first(X, axis, accepted):
    """Describe the first position with entries that are not accepted: its row, its position and its entries."""
    row, *place = np.argwhere(~accepted)[0].tolist()
    entries = np.moveaxis(X, axis, -1)[(row, *place)].tolist()
    return f"row {row} holds {entries} at position {place[0] if len(place) == 1 else tuple(place)}"


def find_letter_axis(X, axis, owner, one_hot_only=False):
    """Return the axis of one-hot letters, where axis 0 is the axis of rows; None if ``X`` holds tokens or strings."""
    if not one_hot_only and (
        (X.ndim == 1 and (kind_of(X.dtype) == "U" or all(isinstance(each, str) for each in X)))
        or (X.ndim == 2 and kind_of(X.dtype) in "iu")
    ):
        return None
    takes = "one-hot letters" if one_hot_only else "one-hot letters, integer tokens (n_rows, length) or strings"
    got = f"Got an array of shape {X.shape} and {X.dtype}"
    if X.ndim < 3 or kind_of(X.dtype) not in "biuf":
        raise ValueError(f"{owner} takes {takes}. {got}.")
    if axis is None:
        axes = [each for each in range(1, X.ndim) if X.shape[each] > 1]
    elif not -X.ndim <= axis < X.ndim or axis % X.ndim == 0:
        raise ValueError(f"{owner} with axis={axis} takes sequences with their letters on that axis. {got}.")
    else:
        axes = [axis % X.ndim]
    # Accept frequencies only if no axis holds letters throughout.
    for are in (are_letters, are_frequencies):
        tried = {each: are(X, each) for each in axes}
        if any(accepted.all() for accepted in tried.values()):
            break
    axes = [each for each, accepted in tried.items() if accepted.all()]
    if not axes:
        along, first = "any axis" if axis is None else f"axis {axis}", ""
        if tried:
            nearest = max(tried, key=lambda each: tried[each].mean())
            first = f" Along axis {nearest}, {describe_first(X, nearest, tried[nearest])}."
        raise ValueError(
            f"{owner} takes {takes}. {got}, which does not hold one 1 and zeros elsewhere, or frequencies of "
            f"letters that sum to one, along {along}.{first}"
        )
    if len(axes) > 1:
        raise ValueError(f"{owner} cannot tell which of the axes {axes} of X holds the letters. Pass axis=.")
    if sum(size > 1 for position, size in enumerate(X.shape) if position not in (0, axes[0])) > 1:
        raise ValueError(f"{owner} takes one sequence for each row. {got}, whose letters are on axis {axes[0]}.")
    return axes[0]


class CodedSequences(NamedTuple):
    """Sequences as small integers. From position ``starts``, ``lengths`` letters are not padding."""

    codes: np.ndarray
    n_letters: int
    starts: np.ndarray
    lengths: np.ndarray
    # Function from codes of shape (n_rows, n_references, length) to sequences in the original form.
    decode: object


def encode_sequences(X, axis, padding, owner):
    """Encode one-hot letters on an axis, or tokens or text if the axis is None, as small integers."""
    if axis is not None:
        return _encode_one_hot(X, axis, owner)
    is_text = kind_of(X.dtype) in "UO"
    tokens = np.array(X, dtype=str) if is_text else X
    if is_text:
        # View each string as one code point per character. NumPy pads shorter strings with zeros at the end.
        tokens = tokens.view(np.uint32).reshape(len(tokens), -1)
    inside = np.ones(tokens.shape, bool)
    if is_text:
        inside &= tokens != 0
    if padding is not None:
        if isinstance(padding, str) != is_text or (is_text and len(padding) != 1):
            raise ValueError(
                f"padding= takes {'one character' if is_text else 'an integer'}, as X does. Got {padding!r}."
            )
        inside &= tokens != (ord(padding) if is_text else padding)
    # Number the letters within each row, so that the codes of a row do not depend on the other rows.
    order = tokens.argsort(1, kind="stable")
    in_order = np.take_along_axis(tokens, order, 1)
    ranks = np.zeros(tokens.shape, np.uint16 if tokens.shape[1] < 2**16 else np.uint32)
    ranks[:, 1:] = np.cumsum(in_order[:, 1:] != in_order[:, :-1], 1)
    codes = np.empty_like(ranks)
    np.put_along_axis(codes, order, ranks, 1)
    alphabet = np.zeros((len(tokens), int(ranks.max(initial=0)) + 1), tokens.dtype)
    np.put_along_axis(alphabet, ranks.astype(np.intp), in_order, 1)

    def decode(letters):
        """Turn codes back into tokens or text."""
        flat = letters.reshape(len(letters), -1).astype(np.intp)
        decoded = np.take_along_axis(alphabet, flat, 1).reshape(letters.shape)
        return decoded.view(f"U{letters.shape[2]}")[..., 0] if is_text else decoded

    return CodedSequences(codes, alphabet.shape[1], *_find_extents(inside), decode)


def _encode_one_hot(X, axis, owner):
    """Encode one-hot letters; each distinct column that is no letter gets its own code."""
    accepted = are_frequencies(X, axis) if X.ndim > axis else None
    if accepted is None or not accepted.all():
        first = "" if accepted is None else f": {describe_first(X, axis, accepted)}"
        raise ValueError(
            f"{owner} was fitted on one-hot letters on axis {axis}. Got an array of shape {X.shape} that does not hold "
            f"one 1 and zeros elsewhere along this axis, or frequencies of letters that sum to one{first}."
        )
    n_letters, shape = X.shape[axis], np.moveaxis(X, axis, -1).shape
    columns = np.moveaxis(X, axis, -1).reshape(len(X), -1, n_letters)
    is_letter, is_zero = (columns == 1).any(-1), (columns == 0).all(-1)
    codes = np.where(is_letter, columns.argmax(-1), np.where(is_zero, n_letters, n_letters + 1)).astype(np.uint16)
    rows = np.eye(n_letters + 2, n_letters, dtype=X.dtype)
    # Decode unknown letters to a column of X instead of 1 / n_letters, because entries of X may be rounded.
    is_unknown = ~is_letter & ~is_zero & np.isclose(columns, 1 / n_letters).all(-1)
    rows[n_letters + 1] = columns[is_unknown][0] if is_unknown.any() else 0
    rows[n_letters] = 0
    others, is_other = [], ~is_letter & ~is_zero & ~is_unknown
    for row in np.flatnonzero(is_other.any(1)):
        # Number the columns within each row, so that the codes of a row do not depend on the other rows.
        found, numbers = np.unique(columns[row, is_other[row]], axis=0, return_inverse=True)
        codes[row, is_other[row]] = n_letters + 2 + numbers.reshape(-1)
        others.append((row, found))
    n_others = max((len(found) for _, found in others), default=0)
    of_rows = np.zeros((len(X) if others else 0, n_others, n_letters), X.dtype)
    for row, found in others:
        of_rows[row, : len(found)] = found

    def decode(letters):
        """Turn codes back into one-hot letters."""
        # Index columns as single items, which is several times faster than indexing numbers.
        items = rows.view(np.dtype((np.void, rows.itemsize * n_letters)))[:, 0]
        decoded = items.take(letters, mode="clip").view(rows.dtype).reshape(*letters.shape, n_letters)
        if others:
            row, reference, position = np.nonzero(letters >= len(rows))
            number = letters[row, reference, position] - len(rows)
            decoded[row, reference, position] = of_rows[row, number]
        return np.moveaxis(decoded.reshape(*letters.shape[:2], *shape[1:]), -1, axis + 1)

    return CodedSequences(codes, n_letters + 2 + n_others, *_find_extents(~is_zero), decode)


def _find_extents(inside):
    """Return the start and the length of each sequence without the padding at both ends."""
    any_inside = inside.any(1)
    starts = np.where(any_inside, inside.argmax(1), 0)
    stops = np.where(any_inside, inside.shape[1] - inside[:, ::-1].argmax(1), 0)
    return starts, stops - starts


# Constants of SplitMix64 (Steele, Lea & Flood 2014).
COUNTER_STEP = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def hash_rows(coded, seed):
    """Return a random number for each row that depends on the seed and on the letters of the row."""
    key = int(seed).to_bytes(8, "little")
    codes = coded.codes.astype(np.uint32)
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8, key=key).digest() for row in codes]
    return np.frombuffer(b"".join(digests), np.uint64)


def mix_bits(bits):
    """Turn counters into random bits, in place (SplitMix64: Steele, Lea & Flood 2014)."""
    shifted = np.empty_like(bits)
    for shift, factor in zip(SHIFTS, (*FACTORS, None), strict=True):
        np.right_shift(bits, shift, out=shifted)
        bits ^= shifted
        if factor is not None:
            bits *= factor
    return bits


def draw_bits(keys, number):
    """Draw random integers of 64 bits, ``number`` for each key."""
    counters = np.arange(1, number + 1, dtype=np.uint64) * COUNTER_STEP
    bits = np.empty((*keys.shape, number), np.uint64)
    # Work on pieces that fit into the CPU cache, because mixing reads the bits several times.
    flat_bits, flat_keys = bits.reshape(-1, number), keys.reshape(-1, 1)
    size = max(1, 2**14 // max(number, 1))
    for start in range(0, len(flat_bits), size):
        piece = flat_bits[start : start + size]
        np.add(flat_keys[start : start + size], counters, out=piece)
        mix_bits(piece)
    return bits


def draw_trees(codes, n_letters, row_of_pair, keys):
    """Draw a random tree of last edges for each pair, towards the last letter (Wilson's algorithm).

    Parameters
    ----------
    codes : ndarray of shape (n_rows, length)
        Sequences. Each pair of neighbouring letters is an edge of the sequence's graph.
    n_letters : int
        One more than the largest possible code.
    row_of_pair : ndarray of shape (n_pairs,)
        Position of the sequence of each pair.
    keys : ndarray of shape (n_pairs,)
        Keys from which the random numbers of each pair are derived.

    Returns
    -------
    edges : ndarray of shape (n_pairs, n_letters)
        Position in the sequence of the last edge from each letter.
    has_edge : ndarray of bool of shape (n_pairs, n_letters)
        True for letters with an edge: all letters of the sequence except its last letter.
    """
    n_rows = len(codes)
    # Edges from a letter to itself are never in the tree, and would only delay the walk.
    leaves = codes[:, :-1] != codes[:, 1:]
    by_letter = np.where(leaves, codes[:, :-1], n_letters).argsort(1, kind="stable")
    degrees = np.zeros((n_rows, n_letters), np.int64)
    row, position = np.nonzero(leaves)
    np.add.at(degrees, (row, codes[row, position]), 1)
    starts = np.cumsum(degrees, 1) - degrees
    has_edge = (degrees > 0)[row_of_pair]
    pairs = np.arange(len(keys))
    has_edge[pairs, codes[row_of_pair, -1]] = False
    in_tree = ~has_edge
    edges = np.zeros((len(keys), n_letters), np.intp)
    # Invert the keys, so that the walks do not use the same random numbers as the order of the other edges.
    keys = mix_bits(~keys)
    for letter in range(n_letters):
        beginning = walking = np.flatnonzero(~in_tree[:, letter])
        at, step = np.full(len(walking), letter), letter << 32
        while len(walking):
            step += 1
            rows = row_of_pair[walking]
            bits = mix_bits(keys[walking] + np.array([step], np.uint64) * COUNTER_STEP)
            degree = degrees[rows, at].astype(np.uint64)
            chosen = by_letter[rows, starts[rows, at] + (bits % degree).astype(np.intp)]
            edges[walking, at] = chosen
            at = codes[rows, chosen + 1]
            goes_on = ~in_tree[walking, at]
            walking, at = walking[goes_on], at[goes_on]
        # Each letter now has the edge by which the walk last left it. Following these edges erases the walk's loops.
        walking, at = beginning, np.full(len(beginning), letter)
        while len(walking):
            in_tree[walking, at] = True
            at = codes[row_of_pair[walking], edges[walking, at] + 1]
            goes_on = ~in_tree[walking, at]
            walking, at = walking[goes_on], at[goes_on]
    return edges, has_edge


def walk_paths(successors, starts, first, row_of_pair):
    """Walk from letter to letter, each time to the next unused successor of the letter.

    Parameters
    ----------
    successors : ndarray of shape (n_pairs, length - 1)
        Successors of each letter, sorted by letter.
    starts : ndarray of shape (n_rows, n_letters)
        Position of the first successor of each letter.
    first : ndarray of shape (n_rows,)
        First letter of each sequence.
    row_of_pair : ndarray of shape (n_pairs,)
        Position of the sequence of each pair.

    Returns
    -------
    letters : ndarray of shape (n_pairs, length)
        Letters along each path.
    """
    n_pairs, n_steps = successors.shape
    n_letters = starts.shape[1]
    next_positions = (starts[row_of_pair] + np.arange(n_pairs)[:, None] * n_steps).ravel()
    offsets = np.arange(n_pairs) * n_letters
    flat = successors.view(np.int64).ravel()
    at = first[row_of_pair].astype(np.intp)
    letters = np.empty((n_steps + 1, n_pairs), first.dtype)
    letters[0] = at
    for step in range(1, n_steps + 1):
        pair_and_letter = offsets + at
        position = next_positions.take(pair_and_letter)
        flat.take(position, out=at, mode="clip")
        position += 1
        next_positions[pair_and_letter] = position
        letters[step] = at
    return np.ascontiguousarray(letters.T)
