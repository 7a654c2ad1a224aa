"""Shuffles of sequences as functions of TensorFlow."""

import numpy as np
import tensorflow as tf

from skdeeplift.references.random_paths import COUNTER_STEP, FACTORS, SHIFTS
from skdeeplift.references.sequence_references import DinucleotideShuffle, Shuffle


class TensorShuffle:
    """Rows whose letters are in random order, which depends on the seed, the row and the number of the reference.

    Parameters
    ----------
    shuffle : SequenceShuffle
        The fitted reference.
    seed : int
        Seed of the random order.
    """

    def __init__(self, shuffle, seed):
        self.axis, self.padding, self.seed = shuffle.axis_, shuffle.padding, seed

    def __call__(self, rows, numbers):
        """Return shuffles of rows, of shape ``(n_rows, len(numbers), *features)``, by the numbers of the shuffles."""
        axis, rank = self.axis, rows.shape.rank
        # Positions of one sequence, and its letters on the last axis.
        order = [*range(rank)] if axis is None else [*(each for each in range(rank) if each != axis), axis]
        in_order = tf.transpose(rows, order)
        columns = in_order[..., None] if axis is None else in_order
        columns = tf.reshape(columns, (rows.shape[0], -1, columns.shape[-1]))
        length, n_letters = columns.shape[1:]
        if axis is not None:
            inside = tf.reduce_any(columns != 0, 2)
        elif self.padding is None:
            inside = tf.ones(columns.shape[:2], tf.bool)
        else:
            inside = columns[:, :, 0] != self.padding
        places = tf.range(length)
        first = tf.reduce_min(tf.where(inside, places, length), 1, keepdims=True)
        last = tf.reduce_max(tf.where(inside, places, -1), 1, keepdims=True)
        # Whole numbers that tell letters, and frequencies of letters, apart.
        codes = tf.bitcast(tf.cast(columns, tf.float64), tf.uint64)
        counters = tf.reshape(tf.constant(_counters(length * n_letters)), (length, n_letters))
        of_rows = tf.reduce_sum(_mix(codes + counters), [1, 2])
        of_rows = _mix(of_rows + tf.constant(np.uint64(self.seed)))
        keys = _mix(of_rows[:, None] + tf.cast(numbers + 1, tf.uint64) * tf.constant(COUNTER_STEP))
        positions = self._draw(columns, first, last, keys)
        shuffled = tf.gather(columns, positions, axis=1, batch_dims=1)
        shuffled = tf.reshape(shuffled, (rows.shape[0], -1, *in_order.shape[1:]))
        back = [0, 1, *(1 + order.index(each) for each in range(1, rank))]
        return tf.transpose(shuffled, back)

    @staticmethod
    def _draw(columns, first, last, keys):
        """Draw the position that moves to each position: those of a sequence in random order.

        Parameters
        ----------
        columns : tensor of shape (n_rows, length, n_letters)
            Sequences.
        first, last : tensor of shape (n_rows, 1)
            First and last position that is not padding.
        keys : tensor of shape (n_rows, n_references)
            Keys of the random numbers of each shuffle.

        Returns
        -------
        positions : tensor of shape (n_rows, n_references, length)
        """
        length = columns.shape[1]
        places, uniform = tf.range(length), _uniform(keys, length)
        ahead, behind = (places < first)[:, None], (places > last)[:, None]
        uniform = tf.where(ahead, tf.constant(-1, tf.float64), tf.where(behind, tf.constant(2, tf.float64), uniform))
        return tf.argsort(uniform, stable=True)


class TensorDinucleotideShuffle(TensorShuffle):
    """Rows shuffled so that all pairs of neighbouring letters stay; see `DinucleotideShuffle` for the algorithm."""

    @staticmethod
    def _draw(columns, first, last, keys):
        n_rows, length = columns.shape[:2]
        number, places = tf.shape(keys)[1], tf.range(length)
        pairs = _number_letters(columns), first, last
        letters, first, last = (tf.repeat(each, number, 0) for each in pairs)
        keys = tf.reshape(keys, [-1])
        # The edge at a position leads from its letter to the letter after.
        is_edge = (places >= first) & (places < last)
        edges, has_edge = _draw_trees(letters, is_edge, tf.maximum(last, 0), keys)
        # Edges of each letter in random order, the tree's edge last; positions that are no edges come behind all.
        is_last = tf.gather(has_edge, letters, batch_dims=1) & (tf.gather(edges, letters, batch_dims=1) == places)
        uniform = tf.where(is_last, tf.constant(0.75, tf.float64), _uniform(keys, length) / 2)
        order = _argsort_by_letter(letters, is_edge, uniform)
        path = _walk(letters, order, _count(letters, is_edge)[0], tf.minimum(first, length - 1))
        moved = tf.gather(path, tf.clip_by_value(places - first, 0, length - 1), batch_dims=1)
        positions = tf.where(is_edge | (places == last), moved, places)
        return tf.reshape(positions, (n_rows, number, length))


SHUFFLES = {Shuffle: TensorShuffle, DinucleotideShuffle: TensorDinucleotideShuffle}


def _counters(number):
    return np.arange(1, number + 1, dtype=np.uint64) * COUNTER_STEP


def _mix(bits):
    """Turn counters into random bits, as `skdeeplift.references.random_paths.mix_bits` does."""
    for shift, factor in zip(SHIFTS, (*FACTORS, np.uint64(1)), strict=True):
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(shift))) * tf.constant(factor)
    return bits


