"""Contributions and other terms of pairs, summed over references in one pass over memory."""

from functools import partial
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.network.compiled import fused
from skdeeplift.propagation.rules.rescale import machine_epsilon

# Terms of a source that can be computed for each pair.
TERMS = {
    "contributions": lambda source: source.contributions(),
    "squares": lambda source: tf.square(tf.cast(source.contributions(), tf.float64)),
    "multipliers": lambda source: source.mean_multiplier(),
    "positive_multipliers": lambda source: source.multiplier_of_part(1),
    "negative_multipliers": lambda source: source.multiplier_of_part(-1),
    "positive_difference": lambda source: source.difference_of_part(1),
    "negative_difference": lambda source: source.difference_of_part(-1),
    "hypothetical": lambda source: source.hypothetical(),
}
# Terms of the positive and the negative part of a source's difference.
PARTS = ("positive_multipliers", "negative_multipliers", "positive_difference", "negative_difference")
# Terms that are the same for all targets.
OF_ALL_TARGETS = frozenset({"positive_difference", "negative_difference"})


class SourceTensors(NamedTuple):
    """Multipliers of one source, and its values at the rows and at the references of a chunk."""

    # Change of the target per unit of the source's difference, of shape (rows, references, targets, ...).
    multipliers: tf.Tensor
    # The source at the input, of shape (rows, 1 or references, ...).
    at_input: tf.Tensor
    # The source at the reference, of shape (1 or rows, references, ...).
    at_reference: tf.Tensor
    # Change of the target per unit of the difference's spread, of shape (rows, references, targets, ...), or None.
    spread_multipliers: tf.Tensor | None = None
    # Spread of the difference, of shape (rows, references, ...), if it is carried.
    spread: tf.Tensor | None = None
    # Signed spread of the difference, of the same shape, if parts are returned.
    signed_spread: tf.Tensor | None = None


def _count_elements(tensors, *_):
    """Return how many numbers to write if there is one reference and compilation may pay off, else 0."""
    shape = tf.TensorShape(tensors.multipliers.shape)
    is_large = shape.is_fully_defined() and shape[1] == 1 and shape.num_elements() >= devices.choices().large
    return shape.num_elements() if is_large else 0


fused_if_large = partial(fused, count_elements=_count_elements, is_shared=True)


# Without fusion, each op would write all pairs to memory.
@partial(fused, is_shared=True)
def sum_over_references(tensors, weights, wanted, letters=None):
    """Sum terms of a source over the references of each row, in float64.

    Parameters
    ----------
    tensors : SourceTensors
        The source's multipliers and values.
    weights : tensor of shape (references,)
        The weight of each reference, in float64.
    wanted : tuple of str
        Names of terms in ``TERMS``.
    letters : int, default=None
        Axis of the source that holds one-hot letters, counted without the batch.

    Returns
    -------
    sums : tuple of tensor of shape (rows, targets or 1, ...)
        One tensor for each term, in the order of ``wanted``.
    """
    n_references, unrolled = tensors.multipliers.shape[1], devices.choices().unrolled_references

    def sum_some(first, number):
        """Sum over some references, unrolled: a reduction over their axis would stride through memory."""
        some = SourceTensors(*[_slice_references(tensor, first, number) for tensor in tensors])
        some_weights, sums = tf.slice(weights, [first], [number]), dict.fromkeys(wanted, 0)
        for reference in range(number):
            source = _Source(SourceTensors(*[_slice_references(tensor, reference, 1) for tensor in some]), letters)
            for name in wanted:
                sums[name] += some_weights[reference] * tf.cast(TERMS[name](source)[:, 0], tf.float64)
        return tuple(sums[name] for name in wanted)

    def add_some(first, sums):
        return first + unrolled, tuple(map(tf.add, sums, sum_some(first, unrolled)))

    # Unrolling all references would take seconds to compile.
    first = n_references if n_references < 2 * unrolled else unrolled + n_references % unrolled
    sums = sum_some(0, first)
    if first == n_references:
        return sums
    return tf.while_loop(lambda first, _: first < n_references, add_some, (first, sums), parallel_iterations=1)[1]


