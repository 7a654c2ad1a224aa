"""Lookups at computed places, and results in which elements are put at computed places.

Places are whole numbers, and carry differences as such: see `skdeeplift.propagation.rules.winners`. What is found at a
place, or put there, depends on two players, the numbers and the places. Each receives the mean of its changes over the
two orders in which the two may change (Lundberg and Lee 2017, arXiv:1705.07874, section 4.2; Shapley 1953). The result
is linear in the numbers. So the numbers have the mean over both places, and the places have the change of the mean of
the numbers.

If a place consists of several numbers, such as a row and a column, these change one after the other, once from the
first and once from the last. Each number receives the mean of its two changes. For two numbers these means are
Shapley values.
"""

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.masks import is_shown
from skdeeplift.propagation.pairing import difference_dtype, to_difference_dtype
from skdeeplift.propagation.rules.table import RuleTable

PLACES = RuleTable("computed places")


@PLACES.rule
def look_up(op, differences, coefficient):
    """Share the change of what is looked up between the numbers and the places."""
    where = op.step.op.facts.indices
    place_x, place_r = op.at_both_ends(op.inputs[where])
    of_numbers, of_places = (differences[0] if where else None), differences[where]

    def run(numbers, places):
        others = map(op.constant, range(2, len(op.inputs)))
        return _to_output(op, op.run([numbers, tf.cast(places, op.inputs[where].dtype), *others])[0])

    if of_numbers is None and not op.step.op.facts.columns:
        out_x, out_r = op.at_both_ends(op.outputs[0])
        terms, changes = [], [(None, out_x - out_r)]
    else:
        mean, of_numbers = _mean_and_difference(op, 0, of_numbers)
        terms = [] if of_numbers is None else [run(of_numbers, place) / 2 for place in (place_x, place_r)]
        changes = [
            (column, weight * (run(mean, after) - run(mean, before)))
            for column, before, after, weight in _changes(op, place_x, place_r)
        ]
    for column, change in changes:
        delta, difference = (_align(op, _take(each, column)) for each in (place_x - place_r, of_places))
        slope = tf.math.divide_no_nan(tf.cast(change, tf.float64), delta)
        terms.append(_to_output(op, coefficient(slope) * difference))
    return [tf.add_n(terms)]


@PLACES.rule
def scatter(op, differences, coefficient):
    """Share the change of a result between the numbers that are put at computed places and the places.

    A place that changes takes its number from the old place and puts it at the new one.
    """
    where, is_into_first = op.step.op.facts.places, op.step.op.facts.family is ops.SCATTER_INTO_FIRST
    numbers = 2 if is_into_first else 1 - where
    place_x, place_r = op.at_both_ends(op.inputs[where])
    mean, difference = _mean_and_difference(op, numbers, differences[numbers])
    onto, of_onto = _mean_and_difference(op, 0, differences[0]) if is_into_first else (mean, None)

    def run(places, values, onto):
        given = {where: tf.cast(places, op.inputs[where].dtype), numbers: values} | ({0: onto} if is_into_first else {})
        operands = [given[each] if each in given else op.constant(each) for each in range(len(op.inputs))]
        return _to_output(op, op.run(operands)[0])

    both = [tf.zeros_like(value) if each is None else each for value, each in ((mean, difference), (onto, of_onto))]
    terms = [run(place, *both) / 2 for place in (place_x, place_r)]
    for column, before, after, weight in _changes(op, place_x, place_r):
        delta, of_places = (_take(each, column) for each in (place_x - place_r, differences[where]))
        for place, sign in ((after, weight), (before, -weight)):
            # If an update leaves a place, the element that it had replaced comes back.
            replaced = tf.gather_nd(onto, tf.cast(place, tf.int32)) if op.type == "TensorScatterUpdate" else 0
            put = tf.cast(mean - replaced, tf.float64)
            ahead = (...,) + (None,) * (put.shape.rank - delta.shape.rank)
            slope = put * tf.math.divide_no_nan(tf.constant(sign, tf.float64), delta)[ahead]
            values = tf.cast(coefficient(slope) * of_places[ahead], mean.dtype)
            terms.append(run(place, values, tf.zeros_like(onto)))
    return [tf.add_n(terms)]


