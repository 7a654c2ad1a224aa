"""Rule for softmax and log-softmax inside a network."""

import tensorflow as tf

from skdeeplift.propagation.rules.products import Kernel
from skdeeplift.propagation.rules.table import RuleTable

SOFTMAX = RuleTable("softmax")


@SOFTMAX.rule
def apply_softmax(op, differences, coefficient):
    """Treat softmax as ``exp(z - log(sum(exp(z))))``: rescale at exp and at log, and keep the rest linear.

    A split into exp, sum and divide would be ill-conditioned in float32. One constant per pair is subtracted from
    ``z``, so that no exp overflows.
    """
    slopes_of_exp, slope_of_log, slopes_out = op.combine(_slopes, op.inputs[0])
    mixed = tf.reduce_sum(coefficient(slopes_of_exp) * differences[0], -1, keepdims=True)
    log_probabilities = differences[0] + coefficient(-slope_of_log) * mixed
    return [log_probabilities if op.type == "LogSoftmax" else coefficient(slopes_out) * log_probabilities]


def _slopes(logits_x, logits_r):
    shape = tf.broadcast_static_shape(logits_x.shape, logits_r.shape)
    return _SLOPES(logits_x, logits_r, shapes=[shape, [*shape[:-1], 1], shape])


def _compute_slopes(logits_x, logits_r):
    shift = tf.maximum(*(tf.reduce_max(logits, -1, keepdims=True) for logits in (logits_x, logits_r)))
    logits_x, logits_r = logits_x - shift, logits_r - shift
    log_sum_x, log_sum_r = (tf.reduce_logsumexp(logits, -1, keepdims=True) for logits in (logits_x, logits_r))
    slopes_of_exp = _exp_slope(logits_x, logits_r)
    slope_of_log = 1 / _exp_slope(log_sum_x, log_sum_r)
    slopes_out = _exp_slope(logits_x - log_sum_x, logits_r - log_sum_r)
    return slopes_of_exp, slope_of_log, slopes_out


def _exp_slope(first, second):
    """Return ``(exp(first) - exp(second)) / (first - second)`` without overflow, cancellation or 0/0."""
    distance = tf.abs(first - second)
    apart = distance > 0
    shape = tf.where(apart, -tf.math.expm1(-distance) / distance, tf.ones_like(distance))
    return tf.exp(tf.maximum(first, second)) * shape


_SLOPES = Kernel(_compute_slopes)