def _slice_references(tensor, first, number):
    """Slice a tensor along the axis of references, unless all references share it."""
    if tensor is None or tensor.shape[1] == 1:
        return tensor
    # XLA cannot slice "to the end" from a start that a loop computes, but takes the sizes.
    size = [number if axis == 1 else tf.shape(tensor)[axis] for axis in range(len(tensor.shape))]
    some = tf.slice(tensor, [0, first, *[0] * (len(tensor.shape) - 2)], size)
    some.set_shape([*tensor.shape[:1], number, *tensor.shape[2:]])
    return some


@fused_if_large
def sum_plain(tensors, weights, wanted, letters=None):
    """Sum terms of a source without spreads over the references of each row.

    Nothing is unrolled, so that compiling takes no time. The sum over several references is in float64; the terms of a
    single reference stay in the network's dtype and have no weight.

    Parameters
    ----------
    tensors : SourceTensors
        The source's multipliers and values.
    weights : tensor of shape (references,)
        The weight of each reference.
    wanted : tuple of str
        Names of terms, without those of parts.
    letters : int, default=None
        Axis of the source that holds one-hot letters, counted without the batch.

    Returns
    -------
    sums : tuple of tensor of shape (rows, targets, ...)
        One tensor for each term, in the order of ``wanted``.
    """
    source = _Source(tensors, letters)
    terms = [TERMS[name](source) for name in wanted]
    if tensors.multipliers.shape[1] == 1:
        return tuple(term[:, 0] for term in terms)
    weights = tf.reshape(weights, (-1, *[1] * (len(tensors.multipliers.shape) - 2)))
    return tuple(tf.reduce_sum(weights * tf.cast(term, tf.float64), 1) for term in terms)


@fused_if_large
def compute_terms(tensors, wanted, letters=None):
    """Compute the terms that `sum_over_references` sums, of the only reference, in the network's dtype."""
    source = _Source(tensors, letters)
    return tuple(TERMS[name](source)[:, 0] for name in wanted)


class _Source:
    """Multipliers and differences of a source, with the axes of rows, references and targets in front."""

    def __init__(self, tensors, letters):
        self.letters, self.multiplier, self.spread_multiplier = letters, tensors.multipliers, tensors.spread_multipliers
        self.reference = tensors.at_reference[:, :, None]
        self.delta = (tensors.at_input - tensors.at_reference)[:, :, None]
        spreads = tensors.spread, tensors.signed_spread
        self.spread, self.signed_spread = (None if tensor is None else tensor[:, :, None] for tensor in spreads)

    def contributions(self):
        """Multiply the parts of the difference by their multipliers, and add them."""
        contributions = self.multiplier * self.delta
        if self.spread_multiplier is None:
            return contributions
        return contributions + self.spread_multiplier * self.spread

    def multiplier_of_part(self, sign):
        """Compute the multiplier of the positive part (sign 1) or the negative part (sign -1)."""
        if self.spread_multiplier is None:
            return self.multiplier
        if self.signed_spread is not None:
            # A decreasing function turns the sign of a part, which then takes the multiplier of the other sign.
            part = sign * self.difference_of_part(sign)
            size = tf.maximum(tf.abs(self.delta), tf.abs(self.signed_spread))
            # A part of zero is the difference of two sums with different rounding. Its sign is not known.
            turned = part < -32 * machine_epsilon(part.dtype) * size
            sign = sign * tf.where(turned, -tf.ones_like(part), tf.ones_like(part))
        return self.multiplier + sign * self.spread_multiplier

    def mean_multiplier(self):
        """Compute the mean of the multipliers of both parts."""
        if self.signed_spread is None:
            return self.multiplier
        return (self.multiplier_of_part(1) + self.multiplier_of_part(-1)) / 2

    def difference_of_part(self, sign):
        """Compute the positive part (sign 1) or the negative part (sign -1) of the difference."""
        return (self.delta + sign * self.signed_spread) / 2

    def hypothetical(self):
        """Compute the contribution of each letter in place of the row's letter."""
        if self.letters is None:
            # This source has no letters, but another source of the same pass has.
            return self.contributions()
        at_reference = tf.reduce_sum(self.multiplier * self.reference, self.letters + 3, keepdims=True)
        return self.multiplier - at_reference