@PLACES.rule
def cut_out(op, differences, coefficient):
    """Share the change of a cut, such as one element, between the numbers and its places, which no row shares.

    If several of the numbers that say where a cut begins and ends change, they share its change by the linear map of
    least norm.
    """
    ends = {
        position: op.at_both_ends(value)
        for position, value in enumerate(op.inputs)
        if position and differences[position] is not None
    }
    deltas = {position: x - r for position, (x, r) in ends.items()}
    norm = tf.add_n([tf.reduce_sum(delta**2) for delta in deltas.values()])

    def run(numbers, end):
        others = range(1, len(op.inputs))
        operands = (tf.cast(ends[n][end], op.inputs[n].dtype) if n in ends else op.constant(n) for n in others)
        return _to_output(op, op.run([numbers, *operands])[0])

    mean, difference = _mean_and_difference(op, 0, differences[0])
    change = tf.cast(run(mean, 0) - run(mean, 1), tf.float64)
    terms = [] if difference is None else [run(difference, end) / 2 for end in (0, 1)]
    for position, delta in deltas.items():
        for number in range(delta.shape[0]):
            slope = coefficient(tf.math.divide_no_nan(change * delta[number], norm))
            terms.append(_to_output(op, slope * differences[position][number]))
    return [tf.add_n(terms)]


def counts_rows(graph, op):
    """Return whether the numbers of computed places may count rows of the batch, as in a table of all rows' elements.

    Such numbers mean the same at a row and at its references only if both stand at the same place of their batches.
    """
    facts = op.facts
    if facts.rules.get(ops.ANY) == "scatter":
        return graph.carries_difference(op.inputs[facts.places])
    if facts.indices != 1 or not all(map(graph.carries_difference, op.inputs[:2])):
        return False
    axis = 0 if facts.axis is None else graph.static_value(op.inputs[facts.axis])
    return not axis and not _batch_axes(op)


def _batch_axes(op):
    attributes = op.attributes
    return attributes["batch_dims"].i if "batch_dims" in attributes else 0


def _take(places, column):
    return places if column is None else places[..., column]


def _changes(op, place_x, place_r):
    """Yield the number that changes, the places before and after, and the weight of the change."""
    if not op.step.op.facts.columns:
        yield None, place_r, place_x, 1
        return
    number = place_x.shape[-1]
    orders = [(place_x, place_r), (place_r, place_x)][: 1 if number == 1 else 2]
    for column in range(number):
        for earlier, later in orders:
            before, after = (
                tf.concat([earlier[..., :column], each[..., column : column + 1], later[..., column + 1 :]], -1)
                for each in (place_r, place_x)
            )
            yield column, before, after, 1 / len(orders)


def _align(op, places):
    """Give places the axes of the numbers that are looked up, before and behind the axes of the places."""
    if op.type == "OneHot":
        return tf.expand_dims(places, op.attribute("axis"))
    axis, batch = op.step.op.facts.axis, _batch_axes(op.step.op)
    axis = batch if axis is None else int(op.static(axis)) % op.inputs[0].shape.rank
    front = (slice(None),) * batch + (None,) * (axis - batch) + (slice(None),) * (places.shape.rank - batch)
    return places[front + (None,) * (op.outputs[0].shape.rank - len(front))]


def _mean_and_difference(op, position, difference):
    """Return the mean of an operand over both ends, and its difference or None.

    A number may be infinite at the end that does not read it, as the score of a masked element. The finite one then
    stands for the mean, and all of the change is left to the places.
    """
    if difference is None:
        constant = op.constant(position)
        return (constant if constant.dtype == tf.resource else to_difference_dtype(constant)), None

    def finite_mean(x, r):
        mean, zero = (x + r) / 2, tf.zeros_like(x + r)
        of_one = tf.where(is_shown(x), x, tf.where(is_shown(r), r, zero))
        return tf.where(is_shown(x) & is_shown(r), mean, of_one), is_shown(x) & is_shown(r)

    mean, are_finite = op.combine(finite_mean, op.inputs[position])
    return mean, tf.where(are_finite, difference, tf.zeros_like(difference))


def _to_output(op, tensor):
    return tf.cast(tensor, difference_dtype(op.outputs[0].dtype))