def _uniform(keys, number):
    """Draw random numbers from 0 to 1, ``number`` for each key."""
    bits = _mix(keys[..., None] + tf.constant(_counters(number)))
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(11, tf.uint64)), tf.float64) * 2.0**-53


def _number_letters(columns):
    """Number the different columns of each row, in an order that depends on the row alone."""
    n_letters = columns.shape[2]
    # Negative zeros become positive ones.
    bits = tf.bitcast(tf.cast(columns, tf.float64) + 0.0, tf.uint64)
    hashes = tf.bitcast(tf.reduce_sum(_mix(bits + tf.constant(_counters(n_letters))), 2), tf.int64)
    order = tf.argsort(hashes, stable=True)
    in_order = tf.gather(hashes, order, batch_dims=1)
    is_new = tf.cast(in_order[:, 1:] != in_order[:, :-1], tf.int32)
    numbers = tf.pad(tf.cumsum(is_new, 1), [[0, 0], [1, 0]])
    return tf.gather(numbers, tf.argsort(order), batch_dims=1)


def _count(letters, is_counted):
    """Return where each letter begins if the counted positions are sorted by letter, and how often it is counted."""
    chosen = tf.one_hot(tf.where(is_counted, letters, -1), tf.reduce_max(letters) + 1, dtype=tf.int32)
    counts = tf.reduce_sum(chosen, 1)
    return tf.cumsum(counts, 1, exclusive=True), counts


def _argsort_by_letter(letters, is_edge, within):
    """Sort the positions of edges by letter, and by numbers below one within each letter; other positions follow."""
    return tf.argsort(tf.cast(tf.where(is_edge, letters, tf.reduce_max(letters) + 1), tf.float64) + within, stable=True)


def _at(tensor, places):
    """Take one entry of each line of a tensor."""
    return tf.gather(tensor, places, batch_dims=1)


def _draw_trees(letters, is_edge, last, keys):
    """Draw a random tree of last edges for each pair by Wilson's algorithm, as `random_paths.draw_trees` does.

    Returns
    -------
    edges : tensor of shape (n_pairs, n_letters)
        Position of the last edge from each letter.
    has_edge : tensor of bool of shape (n_pairs, n_letters)
        True for letters with an edge in the tree: all letters of the sequence except its last letter.
    """
    # Edges from a letter to itself are never in the tree, and would only delay the walk.
    after = tf.concat([letters[:, 1:], letters[:, -1:]], 1)
    leaves = is_edge & (letters != after)
    starts, degrees = _count(letters, leaves)
    by_letter = _argsort_by_letter(letters, leaves, tf.zeros([], tf.float64))
    numbers = tf.range(tf.shape(degrees)[1])
    has_edge = (degrees > 0) & (numbers != _at(letters, last))
    # Invert the keys, so that the walks do not use the same random numbers as the order of the other edges.
    keys = _mix(tf.bitwise.invert(keys))

    def leave(step, walking, at, edges, in_tree):
        """Leave a letter by a random edge."""
        bits = _mix(keys + tf.cast(step, tf.uint64) * tf.constant(COUNTER_STEP))
        degree = tf.cast(tf.maximum(_at(degrees, at), 1), tf.uint64)
        chosen = _at(by_letter, tf.minimum(_at(starts, at) + tf.cast(bits % degree, tf.int32), letters.shape[1] - 1))
        edges = tf.where(walking[:, None] & (numbers == at[:, None]), chosen[:, None], edges)
        at = tf.where(walking, _at(after, chosen), at)
        return step + 1, walking & ~_at(in_tree, at), at, edges, in_tree

    def follow(walking, at, edges, in_tree):
        """Add a letter to the tree, and follow the edge by which the walk last left the letter."""
        in_tree |= walking[:, None] & (numbers == at[:, None])
        at = tf.where(walking, _at(after, _at(edges, at)), at)
        return walking & ~_at(in_tree, at), at, edges, in_tree

    def add_letter(letter, edges, in_tree):
        """Walk from a letter to the tree, and add the walk without its loops."""
        beginning = ~in_tree[:, letter]
        at = tf.fill(tf.shape(beginning), letter)
        step = tf.bitwise.left_shift(tf.cast(letter, tf.int64), tf.constant(32, tf.int64)) + 1
        state = tf.while_loop(
            lambda step, walking, *_: tf.reduce_any(walking), leave, (step, beginning, at, edges, in_tree)
        )
        edges = state[3]
        state = tf.while_loop(lambda walking, *_: tf.reduce_any(walking), follow, (beginning, at, edges, in_tree))
        return letter + 1, edges, state[3]

    _, edges, _ = tf.while_loop(
        lambda letter, *_: letter < tf.size(numbers),
        add_letter,
        (tf.constant(0), tf.zeros_like(degrees), ~has_edge),
        parallel_iterations=1,
    )
    return edges, has_edge


def _walk(letters, order, starts, first):
    """Walk along the edges, each time by the next unused edge of the letter; return the positions on the way."""
    length, numbers = letters.shape[1], tf.range(tf.shape(starts)[1])

    def walk_on(step, position, unused, path):
        path = path.write(step, position)
        letter = _at(letters, position)
        edge = _at(order, tf.minimum(_at(unused, letter), length - 1))
        unused += tf.cast(numbers == letter[:, None], tf.int32)
        return step + 1, tf.minimum(edge + 1, length - 1), unused, path

    path = tf.TensorArray(tf.int32, length, element_shape=[None])
    *_, path = tf.while_loop(
        lambda step, *_: step < length, walk_on, (0, first[:, 0], starts, path), parallel_iterations=1
    )
    return tf.transpose(path.stack())
