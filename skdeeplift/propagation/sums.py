"""Contributions of pairs from multipliers and differences, and their means over references in one pass."""

import functools

import tensorflow as tf

from skdeeplift.network.compiled import fused
from skdeeplift.propagation.rules.activation import machine_epsilon
from skdeeplift.propagation.rules.products import LARGE

# What can be wanted of each source, for each pair.
TERMS = {
    "contributions": lambda source: source.contributions(),
    "squares": lambda source: tf.square(tf.cast(source.contributions(), tf.float64)),
    "multipliers": lambda source: source.of_both(),
    "positive_multipliers": lambda source: source.of_part(1),
    "negative_multipliers": lambda source: source.of_part(-1),
    "positive_difference": lambda source: source.part(1),
    "negative_difference": lambda source: source.part(-1),
    "hypothetical": lambda source: source.hypothetical(),
}
# How many references are summed up in one pass over memory.
UNROLLED = 5
# What tells apart the parts of a source's difference.
PARTS = ("positive_multipliers", "negative_multipliers", "positive_difference", "negative_difference")
# Those that are the same whatever the target.
OF_ALL_TARGETS = frozenset({"positive_difference", "negative_difference"})


def fused_if_large(function):
    """Compile a function of multipliers and more by XLA where it would write much to memory, of one reference."""
    by_xla = fused(function)

    @functools.wraps(function)
    def fused_or_not(multipliers, *args, **kwargs):
        shape = tf.TensorShape(multipliers.shape)
        is_large = shape.is_fully_defined() and shape[1] == 1 and shape.num_elements() >= LARGE
        return (by_xla if is_large else function)(multipliers, *args, **kwargs)

    return fused_or_not


# Each operation by itself would write all pairs to memory again.
@fused
def weighted_sums(
    multipliers, spread_multipliers, at_input, at_reference, spread, signed_spread, weights, wanted, letters=None
):
    """Sum over the references of each row, in float64.

    Parameters
    ----------
    multipliers : tensor of shape (rows, references, targets, ...)
        What the target changes with the source's difference.
    spread_multipliers : tensor of shape (rows, references, targets, ...) or None
        What the target changes with the difference's spread, if it does.
    at_input : tensor of shape (rows, 1 or references, ...)
        The source at the input.
    at_reference : tensor of shape (1 or rows, references, ...)
        The source at the reference.
    spread : tensor of shape (rows, references, ...) or None
        The source's spread, if it is carried.
    signed_spread : tensor of shape (rows, references, ...) or None
        The same with parts that keep their names, if parts are asked for.
    weights : tensor of shape (references,)
        What each reference counts, in float64.
    wanted : tuple of str
        What to sum, of ``TERMS``.
    letters : int, default=None
        Which of the source's axes holds one-hot letters, without the batch.

    Returns
    -------
    sums : tuple of tensor of shape (rows, targets or 1, ...)
        In the order of ``wanted``.
    """
    number = multipliers.shape[1]
    tensors = multipliers, spread_multipliers, at_input, at_reference, spread, signed_spread

    def of_some(first, number):
        """Unrolled: a reduction over this axis would stride through memory."""
        given, counts = [_some(tensor, first, number) for tensor in tensors], tf.slice(weights, [first], [number])
        sums = dict.fromkeys(wanted, 0)
        for reference in range(number):
            source = _Source(*given, letters, reference)
            for name in wanted:
                sums[name] += counts[reference] * tf.cast(TERMS[name](source), tf.float64)
        return tuple(sums[name] for name in wanted)

    def with_more(first, sums):
        return first + UNROLLED, tuple(map(tf.add, sums, of_some(first, UNROLLED)))

    # All of them unrolled would take seconds to compile.
    first = number if number < 2 * UNROLLED else UNROLLED + number % UNROLLED
    sums = of_some(0, first)
    if first == number:
        return sums
    return tf.while_loop(lambda first, _: first < number, with_more, (first, sums), parallel_iterations=1)[1]


