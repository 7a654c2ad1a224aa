"""Means over references, fused into one pass over the multipliers."""

import tensorflow as tf


# Compiled, since each operation by itself would write all pairs to memory again.
@tf.function(jit_compile=True, autograph=False)
def weighted_sums(multipliers, at_input, at_reference, weights, wanted):
    """Sum over the references of each row, in float64.

    Parameters
    ----------
    multipliers : tensor of shape (rows, references, ...)
        Of all pairs.
    at_input : tensor of shape (rows, 1 or references, ...)
        The source at the input.
    at_reference : tensor of shape (1 or rows, references, ...)
        The source at the reference.
    weights : tensor of shape (references,)
        What each reference counts, in float64.
    wanted : tuple of {"contributions", "multipliers", "squares"}
        What to sum; squares are those of contributions.

    Returns
    -------
    sums : tuple of tensor of shape (rows, ...)
        In the order of ``wanted``.
    """
    sums = dict.fromkeys(wanted, 0)
    # Unrolled: a reduction over this axis would stride through memory.
    for reference in range(multipliers.shape[1]):
        multiplier, weight = multipliers[:, reference], weights[reference]
        x = at_input[:, min(reference, at_input.shape[1] - 1)]
        contribution = tf.cast(multiplier * (x - at_reference[:, reference]), tf.float64)
        terms = {"contributions": contribution, "multipliers": multiplier, "squares": contribution * contribution}
        for name in wanted:
            sums[name] += weight * tf.cast(terms[name], tf.float64)
    return tuple(sums[name] for name in wanted)
