"""Places of winners: the largest element, the largest few, and the order of a sort.

A gradient does not see which element wins. If ``i`` won at the reference and ``j`` wins at the row, the decision
between them is a step of ``z_j - z_i``, which grows because their order changed. The place of the winner, a whole
number, changes by ``j - i``. The slope ``(j - i) / (delta_j - delta_i)`` belongs to ``z_j``, and its opposite to
``z_i``. Elements that win at neither end have no part in it.
"""

import tensorflow as tf

from skdeeplift.propagation.rules.table import RuleTable

WINNERS = RuleTable("place of a winner")


@WINNERS.rule
def take_place_of_winner(op, differences, coefficient):
    """Give the change of the largest element's place, or of the smallest one's, to the old and the new winner."""
    axis = int(op.static(1))
    values_x, values_r, difference = (
        _move_to_end(tf.cast(each, tf.float64), axis) for each in (*op.at_both_ends(op.inputs[0]), differences[0])
    )
    new, old = op.at_both_ends(op.outputs[0])

    def at(places, values):
        indices = tf.cast(places, tf.int64)[..., None]
        return tf.gather(values, indices, batch_dims=values.shape.rank - 1)[..., 0]

    delta = values_x - values_r
    slope = tf.math.divide_no_nan(new - old, at(new, delta) - at(old, delta))
    return [coefficient(slope) * at(new, difference) + coefficient(-slope) * at(old, difference)]


def _move_to_end(tensor, axis):
    axes = list(range(tensor.shape.rank))
    return tf.transpose(tensor, [*axes[:axis], *axes[axis % len(axes) + 1 :], axis % len(axes)])


def places_of_largest(op, difference, coefficient):
    """Return the difference of the places of the ``k`` largest elements, the second output of the op.

    Each rank that has another element than at the reference links the old to the new one. Links form chains, from an
    element that left the ``k`` largest to one that entered them, and rings of elements that changed order. A chain is a
    decision between its two ends. A ring is the linear map of least norm on the differences of its elements from their
    mean; for two elements that is the decision between the two.
    """
    values_x, values_r = (tf.cast(each, tf.float64) for each in op.at_both_ends(op.inputs[0]))
    new, old = op.at_both_ends(op.outputs[1])
    shape, n_elements, n_ranks = tf.shape(new), tf.shape(values_x)[-1], new.shape[-1]
    # One axis holds the elements of all rows, so that a link is a number.
    first = tf.range(tf.size(new) // n_ranks)[:, None] * n_elements
    of_new, of_old = (
        tf.reshape(first + tf.reshape(tf.cast(each, tf.int32), (-1, n_ranks)), [-1]) for each in (new, old)
    )
    groups, weights = _decisions(of_new, of_old, tf.reshape(values_x - values_r, [-1]), n_ranks)
    number = tf.size(weights)
    parts = coefficient(weights) * tf.reshape(tf.cast(difference, tf.float64), [-1])
    sums = tf.math.unsorted_segment_sum(parts, groups, number)
    return coefficient(new - old) * tf.reshape(tf.gather(sums, tf.gather(groups, of_old)), shape)


def _decisions(of_new, of_old, delta, n_ranks):
    """Return for each element the number of its chain or ring, and its weight in the decision."""
    number = tf.size(delta)
    places = tf.range(number)

    def link(before, after):
        return tf.tensor_scatter_nd_update(places, before[:, None], after)

    following, preceding = link(of_old, of_new), link(of_new, of_old)
    last, first, least = following, preceding, places
    # Each round doubles the number of links that are followed.
    for _ in range(n_ranks.bit_length()):
        least = tf.minimum(least, tf.gather(least, last))
        last, first = tf.gather(last, last), tf.gather(first, first)
    in_ring = tf.gather(following, last) != last
    groups = tf.where(in_ring, least, last)

    def total(values):
        return tf.gather(tf.math.unsorted_segment_sum(values, groups, number), groups)

    centred = delta - total(delta) / total(tf.ones_like(delta))
    of_ring = tf.math.divide_no_nan(centred, total(centred**2))
    is_first, is_last = (tf.cast(places == ends, delta.dtype) for ends in (first, last))
    of_chain = tf.math.divide_no_nan(is_last - is_first, tf.gather(delta, last) - tf.gather(delta, first))
    return groups, tf.where(in_ring, of_ring, of_chain)
