"""Random numbers, trees and paths, drawn for many sequences at once."""

import hashlib

import numpy as np

# Constants of SplitMix64 (Steele, Lea & Flood 2014).
COUNTER_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def hash_rows(coded, seed):
    """Return a random number for each row that depends on the seed and on the letters of the row."""
    key = int(seed).to_bytes(8, "little")
    codes = coded.codes.astype(np.uint32)
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8, key=key).digest() for row in codes]
    return np.frombuffer(b"".join(digests), np.uint64)


def mix_bits(bits):
    """Turn counters into random bits, in place (SplitMix64: Steele, Lea & Flood 2014)."""
    shifted = np.empty_like(bits)
    for shift, factor in zip(_SHIFTS, (*_FACTORS, None), strict=True):
        np.right_shift(bits, shift, out=shifted)
        bits ^= shifted
        if factor is not None:
            bits *= factor
    return bits


def draw_bits(keys, number):
    """Draw random integers of 64 bits, ``number`` for each key."""
    counters = np.arange(1, number + 1, dtype=np.uint64) * COUNTER_STEP
    bits = np.empty((*keys.shape, number), np.uint64)
    # Pieces that stay in the cache, since mixing reads the bits several times.
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
        Sequences. Each two neighbouring letters are an edge of the sequence's graph.
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
        True for letters with an edge: those in the sequence, except for its last letter.
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
    # Inverted keys, so that the walks do not use the same random numbers as the order of the other edges.
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
