"""Random numbers, trees and paths, each for many sequences at once."""

import hashlib

import numpy as np

# Constants of SplitMix64.
STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def keys_of_rows(coded, seed):
    """A random number for each row, of the seed and its letters."""
    key = int(seed).to_bytes(8, "little")
    alphabets = coded.codes.astype(np.uint32)
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8, key=key).digest() for row in alphabets]
    return np.frombuffer(b"".join(digests), np.uint64)


def mixed(bits):
    """Turn counters into random bits, in place (SplitMix64: Steele, Lea & Flood 2014)."""
    shifted = np.empty_like(bits)
    for shift, factor in zip(_SHIFTS, (*_FACTORS, None), strict=True):
        np.right_shift(bits, shift, out=shifted)
        bits ^= shifted
        if factor is not None:
            bits *= factor
    return bits


def random_bits(keys, number):
    """Draw random integers of 64 bits, ``number`` for each key."""
    counters = np.arange(1, number + 1, dtype=np.uint64) * STEP
    bits = np.empty((*keys.shape, number), np.uint64)
    # In pieces that stay in cache.
    flat, of_keys = bits.reshape(-1, number), keys.reshape(-1, 1)
    size = max(1, 2**14 // max(number, 1))
    for start in range(0, len(flat), size):
        piece = flat[start : start + size]
        np.add(of_keys[start : start + size], counters, out=piece)
        mixed(piece)
    return bits


def random_trees(codes, n_letters, row_of_pair, keys):
    """Draw a random tree of last edges for each pair, towards the last letter (Wilson's algorithm).

    Parameters
    ----------
    codes : ndarray of shape (n_rows, length)
        Sequences, whose neighbours are the edges.
    n_letters : int
        One more than the largest code there may be.
    row_of_pair : ndarray of shape (n_pairs,)
        Which sequence each tree belongs to.
    keys : ndarray of shape (n_pairs,)
        Where random numbers come from.

    Returns
    -------
    edges : ndarray of shape (n_pairs, n_letters)
        The position in the sequence of each letter's last edge.
    has_edge : ndarray of bool of shape (n_pairs, n_letters)
        Which letters have one: those of the sequence, but not its last letter.
    """
    n_rows = len(codes)
    # Edges from a letter to itself are never last, and would only delay the walk.
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
    # A stream of its own.
    keys = mixed(~keys)
    for letter in range(n_letters):
        beginning = walking = np.flatnonzero(~in_tree[:, letter])
        at, step = np.full(len(walking), letter), letter << 32
        while len(walking):
            step += 1
            of_row = row_of_pair[walking]
            bits = mixed(keys[walking] + np.array([step], np.uint64) * STEP)
            degree = degrees[of_row, at].astype(np.uint64)
            chosen = by_letter[of_row, starts[of_row, at] + (bits % degree).astype(np.intp)]
            edges[walking, at] = chosen
            at = codes[of_row, chosen + 1]
            goes_on = ~in_tree[walking, at]
            walking, at = walking[goes_on], at[goes_on]
        # What the walk left of itself when its loops are cut off.
        walking, at = beginning, np.full(len(beginning), letter)
        while len(walking):
            in_tree[walking, at] = True
            at = codes[row_of_pair[walking], edges[walking, at] + 1]
            goes_on = ~in_tree[walking, at]
            walking, at = walking[goes_on], at[goes_on]
    return edges, has_edge


def walk(successors, starts, first, row_of_pair):
    """Go from letter to letter, each time to the next of its successors.

    Parameters
    ----------
    successors : ndarray of shape (n_pairs, length - 1)
        The letters after each letter, letter by letter.
    starts : ndarray of shape (n_rows, n_letters)
        Where each letter's begin.
    first : ndarray of shape (n_rows,)
        Where to start.
    row_of_pair : ndarray of shape (n_pairs,)
        Which row each pair belongs to.

    Returns
    -------
    letters : ndarray of shape (n_pairs, length)
        The paths.
    """
    n_pairs, n_steps = successors.shape
    n_letters = starts.shape[1]
    next_one = (starts[row_of_pair] + np.arange(n_pairs)[:, None] * n_steps).ravel()
    offsets = np.arange(n_pairs) * n_letters
    flat = successors.view(np.int64).ravel()
    at = first[row_of_pair].astype(np.intp)
    letters = np.empty((n_steps + 1, n_pairs), first.dtype)
    letters[0] = at
    for step in range(1, n_steps + 1):
        of_letter = offsets + at
        position = next_one.take(of_letter)
        flat.take(position, out=at, mode="clip")
        position += 1
        next_one[of_letter] = position
        letters[step] = at
    return np.ascontiguousarray(letters.T)