def _some(tensor, first, number):
    """Some along the axis of references, unless all of them share it."""
    if tensor is None or tensor.shape[1] == 1:
        return tensor
    # XLA knows sizes, but no "to the end" of a slice that begins where a loop says.
    size = [number if axis == 1 else tf.shape(tensor)[axis] for axis in range(len(tensor.shape))]
    some = tf.slice(tensor, [0, first, *[0] * (len(tensor.shape) - 2)], size)
    some.set_shape([*tensor.shape[:1], number, *tensor.shape[2:]])
    return some


@fused_if_large
def plain_sums(multipliers, at_input, at_reference, weights, wanted, letters=None):
    """As `weighted_sums`, of multipliers that are the same for both parts of a difference.

    Of one reference in the network's dtype. Nothing is unrolled, so that it takes no time to compile.
    """
    delta = (at_input - at_reference)[:, :, None]
    terms = {
        "contributions": lambda: multipliers * delta,
        "squares": lambda: tf.square(tf.cast(multipliers * delta, tf.float64)),
        "multipliers": lambda: multipliers,
        "hypothetical": lambda: (
            multipliers - tf.reduce_sum(multipliers * at_reference[:, :, None], letters + 3, keepdims=True)
        ),
    }
    if multipliers.shape[1] == 1:
        return tuple(terms[name]()[:, 0] for name in wanted)
    weights = tf.reshape(weights, (-1, *[1] * (len(multipliers.shape) - 2)))
    return tuple(tf.reduce_sum(weights * tf.cast(terms[name](), tf.float64), 1) for name in wanted)


@fused_if_large
def of_one_reference(
    multipliers, spread_multipliers, at_input, at_reference, spread, signed_spread, weights, wanted, letters=None
):
    """As `weighted_sums`, for one reference whose weight is one, in the network's dtype."""
    source = _Source(multipliers, spread_multipliers, at_input, at_reference, spread, signed_spread, letters, 0)
    return tuple(TERMS[name](source) for name in wanted)


class _Source:
    """A source's multipliers and differences for one reference of each row; the second axis is that of the targets."""

    def __init__(
        self, multipliers, spread_multipliers, at_input, at_reference, spread, signed_spread, letters, reference
    ):
        self.multiplier = multipliers[:, reference]
        self.spread_multiplier = None if spread_multipliers is None else spread_multipliers[:, reference]
        self.reference = at_reference[:, reference][:, None]
        self.delta = at_input[:, min(reference, at_input.shape[1] - 1)][:, None] - self.reference
        self.spread = None if spread is None else spread[:, reference][:, None]
        self.signed_spread = None if signed_spread is None else signed_spread[:, reference][:, None]
        self.letters = letters

    def contributions(self):
        contributions = self.multiplier * self.delta
        if self.spread_multiplier is None:
            return contributions
        return contributions + self.spread_multiplier * self.spread

    def of_part(self, sign):
        if self.spread_multiplier is None:
            return self.multiplier
        if self.signed_spread is not None:
            # What a function that falls made of a part counts with the parts of the other sign.
            part, size = sign * self.part(sign), tf.maximum(tf.abs(self.delta), tf.abs(self.signed_spread))
            # A part that is zero is what two sums, each rounded in an order of its own, leave of each other.
            turned = part < -32 * machine_epsilon(part.dtype) * size
            sign = sign * tf.where(turned, -tf.ones_like(part), tf.ones_like(part))
        return self.multiplier + sign * self.spread_multiplier

    def of_both(self):
        if self.signed_spread is None:
            return self.multiplier
        return (self.of_part(1) + self.of_part(-1)) / 2

    def part(self, sign):
        return (self.delta + sign * self.signed_spread) / 2

    def hypothetical(self):
        at_reference = tf.reduce_sum(self.multiplier * self.reference, self.letters + 2, keepdims=True)
        return self.multiplier - at_reference
